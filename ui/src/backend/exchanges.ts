// Examples of what goes through a gateway, for the backend made of examples.

import type { ActivityView, DoorView, ExchangeView, LastFault, Trouble, UseView } from "../bindings";

/** As the controller has it. */
const KEPT = 2000;
const PACE_MS = 200;

const READ_ONLY: Trouble = {
  code: "read_only",
  sentence: "“Production” is read-only in Postern, and this request would change something on the server.",
  remedy:
    "To write, turn read-only off in the profile; or, in Postern’s own window of this dashboard, press “Allow changes…”.",
};
const NOT_LET_IN: Trouble = {
  code: "not_let_in",
  sentence: "Postern's gateway lets in only those who prove themselves.",
  remedy: "Open the dashboard from Postern's tray menu. Programs use the settings that `postern env` prints.",
};
const REFUSED: Trouble = {
  code: "edge_credential_wrong",
  sentence: "The server's edge refuses the profile's credential.",
  remedy: "Enter the edge's user name and password again.",
};

type Example = [DoorView, string, string, number | null, number, number, number, (Trouble | null)?];

/** Who, method, path, status, milliseconds, bytes up, bytes down, fault. */
const EXAMPLES: readonly Example[] = [
  ["window", "GET", "/v2/dashboard", 200, 31, 0, 1480],
  ["window", "GET", "/v2/assets/index-BxYc2Ha0.js", 200, 4, 0, 1_318_204],
  ["window", "GET", "/ui-settings", 200, 12, 0, 241],
  ["window", "POST", "/api/flow_runs/filter", 200, 48, 312, 28_411],
  ["window", "POST", "/api/flow_runs/count", 200, 17, 188, 3],
  ["program", "GET", "/api/admin/version", 200, 9, 0, 7],
  ["program", "POST", "/api/flow_runs/", 201, 62, 840, 1_904],
  ["program", "GET", "/api/events/in", 101, 22, 0, 0],
  ["browser", "GET", "/api/deployments/0d1c2b7e-5f0a-4f0e-9a58-1f6b0c2a77aa", 404, 14, 0, 43],
  ["program", "POST", "/api/logs/", 201, 7, 51_204, 0],
  ["window", "DELETE", "/api/flow_runs/5a3d1f0c-4f2b-4f7e-8c0e-3b9a1d2c4e5f", 403, 0.4, 0, 118, READ_ONLY],
  ["browser", "POST", "/api/work_pools/filter", 500, 1210, 64, 39],
  ["refused", "GET", "/api/flows", 401, 0.2, 0, 131, NOT_LET_IN],
  ["program", "POST", "/api/task_runs/filter", 200, 33, 290, 6_120],
  ["program", "GET", "/api/events/filter/next", null, 30_000, 0, 0],
];

function exchange(number: number, atMs: number): ExchangeView {
  const [door, method, path, status, ms, received, sent, fault = null] = EXAMPLES[number % EXAMPLES.length]!;
  return {
    number,
    atMs,
    door,
    method,
    path,
    status,
    tookMs: ms,
    lastedMs: Math.round(ms * 110) / 100,
    received,
    sent,
    fault,
  };
}

/** 14:05 on a day, wherever the page is looked at: pictures stay the same. */
const START_MS = new Date(2026, 2, 9, 14, 5).getTime();

function sequence(count: number, stepMs: number): ExchangeView[] {
  return Array.from({ length: count }, (_, index) => exchange(index + 1, START_MS + index * stepMs));
}

const LONG: ExchangeView = {
  ...exchange(1, START_MS),
  path: `/api/${"a-path-that-does-not-end/".repeat(40)}`,
  fault: { ...NOT_LET_IN, sentence: `${NOT_LET_IN.sentence} ${NOT_LET_IN.sentence}` },
};

const FEW: Record<string, ExchangeView[]> = {
  prod: sequence(60, 730),
  long: [LONG, exchange(2, START_MS + 900)],
  "server-0": sequence(KEPT, 40),
};

/** In fixture `busy` a server gets 2,000 requests a second, and a few too many at once; in `steady` 100. */
const RATES: Record<string, number> = { busy: 2000, steady: 100 };

export async function activity(fixture: string, id: string, after: number | null): Promise<ActivityView> {
  const rate = RATES[fixture];
  if (rate !== undefined) {
    await sleep(after === null ? 0 : PACE_MS);
    const newest = 1000 + Math.round((performance.now() * rate) / 1000);
    const first = Math.max((after ?? 0) + 1, newest - KEPT + 1);
    const count = Math.max(0, newest - first + 1);
    const exchanges = Array.from({ length: count }, (_, index) => exchange(first + index, Date.now()));
    return { exchanges, newest, kept: KEPT, missed: 17 };
  }
  const exchanges = FEW[id] ?? [];
  if (after !== null) return new Promise(() => undefined);
  return { exchanges, newest: exchanges.length, kept: KEPT, missed: 0 };
}

export async function use(id: string): Promise<UseView> {
  const doors = (window: number, browser: number, program: number, refused: number) =>
    Object.entries({ window, browser, program, refused }).map(([door, requests]) => ({
      door: door as DoorView,
      requests,
      lastMs: requests === 0 ? null : START_MS,
      sockets: door === "program" && requests > 0 ? 2 : 0,
    }));
  const fault = (trouble: Trouble, times: number, door: DoorView): LastFault => ({
    trouble,
    times,
    atMs: START_MS,
    door,
    method: "POST",
    path: "/api/flow_runs/filter",
  });
  switch (id) {
    case "prod":
      return {
        minutes: 5,
        doors: doors(124, 0, 1832, 1),
        faults: [fault(READ_ONLY, 3, "window"), fault(NOT_LET_IN, 1, "refused")],
      };
    case "staging":
      return { minutes: 5, doors: doors(2, 0, 0, 0), faults: [fault(REFUSED, 41, "program")] };
    default:
      return { minutes: 5, doors: doors(0, 0, 0, 0), faults: [] };
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
