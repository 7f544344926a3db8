//! What Prefect on this machine knows, as the manager shows it. Of secrets, that they are there.

use serde::Serialize;
use ts_rs::TS;

use super::Trouble;
use crate::import::{Candidate, Import, Outcome};
use crate::profile::Profile;

/// All that was found, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ImportView {
    /// `None` while it is looked for.
    pub candidates: Option<Vec<CandidateView>>,
    /// What could not be read, each with its file and line.
    pub troubles: Vec<Trouble>,
    /// Where was looked, whether or not something is there.
    pub places: Vec<String>,
}

/// One server.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct CandidateView {
    /// What it is called there, and asked for by.
    pub key: String,
    /// File and line, or variable.
    pub place: String,
    /// Whether Prefect uses it now.
    pub in_use: bool,
    /// Where the UI is; empty where that cannot be told.
    pub url: String,
    /// Where the API is, where that does not follow.
    pub api_url: String,
    /// What comes with it, a phrase for each.
    pub contents: Vec<String>,
    /// What does not, and why.
    pub notes: Vec<String>,
    /// How far it is.
    pub state: ImportState,
}

/// How far a candidate is.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ImportState {
    /// It can be chosen.
    Open,
    /// It cannot.
    Barred {
        /// Why.
        trouble: Trouble,
    },
    /// It was chosen, and its turn is yet to come.
    Waiting,
    /// It is a profile now.
    Done {
        /// Which.
        id: String,
        /// What is to be known of its old secrets, where it has any.
        left: Option<String>,
    },
    /// Nothing of it was saved; it can be chosen again.
    Failed {
        /// Why.
        message: String,
    },
}

impl ImportView {
    pub(super) fn new(import: &Import, profiles: &[&Profile]) -> Self {
        let Some(found) = &import.found else {
            return Self { candidates: None, troubles: Vec::new(), places: Vec::new() };
        };
        let candidate = |candidate: &Candidate| CandidateView {
            key: candidate.key.clone(),
            place: candidate.spot.to_string(),
            in_use: candidate.in_use,
            url: candidate.draft.url.clone(),
            api_url: candidate.draft.api_url.clone(),
            contents: candidate.contents(),
            notes: candidate.notes.clone(),
            state: state(candidate, import.outcome(&candidate.key), profiles),
        };
        Self {
            candidates: Some(found.candidates.iter().map(candidate).collect()),
            troubles: found.troubles.clone(),
            places: found.places.clone(),
        }
    }
}

fn state(candidate: &Candidate, outcome: Option<&Outcome>, profiles: &[&Profile]) -> ImportState {
    match outcome {
        Some(Outcome::Waiting) => ImportState::Waiting,
        Some(Outcome::Done(id)) => ImportState::Done { id: id.to_string(), left: candidate.left_behind() },
        Some(Outcome::Failed(errors)) => ImportState::Failed { message: errors.to_string() },
        None => candidate.obstacle(profiles).map_or(ImportState::Open, |trouble| ImportState::Barred { trouble }),
    }
}
