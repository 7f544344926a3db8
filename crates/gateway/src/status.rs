//! What flows out of a gateway: how the server is, and one record for each request.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use crate::Fault;

/// How the server looks from here, as the last exchange showed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The verdict.
    pub health: Health,
    /// Since when it is so.
    pub since: SystemTime,
    /// Prefect's version, once an answer told it.
    pub version: Option<String>,
    /// From a request's first byte sent to its answer's head, last measured.
    pub latency: Option<Duration>,
}

/// Whether the server answers us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// Nothing has been asked yet.
    Unknown,
    /// It answers and lets us in.
    Up,
    /// It does not, and this is why.
    Failing(Fault),
}

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// A window of the app's own.
    Window,
    /// The user's browser.
    Browser,
    /// A program with the local key, or let in without.
    Program,
    /// Nobody: refused at the guard.
    Refused,
}

/// How many sockets are open, by who opened them.
#[derive(Debug, Default)]
pub struct Sockets([AtomicUsize; 4]);

impl Sockets {
    /// Those of one door.
    #[must_use]
    pub fn open(&self, door: Door) -> usize {
        self.0[door as usize].load(Ordering::Relaxed)
    }

    /// One more, until what is returned goes.
    pub(crate) fn enter(&self, door: Door) -> impl Drop + use<'_> {
        struct Open<'s>(&'s AtomicUsize);

        impl Drop for Open<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }

        let count = &self.0[door as usize];
        count.fetch_add(1, Ordering::Relaxed);
        Open(count)
    }
}

/// One request and its answer, told when the answer is over: no body, no header, no query (it may hold a secret).
#[derive(Clone, Debug)]
pub struct Exchange {
    /// When its head arrived.
    pub at: SystemTime,
    /// Who asked.
    pub door: Door,
    /// The method as received.
    pub method: http::Method,
    /// The path as received, without the query.
    pub path: String,
    /// The status answered; `None` where whoever asked had left by then, or was cut off when the gateway ended.
    pub status: Option<http::StatusCode>,
    /// From head received to head answered, or to where there was no more to answer.
    pub took: Duration,
    /// From head received to the answer's end, or to where it was cut off. A socket counts as over when it is open.
    pub lasted: Duration,
    /// Bytes of the request's body that were read.
    pub received: u64,
    /// Bytes of the answer's body that were handed on.
    pub sent: u64,
    /// Why the answer is ours, where it is.
    pub fault: Option<Fault>,
}
