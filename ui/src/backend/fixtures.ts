// A backend made of examples: every state the manager can show, without the app.
//
// It behaves like the real one as far as the page can tell: it saves, connects and removes in memory, keeps
// no secret, and answers with the same shapes. Never part of a production build.

import type { Backend } from "../backend";
import type { Color, ConnectionView, Draft, FieldError, ImportState, ManagerAction } from "../bindings";
import type { ManagerView, Notices } from "../bindings";
import type { SaveErrors, SecretView, ServerView, Step, Trouble } from "../bindings";
import { headerSlot } from "../draft";
import { activity, use } from "./exchanges";
import { imports } from "./imports";
import { lookAt } from "./looks";

const OFF: ConnectionView = {
  state: "off",
  wanted: false,
  label: "Off",
  version: null,
  latencyMs: null,
  trouble: null,
  steps: [],
  nextTryMs: null,
};
const STARTING: ConnectionView = { ...OFF, state: "starting", wanted: true, label: "Connecting…" };
const UP: ConnectionView = { ...STARTING, state: "up", label: "Connected", version: "3.8.8", latencyMs: 12 };

function failing(
  label: string,
  code: string,
  sentence: string,
  remedy: string,
  steps: Step[],
  nextTryMs: number | null = null,
): ConnectionView {
  return { ...STARTING, state: "failing", label, trouble: { code, sentence, remedy }, steps, nextTryMs };
}

const UNREADABLE: Trouble = {
  code: "profiles_unreadable",
  sentence: "/home/ada/.config/postern/profiles.toml, line 14: “colour” is not a key of a profile.",
  remedy:
    "Correct or remove the line; Postern reads the file again by itself. Until then it changes nothing in it.",
};
const VAULT_LOCKED: Trouble = {
  code: "vault_locked",
  sentence: "The keychain is locked, so no password or token can be read or saved.",
  remedy: "Unlock it in your desktop’s password manager, then connect again.",
};

const VAULT_ABSENT: Trouble = {
  code: "vault_absent",
  sentence: "This machine has no keychain service that answers: there is no session bus.",
  remedy:
    "Install and start one (gnome-keyring, KWallet or KeePassXC with its Secret Service on); or keep secrets in memory for this session, in the manager; or, on a machine without a desktop, use `--vault env`.",
};

const DISK_FULL: Trouble = {
  code: "not_saved",
  sentence: "It cannot be written to your downloads: No space left on device (os error 28).",
  remedy: "Make room or the folder writable, and try again.",
};

/** What a new server's form starts from. */
export const BLANK: Draft = {
  id: null,
  name: "",
  url: "",
  apiUrl: "",
  port: null,
  color: null,
  readOnly: false,
  connect: "always",
  localPrograms: "key",
  edge: { kind: "none" },
  prefect: { kind: "none" },
  headers: [],
  caFile: "",
  clientCertFile: "",
  clientKeyFile: "",
  clientKey: "keep",
  clientKeyPassword: "keep",
  verify: true,
  proxy: "system",
};

interface Example extends Partial<Omit<Draft, "id">> {
  id: string;
  connection?: ConnectionView;
  /** Slots that are not filled, or of which nothing is known. */
  missing?: string[];
  unknown?: string[];
}

function server({ connection = OFF, missing = [], unknown = [], ...given }: Example): ServerView {
  const form = { ...BLANK, ...given };
  const saved = (slot: string) => (unknown.includes(slot) ? null : !missing.includes(slot));
  return viewOf(
    form,
    connection,
    slotsOf(form).map((slot) => ({ slot, saved: saved(slot) })),
  );
}

function viewOf(form: Draft, connection: ConnectionView, secrets: SecretView[]): ServerView {
  return {
    id: form.id ?? "",
    name: form.name,
    url: form.url,
    color: form.color,
    readOnly: form.readOnly,
    unverified: !form.verify,
    warnings: warningsOf(form),
    connection,
    localApiUrl: `http://127.0.0.1:${form.port}/api`,
    form,
    secrets,
    look: null,
  };
}

function warningsOf({ url, apiUrl, verify }: Draft): string[] {
  return [
    ...[url, apiUrl].map((address) =>
      address.startsWith("http://") && !address.includes("127.0.0.1")
        ? "Goes over plain http to a host that is neither this machine nor in a private network: everyone on the way can read the password. Use https, or reach the server through a VPN."
        : [],
    ),
    verify
      ? []
      : "The server's certificate is not checked: anyone on the way can pose as the server and take the password. Give the certificate's CA as tls.ca_file instead.",
  ].flat();
}

function slotsOf({ edge, prefect, headers, clientCertFile, clientKeyFile }: Draft): string[] {
  return [
    edge.kind === "basic" ? ["edge-password"] : edge.kind === "bearer" ? ["edge-token"] : [],
    prefect.kind === "none" ? [] : ["prefect-password"],
    headers.map(({ name }) => headerSlot(name)),
    clientCertFile !== "" && clientKeyFile === "" ? ["client-key"] : [],
    clientCertFile !== "" ? ["client-key-password"] : [],
  ].flat();
}

const BASIC = {
  edge: { kind: "basic", username: "ada", password: "keep" },
  prefect: { kind: "same-as-edge" },
} satisfies Partial<Draft>;

const PRODUCTION = server({
  id: "prod",
  name: "Production",
  url: "https://prefect.example.com/prefect",
  port: 4201,
  color: "red",
  readOnly: true,
  ...BASIC,
  headers: [
    { name: "CF-Access-Client-Id", value: "keep" },
    { name: "CF-Access-Client-Secret", value: "keep" },
  ],
  caFile: "corp-ca.pem",
  connection: UP,
});

const SERVERS: ServerView[] = [
  PRODUCTION,
  server({
    id: "staging",
    name: "Staging",
    url: "https://staging.example.com",
    port: 4202,
    color: "yellow",
    ...BASIC,
    connection: failing(
      "Not connected",
      "edge_credential_wrong",
      "The server’s edge refuses the profile’s credential.",
      "Enter the edge’s user name and password again.",
      ["edit-settings", "find-cause"],
    ),
  }),
  server({
    id: "eu",
    name: "Europe",
    url: "https://prefect.eu.example.com",
    port: 4203,
    color: "blue",
    edge: { kind: "bearer", token: "keep" },
    prefect: { kind: "own", username: "admin", password: "keep" },
    connection: STARTING,
  }),
  server({
    id: "partner",
    name: "Partner",
    url: "https://prefect.partner.example",
    port: 4204,
    color: "purple",
    connection: {
      ...STARTING,
      state: "sign-in",
      label: "Sign-in required",
      trouble: {
        code: "sign_in_required",
        sentence: "The server’s edge sends you to partner.cloudflareaccess.com to sign in.",
        remedy: "Ask who runs the server for a service token, and add its headers to the profile.",
      },
      steps: ["edit-settings", "find-cause"],
    },
  }),
  server({
    id: "lab",
    name: "Lab",
    url: "https://10.20.0.7:4200",
    port: 4205,
    color: "green",
    verify: false,
    connect: "on-demand",
    localPrograms: "open",
    proxy: "socks5://gate.example.com:1080",
    clientCertFile: "me.pem",
    unknown: ["client-key", "client-key-password"],
    connection: { ...UP, version: "3.4.25", latencyMs: 148 },
  }),
  server({
    id: "archive",
    name: "Archive",
    url: "http://127.0.0.1:4200",
    port: 4206,
    color: "gray",
    localPrograms: "off",
    connection: failing(
      "Port taken",
      "port_taken",
      "Port 4206 is used by another program: python3, process 48213.",
      "End that program, or give this server another local port.",
      ["edit-settings"],
    ),
  }),
  server({
    id: "empty",
    name: "New region",
    url: "https://prefect.ap.example.com",
    port: 4207,
    color: "teal",
    ...BASIC,
    connect: "on-demand",
    missing: ["edge-password", "prefect-password"],
  }),
];

const LONG = server({
  id: "long",
  apiUrl: "http://prefect-production-api.example.com/api",
  name: "Production of the department for statistics and everything else, second data centre",
  url: `http://prefect-production-with-a-very-long-name.internal.example.com/${"a-path-of-its-own/".repeat(4)}`,
  port: 65535,
  color: "orange",
  readOnly: true,
  verify: false,
  edge: {
    kind: "basic",
    username: "a-very-long-user-name@department-for-statistics.example.com",
    password: "keep",
  },
  prefect: { kind: "same-as-edge" },
  connection: failing(
    "Not connected",
    "server_unreachable",
    "The server at prefect-production-with-a-very-long-name.internal.example.com:443 cannot be reached: No route to host (os error 113).",
    "Check that the server runs, that address and port are right, and whether a VPN must be on.",
    ["find-cause"],
    Date.UTC(2030, 0, 1, 12, 0, 30),
  ),
});

const COLORS: Color[] = ["red", "orange", "yellow", "green", "teal", "blue", "purple", "gray"];

const ALL: Notices = { lost: true, back: true, sign_in: true, certificate: true };

function view(servers: ServerView[], troubles: Trouble[] = [], canSave = true): ManagerView {
  return {
    version: "0.1.0",
    troubles,
    canSave,
    servers,
    blank: BLANK,
    look: null,
    lead: null,
    import: null,
    notices: ALL,
    log: "info",
    crash: null,
    vault: "kept",
    shortcut: { keys: "", trouble: null },
  };
}

const VIEWS: Record<string, () => ManagerView> = {
  "first-start": () => view([]),
  servers: () => view(SERVERS),
  one: () => view([PRODUCTION]),
  offered: () => ({
    ...view([PRODUCTION]),
    lead: { number: 1, id: null, url: "https://slow.example.com/runs?page=2" },
  }),
  busy: () => view([PRODUCTION]),
  diagnosed: () => view([PRODUCTION]),
  steady: () => view([PRODUCTION]),
  unreadable: () => view([], [UNREADABLE], false),
  "unreadable-later": () => view(SERVERS, [UNREADABLE], false),
  broken: () =>
    view([
      {
        ...PRODUCTION,
        connection: failing(
          "Not connected",
          "gateway_broken",
          "This profile's gateway broke down over a mistake of Postern's own. The other servers go on.",
          "Postern starts it again by itself. If it stays so, save a report, and send it to whoever looks after Postern.",
          ["save-report"],
          Date.UTC(2030, 0, 1, 12, 0, 30),
        ),
      },
      ...SERVERS.slice(1, 3),
    ]),
  crashed: () => ({
    ...view(SERVERS),
    crash: {
      atMs: Date.UTC(2026, 2, 9, 14, 5),
      exact: true,
      trouble: {
        code: "ended_unexpectedly",
        sentence: "Postern ended unexpectedly last time.",
        remedy:
          "It made a mistake of its own, at src/shell.rs:142:17. A report, saved in its settings, says what came before.",
      },
    },
  }),
  "vault-absent": () => ({
    ...view(
      [
        {
          ...PRODUCTION,
          connection: failing("Not connected", "vault_absent", VAULT_ABSENT.sentence, VAULT_ABSENT.remedy, [
            "keep-in-memory",
          ]),
        },
      ],
      [VAULT_ABSENT],
    ),
    vault: "absent",
  }),
  "vault-absent-at-first": () => ({ ...view([], [VAULT_ABSENT]), vault: "absent" }),
  "in-memory": () => ({ ...view([PRODUCTION]), vault: "in-memory" }),
  unlocking: () => ({
    ...view([
      {
        ...PRODUCTION,
        connection: { ...STARTING, state: "unlocking", label: "Waiting for your keychain to be unlocked" },
      },
      ...SERVERS.slice(5, 6),
    ]),
    vault: "unlocking",
  }),
  "vault-locked": () => view(SERVERS, [VAULT_LOCKED]),
  long: () => view([LONG, ...SERVERS]),
  many: () =>
    view(
      Array.from({ length: 40 }, (_, index) =>
        server({
          id: `server-${index}`,
          name: `Server ${index + 1}`,
          url: `https://prefect-${index + 1}.example.com`,
          port: 4301 + index,
          color: COLORS[index % COLORS.length] ?? null,
          connection: index % 3 === 0 ? UP : OFF,
        }),
      ),
    ),
};

/**
 * The backend of one example; `refusing` refuses every action and `cut-off` every call, `stumbling` the first one for
 * what went through.
 */
export function fixture(name: string): Backend {
  let stumbles = name === "stumbling";
  let now = (VIEWS[name] ?? VIEWS["servers"]!)();
  let changed: (view: ManagerView) => void = () => undefined;
  let stop = (): void => undefined;

  function show(next: Partial<ManagerView>): void {
    now = { ...now, ...next };
    changed(now);
  }

  function set(id: string, connection: ConnectionView): void {
    show({ servers: now.servers.map((one) => (one.id === id ? { ...one, connection } : one)) });
  }

  async function act(action: ManagerAction): Promise<void> {
    if (name === "refusing" || name === "cut-off") {
      const trouble: Trouble = {
        code: "vault_refused",
        sentence: "The keychain refused to hand out this profile’s secrets.",
        remedy: "Allow Postern to use the keychain when it asks, then try again.",
      };
      throw name === "refusing" ? trouble : new Error("the window is not connected");
    }
    switch (action.do) {
      case "connect":
        set(action.id, STARTING);
        setTimeout(() => set(action.id, UP), 400);
        return;
      case "disconnect":
        return set(action.id, OFF);
      case "look": {
        const one = now.servers.find(({ id }) => id === action.id);
        // What is saved fails as its connection does.
        const wrong = { kind: "basic", username: "ada", password: { set: "wrong" } } as const;
        if (one !== undefined) {
          const edge = one.connection.trouble === null ? one.form.edge : wrong;
          lookAt(0, { ...one.form, edge }, [], (look) =>
            show({ servers: now.servers.map((one) => (one.id === action.id ? { ...one, look } : one)) }),
          );
        }
        return;
      }
      case "look-away":
        stop();
        // What was typed goes with it.
        stop = () => undefined;
        return show({ look: null });
      case "find-imports":
        show({ import: { candidates: null, troubles: [], places: [] } });
        setTimeout(() => now.import !== null && show({ import: imports(name, now.servers) }), 50);
        return;
      case "import":
        return importAll(action.keys);
      case "forget-imports":
        return show({ import: null });
      case "set-notices":
        // As in the app: it is written meanwhile.
        setTimeout(() => show({ notices: action.notices }), 50);
        return;
      case "keep-in-memory":
        return show({ vault: "in-memory", troubles: [] });
      case "give-up-unlocking":
        return show({ vault: "kept", troubles: [VAULT_LOCKED] });
      case "dismiss-crash":
        return show({ crash: null });
      case "set-log":
        setTimeout(() => show({ log: action.level }), 50);
        return;
      case "set-shortcut": {
        const trouble = {
          code: "shortcut_invalid",
          sentence: "A shortcut needs Ctrl, Alt or Super.",
          remedy: "Write it like Ctrl+Alt+P, or nothing for none.",
        };
        const isShortcut = action.keys === "" || action.keys.includes("+");
        return show({
          shortcut: isShortcut ? { keys: action.keys, trouble: null } : { keys: now.shortcut.keys, trouble },
        });
      }
      case "remove":
        return show({ servers: now.servers.filter(({ id }) => id !== action.id) });
      case "open":
        // As in the app: what is off is connected first.
        if (now.servers.some(({ id, connection }) => id === action.id && connection === OFF)) {
          setTimeout(() => set(action.id, UP), 400);
        }
        return;
      case "open-in-browser":
      case "open-logs":
      case "copy-api-url":
      case "copy-as-curl":
        return;
    }
  }

  function mark(key: string, state: ImportState): void {
    if (now.import === null) return;
    const candidates =
      now.import.candidates?.map((one) => (one.key === key ? { ...one, state } : one)) ?? null;
    show({ import: { ...now.import, candidates } });
  }

  /** One after the other, as in the app; the keychain of this example takes no password of “staging”. */
  async function importAll(keys: string[]): Promise<void> {
    for (const key of keys) mark(key, { kind: "waiting" });
    for (const key of keys) {
      const candidate = now.import?.candidates?.find((one) => one.key === key);
      if (candidate === undefined) continue;
      await new Promise((resolve) => setTimeout(resolve, 50));
      if (key === "staging") {
        mark(key, { kind: "failed", message: `${VAULT_LOCKED.sentence} ${VAULT_LOCKED.remedy}` });
        continue;
      }
      const id = await save({ ...BLANK, name: key, url: candidate.url });
      const left =
        "Its secrets still stand where they were (/home/ada/.prefect/profiles.toml, line 8). They can be taken out there as soon as Prefect goes through Postern.";
      mark(key, { kind: "done", id, left: candidate.contents.length > 0 ? left : null });
    }
  }

  async function save(draft: Draft): Promise<string> {
    const errors = complaints(draft, now);
    if (errors.length > 0) throw { errors } satisfies SaveErrors;
    const host = URL.parse(draft.url)?.hostname ?? draft.url;
    const id = draft.id ?? host.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
    const form = withoutSecrets({ ...draft, id, name: draft.name || host, port: draft.port ?? 4299 });
    const before = now.servers.find((one) => one.id === id);
    const secrets = slotsOf(form).map((slot) => ({ slot, saved: true }));
    const after = viewOf(form, before?.connection ?? OFF, secrets);
    show({
      servers:
        before === undefined
          ? [...now.servers, after]
          : now.servers.map((one) => (one.id === id ? after : one)),
    });
    return id;
  }

  return {
    view: async () => {
      if (name === "cut-off") throw new Error("the window is not connected");
      if (name === "loading") return new Promise(() => undefined);
      return now;
    },
    watch: async (listener) => {
      changed = listener;
      // What is done elsewhere: in the tray, and when a test says so.
      if (name === "diagnosed") void act({ do: "look", id: "prod" });
      addEventListener("removed-elsewhere", () => show({ servers: [] }));
      return () => (changed = () => undefined);
    },
    act,
    look: async (number, draft) => {
      stop();
      const taken = now.servers.map(({ color }) => color);
      stop = lookAt(number, draft, taken, (look) => show({ look }));
    },
    save,
    activity: async (id, after) => {
      if (!stumbles) return activity(name, id, after);
      stumbles = false;
      throw new Error("the window is not connected");
    },
    use,
    report: async () => {
      if (name === "refusing") throw DISK_FULL;
      return "/home/ada/Downloads/postern-report-20260309T140500Z.zip";
    },
    export: async (id) => {
      if (name === "refusing") throw DISK_FULL;
      return `/home/ada/Downloads/postern-${id}-20260309T140500Z.har`;
    },
  };
}

function withoutSecrets(draft: Draft): Draft {
  const { edge, prefect } = draft;
  return {
    ...draft,
    edge:
      edge.kind === "basic"
        ? { ...edge, password: "keep" }
        : edge.kind === "bearer"
          ? { ...edge, token: "keep" }
          : edge,
    prefect: prefect.kind === "own" ? { ...prefect, password: "keep" } : prefect,
    headers: draft.headers.map(({ name }) => ({ name, value: "keep" })),
    clientKey: "keep",
    clientKeyPassword: "keep",
  };
}

/** A few of the controller's rules, for their looks. */
function complaints(draft: Draft, { servers }: ManagerView): FieldError[] {
  const errors: FieldError[] = [];
  if (URL.parse(draft.url) === null) {
    errors.push({
      field: "url",
      message: "Is no web address. Begin it with https:// (or http:// where the server has no TLS).",
    });
  }
  if (draft.edge.kind === "basic" && draft.edge.username === "") {
    errors.push({ field: "edge.username", message: "Is empty. Give the user name, without the password." });
  }
  draft.headers.forEach(({ name }, index) => {
    if (/^(host|prefect-csrf-.*)$/i.test(name)) {
      errors.push({
        field: `headers.${index}.name`,
        message: `“${name}” may not be set: Prefect’s clients set it.`,
      });
    }
  });
  const other = servers.find(({ id, form }) => id !== draft.id && form.port === draft.port);
  if (other !== undefined && draft.port !== null) {
    errors.push({
      field: "port",
      message: `Port ${draft.port} belongs to “${other.name}”. Take another, or none.`,
    });
  }
  return errors;
}
