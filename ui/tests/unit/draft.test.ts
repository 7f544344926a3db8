import { describe, expect, test } from "vitest";

import type { Draft } from "../../src/bindings";
import {
  addHeader,
  chooseEdge,
  differences,
  draftOf,
  fieldsOf,
  formOf,
  headerSlot,
  newForm,
  savedIn,
  tabOf,
  type Form,
} from "../../src/draft";
import { BLANK } from "../../src/backend/fixtures";

const FULL: Draft = {
  id: "prod",
  name: "Production",
  url: "https://prefect.example.com/prefect",
  apiUrl: "https://api.example.com/api",
  port: 4201,
  color: "red",
  readOnly: true,
  connect: "on-demand",
  localPrograms: "off",
  edge: { kind: "basic", username: "ada", password: "keep" },
  prefect: { kind: "own", username: "admin", password: "keep" },
  headers: [{ name: "CF-Access-Client-Secret", value: "keep" }],
  caFile: "corp-ca.pem",
  clientCertFile: "me.pem",
  clientKeyFile: "me.key",
  clientKey: "keep",
  clientKeyPassword: "keep",
  verify: false,
  proxy: "socks5://127.0.0.1:1080",
};

function draft(form: Form): Draft {
  const made = draftOf(form);
  if ("errors" in made) throw new Error(JSON.stringify(made.errors));
  return made.draft;
}

describe("a form that nobody touches saves what it was made from", () => {
  test.each<[string, Partial<Draft>]>([
    ["full", FULL],
    ["no login", { edge: { kind: "none" }, prefect: { kind: "none" } }],
    ["an edge alone", { edge: FULL.edge, prefect: { kind: "none" } }],
    ["the same for both", { edge: FULL.edge, prefect: { kind: "same-as-edge" } }],
    ["a token", { edge: { kind: "bearer", token: "keep" }, prefect: FULL.prefect }],
    ["no proxy", { proxy: "none" }],
    ["the system's proxy", { proxy: "system" }],
    ["no port yet", { port: null }],
  ])("%s", (_, given) => {
    const whole = { ...FULL, ...given };
    expect(draft(formOf(whole))).toEqual(whole);
  });
});

test("a new server's form suggests one user name and password for edge and Prefect", () => {
  expect(draft(newForm(BLANK))).toEqual({
    ...BLANK,
    edge: { kind: "basic", username: "", password: "keep" },
    prefect: { kind: "same-as-edge" },
  });
});

test("a typed secret is set, and one that is not typed is kept", () => {
  const form = formOf(FULL);
  form.edge.password = " pass word ";
  form.headers[0]!.value = "s3cret";
  expect(draft(form)).toMatchObject({
    edge: { password: { set: " pass word " } },
    prefect: { password: "keep" },
    headers: [{ value: { set: "s3cret" } }],
    clientKey: "keep",
  });
});

test("secrets under a choice that is not chosen are not sent", () => {
  const form = newForm(BLANK);
  form.edge.password = "s3cret";
  form.edge.token = "t0ken";
  form.prefect.password = "0ther";
  chooseEdge(form, "none");
  expect(JSON.stringify(draft(form))).not.toMatch(/s3cret|t0ken|0ther/);
});

test("trying another choice and coming back loses nothing that was typed", () => {
  const form = newForm(BLANK);
  form.edge.username = "ada";
  form.edge.password = "s3cret";
  chooseEdge(form, "bearer");
  expect(form.prefect.kind).toBe("none");
  chooseEdge(form, "basic");
  expect(draft(form)).toMatchObject({
    edge: { kind: "basic", username: "ada", password: { set: "s3cret" } },
    prefect: { kind: "same-as-edge" },
  });
});

test("Prefect's own user name stays its own whatever the edge asks for", () => {
  const form = formOf(FULL);
  chooseEdge(form, "none");
  chooseEdge(form, "basic");
  expect(form.prefect).toMatchObject({ kind: "own", username: "admin" });
});

test.each([
  ["", null],
  [" 4201 ", 4201],
  ["80", 80],
  ["70000", 70000],
])("port %j is sent as %j, for the controller to judge", (text, port) => {
  expect(draft({ ...formOf(FULL), port: text }).port).toBe(port);
});

test.each(["abc", "-1", "4201.5", "1e3", "99999999999"])("port %j is an error at its field", (text) => {
  expect(draftOf({ ...formOf(FULL), port: text })).toEqual({
    errors: [{ field: "port", message: "Is no number. Give a port between 1024 and 65535." }],
  });
});

test("addresses and names lose the spaces that pasting brings; user names keep theirs", () => {
  const form = { ...formOf(FULL), url: " https://a.example\t", name: " A " };
  form.edge.username = " ada ";
  expect(draft(form)).toMatchObject({ url: "https://a.example", name: "A", edge: { username: " ada " } });
});

test("headers keep their keys while lines come and go", () => {
  const form = newForm(BLANK);
  addHeader(form);
  addHeader(form);
  form.headers.shift();
  addHeader(form);
  expect(form.headers.map(({ key }) => key)).toEqual([1, 2]);
});

test("a form is dirty exactly while it differs", () => {
  const start = formOf(FULL);
  const form = formOf(FULL);
  const changed = () => [...differences(form, start)];
  expect(changed()).toEqual([]);
  form.edge.password = "x";
  expect(changed()).toEqual(["connection"]);
  form.edge.password = "";
  addHeader(form);
  form.verify = !form.verify;
  expect(changed()).toEqual(["headers", "advanced"]);
  form.headers.pop();
  form.verify = !form.verify;
  expect(changed()).toEqual([]);
});

test("what the vault has is found by slot", () => {
  const secrets = [
    { slot: "edge-password", saved: true },
    { slot: "header-x-key", saved: false },
    { slot: "client-key", saved: null },
  ];
  expect(savedIn(secrets, "edge-password")).toBe(true);
  expect(savedIn(secrets, headerSlot(" X-Key "))).toBe(false);
  expect(savedIn(secrets, "client-key")).toBe(null);
  expect(savedIn(secrets, "edge-token")).toBe(undefined);
});

test("the fields a form has follow its choices", () => {
  const form = formOf({ ...FULL, prefect: { kind: "same-as-edge" } });
  const fields = fieldsOf(form);
  expect([...fields].filter((path) => tabOf(path) !== "advanced")).toEqual([
    "url",
    "edge.kind",
    "prefect",
    "edge.username",
    "edge.password",
    "headers.0.name",
    "headers.0.value",
  ]);
  expect(fields.has("clientKey"), "a key file was given").toBe(false);
  expect(fields.has("proxy")).toBe(true);
  form.clientKeyFile = "";
  form.proxy.kind = "system";
  expect(fieldsOf(form).has("clientKey")).toBe(true);
  expect(fieldsOf(form).has("clientKeyPassword")).toBe(true);
  expect(fieldsOf(form).has("proxy")).toBe(false);
  form.clientCertFile = "";
  expect(fieldsOf(form).has("clientKey"), "there is no certificate").toBe(false);
  expect(fieldsOf(form).has("clientKeyPassword"), "there is no certificate").toBe(false);
});
