// The form behind the fields, and its way from and to a `Draft`.
//
// A `Draft` says only what holds; a form also remembers what was typed under a choice that is not chosen
// now, so that trying another choice loses nothing. Whether a value is valid is for the controller to say:
// here is refused only what a `Draft` cannot express.
//
// A secret's text is "" until someone types one; "" means: what the keychain has stays.

import type { Color, Draft, EdgeDraft, FieldError, LocalProgramsChoice, PrefectDraft } from "./bindings";
import type { SecretInput, SecretView } from "./bindings";
import { FORM_TABS, type FormTab } from "./tabs";

export type EdgeKind = EdgeDraft["kind"];
export type PrefectKind = PrefectDraft["kind"];
export type ProxyKind = "system" | "none" | "custom";

/** A header's line; `key` tells lines apart while they come and go. */
export interface HeaderLine {
  key: number;
  name: string;
  value: string;
}

export interface Form {
  id: string | null;
  name: string;
  url: string;
  apiUrl: string;
  port: string;
  color: Color | null;
  readOnly: boolean;
  connectAtStart: boolean;
  localPrograms: LocalProgramsChoice;
  edge: { kind: EdgeKind; username: string; password: string; token: string };
  prefect: { kind: PrefectKind; username: string; password: string };
  headers: HeaderLine[];
  caFile: string;
  clientCertFile: string;
  clientKeyFile: string;
  clientKey: string;
  clientKeyPassword: string;
  verify: boolean;
  proxy: { kind: ProxyKind; url: string };
}

/**
 * A new server's form. It suggests a user name and password, for Prefect's auth string too: that fits an edge,
 * Prefect alone, and both with the same words, which is what one `Authorization` header can carry.
 */
export function newForm(blank: Draft): Form {
  const form = formOf(blank);
  if (form.edge.kind === "none") chooseEdge(form, "basic");
  return form;
}

/** The form for `draft`. Secrets start as "": a view never holds one. */
export function formOf(draft: Draft): Form {
  const { edge, prefect, proxy } = draft;
  return {
    id: draft.id,
    name: draft.name,
    url: draft.url,
    apiUrl: draft.apiUrl,
    port: draft.port === null ? "" : String(draft.port),
    color: draft.color,
    readOnly: draft.readOnly,
    connectAtStart: draft.connect === "always",
    localPrograms: draft.localPrograms,
    edge: { kind: edge.kind, username: edge.kind === "basic" ? edge.username : "", password: "", token: "" },
    prefect: { kind: prefect.kind, username: prefect.kind === "own" ? prefect.username : "", password: "" },
    headers: draft.headers.map(({ name }, key) => ({ key, name, value: "" })),
    caFile: draft.caFile,
    clientCertFile: draft.clientCertFile,
    clientKeyFile: draft.clientKeyFile,
    clientKey: "",
    clientKeyPassword: "",
    verify: draft.verify,
    proxy: proxy === "system" || proxy === "none" ? { kind: proxy, url: "" } : { kind: "custom", url: proxy },
  };
}

/** What to save, or what a `Draft` cannot express. */
export function draftOf(form: Form): { draft: Draft } | { errors: FieldError[] } {
  const port = portOf(form.port);
  if (port === undefined) {
    return { errors: [{ field: "port", message: "Is no number. Give a port between 1024 and 65535." }] };
  }
  return {
    draft: {
      id: form.id,
      name: form.name.trim(),
      url: form.url.trim(),
      apiUrl: form.apiUrl.trim(),
      port,
      color: form.color,
      readOnly: form.readOnly,
      connect: form.connectAtStart ? "always" : "on-demand",
      localPrograms: form.localPrograms,
      edge: edgeOf(form.edge),
      prefect: prefectOf(form.prefect),
      headers: form.headers.map(({ name, value }) => ({ name: name.trim(), value: secretOf(value) })),
      caFile: form.caFile.trim(),
      clientCertFile: form.clientCertFile.trim(),
      clientKeyFile: form.clientKeyFile.trim(),
      clientKey: secretOf(form.clientKey),
      clientKeyPassword: secretOf(form.clientKeyPassword),
      verify: form.verify,
      proxy: form.proxy.kind === "custom" ? form.proxy.url.trim() : form.proxy.kind,
    },
  };
}

function edgeOf(edge: Form["edge"]): EdgeDraft {
  switch (edge.kind) {
    case "none":
      return { kind: "none" };
    case "basic":
      return { kind: "basic", username: edge.username, password: secretOf(edge.password) };
    case "bearer":
      return { kind: "bearer", token: secretOf(edge.token) };
  }
}

function prefectOf(prefect: Form["prefect"]): PrefectDraft {
  switch (prefect.kind) {
    case "none":
      return { kind: "none" };
    case "same-as-edge":
      return { kind: "same-as-edge" };
    case "own":
      return { kind: "own", username: prefect.username, password: secretOf(prefect.password) };
  }
}

function secretOf(text: string): SecretInput {
  return text === "" ? "keep" : { set: text };
}

/** `null`: any free one. `undefined`: not a number. */
function portOf(text: string): number | null | undefined {
  const digits = text.trim();
  if (digits === "") return null;
  return /^\d{1,9}$/.test(digits) ? Number(digits) : undefined;
}

/** Chooses what the edge asks for. Prefect's "the same" goes and comes with the edge's user name. */
export function chooseEdge(form: Form, kind: EdgeKind): void {
  form.edge.kind = kind;
  if (kind !== "basic" && form.prefect.kind === "same-as-edge") form.prefect.kind = "none";
  if (kind === "basic" && form.prefect.kind === "none") form.prefect.kind = "same-as-edge";
}

/** Adds an empty header line. */
export function addHeader(form: Form): void {
  const key = 1 + Math.max(-1, ...form.headers.map((line) => line.key));
  form.headers.push({ key, name: "", value: "" });
}

/** What each tab of the form holds. */
const PARTS = {
  connection: ["url", "edge", "prefect"],
  headers: ["headers"],
  advanced: [
    "name",
    "apiUrl",
    "port",
    "color",
    "readOnly",
    "connectAtStart",
    "localPrograms",
    "caFile",
    "clientCertFile",
    "clientKeyFile",
    "clientKey",
    "clientKeyPassword",
    "verify",
    "proxy",
  ],
} as const satisfies Record<FormTab, readonly (keyof Form)[]>;

/** Paths of the fields in "Advanced". */
const ADVANCED = PARTS.advanced.map((part) => (part === "connectAtStart" ? "connect" : part));

/** The tab that has a field. */
export function tabOf(path: string): FormTab {
  if (ADVANCED.some((field) => field === path)) return "advanced";
  return path.startsWith("headers.") ? "headers" : "connection";
}

/** The tabs in which two forms differ. */
export function differences(a: Form, b: Form): Set<FormTab> {
  return new Set(FORM_TABS.filter((tab) => PARTS[tab].some((part) => !same(a[part], b[part]))));
}

/** Paths of all fields the form has at the moment, as errors name them. */
export function fieldsOf(form: Form): Set<string> {
  const fields = new Set<string>(["url", "edge.kind", "prefect", ...ADVANCED]);
  if (form.clientKeyFile !== "" || form.clientCertFile === "") fields.delete("clientKey");
  if (form.clientCertFile === "") fields.delete("clientKeyPassword");
  if (form.proxy.kind !== "custom") fields.delete("proxy");
  if (form.edge.kind === "basic") fields.add("edge.username").add("edge.password");
  if (form.edge.kind === "bearer") fields.add("edge.token");
  if (form.prefect.kind === "own") fields.add("prefect.username").add("prefect.password");
  form.headers.forEach((_, index) => fields.add(`headers.${index}.name`).add(`headers.${index}.value`));
  return fields;
}

function same(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => same(a[key as keyof typeof a], b[key as keyof typeof b]))
  );
}

/** A header's slot in the vault. */
export function headerSlot(name: string): string {
  return `header-${name.trim().toLowerCase()}`;
}

/**
 * What the vault has in a slot: `true` or `false`, `null` while it has not said, `undefined` for a slot the
 * profile does not have yet.
 */
export function savedIn(secrets: readonly SecretView[], slot: string): boolean | null | undefined {
  return secrets.find((secret) => secret.slot === slot)?.saved;
}
