//! Servers that Prefect on this machine knows: from its profiles and settings to profiles of ours.
//!
//! 1. What is read is what Prefect reads, 2.14 to 3.8: `PREFECT_…` variables, then `.env`, `prefect.toml` and
//!    `pyproject.toml` in the current folder, then the profiles. (2.x and 3.0 know only the first and the last.)
//! 2. The server that Prefect uses now is found as it uses it: each setting from the first place that has it; but none
//!    from a place that names another server, although Prefect would show it to this one. Every other place stands by
//!    itself. So no credential goes to a server that it was not written for. And whom to trust (a CA, no verification) is
//!    not taken from a folder that names no server: it may be anybody's work.
//! 3. Nothing is written here. A [`Candidate`] becomes a [`Change`] as what somebody typed does.
//! 4. Secrets are [`Secret`](crate::Secret)s from the moment they are read; no message repeats a value.

mod candidate;
mod dotenv;
mod find;
mod settings;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;

use url::Url;

pub use self::candidate::Candidate;
pub use self::find::{Surroundings, find};
use crate::change::Change;
use crate::look::named;
use crate::profile::{Profile, ProfileId, Written};
use crate::view::{EdgeDraft, PrefectDraft, SaveErrors, Trouble, prepare};

/// All that was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// In the order in which Prefect asks, and the profiles in the file's.
    pub candidates: Vec<Candidate>,
    /// What could not be read, each with its file and line.
    pub troubles: Vec<Trouble>,
    /// Where was looked, whether or not something is there.
    pub places: Vec<String>,
}

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spot {
    /// In the environment.
    Variable(String),
    /// In a file.
    Line {
        /// Which.
        file: PathBuf,
        /// From 1.
        line: usize,
    },
}

impl Spot {
    /// Whether both are in one file, or in the environment.
    fn is_beside(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Variable(_), Self::Variable(_)) => true,
            (Self::Line { file, .. }, Self::Line { file: others, .. }) => file == others,
            (Self::Variable(_), Self::Line { .. }) | (Self::Line { .. }, Self::Variable(_)) => false,
        }
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "the variable {name}"),
            Self::Line { file, line } => write!(f, "{}, line {line}", file.display()),
        }
    }
}

/// What the manager was asked to import, and how far it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Import {
    /// `None` while it is looked for.
    pub found: Option<Found>,
    /// Of those that were chosen, by their keys.
    pub outcomes: Vec<(String, Outcome)>,
}

/// What became of a candidate that was chosen.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Its turn is yet to come.
    Waiting,
    /// It is this profile now.
    Done(ProfileId),
    /// Nothing of it was saved.
    Failed(SaveErrors),
}

impl Import {
    /// What became of it, if it was chosen.
    #[must_use]
    pub fn outcome(&self, key: &str) -> Option<&Outcome> {
        self.outcomes.iter().find(|(other, _)| other == key).map(|(_, outcome)| outcome)
    }

    pub(crate) fn set(&mut self, key: &str, outcome: Outcome) {
        self.outcomes.retain(|(other, _)| other != key);
        self.outcomes.push((key.to_owned(), outcome));
    }
}

impl Candidate {
    /// Why it is not imported, with these profiles there.
    #[must_use]
    pub fn obstacle(&self, profiles: &[&Profile]) -> Option<Trouble> {
        let here = || profiles.iter().find_map(|profile| self.clash(profile));
        self.obstacle.clone().or_else(here)
    }

    fn clash(&self, profile: &Profile) -> Option<Trouble> {
        let name = &profile.name;
        let own = Url::parse(&self.draft.url).is_ok_and(|url| is_here(&url) && url.port() == Some(profile.port));
        if own {
            let sentence = format!("This is Postern's own door to “{name}”.");
            return Some(Trouble::new("own_gateway", sentence, "There is nothing to import."));
        }
        let Written { url, api_url, .. } = Written::from(profile);
        (self.api() == api(&url, &api_url)).then(|| {
            let sentence = format!("“{name}” leads to this server already.");
            Trouble::new("already_there", sentence, "Edit that one, where something differs.")
        })
    }

    /// What adds it, with a name that none of these profiles has.
    ///
    /// # Errors
    /// Its [`obstacle`](Self::obstacle), or what is wrong with it.
    pub fn change(&self, profiles: &[&Profile]) -> Result<Change, Trouble> {
        if let Some(trouble) = self.obstacle(profiles) {
            return Err(trouble);
        }
        let mut draft = self.draft.clone();
        if let Ok(url) = Url::parse(&draft.url) {
            let (name, color) = named(Some(draft.name.as_str()).filter(|name| !name.is_empty()), &url, profiles);
            (draft.name, draft.color) = (name, Some(color));
        }
        prepare(&draft, profiles).map_err(|errors| {
            let remedy = "Correct it where it stands, or add the server by hand.";
            Trouble::new("profile_invalid", errors.to_string(), remedy)
        })
    }

    /// What comes with the address, a phrase for each; of secrets, that they are there.
    #[must_use]
    pub fn contents(&self) -> Vec<String> {
        let draft = &self.draft;
        let edge = match &draft.edge {
            EdgeDraft::None => None,
            EdgeDraft::Basic { username, .. } => Some(format!("password of {username}")),
            EdgeDraft::Bearer { .. } => Some("token".to_owned()),
        };
        let prefect = match &draft.prefect {
            PrefectDraft::None | PrefectDraft::SameAsEdge => None,
            PrefectDraft::Own { username, .. } => Some(format!("auth string of {username}")),
        };
        let headers = draft.headers.iter().map(|header| format!("header {}", header.name));
        let ca = (!draft.ca_file.is_empty()).then(|| format!("certificates in {}", draft.ca_file));
        let loud = (!draft.verify).then(|| "certificate not verified".to_owned());
        edge.into_iter().chain(prefect).chain(headers).chain(ca).chain(loud).collect()
    }

    /// What is to be known of its old secrets once it is imported; `None` where it has none.
    #[must_use]
    pub fn left_behind(&self) -> Option<String> {
        let spots: Vec<String> = self.secrets.iter().map(ToString::to_string).collect();
        (!spots.is_empty()).then(|| {
            let spots = spots.join("; ");
            format!(
                "Its secrets still stand where they were ({spots}). They can be taken out there as soon as Prefect \
                 goes through Postern."
            )
        })
    }

    fn api(&self) -> String {
        api(&self.draft.url, &self.draft.api_url)
    }
}

/// Where the API of a server is, as written.
fn api(url: &str, api_url: &str) -> String {
    if api_url.is_empty() { format!("{url}/api") } else { api_url.to_owned() }
}

/// Whether it is on this machine's loopback.
fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}
