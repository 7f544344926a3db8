//! Whose turn it is while a request is under way: the sender's, whose body has more to come, or the server's.
//!
//! 1. Every piece of the body that passes, and its end, starts the server's turn anew: an upload may take as long as it
//!    moves.
//! 2. While the sender has nothing to give, the server cannot be blamed. What it waits for the sender adds up until
//!    [`ENOUGH`] has come: a body that trickles is given up too.
//! 3. A server that does not take what the sender has (its window is full) has its turn: nobody asks the body then.
//! 4. Whoever lets their turn pass, or goes away in it, ends the exchange, and is named.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Buf;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Instant;

use super::alarm::Alarms;
use crate::fault::Fault;

/// A turn may last so long. For the server: that it may think before its answer's head.
const PATIENCE: Duration = Duration::from_secs(120);

/// So many bytes in all that time are an upload that moves.
const ENOUGH: usize = 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Sender,
    Server,
    /// Nobody's: the sender is gone, or sent what is no body.
    Over,
}

/// Whose turn it is.
#[derive(Clone, Debug)]
struct Turn(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    whose: Whose,
    /// Until when.
    until: Instant,
    /// What is left of the sender's patience, and the bytes that came since it was whole.
    left: Duration,
    came: usize,
}

impl Turn {
    fn new() -> Self {
        let until = Instant::now() + PATIENCE;
        Self(Arc::new(Mutex::new(State { whose: Whose::Server, until, left: PATIENCE, came: 0 })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn over(&self) {
        self.state().whose = Whose::Over;
    }

    fn is_over(&self) -> bool {
        self.state().whose == Whose::Over
    }

    /// The sender has given so many bytes.
    fn now_the_servers(&self, bytes: usize) {
        let (mut state, now) = (self.state(), Instant::now());
        if state.whose == Whose::Sender {
            state.left = state.until - now;
        }
        state.came = state.came.saturating_add(bytes);
        if state.came >= ENOUGH {
            (state.left, state.came) = (PATIENCE, 0);
        }
        (state.whose, state.until) = (Whose::Server, now + PATIENCE);
    }

    /// To be asked again and again does not make the sender's turn longer.
    fn now_the_senders(&self) {
        let mut state = self.state();
        if state.whose == Whose::Server {
            (state.whose, state.until) = (Whose::Sender, Instant::now() + state.left);
        }
    }

    /// Who let theirs pass, if it has.
    fn passed(&self) -> Result<Instant, Fault> {
        let State { whose, until, .. } = *self.state();
        let seconds = PATIENCE.as_secs();
        match whose {
            _ if Instant::now() < until => Ok(until),
            Whose::Sender => Err(Fault::UploadStalled { seconds }),
            Whose::Server => Err(Fault::AnswerTimeout { seconds }),
            Whose::Over => Err(Fault::UploadBroken),
        }
    }
}

/// A request's body whose progress is known.
#[derive(Debug)]
pub(super) struct Upload<B> {
    body: B,
    /// `None` where there is nothing to send: then it is the server's from the start.
    turn: Option<Turn>,
}

impl Upload<crate::body::Body> {
    /// One without anything in it, for the same exchange.
    pub(super) fn again(&self) -> Self {
        Self { body: crate::body::Body::empty(), turn: self.turn.clone() }
    }
}

impl<B: Body + Unpin> Body for Upload<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        let Some(turn) = &this.turn else { return polled };
        match &polled {
            Poll::Pending => turn.now_the_senders(),
            Poll::Ready(Some(Err(_))) => turn.over(),
            Poll::Ready(frame) => {
                let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
                turn.now_the_servers(data.map_or(0, Buf::remaining));
            }
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

/// Sends a body and waits for the answer, or for why there is none, as long as each takes their turn in time.
///
/// # Errors
/// Somebody has not.
pub(super) async fn in_turn<B: Body, T, E>(
    body: B,
    alarms: &Alarms,
    send: impl AsyncFnOnce(Upload<B>) -> Result<T, E>,
) -> Result<Result<T, E>, Fault> {
    let turn = (!body.is_end_stream()).then(Turn::new);
    let mut alarm = alarms.at(Instant::now() + PATIENCE);
    let mut answer = pin!(send(Upload { body, turn: turn.clone() }));
    poll_fn(|cx| {
        if let Poll::Ready(answer) = answer.as_mut().poll(cx) {
            let broken = answer.is_err() && turn.as_ref().is_some_and(Turn::is_over);
            return Poll::Ready(if broken { Err(Fault::UploadBroken) } else { Ok(answer) });
        }
        loop {
            ready!(alarm.poll(cx));
            let timeout = Err(Fault::AnswerTimeout { seconds: PATIENCE.as_secs() });
            alarm.reset(turn.as_ref().map_or(timeout, Turn::passed)?);
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use bytes::Bytes;
    use futures_util::stream;
    use http_body_util::{BodyExt as _, StreamBody};
    use tokio::time::sleep;

    use super::*;

    const ALMOST: Duration = Duration::from_secs(119);

    /// So many pieces, each enough, each after a pause; then the end, or nothing more ever.
    fn body(pieces: u32, pause: Duration, ends: bool) -> impl Body<Data = Bytes, Error = Infallible> + Unpin {
        of(&[b'x'; ENOUGH], pieces, pause, ends)
    }

    fn of(
        piece: &'static [u8],
        pieces: u32,
        pause: Duration,
        ends: bool,
    ) -> impl Body<Data = Bytes, Error = Infallible> + Unpin {
        let frames = stream::unfold(0, move |sent| async move {
            if sent == pieces && !ends {
                std::future::pending::<()>().await;
            }
            sleep(pause).await;
            (sent < pieces).then(|| (Ok(Frame::data(Bytes::from_static(piece))), sent + 1))
        });
        StreamBody::new(Box::pin(frames))
    }

    /// A server that reads what comes, then thinks.
    async fn server<B: Body + Unpin>(mut upload: Upload<B>, thinks: Duration) -> Result<&'static str, ()> {
        while let Some(frame) = upload.frame().await {
            frame.map_err(drop)?;
        }
        sleep(thinks).await;
        Ok("answer")
    }

    async fn turned<B: Body, T>(body: B, send: impl AsyncFnOnce(Upload<B>) -> Result<T, ()>) -> Result<T, Fault> {
        in_turn(body, &Alarms::default(), send).await?.map_err(|()| Fault::ConnectionLost)
    }

    #[tokio::test(start_paused = true)]
    async fn an_upload_may_take_as_long_as_it_moves_and_the_server_has_its_full_time_after_it() {
        let answer = turned(body(20, ALMOST, true), async |upload| server(upload, ALMOST).await).await;
        assert_eq!(answer, Ok("answer"));
        let silent = turned(body(20, ALMOST, true), async |upload| server(upload, ALMOST * 2).await).await;
        assert_eq!(silent, Err(Fault::AnswerTimeout { seconds: 120 }));
    }

    #[tokio::test(start_paused = true)]
    async fn a_sender_that_stops_is_named_instead_of_the_server() {
        let stalled = turned(body(3, ALMOST, false), async |upload| server(upload, ALMOST).await).await;
        assert_eq!(stalled, Err(Fault::UploadStalled { seconds: 120 }));
        // To be asked does not make their turn longer.
        let ask = async |mut upload: Upload<_>| -> Result<(), ()> {
            while tokio::time::timeout(Duration::from_secs(1), upload.frame()).await.is_err() {}
            Ok(())
        };
        assert_eq!(turned(body(0, ALMOST, false), ask).await, Err(Fault::UploadStalled { seconds: 120 }));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_is_given_up_though_it_never_stops() {
        let trickle = |pieces| of(b"x", pieces, Duration::from_secs(1), true);
        let read = async |upload: Upload<_>| server(upload, ALMOST).await;
        assert_eq!(turned(trickle(110), read).await, Ok("answer"));
        assert_eq!(turned(trickle(130), read).await, Err(Fault::UploadStalled { seconds: 120 }));
        // Ten bytes a second are a slow line.
        let slow = of(b"ten bytes.", 1000, Duration::from_secs(1), true);
        assert_eq!(turned(slow, read).await, Ok("answer"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_sender_that_goes_away_is_named_instead_of_the_server() {
        let broken = StreamBody::new(stream::iter([Ok(Frame::data(Bytes::from_static(b"x"))), Err(())]));
        let answer = turned(broken, async |upload| server(upload, ALMOST).await).await;
        assert_eq!(answer, Err(Fault::UploadBroken));
        let refused = async |_: Upload<_>| -> Result<(), ()> { Err(()) };
        assert_eq!(turned(body(0, ALMOST, false), refused).await, Err(Fault::ConnectionLost));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_takes_no_more_is_named() {
        let stop = async |mut upload: Upload<_>| -> Result<(), ()> {
            upload.frame().await;
            std::future::pending().await
        };
        let stopped = turned(body(3, Duration::ZERO, true), stop).await;
        assert_eq!(stopped, Err(Fault::AnswerTimeout { seconds: 120 }));
    }

    #[tokio::test(start_paused = true)]
    async fn an_early_answer_does_not_wait_for_the_upload() {
        let answer = turned(body(0, ALMOST, false), async |_| Ok::<_, ()>("too large")).await;
        assert_eq!(answer, Ok("too large"));
    }
}
