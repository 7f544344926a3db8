//! One owner of all state. Every input becomes one [`Event`]; `update` decides, purely; a driver runs the
//! [`Effect`]s and feeds their outcomes back as events.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use postern_gateway::Secret;

use crate::profile::{Color, Profile, ProfileId, Slot};
use crate::view::Trouble;

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
        /// When it is tried again, where trying can help.
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

/// All there is to know.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// In the file's order.
    pub entries: Vec<Entry>,
    /// Why profiles.toml cannot be used; then nothing is saved over it.
    pub file_trouble: Option<Trouble>,
    /// Why the vault cannot be used, as last seen.
    pub vault_trouble: Option<Trouble>,
    /// Quit was asked for.
    pub quitting: bool,
}

/// One profile and how it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What the file says.
    pub profile: Profile,
    /// How its gateway is.
    pub connection: Connection,
    /// Slots known to be filled or empty.
    pub slots: Vec<(Slot, Option<bool>)>,
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
    /// Close the profile's dashboard window: it was removed.
    CloseDashboard {
        /// Whose.
        id: ProfileId,
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
    /// All gateways are stopped: end with exit code 0.
    Exit,
}
