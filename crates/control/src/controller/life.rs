//! One profile's gateway: what exists of it, when it is asked next, and what that makes of its [`Connection`].
//!
//! Events only change what is wanted or known; [`State::settle`] then does whatever follows from it. So there is
//! one place that starts, one that stops and one that probes, and each names its conditions.

use std::time::{Duration, SystemTime};

use postern_gateway::{Fault, Health, Status};

use super::mint::Mint;
use super::notice::Told;
use super::pace::{BACKOFF, LEISURE, PATIENCE, QUIET};
use super::{Connection, Effect, Entry, Failure, Generation, Phase, ShellRequest, State, Timer, Window};
use crate::profile::Profile;
use crate::view::Trouble;

/// Between two looks at a certificate.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What is behind an [`Entry`].
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Life {
    pub(super) listener: Listener,
    pub(super) pulse: Pulse,
    /// Since the server was up last: a refused credential is none.
    failures: u32,
    /// Refused credentials since then. An outage in between is no reason to try them more often.
    refusals: u32,
    /// The last failure was a refused credential.
    pub(super) refused: bool,
    /// Nobody would see what a probe finds.
    pub(super) quiet: bool,
    /// In how many days the server's certificate ends, where that is soon.
    pub(super) certificate: Option<u64>,
    /// When that was looked at last.
    seen: Option<SystemTime>,
    /// The code of what was wrong when the last look began.
    pub(super) looked_for: Option<String>,
    /// What is opened as soon as the listener stands.
    waiting: Vec<Window>,
    /// A listener stood before: a window may be open whose session it knew.
    stood: bool,
}

/// What exists of a gateway.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Listener {
    /// Nothing.
    #[default]
    None,
    /// Its start is under way.
    Starting(Held),
    /// It serves.
    Standing(Held),
    /// It has been told to end.
    Stopping(Held),
}

/// A start, and the port it has or is about to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) generation: Generation,
    pub(super) port: u16,
}

/// When something is tried next: a start where nothing stands, a probe where a listener does.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Pulse {
    /// Now.
    #[default]
    Due,
    /// A probe is on its way.
    Asking,
    /// A probe is on its way, and whatever it brings is of no use: the next one follows it.
    AskingInVain,
    /// When this timer rings.
    Waiting(Timer),
    /// When somebody asks: trying alone does not help.
    Resting,
}

impl Listener {
    pub(super) fn held(&self) -> Option<Held> {
        match self {
            Self::None => None,
            Self::Starting(held) | Self::Standing(held) | Self::Stopping(held) => Some(*held),
        }
    }

    fn is(&self, generation: Generation) -> bool {
        self.held().is_some_and(|held| held.generation == generation)
    }

    /// Tells it to end, if it has not been told.
    pub(super) fn stop(&mut self, effects: &mut Vec<Effect>) {
        if let Self::Starting(held) | Self::Standing(held) = *self {
            *self = Self::Stopping(held);
            effects.push(Effect::Stop(held.generation));
        }
    }
}

impl Life {
    /// Whether a failure is no hiccup: refused, or found by two in a row.
    pub(super) fn is_certain(&self) -> bool {
        self.refused || self.failures > 1
    }
}

impl Entry {
    /// A profile nobody wants connected yet.
    pub(super) fn new(profile: Profile) -> Self {
        let slots = profile.slots().into_iter().map(|slot| (slot, None)).collect();
        Self {
            profile,
            connection: Connection::Off,
            slots,
            look: None,
            changes: None,
            life: Life::default(),
            told: Told::default(),
        }
    }

    /// Whether its gateway accepts connections, however the server is.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        matches!(self.life.listener, Listener::Standing(_))
    }

    /// Connects if off. Where it is failing, starts anew: secrets and files are read again.
    pub(super) fn connect(&mut self, effects: &mut Vec<Effect>) {
        match &self.connection {
            Connection::Up { .. } | Connection::Checking | Connection::Starting | Connection::Unlocking => {}
            Connection::Off
            | Connection::Failing { .. }
            | Connection::SignInRequired { .. }
            | Connection::PortTaken { .. } => self.start_anew(effects),
        }
    }

    fn start_anew(&mut self, effects: &mut Vec<Effect>) {
        self.connection = Connection::Starting;
        self.forbid_changes(effects);
        self.forget_failures();
        // Another server's, perhaps.
        (self.life.certificate, self.life.seen) = (None, None);
        self.life.pulse = Pulse::Due;
        self.life.listener.stop(effects);
    }

    fn forget_failures(&mut self) {
        (self.life.failures, self.life.refusals, self.life.refused) = (0, 0, false);
    }

    /// Wants nothing any more.
    pub(super) fn disconnect(&mut self, effects: &mut Vec<Effect>) {
        self.connection = Connection::Off;
        self.told.expect_nothing();
        self.life.waiting.clear();
        self.forbid_changes(effects);
        self.life.listener.stop(effects);
    }

    /// The profile or its secrets changed: what stands serves the old ones.
    pub(super) fn restart(&mut self, effects: &mut Vec<Effect>) {
        if self.connection.wanted() {
            self.start_anew(effects);
        }
    }

    /// Opens now where a listener stands, failing or not: its own page explains and retries. Else connects first.
    pub(super) fn open(&mut self, window: Window, effects: &mut Vec<Effect>) {
        if let Listener::Standing(held) = self.life.listener {
            effects.push(self.open_door(held.generation, window));
        } else {
            // There is one window: what is asked for last is what is seen in it.
            let in_browser = |window: &Window| matches!(window, Window::Browser(_));
            self.life.waiting.retain(|other| in_browser(other) != in_browser(&window));
            self.life.waiting.push(window);
            self.connect(effects);
        }
    }

    fn open_door(&self, generation: Generation, window: Window) -> Effect {
        Effect::OpenDoor { generation, profile: Box::new(self.profile.clone()), window }
    }

    /// The timer rang.
    pub(super) fn try_again(&mut self) {
        self.life.pulse = Pulse::Due;
        if let Connection::Failing { next_try, .. } = &mut self.connection {
            *next_try = None;
        }
    }

    /// The next try is now, where one waits for its time.
    pub(super) fn hasten(&mut self) {
        if matches!(self.life.pulse, Pulse::Waiting(_)) {
            self.try_again();
        }
    }

    /// Nothing that was heard of the server so far need be true any more.
    pub(super) fn doubt(&mut self, effects: &mut Vec<Effect>) {
        if matches!(self.connection, Connection::Up { .. }) {
            self.connection = Connection::Checking;
        }
        if let Listener::Standing(held) = self.life.listener {
            effects.push(Effect::Renew(held.generation));
            if self.life.pulse == Pulse::Asking {
                self.life.pulse = Pulse::AskingInVain;
            }
        }
        // What fails for its network may come back with another; a credential that is refused stays so, by and large.
        self.life.failures = 0;
        // Each try of a refused one counts towards a lock-out. Once may be a captive portal's.
        if self.life.refusals <= 1 {
            self.hasten();
        }
    }

    pub(super) fn started(&mut self, effects: &mut Vec<Effect>) {
        let Listener::Starting(held) = self.life.listener else { return };
        self.life.listener = Listener::Standing(held);
        self.life.pulse = Pulse::Due;
        self.connection = Connection::Starting;
        for (_, filled) in &mut self.slots {
            *filled = Some(true);
        }
        // An open window knows the gateway that stood before, and opening it again only brings it to the front.
        let again = std::mem::replace(&mut self.life.stood, true).then_some(Window::DashboardIfOpen);
        let windows = again.into_iter().chain(std::mem::take(&mut self.life.waiting));
        effects.extend(windows.into_iter().map(|window| self.open_door(held.generation, window)));
    }

    fn start_failed(&mut self, failure: Failure, at: SystemTime, mint: &mut Mint, effects: &mut Vec<Effect>) {
        let again = match failure {
            Failure::PortTaken(trouble) => {
                self.connection = Connection::PortTaken { trouble };
                true
            }
            Failure::SecretMissing { slot, trouble } => {
                for (_, filled) in self.slots.iter_mut().filter(|(other, _)| *other == slot) {
                    *filled = Some(false);
                }
                self.connection = Connection::Failing { trouble, next_try: None };
                true
            }
            Failure::Vault { trouble, ask_again } => {
                self.connection = Connection::Failing { trouble, next_try: None };
                ask_again
            }
            Failure::Other(trouble) => {
                self.connection = Connection::Failing { trouble, next_try: None };
                true
            }
        };
        if again { self.wait(at, mint, effects) } else { self.life.pulse = Pulse::Resting }
    }

    /// The gateway's word about the server.
    pub(super) fn status(&mut self, status: Status, at: SystemTime, mint: &mut Mint, effects: &mut Vec<Effect>) {
        // Said before the world changed, for all we know; the probe sees to it.
        if self.connection == Connection::Checking {
            return;
        }
        let before = std::mem::discriminant(&self.connection);
        self.look(status, false);
        // A change shows at once that the pace is wrong. A probe on its way sets it when it is back.
        if std::mem::discriminant(&self.connection) != before && matches!(self.life.pulse, Pulse::Waiting(_)) {
            self.wait(at, mint, effects);
        }
    }

    /// A probe is back.
    pub(super) fn probed(&mut self, status: Status, at: SystemTime, mint: &mut Mint, effects: &mut Vec<Effect>) {
        if self.life.pulse == Pulse::AskingInVain {
            self.life.pulse = Pulse::Due;
            return;
        }
        self.look(status, true);
        self.wait(at, mint, effects);
        let looked = self.life.seen.is_some_and(|seen| at.duration_since(seen).is_ok_and(|since| since < DAY));
        if let (Connection::Up { .. }, Listener::Standing(held), false) =
            (&self.connection, &self.life.listener, looked)
        {
            self.life.seen = Some(at);
            effects.push(Effect::SeeCertificate(held.generation));
        }
    }

    fn look(&mut self, status: Status, probed: bool) {
        self.life.refused = matches!(&status.health, Health::Failing(fault) if fault.is_about_credential());
        let (next_try, shown) = match &self.connection {
            Connection::Failing { next_try, .. } => (*next_try, None),
            Connection::Up { latency, .. } => (None, *latency),
            Connection::Off
            | Connection::Starting
            | Connection::Unlocking
            | Connection::Checking
            | Connection::SignInRequired { .. }
            | Connection::PortTaken { .. } => (None, None),
        };
        self.connection = match status.health {
            Health::Unknown if probed => Connection::Failing { trouble: no_answer(), next_try },
            Health::Unknown => return,
            Health::Up => {
                self.forget_failures();
                if self.connection.trouble().is_some() {
                    // What a look found wrong is so no more.
                    self.look.take_if(|look| look.end.is_some());
                }
                // Every request measures; shown is what the last probe found, so that the figure keeps still.
                let latency = if probed { status.latency } else { shown.or(status.latency) };
                Connection::Up { since: status.since, version: status.version, latency }
            }
            Health::Failing(fault @ Fault::SignInRequired { .. }) => {
                Connection::SignInRequired { trouble: Trouble::from(&fault) }
            }
            Health::Failing(fault) => Connection::Failing { trouble: Trouble::from(&fault), next_try },
        };
    }

    /// Sets the timer for the next try.
    fn wait(&mut self, at: SystemTime, mint: &mut Mint, effects: &mut Vec<Effect>) {
        let after = match &self.connection {
            Connection::Off
            | Connection::Starting
            | Connection::Unlocking
            | Connection::Checking
            | Connection::Up { .. }
            | Connection::SignInRequired { .. } => mint.delay(if self.life.quiet { QUIET } else { LEISURE }, 0),
            Connection::Failing { .. } | Connection::PortTaken { .. } => {
                let life = &mut self.life;
                let (pace, count) =
                    if life.refused { (PATIENCE, &mut life.refusals) } else { (BACKOFF, &mut life.failures) };
                let before = *count;
                *count = before.saturating_add(1);
                mint.delay(pace, before)
            }
        };
        if let Connection::Failing { next_try, .. } = &mut self.connection {
            *next_try = at.checked_add(after);
        }
        let timer = mint.timer();
        self.life.pulse = Pulse::Waiting(timer);
        effects.push(Effect::Wake { timer, after });
    }

    /// Its listener is gone: as told, or because the start failed, or else it broke down.
    pub(super) fn ended(
        &mut self,
        failure: Option<Failure>,
        at: SystemTime,
        mint: &mut Mint,
        effects: &mut Vec<Effect>,
    ) {
        match (std::mem::take(&mut self.life.listener), failure) {
            (Listener::None | Listener::Stopping(_), _) => return,
            (Listener::Starting(_) | Listener::Standing(_), Some(failure)) => {
                self.start_failed(failure, at, mint, effects);
            }
            (Listener::Starting(_) | Listener::Standing(_), None) => {
                self.life.refused = false;
                self.changes = None;
                self.connection = Connection::Failing { trouble: broken(), next_try: None };
                self.wait(at, mint, effects);
            }
        }
        if !std::mem::take(&mut self.life.waiting).is_empty()
            && let Some(trouble) = self.connection.trouble().cloned()
        {
            effects.push(Effect::Shell(ShellRequest::ShowTrouble { name: Some(self.profile.name.clone()), trouble }));
        }
    }
}

fn no_answer() -> Trouble {
    Trouble::new(
        "no_answer",
        "The server gives no answer that Postern can use.",
        "Look into the server's log. Postern keeps trying.",
    )
}

fn broken() -> Trouble {
    Trouble::new(
        "gateway_broken",
        "This profile's gateway broke down over a mistake of Postern's own. The other servers go on.",
        "Postern starts it again by itself. If it stays so, save a report, and send it to whoever looks after Postern.",
    )
}

impl State {
    /// Whose gateway this is, if it still is one.
    pub(super) fn of(&mut self, generation: Generation) -> Option<(&mut Entry, &mut Mint)> {
        let entry = self.entries.iter_mut().find(|entry| entry.life.listener.is(generation))?;
        Some((entry, &mut self.mint))
    }

    /// Whose gateway this is, while it stands.
    pub(super) fn standing(&mut self, generation: Generation) -> Option<(&mut Entry, &mut Mint)> {
        self.of(generation).filter(|(entry, _)| matches!(entry.life.listener, Listener::Standing(_)))
    }

    /// Whether anything would happen if this timer rang.
    pub(super) fn awaits(&self, timer: Timer) -> bool {
        let waits = |entry: &Entry| entry.life.pulse == Pulse::Waiting(timer);
        let allows = |entry: &Entry| entry.changes.is_some_and(|changes| changes.timer == timer);
        self.entries.iter().any(|entry| waits(entry) || allows(entry))
    }

    /// Does what follows: starts and probes whatever is due, and exits when all is closed.
    pub(super) fn settle(&mut self, effects: &mut Vec<Effect>) {
        let mut busy: Vec<Held> = self.leaving.iter().map(|(_, held)| *held).collect();
        busy.extend(self.entries.iter().filter_map(|entry| entry.life.listener.held()));
        for entry in &mut self.entries {
            if !entry.connection.wanted() || entry.life.pulse != Pulse::Due {
                continue;
            }
            match entry.life.listener {
                // Its own port must be free of what is still closing, and of what it was under the same name.
                Listener::None
                    if busy.iter().all(|held| held.port != entry.profile.port)
                        && self.leaving.iter().all(|(id, _)| *id != entry.profile.id) =>
                {
                    let held = Held { generation: self.mint.generation(), port: entry.profile.port };
                    busy.push(held);
                    entry.life.listener = Listener::Starting(held);
                    entry.vault_waits(self.unlocking);
                    let profile = Box::new(entry.profile.clone());
                    effects.push(Effect::Start { generation: held.generation, profile });
                }
                Listener::Standing(held) => {
                    entry.life.pulse = Pulse::Asking;
                    effects.push(Effect::Probe(held.generation));
                }
                Listener::None | Listener::Starting(_) | Listener::Stopping(_) => {}
            }
        }
        let closed = busy.is_empty() && self.storing.is_none();
        if self.phase == Phase::Quitting && closed {
            self.phase = Phase::Ended;
            effects.push(Effect::Shell(ShellRequest::Exit));
        }
    }
}
