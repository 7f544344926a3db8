//! A visitor's connection, byte for byte: requests as they come in, see `head.rs` and `http1/chunks.rs`, and what goes
//! out.
//!
//! 1. Where what comes breaks a rule, nothing after it is read. In a head that is answered as any other [`Fault`], in
//!    its order; a body ends in an error, and the request with it. Either answer must end the connection.
//! 2. A head must be whole in [`PATIENCE`].
//! 3. Who has sent its last may wait for its answer, and who is gone does not.
//! 4. Where we end in the middle of something, what still comes is read and thrown away for a moment: to a system that
//!    is left with unread bytes, a close is a reset, and the other side may lose our last answer.
//!
//! After a request to upgrade nothing is read as a request any more: either it is answered with 101, or the connection
//! ends.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, split};
use tokio::time::Sleep;

use super::head::{self, Head};
use super::peer::Peer;
use crate::fault::Fault;
use crate::http1::chunks::Chunks;
use crate::http1::input::{Cut, Framing, Input};
use crate::http1::output::Output;
use crate::http1::transport::Transport;

/// An unfinished head is given up after this.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a client that sends nothing more is looked for.
const GLANCE: Duration = Duration::from_millis(250);

/// While a request is answered, no more than so much of the next ones is read.
const AHEAD: usize = 64 * 1024;

/// For how long, and for how many bytes, the other side may go on after our last word.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1024 * 1024;

/// What is wrong with what came in on a connection. Once there is something, nothing more is read.
pub(crate) type Verdict = Arc<OnceLock<Fault>>;

/// The connection.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: Transport,
    input: Input,
    next: Next,
    /// Room for the next head's lines.
    room: HeaderMap,
    /// How much of a head that is not whole has been looked through.
    seen: usize,
    /// Until when it must be whole.
    deadline: Option<Pin<Box<Sleep>>>,
    /// The client waits for a word before it sends the body.
    expects: bool,
    /// That word, as far as it is not written.
    word: Output,
    verdict: Verdict,
    /// Whoever is at the other end; not in tests.
    peer: Option<Arc<Peer>>,
    /// They have sent their last.
    finished: bool,
    /// Until when not to look whether they are still there.
    glance: Option<Pin<Box<Sleep>>>,
    /// Who looks for that as soon as a body is over: it may be read by another task.
    watcher: Option<Waker>,
    /// Who waits for more of a body.
    reader: Option<Waker>,
    /// An answer is being written.
    answering: bool,
    /// It is one that only the connection's end ends: until it is whole, that must not be an end in order.
    cut: bool,
    /// Until when we linger, and for how many more bytes.
    lingering: Option<(Pin<Box<Sleep>>, usize)>,
}

/// What is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Head,
    Body,
    /// Something else than HTTP.
    Upgraded,
    /// Nothing that is read.
    Nothing,
}

/// What is left of a connection that speaks something else from now on: what came already, and the rest.
pub(crate) struct Raw {
    came: Bytes,
    stream: Transport,
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Raw").field("came", &self.came.len()).finish_non_exhaustive()
    }
}

impl Raw {
    /// Both directions.
    pub(crate) fn split(self) -> (impl AsyncRead + Unpin, impl AsyncWrite + Unpin) {
        let (from, to) = split(self.stream.into_io());
        (io::Cursor::new(self.came).chain(from), to)
    }
}

impl Wire {
    pub(crate) fn new(stream: impl Into<Transport>, peer: Option<Arc<Peer>>) -> Self {
        Self {
            stream: stream.into(),
            input: Input::default(),
            next: Next::Head,
            room: HeaderMap::new(),
            seen: 0,
            deadline: None,
            expects: false,
            word: Output::default(),
            verdict: Verdict::default(),
            peer,
            finished: false,
            glance: None,
            watcher: None,
            reader: None,
            answering: false,
            cut: false,
            lingering: None,
        }
    }

    /// For the next head's lines: what held an answer's.
    pub(super) fn make_room(&mut self, room: HeaderMap) {
        /// More would be kept for nothing, and for each connection.
        const LINES: usize = 64;

        self.room = if room.capacity() <= LINES { room } else { HeaderMap::new() };
        self.room.clear();
    }

    pub(crate) fn verdict(&self) -> Verdict {
        Arc::clone(&self.verdict)
    }

    /// The next request's head; `None` at the connection's end.
    ///
    /// # Errors
    /// The fault to answer with, in a request's place.
    pub(super) fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Head>, Fault>> {
        loop {
            if !self.input.bytes.is_empty() {
                match head::take(&mut self.input.bytes, &mut self.seen, &mut self.room) {
                    Ok(Some(head)) => {
                        self.begin(&head);
                        return Poll::Ready(Ok(Some(head)));
                    }
                    // From its first byte: more of it does not win more time.
                    Ok(None) => {
                        let deadline = self.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(PATIENCE)));
                        if deadline.as_mut().poll(cx).is_ready() {
                            return Poll::Ready(Err(self.condemn(Fault::HeadTimeout { seconds: PATIENCE.as_secs() })));
                        }
                    }
                    Err(fault) => return Poll::Ready(Err(self.condemn(fault))),
                }
            }
            if self.input.bytes.is_empty() {
                self.input.rest();
            }
            if self.finished || !matches!(ready!(self.input.poll_fill(&mut self.stream, cx)), Ok(1..)) {
                return Poll::Ready(Ok(None));
            }
        }
    }

    fn begin(&mut self, head: &Head) {
        self.deadline = None;
        (self.expects, self.answering) = (head.expects, false);
        (self.next, self.input.framing) = match head.framing {
            head::Framing::Length(0) => (Next::Head, Framing::NOTHING),
            head::Framing::Length(length) => (Next::Body, Framing::Length(length)),
            head::Framing::Chunked => (Next::Body, Framing::Chunked(Chunks::default())),
            head::Framing::Upgrade => (Next::Upgraded, Framing::NOTHING),
        };
    }

    fn condemn(&mut self, fault: Fault) -> Fault {
        tracing::debug!(code = fault.code(), "a connection ends, for what came is not HTTP as it must be");
        self.next = Next::Nothing;
        drop(self.verdict.set(fault.clone()));
        fault
    }

    /// The next piece of the body under way; `None` at its end.
    ///
    /// # Errors
    /// It broke off, or breaks a rule: then the verdict says which.
    pub(super) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if std::mem::take(&mut self.expects) && self.input.bytes.is_empty() {
            self.word.put(&[b"HTTP/1.1 100 Continue\r\n\r\n"]);
        }
        // It fits into any buffer but a full one; then it waits, and goes before the answer at the latest.
        if !self.word.is_empty()
            && !self.answering
            && let Poll::Ready(Err(error)) = self.word.poll_write(&mut self.stream, cx)
        {
            return Poll::Ready(Some(Err(error)));
        }
        match self.next {
            Next::Body => {}
            Next::Head | Next::Upgraded => return Poll::Ready(None),
            Next::Nothing => return Poll::Ready(Some(Err(io::ErrorKind::InvalidData.into()))),
        }
        let Poll::Ready(piece) = self.input.poll_data(&mut self.stream, cx) else {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        };
        if self.input.is_over() {
            self.next = Next::Head;
            if let Some(watcher) = self.watcher.take() {
                watcher.wake();
            }
        }
        Poll::Ready(piece.map(|piece| {
            piece.map_err(|cut| {
                self.next = Next::Nothing;
                self.finished |= !matches!(cut, Cut::Malformed(_));
                match cut {
                    Cut::Closed => io::ErrorKind::UnexpectedEof.into(),
                    Cut::System(error) => error,
                    Cut::Malformed(fault) => {
                        self.condemn(fault);
                        io::ErrorKind::InvalidData.into()
                    }
                }
            })
        }))
    }

    /// Whether all of the body under way has come.
    pub(super) fn body_is_over(&self) -> bool {
        self.next == Next::Head
    }

    /// Whether another request may follow the one under way. Not where what is left of its body is not read, and not
    /// where it could have led to another protocol.
    pub(super) fn goes_on(&self) -> bool {
        self.next == Next::Head && !(self.finished && self.input.bytes.is_empty())
    }

    /// While a request is answered: ready when nobody waits for it any more.
    pub(super) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.finished {
            // What is read here would be missing where the body goes; and nobody may be reading it.
            if matches!(self.next, Next::Body | Next::Nothing) || self.input.bytes.len() >= AHEAD {
                self.watcher = Some(cx.waker().clone());
                return self.poll_absent(cx, Peer::is_gone);
            }
            match ready!(self.input.poll_fill(&mut self.stream, cx)) {
                Ok(0) => self.finished = true,
                Ok(_) => {}
                Err(_) => return Poll::Ready(()),
            }
        }
        self.poll_absent(cx, |peer| !peer.is_open())
    }

    /// Looks at the other end now and then.
    fn poll_absent(&mut self, cx: &mut Context<'_>, is: impl Fn(&Peer) -> bool) -> Poll<()> {
        let Some(peer) = &self.peer else { return if self.finished { Poll::Ready(()) } else { Poll::Pending } };
        loop {
            let glance = self.glance.get_or_insert_with(|| Box::pin(tokio::time::sleep(GLANCE)));
            ready!(glance.as_mut().poll(cx));
            self.glance = None;
            if is(peer) {
                return Poll::Ready(());
            }
        }
    }

    /// Whether an answer is under way that only the connection's end ends.
    pub(super) fn set_cut(&mut self, cut: bool) {
        self.cut = cut;
    }

    /// Nobody answers here any more: whoever still reads a body is told that there is none.
    pub(super) fn leave(&mut self) {
        if self.next == Next::Body {
            self.next = Next::Nothing;
        }
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        if self.cut {
            self.stream.abort();
        }
    }

    /// Ready when all of `output` is written.
    pub(super) fn poll_write(&mut self, output: &mut Output, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The answer is the word.
        (self.expects, self.answering) = (false, true);
        if !self.word.is_empty() {
            ready!(self.word.poll_write(&mut self.stream, cx))?;
        }
        output.poll_write(&mut self.stream, cx)
    }

    /// Ends it from our side.
    pub(super) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.lingering.is_none() && ready!(self.stream.poll_shutdown(cx)).is_err() {
            return Poll::Ready(());
        }
        // Between two requests nobody waits for an answer.
        if self.finished || (self.next == Next::Head && self.input.bytes.is_empty()) {
            return Poll::Ready(());
        }
        let (until, left) = self.lingering.get_or_insert_with(|| (Box::pin(tokio::time::sleep(LINGER)), LINGER_BYTES));
        while *left > 0 && until.as_mut().poll(cx).is_pending() {
            self.input.bytes.clear();
            match ready!(self.input.poll_fill(&mut self.stream, cx)) {
                Ok(came @ 1..) => *left = left.saturating_sub(came),
                Ok(0) | Err(_) => break,
            }
        }
        Poll::Ready(())
    }

    /// What is left of it.
    pub(super) fn into_raw(self) -> Raw {
        Raw { came: self.input.bytes.freeze(), stream: self.stream }
    }
}
