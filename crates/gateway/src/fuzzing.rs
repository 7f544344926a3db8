//! Where the fuzz targets in `tests/fuzz` enter: the code that requests and answers go through, in plain types. It is
//! compiled for them only.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::header::{COOKIE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use http::{Method, Request, Response, Uri};
use http_body_util::BodyExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::runtime::{Builder, Runtime};

use crate::body::Body;
use crate::config::{Config, Remote};
use crate::cookies::Jar;
use crate::http1::transport::Transport;
use crate::listen::wire::Wire;
use crate::listen::{Steps, conversation};
use crate::tunnel::first_message::{Beginning, Next};
use crate::upstream::Upstream;
use crate::{Fault, Secret, inbound, route, send, settings};

/// One thread, which drives all of a target's run.
#[expect(clippy::expect_used, reason = "a target without one has nothing to say")]
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_time().build().expect("no runtime"));

/// The other side: what it sends comes in these pieces, the first of them once it was asked, then its end. What it is
/// sent is lost.
#[derive(Clone, Default)]
pub(crate) struct Pieces(Arc<Mutex<Coming>>);

#[derive(Default)]
struct Coming {
    pieces: VecDeque<Vec<u8>>,
    asked: bool,
    waiting: Option<Waker>,
}

impl Pieces {
    fn new(pieces: &[&[u8]], asked: bool) -> Self {
        let pieces = pieces.iter().filter(|piece| !piece.is_empty()).map(|piece| piece.to_vec()).collect();
        Self(Arc::new(Mutex::new(Coming { pieces, asked, waiting: None })))
    }

    fn coming(&self) -> std::sync::MutexGuard<'_, Coming> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsyncRead for Pieces {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut coming = self.coming();
        if !coming.asked {
            coming.waiting = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if let Some(mut piece) = coming.pieces.pop_front() {
            let rest = piece.split_off(piece.len().min(out.remaining()));
            out.put_slice(&piece);
            if !rest.is_empty() {
                coming.pieces.push_front(rest);
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pieces {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut coming = self.coming();
        coming.asked = true;
        if let Some(waiting) = coming.waiting.take() {
            waiting.wake();
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A request as the pipeline gets it.
#[derive(Debug, PartialEq, Eq)]
pub struct Received {
    /// Its method.
    pub method: String,
    /// Its headers' values, by name.
    pub headers: Vec<(String, Vec<u8>)>,
    /// `None` where it broke off.
    pub body: Option<Vec<u8>>,
}

/// The requests on a connection, and the code of what is wrong with what came after them.
pub fn received(pieces: &[&[u8]]) -> (Vec<Received>, Option<&'static str>) {
    let wire = Wire::new(Transport::Other(Box::new(Pieces::new(pieces, true))), None);
    let (verdict, steps) = (wire.verdict(), Steps::default());
    let received = Mutex::new(Vec::new());
    RUNTIME.block_on(conversation::hold(wire, &steps, |parts, body, fault| {
        let received = &received;
        async move {
            if fault.is_none() {
                let body = body.collect().await.ok().map(|body| body.to_bytes().to_vec());
                let request = Received { method: parts.method.to_string(), headers: plain(&parts.headers), body };
                received.lock().unwrap_or_else(PoisonError::into_inner).push(request);
            }
            Response::new(Body::empty())
        }
    }));
    (received.into_inner().unwrap_or_else(PoisonError::into_inner), verdict.get().map(Fault::code))
}

/// A server's answer as the pipeline gets it.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers' values, by name.
    pub headers: Vec<(String, Vec<u8>)>,
    /// `None` where it broke off.
    pub body: Option<Vec<u8>>,
}

#[expect(clippy::expect_used, reason = "a target without one has nothing to say")]
static SERVER: LazyLock<Server> = LazyLock::new(|| Server::new("http://server/", None).expect("no server"));

/// What a server's bytes answer to a request.
///
/// # Errors
/// The code of the fault.
pub fn answer(method: &str, pieces: &[&[u8]]) -> Result<Answer, &'static str> {
    let (mut request, ()) = Request::new(()).into_parts();
    request.method = method.parse().unwrap_or(Method::GET);
    request.uri = Uri::from_static("http://server/");
    RUNTIME.block_on(async {
        let answer = send::over(Pieces::new(pieces, false), &mut request, &SERVER.0.clients)
            .await
            .map_err(|fault| fault.code())?;
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.ok().map(|body| body.to_bytes().to_vec());
        Ok(Answer { status: parts.status.as_u16(), headers: plain(&parts.headers), body })
    })
}

/// What a WebSocket's first bytes become.
#[derive(Debug, PartialEq, Eq)]
pub struct First {
    /// The token that the client brought.
    pub token: Option<String>,
    /// What the server is sent, from the first byte on.
    pub sent: Vec<u8>,
    /// What the client would be answered in the server's stead.
    pub pongs: Vec<u8>,
}

/// Replaces the token in the first message.
///
/// # Errors
/// What ends the tunnel.
pub fn first_message(pieces: &[&[u8]], token: Option<&str>) -> io::Result<First> {
    let mut stream = Pieces::new(pieces, true);
    let (mut beginning, mut sent, mut pongs) = (Beginning::default(), Vec::new(), Vec::new());
    RUNTIME.block_on(async {
        let first = loop {
            match beginning.next(&mut stream).await? {
                Next::Message(first) => break first,
                Next::Control(frame) => {
                    sent.extend_from_slice(&frame.raw);
                    pongs.extend(frame.pong()?.unwrap_or_default());
                }
            }
        };
        sent.extend_from_slice(&first.with_token(token.map(Secret::new).as_ref())?);
        stream.read_to_end(&mut sent).await?;
        Ok(First { token: first.token().map(|token| token.expose().to_owned()), sent, pongs })
    })
}

/// Rewrites a body of `/ui-settings` that has these content encodings.
///
/// # Errors
/// The fault's sentence.
pub fn ui_settings(encodings: &[u8], body: &[u8], origin: &str, hold_credential: bool) -> Result<Vec<u8>, String> {
    let mut headers = HeaderMap::new();
    let value = HeaderValue::from_bytes(encodings).map_err(|_| "no header value")?;
    headers.insert(http::header::CONTENT_ENCODING, value);
    settings::codings(&headers)
        .and_then(|codings| settings::settings(Bytes::copy_from_slice(body), &codings, origin, hold_credential))
        .map_err(|fault| fault.sentence())
}

/// One profile's server.
#[derive(Debug)]
pub struct Server(Upstream);

/// Where a local path leads.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    /// In full.
    pub url: String,
    /// What it means below the API's base.
    pub api_path: Option<String>,
    /// Whether it is `/ui-settings`.
    pub is_settings: bool,
}

impl Server {
    /// A server at `url`, with its API elsewhere where `api_url` says so. `None` where no profile may have these.
    #[must_use]
    pub fn new(url: &str, api_url: Option<&str>) -> Option<Self> {
        let mut remote = Remote::at(url.parse().ok()?);
        remote.api_url = api_url.map(str::parse).transpose().ok()?;
        Upstream::new(&Config::of(remote)).ok().map(Self)
    }

    /// Where a request's target leads; `None` where it is refused.
    #[must_use]
    pub fn target(&self, target: &str) -> Option<Target> {
        let target = route::target(&target.parse().ok()?, &self.0).ok()?;
        Some(Target { url: target.uri.to_string(), api_path: target.api_path, is_settings: target.is_settings })
    }

    /// The headers that a visitor at `origin` gets of an answer to `target`; `None` where it is refused.
    #[must_use]
    pub fn inbound(&self, target: &str, headers: &[(&str, &[u8])], origin: &str) -> Option<Vec<(String, Vec<u8>)>> {
        let target = route::target(&target.parse().ok()?, &self.0).ok()?;
        let (mut parts, ()) = Response::new(()).into_parts();
        for (name, value) in headers {
            parts.headers.append(name.parse::<HeaderName>().ok()?, HeaderValue::from_bytes(value).ok()?);
        }
        inbound::rewrite(&mut parts, origin, &target, &self.0);
        Some(plain(&parts.headers))
    }
}

/// A profile's cookies.
#[derive(Debug, Default)]
pub struct Cookies(Jar);

impl Cookies {
    /// Takes in what an answer from `url` sets.
    pub fn keep(&self, url: &str, set_cookie: &[u8]) {
        let (Ok(url), Ok(line)) = (url.parse(), HeaderValue::from_bytes(set_cookie)) else { return };
        let mut headers = HeaderMap::new();
        headers.insert(SET_COOKIE, line);
        self.0.keep(&mut headers, &url);
    }

    /// The `Cookie` line of a request to `url` whose page sent `page`.
    #[must_use]
    pub fn sent(&self, url: &str, page: Option<&[u8]>) -> Option<Vec<u8>> {
        let mut headers = HeaderMap::new();
        if let Some(page) = page {
            headers.insert(COOKIE, HeaderValue::from_bytes(page).ok()?);
        }
        self.0.add(&mut headers, &url.parse().ok()?);
        headers.get(COOKIE).map(|line| line.as_bytes().to_vec())
    }
}

/// Whether a pass may lead there.
#[must_use]
pub fn local_path(to: &str) -> bool {
    crate::guard::door::local_path(to)
}

fn plain(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect()
}
