//! The tray: its menu and icon as plain data. Rendered again only when it differs.

use crate::controller::State;
use crate::profile::{Color, ProfileId};

/// What the tray shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tray {
    /// The picture.
    pub icon: Icon,
    /// One sentence.
    pub tooltip: String,
    /// Top to bottom.
    pub menu: Vec<Item>,
}

/// The tray's picture; told apart by shape, not by colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    /// No profile is connected.
    Off,
    /// All that should be connected are.
    On,
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
    /// Show the manager.
    Manage,
    /// Stop all gateways and end.
    Quit,
}

impl Action {
    /// As the id of a native menu item.
    #[must_use]
    pub fn to_id(&self) -> String {
        todo!()
    }

    /// Back from the id of a native menu item; `None` for anything [`Action::to_id`] does not make.
    #[must_use]
    pub fn from_id(_id: &str) -> Option<Self> {
        todo!()
    }
}

/// Computes the tray from the state.
#[must_use]
pub fn tray(_state: &State) -> Tray {
    todo!()
}
