//! An answer's body, and the connection it comes by: that moves as long as the body is asked for, and is free for the
//! next request at the body's end. Who drops the body before ends the connection, so that the server stops.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::line::Line;
use super::pool::Pool;

/// The body.
#[derive(Debug)]
pub(crate) struct Download {
    body: Incoming,
    /// `None` where something else drives it, and after its end.
    lease: Option<Lease>,
    /// Why it ends early, while what came before is written.
    broken: Option<hyper::Error>,
}

/// A connection, and where it belongs.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) line: Box<Line>,
    pub(super) pool: Arc<Pool>,
}

impl Download {
    pub(super) fn new(body: Incoming, lease: Lease) -> Self {
        let mut download = Self { body, lease: Some(lease), broken: None };
        if download.body.is_end_stream() {
            download.give_back();
        }
        download
    }

    fn give_back(&mut self) {
        if let Some(Lease { line, pool }) = self.lease.take() {
            pool.take_back(line);
        }
    }
}

impl From<Incoming> for Download {
    fn from(body: Incoming) -> Self {
        Self { body, lease: None, broken: None }
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        if let Some(error) = this.broken.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let Some(lease) = &mut this.lease else { return Pin::new(&mut this.body).poll_frame(cx) };
        // What there is comes out of the connection, which has our waker: a second one would only wake us once more.
        let mut quiet = Context::from_waker(Waker::noop());
        let mut polled = Pin::new(&mut this.body).poll_frame(&mut quiet);
        if polled.is_pending() {
            lease.line.drive(cx);
            polled = Pin::new(&mut this.body).poll_frame(&mut quiet);
        }
        match polled {
            // At once, it would cut the visitor's connection before all that came has been written to it.
            Poll::Ready(Some(Err(error))) => {
                (this.lease, this.broken) = (None, Some(error));
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(None) => this.give_back(),
            Poll::Ready(Some(Ok(_))) if this.body.is_end_stream() => this.give_back(),
            Poll::Ready(Some(Ok(_))) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
