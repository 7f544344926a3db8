//! What goes through the gateways: kept for the manager in memory, and nowhere else.
//!
//! 1. Bounded: a profile keeps its last [`KEPT`] exchanges, and of those no more than [`BYTES`] in text. What came too
//!    fast to be recorded is counted.
//! 2. Whoever looks asks again and again, and is told what is new [`PACE`] apart at most: a page takes any number of
//!    requests a second in a few batches. Nobody looking costs nothing but the record.
//! 3. No secret: an exchange has no query, no header and no body, and neither has what is made of it.

mod curl;
pub mod har;
mod log;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use postern_gateway::{Exchange, Sockets};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::{sleep, timeout};

pub(crate) use self::curl::curl;
use self::log::Log;
use crate::profile::ProfileId;
use crate::view::{ActivityView, UseView};

/// Exchanges kept of a profile.
pub const KEPT: usize = 2000;
/// Bytes of text in them. A path may have 16 KiB.
const BYTES: usize = 2 << 20;
/// From one answer to who looks to the next: five a second.
const PACE: Duration = Duration::from_millis(200);
/// Who looks is answered by then, if with nothing: it may have gone.
const PATIENCE: Duration = Duration::from_secs(20);

/// The exchanges of all profiles. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Activity(Arc<Mutex<HashMap<ProfileId, Arc<Log>>>>);

impl Activity {
    /// What came after the exchange with this number, as soon as there is something; all there is, at once, without
    /// one.
    pub async fn since(&self, id: &ProfileId, number: Option<u64>) -> ActivityView {
        let log = self.log(id);
        if let Some(number) = number {
            let mut newest = log.newest();
            sleep(PACE).await;
            // In vain, too: then the answer is that there is nothing.
            drop(timeout(PATIENCE, newest.wait_for(|newest| *newest != number)).await);
        }
        log.since(number.unwrap_or(0))
    }

    /// Who uses the profile's gateway, and what went wrong lately.
    #[must_use]
    pub fn usage(&self, id: &ProfileId, now: SystemTime) -> UseView {
        self.log(id).usage(now)
    }

    /// Records a gateway's exchanges for as long as it lives.
    pub(crate) async fn record(&self, id: &ProfileId, mut exchanges: Receiver<Exchange>, sockets: Arc<Sockets>) {
        let log = self.log(id);
        log.attend(sockets);
        loop {
            let first = match exchanges.recv().await {
                Err(RecvError::Closed) => return,
                Err(RecvError::Lagged(lost)) => Err(lost),
                Ok(exchange) => Ok(exchange),
            };
            let more = || match exchanges.try_recv() {
                Err(TryRecvError::Empty | TryRecvError::Closed) => None,
                Err(TryRecvError::Lagged(lost)) => Some(Err(lost)),
                Ok(exchange) => Some(Ok(exchange)),
            };
            log.add(std::iter::once(first).chain(std::iter::from_fn(more)));
        }
    }

    /// The profile is gone.
    pub(crate) fn forget(&self, id: &ProfileId) {
        self.logs().remove(id);
    }

    fn log(&self, id: &ProfileId) -> Arc<Log> {
        Arc::clone(self.logs().entry(id.clone()).or_default())
    }

    fn logs(&self) -> std::sync::MutexGuard<'_, HashMap<ProfileId, Arc<Log>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
