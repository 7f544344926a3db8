//! What goes out on a connection: a head, and its body piece by piece.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, TRANSFER_ENCODING};
use hyper::body::Body;

use super::transport::Transport;

/// A piece of a body that is not longer is copied behind what goes before it.
const SMALL: usize = 4 * 1024;
/// Short pieces that are there go together, up to so much.
const TOGETHER: usize = 16 * 1024;

/// What is to be written, in this order. It may have secrets in it, as what comes in has.
#[derive(Default)]
pub(crate) struct Output {
    /// A head, a chunk's size, a short piece.
    front: Vec<u8>,
    /// How much of it is written.
    written: usize,
    piece: Bytes,
    /// The end of a chunk.
    back: &'static [u8],
    /// All is written, and some of it may wait in the layers below.
    unflushed: bool,
}

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// After so many bytes more.
    Length(u64),
    /// By the last chunk.
    Chunk,
    /// With the connection.
    Close,
}

/// A message under way: what is written of it, and the body that the rest comes from.
#[derive(Debug)]
pub(crate) struct Outgoing<B> {
    pub(crate) output: Output,
    pub(crate) body: Option<B>,
    end: End,
}

/// Why not all of it was written.
#[derive(Debug)]
pub(crate) enum Unsent {
    System(io::Error),
    /// The body has another length than was announced, or broke off.
    Body,
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("bytes", &(self.front.len() + self.piece.len())).finish_non_exhaustive()
    }
}

impl Output {
    /// A piece of a head.
    pub(crate) fn put(&mut self, pieces: &[&[u8]]) {
        for piece in pieces {
            self.front.extend_from_slice(piece);
        }
    }

    /// Lines of a head.
    pub(crate) fn fields(&mut self, headers: &HeaderMap) {
        for (name, value) in headers {
            self.field(name, value.as_bytes());
        }
    }

    pub(crate) fn field(&mut self, name: &HeaderName, value: &[u8]) {
        self.put(&[b"\r\n", name.as_str().as_bytes(), b": ", value]);
    }

    fn end_head(&mut self) {
        self.put(&[b"\r\n\r\n"]);
    }

    /// A piece of a body, as a chunk or not.
    fn data(&mut self, data: Bytes, chunk: bool) {
        if data.is_empty() {
            // As a chunk, it would be the last.
            return;
        }
        if chunk {
            self.put(&[format!("{:x}\r\n", data.len()).as_bytes()]);
        }
        let end: &'static [u8] = if chunk { b"\r\n" } else { b"" };
        if data.len() > SMALL {
            (self.piece, self.back) = (data, end);
        } else {
            self.put(&[&data, end]);
        }
    }

    /// Whether a body is to be asked for more.
    fn takes_more(&self) -> bool {
        let waits = self.piece.is_empty() && self.back.is_empty() && !self.unflushed;
        waits && self.written == 0 && self.front.len() < TOGETHER || self.is_empty()
    }

    /// Whether all of it is on its way.
    pub(crate) fn is_empty(&self) -> bool {
        self.written == self.front.len() && self.piece.is_empty() && self.back.is_empty() && !self.unflushed
    }

    pub(crate) fn clear(&mut self) {
        self.front.clear();
        self.piece = Bytes::new();
        (self.written, self.back, self.unflushed) = (0, b"", false);
    }

    /// Ready when all of it is written.
    pub(crate) fn poll_write(&mut self, to: &mut Transport, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut front = &self.front[self.written..];
            let mut left = (&mut front).chain(&mut self.piece).chain(&mut self.back);
            if !left.has_remaining() {
                break;
            }
            let written = ready!(to.poll_write(cx, &mut left))?;
            self.written = self.front.len() - front.len();
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unflushed = true;
        }
        if self.unflushed {
            ready!(to.poll_flush(cx))?;
        }
        self.clear();
        Poll::Ready(Ok(()))
    }
}

impl<B> Default for Outgoing<B> {
    fn default() -> Self {
        Self { output: Output::default(), body: None, end: End::Length(0) }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Outgoing<B> {
    /// Ends the head that is in [`Outgoing::output`] with the line that says where the body ends, unless the head says
    /// so already. The body follows.
    pub(crate) fn begin(&mut self, end: End, announced: bool, body: Option<B>) {
        match end {
            End::Length(length) if !announced && body.is_some() => {
                self.output.field(&CONTENT_LENGTH, length.to_string().as_bytes());
            }
            End::Chunk if body.is_some() => self.output.field(&TRANSFER_ENCODING, b"chunked"),
            End::Length(_) | End::Chunk | End::Close => {}
        }
        self.output.end_head();
        (self.end, self.body) = (end, body);
    }

    /// Nothing more of it.
    pub(crate) fn stop(&mut self) {
        self.body = None;
        self.output.clear();
    }

    /// Whether only the connection's end tells the body's.
    pub(crate) fn ends_with_connection(&self) -> bool {
        self.end == End::Close
    }

    /// Whether all of it is on its way.
    pub(crate) fn is_over(&self) -> bool {
        self.body.is_none() && self.output.is_empty()
    }

    /// Ready when all of it is on its way, by `write`, which is ready when all of the output is.
    pub(crate) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        mut write: impl FnMut(&mut Output, &mut Context<'_>) -> Poll<io::Result<()>>,
    ) -> Poll<Result<(), Unsent>> {
        loop {
            // A short body goes along with its head; a long one waits until the other side has taken what there is.
            if let Some(body) = self.body.as_mut().filter(|_| self.output.takes_more()) {
                match Pin::new(&mut *body).poll_frame(cx) {
                    Poll::Ready(Some(Ok(frame))) => {
                        // Trailers are no business of ours.
                        let Ok(data) = frame.into_data() else { continue };
                        if let End::Length(left) = &mut self.end {
                            *left = left.checked_sub(data.len() as u64).ok_or(Unsent::Body)?;
                        }
                        let ended = body.is_end_stream();
                        self.output.data(data, self.end == End::Chunk);
                        if ended && self.output.piece.is_empty() {
                            self.end_body()?;
                        }
                    }
                    Poll::Ready(None) => self.end_body()?,
                    Poll::Ready(Some(Err(_))) => return Poll::Ready(Err(Unsent::Body)),
                    Poll::Pending if self.output.is_empty() => return Poll::Pending,
                    Poll::Pending => {}
                }
            }
            if self.output.is_empty() {
                if self.body.is_some() {
                    // It had an empty piece.
                    continue;
                }
                return Poll::Ready(Ok(()));
            }
            ready!(write(&mut self.output, cx)).map_err(Unsent::System)?;
        }
    }

    fn end_body(&mut self) -> Result<(), Unsent> {
        self.body = None;
        match self.end {
            End::Length(0) | End::Close => {}
            End::Length(_) => return Err(Unsent::Body),
            End::Chunk => self.output.put(&[b"0\r\n\r\n"]),
        }
        Ok(())
    }
}
