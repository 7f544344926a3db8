//! All that can happen.

use std::time::SystemTime;

use postern_gateway::Status;
use url::Url;

use super::{Generation, Screen, Sight, Ticket, Timer};
use crate::change::Stored;
use crate::crash::Crash;
use crate::import::Found;
use crate::link::{InvalidLink, Link};
use crate::look::News;
use crate::menu::Action;
use crate::profile::{Profile, ProfileId, Slot};
use crate::settings::{Setting, Settings};
use crate::shortcut::{InvalidShortcut, Shortcut};
use crate::view::{Draft, SaveErrors, Trouble};

/// All that can happen. The first group is what people ask for; the second is what the driver brings.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Connect; where it is failing, start anew.
    Connect(ProfileId),
    /// Close the listener.
    Disconnect(ProfileId),
    /// Connect if off, else disconnect.
    Toggle(ProfileId),
    /// Open or focus the dashboard; connects first.
    Open(ProfileId),
    /// The same in the user's browser.
    OpenInBrowser(ProfileId),
    /// The same, at the page that a dashboard's window shows.
    OpenPageInBrowser {
        /// Whose.
        id: ProfileId,
        /// The page's, at the gateway.
        address: Url,
    },
    /// The server's own address of the page that a dashboard's window shows to the clipboard.
    CopyLink {
        /// Whose.
        id: ProfileId,
        /// The page's, at the gateway.
        address: Url,
    },
    /// Let a read-only profile's windows write for a while. The person was asked.
    AllowChanges {
        /// Whose.
        id: ProfileId,
        /// What they were asked about: nothing is allowed where the profile leads elsewhere by now.
        server: Url,
        /// From when on.
        at: SystemTime,
    },
    /// No more.
    ForbidChanges(ProfileId),
    /// Open the page that somebody's link leads to; or offer to add its server; or say why not.
    Follow(Result<Link, InvalidLink>),
    /// `http://127.0.0.1:<port>/api` to the clipboard.
    CopyApiUrl(ProfileId),
    /// What sends programs through the gateway, as `postern env` prints it, to the clipboard.
    CopyEnvironment(ProfileId),
    /// A request of the profile's, as a command for a shell, to the clipboard.
    CopyAsCurl {
        /// Whose.
        id: ProfileId,
        /// As recorded.
        method: String,
        /// As recorded.
        path: String,
    },
    /// Show the manager.
    Manage,
    /// Show all servers, to choose one by a few letters.
    Switch,
    /// Show the manager with an empty form.
    Add,
    /// Show the profile in the manager, and look at its server.
    Diagnose(ProfileId),
    /// Show what was shown last: a dashboard, or the manager where there is none.
    Activate,
    /// Start with the session if it does not, else do so no more.
    ToggleStartAtLogin,
    /// Look at the server as it is saved; not where somebody looks already.
    Look(ProfileId),
    /// Look at what the form has, in place of what it had.
    LookAtForm {
        /// The form's own number of this look.
        number: u64,
        /// As typed.
        draft: Box<Draft>,
    },
    /// The form is closed.
    LookAway,
    /// Windows of ours were opened, closed, or looked at.
    Screen(Screen),
    /// See which servers Prefect on this machine knows.
    FindImports,
    /// Import these of them, by their keys.
    Import(Vec<String>),
    /// Nobody looks at them any more; their secrets are forgotten.
    ForgetImports,
    /// Have something otherwise.
    Settle(Setting),
    /// Show where the log is.
    OpenLogs,
    /// It is known how the run before ended.
    DismissCrash,
    /// Keep secrets in memory as long as Postern runs, where there is no keychain.
    KeepInMemory,
    /// Wait no more for the keychain to be unlocked.
    GiveUpUnlocking,
    /// Call the quick switcher by these keys, or by none.
    SetShortcut(Result<Option<Shortcut>, InvalidShortcut>),
    /// Stop all gateways and end.
    Quit,

    /// Save what the form has. Sent by [`super::Handle::save`].
    Save {
        /// Who waits.
        ticket: Ticket,
        /// As typed.
        draft: Box<Draft>,
    },
    /// Remove a profile and its secrets.
    Remove {
        /// Who waits; nobody does after a click, then a failure is shown.
        ticket: Option<Ticket>,
        /// Which.
        id: ProfileId,
    },
    /// profiles.toml was read, at the start or because it changed.
    Loaded(Result<Vec<Profile>, Trouble>),
    /// The save or removal under way (there is one at a time) has finished; nothing changed where it failed.
    Stored(Result<Stored, SaveErrors>),
    /// The vault was asked which slots are filled.
    LookedUp {
        /// Whose.
        id: ProfileId,
        /// What it said.
        outcome: Result<Vec<(Slot, bool)>, Trouble>,
    },
    /// A look goes on, or has ended.
    Looked {
        /// At what.
        sight: Sight,
        /// Which look.
        number: u64,
        /// What is heard of it.
        news: News,
    },
    /// What Prefect on this machine knows was read.
    ImportsFound(Found),
    /// The listener stands.
    Started(Generation),
    /// It does not, and never will in this generation.
    StartFailed {
        /// Which start.
        generation: Generation,
        /// Why.
        failure: Failure,
        /// When.
        at: SystemTime,
    },
    /// The gateway says how the server looks.
    Status {
        /// Which start.
        generation: Generation,
        /// Its words.
        status: Status,
        /// When.
        at: SystemTime,
    },
    /// A probe has ended, answered or not.
    Probed {
        /// Which start.
        generation: Generation,
        /// How the gateway sees the server now; the truth, whatever the probe itself got.
        status: Status,
        /// Whether anybody has used the gateway since the probe before.
        used: bool,
        /// When.
        at: SystemTime,
    },
    /// The server's certificate was looked at.
    CertificateSeen {
        /// Which start.
        generation: Generation,
        /// In how many days it ends, where that is soon.
        days: Option<u64>,
        /// When.
        at: SystemTime,
    },
    /// The gateway is gone: stopped as asked, or broken down.
    Ended {
        /// Which start.
        generation: Generation,
        /// When.
        at: SystemTime,
    },
    /// Time has passed.
    Due(Timer),
    /// settings.toml was written, or not.
    Settled(Result<Settings, Trouble>),
    /// The system lets us have the switcher's shortcut, or why not.
    ShortcutTaken(Result<(), Trouble>),
    /// The shell has seen whether Postern starts with the session; `None` where it cannot say.
    StartsAtLogin(Option<bool>),
    /// The keychain waits for a person to unlock it, or does so no more.
    VaultWaits(bool),
    /// The vault was asked whether it is there.
    VaultSeen(Result<(), Trouble>),
    /// The run before ended badly.
    Crashed(Crash),
    /// The machine has woken up, is in another network, or has another time: what was known of servers may be so no more.
    WorldChanged,
    /// The system began or ceased to save its battery.
    Saving(bool),
}

/// Why a gateway did not start.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// Another program has the port.
    PortTaken(Trouble),
    /// A slot is empty, or what is in it cannot be used.
    SecretMissing {
        /// Which.
        slot: Slot,
        /// In words.
        trouble: Trouble,
    },
    /// The vault does not answer.
    Vault {
        /// In words.
        trouble: Trouble,
        /// Whether asking again by ourselves is harmless: a locked vault would put up its prompt each time.
        ask_again: bool,
    },
    /// A file, a certificate, the system.
    Other(Trouble),
}

impl Event {
    /// When it happened, where it says so.
    pub(super) fn at(&self) -> Option<SystemTime> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "no others tell the time")]
        match self {
            Self::StartFailed { at, .. }
            | Self::Status { at, .. }
            | Self::Probed { at, .. }
            | Self::CertificateSeen { at, .. }
            | Self::Ended { at, .. } => Some(*at),
            _ => None,
        }
    }
}

impl From<Action> for Event {
    fn from(action: Action) -> Self {
        match action {
            Action::Toggle(id) => Self::Toggle(id),
            Action::Open(id) => Self::Open(id),
            Action::OpenInBrowser(id) => Self::OpenInBrowser(id),
            Action::CopyApiUrl(id) => Self::CopyApiUrl(id),
            Action::CopyEnvironment(id) => Self::CopyEnvironment(id),
            Action::Diagnose(id) => Self::Diagnose(id),
            Action::Activate => Self::Activate,
            Action::Switch => Self::Switch,
            Action::Add => Self::Add,
            Action::Manage => Self::Manage,
            Action::StartAtLogin => Self::ToggleStartAtLogin,
            Action::Quit => Self::Quit,
        }
    }
}
