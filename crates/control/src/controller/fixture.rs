//! Profiles and outcomes for tests.

use std::time::{Duration, SystemTime};

use postern_gateway::{Fault, Health, Status};

use super::{AtStart, Connection, Effect, Event, Failure, Generation, ShellRequest, Sight, State, update};
use crate::profile::{Profile, ProfileId, Slot, Written, WrittenEdge};
use crate::view::Trouble;

pub(crate) fn id(text: &str) -> ProfileId {
    text.parse().unwrap()
}

/// A profile behind an edge with Basic auth.
pub(crate) fn profile(id: &str, port: u16) -> Profile {
    written(id, port).check().unwrap()
}

pub(crate) fn written(id: &str, port: u16) -> Written {
    Written {
        id: id.to_owned(),
        url: format!("https://{id}.example.com/prefect"),
        port: Some(port.into()),
        edge: Some(WrittenEdge::basic("alice")),
        ..Written::default()
    }
}

pub(crate) fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

pub(crate) fn trouble(code: &str) -> Trouble {
    Trouble::new(code, format!("The sentence of {code}."), format!("The remedy of {code}."))
}

pub(crate) fn up() -> Status {
    Status {
        health: Health::Up,
        since: at(0),
        version: Some("3.8.8".to_owned()),
        latency: Some(Duration::from_millis(12)),
    }
}

pub(crate) fn failing(fault: Fault) -> Status {
    Status { health: Health::Failing(fault), since: at(0), version: None, latency: None }
}

pub(crate) fn unreachable() -> Fault {
    Fault::Unreachable { authority: "prod.example.com:443".to_owned(), reason: "connection refused".to_owned() }
}

pub(crate) fn secret_missing() -> Failure {
    Failure::SecretMissing { slot: Slot::EdgePassword, trouble: trouble("secret_missing") }
}

/// A controller whose outcomes the test plays.
pub(crate) struct Stage {
    pub(crate) state: State,
    /// All effects so far.
    pub(crate) effects: Vec<Effect>,
}

impl Stage {
    /// With these profiles read, and what that starts.
    pub(crate) fn with(at_start: AtStart, profiles: &[Profile]) -> Self {
        let mut stage = Self { state: State::new(at_start, 1), effects: Vec::new() };
        stage.take(Event::Loaded(Ok(profiles.to_vec())));
        stage
    }

    /// What the event leads to.
    pub(crate) fn take(&mut self, event: Event) -> Vec<Effect> {
        let effects = update(&mut self.state, event);
        self.effects.extend(effects.iter().cloned());
        effects
    }

    /// The latest start of all.
    pub(crate) fn generation(&self) -> Generation {
        let starts = self
            .effects
            .iter()
            .filter_map(|effect| if let Effect::Start { generation, .. } = effect { Some(*generation) } else { None });
        starts.max().expect("something was started")
    }

    pub(crate) fn connection(&self, id: &str) -> &Connection {
        &self.state.entry(&self::id(id)).expect("there is such a profile").connection
    }

    pub(crate) fn start_fails(&mut self, failure: Failure) -> Vec<Effect> {
        self.take(Event::StartFailed { generation: self.generation(), failure, at: at(0) })
    }

    pub(crate) fn starts(&mut self) -> Vec<Effect> {
        self.take(Event::Started(self.generation()))
    }

    pub(crate) fn probed(&mut self, status: Status) -> Vec<Effect> {
        self.take(Event::Probed { generation: self.generation(), status, used: true, at: at(0) })
    }

    pub(crate) fn ends(&mut self) -> Vec<Effect> {
        self.take(Event::Ended { generation: self.generation(), at: at(0) })
    }

    /// The last timer that was set rings.
    pub(crate) fn time_passes(&mut self) -> Vec<Effect> {
        let timer = self
            .effects
            .iter()
            .rev()
            .find_map(|effect| if let Effect::Wake { timer, .. } = effect { Some(*timer) } else { None });
        self.take(Event::Due(timer.expect("a timer was set")))
    }
}

/// Effects without what differs from run to run of no interest, one line each; without notices, which have their own tests.
pub(crate) fn said(effects: &[Effect]) -> String {
    let lines: Vec<String> = effects
        .iter()
        .filter(|effect| !matches!(effect, Effect::SeeCertificate(_) | Effect::Shell(ShellRequest::Notify { .. })))
        .map(|effect| match effect {
            Effect::Start { profile, .. } => format!("start {}", profile.id),
            Effect::Stop(_) => "stop".to_owned(),
            Effect::Probe(_) => "probe".to_owned(),
            Effect::SeeCertificate(_) => "see the certificate".to_owned(),
            Effect::Settle(setting) => format!("settle {setting:?}"),
            Effect::OpenLogs => "open logs".to_owned(),
            Effect::SeeVault => "see the vault".to_owned(),
            Effect::KeepInMemory => "keep in memory".to_owned(),
            Effect::GiveUpUnlocking => "give up unlocking".to_owned(),
            Effect::Renew(_) => "renew".to_owned(),
            Effect::LetWindowsWrite { until: Some(until), .. } => {
                format!("let windows write for {} s", until.duration_since(at(0)).unwrap().as_secs())
            }
            Effect::LetWindowsWrite { until: None, .. } => "let windows write no more".to_owned(),
            Effect::Wake { after, .. } => format!("wake after about {:.0} s", after.as_secs_f32()),
            Effect::Store(_) => "store".to_owned(),
            Effect::CopyEnvironment(profile) => format!("copy the environment of {}", profile.id),
            Effect::FindImports => "find imports".to_owned(),
            Effect::LookUp(profile) => format!("look up {}", profile.id),
            Effect::Look { sight, plans, .. } => format!("look at {}, {} times at most", seen(sight), plans.len()),
            Effect::LookAway(sight) => format!("look away from {}", seen(sight)),
            Effect::Advise { advice, .. } => format!("advise {:?}", advice.as_ref().map(|advice| &advice.code)),
            Effect::OpenDoor { profile, window, .. } => format!("open {} in {window:?}", profile.id),
            Effect::Answer { outcome, .. } => format!("answer {outcome:?}"),
            Effect::CloseDashboard(id) => format!("close the dashboard of {id}"),
            Effect::RemoveDashboard(id) => format!("remove the dashboard of {id}"),
            Effect::Shell(request) => format!("shell {request:?}"),
        })
        .collect();
    lines.join("\n")
}

fn seen(sight: &Sight) -> &str {
    match sight {
        Sight::Form => "the form",
        Sight::Saved(id) => id.as_str(),
    }
}
