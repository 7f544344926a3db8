//! What a dashboard's window shows beside its page, and what of it is kept between runs.

mod kept;
mod place;
mod zoom;

use std::time::SystemTime;

use url::Url;

pub use self::kept::Kept;
pub use self::place::{Place, Screen};
pub use self::zoom::Zoom;
use crate::controller::{ALLOWED, Connection, State};
use crate::profile::{Color, Profile, ProfileId};
use crate::view::Step;

/// What a window shows beside the server's page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dashboard {
    /// The profile's name.
    pub name: String,
    /// The profile's colour.
    pub color: Option<Color>,
    /// Its gateway is there: where a page does not load, that is not why.
    pub stands: bool,
    /// What a person should know before they trust what the page shows.
    pub notice: Option<Notice>,
    /// Whether what is done in the window changes the server; `None` where nothing keeps it from that.
    pub changes: Option<Changes>,
}

/// Whether a read-only profile's window may write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changes {
    /// It may not.
    Refused {
        /// What a person is asked who wants to; `None` while there is no gateway to let anything through.
        question: Option<Question>,
    },
    /// For a while it may.
    Allowed {
        /// By the clock on the wall.
        until: SystemTime,
    },
}

/// What a person is asked before a read-only profile's window may write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// In a sentence.
    pub title: String,
    /// What that means.
    pub text: String,
    /// The server that it is about.
    pub server: Url,
}

/// How long changes are still allowed, in words; `None` when that is over.
#[must_use]
pub fn left(until: SystemTime, now: SystemTime) -> Option<String> {
    let left = until.duration_since(now).ok().filter(|left| !left.is_zero())?;
    // One that has begun counts.
    Some(format!("Changes allowed: {} min left", left.as_secs().div_ceil(60).max(1)))
}

/// Why the page may be out of date, or not there at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What is wrong, and what to do about it.
    pub text: String,
    /// What the notice's button says, where it has one: it connects the profile.
    pub connect: Option<&'static str>,
    /// Whether the manager has more to say: what was found, and where it is put right.
    pub leads_on: bool,
}

/// Computes it from the state; `None` for a profile that is not there.
#[must_use]
pub fn dashboard(state: &State, id: &ProfileId) -> Option<Dashboard> {
    let entry = state.entry(id)?;
    let profile = &entry.profile;
    let name = &profile.name;
    let notice = match &entry.connection {
        Connection::Up { .. } => None,
        Connection::Off => Some((format!("{name} is disconnected. What you see may be out of date."), Some("Connect"))),
        Connection::Starting => Some((format!("Connecting to {name}…"), None)),
        Connection::Unlocking => Some((format!("{name} waits for your keychain to be unlocked."), None)),
        Connection::Checking => Some((format!("Checking whether {name} still answers…"), None)),
        Connection::Failing { trouble, .. }
        | Connection::SignInRequired { trouble }
        | Connection::PortTaken { trouble } => {
            Some((format!("{} {}", trouble.sentence, trouble.remedy), Some("Try again")))
        }
    };
    let leads_on = entry.connection.trouble().is_some_and(|trouble| Step::of(trouble).contains(&Step::FindCause));
    let notice = notice.map(|(text, connect)| Notice { text, connect, leads_on });
    let changes = profile.read_only.then(|| match entry.changes {
        Some(changes) => Changes::Allowed { until: changes.until },
        None => Changes::Refused { question: entry.is_listening().then(|| question(profile)) },
    });
    let stands = entry.is_listening();
    Some(Dashboard { name: profile.name.clone(), color: profile.color, stands, notice, changes })
}

fn question(profile: &Profile) -> Question {
    let (name, minutes) = (&profile.name, ALLOWED.as_secs() / 60);
    let host = profile.url.host_str().unwrap_or_default();
    Question {
        title: format!("Allow changes to {name} for {minutes} minutes?"),
        text: format!(
            "What you do in this window then changes {host}: runs start and stop, what you delete is gone, and the \
             secrets of blocks can be read. Programs and your browser stay read-only. After {minutes} minutes, or when you close the window, it is read-only again."
        ),
        server: profile.url.clone(),
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use postern_gateway::Fault;

    use super::*;
    use crate::controller::fixture::{Stage, at, failing, id, profile, unreachable, up, written};
    use crate::controller::{AtStart, Event};

    #[test]
    fn a_window_says_what_keeps_its_page_from_being_true() {
        let mut stage = Stage::with(AtStart::None, &[profile("prod", 4201)]);
        let mut said = Vec::new();
        let mut look = |stage: &Stage, when: &str| {
            let notice = dashboard(&stage.state, &id("prod")).unwrap().notice;
            let notice = notice.map(|Notice { text, connect, leads_on }| {
                format!("{text} [{}]{}", connect.unwrap_or_default(), if leads_on { " [Find out why]" } else { "" })
            });
            said.push(format!("{when}: {}", notice.unwrap_or_default()));
        };
        look(&stage, "off");
        stage.take(Event::Connect(id("prod")));
        look(&stage, "starting");
        stage.starts();
        stage.probed(up());
        look(&stage, "up");
        stage.take(Event::WorldChanged);
        look(&stage, "checking");
        stage.probed(up());
        stage.probed(failing(unreachable()));
        look(&stage, "away");
        stage.probed(failing(Fault::SignInRequired { provider: "sso.example.com".to_owned() }));
        look(&stage, "sign-in");
        stage.take(Event::Disconnect(id("prod")));
        look(&stage, "off");
        assert_snapshot!(said.join("\n"), @r"
        off: prod.example.com is disconnected. What you see may be out of date. [Connect]
        starting: Connecting to prod.example.com… []
        up: 
        checking: Checking whether prod.example.com still answers… []
        away: The server at prod.example.com:443 cannot be reached: connection refused. Check that the server runs, that address and port are right, and whether a VPN must be on. [Try again] [Find out why]
        sign-in: The server's edge sends you to sso.example.com to sign in. Ask who runs the server for a service token, and add its headers to the profile. [Try again] [Find out why]
        off: prod.example.com is disconnected. What you see may be out of date. [Connect]
        ");
        assert_eq!(dashboard(&stage.state, &id("gone")), None);
    }

    #[test]
    fn a_read_only_profiles_window_asks_with_the_servers_name_and_says_how_long_changes_are_allowed() {
        let read_only = crate::profile::Written { read_only: true, ..written("prod", 4201) }.check().unwrap();
        let mut stage = Stage::with(AtStart::None, &[read_only, profile("free", 4202)]);
        let changes = |stage: &Stage, name: &str| dashboard(&stage.state, &id(name)).unwrap().changes;
        assert_eq!(changes(&stage, "free"), None);
        assert_eq!(changes(&stage, "prod"), Some(Changes::Refused { question: None }));
        stage.take(Event::Connect(id("prod")));
        stage.starts();
        let Some(Changes::Refused { question: Some(Question { title, text, server }) }) = changes(&stage, "prod")
        else {
            panic!("nothing is asked")
        };
        assert_eq!(title, "Allow changes to prod.example.com for 15 minutes?");
        assert!(text.contains("changes prod.example.com: "), "{text}");
        stage.take(Event::AllowChanges { id: id("prod"), server, at: at(0) });
        assert_eq!(changes(&stage, "prod"), Some(Changes::Allowed { until: at(900) }));
        for (now, said) in [
            (0, Some("Changes allowed: 15 min left")),
            (1, Some("Changes allowed: 15 min left")),
            (60, Some("Changes allowed: 14 min left")),
            (899, Some("Changes allowed: 1 min left")),
            (900, None),
            (5000, None),
        ] {
            assert_eq!(left(at(900), at(now)).as_deref(), said, "{now}");
        }
    }
}
