import { expect, test } from "vitest";

import { announce } from "../../src/announce";
import { fixture } from "../../src/backend/fixtures";
import type { ConnectionView, ManagerView } from "../../src/bindings";

const view = await fixture("servers").view();

function but(id: string, connection: Partial<ConnectionView>): ManagerView {
  return {
    ...view,
    servers: view.servers.map((server) =>
      server.id === id ? { ...server, connection: { ...server.connection, ...connection } } : server,
    ),
  };
}

test("a new state is announced with the server's name", () => {
  expect(announce(view, but("eu", { label: "Connected" }))).toBe("Europe: Connected.");
});

test("a new trouble is announced with its remedy, also where the state's word stays", () => {
  const trouble = { code: "tls_failed", sentence: "No secure connection.", remedy: "Check the address." };
  expect(announce(view, but("staging", { trouble }))).toBe(
    "Staging: Not connected. No secure connection. Check the address.",
  );
});

test("latency, version and the next try are not worth a word", () => {
  expect(announce(view, but("prod", { latencyMs: 99, version: "3.9.0", nextTryMs: 1 }))).toBe("");
});

test("a trouble of the whole is announced once", () => {
  const trouble = { code: "vault_locked", sentence: "The keychain is locked.", remedy: "Unlock it." };
  const locked = { ...view, troubles: [trouble] };
  expect(announce(view, locked)).toBe("The keychain is locked. Unlock it.");
  expect(announce(locked, { ...locked, troubles: [{ ...trouble }] })).toBe("");
});

test("a server that is gone is announced, a new one is not", () => {
  const fewer = { ...view, servers: view.servers.filter(({ id }) => id !== "lab") };
  expect(announce(view, fewer)).toBe("Lab is removed.");
  expect(announce(fewer, view)).toBe("");
});
