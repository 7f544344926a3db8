// The one way out of the page: what the manager reads and what it may ask for.
//
// Two things answer. In the app it is Tauri's IPC, and nothing else is in a production build: `MODE` is a
// constant there, so the branch with the examples is removed. The dev server and the browser tests
// (mode `fixtures`) use examples, chosen by `?fixture=name`.

import type { ActivityView, Draft, ExchangeView, ManagerAction, ManagerView, UseView } from "./bindings";

export interface Backend {
  /** Everything there is to show, now. */
  view(): Promise<ManagerView>;
  /** Calls `changed` with each later view; the result ends that. */
  watch(changed: (view: ManagerView) => void): Promise<() => void>;
  /** Rejects with a `Trouble`. */
  act(action: ManagerAction): Promise<void>;
  /** Looks at what the form has; what it sees comes with the views, under this number. */
  look(number: number, draft: Draft): Promise<void>;
  /** Resolves to the profile's id; rejects with `SaveErrors`. */
  save(draft: Draft): Promise<string>;
  /**
   * What went through a server's gateway after the exchange with this number, as soon as there is something, and a
   * fifth of a second after the last answer at the earliest; all there is, at once, without one.
   */
  activity(id: string, after: number | null): Promise<ActivityView>;
  /** Who uses a server now, and what went wrong lately. */
  use(id: string): Promise<UseView>;
  /** Saves a report, with or without names; resolves to the file's path, rejects with a `Trouble`. */
  report(names: boolean): Promise<string>;
  /** Saves these as an archive; resolves to the file's path, rejects with a `Trouble`. */
  export(id: string, exchanges: readonly ExchangeView[]): Promise<string>;
}

/** The backend of this build. */
export async function connect(): Promise<Backend> {
  if (import.meta.env.MODE === "fixtures") {
    const { fixture } = await import("./backend/fixtures");
    return fixture(new URLSearchParams(location.search).get("fixture") ?? "servers");
  }
  const { tauri } = await import("./backend/tauri");
  return tauri;
}
