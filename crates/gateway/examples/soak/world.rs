//! What clients and server share: counts, tags, and what each tells the other beside the gateway.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::tally::Tally;

#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) tally: Tally,
    /// Connections that the server has.
    pub(crate) connections: AtomicUsize,
    /// WebSockets that stand.
    pub(crate) sockets: AtomicUsize,
    tags: AtomicU64,
    /// Odd while the server is away.
    restarts: AtomicU64,
    marks: Mutex<HashMap<u64, Arc<Mark>>>,
}

/// How far a request has come, for the other side to wait for.
#[derive(Debug, Default)]
pub(crate) struct Mark {
    /// The server has its head.
    pub(crate) arrived: Notify,
    /// The client has the beginning of the answer's body.
    pub(crate) begun: Notify,
    /// The server has seen it break off.
    pub(crate) gone: Notify,
}

/// A mark, until its request is over.
pub(crate) struct Marked<'w> {
    world: &'w World,
    pub(crate) tag: u64,
    pub(crate) mark: Arc<Mark>,
    /// Of the server, when the request began.
    restarts: u64,
}

impl World {
    fn marks(&self) -> MutexGuard<'_, HashMap<u64, Arc<Mark>>> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new request.
    pub(crate) fn mark(&self) -> Marked<'_> {
        let (tag, mark) = (self.tags.fetch_add(1, Ordering::Relaxed), Arc::new(Mark::default()));
        self.marks().insert(tag, Arc::clone(&mark));
        Marked { world: self, tag, mark, restarts: self.restarts.load(Ordering::SeqCst) }
    }

    /// The mark of a request that is under way.
    pub(crate) fn of(&self, tag: u64) -> Option<Arc<Mark>> {
        self.marks().get(&tag).cloned()
    }

    /// The server goes away, or is back.
    pub(crate) fn turn(&self) {
        self.restarts.fetch_add(1, Ordering::SeqCst);
    }
}

impl Marked<'_> {
    /// Whether the server was away for a part of the time: then whatever tells of it is due.
    pub(crate) fn met_a_restart(&self) -> bool {
        !self.restarts.is_multiple_of(2) || self.world.restarts.load(Ordering::SeqCst) != self.restarts
    }
}

impl Drop for Marked<'_> {
    fn drop(&mut self) {
        self.world.marks().remove(&self.tag);
    }
}

/// Counts something for as long as it is there.
pub(crate) struct Counted<'w>(&'w AtomicUsize);

impl<'w> Counted<'w> {
    pub(crate) fn new(count: &'w AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
