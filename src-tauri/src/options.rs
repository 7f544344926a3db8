//! What may be said on the command line. The same words mean the same in `postern`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;
use postern_control::controller::{Event, Handle};
use postern_control::link::{InvalidLink, Link};
use postern_control::profile::ProfileId;
use postern_control::vault;

/// A private door to your secured Prefect servers, in the tray.
#[derive(Clone, Debug, PartialEq, Eq, Parser)]
#[command(name = "postern-desktop", version)]
pub(crate) struct Options {
    /// Where profiles.toml is, instead of the system's place for it
    #[arg(long, value_name = "DIR")]
    pub(crate) config_dir: Option<PathBuf>,
    /// Where secrets are: the keychain (os), this process (memory), or POSTERN_SECRET_… variables (env)
    #[arg(long, value_name = "os|memory|env", default_value = "os")]
    pub(crate) vault: vault::Kind,
    /// Show nothing but the tray icon; for starting with the session
    #[arg(long)]
    pub(crate) hidden: bool,
    /// Open this profile's dashboard
    #[arg(long, value_name = "ID")]
    pub(crate) open: Option<ProfileId>,
    /// Show all servers, to choose one by a few letters
    #[arg(long, conflicts_with = "open")]
    pub(crate) switch: bool,
    /// Open the page it leads to: postern://ID/PATH, or the address of a page of a server's
    #[arg(value_name = "LINK", conflicts_with_all = ["open", "switch"])]
    pub(crate) link: Option<String>,
}

/// What a second start may ask of the first: never where profiles or secrets are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Show yourself.
    Show,
    /// Show this profile's dashboard.
    Open(ProfileId),
    /// Show the page that this leads to, or say why not.
    Follow(Result<Link, InvalidLink>),
    /// Show the quick switcher.
    Switch,
    /// Nothing: it was started with the session.
    Nothing,
}

impl Options {
    /// What the options ask for once the app runs.
    pub(crate) fn wish(&self) -> Wish {
        match (&self.link, &self.open) {
            (Some(link), _) => Wish::Follow(Link::parse(link)),
            (None, Some(id)) => Wish::Open(id.clone()),
            (None, None) if self.switch => Wish::Switch,
            (None, None) if self.hidden => Wish::Nothing,
            (None, None) => Wish::Show,
        }
    }
}

impl Wish {
    /// Reads a second start's arguments, its own name first. Whatever they are, they ask for no more than a wish.
    pub(crate) fn of_second_start(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Self {
        Options::try_parse_from(arguments).map_or(Self::Show, |options| options.wish())
    }

    /// Asks the controller for it.
    pub(crate) fn grant(self, controller: &Handle) {
        controller.send(match self {
            Self::Show => Event::Manage,
            Self::Open(id) => Event::Open(id),
            Self::Follow(link) => Event::Follow(link),
            Self::Switch => Event::Switch,
            Self::Nothing => return,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_start_can_wish_for_a_window_and_nothing_else() {
        let open = |id| Wish::Open(ProfileId::parse(id).unwrap());
        let follow = |link| Wish::Follow(Link::parse(link));
        let page = "postern://prod?url=https://evil.example";
        for (arguments, wish) in [
            (&["postern-desktop"][..], Wish::Show),
            (&["postern-desktop", "--open", "prod"], open("prod")),
            (&["postern-desktop", "--config-dir", "/tmp/evil", "--vault", "env", "--open", "prod"], open("prod")),
            (&["postern-desktop", "--hidden"], Wish::Nothing),
            (&["postern-desktop", "--switch"], Wish::Switch),
            (&["postern-desktop", "--open", "../prod"], Wish::Show),
            (&["postern-desktop", page], follow(page)),
            (
                &["postern-desktop", "--vault", "env", "https://prefect.example.com/x"],
                follow("https://prefect.example.com/x"),
            ),
            (&["postern-desktop", "file:///etc/passwd"], Wish::Follow(Err(InvalidLink::Scheme))),
            (&["postern-desktop", "postern://prod/", "postern://other/"], Wish::Show),
            (&[], Wish::Show),
        ] {
            assert_eq!(Wish::of_second_start(arguments), wish, "{arguments:?}");
        }
    }
}
