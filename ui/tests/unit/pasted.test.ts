import { expect, test } from "vitest";

import { authString, headerLines } from "../../src/pasted";

test.each([
  ["admin:s3cret", { username: "admin", password: "s3cret", hint: "" }],
  ["  admin:s3:cret ", { username: "admin", password: "s3:cret", hint: "" }],
  ['"admin:s3cret"', { username: "admin", password: "s3cret", hint: expect.stringContaining("quotes") }],
  [
    "export PREFECT_API_AUTH_STRING='admin:s3cret'",
    { username: "admin", password: "s3cret", hint: expect.stringContaining("quotes") },
  ],
  ["s3cret", { username: null, password: "s3cret", hint: expect.stringContaining("colon") }],
  ["  ", null],
])("an auth string pasted as %j is taken apart", (text, expected) => {
  expect(authString(text)).toEqual(expected);
});

const ACCESS = [
  { name: "CF-Access-Client-Id", value: "id.access" },
  { name: "CF-Access-Client-Secret", value: "s3cret: x" },
];

test.each([
  ["CF-Access-Client-Id: id.access\nCF-Access-Client-Secret: s3cret: x\n", ACCESS],
  ['-H "CF-Access-Client-Id: id.access"\r\n-H "CF-Access-Client-Secret: s3cret: x"', ACCESS],
  ['{"CF-Access-Client-Id": "id.access", "CF-Access-Client-Secret": "s3cret: x"}', ACCESS],
  [
    `PREFECT_CLIENT_CUSTOM_HEADERS='{"CF-Access-Client-Id":"id.access","CF-Access-Client-Secret":"s3cret: x"}'`,
    ACCESS,
  ],
  ["CF-Access-Client-Id", null],
  ["one: 1\nand no header", null],
  ['{"x": 1}', null],
  ['{"x": ', null],
  ["{}", null],
  ["", null],
])("headers pasted as %j are taken apart", (text, expected) => {
  expect(headerLines(text)).toEqual(expected);
});
