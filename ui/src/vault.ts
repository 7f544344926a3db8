// Where secrets are kept, for whatever part of the page says so.

import { getContext, setContext } from "svelte";

import type { VaultView } from "./bindings";

const KEY = Symbol("vault");

/** Has all parts within know. */
export function provideVault(vault: () => VaultView | undefined): void {
  setContext(KEY, vault);
}

/** In words, now: within a part that is being made. */
export function keptIn(): () => string {
  const vault = getContext<(() => VaultView | undefined) | undefined>(KEY);
  return () => (vault?.() === "in-memory" ? "memory" : "the keychain");
}
