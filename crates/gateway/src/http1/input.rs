//! What comes in on a connection: bytes, and the body that they are a part of.

use std::fmt;
use std::io;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};

use super::chunks::{Chunks, Step};
use super::transport::Transport;
use crate::fault::Fault;

/// Room that is made before something is read: as much as comes at a time, between these.
const LEAST: usize = 8 * 1024;
const MOST: usize = 512 * 1024;

/// What of a body is to come.
#[derive(Debug)]
pub(crate) enum Framing {
    /// So many bytes.
    Length(u64),
    Chunked(Chunks),
    /// Whatever comes until the other side closes.
    Close,
}

impl Framing {
    pub(crate) const NOTHING: Self = Self::Length(0);
}

/// Why a body ended early.
#[derive(Debug)]
pub(crate) enum Cut {
    Closed,
    System(io::Error),
    /// It is not framed as it must be; nothing more of it may be used.
    Malformed(Fault),
}

/// What has come and was not yet used. It may have secrets in it: so it shows how much there is, and not what.
pub(crate) struct Input {
    pub(crate) bytes: BytesMut,
    /// What is left of the body under way.
    pub(crate) framing: Framing,
    /// How much is read at a time.
    room: usize,
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("bytes", &self.bytes.len())
            .field("framing", &self.framing)
            .finish_non_exhaustive()
    }
}

impl Default for Input {
    fn default() -> Self {
        Self { bytes: BytesMut::new(), framing: Framing::NOTHING, room: LEAST }
    }
}

impl Input {
    /// Gives back what a large body needed, while nothing is under way.
    pub(crate) fn rest(&mut self) {
        // What is left of a buffer may be little, and holds all of it.
        if self.bytes.is_empty() && self.bytes.capacity().max(self.room) > 8 * LEAST {
            *self = Self::default();
        }
    }

    /// Whether all of the body has come.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.framing, Framing::Length(0))
    }

    /// What is left of the body, in bytes, where that is known.
    pub(crate) fn left(&self) -> Option<u64> {
        if let Framing::Length(left) = self.framing { Some(left) } else { None }
    }

    /// Reads once: how much came.
    pub(crate) fn poll_fill(&mut self, from: &mut Transport, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let spare = self.bytes.capacity() - self.bytes.len();
        // What was used before lies in the processor's caches. Where somebody still holds a part of it, a little room
        // will do.
        if spare < self.room && !self.bytes.try_reclaim(self.room) && spare < self.room / 4 {
            self.bytes.reserve(self.room);
        }
        let came = ready!(from.poll_read(cx, &mut self.bytes))?;
        if came >= self.room {
            self.room = (2 * self.room).min(MOST);
        } else if came < self.room / 4 {
            self.room = (self.room / 2).max(LEAST);
        }
        Poll::Ready(Ok(came))
    }

    /// The next piece of the body; `None` at its end.
    pub(crate) fn poll_data(&mut self, from: &mut Transport, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        loop {
            if self.is_over() {
                return Poll::Ready(None);
            }
            match self.take_piece() {
                Ok(Some(piece)) => return Poll::Ready(Some(Ok(piece))),
                Ok(None) if self.is_over() => return Poll::Ready(None),
                Ok(None) => {}
                Err(fault) => return Poll::Ready(Some(Err(Cut::Malformed(fault)))),
            }
            if ready!(self.poll_fill(from, cx)).map_err(Cut::System)? == 0 {
                if !matches!(self.framing, Framing::Close) {
                    return Poll::Ready(Some(Err(Cut::Closed)));
                }
                self.framing = Framing::NOTHING;
            }
        }
    }

    /// What is there of the body.
    fn take_piece(&mut self) -> Result<Option<Bytes>, Fault> {
        if self.bytes.is_empty() {
            return Ok(None);
        }
        let here = match &mut self.framing {
            Framing::Close => self.bytes.len(),
            Framing::Length(left) => {
                let here = usize::try_from(*left).unwrap_or(usize::MAX).min(self.bytes.len());
                *left -= here as u64;
                here
            }
            Framing::Chunked(_) => return self.take_chunk(),
        };
        Ok(Some(self.bytes.split_to(here).freeze()))
    }

    /// The same of chunks, and what stands behind them: so that the end is known as soon as it has come.
    fn take_chunk(&mut self) -> Result<Option<Bytes>, Fault> {
        let mut piece = None;
        while !self.bytes.is_empty()
            && let Framing::Chunked(chunks) = &mut self.framing
        {
            if piece.is_some() && chunks.is_in_data() {
                break;
            }
            match chunks.step(&self.bytes)? {
                Step::Data(length) => piece = Some(self.bytes.split_to(length).freeze()),
                Step::Between(length) => self.bytes.advance(length),
                Step::Last(length) => {
                    self.bytes.advance(length);
                    self.framing = Framing::NOTHING;
                }
            }
        }
        Ok(piece)
    }
}
