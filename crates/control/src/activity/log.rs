//! The exchanges of one profile, and what they come to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use postern_gateway::{Door, Exchange, Fault, Sockets};
use tokio::sync::watch;

use super::{BYTES, KEPT};
use crate::view::{ActivityView, DoorUse, DoorView, ExchangeView, LastFault, Trouble, UseView};

/// Kinds of faults remembered, the last first.
const FAULTS: usize = 5;
/// How far back use is counted, in minutes.
const MINUTES: usize = 5;

/// One profile's.
#[derive(Debug, Default)]
pub(super) struct Log {
    kept: Mutex<Kept>,
    newest: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Kept {
    /// With their numbers, from 1 on: one that is left out was missed.
    exchanges: VecDeque<(u64, Exchange)>,
    bytes: usize,
    newest: u64,
    missed: u64,
    faults: VecDeque<Seen>,
    /// In the order of [`DoorView::ALL`].
    doors: [Minutes; 4],
    /// Of the gateway that stands, or stood last.
    sockets: Arc<Sockets>,
}

/// The last exchange with a fault, and how many had the same.
#[derive(Debug)]
struct Seen {
    exchange: Exchange,
    fault: Fault,
    times: u32,
}

/// How much was asked for in each of the last minutes.
#[derive(Debug, Default)]
struct Minutes {
    /// Minutes since 1970, each in its place, and their counts.
    counts: [(u64, u32); MINUTES],
    last: Option<SystemTime>,
}

impl Log {
    pub(super) fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// A gateway of the profile's stands anew.
    pub(super) fn attend(&self, sockets: Arc<Sockets>) {
        self.kept().sockets = sockets;
    }

    /// Adds exchanges; an error stands for so many that were missed.
    pub(super) fn add(&self, exchanges: impl Iterator<Item = Result<Exchange, u64>>) {
        let mut kept = self.kept();
        // A gateway that is busy without end must not keep us here.
        for exchange in exchanges.take(KEPT) {
            kept.add(exchange);
        }
        self.newest.send_replace(kept.newest);
    }

    pub(super) fn since(&self, number: u64) -> ActivityView {
        let kept = self.kept();
        // Another log's number, where the profile was removed and came back.
        let number = if number > kept.newest { 0 } else { number };
        let first = kept.exchanges.partition_point(|(other, _)| *other <= number);
        let view = |(number, exchange): &(u64, Exchange)| view(*number, exchange);
        ActivityView {
            exchanges: kept.exchanges.range(first..).map(view).collect(),
            newest: kept.newest,
            kept: KEPT,
            missed: kept.missed,
        }
    }

    pub(super) fn usage(&self, now: SystemTime) -> UseView {
        let kept = self.kept();
        let doors = DoorView::ALL.into_iter().zip(&kept.doors).map(|(door, minutes)| DoorUse {
            door,
            requests: minutes.count(now),
            last_ms: minutes.last.map(millis),
            sockets: kept.sockets.open(door.into()),
        });
        let faults = kept.faults.iter().map(|Seen { exchange, fault, times }| LastFault {
            trouble: Trouble::from(fault),
            times: *times,
            at_ms: millis(exchange.at),
            door: exchange.door.into(),
            method: exchange.method.to_string(),
            path: exchange.path.clone(),
        });
        UseView { minutes: MINUTES, doors: doors.collect(), faults: faults.collect() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn add(&mut self, exchange: Result<Exchange, u64>) {
        let exchange = match exchange {
            Ok(exchange) => exchange,
            Err(missed) => {
                self.newest += missed;
                self.missed += missed;
                return;
            }
        };
        self.newest += 1;
        self.doors[DoorView::from(exchange.door) as usize].add(exchange.at);
        if let Some(fault) = &exchange.fault {
            let before = self.faults.iter().position(|seen| seen.fault.code() == fault.code());
            let times = before.and_then(|at| self.faults.remove(at)).map_or(0, |seen| seen.times);
            self.faults.truncate(FAULTS - 1);
            let (exchange, fault) = (exchange.clone(), fault.clone());
            self.faults.push_front(Seen { exchange, fault, times: times.saturating_add(1) });
        }
        self.bytes += text(&exchange);
        self.exchanges.push_back((self.newest, exchange));
        while (self.exchanges.len() > KEPT || self.bytes > BYTES)
            && let Some((_, oldest)) = self.exchanges.pop_front()
        {
            self.bytes -= text(&oldest);
        }
    }
}

impl Minutes {
    fn add(&mut self, at: SystemTime) {
        let minute = minute(at);
        if let Some(place) = self.counts.get_mut((minute % MINUTES as u64) as usize) {
            if place.0 != minute {
                *place = (minute, 0);
            }
            place.1 = place.1.saturating_add(1);
        }
        self.last = self.last.max(Some(at));
    }

    fn count(&self, now: SystemTime) -> u32 {
        let now = minute(now);
        let recent = self.counts.iter().filter(|(minute, _)| *minute + (MINUTES as u64) > now);
        recent.fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }
}

/// Bytes of what has no fixed size. A fault's text is short, and rarely there.
fn text(exchange: &Exchange) -> usize {
    exchange.path.len() + exchange.method.as_str().len()
}

fn view(number: u64, exchange: &Exchange) -> ExchangeView {
    ExchangeView {
        number,
        at_ms: millis(exchange.at),
        door: exchange.door.into(),
        method: exchange.method.to_string(),
        path: exchange.path.clone(),
        status: exchange.status.map(|status| status.as_u16()),
        took_ms: milliseconds(exchange.took),
        lasted_ms: milliseconds(exchange.lasted),
        received: exchange.received,
        sent: exchange.sent,
        fault: exchange.fault.as_ref().map(Trouble::from),
    }
}

/// To a hundredth.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 100_000.0).round() / 100.0
}

fn millis(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis().try_into().unwrap_or(u64::MAX)
}

fn minute(at: SystemTime) -> u64 {
    millis(at) / 60_000
}

impl From<Door> for DoorView {
    fn from(door: Door) -> Self {
        match door {
            Door::Window => Self::Window,
            Door::Browser => Self::Browser,
            Door::Program => Self::Program,
            Door::Refused => Self::Refused,
        }
    }
}

impl From<DoorView> for Door {
    fn from(door: DoorView) -> Self {
        match door {
            DoorView::Window => Self::Window,
            DoorView::Browser => Self::Browser,
            DoorView::Program => Self::Program,
            DoorView::Refused => Self::Refused,
        }
    }
}
