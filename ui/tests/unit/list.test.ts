import { expect, test } from "vitest";

import { find, move } from "../../src/list";

test.each([
  ["ArrowDown", 0, 1],
  ["ArrowDown", 2, 2],
  ["ArrowUp", 2, 1],
  ["ArrowUp", 0, 0],
  ["Home", 2, 0],
  ["End", 0, 2],
  ["Enter", 1, null],
  ["a", 1, null],
])("%s on line %d of three leads to %j", (key, at, to) => {
  expect(move(key, at, 3)).toBe(to);
});

test("nothing moves in an empty list", () => {
  expect(move("ArrowDown", 0, 0)).toBe(null);
});

const NAMES = ["Production", "Partner", "Staging", "Équipe"];

test.each([
  ["s", 0, 2],
  ["P", 0, 1],
  ["p", 1, 0],
  ["pp", 0, 1],
  ["pro", 1, 0],
  ["pro", 0, 0],
  ["é", 0, 3],
  ["x", 0, null],
])("typing %j on line %d finds %j", (typed, at, found) => {
  expect(find(typed, at, NAMES)).toBe(found);
});
