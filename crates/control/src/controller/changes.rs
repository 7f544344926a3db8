//! A read-only profile whose windows may write for a while: a person was asked, and a quarter of an hour later it is as it
//! was. Programs and browsers stay read-only.
//!
//! It ends with the gateway, with the last window, and when somebody says so.

use std::time::{Duration, SystemTime};

use url::Url;

use super::life::Listener;
use super::{Changes, Effect, Entry, Screen, State, Timer};
use crate::profile::ProfileId;

/// How long it lasts.
pub const ALLOWED: Duration = Duration::from_secs(15 * 60);

impl State {
    pub(super) fn allow_changes(&mut self, id: &ProfileId, server: &Url, at: SystemTime, effects: &mut Vec<Effect>) {
        let timer = self.mint.timer();
        let asked = |entry: &&mut Entry| entry.profile.read_only && entry.profile.url == *server;
        let Some(entry) = self.wanted(id).filter(asked) else { return };
        let (Listener::Standing(held), Some(until)) = (&entry.life.listener, at.checked_add(ALLOWED)) else { return };
        entry.changes = Some(Changes { until, timer });
        effects.push(Effect::LetWindowsWrite { generation: held.generation, until: Some(until) });
        effects.push(Effect::Wake { timer, after: ALLOWED });
    }

    /// Time is up, where this timer is one of ours.
    pub(super) fn changes_due(&mut self, timer: Timer, effects: &mut Vec<Effect>) {
        for entry in &mut self.entries {
            if entry.changes.is_some_and(|changes| changes.timer == timer) {
                entry.forbid_changes(effects);
            }
        }
    }

    /// Nobody writes in a window that is closed.
    pub(super) fn forbid_changes_unseen(&mut self, screen: &Screen, effects: &mut Vec<Effect>) {
        for entry in self.entries.iter_mut().filter(|entry| !screen.dashboards.contains(&entry.profile.id)) {
            entry.forbid_changes(effects);
        }
    }
}

impl Entry {
    pub(super) fn forbid_changes(&mut self, effects: &mut Vec<Effect>) {
        if self.changes.take().is_some()
            && let Listener::Standing(held) = self.life.listener
        {
            effects.push(Effect::LetWindowsWrite { generation: held.generation, until: None });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::fixture::{Stage, at, id, profile, said, up, written};
    use crate::controller::{AtStart, Event};

    /// A read-only profile that is connected, with its window open.
    fn stage() -> Stage {
        let read_only = crate::profile::Written { read_only: true, ..written("prod", 4201) }.check().unwrap();
        let mut stage = Stage::with(AtStart::Always, &[read_only, profile("free", 4202)]);
        let starts: Vec<_> = stage.effects.clone();
        for effect in starts {
            if let Effect::Start { generation, .. } = effect {
                stage.take(Event::Started(generation));
                stage.take(Event::Probed { generation, status: up(), used: true, at: at(0) });
            }
        }
        stage.take(seen(&["prod", "free"]));
        stage
    }

    fn seen(dashboards: &[&str]) -> Event {
        let dashboards = dashboards.iter().map(|name| id(name)).collect();
        Event::Screen(Screen { dashboards, ..Screen::default() })
    }

    fn allow(stage: &mut Stage, name: &str) -> String {
        allow_at(stage, name, 0)
    }

    fn allow_at(stage: &mut Stage, name: &str, now: u64) -> String {
        let server = stage.state.entry(&id(name)).unwrap().profile.url.clone();
        said(&stage.take(Event::AllowChanges { id: id(name), server, at: at(now) }))
    }

    fn until(stage: &Stage) -> Option<SystemTime> {
        stage.state.entry(&id("prod")).unwrap().changes.map(|changes| changes.until)
    }

    #[test]
    fn a_quarter_of_an_hour_after_a_person_allowed_changes_they_are_refused_again() {
        let mut stage = stage();
        assert_eq!(allow(&mut stage, "prod"), "let windows write for 900 s\nwake after about 900 s");
        assert_eq!(until(&stage), Some(at(900)));
        assert_eq!(said(&stage.time_passes()), "let windows write no more");
        assert_eq!(until(&stage), None);
    }

    #[test]
    fn allowed_again_it_lasts_from_then_on() {
        let mut stage = stage();
        allow(&mut stage, "prod");
        let Some(Effect::Wake { timer: first, .. }) = stage.effects.last().cloned() else { panic!("no timer") };
        allow_at(&mut stage, "prod", 600);
        assert_eq!(said(&stage.take(Event::Due(first))), "");
        assert_eq!(until(&stage), Some(at(1500)));
        assert_eq!(said(&stage.time_passes()), "let windows write no more");
    }

    #[test]
    fn it_ends_when_somebody_says_so_with_the_window_and_with_the_gateway() {
        for (event, expected) in [
            (Event::ForbidChanges(id("prod")), "let windows write no more"),
            (seen(&["free"]), "let windows write no more"),
            (Event::Disconnect(id("prod")), "let windows write no more\nstop"),
        ] {
            let mut stage = stage();
            allow(&mut stage, "prod");
            assert_eq!(said(&stage.take(event)), expected);
            assert_eq!(until(&stage), None);
            // Its timer means nothing any more.
            assert_eq!(said(&stage.time_passes()), "");
        }
    }

    #[test]
    fn what_was_asked_about_one_server_is_not_allowed_at_another() {
        let mut stage = stage();
        let server = "https://elsewhere.example.com".parse().unwrap();
        assert_eq!(said(&stage.take(Event::AllowChanges { id: id("prod"), server, at: at(0) })), "");
        assert_eq!(until(&stage), None);
    }

    #[test]
    fn where_nothing_is_refused_or_nothing_stands_there_is_nothing_to_allow() {
        let mut stage = stage();
        assert_eq!(allow(&mut stage, "free"), "");
        stage.take(Event::Disconnect(id("prod")));
        assert_eq!(allow(&mut stage, "prod"), "");
        assert_eq!(until(&stage), None);
    }
}
