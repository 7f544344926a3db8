//! What each event means. Read top to bottom: what people ask for, then what the driver brings.

use postern_gateway::Secret;
use url::Position;

use super::change::Wish;
use super::life::Pulse;
use super::mint::Mint;
use super::vault::ABSENT;
use super::{AtStart, Effect, Entry, Event, Failure, Focus, Lead, Phase, ShellRequest, Sight, State, Window};
use crate::activity::curl;
use crate::link::harmless;
use crate::profile::{Profile, ProfileId};
use crate::settings::{Setting, Settings};
use crate::view::Trouble;

impl State {
    /// Knows nothing yet. `seed` spreads the delays between tries.
    #[must_use]
    pub fn new(at_start: AtStart, seed: u64) -> Self {
        Self {
            entries: Vec::new(),
            file_trouble: None,
            settings_trouble: None,
            vault_trouble: None,
            unlocking: false,
            in_memory: false,
            phase: Phase::New,
            look: None,
            screen: super::Screen::default(),
            settings: Settings::default(),
            shortcut_trouble: None,
            saving: false,
            last: None,
            lead: None,
            crash: None,
            starts_at_login: None,
            import: None,
            at_start,
            leaving: Vec::new(),
            storing: None,
            wishes: std::collections::VecDeque::new(),
            mint: Mint::new(seed),
        }
    }

    /// In the file's order.
    pub(crate) fn profiles(&self) -> Vec<&Profile> {
        self.entries.iter().map(|entry| &entry.profile).collect()
    }

    /// The profile with this id.
    #[must_use]
    pub fn entry(&self, id: &ProfileId) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.profile.id == *id)
    }

    /// The same, where something may still be wanted.
    pub(super) fn wanted(&mut self, id: &ProfileId) -> Option<&mut Entry> {
        if self.phase == Phase::Running { self.entry_mut(id) } else { None }
    }

    pub(super) fn open(&mut self, id: ProfileId, window: Window, effects: &mut Vec<Effect>) {
        if let Some(entry) = self.wanted(&id) {
            entry.open(window, effects);
            self.last = Some(id);
        } else if self.phase == Phase::Running {
            let trouble = Trouble::new(
                "no_such_profile",
                format!("There is no server “{id}” here."),
                "Name it by its profile's id: `postern list` shows them.",
            );
            effects.push(Effect::Shell(ShellRequest::ShowTrouble { name: None, trouble }));
        }
    }

    /// Shows the manager, with what there is to know of secrets.
    pub(super) fn show_manager(&mut self, lead: Option<Lead>, effects: &mut Vec<Effect>) {
        self.lead = lead.map(|lead| (self.mint.lead(), lead));
        effects.push(Effect::Shell(ShellRequest::ShowManager));
        let unknown = self.entries.iter().filter(|entry| entry.slots.iter().any(|(_, filled)| filled.is_none()));
        effects.extend(unknown.map(|entry| Effect::LookUp(Box::new(entry.profile.clone()))));
        // Who is about to enter secrets is told before that there is no place for them.
        if self.entries.is_empty() {
            effects.push(Effect::SeeVault);
        }
    }

    /// The profile that a click on the icon shows: the one shown last, or else the only one.
    fn shown_last(&self) -> Option<ProfileId> {
        let last = self.last.as_ref().filter(|id| self.entry(id).is_some());
        let only = if let [only] = self.entries.as_slice() { Some(&only.profile.id) } else { None };
        last.or(only).cloned()
    }

    pub(super) fn entry_mut(&mut self, id: &ProfileId) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.profile.id == *id)
    }
}

/// Takes one event in, and says what is to be done about it.
pub fn update(state: &mut State, event: Event) -> Vec<Effect> {
    let mut effects = Vec::new();
    // Whoever asks gets an answer, even then; nothing else happens any more.
    if state.phase == Phase::Ended && !matches!(event, Event::Save { .. } | Event::Remove { .. }) {
        return effects;
    }
    let at = event.at();
    match event {
        Event::Connect(id) => {
            if let Some(entry) = state.wanted(&id) {
                entry.connect(&mut effects);
            }
        }
        Event::Disconnect(id) => {
            if let Some(entry) = state.entry_mut(&id) {
                entry.disconnect(&mut effects);
            }
        }
        Event::Toggle(id) => {
            if let Some(entry) = state.wanted(&id) {
                if entry.connection.wanted() { entry.disconnect(&mut effects) } else { entry.connect(&mut effects) }
            }
        }
        Event::Open(id) => state.open(id, Window::Dashboard, &mut effects),
        Event::OpenInBrowser(id) => state.open(id, Window::Browser("/".to_owned()), &mut effects),
        Event::OpenPageInBrowser { id, address } => {
            let page = harmless::page(&address[Position::BeforePath..]).unwrap_or_else(|| "/".to_owned());
            state.open(id, Window::Browser(page), &mut effects);
        }
        Event::AllowChanges { id, server, at } => state.allow_changes(&id, &server, at, &mut effects),
        Event::ForbidChanges(id) => {
            if let Some(entry) = state.entry_mut(&id) {
                entry.forbid_changes(&mut effects);
            }
        }
        Event::CopyLink { id, address } => {
            if let Some(entry) = state.entry(&id) {
                let link = Secret::new(harmless::server_link(&entry.profile, &address));
                effects.push(Effect::Shell(ShellRequest::CopyLink { id, link }));
            }
        }
        Event::Activate => match state.shown_last() {
            Some(id) => state.open(id, Window::Dashboard, &mut effects),
            None => state.show_manager(None, &mut effects),
        },
        Event::Follow(link) => state.follow(link, &mut effects),
        Event::CopyApiUrl(id) => {
            if let Some(entry) = state.entry(&id) {
                effects.push(Effect::Shell(ShellRequest::Copy { text: entry.profile.local_api_url() }));
            }
        }
        Event::CopyAsCurl { id, method, path } => {
            if let Some(text) = state.entry(&id).and_then(|entry| curl(&entry.profile, &method, &path)) {
                effects.push(Effect::Shell(ShellRequest::Copy { text }));
            }
        }
        Event::CopyEnvironment(id) => {
            if let Some(entry) = state.entry(&id) {
                effects.push(Effect::CopyEnvironment(Box::new(entry.profile.clone())));
            }
        }
        Event::Manage => state.show_manager(None, &mut effects),
        Event::Switch if state.entries.len() > 1 => effects.push(Effect::Shell(ShellRequest::ShowSwitcher)),
        // One needs no choice.
        Event::Switch => return update(state, Event::Activate),
        Event::Add => state.show_manager(Some(Lead::New(None)), &mut effects),
        Event::Diagnose(id) => {
            state.show_manager(Some(Lead::To(id.clone())), &mut effects);
            state.look_at(&id, &mut effects);
        }
        Event::ToggleStartAtLogin => {
            let starts = state.starts_at_login.unwrap_or_default();
            effects.push(Effect::Shell(ShellRequest::StartAtLogin(!starts)));
        }
        Event::Look(id) => state.look_at(&id, &mut effects),
        Event::LookAtForm { number, draft } => state.look_at_form(number, &draft, &mut effects),
        Event::LookAway => {
            state.look = None;
            effects.push(Effect::LookAway(Sight::Form));
        }
        Event::FindImports => state.find_imports(&mut effects),
        Event::Import(keys) => state.import(&keys),
        Event::ForgetImports => state.import = None,
        Event::Settle(setting) => effects.push(Effect::Settle(setting)),
        Event::OpenLogs => effects.push(Effect::OpenLogs),
        Event::SetShortcut(Ok(shortcut)) => {
            state.shortcut_trouble = None;
            effects.push(Effect::Settle(Setting::Shortcut(shortcut)));
            // Who chooses the same again has made room for them.
            if shortcut == state.settings.switcher.shortcut {
                effects.push(Effect::Shell(ShellRequest::TakeShortcut(shortcut)));
            }
        }
        Event::SetShortcut(Err(invalid)) => {
            let remedy = "Write it like Ctrl+Alt+P, or nothing for none.";
            state.shortcut_trouble = Some(Trouble::new("shortcut_invalid", invalid.to_string(), remedy));
        }
        Event::Quit => {
            state.phase = Phase::Quitting;
            // A save may wait for it.
            if state.unlocking {
                effects.push(Effect::GiveUpUnlocking);
            }
            for entry in &mut state.entries {
                entry.disconnect(&mut effects);
            }
        }
        Event::Save { ticket, draft } => state.wishes.push_back(Wish::Save { ticket, draft }),
        Event::Remove { ticket, id } => state.wishes.push_back(Wish::Remove { ticket, id }),

        Event::Loaded(Ok(profiles)) => {
            state.file_trouble = None;
            if state.phase == Phase::New {
                state.phase = Phase::Running;
            }
            state.adopt(profiles, None, &mut effects);
        }
        // What was read before stays in force: nobody loses a connection to a typing error in a file.
        Event::Loaded(Err(trouble)) => {
            state.file_trouble = Some(trouble);
            if state.phase == Phase::New {
                state.phase = Phase::Running;
            }
        }
        Event::Stored(outcome) => state.stored(outcome, &mut effects),
        Event::LookedUp { id, outcome } => match outcome {
            Ok(seen) => {
                // Of a locked one it can be said that it has nothing; it has given something, or was not needed.
                if seen.iter().any(|(_, filled)| *filled) {
                    state.vault_gives();
                } else {
                    state.vault_trouble.take_if(|trouble| trouble.code == ABSENT);
                }
                if let Some(entry) = state.entry_mut(&id) {
                    for (slot, filled) in &mut entry.slots {
                        if let Some((_, now)) = seen.iter().find(|(other, _)| other == slot) {
                            *filled = Some(*now);
                        }
                    }
                }
            }
            Err(trouble) => state.vault_trouble = Some(trouble),
        },
        Event::Looked { sight, number, news } => state.looked(&sight, number, news, &mut effects),
        Event::ImportsFound(found) => {
            if let Some(import) = &mut state.import {
                import.found = Some(found);
            }
        }
        Event::Started(generation) => {
            if let Some((entry, _)) = state.of(generation) {
                entry.started(&mut effects);
                state.vault_gives();
            }
        }
        Event::StartFailed { generation, failure, at } => {
            state.leaving.retain(|(_, held)| held.generation != generation);
            let vault = if let Failure::Vault { trouble, .. } = &failure { Some(trouble.clone()) } else { None };
            if let Some((entry, mint)) = state.of(generation) {
                entry.ended(Some(failure), at, mint, &mut effects);
                state.vault_trouble = vault.or(state.vault_trouble.take());
            }
        }
        Event::Status { generation, status, at } => {
            if let Some((entry, mint)) = state.standing(generation) {
                entry.status(status, at, mint, &mut effects);
            }
        }
        Event::Probed { generation, status, used, at } => {
            let (saving, screen) = (state.saving, state.screen.clone());
            if let Some((entry, mint)) = state.standing(generation) {
                let open = screen.manager || screen.dashboards.contains(&entry.profile.id);
                entry.life.quiet = saving || !(used || open);
                entry.probed(status, at, mint, &mut effects);
            }
        }
        Event::Ended { generation, at } => {
            state.leaving.retain(|(_, held)| held.generation != generation);
            if let Some((entry, mint)) = state.of(generation) {
                entry.ended(None, at, mint, &mut effects);
            }
        }
        Event::Due(timer) => {
            if let Some(entry) = state.entries.iter_mut().find(|entry| entry.life.pulse == Pulse::Waiting(timer)) {
                entry.try_again();
            }
            state.changes_due(timer, &mut effects);
        }
        Event::WorldChanged => {
            for entry in &mut state.entries {
                entry.doubt(&mut effects);
            }
            // Who had the keys may be gone.
            if state.shortcut_trouble.as_ref().is_some_and(|trouble| trouble.code == "shortcut_refused") {
                effects.push(Effect::Shell(ShellRequest::TakeShortcut(state.settings.switcher.shortcut)));
            }
        }
        Event::Screen(screen) => {
            // What it shows now may be as old as the longest pause between two probes.
            let fresh = screen.manager && !state.screen.manager;
            // Not before it is open.
            if state.screen.manager && !screen.manager {
                state.lead = None;
            }
            if let Some(Focus::Dashboard(id)) = &screen.focus {
                state.last = Some(id.clone());
            }
            state.forbid_changes_unseen(&screen, &mut effects);
            state.screen = screen;
            for entry in state.entries.iter_mut().filter(|entry| fresh && entry.life.quiet && !entry.life.refused) {
                entry.hasten();
            }
        }
        Event::Saving(saving) => state.saving = saving,
        Event::CertificateSeen { generation, days, .. } => {
            if let Some((entry, _)) = state.standing(generation) {
                entry.life.certificate = days;
            }
        }
        Event::Settled(Ok(settings)) => {
            let shortcut = settings.switcher.shortcut;
            if shortcut != state.settings.switcher.shortcut {
                effects.push(Effect::Shell(ShellRequest::TakeShortcut(shortcut)));
            }
            state.settings = settings;
            state.settings_trouble = None;
        }
        Event::Settled(Err(trouble)) => {
            effects.push(Effect::Shell(ShellRequest::ShowTrouble { name: None, trouble }));
        }
        Event::Crashed(crash) => {
            effects.push(Effect::Shell(ShellRequest::ShowTrouble { name: None, trouble: crash.trouble() }));
            state.crash = Some(crash);
        }
        Event::KeepInMemory => state.keep_in_memory(&mut effects),
        Event::GiveUpUnlocking => effects.push(Effect::GiveUpUnlocking),
        Event::VaultWaits(waits) => state.vault_waits(waits, &mut effects),
        Event::VaultSeen(outcome) => state.vault_seen(outcome),
        Event::DismissCrash => state.crash = None,
        // None may be wanted by now.
        Event::ShortcutTaken(taken) => {
            state.shortcut_trouble = taken.err().filter(|_| state.settings.switcher.shortcut.is_some());
        }
        Event::StartsAtLogin(starts) => state.starts_at_login = starts,
    }
    state.next_wish(&mut effects);
    state.settle(&mut effects);
    if let Some(at) = at {
        state.give_notice(at, &mut effects);
    }
    effects
}
