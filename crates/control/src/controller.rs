//! One owner of all state. Every input becomes one [`Event`]; [`update()`] decides, purely; the
//! [`driver`] runs the [`Effect`]s and feeds their outcomes back as events.
//!
//! Rules:
//! 1. [`update()`] reads no clock, no file, no random source: what it needs of them comes in with events.
//! 2. [`Connection`] is the one truth about how a profile is. What exists behind it (a listener that is
//!    starting, standing or stopping) is bookkeeping of this module, and nobody else sees it.
//! 3. Each start has its own [`Generation`]. An outcome that belongs to another one is too late and ignored.
//! 4. Every [`Effect::Start`] has exactly one end: [`Event::StartFailed`] or [`Event::Ended`]. The next
//!    start of the same profile waits for it, so a profile never competes with itself for its port.
//! 5. Memory changes when a save has finished, never before.
//! 6. After [`Event::Quit`] nothing starts; when the last listener and the last save are done, one
//!    [`ShellRequest::Exit`] goes out.

mod change;
mod changes;
pub mod driver;
mod effect;
mod event;
#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod herd;
mod import;
mod life;
mod link;
mod look;
mod mint;
#[cfg(test)]
mod model;
mod notice;
mod pace;
#[cfg(test)]
mod tests;
mod update;
mod vault;

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use url::Url;

use self::change::{Storing, Wish};
pub use self::changes::ALLOWED;
pub use self::driver::{Controller, Handle, Options};
pub use self::effect::{Effect, ShellRequest, Window};
pub use self::event::{Event, Failure};
use self::life::{Held, Life};
use self::mint::Mint;
use self::notice::Told;
pub use self::update::update;
use crate::crash::Crash;
use crate::import::Import;
use crate::look::Look;
use crate::profile::{Profile, ProfileId, Slot};
use crate::settings::Settings;
use crate::view::Trouble;

/// How a profile's gateway is: the one truth.
#[derive(Clone, Debug, PartialEq)]
pub enum Connection {
    /// Not wanted: no listener.
    Off,
    /// Secrets are being read, the port bound, the server asked for the first time.
    Starting,
    /// As [`Connection::Starting`], and the keychain waits for a person to unlock it.
    Unlocking,
    /// A listener stands and the server let us in, before the world around changed: it is being asked again.
    Checking,
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
            Self::Off | Self::Starting | Self::Unlocking | Self::Checking | Self::Up { .. } => None,
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
    /// The keychain waits for a person to unlock it.
    pub unlocking: bool,
    /// Secrets are in memory, in place of a keychain that is not there.
    pub in_memory: bool,
    /// Whether the end has been asked for.
    pub phase: Phase,
    /// The look at what the manager's form has, while the form is open.
    pub look: Option<Look>,
    /// What of ours is on the screen.
    pub screen: Screen,
    /// What a person has set.
    pub settings: Settings,
    /// Why that is not known: settings.toml cannot be read.
    pub settings_trouble: Option<Trouble>,
    /// Why the switcher's shortcut does nothing, if so.
    pub shortcut_trouble: Option<Trouble>,
    /// The system saves its battery.
    pub saving: bool,
    /// Whose dashboard was opened or looked at last.
    pub last: Option<ProfileId>,
    /// Where the manager was asked to lead, as long as it is open; each time under another number.
    pub lead: Option<(u64, Lead)>,
    /// How the run before ended, where it ended badly and nobody has said that they know.
    pub crash: Option<Crash>,
    /// Whether Postern starts with the session, where the shell knows.
    pub starts_at_login: Option<bool>,
    /// What Prefect on this machine knows, while the manager shows it.
    pub import: Option<Import>,
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

/// What of ours is on the screen. One window at most has the focus.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Screen {
    /// The manager is open.
    pub manager: bool,
    /// Whose dashboards are open, in the order of their ids.
    pub dashboards: Vec<ProfileId>,
    /// The window that has the focus.
    pub focus: Option<Focus>,
}

/// A window of ours that somebody looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Focus {
    /// The manager.
    Manager,
    /// This profile's dashboard.
    Dashboard(ProfileId),
}

/// What of the manager somebody wants to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lead {
    /// A form for a new server; with the address that somebody's link has.
    New(Option<Url>),
    /// This profile.
    To(ProfileId),
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
    /// The last look at it as it is saved.
    pub look: Option<Look>,
    /// Its windows may write although it is read-only.
    pub changes: Option<Changes>,
    life: Life,
    told: Told,
}

/// For how long a read-only profile's windows may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changes {
    /// By the clock on the wall.
    pub until: SystemTime,
    timer: Timer,
}

/// One start of one gateway: outcomes carry it, so that late ones can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(u64);

/// One timer; a timer that was replaced meanwhile means nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timer(u64);

/// What a look is at. There is one look at each at a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Sight {
    /// What the manager's form has.
    Form,
    /// A profile as it is saved.
    Saved(ProfileId),
}

/// One request that waits for its answer: the driver's, see [`Effect::Answer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(crate) u64);
