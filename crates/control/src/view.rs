//! The manager's window as plain data: what `ui/` renders and what it sends back.
//!
//! The types here become TypeScript in `ui/src/bindings.ts` (`cargo xtask bindings`). Secrets travel one
//! way, into [`SecretInput::Set`]; no view holds one.

mod activity;
pub mod bindings;
mod draft;
mod import;
mod look;
mod trouble;

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::controller::{Connection, Entry, Event, Lead, State};
use crate::profile::{Color, InvalidId};
use crate::settings::{LogLevel, Notices, Setting};

pub use self::activity::{ActivityView, DoorUse, DoorView, ExchangeView, LastFault, UseView};
pub(crate) use self::draft::prepare;
pub use self::draft::{
    Draft, EdgeDraft, FieldError, HeaderDraft, LocalProgramsChoice, PrefectDraft, SaveErrors, SecretInput,
};
pub use self::import::{CandidateView, ImportState, ImportView};
pub use self::look::{CheckView, FoundView, LookView};
pub use self::trouble::{Step, Trouble};

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
    /// What the form starts from when a server is added.
    pub blank: Draft,
    /// The look at what the form has.
    pub look: Option<LookView>,
    /// What somebody wants to see of it.
    pub lead: Option<LeadView>,
    /// What Prefect on this machine knows, once it was asked for.
    pub import: Option<ImportView>,
    /// Which notices are given.
    pub notices: Notices,
    /// How the quick switcher is called.
    pub shortcut: ShortcutView,
    /// How much is written to the log.
    pub log: LogLevel,
    /// How secrets are kept.
    pub vault: VaultView,
    /// How the run before ended, until somebody says that they know.
    pub crash: Option<CrashView>,
}

/// How secrets are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum VaultView {
    /// As they are to be; or what is wrong stands among the troubles.
    Kept,
    /// The keychain waits for a person to unlock it.
    Unlocking,
    /// There is no keychain. They could be in memory instead.
    Absent,
    /// In memory, in place of a keychain: gone when Postern ends.
    InMemory,
}

/// How the run before ended, where it ended badly.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct CrashView {
    /// Milliseconds since 1970.
    #[ts(type = "number")]
    pub at_ms: u64,
    /// That is when it ended; else it was still alive then.
    pub exact: bool,
    /// In words.
    pub trouble: Trouble,
}

/// Keys that call the quick switcher whichever window has them.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ShortcutView {
    /// `Ctrl+Alt+P`; empty where there are none.
    pub keys: String,
    /// Why they do nothing, if so.
    pub trouble: Option<Trouble>,
}

/// Where the window leads, once for each number.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct LeadView {
    /// Another one each time.
    #[ts(type = "number")]
    pub number: u64,
    /// The server to show; without one, a form for a new one.
    pub id: Option<String>,
    /// What the form has in it.
    pub url: Option<String>,
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
    /// What is allowed but should be seen, in whole sentences.
    pub warnings: Vec<String>,
    /// How it is.
    pub connection: ConnectionView,
    /// `http://127.0.0.1:<port>/api`
    pub local_api_url: String,
    /// What the form starts from when it is edited.
    pub form: Draft,
    /// Vault slots the profile needs, and whether each is filled.
    pub secrets: Vec<SecretView>,
    /// The last look at it as it is saved.
    pub look: Option<LookView>,
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
    /// Whether somebody wants it connected: where the toggle stands.
    pub wanted: bool,
    /// `Connected`, `Connecting…`, `Not connected`: never a colour alone.
    pub label: String,
    /// Prefect's version, when known.
    pub version: Option<String>,
    /// Milliseconds, when known.
    pub latency_ms: Option<u32>,
    /// What is wrong, when something is.
    pub trouble: Option<Trouble>,
    /// What a person can do about it here, besides trying again.
    pub steps: Vec<Step>,
    /// Milliseconds since 1970 at which it is tried again by itself.
    #[ts(type = "number | null")]
    pub next_try_ms: Option<u64>,
}

/// The picture beside a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectionState {
    /// Not wanted.
    Off,
    /// On its way.
    Starting,
    /// The same, and the keychain waits for a person.
    Unlocking,
    /// The server answers and lets us in.
    Up,
    /// It does not.
    Failing,
    /// A person must sign in at an identity provider.
    SignIn,
}

/// Something the manager asks for, besides saving a draft.
#[derive(Clone, Debug, PartialEq, Deserialize, TS)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
#[allow(missing_docs, reason = "as in the tray's menu")]
pub enum ManagerAction {
    /// Where it is failing: try again now.
    Connect {
        id: String,
    },
    Disconnect {
        id: String,
    },
    Open {
        id: String,
    },
    OpenInBrowser {
        id: String,
    },
    CopyApiUrl {
        id: String,
    },
    /// The request again, for a shell: no credential is in it.
    CopyAsCurl {
        id: String,
        method: String,
        path: String,
    },
    /// See which layer refuses.
    Look {
        id: String,
    },
    /// The form is closed: what it had is looked at no more.
    LookAway,
    /// See what Prefect on this machine knows.
    FindImports,
    /// Import these of it.
    Import {
        keys: Vec<String>,
    },
    /// Nobody looks at that any more.
    ForgetImports,
    /// With its secrets.
    Remove {
        id: String,
    },
    /// Give notices of these kinds.
    SetNotices {
        notices: Notices,
    },
    /// Write so much to the log.
    SetLog {
        level: LogLevel,
    },
    /// Show the folder of the log.
    OpenLogs,
    /// It is known how the run before ended.
    DismissCrash,
    /// Keep secrets in memory as long as Postern runs, where there is no keychain.
    KeepInMemory,
    /// Wait no more for the keychain to be unlocked.
    GiveUpUnlocking,
    /// Call the quick switcher by these keys; by none, where it is empty.
    SetShortcut {
        keys: String,
    },
}

impl TryFrom<ManagerAction> for Event {
    type Error = InvalidId;

    fn try_from(action: ManagerAction) -> Result<Self, InvalidId> {
        Ok(match action {
            ManagerAction::Connect { id } => Self::Connect(id.parse()?),
            ManagerAction::Disconnect { id } => Self::Disconnect(id.parse()?),
            ManagerAction::Open { id } => Self::Open(id.parse()?),
            ManagerAction::OpenInBrowser { id } => Self::OpenInBrowser(id.parse()?),
            ManagerAction::CopyApiUrl { id } => Self::CopyApiUrl(id.parse()?),
            ManagerAction::CopyAsCurl { id, method, path } => Self::CopyAsCurl { id: id.parse()?, method, path },
            ManagerAction::Look { id } => Self::Look(id.parse()?),
            ManagerAction::LookAway => Self::LookAway,
            ManagerAction::FindImports => Self::FindImports,
            ManagerAction::Import { keys } => Self::Import(keys),
            ManagerAction::ForgetImports => Self::ForgetImports,
            ManagerAction::SetNotices { notices } => Self::Settle(Setting::Notices(notices)),
            ManagerAction::SetLog { level } => Self::Settle(Setting::Log(level)),
            ManagerAction::OpenLogs => Self::OpenLogs,
            ManagerAction::DismissCrash => Self::DismissCrash,
            ManagerAction::KeepInMemory => Self::KeepInMemory,
            ManagerAction::GiveUpUnlocking => Self::GiveUpUnlocking,
            ManagerAction::SetShortcut { keys } if keys.trim().is_empty() => Self::SetShortcut(Ok(None)),
            ManagerAction::SetShortcut { keys } => Self::SetShortcut(keys.parse().map(Some)),
            ManagerAction::Remove { id } => Self::Remove { ticket: None, id: id.parse()? },
        })
    }
}

/// Computes the manager's view from the state.
#[must_use]
pub fn manager(state: &State) -> ManagerView {
    let profiles = state.profiles();
    ManagerView {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        troubles: [&state.file_trouble, &state.settings_trouble, &state.vault_trouble]
            .into_iter()
            .flatten()
            .cloned()
            .collect(),
        can_save: state.file_trouble.is_none(),
        servers: state.entries.iter().map(server).collect(),
        blank: Draft::default(),
        look: state.look.as_ref().map(|look| LookView::new(look, &profiles)),
        lead: state.lead.as_ref().map(|(number, lead)| LeadView {
            number: *number,
            id: if let Lead::To(id) = lead { Some(id.to_string()) } else { None },
            url: if let Lead::New(Some(url)) = lead { Some(url.to_string()) } else { None },
        }),
        import: state.import.as_ref().map(|import| ImportView::new(import, &profiles)),
        notices: state.settings.notices,
        shortcut: ShortcutView {
            keys: state.settings.switcher.shortcut.map(|shortcut| shortcut.to_string()).unwrap_or_default(),
            trouble: state.shortcut_trouble.clone(),
        },
        log: state.settings.log,
        vault: vault(state),
        crash: state.crash.as_ref().map(|crash| CrashView {
            at_ms: since_1970(crash.at).unwrap_or_default(),
            exact: crash.mistake.is_some(),
            trouble: crash.trouble(),
        }),
    }
}

fn vault(state: &State) -> VaultView {
    if state.unlocking {
        VaultView::Unlocking
    } else if state.offers_memory() {
        VaultView::Absent
    } else if state.in_memory {
        VaultView::InMemory
    } else {
        VaultView::Kept
    }
}

fn server(entry: &Entry) -> ServerView {
    let profile = &entry.profile;
    ServerView {
        id: profile.id.to_string(),
        name: profile.name.clone(),
        url: profile.url.to_string(),
        color: profile.color,
        read_only: profile.read_only,
        unverified: !profile.tls.verify,
        warnings: profile.warnings().into_iter().map(|remark| remark.message).collect(),
        connection: connection(&entry.connection),
        local_api_url: profile.local_api_url(),
        form: Draft::from(profile),
        secrets: entry.slots.iter().map(|(slot, saved)| SecretView { slot: slot.to_string(), saved: *saved }).collect(),
        look: entry.look.as_ref().map(|look| LookView::new(look, &[])),
    }
}

fn connection(connection: &Connection) -> ConnectionView {
    let (state, version, latency, next_try) = match connection {
        Connection::Off => (ConnectionState::Off, None, None, None),
        Connection::Starting | Connection::Checking => (ConnectionState::Starting, None, None, None),
        Connection::Unlocking => (ConnectionState::Unlocking, None, None, None),
        Connection::Up { version, latency, .. } => (ConnectionState::Up, version.clone(), *latency, None),
        Connection::Failing { next_try, .. } => (ConnectionState::Failing, None, None, *next_try),
        Connection::PortTaken { .. } => (ConnectionState::Failing, None, None, None),
        Connection::SignInRequired { .. } => (ConnectionState::SignIn, None, None, None),
    };
    ConnectionView {
        state,
        wanted: connection.wanted(),
        label: label(connection).to_owned(),
        version,
        latency_ms: latency.map(|latency| latency.as_millis().try_into().unwrap_or(u32::MAX)),
        trouble: connection.trouble().cloned(),
        steps: connection.trouble().map(Step::of).unwrap_or_default(),
        next_try_ms: next_try.and_then(since_1970),
    }
}

/// In milliseconds.
fn since_1970(at: SystemTime) -> Option<u64> {
    at.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_millis().try_into().ok()
}

/// How a profile is, in a word or two; the same in the tray, the manager and on the command line.
#[must_use]
pub fn label(connection: &Connection) -> &'static str {
    match connection {
        Connection::Off => "Off",
        Connection::Starting => "Connecting…",
        Connection::Unlocking => "Waiting for your keychain to be unlocked",
        Connection::Checking => "Checking…",
        Connection::Up { .. } => "Connected",
        Connection::Failing { .. } => "Not connected",
        Connection::SignInRequired { .. } => "Sign-in required",
        Connection::PortTaken { .. } => "Port taken",
    }
}

#[cfg(test)]
mod tests;
