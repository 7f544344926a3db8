//! All that can be done about it.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use postern_gateway::Secret;

use super::{Generation, Sight, Ticket, Timer};
use crate::change::Change;
use crate::look::Plan;
use crate::profile::{Color, Profile, ProfileId};
use crate::settings::Setting;
use crate::shortcut::Shortcut;
use crate::view::{SaveErrors, Trouble};

/// What the driver is to do. Those that name an event come back as that event, once.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Read the secrets, bind the port, serve: [`super::Event::Started`] or [`super::Event::StartFailed`].
    Start {
        /// This start's name.
        generation: Generation,
        /// What to serve.
        profile: Box<Profile>,
    },
    /// Stop it, standing or still starting: [`super::Event::Ended`], or the [`super::Event::StartFailed`] that was on its way.
    Stop(Generation),
    /// Ask the server through the gateway: [`super::Event::Probed`].
    Probe(Generation),
    /// Have the gateway forget how the server is, and its connections. The probe on its way ends at once, with
    /// [`super::Event::Probed`] as always.
    Renew(Generation),
    /// Look at the server's certificate: [`super::Event::CertificateSeen`].
    SeeCertificate(Generation),
    /// Write settings.toml: [`super::Event::Settled`].
    Settle(Setting),
    /// Ask the shell to show where the log is.
    OpenLogs,
    /// Let the profile's windows write until then although it is read-only, or no more.
    LetWindowsWrite {
        /// Which start.
        generation: Generation,
        /// By the clock on the wall.
        until: Option<SystemTime>,
    },
    /// Wait: [`super::Event::Due`], unless the timer means nothing any more by then.
    Wake {
        /// This timer's name.
        timer: Timer,
        /// How long.
        after: Duration,
    },
    /// Write secrets and file: [`super::Event::Stored`].
    Store(Change),
    /// See which of the profile's slots are filled: [`super::Event::LookedUp`].
    LookUp(Box<Profile>),
    /// See whether the vault is there: [`super::Event::VaultSeen`].
    SeeVault,
    /// Keep secrets in memory from here on.
    KeepInMemory,
    /// End the waiting for the keychain: whatever waits for it fails.
    GiveUpUnlocking,
    /// Read the profile's local key, and ask the shell to copy what programs need; or say why there is nothing to copy.
    CopyEnvironment(Box<Profile>),
    /// Look, after a moment in which somebody may go on typing, in place of the look before: [`super::Event::Looked`].
    Look {
        /// At what.
        sight: Sight,
        /// Which look.
        number: u64,
        /// Where, the likeliest first.
        plans: Vec<Plan>,
        /// How long that moment is.
        after: Duration,
    },
    /// Look no more, and forget what there was to show.
    LookAway(Sight),
    /// Read what Prefect on this machine knows: [`super::Event::ImportsFound`].
    FindImports,
    /// Have the gateway's pages say what a look has found; `None`: nothing was wrong.
    Advise {
        /// Which start.
        generation: Generation,
        /// What to say.
        advice: Option<Trouble>,
    },
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
    /// The profile is in the file no more: have the shell close its dashboard. What it kept stays: whoever edits
    /// the file may put the profile back.
    CloseDashboard(ProfileId),
    /// The profile was removed here: have the shell close its dashboard, and delete what it kept.
    RemoveDashboard(ProfileId),
    /// Ask the shell.
    Shell(ShellRequest),
}

/// Where a dashboard is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Window {
    /// Postern's own window: opened, or brought to the front.
    Dashboard,
    /// The same, at this page: below the UI's base, `/` at its beginning.
    DashboardAt(String),
    /// Postern's own window, if one is open: its session ended with the gateway that stood before.
    DashboardIfOpen,
    /// The user's browser, at this page: a local path.
    Browser(String),
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
        /// The page that it leads to, where one was asked for: that is loaded, whatever the window shows.
        page: Option<Secret>,
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
    /// The profile is in the file no more: close its dashboard window, where one is open.
    CloseDashboard {
        /// Whose.
        id: ProfileId,
    },
    /// The profile was removed: close its dashboard window, where one is open, and then delete what it kept.
    RemoveDashboard {
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
    /// Show a folder of the user's own.
    OpenFolder {
        /// Which.
        path: PathBuf,
    },
    /// To the clipboard.
    Copy {
        /// Not a secret.
        text: String,
    },
    /// The address of the page that the profile's dashboard window shows to the clipboard; the window says so.
    CopyLink {
        /// Whose.
        id: ProfileId,
        /// The server's own. It may hold what nobody knows for a secret.
        link: Secret,
    },
    /// To the clipboard, kept out of histories where the system can do that, and off it again after a minute.
    CopySecret {
        /// What.
        text: Secret,
    },
    /// Have Postern start with the session, or no more: [`super::Event::StartsAtLogin`].
    StartAtLogin(bool),
    /// Have these keys call the switcher, and no others any more: [`super::Event::ShortcutTaken`], where that is not so
    /// already.
    TakeShortcut(Option<Shortcut>),
    /// Show or focus the manager.
    ShowManager,
    /// Show the quick switcher.
    ShowSwitcher,
    /// Something happened that a person wants to know of.
    Notify {
        /// With the profile's name.
        title: String,
        /// Whole sentences; some of it may be a server's.
        text: String,
    },
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
