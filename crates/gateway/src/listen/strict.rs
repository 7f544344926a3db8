//! A connection of which hyper sees only what has one reading: see `head.rs` and `chunks.rs`.
//!
//! 1. A head is handed on when it is whole, and judged. What is in order is judged where it lies; only a head that
//!    comes in pieces is copied.
//! 2. Where one breaks a rule, hyper is shown a request of ours instead, [`is_ours`], and nothing after it. So answers
//!    keep their order, and what is wrong is answered as any other [`Fault`]: it is in [`Verdict`]. That answer must end
//!    the connection.
//! 3. A body that breaks a rule ends in an error, and the request with it.
//! 4. A head must be whole in [`PATIENCE`].
//! 5. Who has sent its last may wait for its answer, and who is gone does not: to hyper only that is the end.
//! 6. Where we end in the middle of something, what still comes is read and thrown away for a moment: to a system that
//!    is left with unread bytes, a close is a reset, and the other side may lose our last answer.
//!
//! After a request to upgrade nothing is judged any more: either it is answered with 101, or the connection ends.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::Request;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::chunks::Chunks;
use super::head::{self, Framing, HEAD_LIMIT, TARGET_LIMIT};
use super::peer::Peer;
use crate::fault::Fault;

/// An unfinished head is given up after this.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a client that sends nothing more is looked for.
const GLANCE: Duration = Duration::from_millis(250);

/// For how long, and for how many bytes, the other side may go on after our last word.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1024 * 1024;

/// What is wrong with what came in on a connection. Once there is something, nothing more is read.
pub(crate) type Verdict = Arc<OnceLock<Fault>>;

/// No method of anybody's; together with a verdict it is our own request.
const METHOD: &str = "BROKEN";
pub(crate) const IN_ITS_PLACE: &[u8] = b"BROKEN / HTTP/1.1\r\n\r\n";

/// The fault that a request stands for which this module made.
pub(crate) fn is_ours<B>(request: &Request<B>, verdict: &Verdict) -> Option<Fault> {
    verdict.get().filter(|_| request.method() == METHOD).cloned()
}

/// The connection.
#[derive(Debug)]
pub(crate) struct Strict<S> {
    stream: S,
    verdict: Verdict,
    state: State,
    /// The beginning of a head.
    held: Vec<u8>,
    /// Judged, and not yet handed on.
    ready: Vec<u8>,
    /// How much of it has been.
    handed: usize,
    /// Until when a head must be whole; only while a part of one is held.
    deadline: Option<Pin<Box<Sleep>>>,
    /// Until when we linger, and for how many more bytes.
    lingering: Option<(Pin<Box<Sleep>>, usize)>,
    /// Whoever is at the other end; not in tests.
    peer: Option<Arc<Peer>>,
    /// Until when not to look whether they are still there. Only once they have sent their last.
    glance: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug)]
enum State {
    Head,
    Length(u64),
    Chunked(Chunks),
    /// What follows is no HTTP.
    Upgraded,
    /// Nothing follows.
    Ended,
    /// What followed broke a rule in the middle of a body.
    Broken,
}

/// What becomes of some bytes.
struct Judged {
    /// So many of them may be handed on; the others begin a head.
    good: usize,
    /// What is wrong after these.
    fault: Option<Fault>,
}

impl<S> Strict<S> {
    pub(crate) fn new(stream: S, peer: Option<Arc<Peer>>) -> Self {
        Self {
            stream,
            verdict: Verdict::default(),
            state: State::Head,
            held: Vec::new(),
            ready: Vec::new(),
            handed: 0,
            deadline: None,
            lingering: None,
            peer,
            glance: None,
        }
    }

    pub(crate) fn verdict(&self) -> Verdict {
        Arc::clone(&self.verdict)
    }

    /// After their last: ready when nobody waits for an answer any more.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(peer) = &self.peer else { return Poll::Ready(Ok(())) };
        peer.has_sent_its_last();
        loop {
            if let Some(glance) = &mut self.glance {
                ready!(glance.as_mut().poll(cx));
            }
            if !peer.is_open() {
                return Poll::Ready(Ok(()));
            }
            self.glance = Some(Box::pin(tokio::time::sleep(GLANCE)));
        }
    }

    fn hand_on(&mut self, out: &mut ReadBuf<'_>) {
        let length = out.remaining().min(self.ready.len() - self.handed);
        out.put_slice(&self.ready[self.handed..self.handed + length]);
        self.handed += length;
        if self.handed == self.ready.len() {
            self.ready.clear();
            self.handed = 0;
        }
    }

    /// What came, where a part of a head is held already.
    fn take_more(&mut self, bytes: &[u8]) {
        // A rule's three bytes may lie on both sides.
        let seen = self.held.len().saturating_sub(3);
        self.held.extend_from_slice(bytes);
        let held = std::mem::take(&mut self.held);
        let judged = judge(&mut self.state, &held, seen);
        self.ready.extend_from_slice(&held[..judged.good]);
        match judged.fault {
            Some(fault) => self.condemn(fault),
            // Where it lies: who sends a byte at a time does not make us copy it all each time.
            None if judged.good == 0 => self.held = held,
            None => self.hold(&held[judged.good..]),
        }
    }

    fn hold(&mut self, part: &[u8]) {
        if part.is_empty() {
            self.deadline = None;
            return;
        }
        self.held.extend_from_slice(part);
        // From its first byte: more of it does not win more time.
        self.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(PATIENCE)));
    }

    fn condemn(&mut self, fault: Fault) {
        tracing::debug!(code = fault.code(), "a connection ends, for what came is not HTTP as it must be");
        drop(self.verdict.set(fault));
        self.deadline = None;
        self.state = if matches!(self.state, State::Chunked(_)) {
            State::Broken
        } else {
            self.ready.extend_from_slice(IN_ITS_PLACE);
            State::Ended
        };
    }
}

/// Goes through `bytes` as far as they are whole. Of the first `seen` it is known that no head ends there.
fn judge(state: &mut State, bytes: &[u8], seen: usize) -> Judged {
    let (mut good, mut seen) = (0, seen);
    while good < bytes.len() {
        let rest = &bytes[good..];
        match state {
            State::Head => {
                match whole_head(rest, seen) {
                    Ok(Some((length, framing))) => {
                        good += length;
                        *state = match framing {
                            Framing::Length(0) => State::Head,
                            Framing::Length(length) => State::Length(length),
                            Framing::Chunked => State::Chunked(Chunks::default()),
                            Framing::Upgrade => State::Upgraded,
                        };
                    }
                    Ok(None) => break,
                    Err(fault) => return Judged { good, fault: Some(fault) },
                }
                seen = 0;
            }
            State::Length(left) => {
                let here = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                good += here;
                *left -= here as u64;
                if *left == 0 {
                    *state = State::Head;
                }
            }
            State::Chunked(chunks) => match chunks.read(rest) {
                Ok(Some(length)) => {
                    good += length;
                    *state = State::Head;
                }
                Ok(None) => good = bytes.len(),
                Err(fault) => return Judged { good, fault: Some(fault) },
            },
            State::Upgraded => good = bytes.len(),
            State::Ended | State::Broken => break,
        }
    }
    Judged { good, fault: None }
}

/// The length of the head that `bytes` begin with and what follows it, once it is whole.
fn whole_head(bytes: &[u8], seen: usize) -> Result<Option<(usize, Framing)>, Fault> {
    // One empty line before a request is forgiven (RFC 9112, section 2.2).
    let empty = if bytes.starts_with(b"\r\n") { 2 } else { 0 };
    let from = seen.max(empty);
    let Some(end) = memchr::memmem::find(bytes.get(from..).unwrap_or_default(), b"\r\n\r\n") else {
        if bytes.len() > HEAD_LIMIT {
            return Err(Fault::HeadTooLarge);
        }
        let line = memchr::memchr(b'\n', &bytes[empty.min(bytes.len())..]);
        if line.is_none() && bytes.len() > TARGET_LIMIT + 100 {
            return Err(Fault::TargetTooLong);
        }
        // Nobody waits for the end of what is wrong already.
        let mut ends = memchr::memchr_iter(b'\n', &bytes[seen..]).map(|at| seen + at);
        let bare = ends.any(|end| end == 0 || bytes[end - 1] != b'\r');
        return if bare { Err(Fault::Malformed("a line ends in CR and LF")) } else { Ok(None) };
    };
    let length = from + end + 4;
    if length > HEAD_LIMIT {
        return Err(Fault::HeadTooLarge);
    }
    Ok(Some((length, head::check(&bytes[empty..length])?)))
}

impl<S: AsyncRead + Unpin> AsyncRead for Strict<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if !this.ready.is_empty() {
                this.hand_on(out);
                return Poll::Ready(Ok(()));
            }
            match this.state {
                // Not the end, which hyper takes for a client that is gone: it has our answer to write, and ends then.
                State::Ended => return Poll::Pending,
                State::Broken => return Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
                State::Upgraded if this.held.is_empty() => return Pin::new(&mut this.stream).poll_read(cx, out),
                State::Head | State::Length(_) | State::Chunked(_) | State::Upgraded => {}
            }
            if this.glance.is_some() {
                return this.poll_gone(cx);
            }
            if this.deadline.as_mut().is_some_and(|deadline| deadline.as_mut().poll(cx).is_ready()) {
                this.held.clear();
                this.condemn(Fault::HeadTimeout { seconds: PATIENCE.as_secs() });
                continue;
            }
            let before = out.filled().len();
            ready!(Pin::new(&mut this.stream).poll_read(cx, out))?;
            let came = &out.filled()[before..];
            if came.is_empty() {
                return this.poll_gone(cx);
            }
            if !this.held.is_empty() {
                this.take_more(came);
                out.set_filled(before);
                continue;
            }
            let judged = judge(&mut this.state, came, 0);
            match judged.fault {
                Some(fault) => this.condemn(fault),
                None => this.hold(&came[judged.good..]),
            }
            out.set_filled(before + judged.good);
            if judged.good > 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Strict<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.lingering.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
        }
        // Between two requests nobody waits for an answer, and a tunnel's end is its own business.
        if matches!(this.state, State::Head | State::Upgraded) && this.held.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let (until, left) = this.lingering.get_or_insert_with(|| (Box::pin(tokio::time::sleep(LINGER)), LINGER_BYTES));
        let mut scratch = [MaybeUninit::uninit(); 4096];
        while *left > 0 && until.as_mut().poll(cx).is_pending() {
            let mut unread = ReadBuf::uninit(&mut scratch);
            match ready!(Pin::new(&mut this.stream).poll_read(cx, &mut unread)) {
                Ok(()) if !unread.filled().is_empty() => *left = left.saturating_sub(unread.filled().len()),
                Ok(()) | Err(_) => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    const GET: &str = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
    const POST: &str = "POST /b HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello";
    const CHUNKED: &str = "POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    const UPGRADE: &str = "GET /d HTTP/1.1\r\nUpgrade: websocket\r\n\r\n\x01\n\nraw";

    /// What is seen of `sent`, which comes in pieces of such a size.
    async fn seen(sent: &str, piece: usize) -> (String, Option<u16>) {
        let (mut client, server) = duplex(1 << 20);
        let (mut strict, bytes) = (Strict::new(server, None), sent.as_bytes().to_vec());
        let verdict = strict.verdict();
        let sending = tokio::spawn(async move {
            for piece in bytes.chunks(piece) {
                client.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let mut seen = Vec::new();
        // After our own request there is no end.
        while !seen.ends_with(IN_ITS_PLACE) && strict.read_buf(&mut seen).await.is_ok_and(|length| length > 0) {}
        drop(strict);
        drop(sending.await);
        (String::from_utf8(seen).unwrap(), verdict.get().map(|fault| fault.status().as_u16()))
    }

    #[tokio::test]
    async fn what_is_in_order_passes_as_it_is_however_it_comes() {
        let all = [GET, "\r\n", POST, CHUNKED, GET, UPGRADE].concat();
        for piece in [1, 2, 3, 7, 64, 10_000] {
            assert_eq!(seen(&all, piece).await, (all.clone(), None), "{piece}");
        }
    }

    #[tokio::test]
    async fn what_breaks_a_rule_is_replaced_and_nothing_after_it_is_seen() {
        let ours = std::str::from_utf8(IN_ITS_PLACE).unwrap();
        let both = "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n";
        for (bad, status) in [
            (both, 400),
            ("GET / HTTP/1.1\nHost: x\n\n", 400),
            ("GET / HTTP/3.0\r\n\r\n", 505),
            ("\r\n\r\nGET / HTTP/1.1\r\n\r\n", 400),
        ] {
            for piece in [1, 5, 10_000] {
                let sent = [POST, bad, GET].concat();
                assert_eq!(seen(&sent, piece).await, (format!("{POST}{ours}"), Some(status)), "{bad:?} in {piece}");
            }
        }
        for (endless, status) in [
            (format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(HEAD_LIMIT)), 431),
            (format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(HEAD_LIMIT)), 431),
            (format!("GET /{}", "a".repeat(HEAD_LIMIT)), 414),
        ] {
            for piece in [1000, 100_000] {
                assert_eq!(seen(&endless, piece).await, (ours.to_owned(), Some(status)), "{piece}");
            }
        }
    }

    #[tokio::test]
    async fn a_body_that_breaks_a_rule_ends_the_connection() {
        for piece in [1, 10_000] {
            let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
            let (seen, status) = seen(&format!("{head}0x1\r\na\r\n0\r\n\r\n{GET}"), piece).await;
            assert!(seen.starts_with(head) && !seen.contains("GET"), "{seen}");
            assert_eq!(status, Some(400));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_is_not_whole_in_time_is_given_up() {
        let (mut client, server) = duplex(1000);
        let mut strict = Strict::new(server, None);
        let verdict = strict.verdict();
        client.write_all(GET.as_bytes()).await.unwrap();
        let trickle = tokio::spawn(async move {
            for byte in GET.bytes().cycle().take(20) {
                tokio::time::sleep(Duration::from_secs(3)).await;
                drop(client.write_all(&[byte]).await);
            }
        });
        let mut seen = Vec::new();
        let began = tokio::time::Instant::now();
        while !seen.ends_with(IN_ITS_PLACE) && strict.read_buf(&mut seen).await.is_ok_and(|length| length > 0) {}
        assert_eq!(began.elapsed().as_secs(), 33);
        assert_eq!(verdict.get(), Some(&Fault::HeadTimeout { seconds: 30 }));
        trickle.abort();
    }
}
