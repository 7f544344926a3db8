//! The manager's window as plain data: what `ui/` renders and what it sends back.
//!
//! The types here become TypeScript in `ui/src/bindings.ts` (`cargo xtask bindings`). Secrets travel one
//! way, into [`SecretInput::Set`]; no view holds one.

use postern_gateway::Secret;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::controller::State;
use crate::profile::{Color, Connect};

/// Everything the manager shows.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ManagerView {
    /// Postern's version.
    pub version: String,
    /// Why profiles.toml or the vault cannot be used, if so. Shown above everything.
    pub troubles: Vec<Trouble>,
    /// Whether changes can be saved (not while profiles.toml cannot be read).
    pub can_save: bool,
    /// In the file's order.
    pub servers: Vec<ServerView>,
}

/// One profile and how it is.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ServerView {
    /// The profile's id.
    pub id: String,
    /// What a person calls it.
    pub name: String,
    /// The server's address.
    pub url: String,
    /// Its colour.
    pub color: Option<Color>,
    /// Writes are refused.
    pub read_only: bool,
    /// The certificate is not checked: said loudly.
    pub unverified: bool,
    /// How it is.
    pub connection: ConnectionView,
    /// `http://127.0.0.1:<port>/api`
    pub local_api_url: String,
    /// What the form starts from when it is edited.
    pub form: Draft,
    /// Vault slots the profile needs, and whether each is filled.
    pub secrets: Vec<SecretView>,
}

/// One secret's place.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SecretView {
    /// `edge-password`, `header-…`
    pub slot: String,
    /// Known to be there; `None` while the vault has not been asked, or cannot answer.
    pub saved: Option<bool>,
}

/// How a profile is, with the reason.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionView {
    /// For the picture.
    pub state: ConnectionState,
    /// `Connected`, `Connecting…`, `Not reachable`: never a colour alone.
    pub label: String,
    /// Prefect's version, when known.
    pub version: Option<String>,
    /// Milliseconds, when known.
    pub latency_ms: Option<u32>,
    /// What is wrong, when something is.
    pub trouble: Option<Trouble>,
}

/// The picture beside a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectionState {
    /// Not wanted.
    Off,
    /// On its way.
    Starting,
    /// The server answers and lets us in.
    Up,
    /// It does not.
    Failing,
    /// A person must sign in at an identity provider.
    SignIn,
}

/// What is wrong, for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Trouble {
    /// Stable, for programs and tests: `edge_credential_wrong`.
    pub code: String,
    /// What happened and where.
    pub sentence: String,
    /// What to do.
    pub remedy: String,
}

/// A profile as the form has it: text, not yet valid. Comes back with the same shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Draft {
    /// The profile being edited; `None` adds one.
    pub id: Option<String>,
    /// May be empty: taken from the address.
    pub name: String,
    /// The server's address.
    pub url: String,
    /// Empty: `url` + `/api`.
    pub api_url: String,
    /// `None`: the next free one.
    pub port: Option<u16>,
    /// Its colour.
    pub color: Option<Color>,
    /// Refuse what writes.
    pub read_only: bool,
    /// When its gateway starts.
    pub connect: Connect,
    /// Which local programs are let in.
    pub local_programs: LocalProgramsChoice,
    /// What the edge asks for.
    pub edge: EdgeDraft,
    /// What Prefect asks for.
    pub prefect: PrefectDraft,
    /// Further headers.
    pub headers: Vec<HeaderDraft>,
    /// Paths; empty for none.
    pub ca_file: String,
    /// Path; empty for none.
    pub client_cert_file: String,
    /// Path; empty for none, or for vault slot `client-key`.
    pub client_key_file: String,
    /// The key itself, where it is not in a file.
    pub client_key: SecretInput,
    /// Check the server's certificate.
    pub verify: bool,
    /// `system`, `none`, `http://…`, `socks5://…`
    pub proxy: String,
}

/// Which local programs are let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum LocalProgramsChoice {
    /// Those with the local key.
    Key,
    /// Any process of this user.
    Open,
    /// None.
    Off,
}

/// What the edge asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum EdgeDraft {
    /// Nothing.
    None,
    /// User name and password.
    Basic {
        /// No colon.
        username: String,
        /// Vault slot `edge-password`.
        password: SecretInput,
    },
    /// A token.
    Bearer {
        /// Vault slot `edge-token`.
        token: SecretInput,
    },
}

/// What Prefect's own auth string is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum PrefectDraft {
    /// It has none.
    None,
    /// The edge's user name and password: sent along, saved in both slots.
    SameAsEdge,
    /// Its own.
    Own {
        /// Before the colon.
        username: String,
        /// After it. Vault slot `prefect-password`.
        password: SecretInput,
    },
}

/// One header.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeaderDraft {
    /// As typed.
    pub name: String,
    /// Vault slot `header-<name>`.
    pub value: SecretInput,
}

/// A secret on its way in. Serialised it is always `keep`: nothing is ever sent to the page.
#[derive(Clone, Debug, Default, PartialEq, TS)]
#[ts(type = "\"keep\" | { set: string }")]
pub enum SecretInput {
    /// What the vault has stays.
    #[default]
    Keep,
    /// This from now on.
    Set(Secret),
}

impl Serialize for SecretInput {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("keep")
    }
}

impl<'de> Deserialize<'de> for SecretInput {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "lowercase")]
        enum Wire {
            Keep,
            Set(String),
        }
        Ok(match Wire::deserialize(deserializer)? {
            Wire::Keep => Self::Keep,
            Wire::Set(text) => Self::Set(Secret::new(text)),
        })
    }
}

/// Something the manager asks for, besides saving a draft.
#[derive(Clone, Debug, PartialEq, Deserialize, TS)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
#[allow(missing_docs, reason = "as in the tray's menu")]
pub enum ManagerAction {
    Connect { id: String },
    Disconnect { id: String },
    Open { id: String },
    OpenInBrowser { id: String },
    CopyApiUrl { id: String },
    /// With its secrets.
    Remove { id: String },
}

/// Why a draft was not saved: nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SaveErrors {
    /// One each, by field (`url`, `edge.username`, `headers.0.name`); empty where it is no field's.
    pub errors: Vec<FieldError>,
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct FieldError {
    /// The field's path, or empty.
    pub field: String,
    /// What happened and what to do.
    pub message: String,
}

/// Computes the manager's view from the state.
#[must_use]
pub fn manager(_state: &State) -> ManagerView {
    todo!()
}
