//! A connection to the server that speaks HTTP/1.1. No task drives it, but whoever waits for something from it: so a
//! request and its answer go from socket to socket on one thread, in one go.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use http::header::{HOST, HeaderValue};
use http::uri::Authority;
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper::rt::{Read, Write};
use tokio::task::coop::unconstrained;

use super::dial::{Error, Stream};
use super::download::Download;
use super::pool::Origin;
use super::turn::Upload;
use crate::body::Body;

/// The connection.
pub(super) struct Line {
    origin: Origin,
    host: HeaderValue,
    sender: SendRequest<Upload<Body>>,
    /// `None` at its end.
    connection: Option<Connection<Stream, Upload<Body>>>,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Line")
    }
}

impl Line {
    pub(super) async fn new(stream: Stream, to: &Uri) -> Result<Self, hyper::Error> {
        let (sender, connection) = http1::handshake(stream).await?;
        Ok(Self { origin: Origin::of(to), host: host(to), sender, connection: Some(connection) })
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Moves what can be moved, in both directions.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        if let Some(connection) = &mut self.connection
            && Pin::new(connection).poll(cx).is_ready()
        {
            // Whatever the end is, who waits for an answer or for its body is told by them.
            self.connection = None;
        }
    }

    /// Whether all of the last request and its answer is through.
    pub(super) fn is_idle(&self) -> bool {
        self.connection.is_some() && self.sender.is_ready()
    }

    pub(super) fn is_over(&self) -> bool {
        self.connection.is_none()
    }

    /// Whether an idle one can still be used: looks for the server's close.
    pub(super) fn is_alive(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop()));
        self.is_idle()
    }

    /// Waits until it is idle; or over.
    pub(super) async fn settle(&mut self) {
        poll_fn(|cx| {
            self.drive(cx);
            if self.is_over() { Poll::Ready(()) } else { self.sender.poll_ready(cx).map(drop) }
        })
        .await;
    }

    /// Sends a request and waits for the answer's head; then its body comes as long as somebody drives.
    ///
    /// # Errors
    /// With the request, where nothing of it has been sent.
    pub(super) async fn exchange(
        &mut self,
        mut request: Request<Upload<Body>>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Upload<Body>>>> {
        address(&mut request, self.host.clone());
        // It comes out of the connection, which has our waker: a second one would only wake us once more.
        let mut answer = pin!(unconstrained(self.sender.try_send_request(request)));
        poll_fn(|cx| {
            self.drive(cx);
            answer.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        })
        .await
    }
}

/// Sends a handshake on a connection of its own, which becomes the answer's where the server upgrades it.
pub(super) async fn upgradable(
    stream: impl Read + Write + Send + Unpin + 'static,
    mut request: Request<Upload<Body>>,
) -> Result<Response<Download>, Error> {
    let (mut sender, connection) = http1::handshake(stream).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "a connection for a socket ended early");
        }
    });
    let host = host(request.uri());
    address(&mut request, host);
    Ok(sender.send_request(request).await?.map(Download::from))
}

/// HTTP/1.1 names the server in `Host`, and only the path in the request's line.
fn address(request: &mut Request<Upload<Body>>, host: HeaderValue) {
    request.headers_mut().insert(HOST, host);
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = path.map_or_else(|| Uri::from_static("/"), Uri::from);
}

fn host(to: &Uri) -> HeaderValue {
    let authority = to.authority().map_or("", Authority::as_str);
    HeaderValue::from_str(authority).unwrap_or_else(|_| HeaderValue::from_static(""))
}
