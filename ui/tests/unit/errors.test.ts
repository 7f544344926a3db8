import { expect, test } from "vitest";

import { asSaveErrors, asTrouble, byField, fieldId } from "../../src/errors";

const known = (path: string) => ["url", "headers.1.name"].includes(path);

test("an error goes to its field", () => {
  expect(
    byField(
      [
        { field: "url", message: "Is empty." },
        { field: "headers.1.name", message: "host may not be set." },
      ],
      known,
    ),
  ).toEqual({ url: "Is empty.", "headers.1.name": "host may not be set." });
});

test("an error of no field, or of one the form does not show, is said above the form", () => {
  expect(
    byField(
      [
        { field: "", message: "The file has changed." },
        { field: "id", message: "Is taken." },
      ],
      known,
    ),
  ).toEqual({ "": "The file has changed. id: Is taken." });
});

test("two errors of one field are both said", () => {
  expect(
    byField(
      [
        { field: "url", message: "One." },
        { field: "url", message: "Two." },
      ],
      known,
    ),
  ).toEqual({ url: "One. Two." });
});

test("a field's path makes an element's id", () => {
  expect(fieldId("headers.0.name")).toBe("field-headers-0-name");
});

test("a trouble passes through as it is", () => {
  const trouble = { code: "vault_locked", sentence: "The keychain is locked.", remedy: "Unlock it." };
  expect(asTrouble(trouble)).toBe(trouble);
});

test.each([
  [new Error("channel closed"), "This window cannot reach Postern: channel closed."],
  ["command not found.", "This window cannot reach Postern: command not found."],
  [undefined, "This window cannot reach Postern: no reason given."],
  [{ sentence: "only this" }, "This window cannot reach Postern: no reason given."],
])("anything else becomes one: %o", (reason, sentence) => {
  expect(asTrouble(reason).sentence).toBe(sentence);
});

test("errors of a save pass through as they are", () => {
  const errors = [{ field: "url", message: "Is empty." }];
  expect(asSaveErrors({ errors })).toBe(errors);
});

test.each([[new Error("channel closed")], [{ errors: [] }]])(
  "a save that fails otherwise says so: %o",
  (reason) => {
    const [error] = asSaveErrors(reason);
    expect(error?.field).toBe("");
    expect(error?.message).toContain("Nothing was saved.");
  },
);
