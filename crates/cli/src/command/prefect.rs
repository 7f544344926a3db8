//! `postern prefect import`: servers that Prefect on this machine knows, listed or added. Prefect's files stay as they are.

use postern_control::change::Files;
use postern_control::import::{Candidate, Found, Surroundings, find};
use postern_control::profile::{Profile, ProfileId};
use postern_control::store::Store;
use postern_control::view::{EdgeDraft, PrefectDraft, Trouble};
use serde::Serialize;

use super::Context;
use crate::failure::Failure;

pub(super) async fn import(context: &Context, names: &[String], all: bool) -> Result<(), Failure> {
    let store = context.store()?;
    let found = find(&Surroundings::here());
    let named = |name: &String| {
        found.candidates.iter().find(|candidate| candidate.key == *name).ok_or_else(|| {
            let sentence = format!("Prefect here knows no server by the name {name}.");
            Failure::new("usage", sentence, "`postern prefect import` lists them.")
        })
    };
    let chosen = if all {
        let profiles: Vec<&Profile> = store.profiles().iter().collect();
        found.candidates.iter().filter(|candidate| candidate.obstacle(&profiles).is_none()).collect()
    } else if names.is_empty() {
        return list(context, &store, &found);
    } else {
        names.iter().map(named).collect::<Result<Vec<_>, _>>()?
    };
    tell_troubles(context, &found);
    add(context, store, &chosen, &found.troubles).await
}

fn tell_troubles(context: &Context, found: &Found) {
    for trouble in &found.troubles {
        context.output.note(&format!("postern: {} [{}]", trouble.sentence, trouble.code));
    }
}

fn list(context: &Context, store: &Store, found: &Found) -> Result<(), Failure> {
    let profiles: Vec<&Profile> = store.profiles().iter().collect();
    let rows: Vec<Row<'_>> = found.candidates.iter().map(|candidate| Row::of(candidate, &profiles)).collect();
    let value = List { found: &rows, troubles: &found.troubles, places: &found.places };
    context.output.result(&value, || {
        if rows.is_empty() {
            return format!("Prefect here knows no server. Looked for in:\n  {}", found.places.join("\n  "));
        }
        let mut text: String = found.candidates.iter().zip(&rows).map(|(candidate, row)| row.text(candidate)).collect();
        if rows.iter().any(|row| row.obstacle.is_none()) {
            text.push_str("`postern prefect import NAME…` adds some, `--all` all that can be.");
        }
        text
    })?;
    tell_troubles(context, found);
    Ok(())
}

/// One after the other: two may be the same server, or have the same name.
async fn add(context: &Context, store: Store, chosen: &[&Candidate], troubles: &[Trouble]) -> Result<(), Failure> {
    let mut outcome = Added { imported: Vec::new(), failed: Vec::new(), troubles };
    let mut profiles = store.profiles().to_vec();
    let files = Files::new(store);
    for candidate in chosen {
        let made = match candidate.change(&profiles.iter().collect::<Vec<_>>()) {
            Ok(change) => change.make(&files, &context.vault).await.map_err(|error| Failure::from(error).trouble),
            Err(trouble) => Err(trouble),
        };
        match made {
            Ok(stored) => {
                let port = stored.profiles.iter().find(|profile| profile.id == stored.id).map(|profile| profile.port);
                let left = candidate.left_behind();
                outcome.imported.push(Imported { name: &candidate.key, id: stored.id, port, left });
                profiles = stored.profiles;
            }
            Err(trouble) => outcome.failed.push(Refused { name: &candidate.key, trouble }),
        }
    }
    context.output.result(&outcome, || outcome.text())?;
    for Imported { id, .. } in &outcome.imported {
        if let Some(profile) = profiles.iter().find(|profile| profile.id == *id) {
            context.warn_about(profile);
        }
    }
    match outcome.failed.into_iter().next() {
        Some(Refused { trouble, .. }) => Err(Failure { trouble, told: true }),
        None => Ok(()),
    }
}

/// What was found, as JSON: these names stay.
#[derive(Serialize)]
struct List<'a> {
    found: &'a [Row<'a>],
    troubles: &'a [Trouble],
    places: &'a [String],
}

#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    place: String,
    in_use: bool,
    url: Option<&'a str>,
    api_url: Option<&'a str>,
    edge: Option<EdgeRow<'a>>,
    prefect: Option<PrefectRow<'a>>,
    headers: Vec<&'a str>,
    ca_file: Option<&'a str>,
    verify: bool,
    /// What is not taken over.
    notes: &'a [String],
    /// Why it cannot be imported.
    obstacle: Option<Trouble>,
}

#[derive(Serialize)]
struct EdgeRow<'a> {
    kind: &'static str,
    username: Option<&'a str>,
}

#[derive(Serialize)]
struct PrefectRow<'a> {
    username: &'a str,
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

impl<'a> Row<'a> {
    fn of(candidate: &'a Candidate, profiles: &[&Profile]) -> Self {
        let draft = &candidate.draft;
        Self {
            name: &candidate.key,
            place: candidate.spot.to_string(),
            in_use: candidate.in_use,
            url: some(&draft.url),
            api_url: some(&draft.api_url),
            edge: match &draft.edge {
                EdgeDraft::None => None,
                EdgeDraft::Basic { username, .. } => Some(EdgeRow { kind: "basic", username: Some(username) }),
                EdgeDraft::Bearer { .. } => Some(EdgeRow { kind: "bearer", username: None }),
            },
            prefect: match &draft.prefect {
                PrefectDraft::None | PrefectDraft::SameAsEdge => None,
                PrefectDraft::Own { username, .. } => Some(PrefectRow { username }),
            },
            headers: draft.headers.iter().map(|header| header.name.as_str()).collect(),
            ca_file: some(&draft.ca_file),
            verify: draft.verify,
            notes: &candidate.notes,
            obstacle: candidate.obstacle(profiles),
        }
    }

    fn text(&self, candidate: &Candidate) -> String {
        let used = if self.in_use { ", which Prefect uses now" } else { "" };
        let mut lines = vec![format!("{}{used}", self.name)];
        let addresses: Vec<&str> = self.url.into_iter().chain(self.api_url).collect();
        let (addresses, contents) = (addresses.join(", API at "), candidate.contents().join(", "));
        let notes = self.notes.iter().map(String::as_str);
        let obstacle = self.obstacle.iter().map(|trouble| trouble.sentence.as_str());
        lines.extend([("address", addresses.as_str()), ("with", &contents), ("from", &self.place)].map(row));
        lines.extend(notes.map(|note| row(("without", note))).chain(obstacle.map(|why| row(("not here", why)))));
        lines.retain(|line| !line.is_empty());
        lines.join("\n") + "\n"
    }
}

fn row((what, text): (&str, &str)) -> String {
    if text.is_empty() { String::new() } else { format!("  {what:9} {text}") }
}

/// What was done, as JSON: these names stay.
#[derive(Serialize)]
struct Added<'a> {
    imported: Vec<Imported<'a>>,
    failed: Vec<Refused<'a>>,
    /// What could not be read.
    troubles: &'a [Trouble],
}

#[derive(Serialize)]
struct Imported<'a> {
    name: &'a str,
    id: ProfileId,
    port: Option<u16>,
    /// What is to be known of its old secrets.
    left: Option<String>,
}

#[derive(Serialize)]
struct Refused<'a> {
    name: &'a str,
    #[serde(flatten)]
    trouble: Trouble,
}

impl Added<'_> {
    fn text(&self) -> String {
        if self.imported.is_empty() && self.failed.is_empty() {
            return "There is nothing to import. `postern prefect import` lists what there is, and why not.".to_owned();
        }
        let imported = self.imported.iter().map(|Imported { name, id, left, .. }| {
            let left = left.as_ref().map(|left| format!("\n  {left}")).unwrap_or_default();
            format!("Imported {name} as the profile {id}.{left}")
        });
        let failed = self.failed.iter().map(|Refused { name, trouble }| {
            let Trouble { code, sentence, remedy } = trouble;
            format!("Not imported: {name}. {sentence}\n  {remedy} [{code}]")
        });
        imported.chain(failed).collect::<Vec<_>>().join("\n")
    }
}
