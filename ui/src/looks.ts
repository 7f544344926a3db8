// What a look at a form's server is given, and when what it found still holds.

import type { Ask, FoundView } from "./bindings";
import type { Form } from "./draft";

/** The form with what the server asks for alone: nothing else is shown to it, or saved. */
export function answering(form: Form, asked: ReadonlySet<Ask>): Form {
  const edge = asked.has("edge");
  const bare: Form = {
    ...form,
    headers: asked.has("headers")
      ? form.headers.filter(({ name, value }) => name !== "" || value !== "")
      : [],
    caFile: asked.has("ca") ? form.caFile : "",
    ...(asked.has("client-certificate")
      ? {}
      : { clientCertFile: "", clientKeyFile: "", clientKey: "", clientKeyPassword: "" }),
  };
  if (!edge || isUnanswered(form)) bare.edge = { ...form.edge, kind: "none" };
  if (asked.has("prefect")) bare.prefect = { ...form.prefect };
  else bare.prefect = { ...form.prefect, kind: bare.edge.kind === "basic" ? "same-as-edge" : "none" };
  return bare;
}

/** Headers may do in place of what the edge is shown. */
function isUnanswered({ edge, headers }: Form): boolean {
  const given = edge.username + edge.password + edge.token;
  return given === "" && headers.some(({ value }) => value !== "");
}

/** Whether every question has an answer; half of one is not shown to a server, which may count what is wrong. */
export function isAnswered(form: Form): boolean {
  const { edge, prefect } = form;
  const edgeAnswered =
    edge.kind === "none" ||
    (edge.kind === "basic" ? edge.username !== "" && edge.password !== "" : edge.token !== "");
  const prefectAnswered = prefect.kind !== "own" || (prefect.username !== "" && prefect.password !== "");
  return (
    edgeAnswered && prefectAnswered && form.headers.every(({ name, value }) => name !== "" && value !== "")
  );
}

/** What a look is at, of a form: two that differ in nothing else need one look. */
export function sight(form: Form): string {
  const { name: _name, color: _color, port: _port, readOnly: _readOnly, ...rest } = form;
  return JSON.stringify(rest);
}

/** Whether the address is another server's: then what was answered is for the other one. */
export function sameServer(a: Form, b: Form): boolean {
  return a.url.trim() === b.url.trim() && a.apiUrl.trim() === b.apiUrl.trim();
}

/** Where a server is for an address as it was typed. */
export interface Place {
  typed: string;
  url: string;
  apiUrl: string;
  /** How often it was found elsewhere than looked for. */
  moves: number;
}

/** Servers that send each other's visitors round in a circle are not followed. */
const MOVES = 3;

/** Where to look next, of a look that has found the server elsewhere. */
export function moved(place: Place, { foundAt }: FoundView): Place | null {
  if (foundAt === null || place.moves === MOVES) return null;
  return { ...place, url: foundAt.url, apiUrl: foundAt.api_url ?? "", moves: place.moves + 1 };
}

/** Whether that is on the origins that were looked at before, or on the same host with TLS, on the usual ports. */
export function sameOrigins(before: Place, next: Place): boolean {
  const urls = ({ url, apiUrl }: Place) => [url, apiUrl || url].map((url) => URL.parse(url));
  const known = urls(before).flatMap((url) => {
    if (url === null) return [];
    const { protocol, hostname, port, origin } = url;
    return protocol === "http:" && port === "" ? [origin, `https://${hostname}`] : [origin];
  });
  return urls(next).every((url) => url !== null && known.includes(url.origin));
}

/** The form as it is looked at and saved, where the place that was meant has been found. */
export function placed(form: Form, place: Place | null): Form {
  return place?.typed === form.url ? { ...form, url: place.url, apiUrl: place.apiUrl } : form;
}
