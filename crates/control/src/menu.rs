//! The tray: its menu and icon as plain data. Rendered again only when it differs.
//!
//! A shell draws [`Tray`] as it is and sends clicks back as [`Action`]s, nothing else; what a line
//! means is decided here.

use postern_gateway::LocalPrograms;

use crate::controller::{Connection, Entry, State};
use crate::profile::{Color, ProfileId};
use crate::view::{Trouble, label};

/// What the tray shows. Labels are plain text: a toolkit that takes characters such as `&` or `_` for marks escapes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tray {
    /// The picture.
    pub icon: Icon,
    /// One sentence.
    pub tooltip: String,
    /// Top to bottom.
    pub menu: Vec<Item>,
}

/// The tray's picture; told apart by shape, not by colour alone. Of several servers the last of these is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Icon {
    /// No profile is connected.
    Off,
    /// All that should be connected are.
    On,
    /// All others are, and for one a person must sign in.
    SignIn,
    /// At least one that should be connected is not.
    Trouble,
}

/// A line of the menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// Can be chosen.
    Entry {
        /// What it says.
        label: String,
        /// What choosing it does; `None` is greyed out.
        action: Option<Action>,
        /// A check mark, where it can have one.
        checked: Option<bool>,
    },
    /// Opens further lines: one profile.
    Profile {
        /// Which.
        id: ProfileId,
        /// Name and state: `Production — connected`.
        label: String,
        /// The profile's colour.
        color: Option<Color>,
        /// Its lines.
        items: Vec<Item>,
    },
    /// A line between groups.
    Separator,
}

/// All that a click in the menu can mean. Ids of native menu items decode to this and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Connect if off, else disconnect.
    Toggle(ProfileId),
    /// Open or focus the dashboard; connects first.
    Open(ProfileId),
    /// The same in the user's browser.
    OpenInBrowser(ProfileId),
    /// `http://127.0.0.1:<port>/api` to the clipboard.
    CopyApiUrl(ProfileId),
    /// What `postern env` prints, to the clipboard.
    CopyEnvironment(ProfileId),
    /// Show the profile in the manager, and look at its server.
    Diagnose(ProfileId),
    /// A click on the icon itself: show what was shown last.
    Activate,
    /// Show all servers, to choose one by a few letters.
    Switch,
    /// Show the manager with an empty form.
    Add,
    /// Show the manager.
    Manage,
    /// Start with the session, or no more.
    StartAtLogin,
    /// Stop all gateways and end.
    Quit,
}

impl Action {
    /// As the id of a native menu item: `open:prod`, `quit`. Different actions have different ids.
    #[must_use]
    pub fn to_id(&self) -> String {
        match self {
            Self::Toggle(id) => format!("toggle:{id}"),
            Self::Open(id) => format!("open:{id}"),
            Self::OpenInBrowser(id) => format!("browser:{id}"),
            Self::CopyApiUrl(id) => format!("copy-api-url:{id}"),
            Self::CopyEnvironment(id) => format!("copy-environment:{id}"),
            Self::Diagnose(id) => format!("diagnose:{id}"),
            Self::Activate => "activate".into(),
            Self::Switch => "switch".into(),
            Self::Add => "add".into(),
            Self::Manage => "manage".into(),
            Self::StartAtLogin => "start-at-login".into(),
            Self::Quit => "quit".into(),
        }
    }

    /// Back from the id of a native menu item; `None` for anything [`Action::to_id`] does not make.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        match id {
            "activate" => return Some(Self::Activate),
            "switch" => return Some(Self::Switch),
            "add" => return Some(Self::Add),
            "manage" => return Some(Self::Manage),
            "start-at-login" => return Some(Self::StartAtLogin),
            "quit" => return Some(Self::Quit),
            _ => {}
        }
        let (verb, id) = id.split_once(':')?;
        let about: fn(ProfileId) -> Self = match verb {
            "toggle" => Self::Toggle,
            "open" => Self::Open,
            "browser" => Self::OpenInBrowser,
            "copy-api-url" => Self::CopyApiUrl,
            "copy-environment" => Self::CopyEnvironment,
            "diagnose" => Self::Diagnose,
            _ => return None,
        };
        id.parse().ok().map(about)
    }
}

/// Computes the tray from the state.
#[must_use]
pub fn tray(state: &State) -> Tray {
    let mut menu: Vec<Item> = state.file_trouble.iter().map(trouble_line).collect();
    let several = state.entries.len() > 1;
    menu.extend(state.entries.iter().map(|entry| {
        let current = several && state.last.as_ref() == Some(&entry.profile.id);
        profile(entry, current)
    }));
    let readable = state.file_trouble.is_none();
    if readable && state.entries.is_empty() {
        menu.push(grey("No servers yet"));
    }
    menu.push(Item::Separator);
    if several {
        menu.push(line("Switch server…", Action::Switch));
    }
    if readable {
        menu.push(line(if state.entries.is_empty() { "Add your first server…" } else { "New server…" }, Action::Add));
    }
    menu.push(line("Manage…", Action::Manage));
    if let Some(starts) = state.starts_at_login {
        let label = "Start at login".to_owned();
        menu.push(Item::Entry { label, action: Some(Action::StartAtLogin), checked: Some(starts) });
    }
    menu.push(line("Quit", Action::Quit));
    Tray { icon: icon(state), tooltip: tooltip(state), menu }
}

fn profile(entry: &Entry, current: bool) -> Item {
    let profile = &entry.profile;
    let mut items: Vec<Item> = entry.connection.trouble().map(trouble_line).into_iter().collect();
    items.push(Item::Entry {
        label: "Connect".to_owned(),
        action: Some(Action::Toggle(profile.id.clone())),
        checked: Some(entry.connection.wanted()),
    });
    items.push(line("Open", Action::Open(profile.id.clone())));
    items.push(line("Open in browser", Action::OpenInBrowser(profile.id.clone())));
    items.push(Item::Separator);
    items.push(line("Copy API URL", Action::CopyApiUrl(profile.id.clone())));
    if profile.local_programs != LocalPrograms::Off {
        items.push(line("Copy as environment", Action::CopyEnvironment(profile.id.clone())));
    }
    items.push(line("Run diagnosis", Action::Diagnose(profile.id.clone())));
    // In words: a mark would be read out as whatever it is called, and mean anything.
    let name = shorten(&profile.name, LONGEST_NAME);
    let current = if current { " (current)" } else { "" };
    let latency = match &entry.connection {
        Connection::Up { latency: Some(latency), .. } => format!(", {} ms", latency.as_millis()),
        Connection::Up { latency: None, .. }
        | Connection::Off
        | Connection::Starting
        | Connection::Unlocking
        | Connection::Checking
        | Connection::Failing { .. }
        | Connection::SignInRequired { .. }
        | Connection::PortTaken { .. } => String::new(),
    };
    Item::Profile {
        id: profile.id.clone(),
        label: format!("{name}{current} — {}{latency}", uncapitalised(label(&entry.connection))),
        color: profile.color,
        items,
    }
}

fn line(label: &str, action: Action) -> Item {
    Item::Entry { label: label.to_owned(), action: Some(action), checked: None }
}

fn grey(label: &str) -> Item {
    Item::Entry { label: label.to_owned(), action: None, checked: None }
}

fn trouble_line(trouble: &Trouble) -> Item {
    grey(&shorten(&trouble.sentence, LONGEST_SENTENCE))
}

fn icon(state: &State) -> Icon {
    let each = state.entries.iter().map(|entry| match &entry.connection {
        Connection::Off | Connection::Starting | Connection::Unlocking | Connection::Checking => Icon::Off,
        Connection::Up { .. } => Icon::On,
        Connection::SignInRequired { .. } => Icon::SignIn,
        Connection::Failing { .. } | Connection::PortTaken { .. } => Icon::Trouble,
    });
    let unreadable = state.file_trouble.iter().map(|_| Icon::Trouble);
    each.chain(unreadable).max().unwrap_or(Icon::Off)
}

/// The worst first: a broken file, then servers with trouble, then what is connected.
fn tooltip(state: &State) -> String {
    if let Some(trouble) = &state.file_trouble {
        return format!("Postern: {}", shorten(&trouble.sentence, LONGEST_SENTENCE));
    }
    let name = |entry: &Entry| shorten(&entry.profile.name, LONGEST_NAME);
    let troubled: Vec<(&Entry, &Trouble)> =
        state.entries.iter().filter_map(|entry| Some((entry, entry.connection.trouble()?))).collect();
    let up: Vec<&Entry> =
        state.entries.iter().filter(|entry| matches!(entry.connection, Connection::Up { .. })).collect();
    let asked = |entry: &&Entry| {
        matches!(entry.connection, Connection::Starting | Connection::Unlocking | Connection::Checking)
    };
    let starting = state.entries.iter().find(asked);
    match (troubled.as_slice(), up.as_slice(), starting) {
        ([(entry, trouble)], ..) => {
            format!("Postern: {}: {}", name(entry), shorten(&trouble.sentence, LONGEST_SENTENCE))
        }
        ([_, _, ..], ..) => format!("Postern: {} servers are not connected", troubled.len()),
        ([], [], Some(entry)) if entry.connection == Connection::Checking => {
            format!("Postern: checking {}…", name(entry))
        }
        ([], [], Some(entry)) if entry.connection == Connection::Unlocking => {
            format!("Postern: {}", uncapitalised(label(&entry.connection)))
        }
        ([], [], Some(entry)) => format!("Postern: connecting to {}…", name(entry)),
        ([], [], None) if state.entries.is_empty() => "Postern: no servers yet".to_owned(),
        ([], [], None) => "Postern: no server is connected".to_owned(),
        ([], [entry], _) => format!("Postern: {} is connected", name(entry)),
        ([], [_, _, ..], _) => format!("Postern: {} servers are connected", up.len()),
    }
}

/// A menu is no place to read: names and sentences end after so many characters.
const LONGEST_NAME: usize = 40;
const LONGEST_SENTENCE: usize = 90;

/// The first line, cut after a word where it is too long.
fn shorten(text: &str, longest: usize) -> String {
    let line = text.lines().next().unwrap_or_default();
    let Some((end, _)) = line.char_indices().nth(longest) else { return line.to_owned() };
    let start = line.get(..end).unwrap_or_default();
    let words = start.rfind(' ').and_then(|space| start.get(..space)).filter(|words| words.len() * 2 > start.len());
    format!("{}…", words.unwrap_or(start).trim_end_matches([',', ':', ';', '.']))
}

/// `Connected` in the middle of a line.
fn uncapitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}", first.to_lowercase(), letters.as_str()))
}

#[cfg(test)]
mod tests;
