//! Many who have the same server: what it sees of them when it goes away, stays away, and comes back.
//!
//! A simulation: [`update()`] for each of them, and one clock for all that jumps from timer to timer.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::fixture::{at, failing, profile, unreachable, up};
use super::{AtStart, Connection, Effect, Event, Generation, ShellRequest, State, Timer, update};

const MANY: usize = 200;

struct Herd {
    members: Vec<State>,
    timers: BinaryHeap<Reverse<(Duration, usize, Timer)>>,
    now: Duration,
    server_is_up: bool,
    /// When somebody asked the server.
    asked: Vec<Duration>,
}

impl Herd {
    /// All started in the same instant.
    fn new(seed: u64) -> Self {
        let seeds = (0..MANY as u64).map(|member| seed + member);
        let mut herd = Self {
            members: seeds.map(|seed| State::new(AtStart::Always, seed)).collect(),
            timers: BinaryHeap::new(),
            now: Duration::ZERO,
            server_is_up: true,
            asked: Vec::new(),
        };
        for member in 0..MANY {
            herd.take(member, Event::Loaded(Ok(vec![profile("prod", 4201)])));
        }
        herd
    }

    /// One event of one of them, and whatever follows from it at once.
    fn take(&mut self, member: usize, event: Event) {
        for effect in update(&mut self.members[member], event) {
            #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else follows from what happens here")]
            match effect {
                Effect::Start { generation, .. } => self.take(member, Event::Started(generation)),
                Effect::Probe(generation) => {
                    self.asked.push(self.now);
                    let status = if self.server_is_up { up() } else { failing(unreachable()) };
                    let at = at(self.now.as_secs());
                    self.take(member, Event::Probed { generation, status, used: true, at });
                }
                Effect::SeeCertificate(_) | Effect::Shell(ShellRequest::Notify { .. }) => {}
                Effect::Wake { timer, after } => self.timers.push(Reverse((self.now + after, member, timer))),
                other => panic!("nobody asked for {other:?}"),
            }
        }
    }

    fn run_until(&mut self, end: u64) {
        let end = Duration::from_secs(end);
        while let Some(Reverse((when, member, timer))) = self.timers.peek().copied()
            && when <= end
        {
            self.timers.pop();
            self.now = when;
            self.take(member, Event::Due(timer));
        }
        self.now = end;
    }

    /// The server goes away, and each of them has a request under way that says so.
    fn server_goes_away(&mut self) {
        self.server_is_up = false;
        for member in 0..MANY {
            let generation = generation(&self.members[member]);
            self.take(member, Event::Status { generation, status: failing(unreachable()), at: at(self.now.as_secs()) });
        }
    }

    fn all_up(&self) -> bool {
        self.members.iter().all(|state| matches!(state.entries[0].connection, Connection::Up { .. }))
    }

    /// The most who ask within one second, wherever it begins, between two moments; in hundredths of all.
    fn busiest(&self, from: u64, to: u64) -> usize {
        let range = Duration::from_secs(from)..Duration::from_secs(to);
        let asked: Vec<Duration> = self.asked.iter().copied().filter(|when| range.contains(when)).collect();
        let within =
            |first: usize| asked[first..].partition_point(|when| *when < asked[first] + Duration::from_secs(1));
        (0..asked.len()).map(within).max().unwrap_or_default() * 100 / MANY
    }
}

fn generation(state: &State) -> Generation {
    state.entries[0].life.listener.held().expect("it stands").generation
}

#[test]
fn many_who_share_a_server_neither_storm_it_nor_miss_its_return() {
    const DOWN: u64 = 600;
    const BACK: u64 = 1200;
    for seed in (0..5).map(|round| round * 1_000_000) {
        for all_notice_at_once in [true, false] {
            let mut herd = Herd::new(seed);
            herd.run_until(DOWN);
            if all_notice_at_once {
                herd.server_goes_away();
            }
            herd.server_is_up = false;
            herd.run_until(BACK);
            herd.server_is_up = true;
            herd.run_until(BACK + 30);
            assert!(herd.all_up(), "{seed}: one has not seen it after the longest delay");
            herd.run_until(BACK + 600);
            for (phase, from, to, most) in [
                ("before", 60, DOWN, 20),
                ("as it goes away", DOWN, DOWN + 60, 50),
                ("while it is away", DOWN + 60, BACK, 20),
                ("as it comes back", BACK, BACK + 60, 20),
                ("after", BACK + 60, BACK + 600, 20),
            ] {
                let busiest = herd.busiest(from, to);
                assert!(busiest <= most, "{seed}: {busiest} % in one second {phase}");
            }
        }
    }
}
