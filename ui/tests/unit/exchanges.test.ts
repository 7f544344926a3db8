import { describe, expect, test } from "vitest";

import { add, ALL, inSight, matching } from "../../src/activity/exchanges";
import { bytes, duration, isProblem, times } from "../../src/activity/words";
import { activity } from "../../src/backend/exchanges";
import type { ExchangeView } from "../../src/bindings";

const { exchanges } = await activity("servers", "prod", null);
const [example] = exchanges as [ExchangeView, ...ExchangeView[]];
const numbered = (...numbers: number[]) => numbers.map((number) => ({ ...example, number }));
const numbers = (list: readonly ExchangeView[]) => list.map(({ number }) => number);

test("the last are kept, each once, in order", () => {
  const before = numbered(1, 2, 3);
  expect(numbers(add([], before, 10))).toEqual([1, 2, 3]);
  expect(numbers(add(before, numbered(3, 4, 9), 10)), "one came twice, four were missed").toEqual([
    1, 2, 3, 4, 9,
  ]);
  expect(numbers(add(before, numbered(4, 5), 3))).toEqual([3, 4, 5]);
});

describe("a filter", () => {
  test.each([
    ["words", { ...ALL, text: " post  FLOW_RUNS/count " }, "POST /api/flow_runs/count"],
    ["a status", { ...ALL, text: "404" }, "GET /api/deployments/0d1c2b7e-5f0a-4f0e-9a58-1f6b0c2a77aa"],
    [
      "a fault's sentence",
      { ...ALL, text: "read-only" },
      "DELETE /api/flow_runs/5a3d1f0c-4f2b-4f7e-8c0e-3b9a1d2c4e5f",
    ],
    ["a fault's code", { ...ALL, text: "not_let_in" }, "GET /api/flows"],
    ["a door", { ...ALL, door: "refused" as const }, "GET /api/flows"],
    ["who left", { ...ALL, text: "left" }, "GET /api/events/filter/next"],
    ["a door by its word", { ...ALL, text: "turned away" }, "GET /api/flows"],
  ])("of %s shows what fits", (_, filter, expected) => {
    const found = matching(exchanges, filter);
    expect(new Set(found.map(({ method, path }) => `${method} ${path}`))).toEqual(new Set([expected]));
  });

  test("of nothing shows all, the newest first", () => {
    expect(numbers(matching(exchanges, ALL))).toEqual(numbers(exchanges).reverse());
  });

  test("of problems shows faults and answers that say no", () => {
    const found = matching(exchanges, { ...ALL, problems: true });
    expect(new Set(found.map(({ status }) => status))).toEqual(new Set([404, 403, 500, 401]));
    expect(isProblem({ ...example, status: 200, fault: { code: "", sentence: "", remedy: "" } })).toBe(true);
  });
});

test.each([
  [0, 100, 20, 1000, { first: 0, end: 13 }],
  [2000, 100, 20, 1000, { first: 92, end: 113 }],
  [20_000, 100, 20, 1000, { first: 992, end: 1000 }],
  [99_999, 100, 20, 30, { first: 22, end: 30 }],
  [0, 100, 0, 1000, { first: 0, end: 8 }],
])(
  "only rows in sight are made: %d from the top, %d high, %d each, of %d",
  (top, height, row, count, expected) => {
    expect(inSight(top, height, row, count)).toEqual(expected);
  },
);

test("figures are short", () => {
  expect([0.2, 1, 12.4, 999.4, 999.6, 1210, 9960, 75_000].map(duration)).toEqual([
    "<1 ms",
    "1 ms",
    "12 ms",
    "999 ms",
    "1.0 s",
    "1.2 s",
    "10 s",
    "75 s",
  ]);
  expect([0, 999, 1000, 28_411, 1_318_204, 5e10, 2e13].map(bytes)).toEqual([
    "0 B",
    "999 B",
    "1.0 kB",
    "28 kB",
    "1.3 MB",
    "50 GB",
    "20.0 TB",
  ]);
  expect([times(0, "request"), times(1, "request"), times(1234, "request")]).toEqual([
    "0 requests",
    "1 request",
    "1,234 requests",
  ]);
});
