//! What is worth a notice. Decided by what a person knows already, not by what happened last:
//!
//! 1. A notice is due where the truth about a profile is another than was told last. Who looks at it is told by that.
//! 2. A profile has one notice in [`PAUSE`] at most. What is due meanwhile waits, and is told as it is by then: a server
//!    that went away and came back is no news.
//! 3. A failure counts when the next probe has found it too: a hiccup is none. A refused credential counts at once.
//! 4. What a person has done, such as to connect or disconnect, is no news to that person.

use std::time::{Duration, SystemTime};

use super::{Connection, Effect, Entry, Focus, ShellRequest, State};
use crate::settings::Notices;

/// Between two notices of one profile.
const PAUSE: Duration = Duration::from_secs(5 * 60);

/// What was told of a profile.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Told {
    truth: Truth,
    at: Option<SystemTime>,
    /// In how many days the certificate ends, as told.
    days: Option<u64>,
}

/// How a profile is, once that is certain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Truth {
    /// Nothing was expected of it yet.
    #[default]
    Unknown,
    Up,
    Down,
    SignIn,
}

/// A notice's words.
struct Words {
    title: String,
    text: String,
}

impl Told {
    /// Whatever comes of what a person does now is no news.
    pub(super) fn expect_nothing(&mut self) {
        self.truth = Truth::Unknown;
    }
}

impl State {
    /// Gives whatever notice is due.
    pub(super) fn give_notice(&mut self, at: SystemTime, effects: &mut Vec<Effect>) {
        for entry in &mut self.entries {
            let looked_at = match &self.screen.focus {
                None => false,
                Some(Focus::Manager) => true,
                Some(Focus::Dashboard(id)) => *id == entry.profile.id,
            };
            entry.give_notice(looked_at, self.settings.notices, at, effects);
        }
    }
}

impl Entry {
    fn give_notice(&mut self, looked_at: bool, wanted: Notices, at: SystemTime, effects: &mut Vec<Effect>) {
        let recently = |last: SystemTime| at.duration_since(last).is_ok_and(|since| since < PAUSE);
        if !looked_at && self.told.at.is_some_and(recently) {
            return;
        }
        let words = self.news(wanted).filter(|_| !looked_at);
        // No view shows it: it waits until nobody looks.
        let words = words.or_else(|| if looked_at { None } else { self.ending_certificate(wanted) });
        if let Some(Words { title, text }) = words {
            self.told.at = Some(at);
            effects.push(Effect::Shell(ShellRequest::Notify { title, text }));
        }
    }

    /// What is to be said of how it is now, if that is news. From here on it is none.
    fn news(&mut self, wanted: Notices) -> Option<Words> {
        let truth = self.truth()?;
        let before = self.told.truth;
        // That it is down from the start is said where one connects it.
        if (before, truth) != (Truth::Unknown, Truth::Down) {
            self.told.truth = truth;
        }
        let name = &self.profile.name;
        let said = self.connection.trouble().map(|trouble| format!("{} {}", trouble.sentence, trouble.remedy));
        let (is_wanted, title) = match (before, truth) {
            (before, now) if before == now => return None,
            (Truth::Unknown, _) if truth != Truth::SignIn => return None,
            (_, Truth::Unknown) => return None,
            (_, Truth::SignIn) => (wanted.sign_in, format!("{name}: sign-in required")),
            (_, Truth::Up) => (wanted.back, format!("{name} is connected again")),
            (_, Truth::Down) => (wanted.lost, format!("{name} is not connected")),
        };
        let text = said.unwrap_or_else(|| "It answers, and lets you in.".to_owned());
        is_wanted.then_some(Words { title, text })
    }

    fn truth(&self) -> Option<Truth> {
        match &self.connection {
            Connection::Off | Connection::Starting | Connection::Unlocking | Connection::Checking => None,
            Connection::Up { .. } => Some(Truth::Up),
            Connection::SignInRequired { .. } => Some(Truth::SignIn),
            Connection::PortTaken { .. } => Some(Truth::Down),
            Connection::Failing { .. } => self.life.is_certain().then_some(Truth::Down),
        }
    }

    /// Said when it is first seen to end soon, and each time that half of what was left then is over.
    fn ending_certificate(&mut self, wanted: Notices) -> Option<Words> {
        let Some(days) = self.life.certificate else {
            // Renewed.
            self.told.days = None;
            return None;
        };
        let told = |told: u64| days >= told || days > told / 2;
        if !wanted.certificate || self.told.days.is_some_and(told) {
            return None;
        }
        self.told.days = Some(days);
        let when = match days {
            0 => "today".to_owned(),
            1 => "tomorrow".to_owned(),
            days => format!("in {days} days"),
        };
        let title = format!("{}: the certificate ends {when}", self.profile.name);
        Some(Words {
            title,
            text: "Whoever runs the server must renew it by then; nobody is let in after that.".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use postern_gateway::{Fault, Status};

    use super::*;
    use crate::controller::fixture::{Stage, at, failing, id, profile, unreachable, up};
    use crate::controller::{AtStart, Event, Screen};
    use crate::settings::Settings;

    fn started() -> Stage {
        let mut stage = Stage::with(AtStart::Always, &[profile("prod", 4201)]);
        stage.starts();
        stage
    }

    fn sign_in() -> Status {
        failing(Fault::SignInRequired { provider: "sso.example.com".to_owned() })
    }

    fn down() -> Status {
        failing(unreachable())
    }

    /// The titles of what is said when probes find this, at these seconds.
    fn said(stage: &mut Stage, probes: impl IntoIterator<Item = (u64, Status)>) -> String {
        let generation = stage.generation();
        let mut titles = Vec::new();
        for (second, status) in probes {
            let probed = Event::Probed { generation, status, used: true, at: at(second) };
            for effect in stage.take(probed) {
                if let Effect::Shell(ShellRequest::Notify { title, .. }) = effect {
                    titles.push(format!("{second}: {title}"));
                }
            }
        }
        titles.join("\n")
    }

    #[test]
    fn a_server_that_goes_away_and_comes_back_is_told_once_each_and_a_hiccup_is_not() {
        let mut stage = started();
        let probes = [(0, up()), (30, down()), (35, up()), (60, down()), (65, down()), (70, down()), (400, up())];
        assert_snapshot!(said(&mut stage, probes), @r"
        65: prod.example.com is not connected
        400: prod.example.com is connected again
        ");
    }

    #[test]
    fn there_is_one_notice_in_five_minutes_and_then_what_is_true_by_then() {
        let mut stage = started();
        let gone = [(0, up()), (30, down()), (35, down())];
        assert_snapshot!(said(&mut stage, gone), @"35: prod.example.com is not connected");
        assert_eq!(said(&mut stage, [(60, up()), (300, up()), (334, up())]), "");
        assert_snapshot!(said(&mut stage, [(335, up()), (340, up())]), @"335: prod.example.com is connected again");
        // What is over before the five minutes are is no news.
        assert_eq!(said(&mut stage, [(400, down()), (405, down()), (410, up()), (900, up())]), "");
    }

    #[test]
    fn who_looks_at_it_needs_no_notice() {
        for (focus, titles) in [
            (None, "35: prod.example.com is not connected"),
            (Some(Focus::Manager), ""),
            (Some(Focus::Dashboard(id("prod"))), ""),
            (Some(Focus::Dashboard(id("other"))), "35: prod.example.com is not connected"),
        ] {
            let mut stage = started();
            stage.take(Event::Screen(Screen { focus: focus.clone(), ..Screen::default() }));
            assert_eq!(said(&mut stage, [(0, up()), (30, down()), (35, down())]), titles, "{focus:?}");
            // Nor afterwards.
            stage.take(Event::Screen(Screen::default()));
            assert_eq!(said(&mut stage, [(40, down())]), "", "{focus:?}");
        }
    }

    #[test]
    fn each_kind_has_its_switch() {
        let all = || [(0, up()), (30, down()), (35, down()), (400, up()), (800, sign_in())];
        let ends = |stage: &mut Stage| {
            let seen = Event::CertificateSeen { generation: stage.generation(), days: Some(9), at: at(2000) };
            let told =
                stage.take(seen).iter().any(|effect| matches!(effect, Effect::Shell(ShellRequest::Notify { .. })));
            told.to_string()
        };
        let on = Notices::default();
        for (notices, titles) in [
            (on, ["lost", "back", "sign-in", "certificate"].as_slice()),
            (Notices { lost: false, ..on }, &["back", "sign-in", "certificate"]),
            (Notices { back: false, ..on }, &["lost", "sign-in", "certificate"]),
            (Notices { sign_in: false, ..on }, &["lost", "back", "certificate"]),
            (Notices { certificate: false, ..on }, &["lost", "back", "sign-in"]),
        ] {
            let mut stage = started();
            stage.take(Event::Settled(Ok(Settings { notices, ..Settings::default() })));
            let told = said(&mut stage, all()) + if ends(&mut stage) == "true" { " certificate" } else { "" };
            let words =
                [("lost", "not connected"), ("back", "again"), ("sign-in", "sign-in"), ("certificate", "certificate")];
            let seen: Vec<&str> =
                words.into_iter().filter(|(_, word)| told.contains(word)).map(|(kind, _)| kind).collect();
            assert_eq!(seen, titles, "{notices:?}: {told}");
        }
    }

    #[test]
    fn a_sign_in_and_a_refusal_are_told_at_once_and_what_never_worked_is_not() {
        assert_snapshot!(said(&mut started(), [(0, sign_in()), (30, sign_in())]), @"0: prod.example.com: sign-in required");
        assert_snapshot!(said(&mut started(), [(0, up()), (30, failing(Fault::EdgeCredentialWrong))]), @"30: prod.example.com is not connected");
        assert_eq!(said(&mut started(), [(0, down()), (5, down()), (10, up())]), "");
    }

    #[test]
    fn what_a_person_did_is_no_news() {
        let mut stage = started();
        said(&mut stage, [(0, up())]);
        stage.take(Event::Toggle(id("prod")));
        stage.ends();
        stage.take(Event::Toggle(id("prod")));
        stage.starts();
        assert_eq!(said(&mut stage, [(30, down()), (35, down())]), "");
    }

    #[test]
    fn a_certificate_is_looked_at_once_a_day_while_the_server_is_up() {
        let mut stage = started();
        let mut looks = Vec::new();
        for (hour, status) in
            [(0, down()), (1, up()), (2, up()), (24, up()), (25, down()), (26, up()), (49, up()), (50, up())]
        {
            let probed = Event::Probed { generation: stage.generation(), status, used: true, at: at(hour * 3600) };
            if stage.take(probed).iter().any(|effect| matches!(effect, Effect::SeeCertificate(_))) {
                looks.push(hour);
            }
        }
        assert_eq!(looks, [1, 26, 50]);
    }

    #[test]
    fn a_certificate_that_ends_is_told_again_when_half_of_what_was_left_is_over() {
        let mut stage = started();
        let mut titles = Vec::new();
        let ends = [(0, 13), (1, 12), (6, 7), (7, 6), (10, 3), (11, 2), (12, 1), (13, 0), (14, 0)];
        // Renewed, and soon over again.
        let ends = ends.map(|(day, days)| (day, Some(days))).into_iter().chain([(15, None), (99, Some(13))]);
        for (day, days) in ends {
            let seen = Event::CertificateSeen { generation: stage.generation(), days, at: at(day * 86_400) };
            for effect in stage.take(seen) {
                if let Effect::Shell(ShellRequest::Notify { title, .. }) = effect {
                    titles.push(format!("day {day}: {title}"));
                }
            }
        }
        assert_snapshot!(titles.join("\n"), @r"
        day 0: prod.example.com: the certificate ends in 13 days
        day 7: prod.example.com: the certificate ends in 6 days
        day 10: prod.example.com: the certificate ends in 3 days
        day 12: prod.example.com: the certificate ends tomorrow
        day 13: prod.example.com: the certificate ends today
        day 99: prod.example.com: the certificate ends in 13 days
        ");
    }
}
