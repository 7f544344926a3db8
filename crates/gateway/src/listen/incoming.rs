//! A visitor's body: it comes as long as somebody asks for it.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::head::Framing;
use super::wire::Wire;
use crate::body::BoxError;

/// A connection that is read from two sides: by whoever answers on it, and by whoever sends a body on.
#[derive(Clone)]
pub(super) struct SharedWire(Arc<Mutex<Wire>>);

impl SharedWire {
    pub(super) fn new(wire: Wire) -> Self {
        Self(Arc::new(Mutex::new(wire)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Wire> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` while a body is not dropped.
    pub(super) fn into_inner(self) -> Option<Wire> {
        Some(Arc::into_inner(self.0)?.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The body.
pub(crate) struct Incoming {
    wire: SharedWire,
    /// What is left of it, in bytes, where that is known.
    left: Option<u64>,
    read: Read,
}

/// How far a visitor's body has been read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Read(Arc<(AtomicBool, AtomicU64)>);

impl Read {
    pub(crate) fn is_to_its_end(&self) -> bool {
        self.0.0.load(Ordering::Relaxed)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.0.1.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("left", &self.left).finish_non_exhaustive()
    }
}

impl Incoming {
    /// The body that follows the head just read; `None` where none does.
    pub(super) fn following(framing: Framing, wire: &SharedWire) -> Option<Self> {
        let left = match framing {
            Framing::Length(0) | Framing::Upgrade => return None,
            Framing::Length(length) => Some(length),
            Framing::Chunked => None,
        };
        Some(Self { wire: wire.clone(), left, read: Read::default() })
    }

    /// Where to look how far it has been read.
    pub(crate) fn progress(&self) -> Read {
        self.read.clone()
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.is_end_stream() {
            return Poll::Ready(None);
        }
        let (piece, ended) = {
            let mut wire = self.wire.lock();
            let piece = ready!(wire.poll_data(cx));
            let ended = wire.body_is_over();
            (piece, ended)
        };
        let length = piece.as_ref().and_then(|piece| piece.as_ref().ok()).map_or(0, Bytes::len) as u64;
        self.left = self.left.map(|left| left.saturating_sub(length));
        self.read.0.1.fetch_add(length, Ordering::Relaxed);
        self.read.0.0.fetch_or(ended, Ordering::Relaxed);
        Poll::Ready(piece.map(|piece| piece.map(Frame::data).map_err(BoxError::from)))
    }

    fn is_end_stream(&self) -> bool {
        self.read.is_to_its_end()
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
