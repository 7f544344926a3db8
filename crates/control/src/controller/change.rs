//! How profiles change: by a save, a removal, or another program's hand on the file.
//!
//! One save or removal at a time; the others wait, so that each is checked against what the one before it
//! left behind.

use super::{AtStart, Effect, Entry, Phase, ShellRequest, Sight, State, Ticket};
use crate::change::{Change, Stored};
use crate::profile::{Connect, Profile, ProfileId, Slot};
use crate::view::{Draft, SaveErrors, Trouble, prepare};

/// A save or removal that waits.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Wish {
    Save { ticket: Ticket, draft: Box<Draft> },
    Remove { ticket: Option<Ticket>, id: ProfileId },
}

/// Who waits for the save or removal under way, if anybody does.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Storing {
    ticket: Option<Ticket>,
}

impl State {
    /// Begins what waits, when nothing is under way.
    pub(super) fn next_wish(&mut self, effects: &mut Vec<Effect>) {
        while self.storing.is_none()
            && let Some(wish) = self.wishes.pop_front()
        {
            let (ticket, change) = match wish {
                Wish::Save { ticket, draft } => (Some(ticket), self.check_save(&draft)),
                Wish::Remove { ticket, id } => (ticket, self.check_remove(id)),
            };
            match change {
                Ok(change) => {
                    self.storing = Some(Storing { ticket });
                    effects.push(Effect::Store(change));
                }
                Err(errors) => answer(ticket, Err(errors), effects),
            }
        }
    }

    fn check_save(&self, draft: &Draft) -> Result<Change, SaveErrors> {
        self.check_writable()?;
        let profiles: Vec<&Profile> = self.entries.iter().map(|entry| &entry.profile).collect();
        prepare(draft, &profiles)
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
        answer(storing.ticket, outcome, effects);
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

/// Tells who waits; a failure that nobody waits for is shown.
fn answer(ticket: Option<Ticket>, outcome: Result<ProfileId, SaveErrors>, effects: &mut Vec<Effect>) {
    match (ticket, outcome) {
        (Some(ticket), outcome) => effects.push(Effect::Answer { ticket, outcome }),
        (None, Ok(_)) => {}
        (None, Err(errors)) => {
            let trouble = Trouble::new("not_removed", errors.to_string(), "Nothing has changed; try again.");
            effects.push(Effect::Shell(ShellRequest::ShowTrouble { name: None, trouble }));
        }
    }
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
