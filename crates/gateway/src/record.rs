//! What an [`Exchange`] tells, gathered while the request and its answer pass; only where somebody listens.

use std::time::{Duration, Instant, SystemTime};

use http::{Method, Request, StatusCode};
use tokio::sync::broadcast;

use crate::fault::Fault;
use crate::gateway::Shared;
use crate::listen::incoming::Read;
use crate::status::{Door, Exchange};

/// A request that waits for its answer.
#[derive(Debug)]
pub(crate) struct Record {
    at: SystemTime,
    began: Instant,
    method: Method,
    path: String,
}

/// An answer under way: told when it is dropped.
#[derive(Debug)]
pub(crate) struct Telling {
    exchange: Exchange,
    began: Instant,
    upload: Option<Read>,
    listeners: broadcast::Sender<Exchange>,
}

impl Record {
    pub(crate) fn of<B>(request: &Request<B>, shared: &Shared) -> Option<Self> {
        let heard = shared.exchanges.receiver_count() > 0 || tracing::enabled!(tracing::Level::DEBUG);
        heard.then(|| Self {
            at: SystemTime::now(),
            began: Instant::now(),
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
        })
    }

    pub(crate) fn answered(
        self,
        door: Door,
        status: StatusCode,
        fault: Option<Fault>,
        upload: Option<Read>,
        shared: &Shared,
    ) -> Telling {
        let Self { at, began, method, path } = self;
        let took = began.elapsed();
        let exchange =
            Exchange { at, door, method, path, status, took, lasted: Duration::ZERO, received: 0, sent: 0, fault };
        Telling { exchange, began, upload, listeners: shared.exchanges.clone() }
    }
}

impl Telling {
    /// So much more of the answer's body was handed on.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.exchange.sent += bytes as u64;
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        let exchange = &mut self.exchange;
        exchange.lasted = self.began.elapsed();
        exchange.received = self.upload.as_ref().map_or(0, Read::bytes);
        let (path, status, fault) =
            (exchange.path.as_str(), exchange.status.as_u16(), exchange.fault.as_ref().map(Fault::code));
        tracing::debug!(method = %exchange.method, path, status, fault, "answered");
        // Whoever listened may be gone.
        drop(self.listeners.send(exchange.clone()));
    }
}
