// What a screen reader is told when the view changes: new troubles, servers whose state changed, servers gone.

import type { ManagerView, Trouble } from "./bindings";

/** Sentences for what is different in `after`; empty when nothing worth a word is. */
export function announce(before: ManagerView, after: ManagerView): string {
  const said: string[] = [];
  for (const trouble of after.troubles) {
    if (!before.troubles.some((known) => sameTrouble(known, trouble))) said.push(words(trouble));
  }
  for (const server of after.servers) {
    const earlier = before.servers.find(({ id }) => id === server.id);
    if (earlier === undefined) continue;
    const { label, trouble } = server.connection;
    const news = !sameTrouble(earlier.connection.trouble, trouble);
    if (earlier.connection.label === label && !news) continue;
    said.push(`${server.name}: ${label}.`);
    if (trouble !== null && news) said.push(words(trouble));
  }
  for (const { id, name } of before.servers) {
    if (!after.servers.some((server) => server.id === id)) said.push(`${name} is removed.`);
  }
  return said.join(" ");
}

function words({ sentence, remedy }: Trouble): string {
  return `${sentence} ${remedy}`;
}

function sameTrouble(a: Trouble | null, b: Trouble | null): boolean {
  return a?.code === b?.code && a?.sentence === b?.sentence && a?.remedy === b?.remedy;
}
