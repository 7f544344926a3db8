import { expect, test } from "vitest";

import { fixture } from "../../src/backend/fixtures";
import { summary } from "../../src/summary";

const { servers } = await fixture("servers").view();

function lines(id: string): string[] {
  const server = servers.find((one) => one.id === id)!;
  return summary(server).map(
    ({ term, values }) => `${term}: ${values.map(({ text, saved }) => `${text} [${saved}]`).join(", ")}`,
  );
}

test("settings are said in words, secrets only as saved or not", () => {
  expect(lines("prod")).toMatchInlineSnapshot(`
    [
      "Sign-in: User name and password: ada [true]",
      "Prefect’s auth string: The same user name and password [true]",
      "Headers: CF-Access-Client-Id [true], CF-Access-Client-Secret [true]",
      "Connects: When Postern starts [undefined]",
      "Local programs: With the local key [undefined]",
      "Certificate: Verified by the system, and by corp-ca.pem [undefined]",
    ]
  `);
  expect(lines("lab")).toMatchInlineSnapshot(`
    [
      "Sign-in: None [undefined]",
      "Prefect’s auth string: None [undefined]",
      "Connects: When asked [undefined]",
      "Local programs: Any you run [undefined]",
      "Certificate: Not verified [undefined]",
      "Client certificate: me.pem [undefined], Its key [null], Its passphrase [null]",
      "Proxy: socks5://gate.example.com:1080 [undefined]",
    ]
  `);
  expect(lines("empty")).toMatchInlineSnapshot(`
    [
      "Sign-in: User name and password: ada [false]",
      "Prefect’s auth string: The same user name and password [false]",
      "Connects: When asked [undefined]",
      "Local programs: With the local key [undefined]",
    ]
  `);
});
