//! Looks: at what the form has, and at profiles as they are saved.

use std::time::Duration;

use super::{Effect, Phase, Sight, State};
use crate::look::{End, Look, Plan, plans};
use crate::profile::ProfileId;
use crate::view::Draft;

/// Who types goes on within this; whoever has stopped does not wait for it.
pub(super) const TYPING: Duration = Duration::from_millis(400);

impl State {
    pub(super) fn look_at(&mut self, id: &ProfileId, effects: &mut Vec<Effect>) {
        let number = self.mint.look();
        let Some(entry) = self.wanted(id) else { return };
        if entry.look.as_ref().is_some_and(|look| look.end.is_none()) {
            return;
        }
        entry.look = Some(Look::new(number));
        let plans = vec![Plan::saved(&entry.profile)];
        effects.push(Effect::Look { sight: Sight::Saved(id.clone()), number, plans, after: Duration::ZERO });
    }

    pub(super) fn look_at_form(&mut self, number: u64, draft: &Draft, effects: &mut Vec<Effect>) {
        if self.phase != Phase::Running {
            return;
        }
        let mut look = Look::new(number);
        match plans(draft, &self.profiles()) {
            Ok(plans) => effects.push(Effect::Look { sight: Sight::Form, number, plans, after: TYPING }),
            Err(errors) => {
                look.end = Some(End::Unfit(errors));
                effects.push(Effect::LookAway(Sight::Form));
            }
        }
        self.look = Some(look);
    }
}
