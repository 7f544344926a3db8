import { expect, test } from "vitest";

import type { Ask, FoundView } from "../../src/bindings";
import { newForm, type Form } from "../../src/draft";
import { answering, isAnswered, moved, placed, sameOrigins, sight, type Place } from "../../src/looks";
import { BLANK } from "../../src/backend/fixtures";

function filled(): Form {
  const form = newForm(BLANK);
  form.url = "https://prefect.example.com";
  form.edge = { kind: "basic", username: "ada", password: "s3cret", token: "" };
  form.headers = [{ key: 0, name: "X-Key", value: "s3cret" }];
  form.caFile = "ca.pem";
  form.clientCertFile = "me.p12";
  return form;
}

test("a server is shown nothing that it has not asked for", () => {
  expect(answering(filled(), new Set())).toMatchObject({
    url: "https://prefect.example.com",
    edge: { kind: "none" },
    prefect: { kind: "none" },
    headers: [],
    caFile: "",
    clientCertFile: "",
  });
});

test.each<[Ask, Partial<Form>]>([
  ["edge", { edge: filled().edge, prefect: { kind: "same-as-edge", username: "", password: "" } }],
  ["headers", { headers: filled().headers }],
  ["ca", { caFile: "ca.pem" }],
  ["client-certificate", { clientCertFile: "me.p12" }],
])("asked for %s, it is shown that and nothing else", (ask, shown) => {
  const bare = answering(filled(), new Set());
  expect(answering(filled(), new Set([ask]))).toEqual({ ...bare, ...shown });
});

test("where headers are given, the edge is not shown what was not typed", () => {
  const form = filled();
  form.edge = { kind: "basic", username: "", password: "", token: "" };
  expect(answering(form, new Set<Ask>(["edge", "headers"])).edge.kind).toBe("none");
  form.headers = [{ key: 0, name: "", value: "" }];
  expect(answering(form, new Set<Ask>(["edge", "headers"]))).toMatchObject({
    edge: { kind: "basic" },
    headers: [],
  });
});

test("half an answer is none", () => {
  expect(isAnswered(filled())).toBe(true);
  for (const change of [
    { edge: { ...filled().edge, password: "" } },
    { edge: { ...filled().edge, kind: "bearer" as const } },
    { prefect: { kind: "own" as const, username: "admin", password: "" } },
    { headers: [{ key: 0, name: "X-Key", value: "" }] },
  ]) {
    expect(isAnswered({ ...filled(), ...change })).toBe(false);
  }
});

test("a name and a colour are nothing to look at", () => {
  expect(sight({ ...filled(), name: "Production", color: "red" })).toBe(sight(filled()));
  expect(sight({ ...filled(), url: "https://other.example.com" })).not.toBe(sight(filled()));
});

function found(url: string, api_url: string | null = null): FoundView {
  return {
    ok: false,
    verdict: { code: "base_path_wrong", sentence: "", remedy: "" },
    asks: [],
    url: "",
    foundAt: { url, api_url },
    version: null,
    latencyMs: null,
    name: "",
    color: "gray",
  };
}

const TYPED: Place = {
  typed: "a.example.com",
  url: "https://a.example.com",
  apiUrl: "",
  moves: 0,
};

test("what was found elsewhere is where the form's server is, and not without end", () => {
  let place: Place | null = TYPED;
  const form = { ...filled(), url: TYPED.typed };
  place = moved(place, found("https://a.example.com/p", "https://b.example.com/api"));
  expect(placed(form, place)).toMatchObject({
    url: "https://a.example.com/p",
    apiUrl: "https://b.example.com/api",
  });
  expect(placed({ ...form, url: "c.example.com" }, place).url).toBe("c.example.com");
  for (let moves = 0; place !== null; moves += 1) {
    expect(moves).toBeLessThan(10);
    place = moved(place, found("https://a.example.com"));
  }
});

test.each([
  ["https://a.example.com", "https://a.example.com/p", null, true],
  ["https://a.example.com", "https://a.example.com:443/p", "https://A.example.com/api", true],
  ["http://a.example.com", "https://a.example.com", null, true],
  ["http://a.example.com:8080", "http://a.example.com:8080/p", null, true],
  ["https://a.example.com", "http://a.example.com", null, false],
  ["https://a.example.com", "https://a.example.com:8443", null, false],
  ["https://a.example.com", "http://a.example.com:81", null, false],
  ["http://a.example.com", "https://a.example.com:8443", null, false],
  ["http://a.example.com:8080", "https://a.example.com", null, false],
  ["http://a.example.com:8080", "https://a.example.com:8080", null, false],
  ["https://a.example.com", "https://b.example.com", null, false],
  ["http://a.example.com", "https://b.example.com", null, false],
  ["https://a.example.com", "https://a.example.com", "https://b.example.com/api", false],
  ["https://a.example.com", "https://a.example.com", "https://a.example.com:4200/api", false],
])(
  "who asks at %s is not followed unasked to another origin: %s, its API at %s: %s",
  (from, url, api, same) => {
    const before = { ...TYPED, url: from };
    const next = moved(before, found(url, api));
    expect(next !== null && sameOrigins(before, next)).toBe(same);
  },
);
