// How exchanges are said in words and figures.

import type { DoorView, ExchangeView } from "../bindings";

export const DOORS: Record<DoorView, string> = {
  window: "Window",
  browser: "Browser",
  program: "Programs",
  refused: "Turned away",
};

const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "medium", hourCycle: "h23" });

/** `14:05:09` */
export function clock(ms: number): string {
  return CLOCK.format(ms);
}

/** `<1 ms`, `12 ms`, `1.2 s`, `75 s` */
export function duration(ms: number): string {
  if (ms < 1) return "<1 ms";
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  return ms < 9_950 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`;
}

/** `0 B`, `1.2 kB`, `34 MB` */
export function bytes(count: number): string {
  let value = count;
  for (const unit of ["B", "kB", "MB", "GB"]) {
    if (value < 999.5)
      return `${unit === "B" || value >= 9.95 ? Math.round(value) : value.toFixed(1)} ${unit}`;
    value /= 1000;
  }
  return `${value.toFixed(1)} TB`;
}

/** `1 request`, `1,234 requests` */
export function times(count: number, what: string): string {
  return `${count.toLocaleString()} ${what}${count === 1 ? "" : "s"}`;
}

/** A path may have 16 KiB: what of it is shown where it is not cut off by its place. */
export function brief(path: string): string {
  return path.length > 400 ? `${path.slice(0, 400)}…` : path;
}

/** `200`; `left`: whoever asked was gone before there was an answer. */
export function answered({ status }: ExchangeView): string {
  return status === null ? "left" : String(status);
}

/** Whether it is worth a look: no answer of the server's, or one that says no. */
export function isProblem({ status, fault }: ExchangeView): boolean {
  return fault !== null || (status ?? 0) >= 400;
}
