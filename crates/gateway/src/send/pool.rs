//! The connections that are kept from one request to the next.
//!
//! 1. One of HTTP/1.1 is lent: it belongs to one request until its answer is through. One of HTTP/2 is shared.
//! 2. What the server may have closed in the meantime is looked at before it is used. A close that crosses a request
//!    loses it: then one that reads and has no body is sent once more, on a new connection; nothing else is, for the
//!    server may have acted on it.
//! 3. An idle one is kept for [`IDLE`].

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use http::request::Parts;
use http::uri::{Authority, Scheme};
use http::{Method, Request, Response, Uri};
use hyper::body::Body as _;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::client::legacy::connect::Connection as _;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::{Instant, sleep_until};

use super::dial::{Connector, Error};
use super::download::Download;
use super::line::{Broken, Line};
use super::turn::Upload;
use crate::body::Body;

/// An idle connection is kept this long: below the 5 s of `prefect server start`, so that we close first. A
/// request that meets the server's close would be lost.
const IDLE: Duration = Duration::from_secs(4);

/// The connections, the longest idle first.
#[derive(Debug)]
pub(super) struct Pool {
    connector: Connector,
    idle: Mutex<Idle>,
}

#[derive(Debug, Default)]
struct Idle {
    kept: VecDeque<Kept>,
    /// A task will look for those that are too old.
    swept: bool,
}

#[derive(Debug)]
struct Kept {
    way: Way,
    since: Instant,
}

/// Where a connection leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin(Option<Scheme>, Option<Authority>);

impl Origin {
    pub(super) fn of(uri: &Uri) -> Self {
        Self(uri.scheme().cloned(), uri.authority().cloned())
    }

    fn is_of(&self, uri: &Uri) -> bool {
        // Nearly always it is the very same, in one place.
        let same = |(ours, theirs): (&Authority, &Authority)| std::ptr::eq(ours.as_str(), theirs.as_str());
        self.0.as_ref() == uri.scheme()
            && (self.1.as_ref().zip(uri.authority()).is_some_and(same) || self.1.as_ref() == uri.authority())
    }
}

#[derive(Debug)]
enum Way {
    Lent(Box<Line>),
    Shared(Origin, SendRequest<Upload<Body>>),
}

impl Way {
    fn origin(&self) -> &Origin {
        match self {
            Self::Lent(line) => line.origin(),
            Self::Shared(origin, _) => origin,
        }
    }

    fn is_alive(&mut self) -> bool {
        match self {
            Self::Lent(line) => line.is_alive(),
            Self::Shared(_, sender) => sender.is_ready(),
        }
    }
}

/// Why there is no answer to a request, and what of it is left to be sent elsewhere: its body, where nothing of it has
/// been sent.
struct Lost {
    error: Error,
    unsent: Option<Upload<Body>>,
}

impl Pool {
    pub(super) fn new(connector: Connector) -> Self {
        Self { connector, idle: Mutex::default() }
    }

    /// Sends a request on whichever connection there is, or a new one.
    pub(super) async fn request(
        self: &Arc<Self>,
        request: &mut Parts,
        mut body: Upload<Body>,
    ) -> Result<Response<Download>, Error> {
        while let Some(way) = self.take(&request.uri) {
            let again = again(request, &body);
            let lost = match self.send(way, request, body).await {
                Ok(answer) => return Ok(answer),
                Err(lost) => lost,
            };
            if let Some(unsent) = lost.unsent {
                body = unsent;
                continue;
            }
            body = again.filter(|_| is_a_close(&lost.error)).ok_or(lost.error)?;
            break;
        }
        let way = Box::pin(self.dial(&request.uri)).await?;
        self.send(way, request, body).await.map_err(|lost| lost.error)
    }

    async fn send(
        self: &Arc<Self>,
        way: Way,
        request: &mut Parts,
        body: Upload<Body>,
    ) -> Result<Response<Download>, Lost> {
        match way {
            Way::Lent(mut line) => match line.exchange(request, body).await {
                Ok(head) => Ok(Response::from_parts(head, Download::new(line, self))),
                Err(error) => Err(Lost { error: error.into(), unsent: None }),
            },
            Way::Shared(_, mut sender) => {
                let sent = sender.try_send_request(Request::from_parts(request.clone(), body)).await;
                sent.map(|answer| answer.map(Download::from)).map_err(|mut lost| Lost {
                    unsent: lost.take_message().map(Request::into_body),
                    error: lost.into_error().into(),
                })
            }
        }
    }

    /// Forgets what is idle, and what is shared: those who use it go on with it.
    pub(super) fn clear(&self) {
        self.idle().kept.clear();
    }

    #[cfg(fuzzing)]
    pub(super) async fn over(
        self: &Arc<Self>,
        stream: impl crate::http1::transport::Io + 'static,
        request: &mut Parts,
        body: Upload<Body>,
    ) -> Result<Response<Download>, Error> {
        let line = Line::new(crate::http1::transport::Transport::Other(Box::new(stream)), &request.uri);
        self.send(Way::Lent(Box::new(line)), request, body).await.map_err(|lost| lost.error)
    }

    async fn dial(self: &Arc<Self>, to: &Uri) -> Result<Way, Error> {
        let stream = self.connector.connect(to).await?;
        if !stream.connected().is_negotiated_h2() {
            return Ok(Way::Lent(Box::new(Line::new(stream, to))));
        }
        // Of several that were dialled at once, one is enough.
        if let Some(way) = self.take(to) {
            return Ok(way);
        }
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .adaptive_window(true)
            .handshake(stream)
            .await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the server ended early");
            }
        });
        self.keep(Way::Shared(Origin::of(to), sender.clone()));
        Ok(Way::Shared(Origin::of(to), sender))
    }

    /// The last that was used: others may then grow old.
    fn take(self: &Arc<Self>, to: &Uri) -> Option<Way> {
        loop {
            let mut way = {
                let mut idle = self.idle();
                let at = idle.kept.iter().rposition(|kept| kept.way.origin().is_of(to))?;
                idle.kept.remove(at).filter(|kept| kept.since.elapsed() < IDLE)?.way
            };
            if way.is_alive() {
                if let Way::Shared(origin, sender) = &way {
                    self.keep(Way::Shared(origin.clone(), sender.clone()));
                }
                return Some(way);
            }
        }
    }

    /// A connection whose answer is through. Where the request is not, the server may still read it: that one is not kept.
    pub(super) fn take_back(self: &Arc<Self>, mut line: Box<Line>) {
        if line.is_idle() {
            line.rest();
            self.keep(Way::Lent(line));
        }
    }

    fn keep(self: &Arc<Self>, way: Way) {
        let mut idle = self.idle();
        idle.kept.push_back(Kept { way, since: Instant::now() });
        if !std::mem::replace(&mut idle.swept, true) {
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes what has been idle for too long, until nothing is left.
async fn sweep(pool: Weak<Pool>) {
    while let Some(pool) = pool.upgrade() {
        let next = {
            let mut idle = pool.idle();
            while idle.kept.pop_front_if(|kept| kept.since.elapsed() >= IDLE).is_some() {}
            idle.swept = !idle.kept.is_empty();
            idle.kept.front().map(|oldest| oldest.since + IDLE)
        };
        drop(pool);
        let Some(next) = next else { return };
        sleep_until(next).await;
    }
}

/// A request's body once more, where sending it twice does no harm.
fn again(request: &Parts, body: &Upload<Body>) -> Option<Upload<Body>> {
    let reads = matches!(request.method, Method::GET | Method::HEAD | Method::OPTIONS);
    (reads && body.is_end_stream()).then(|| body.again())
}

/// Whether an error can come of a close that crossed the request.
fn is_a_close(error: &Error) -> bool {
    match error {
        Error::Line(broken) => matches!(broken, Broken::Closed | Broken::System(_)),
        Error::Exchange(error) => !(error.is_parse() || error.is_user()),
        Error::Dial(_) => false,
    }
}
