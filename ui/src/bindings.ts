// Generated from crates/control by `cargo xtask bindings`. Do not edit.

/** Everything the manager shows. */
export type ManagerView = {
  /** Postern's version. */
  version: string;
  /** Why profiles.toml or the vault cannot be used, if so. Shown above everything. */
  troubles: Array<Trouble>;
  /** Whether changes can be saved (not while profiles.toml cannot be read). */
  canSave: boolean;
  /** In the file's order. */
  servers: Array<ServerView>;
  /** What the form starts from when a server is added. */
  blank: Draft;
};

/** One profile and how it is. */
export type ServerView = {
  id: string;
  name: string;
  url: string;
  color: Color | null;
  readOnly: boolean;
  unverified: boolean;
  /** What is allowed but should be seen, in whole sentences. */
  warnings: Array<string>;
  connection: ConnectionView;
  localApiUrl: string;
  form: Draft;
  secrets: Array<SecretView>;
};

/** One secret's place. */
export type SecretView = { slot: string; saved: boolean | null };

/** How a profile is, with the reason. */
export type ConnectionView = {
  state: ConnectionState;
  /** Whether somebody wants it connected: where the toggle stands. */
  wanted: boolean;
  label: string;
  version: string | null;
  latencyMs: number | null;
  trouble: Trouble | null;
  /** Milliseconds since 1970 at which it is tried again by itself. */
  nextTryMs: number | null;
};

/** The picture beside a profile. */
export type ConnectionState = "off" | "starting" | "up" | "failing" | "sign-in";

/** What is wrong, for a person. */
export type Trouble = { code: string; sentence: string; remedy: string };

/** A profile as the form has it: text, not yet valid. Comes back with the same shape. */
export type Draft = {
  id: string | null;
  name: string;
  url: string;
  apiUrl: string;
  port: number | null;
  color: Color | null;
  readOnly: boolean;
  connect: Connect;
  localPrograms: LocalProgramsChoice;
  edge: EdgeDraft;
  prefect: PrefectDraft;
  headers: Array<HeaderDraft>;
  caFile: string;
  clientCertFile: string;
  clientKeyFile: string;
  clientKey: SecretInput;
  verify: boolean;
  proxy: string;
};

/** Which local programs are let in. */
export type LocalProgramsChoice = "key" | "open" | "off";

/** What the edge asks for. */
export type EdgeDraft =
  | { kind: "none" }
  | { kind: "basic"; username: string; password: SecretInput }
  | { kind: "bearer"; token: SecretInput };

/** What Prefect's own auth string is. */
export type PrefectDraft =
  | { kind: "none" }
  | { kind: "same-as-edge" }
  | { kind: "own"; username: string; password: SecretInput };

/** One header. */
export type HeaderDraft = { name: string; value: SecretInput };

/** A secret on its way in. Serialised it is always `keep`: nothing is ever sent to the page. */
export type SecretInput = "keep" | { set: string };

/** Something the manager asks for, besides saving a draft. */
export type ManagerAction =
  | { do: "connect"; id: string }
  | { do: "disconnect"; id: string }
  | { do: "open"; id: string }
  | { do: "open-in-browser"; id: string }
  | { do: "copy-api-url"; id: string }
  | { do: "remove"; id: string };

/** Why a draft was not saved: nothing has changed. */
export type SaveErrors = { errors: Array<FieldError> };

/** What is wrong with one field. */
export type FieldError = { field: string; message: string };

/** When a profile's gateway starts. */
export type Connect = "always" | "on-demand";

/** The colours a profile can have; chosen to differ also for colour-blind people. */
export type Color = "red" | "orange" | "yellow" | "green" | "teal" | "blue" | "purple" | "gray";
