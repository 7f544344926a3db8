//! What is to be written to a server: a request's head, and its body piece by piece.

use std::io;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use http::header::{HeaderName, HeaderValue};
use http::request::Parts;
use http::uri::PathAndQuery;

use super::transport::Transport;

/// A piece of a body that is not longer is copied behind what goes before it.
const SMALL: usize = 4 * 1024;

/// In the order in which it is written.
#[derive(Debug, Default)]
pub(super) struct Output {
    /// A head, a chunk's size, a short piece.
    front: BytesMut,
    piece: Bytes,
    /// The end of a chunk.
    back: &'static [u8],
    /// Nothing of it has been written yet but what a head's body begins with may still join it.
    joins: bool,
    /// All is written, and some of it may wait in the layers below.
    unflushed: bool,
}

impl Output {
    /// A request's head, up to its last header's value.
    pub(super) fn begin(&mut self, request: &Parts, host: &HeaderValue) {
        self.clear();
        // HTTP/1.1 names the server in `Host`, and only the path in the request's line.
        let path = request.uri.path_and_query().map_or("/", PathAndQuery::as_str);
        self.put(&[request.method.as_str().as_bytes(), b" ", path.as_bytes(), b" HTTP/1.1\r\nhost: ", host.as_bytes()]);
        for (name, value) in &request.headers {
            self.put(&[b"\r\n", name.as_str().as_bytes(), b": ", value.as_bytes()]);
        }
    }

    /// One more header.
    pub(super) fn field(&mut self, name: &HeaderName, value: &str) {
        self.put(&[b"\r\n", name.as_str().as_bytes(), b": ", value.as_bytes()]);
    }

    pub(super) fn end_head(&mut self) {
        self.put(&[b"\r\n\r\n"]);
        self.joins = true;
    }

    /// A piece of a body, as a chunk or not.
    pub(super) fn data(&mut self, data: Bytes, chunk: bool) {
        self.joins = false;
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

    pub(super) fn last_chunk(&mut self) {
        self.joins = false;
        self.put(&[b"0\r\n\r\n"]);
    }

    /// Whether a body is to be asked for more.
    pub(super) fn takes_more(&self) -> bool {
        self.joins || self.is_empty()
    }

    /// Whether all of it is on its way.
    pub(super) fn is_empty(&self) -> bool {
        self.front.is_empty() && self.piece.is_empty() && self.back.is_empty() && !self.unflushed
    }

    pub(super) fn clear(&mut self) {
        self.front.clear();
        (self.piece, self.back, self.joins, self.unflushed) = (Bytes::new(), b"", false, false);
    }

    /// Ready when all of it is written.
    pub(super) fn poll_write(&mut self, to: &mut Transport, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.joins = false;
        loop {
            let mut left = (&mut self.front).chain(&mut self.piece).chain(&mut self.back);
            if !left.has_remaining() {
                break;
            }
            if ready!(to.poll_write(cx, &mut left))? == 0 {
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

    fn put(&mut self, pieces: &[&[u8]]) {
        for piece in pieces {
            self.front.extend_from_slice(piece);
        }
    }
}
