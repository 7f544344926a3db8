//! How profiles change: by a save, a removal, or another program's hand on the file.
//!
//! One save or removal at a time; the others wait, so that each is checked against what the one before it
//! left behind.

use super::{AtStart, Effect, Entry, Phase, ShellRequest, Sight, State, Ticket};
use crate::change::{Change, Stored};
use crate::import::{Candidate, Outcome};
use crate::profile::{Connect, Profile, ProfileId, Slot};
use crate::view::{Draft, SaveErrors, Trouble, prepare};

/// A save or removal that waits.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Wish {
    Save { ticket: Ticket, draft: Box<Draft> },
    Remove { ticket: Option<Ticket>, id: ProfileId },
    Import(Box<Candidate>),
}

/// Who waits for the save or removal under way.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Storing {
    /// Somebody who gets an answer.
    For(Ticket),
    /// Whoever sees what becomes of the import with this key.
    Import(String),
    /// Nobody: a failure is shown.
    Alone,
}

impl State {
    /// Begins what waits, when nothing is under way.
    pub(super) fn next_wish(&mut self, effects: &mut Vec<Effect>) {
        while self.storing.is_none()
            && let Some(wish) = self.wishes.pop_front()
        {
            let (storing, change) = match wish {
                Wish::Save { ticket, draft } => (Storing::For(ticket), self.check_save(&draft)),
                Wish::Remove { ticket, id } => (ticket.map_or(Storing::Alone, Storing::For), self.check_remove(id)),
                Wish::Import(candidate) => (Storing::Import(candidate.key.clone()), self.check_import(&candidate)),
            };
            match change {
                Ok(change) => {
                    self.storing = Some(storing);
                    effects.push(Effect::Store(change));
                }
                Err(errors) => self.answer(storing, Err(errors), effects),
            }
        }
    }

    fn check_save(&self, draft: &Draft) -> Result<Change, SaveErrors> {
        self.check_writable()?;
        prepare(draft, &self.profiles())
    }

    /// With what was saved before it: two candidates may be the same server, or have the same name.
    fn check_import(&self, candidate: &Candidate) -> Result<Change, SaveErrors> {
        self.check_writable()?;
        candidate.change(&self.profiles()).map_err(|trouble| SaveErrors::whole(&trouble))
    }

    fn check_remove(&self, id: ProfileId) -> Result<Change, SaveErrors> {
        self.check_writable()?;
        Ok(Change::Remove { id })
    }

    fn check_writable(&self) -> Result<(), SaveErrors> {
        match (&self.file_trouble, self.phase) {
            (Some(trouble), _) => Err(SaveErrors::whole(trouble)),
            (None, Phase::New | Phase::Running) => Ok(()),
            (None, Phase::Quitting | Phase::Ended) => Err(SaveErrors::whole(&quitting())),
        }
    }

    pub(super) fn stored(&mut self, outcome: Result<Stored, SaveErrors>, effects: &mut Vec<Effect>) {
        let Some(storing) = self.storing.take() else { return };
        let outcome = outcome.map(|stored| {
            self.adopt(stored.profiles, Some((&stored.id, &stored.secrets)), effects);
            if let Some(trouble) = stored.vault_trouble {
                self.vault_trouble = Some(trouble.clone());
                effects.push(Effect::Shell(ShellRequest::ShowTrouble { name: None, trouble }));
            }
            stored.id
        });
        self.answer(storing, outcome, effects);
    }

    /// Tells who waits; a failure that nobody waits for is shown.
    fn answer(&mut self, storing: Storing, outcome: Result<ProfileId, SaveErrors>, effects: &mut Vec<Effect>) {
        match (storing, outcome) {
            (Storing::For(ticket), outcome) => effects.push(Effect::Answer { ticket, outcome }),
            (Storing::Import(key), outcome) if let Some(import) = &mut self.import => {
                import.set(&key, outcome.map_or_else(Outcome::Failed, Outcome::Done));
            }
            (Storing::Import(_) | Storing::Alone, Ok(_)) => {}
            (storing @ (Storing::Import(_) | Storing::Alone), Err(errors)) => {
                let code = if storing == Storing::Alone { "not_removed" } else { "not_imported" };
                let trouble = Trouble::new(code, errors.to_string(), "Nothing has changed; try again.");
                effects.push(Effect::Shell(ShellRequest::ShowTrouble { name: None, trouble }));
            }
        }
    }

    /// Takes over what the file says. `ours`: the profile that was saved or removed here, and its slots that hold
    /// another secret now.
    pub(super) fn adopt(
        &mut self,
        profiles: Vec<Profile>,
        ours: Option<(&ProfileId, &[Slot])>,
        effects: &mut Vec<Effect>,
    ) {
        let mut before = std::mem::take(&mut self.entries);
        for profile in profiles {
            let known = before.iter().position(|entry| entry.profile.id == profile.id).map(|at| before.remove(at));
            let fresh: &[Slot] = ours.filter(|(id, _)| **id == profile.id).map_or(&[], |(_, slots)| slots);
            let mut entry = match known {
                Some(mut entry) => {
                    let differs = serves_differently(&entry.profile, &profile) || !fresh.is_empty();
                    if differs && entry.look.take().is_some() {
                        effects.push(Effect::LookAway(Sight::Saved(entry.profile.id.clone())));
                    }
                    entry.replace(profile);
                    if differs {
                        entry.restart(effects);
                    }
                    entry
                }
                None => {
                    let mut entry = Entry::new(profile);
                    if self.phase == Phase::Running && self.at_start.wants(&entry.profile) {
                        entry.connect(effects);
                    }
                    entry
                }
            };
            for (_, filled) in entry.slots.iter_mut().filter(|(slot, _)| fresh.contains(slot)) {
                *filled = Some(true);
            }
            self.entries.push(entry);
        }
        for mut gone in before {
            gone.disconnect(effects);
            if let Some(held) = gone.life.listener.held() {
                self.leaving.push((gone.profile.id.clone(), held));
            }
            let id = gone.profile.id;
            effects.extend(gone.look.map(|_| Effect::LookAway(Sight::Saved(id.clone()))));
            let removed = ours.is_some_and(|(ours, _)| *ours == id);
            effects.push(if removed { Effect::RemoveDashboard(id) } else { Effect::CloseDashboard(id) });
        }
    }
}

/// Why nothing is saved any more.
pub(super) fn quitting() -> Trouble {
    Trouble::new("quitting", "Postern is about to end; nothing was saved.", "Start it again and repeat the change.")
}

impl AtStart {
    pub(super) fn wants(&self, profile: &Profile) -> bool {
        match self {
            Self::Always => profile.connect == Connect::Always,
            Self::Only(ids) => ids.contains(&profile.id),
            Self::None => false,
        }
    }
}

impl Entry {
    /// The same profile, changed: what is known of slots it still has stays known.
    fn replace(&mut self, profile: Profile) {
        let filled = |slot: &Slot| self.slots.iter().find(|(other, _)| other == slot).and_then(|(_, filled)| *filled);
        self.slots = profile
            .slots()
            .into_iter()
            .map(|slot| {
                let filled = filled(&slot);
                (slot, filled)
            })
            .collect();
        self.profile = profile;
    }
}

/// Whether a running gateway has to be started again. Colour and time of connecting are not the gateway's.
fn serves_differently(before: &Profile, after: &Profile) -> bool {
    let served = |profile: &Profile| Profile { color: None, connect: Connect::default(), ..profile.clone() };
    served(before) != served(after)
}
