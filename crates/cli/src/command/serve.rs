//! `postern serve`: gateways in the foreground, without display, keychain or WebKit.
//!
//! - A ready line for each profile on standard output, when its listener stands.
//! - Faults on standard error as they come and go. A server that cannot be reached may come back: its gateway
//!   stays.
//! - A profile that cannot start at all ends the command, unless another of those asked for runs.
//! - SIGTERM and Ctrl-C end it within a second, with exit code 0.

use std::collections::{HashMap, HashSet};

use postern_control::controller::{AtStart, Connection, Controller, Entry, Handle, Options};
use postern_control::import::Surroundings;
use postern_control::profile::{Connect, ProfileId};
use postern_control::view::Trouble;
use serde_json::json;

use super::{Context, find};
use crate::failure::Failure;
use crate::output::Output;

pub(super) async fn serve(context: &Context, ids: Vec<ProfileId>) -> Result<(), Failure> {
    let store = context.store()?;
    let ids = if ids.is_empty() {
        let always = store.profiles().iter().filter(|profile| profile.connect == Connect::Always);
        always.map(|profile| profile.id.clone()).collect()
    } else {
        ids
    };
    if ids.is_empty() {
        return Err(Failure::new(
            "nothing_to_serve",
            "No profile has connect = \"always\".",
            "Name the profiles to serve, or add one with `postern add`.",
        ));
    }
    for id in &ids {
        context.warn_about(&find(&store, id)?);
    }
    let stop = signals()?;
    let options = Options {
        folders: context.folders.clone(),
        vault: context.vault.clone(),
        at_start: AtStart::Only(ids.clone()),
        activity: None,
        surroundings: Surroundings::default(),
    };
    // Windows and clipboard are the desktop's: nobody receives.
    let (handle, _) = Controller::start(options);
    let outcome = tokio::select! {
        () = stop => Ok(()),
        failure = watch(&handle, ids, &context.output) => Err(failure),
    };
    handle.shutdown().await;
    outcome
}

/// What was told of each profile.
struct Told<'a> {
    output: &'a Output,
    ready: HashSet<ProfileId>,
    troubles: HashMap<ProfileId, Trouble>,
}

/// Tells what changes, until nothing is served.
async fn watch(handle: &Handle, ids: Vec<ProfileId>, output: &Output) -> Failure {
    let mut told = Told { output, ready: HashSet::new(), troubles: HashMap::new() };
    let mut states = handle.state();
    loop {
        let state = states.borrow_and_update().clone();
        let entries: Vec<&Entry> = ids.iter().filter_map(|id| state.entry(id)).collect();
        if let Err(failure) = entries.iter().try_for_each(|entry| told.ready(entry)) {
            return failure;
        }
        let served = |entry: &Entry| {
            entry.is_listening() || matches!(entry.connection, Connection::Starting | Connection::Unlocking)
        };
        if entries.iter().any(|entry| served(entry)) {
            entries.iter().for_each(|entry| told.health(entry));
        } else {
            return if entries.is_empty() { removed() } else { told.end(&entries) };
        }
        if states.changed().await.is_err() {
            return ended_by_itself();
        }
    }
}

impl Told<'_> {
    /// The listener stands.
    fn ready(&mut self, entry: &Entry) -> Result<(), Failure> {
        let profile = &entry.profile;
        if !entry.is_listening() {
            self.ready.remove(&profile.id);
        } else if self.ready.insert(profile.id.clone()) {
            let (url, api_url) = (profile.local_origin(), profile.local_api_url());
            let line = json!({"event": "ready", "profile": profile.id, "url": url, "api_url": api_url});
            self.output.result(&line, || format!("{}: ready at {url} (API: {api_url})", profile.id))?;
        }
        Ok(())
    }

    /// A fault comes, changes, or goes.
    fn health(&mut self, entry: &Entry) {
        let id = &entry.profile.id;
        if let Some(trouble) = self.news(entry) {
            self.output.state(id.as_str(), Some(trouble));
            self.troubles.insert(id.clone(), trouble.clone());
        } else if matches!(entry.connection, Connection::Up { .. }) && self.troubles.remove(id).is_some() {
            self.output.state(id.as_str(), None);
        }
    }

    /// The entry's trouble, where it has not been told.
    fn news<'e>(&self, entry: &'e Entry) -> Option<&'e Trouble> {
        entry.connection.trouble().filter(|trouble| self.troubles.get(&entry.profile.id) != Some(*trouble))
    }

    /// No profile is served, and none is about to be: the last trouble is the command's.
    fn end(mut self, entries: &[&Entry]) -> Failure {
        let last = entries.iter().rposition(|entry| self.news(entry).is_some());
        for entry in entries.iter().take(last.unwrap_or_default()) {
            self.health(entry);
        }
        let last = entries.get(last.unwrap_or_default()).and_then(|entry| entry.connection.trouble());
        last.map_or_else(ended_by_itself, |trouble| trouble.clone().into())
    }
}

fn removed() -> Failure {
    Failure::new(
        "no_such_profile",
        "The profiles that were served are not in profiles.toml any more.",
        "Name others to serve; `postern list` shows the profiles there are.",
    )
}

fn ended_by_itself() -> Failure {
    Failure::new(
        "internal",
        "Nothing is served any more, for no reason that is known.",
        "Report this with Postern's log.",
    )
}

/// Resolves when the process is asked to end.
#[cfg(unix)]
fn signals() -> Result<impl Future<Output = ()>, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::system)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::system)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Resolves when the process is asked to end.
#[cfg(windows)]
fn signals() -> Result<impl Future<Output = ()>, Failure> {
    let mut interrupt = tokio::signal::windows::ctrl_c().map_err(Failure::system)?;
    let mut close = tokio::signal::windows::ctrl_close().map_err(Failure::system)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = close.recv() => {}
        }
    })
}
