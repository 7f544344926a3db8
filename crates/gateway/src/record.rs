//! What an [`Exchange`] tells, gathered while the request and its answer pass; only where somebody listens.

use std::time::{Duration, Instant, SystemTime};

use http::StatusCode;
use http::request::Parts;
use tokio::sync::broadcast;

use crate::body::Body;
use crate::fault::Fault;
use crate::gateway::Shared;
use crate::listen::incoming::Read;
use crate::status::{Door, Exchange};

/// A request that waits for its answer. Dropped before there is one, it tells that whoever asked has left.
#[derive(Debug)]
pub(crate) struct Record {
    /// Who asks, once that is known.
    pub(crate) door: Door,
    telling: Option<Box<Telling>>,
}

/// An exchange under way: told when it is dropped.
#[derive(Debug)]
pub(crate) struct Telling {
    exchange: Exchange,
    began: Instant,
    upload: Option<Read>,
    listeners: broadcast::Sender<Exchange>,
}

impl Record {
    pub(crate) fn of(request: &Parts, body: &Body, shared: &Shared) -> Self {
        let heard = shared.exchanges.receiver_count() > 0 || tracing::enabled!(tracing::Level::DEBUG);
        let telling = heard.then(|| {
            let exchange = Exchange {
                at: SystemTime::now(),
                door: Door::Refused,
                method: request.method.clone(),
                path: request.uri.path().to_owned(),
                status: None,
                took: Duration::ZERO,
                lasted: Duration::ZERO,
                received: 0,
                sent: 0,
                fault: None,
            };
            let listeners = shared.exchanges.clone();
            Box::new(Telling { exchange, began: Instant::now(), upload: body.progress(), listeners })
        });
        Self { door: Door::Refused, telling }
    }

    /// Goes on with the answer's body, where somebody listens.
    pub(crate) fn answered(mut self, status: StatusCode, fault: Option<Fault>) -> Option<Box<Telling>> {
        let mut telling = self.telling.take()?;
        telling.exchange.status = Some(status);
        telling.exchange.fault = fault;
        telling.head(self.door);
        Some(telling)
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if let Some(telling) = &mut self.telling {
            telling.head(self.door);
        }
    }
}

impl Telling {
    /// There is the answer's head, or there will be none.
    fn head(&mut self, door: Door) {
        self.exchange.door = door;
        self.exchange.took = self.began.elapsed();
    }

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
        let (path, status, fault) = (
            exchange.path.as_str(),
            exchange.status.as_ref().map(StatusCode::as_u16),
            exchange.fault.as_ref().map(Fault::code),
        );
        tracing::debug!(method = %exchange.method, path, status, fault, "over");
        // Whoever listened may be gone.
        drop(self.listeners.send(exchange.clone()));
    }
}
