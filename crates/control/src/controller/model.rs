//! Whatever happens, in whatever order: a world that plays the driver at random, and watches what must
//! always hold.

use std::collections::{BTreeMap, BTreeSet};

use postern_gateway::{Fault, Status};
use proptest::prelude::*;

use super::fixture::{at, failing, id, secret_missing, trouble, unreachable, up, written};
use super::life::Pulse;
use super::{
    AtStart, Connection, Effect, Event, Failure, Generation, Phase, Screen, ShellRequest, State, Ticket, Timer, update,
};
use crate::change::{Change, Stored};
use crate::menu;
use crate::profile::{Profile, ProfileId};
use crate::view::{self, Draft, SaveErrors};

/// A gateway in the world.
#[derive(Clone, Debug)]
struct Sim {
    id: ProfileId,
    port: u16,
    standing: bool,
    told_to_stop: bool,
    probing: bool,
    /// The world has changed since the probe began.
    in_vain: bool,
}

#[derive(Debug, Default)]
struct World {
    file: Vec<Profile>,
    gateways: BTreeMap<Generation, Sim>,
    ended: BTreeSet<Generation>,
    timers: BTreeSet<Timer>,
    storing: Option<Change>,
    waiting: BTreeSet<Ticket>,
    tickets: u64,
    /// Who has been asked for, and not let go since.
    wanted: BTreeSet<ProfileId>,
    quit: bool,
    exits: usize,
}

/// One step: a person's wish, or something that happens. The numbers choose among what is possible.
#[derive(Clone, Debug)]
enum Step {
    Wish(u8, usize),
    Save(usize, u8),
    Remove(usize),
    /// Someone edits the file: these profiles, each in one of a few forms.
    Edit(Vec<(usize, u8)>),
    Break,
    /// Sleep, another network.
    World,
    Outcome(usize, u8),
    /// An outcome of a gateway that is long gone, or never was.
    Late(u64, u8),
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn form(who: usize, form: u8) -> Profile {
    let mut written = written(NAMES[who % NAMES.len()], 4201 + u16::try_from(who % NAMES.len()).unwrap());
    match form % 5 {
        0 => {}
        1 => written.connect = "on-demand".to_owned(),
        2 => written.read_only = true,
        3 => written.color = "red".to_owned(),
        // The next one's: where both are in the file, they have changed places.
        _ => written.port = Some(4201 + i64::try_from((who + 1) % NAMES.len()).unwrap()),
    }
    written.check().unwrap()
}

fn status(kind: u8) -> Status {
    match kind % 5 {
        0 | 1 => up(),
        2 => failing(unreachable()),
        3 => failing(Fault::SignInRequired { provider: "sso.example.com".to_owned() }),
        _ => Status { health: postern_gateway::Health::Unknown, ..up() },
    }
}

fn failure(kind: u8) -> Failure {
    match kind % 5 {
        0 => Failure::PortTaken(trouble("port_taken")),
        1 => secret_missing(),
        2 => Failure::Vault { trouble: trouble("vault_locked"), ask_again: false },
        3 => Failure::Vault { trouble: trouble("vault_absent"), ask_again: true },
        _ => Failure::Other(trouble("certificate_unusable")),
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..18_u8, 0..NAMES.len()).prop_map(|(kind, who)| Step::Wish(kind, who)),
        1 => (0..NAMES.len(), 0..5_u8).prop_map(|(who, form)| Step::Save(who, form)),
        1 => (0..NAMES.len()).prop_map(Step::Remove),
        2 => prop::collection::vec((0..NAMES.len(), 0..5_u8), 0..4).prop_map(Step::Edit),
        1 => Just(Step::Break),
        2 => Just(Step::World),
        12 => (any::<usize>(), any::<u8>()).prop_map(|(which, kind)| Step::Outcome(which, kind)),
        2 => (0..40_u64, any::<u8>()).prop_map(|(generation, kind)| Step::Late(generation, kind)),
    ]
}

impl World {
    /// The event of this step, if it is possible now.
    fn event(&mut self, step: Step, state: &State) -> Option<Event> {
        Some(match step {
            // Rarely: what comes after it is mostly nothing.
            Step::Wish(7, who) if who == 0 && self.tickets % 3 == 2 => {
                self.quit = true;
                Event::Quit
            }
            Step::Wish(kind, who) => {
                let id = id(NAMES[who]);
                match kind {
                    0 => Event::Connect(id),
                    1 => Event::Disconnect(id),
                    2 => Event::Open(id),
                    3 => Event::OpenInBrowser(id),
                    4 => Event::CopyApiUrl(id),
                    5 => Event::Manage,
                    6 => Event::Look(id),
                    8 => Event::Saving(who == 0),
                    10 => Event::Diagnose(id),
                    11 => Event::Add,
                    12 => Event::CopyEnvironment(id),
                    13 => Event::ToggleStartAtLogin,
                    14 => {
                        let server = format!("https://{id}.example.com/prefect").parse().unwrap();
                        Event::AllowChanges { id, server, at: at(0) }
                    }
                    15 => Event::ForbidChanges(id),
                    16 => Event::VaultWaits(who % 2 == 0),
                    17 => Event::KeepInMemory,
                    9 => Event::Screen(Screen { manager: who % 2 == 0, ..Screen::default() }),
                    _ => Event::Toggle(id),
                }
            }
            Step::Save(who, variant) => {
                let profile = form(who, variant);
                let known = state.entry(&profile.id).is_some();
                let draft = Draft::from(&profile);
                Event::Save {
                    ticket: self.ticket(),
                    draft: Box::new(Draft { id: draft.id.filter(|_| known), ..draft }),
                }
            }
            Step::Remove(who) => Event::Remove { ticket: Some(self.ticket()), id: id(NAMES[who]) },
            Step::Edit(profiles) => {
                let (mut names, mut ports) = (BTreeSet::new(), BTreeSet::new());
                self.file = profiles
                    .into_iter()
                    .filter(|(who, _)| names.insert(*who))
                    .map(|(who, variant)| form(who, variant))
                    .filter(|profile| ports.insert(profile.port))
                    .collect();
                Event::Loaded(Ok(self.file.clone()))
            }
            Step::Break => Event::Loaded(Err(trouble("profiles_invalid"))),
            Step::World => Event::WorldChanged,
            Step::Outcome(which, kind) => self.outcome(which, kind)?,
            Step::Late(generation, kind) => {
                let generation = Generation(generation);
                if self.gateways.contains_key(&generation) {
                    return None;
                }
                match kind % 5 {
                    0 => Event::Started(generation),
                    1 => Event::StartFailed { generation, failure: failure(kind), at: at(0) },
                    2 => Event::Status { generation, status: status(kind), at: at(0) },
                    3 => Event::Probed { generation, status: status(kind), used: kind.is_multiple_of(2), at: at(0) },
                    _ => Event::Ended { generation, at: at(0) },
                }
            }
        })
    }

    fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        self.waiting.insert(Ticket(self.tickets));
        Ticket(self.tickets)
    }

    /// One of the outcomes that are on their way.
    fn outcome(&mut self, which: usize, kind: u8) -> Option<Event> {
        let count = self.gateways.len() + self.timers.len() + usize::from(self.storing.is_some());
        let which = which.checked_rem(count)?;
        if let Some((&generation, sim)) = self.gateways.iter_mut().nth(which) {
            let at = at(u64::from(kind));
            let end = |world: &mut Self| {
                world.gateways.remove(&generation);
                world.ended.insert(generation);
            };
            return Some(match (sim.standing, kind % 8) {
                // It ends as told; or it was about to fail, or breaks down.
                (false, 0) => {
                    end(self);
                    Event::StartFailed { generation, failure: failure(kind / 8), at }
                }
                (_, 1) => {
                    end(self);
                    Event::Ended { generation, at }
                }
                (_, 2..=4) if sim.told_to_stop => {
                    end(self);
                    Event::Ended { generation, at }
                }
                (false, _) => {
                    sim.standing = true;
                    Event::Started(generation)
                }
                (true, 2..=4) if sim.probing => {
                    sim.probing = false;
                    Event::Probed { generation, status: status(kind / 8), used: kind.is_multiple_of(3), at }
                }
                (true, _) => Event::Status { generation, status: status(kind / 8), at },
            });
        }
        let which = which - self.gateways.len();
        if let Some(timer) = self.timers.iter().nth(which).copied() {
            self.timers.remove(&timer);
            return Some(Event::Due(timer));
        }
        let change = self.storing.take()?;
        Some(Event::Stored(if kind.is_multiple_of(4) {
            Err(SaveErrors::whole(&trouble("vault_locked")))
        } else {
            self.store(change)
        }))
    }

    fn store(&mut self, change: Change) -> Result<Stored, SaveErrors> {
        let id = match change {
            Change::Put { mut written, .. } => {
                written.port =
                    written.port.or_else(|| (4400..).find(|port| self.file.iter().all(|p| i64::from(p.port) != *port)));
                let profile = written.check().expect("checked before");
                match self.file.iter_mut().find(|other| other.id == profile.id) {
                    Some(place) => *place = profile.clone(),
                    None => self.file.push(profile.clone()),
                }
                profile.id
            }
            Change::Remove { id } => {
                self.file.retain(|profile| profile.id != id);
                id
            }
        };
        Ok(Stored { id, profiles: self.file.clone(), secrets: Vec::new(), vault_trouble: None })
    }

    /// What the effects may and may not do.
    fn carry_out(&mut self, effects: Vec<Effect>) -> Result<(), TestCaseError> {
        for effect in effects {
            match effect {
                Effect::Start { generation, profile } => {
                    prop_assert!(!self.quit, "a start after quitting");
                    prop_assert!(!self.ended.contains(&generation), "a generation used twice");
                    for other in self.gateways.values() {
                        prop_assert_ne!(&other.id, &profile.id, "two gateways of one profile");
                        prop_assert_ne!(other.port, profile.port, "two gateways on one port");
                    }
                    let Profile { id, port, .. } = *profile;
                    let sim = Sim { id, port, standing: false, told_to_stop: false, probing: false, in_vain: false };
                    prop_assert!(self.gateways.insert(generation, sim).is_none());
                }
                Effect::Stop(generation) => {
                    let sim = self.gateways.get_mut(&generation);
                    prop_assert!(
                        sim.is_some_and(|sim| !std::mem::replace(&mut sim.told_to_stop, true)),
                        "stopped twice"
                    );
                }
                Effect::Probe(generation) => {
                    let sim = self.gateways.get_mut(&generation).filter(|sim| sim.standing && !sim.told_to_stop);
                    prop_assert!(
                        sim.is_some_and(|sim| {
                            sim.in_vain = false;
                            !std::mem::replace(&mut sim.probing, true)
                        }),
                        "two probes at once"
                    );
                }
                Effect::SeeCertificate(generation) => {
                    prop_assert!(self.gateways.get(&generation).is_some_and(|sim| sim.standing && !sim.told_to_stop));
                }
                Effect::Renew(generation) => {
                    let sim = self.gateways.get_mut(&generation).filter(|sim| sim.standing && !sim.told_to_stop);
                    prop_assert!(sim.is_some(), "nothing to renew");
                    sim.into_iter().for_each(|sim| sim.in_vain = sim.probing);
                }
                Effect::OpenDoor { generation, .. } | Effect::LetWindowsWrite { generation, .. } => {
                    prop_assert!(self.gateways.get(&generation).is_some_and(|sim| sim.standing && !sim.told_to_stop));
                }
                Effect::Wake { timer, .. } => prop_assert!(self.timers.insert(timer), "a timer used twice"),
                Effect::Store(change) => prop_assert!(self.storing.replace(change).is_none(), "two saves at once"),
                Effect::Answer { ticket, .. } => prop_assert!(self.waiting.remove(&ticket), "answered twice"),
                Effect::Shell(ShellRequest::Exit) => {
                    self.exits += 1;
                    prop_assert!(self.quit && self.gateways.is_empty() && self.storing.is_none(), "exit too early");
                }
                Effect::Look { .. } => prop_assert!(!self.quit, "a look after quitting"),
                Effect::Advise { .. }
                | Effect::LookAway(_)
                | Effect::FindImports
                | Effect::LookUp(_)
                | Effect::CopyEnvironment(_)
                | Effect::Settle(_)
                | Effect::OpenLogs
                | Effect::SeeVault
                | Effect::KeepInMemory
                | Effect::GiveUpUnlocking
                | Effect::CloseDashboard(_)
                | Effect::RemoveDashboard(_)
                | Effect::Shell(_) => {}
            }
        }
        Ok(())
    }

    /// Whose probe this event ends, where the world has changed since it began.
    fn in_vain(&self, event: &Event, state: &State) -> Option<ProfileId> {
        let Event::Probed { generation, .. } = event else { return None };
        let sim = self.gateways.get(generation).filter(|sim| sim.in_vain && !sim.told_to_stop)?;
        state.entry(&sim.id).map(|entry| entry.profile.id.clone())
    }

    /// Keeps up with what people want.
    fn heed(&mut self, event: &Event, before: &State) {
        if before.phase != Phase::Running {
            return;
        }
        #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is a wish about one profile")]
        match event {
            Event::Connect(id) | Event::Open(id) | Event::OpenInBrowser(id) if before.entry(id).is_some() => {
                self.wanted.insert(id.clone());
            }
            Event::Disconnect(id) => {
                self.wanted.remove(id);
            }
            Event::Toggle(id) if before.entry(id).is_some() && !self.wanted.remove(id) => {
                self.wanted.insert(id.clone());
            }
            Event::Quit => self.wanted.clear(),
            _ => {}
        }
    }

    /// Profiles that came and went.
    fn heed_file(&mut self, before: &State, after: &State) {
        self.wanted.retain(|id| after.entry(id).is_some());
        for entry in &after.entries {
            let is_new = before.entry(&entry.profile.id).is_none();
            if is_new && after.phase == Phase::Running && after.at_start.wants(&entry.profile) {
                self.wanted.insert(entry.profile.id.clone());
            }
        }
    }

    /// What the state may and may not say.
    fn agrees(&self, state: &State) -> Result<(), TestCaseError> {
        for entry in &state.entries {
            prop_assert_eq!(
                entry.connection.wanted(),
                self.wanted.contains(&entry.profile.id),
                "forgotten: {:?}",
                entry
            );
            let mut live = self.gateways.iter().filter(|(_, sim)| sim.id == entry.profile.id);
            let serving = live.clone().any(|(_, sim)| !sim.told_to_stop);
            let standing = live.clone().any(|(_, sim)| sim.standing && !sim.told_to_stop);
            let on_its_way = match entry.life.pulse {
                Pulse::Waiting(timer) => self.timers.contains(&timer),
                Pulse::Due => live.next().is_some() || self.gateways.values().any(|sim| sim.port == entry.profile.port),
                Pulse::Asking | Pulse::AskingInVain => {
                    self.gateways.values().any(|sim| sim.probing && sim.id == entry.profile.id)
                }
                Pulse::Resting => matches!(entry.connection, Connection::Failing { .. }),
            };
            let may_change = entry.profile.read_only && standing;
            prop_assert!(entry.changes.is_none() || may_change, "changes without a gateway: {entry:?}");
            match &entry.connection {
                Connection::Off => prop_assert!(!serving, "off with a listener: {entry:?}"),
                Connection::Up { .. } => prop_assert!(standing && on_its_way, "up without a listener: {entry:?}"),
                Connection::Checking | Connection::SignInRequired { .. } => {
                    prop_assert!(standing && on_its_way, "{entry:?}");
                }
                Connection::Unlocking if !state.unlocking => prop_assert!(false, "waits for nothing: {entry:?}"),
                Connection::PortTaken { .. } => prop_assert!(!standing && on_its_way, "{entry:?}"),
                Connection::Starting | Connection::Unlocking | Connection::Failing { .. } => {
                    prop_assert!(on_its_way, "stuck: {entry:?}");
                }
            }
        }
        prop_assert!(state.phase != Phase::Ended || self.exits == 1);
        prop_assert!(self.exits <= 1);
        // Views can be made of any state.
        let (tray, manager) = (menu::tray(state), view::manager(state));
        prop_assert_eq!(manager.servers.len(), state.entries.len());
        prop_assert!(tray.menu.len() > 2);
        Ok(())
    }
}

fn play(at_start: AtStart, seed: u64, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut state = State::new(at_start, seed);
    let mut world = World::default();
    for step in steps {
        if let Some(event) = world.event(step, &state) {
            let before = state.clone();
            world.heed(&event, &before);
            let vain = world.in_vain(&event, &before);
            let effects = update(&mut state, event.clone());
            if let Some(id) = vain {
                let connection = |state: &State| state.entry(&id).map(|entry| entry.connection.clone());
                prop_assert_eq!(connection(&state), connection(&before), "a probe from before the world changed");
            }
            let up = state.entries.iter().any(|entry| matches!(entry.connection, Connection::Up { .. }));
            prop_assert!(event != Event::WorldChanged || !up, "up by what was heard before");
            world.heed_file(&before, &state);
            world.carry_out(effects)?;
            world.agrees(&state)?;
        }
    }
    world.quit = true;
    world.wanted.clear();
    let effects = update(&mut state, Event::Quit);
    world.carry_out(effects)?;
    // Everything that was told to end does, in some order.
    while let Some((generation, told)) = world.gateways.first_key_value().map(|(g, sim)| (*g, sim.told_to_stop)) {
        prop_assert!(told, "a gateway nobody stops");
        world.gateways.remove(&generation);
        let effects = update(&mut state, Event::Ended { generation, at: at(0) });
        world.carry_out(effects)?;
    }
    if let Some(change) = world.storing.take() {
        let effects = update(&mut state, Event::Stored(world.store(change)));
        world.carry_out(effects)?;
    }
    world.agrees(&state)?;
    prop_assert_eq!(world.exits, 1);
    prop_assert_eq!(state.phase, Phase::Ended);
    prop_assert!(world.waiting.is_empty(), "somebody waits for ever: {:?}", world.waiting);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_nothing_leaks_lies_or_hangs(
        connect in 0..3_u8,
        seed in any::<u64>(),
        steps in prop::collection::vec(step(), 0..80),
    ) {
        let at_start = match connect {
            0 => AtStart::Always,
            1 => AtStart::Only(vec![id("a"), id("d")]),
            _ => AtStart::None,
        };
        play(at_start, seed, steps)?;
    }
}
