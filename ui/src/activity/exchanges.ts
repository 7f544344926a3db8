// The exchanges that the page has, which of them it shows, and which of those are in sight.

import type { DoorView, ExchangeView } from "../bindings";
import { answered, DOORS, isProblem } from "./words";

/** What is looked for. */
export interface Filter {
  /** Words that all must be somewhere in it. */
  text: string;
  door: DoorView | "all";
  /** Faults, and answers that say no. */
  problems: boolean;
}

export const ALL: Filter = { text: "", door: "all", problems: false };

/** Adds what is newer; of all that, the last `kept` stay. */
export function add(
  before: readonly ExchangeView[],
  later: readonly ExchangeView[],
  kept: number,
): readonly ExchangeView[] {
  const newest = before.at(-1)?.number ?? 0;
  return [...before, ...later.filter(({ number }) => number > newest)].slice(-kept);
}

/** Those that fit, the newest first. */
export function matching(
  exchanges: readonly ExchangeView[],
  { text, door, problems }: Filter,
): readonly ExchangeView[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (one: ExchangeView) =>
    (door === "all" || one.door === door) &&
    (!problems || isProblem(one)) &&
    (words.length === 0 || words.every((word) => spoken(one).includes(word)));
  return exchanges.filter(fits).reverse();
}

function spoken(exchange: ExchangeView): string {
  const { method, path, door, fault } = exchange;
  return `${method} ${path} ${answered(exchange)} ${DOORS[door]} ${fault?.code ?? ""} ${fault?.sentence ?? ""}`.toLowerCase();
}

/** Rows beyond the edge that are there already when somebody scrolls. */
const SPARE = 8;

/** The rows in sight, from the first to before the last. */
export function inSight(
  top: number,
  height: number,
  rowHeight: number,
  count: number,
): { first: number; end: number } {
  if (rowHeight <= 0) return { first: 0, end: Math.min(count, SPARE) };
  return {
    first: Math.max(0, Math.min(count, Math.floor(top / rowHeight)) - SPARE),
    end: Math.min(count, Math.ceil((top + height) / rowHeight) + SPARE),
  };
}
