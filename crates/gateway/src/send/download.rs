//! An answer's body, and the connection it comes by: that moves as long as the body is asked for, and is free for the
//! next request at the body's end. Who drops the body before ends the connection, so that the server stops.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::line::Line;
use super::pool::Pool;
use crate::body::BoxError;

/// The body.
#[derive(Debug)]
pub(crate) struct Download(From);

#[derive(Debug)]
enum From {
    /// What hyper drives: HTTP/2, a refused socket.
    Hyper(Incoming),
    Line(Box<Line>, Arc<Pool>),
    Over,
}

impl Download {
    pub(super) fn new(line: Box<Line>, pool: &Arc<Pool>) -> Self {
        let mut download = Self(From::Line(line, Arc::clone(pool)));
        download.give_back();
        download
    }

    /// Whether hyper drives it.
    pub(super) fn is_hypers(&self) -> bool {
        matches!(self.0, From::Hyper(_))
    }

    /// At its end.
    fn give_back(&mut self) {
        if let From::Line(line, pool) = std::mem::replace(&mut self.0, From::Over) {
            if line.is_over() { pool.take_back(line) } else { self.0 = From::Line(line, pool) }
        }
    }
}

impl std::convert::From<Incoming> for Download {
    fn from(body: Incoming) -> Self {
        Self(From::Hyper(body))
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        match &mut this.0 {
            From::Hyper(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            From::Line(line, _) => {
                let data = ready!(line.poll_data(cx));
                this.give_back();
                Poll::Ready(data.map(|data| Ok(Frame::data(data?))))
            }
            From::Over => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            From::Hyper(body) => body.is_end_stream(),
            From::Line(..) => false,
            From::Over => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            From::Hyper(body) => body.size_hint(),
            From::Line(line, _) => line.left().map_or_else(SizeHint::default, SizeHint::with_exact),
            From::Over => SizeHint::with_exact(0),
        }
    }
}
