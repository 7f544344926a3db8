// The manager's types, made from crates/control/src/view.rs by `cargo xtask bindings`. Do not edit.

/** What went through a profile's gateway since the page asked last. */
export type ActivityView = {
  /** The oldest first. */
  exchanges: Array<ExchangeView>,
  /** The newest one's number: to be asked with the next time. */
  newest: number,
  /** So many are kept at most. */
  kept: number,
  /** So many came too fast to be recorded. */
  missed: number,
};

/** What a server asks for: questions that a form has. */
export type Ask = "edge" | "prefect" | "headers" | "ca" | "client-certificate" | "proxy";

/** One server. */
export type CandidateView = {
  /** What it is called there, and asked for by. */
  key: string,
  /** File and line, or variable. */
  place: string,
  /** Whether Prefect uses it now. */
  inUse: boolean,
  /** Where the UI is; empty where that cannot be told. */
  url: string,
  /** Where the API is, where that does not follow. */
  apiUrl: string,
  /** What comes with it, a phrase for each. */
  contents: Array<string>,
  /** What does not, and why. */
  notes: Array<string>,
  /** How far it is. */
  state: ImportState,
};

/** How a check ended. */
export type CheckState = "passed" | "warned" | "failed" | "skipped";

/** One layer, looked at. */
export type CheckView = {
  /** What was looked at, in a word or two. */
  label: string,
  /** How it ended. */
  state: CheckState,
  /** What was seen. */
  evidence: string,
  /** Where it warned or failed. */
  trouble: Trouble | null,
};

/** The colours a profile can have; chosen to differ also for colour-blind people. */
export type Color = "red" | "orange" | "yellow" | "green" | "teal" | "blue" | "purple" | "gray";

/** When a profile's gateway starts. */
export type Connect = "always" | "on-demand";

/** The picture beside a profile. */
export type ConnectionState = "off" | "starting" | "unlocking" | "up" | "failing" | "sign-in";

/** How a profile is, with the reason. */
export type ConnectionView = {
  /** For the picture. */
  state: ConnectionState,
  /** Whether somebody wants it connected: where the toggle stands. */
  wanted: boolean,
  /** `Connected`, `Connecting…`, `Not connected`: never a colour alone. */
  label: string,
  /** Prefect's version, when known. */
  version: string | null,
  /** Milliseconds, when known. */
  latencyMs: number | null,
  /** What is wrong, when something is. */
  trouble: Trouble | null,
  /** What a person can do about it here, besides trying again. */
  steps: Array<Step>,
  /** Milliseconds since 1970 at which it is tried again by itself. */
  nextTryMs: number | null,
};

/** How the run before ended, where it ended badly. */
export type CrashView = {
  /** Milliseconds since 1970. */
  atMs: number,
  /** That is when it ended; else it was still alive then. */
  exact: boolean,
  /** In words. */
  trouble: Trouble,
};

/** How one door is used. */
export type DoorUse = {
  /** Which. */
  door: DoorView,
  /** In the last minutes. */
  requests: number,
  /** When the last one began, in milliseconds since 1970. */
  lastMs: number | null,
  /** Sockets that are open. */
  sockets: number,
};

/** Who asks. */
export type DoorView = "window" | "browser" | "program" | "refused";

/** A profile as the form has it: text, not yet valid. Comes back with the same shape. */
export type Draft = {
  /** The profile being edited; `None` adds one. */
  id: string | null,
  /** May be empty: taken from the address. */
  name: string,
  /** The server's address. */
  url: string,
  /** Empty: `url` + `/api`. */
  apiUrl: string,
  /** `None`: the next free one. */
  port: number | null,
  /** Its colour. */
  color: Color | null,
  /** Refuse what writes. */
  readOnly: boolean,
  /** When its gateway starts. */
  connect: Connect,
  /** Which local programs are let in. */
  localPrograms: LocalProgramsChoice,
  /** What the edge asks for. */
  edge: EdgeDraft,
  /** What Prefect asks for. */
  prefect: PrefectDraft,
  /** Further headers. */
  headers: Array<HeaderDraft>,
  /** Paths; empty for none. */
  caFile: string,
  /** Path; empty for none. */
  clientCertFile: string,
  /** Path; empty where the key is beside the certificate, or in vault slot `client-key`. */
  clientKeyFile: string,
  /** The key itself, where it is not in a file. */
  clientKey: SecretInput,
  /** Its passphrase, where it has one. */
  clientKeyPassword: SecretInput,
  /** Check the server's certificate. */
  verify: boolean,
  /** `system`, `none`, `http://…`, `socks5://…` */
  proxy: string,
};

/** What the edge asks for. */
export type EdgeDraft = { "kind": "none" } | { "kind": "basic",
  /** No colon. */
  username: string,
  /** Vault slot `edge-password`. */
  password: SecretInput, } | { "kind": "bearer",
  /** Vault slot `edge-token`. */
  token: SecretInput,
};

/** One request and its answer. */
export type ExchangeView = {
  /** In the order in which they were over. */
  number: number,
  /** When it began, in milliseconds since 1970. */
  atMs: number,
  /** Who asked. */
  door: DoorView,
  /** As received. */
  method: string,
  /** As received, without its query. */
  path: string,
  /** As answered; `None` where whoever asked left before there was an answer. */
  status: number | null,
  /** Until the answer's head, or until they left. */
  tookMs: number,
  /** Until the answer's end. */
  lastedMs: number,
  /** Bytes of the request's body. */
  received: number,
  /** Bytes of the answer's body. */
  sent: number,
  /** Why the answer is Postern's own, where it is. */
  fault: Trouble | null,
};

/** What is wrong with one field. */
export type FieldError = {
  /** The field's path, or empty. */
  field: string,
  /** What happened and what to do. */
  message: string,
};

/** What a look came to. */
export type FoundView = {
  /** Whether everything works; there may be warnings. */
  ok: boolean,
  /** In one sentence, and what to do. */
  verdict: Trouble,
  /** What would help, of what a form can give. */
  asks: Array<Ask>,
  /** The address that was looked at, as it is saved. */
  url: string,
  /** Where the server was found instead, where it was. */
  foundAt: Place | null,
  /** Prefect's version, when known. */
  version: string | null,
  /** Milliseconds, when known. */
  latencyMs: number | null,
  /** What a new server there may be called. */
  name: string,
  /** Its colour. */
  color: Color,
};

/** One header. */
export type HeaderDraft = {
  /** As typed. */
  name: string,
  /** Vault slot `header-<name>`. */
  value: SecretInput,
};

/** How far a candidate is. */
export type ImportState = { "kind": "open" } | { "kind": "barred",
  /** Why. */
  trouble: Trouble, } | { "kind": "waiting" } | { "kind": "done",
  /** Which. */
  id: string,
  /** What is to be known of its old secrets, where it has any. */
  left: string | null, } | { "kind": "failed",
  /** Why. */
  message: string,
};

/** All that was found, and what became of it. */
export type ImportView = {
  /** `None` while it is looked for. */
  candidates: Array<CandidateView> | null,
  /** What could not be read, each with its file and line. */
  troubles: Array<Trouble>,
  /** Where was looked, whether or not something is there. */
  places: Array<string>,
};

/** A fault, and the last request that met it. */
export type LastFault = {
  /** What. */
  trouble: Trouble,
  /** How often, since Postern started. */
  times: number,
  /** In milliseconds since 1970. */
  atMs: number,
  /** Who asked. */
  door: DoorView,
  /** For what. */
  method: string,
  /** Without its query. */
  path: string,
};

/** Where the window leads, once for each number. */
export type LeadView = {
  /** Another one each time. */
  number: number,
  /** The server to show; without one, a form for a new one. */
  id: string | null,
  /** What the form has in it. */
  url: string | null,
};

/** Which local programs are let in. */
export type LocalProgramsChoice = "key" | "open" | "off";

/** How much Postern writes to its log: this, and what weighs more. */
export type LogLevel = "error" | "warn" | "info" | "debug" | "trace";

/** A look: how far it is, and what it came to. */
export type LookView = {
  /** The page's own, where it is at a form. */
  number: number,
  /** Those that have ended, in their order. */
  checks: Array<CheckView>,
  /** Why nobody was asked, by field. */
  errors: Array<FieldError>,
  /** What was found; `None` as long as it is under way, and where nobody was asked. */
  found: FoundView | null,
};

/** Something the manager asks for, besides saving a draft. */
export type ManagerAction = { "do": "connect", id: string, } | { "do": "disconnect", id: string, } | { "do": "open", id: string, } | { "do": "open-in-browser", id: string, } | { "do": "copy-api-url", id: string, } | { "do": "copy-as-curl", id: string, method: string, path: string, } | { "do": "look", id: string, } | { "do": "look-away" } | { "do": "find-imports" } | { "do": "import", keys: Array<string>, } | { "do": "forget-imports" } | { "do": "remove", id: string, } | { "do": "set-notices", notices: Notices, } | { "do": "set-log", level: LogLevel, } | { "do": "open-logs" } | { "do": "dismiss-crash" } | { "do": "keep-in-memory" } | { "do": "give-up-unlocking" } | { "do": "set-shortcut", keys: string,
};

/** Everything the manager shows. */
export type ManagerView = {
  /** Postern's version. */
  version: string,
  /** Why profiles.toml or the vault cannot be used, if so. Shown above everything. */
  troubles: Array<Trouble>,
  /** Whether changes can be saved (not while profiles.toml cannot be read). */
  canSave: boolean,
  /** In the file's order. */
  servers: Array<ServerView>,
  /** What the form starts from when a server is added. */
  blank: Draft,
  /** The look at what the form has. */
  look: LookView | null,
  /** What somebody wants to see of it. */
  lead: LeadView | null,
  /** What Prefect on this machine knows, once it was asked for. */
  import: ImportView | null,
  /** Which notices are given. */
  notices: Notices,
  /** How the quick switcher is called. */
  shortcut: ShortcutView,
  /** How much is written to the log. */
  log: LogLevel,
  /** How secrets are kept. */
  vault: VaultView,
  /** How the run before ended, until somebody says that they know. */
  crash: CrashView | null,
};

/** A switch for each kind of notice. */
export type Notices = {
  /** A server that was connected is so no more. */
  lost: boolean,
  /** It is again. */
  back: boolean,
  /** A person must sign in. */
  sign_in: boolean,
  /** A server's certificate ends soon. */
  certificate: boolean,
};

/** Where a server is, as a profile says it. */
export type Place = {
  /** Where its UI is. */
  url: string,
  /** Where its API is, where that is not `url` + `/api`. */
  api_url: string | null,
};

/** What Prefect's own auth string is. */
export type PrefectDraft = { "kind": "none" } | { "kind": "same-as-edge" } | { "kind": "own",
  /** Before the colon. */
  username: string,
  /** After it. Vault slot `prefect-password`. */
  password: SecretInput,
};

/** Why a draft was not saved: nothing has changed. */
export type SaveErrors = {
  /** One each, by field (`url`, `edge.username`, `headers.0.name`); empty where it is no field's. */
  errors: Array<FieldError>,
};

/** A secret on its way in. Serialised it is always `keep`: nothing is ever sent to the page. */
export type SecretInput = "keep" | { set: string };

/** One secret's place. */
export type SecretView = {
  /** `edge-password`, `header-…` */
  slot: string,
  /** Known to be there; `None` while the vault has not been asked, or cannot answer. */
  saved: boolean | null,
};

/** One profile and how it is. */
export type ServerView = {
  /** The profile's id. */
  id: string,
  /** What a person calls it. */
  name: string,
  /** The server's address. */
  url: string,
  /** Its colour. */
  color: Color | null,
  /** Writes are refused. */
  readOnly: boolean,
  /** The certificate is not checked: said loudly. */
  unverified: boolean,
  /** What is allowed but should be seen, in whole sentences. */
  warnings: Array<string>,
  /** How it is. */
  connection: ConnectionView,
  /** `http://127.0.0.1:<port>/api` */
  localApiUrl: string,
  /** What the form starts from when it is edited. */
  form: Draft,
  /** Vault slots the profile needs, and whether each is filled. */
  secrets: Array<SecretView>,
  /** The last look at it as it is saved. */
  look: LookView | null,
};

/** Keys that call the quick switcher whichever window has them. */
export type ShortcutView = {
  /** `Ctrl+Alt+P`; empty where there are none. */
  keys: string,
  /** Why they do nothing, if so. */
  trouble: Trouble | null,
};

/** What a person can do about a trouble in the manager. */
export type Step = "edit-settings" | "find-cause" | "keep-in-memory" | "save-report";

/** What is wrong, for a person. */
export type Trouble = {
  /** Stable, for programs and tests: `edge_credential_wrong`. */
  code: string,
  /** What happened and where. */
  sentence: string,
  /** What to do. */
  remedy: string,
};

/** Who uses a profile's gateway, and what went wrong lately. */
export type UseView = {
  /** How far back requests are counted. */
  minutes: number,
  /** Each door once. */
  doors: Array<DoorUse>,
  /** The last first, each kind once. */
  faults: Array<LastFault>,
};

/** How secrets are kept. */
export type VaultView = "kept" | "unlocking" | "absent" | "in-memory";
