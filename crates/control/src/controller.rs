//! One owner of all state. Every input becomes one [`Event`]; [`update`] decides, purely; the
//! [`driver`] runs the [`Effect`]s and feeds their outcomes back as events.
//!
//! Rules:
//! 1. [`update`] reads no clock, no file, no random source: what it needs of them comes in with events.
//! 2. [`Connection`] is the one truth about how a profile is. What exists behind it (a listener that is
//!    starting, standing or stopping) is bookkeeping of this module, and nobody else sees it.
//! 3. Each start has its own [`Generation`]. An outcome that belongs to another one is too late and ignored.
//! 4. Every [`Effect::Start`] has exactly one end: [`Event::StartFailed`] or [`Event::Ended`]. The next
//!    start of the same profile waits for it, so a profile never competes with itself for its port.
//! 5. Memory changes when a save has finished, never before.
//! 6. After [`Event::Quit`] nothing starts; when the last listener and the last save are done, one
//!    [`ShellRequest::Exit`] goes out.

mod change;
pub mod driver;
#[cfg(test)]
pub(crate) mod fixture;
mod life;
mod mint;
#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
mod update;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use postern_gateway::{Secret, Status};

use self::change::{Storing, Wish};
pub use self::driver::{Controller, Handle, Options};
use self::life::{Held, Life};
use self::mint::Mint;
pub use self::update::update;
use crate::menu::Action;
use crate::profile::{Color, Profile, ProfileId, Slot, Written};
use crate::view::{Draft, SaveErrors, Trouble};

/// How a profile's gateway is: the one truth.
#[derive(Clone, Debug, PartialEq)]
pub enum Connection {
    /// Not wanted: no listener.
    Off,
    /// Secrets are being read, the port bound, the server asked for the first time.
    Starting,
    /// A listener stands and the server lets us in.
    Up {
        /// Since when.
        since: SystemTime,
        /// Prefect's version.
        version: Option<String>,
        /// Last measured.
        latency: Option<Duration>,
    },
    /// Something is wrong; asked again at `next_try`.
    Failing {
        /// What.
        trouble: Trouble,
        /// When it is tried again; `None` while it is being tried, and where trying alone cannot help.
        next_try: Option<SystemTime>,
    },
    /// The edge wants a person to sign in.
    SignInRequired {
        /// What it said.
        trouble: Trouble,
    },
    /// Another program has the port.
    PortTaken {
        /// Which port, which program, what to do.
        trouble: Trouble,
    },
}

impl Connection {
    /// What is wrong, when something is.
    #[must_use]
    pub fn trouble(&self) -> Option<&Trouble> {
        match self {
            Self::Off | Self::Starting | Self::Up { .. } => None,
            Self::Failing { trouble, .. } | Self::SignInRequired { trouble } | Self::PortTaken { trouble } => {
                Some(trouble)
            }
        }
    }

    /// Whether somebody wants it: everything but [`Connection::Off`].
    #[must_use]
    pub fn wanted(&self) -> bool {
        *self != Self::Off
    }
}

/// All there is to know.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// In the file's order.
    pub entries: Vec<Entry>,
    /// Why profiles.toml cannot be used; then nothing is saved over it.
    pub file_trouble: Option<Trouble>,
    /// Why the vault cannot be used, as last seen.
    pub vault_trouble: Option<Trouble>,
    /// Whether the end has been asked for.
    pub phase: Phase,
    at_start: AtStart,
    /// Gateways of profiles that are gone, until they have ended.
    leaving: Vec<(ProfileId, Held)>,
    /// The save or removal under way.
    storing: Option<Storing>,
    /// Those that wait for it to finish.
    wishes: VecDeque<Wish>,
    mint: Mint,
}

/// Which profiles are connected as soon as they are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AtStart {
    /// Those with `connect = "always"`.
    Always,
    /// Exactly these.
    Only(Vec<ProfileId>),
    /// None.
    None,
}

/// How far the program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing has been read yet.
    New,
    /// At work.
    Running,
    /// Quit was asked for; listeners are being closed.
    Quitting,
    /// All is closed, and the shell was told to exit.
    Ended,
}

/// One profile and how it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What the file says.
    pub profile: Profile,
    /// How its gateway is.
    pub connection: Connection,
    /// Slots it uses, and whether each is filled, where that is known.
    pub slots: Vec<(Slot, Option<bool>)>,
    life: Life,
}

/// One start of one gateway: outcomes carry it, so that late ones can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(u64);

/// One timer; a timer that was replaced meanwhile means nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timer(u64);

/// One request that waits for its answer: the driver's, see [`Effect::Answer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(crate) u64);

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
    /// `http://127.0.0.1:<port>/api` to the clipboard.
    CopyApiUrl(ProfileId),
    /// Show the manager.
    Manage,
    /// Stop all gateways and end.
    Quit,

    /// Save what the form has. Sent by [`Handle::save`].
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
}

/// What a save or removal did.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// What was saved or removed.
    pub id: ProfileId,
    /// What the file says now, in its order.
    pub profiles: Vec<Profile>,
    /// Slots whose secret is another one now.
    pub secrets: Vec<Slot>,
    /// Why secrets that nothing needs any more are still in the vault.
    pub vault_trouble: Option<Trouble>,
}

/// Why a gateway did not start.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// Another program has the port.
    PortTaken(Trouble),
    /// A slot is empty.
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

/// What the driver is to do. Those that name an event come back as that event, once.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Read the secrets, bind the port, serve: [`Event::Started`] or [`Event::StartFailed`].
    Start {
        /// This start's name.
        generation: Generation,
        /// What to serve.
        profile: Box<Profile>,
    },
    /// Stop it, standing or still starting: [`Event::Ended`], or the [`Event::StartFailed`] that was on its way.
    Stop(Generation),
    /// Ask the server through the gateway: [`Event::Probed`].
    Probe(Generation),
    /// Wait: [`Event::Due`].
    Wake {
        /// This timer's name.
        timer: Timer,
        /// How long.
        after: Duration,
    },
    /// Write secrets and file: [`Event::Stored`].
    Store(Change),
    /// See which of the profile's slots are filled: [`Event::LookedUp`].
    LookUp(Box<Profile>),
    /// Have the gateway make a pass, and ask the shell to open what it opens.
    OpenDoor {
        /// Which start.
        generation: Generation,
        /// Whose.
        profile: Box<Profile>,
        /// Where.
        window: Window,
    },
    /// Tell who waits.
    Answer {
        /// Who.
        ticket: Ticket,
        /// The profile saved or removed; or why nothing changed.
        outcome: Result<ProfileId, SaveErrors>,
    },
    /// The profile was removed: have the shell close its dashboard.
    CloseDashboard(ProfileId),
    /// Ask the shell.
    Shell(ShellRequest),
}

/// Where a dashboard is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// Postern's own window: opened, or brought to the front.
    Dashboard,
    /// Postern's own window, if one is open: its session ended with the gateway that stood before.
    DashboardIfOpen,
    /// The user's browser.
    Browser,
}

/// One change to profiles.toml and the vault: all of it, or none.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Add a profile, or edit one.
    Put {
        /// As it was when it was edited; `None` adds one.
        before: Option<Box<Profile>>,
        /// As it shall be, with its id.
        written: Box<Written>,
        /// What goes into the vault, before the file is written.
        secrets: Vec<SecretChange>,
    },
    /// Take the profile out of the file, then its secrets out of the vault.
    Remove {
        /// Which.
        id: ProfileId,
    },
}

/// One change to a profile's secrets.
#[derive(Clone, Debug, PartialEq)]
pub enum SecretChange {
    /// This from now on.
    Set(Slot, Secret),
    /// What the first holds goes into the second as well.
    Copy(Slot, Slot),
}

/// What only a desktop can do: `src-tauri` carries it out; the command line ignores or prints it.
#[derive(Clone, Debug, PartialEq)]
pub enum ShellRequest {
    /// Open the profile's dashboard window, or focus it where it is open.
    OpenDashboard {
        /// Whose.
        id: ProfileId,
        /// The window's title starts with it.
        name: String,
        /// The window's colour.
        color: Option<Color>,
        /// A one-time address that lets the window in; loads only when there is no window yet, or the window shows our own page.
        enter: Secret,
        /// Where everything in the window must stay: `http://<id>.localhost:<port>`.
        origin: String,
        /// Cookies and storage of this profile only.
        data_dir: PathBuf,
    },
    /// The gateway stands anew and knows no sessions. Where a dashboard window is open, load this in it.
    /// No window is opened or brought to the front.
    ReenterDashboard {
        /// Whose.
        id: ProfileId,
        /// A one-time address that lets the window in.
        enter: Secret,
    },
    /// The profile was removed: close its dashboard window, and delete what it kept.
    CloseDashboard {
        /// Whose.
        id: ProfileId,
        /// Cookies and storage.
        data_dir: PathBuf,
    },
    /// Open in the user's browser. Holds a pass.
    OpenBrowser {
        /// What.
        url: Secret,
    },
    /// To the clipboard.
    Copy {
        /// Not a secret.
        text: String,
    },
    /// Show or focus the manager.
    ShowManager,
    /// Somebody asked for something that cannot be had: say why, as a notification or in the manager.
    ShowTrouble {
        /// The profile's name, where it is about one.
        name: Option<String>,
        /// What is wrong and what to do.
        trouble: Trouble,
    },
    /// All gateways are stopped: end with exit code 0.
    Exit,
}

impl From<Action> for Event {
    fn from(action: Action) -> Self {
        match action {
            Action::Toggle(id) => Self::Toggle(id),
            Action::Open(id) => Self::Open(id),
            Action::OpenInBrowser(id) => Self::OpenInBrowser(id),
            Action::CopyApiUrl(id) => Self::CopyApiUrl(id),
            Action::Manage => Self::Manage,
            Action::Quit => Self::Quit,
        }
    }
}
