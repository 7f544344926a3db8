//! A keychain that waits for a person, or is not there.

use super::life::{Listener, Pulse};
use super::{Connection, Effect, Entry, Phase, State};
use crate::view::Trouble;

/// The code of a keychain that is not there.
pub(super) const ABSENT: &str = "vault_absent";

impl State {
    /// Whether secrets could be kept in memory instead: a person is asked, for they are gone when Postern ends.
    #[must_use]
    pub fn offers_memory(&self) -> bool {
        !self.in_memory && self.vault_trouble.as_ref().is_some_and(|trouble| trouble.code == ABSENT)
    }

    /// A person has said so. What failed for want of a keychain starts anew; what stands has its secrets already.
    pub(super) fn keep_in_memory(&mut self, effects: &mut Vec<Effect>) {
        if !self.offers_memory() {
            return;
        }
        self.in_memory = true;
        self.vault_trouble = None;
        effects.push(Effect::KeepInMemory);
        for entry in &mut self.entries {
            for (_, filled) in &mut entry.slots {
                *filled = None;
            }
            effects.push(Effect::LookUp(Box::new(entry.profile.clone())));
            if entry.connection.trouble().is_some_and(|trouble| trouble.code == ABSENT) {
                entry.restart(effects);
            }
        }
    }

    /// Calls wait for a person, or do so no more.
    pub(super) fn vault_waits(&mut self, waits: bool, effects: &mut Vec<Effect>) {
        self.unlocking = waits;
        if waits && self.phase == Phase::Quitting {
            effects.push(Effect::GiveUpUnlocking);
        }
        for entry in &mut self.entries {
            entry.vault_waits(waits);
        }
    }

    /// It has given a secret: what it refused before, or was not waited for, it will give as well.
    pub(super) fn vault_gives(&mut self) {
        if self.vault_trouble.take().is_some() {
            self.entries.iter_mut().filter(|entry| entry.life.pulse == Pulse::Resting).for_each(Entry::try_again);
        }
    }

    /// The keychain was asked whether it is there.
    pub(super) fn vault_seen(&mut self, outcome: Result<(), Trouble>) {
        self.vault_trouble = outcome.err();
    }
}

impl Entry {
    /// Only a start reads secrets.
    pub(super) fn vault_waits(&mut self, waits: bool) {
        match (&self.connection, &self.life.listener) {
            (Connection::Starting, Listener::Starting(_)) if waits => self.connection = Connection::Unlocking,
            (Connection::Unlocking, _) if !waits => self.connection = Connection::Starting,
            _ => {}
        }
    }
}
