//! Looks: at what the form has, and at profiles as they are saved.

use std::time::Duration;

use super::life::{Life, Listener};
use super::{Effect, Entry, Phase, Sight, State};
use crate::diagnosis::Report;
use crate::look::{End, Look, News, Plan, plans};
use crate::profile::ProfileId;
use crate::view::{Draft, Trouble};

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

    /// What a look at a saved profile comes to, its gateway's pages say too.
    pub(super) fn looked(&mut self, sight: &Sight, number: u64, news: News, effects: &mut Vec<Effect>) {
        let (look, standing) = match sight {
            Sight::Form => (self.look.as_mut(), None),
            Sight::Saved(id) => match self.entry_mut(id) {
                Some(Entry { look, life: Life { listener: Listener::Standing(held), .. }, .. }) => {
                    (look.as_mut(), Some(held.generation))
                }
                Some(entry) => (entry.look.as_mut(), None),
                None => return,
            },
        };
        let Some(look) = look.filter(|look| look.number == number) else { return };
        if let (Some(generation), News::End(End::Seen { report, .. })) = (standing, &news) {
            let Report { code, sentence, remedy, .. } = &**report;
            let advice = (!report.ok).then(|| Trouble::new(code, sentence, remedy));
            effects.push(Effect::Advise { generation, advice });
        }
        look.take(news);
    }
}
