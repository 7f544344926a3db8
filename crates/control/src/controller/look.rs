//! Looks: at what the form has, and at profiles as they are saved.

use std::time::Duration;

use super::life::Listener;
use super::{Effect, Phase, Sight, State};
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
        entry.life.looked_for = entry.connection.trouble().map(|trouble| trouble.code.clone());
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
        let (look, standing, same) = match sight {
            Sight::Form => (self.look.as_mut(), None, false),
            Sight::Saved(id) => {
                let Some(entry) = self.entry_mut(id) else { return };
                let same = entry.life.looked_for.as_deref() == entry.connection.trouble().map(|now| now.code.as_str());
                let standing = match entry.life.listener {
                    Listener::Standing(held) => Some(held.generation),
                    Listener::None | Listener::Starting(_) | Listener::Stopping(_) => None,
                };
                (entry.look.as_mut(), standing, same)
            }
        };
        let Some(look) = look.filter(|look| look.number == number) else { return };
        if let (Some(generation), News::End(End::Seen { report, .. })) = (standing, &news) {
            let Report { code, sentence, remedy, .. } = &**report;
            // Not where something else is wrong by now.
            let advice = (!report.ok && same).then(|| Trouble::new(code, sentence, remedy));
            effects.push(Effect::Advise { generation, advice });
        }
        look.take(news);
    }
}
