//! Step 6: the pooled, streaming way to the server.
//!
//! Two clients over one dialler: one for requests (HTTP/2 or 1.1 by ALPN, pooled), one for WebSocket
//! handshakes (HTTP/1.1, never pooled: a used-up connection is the rule). Redirects are never followed here,
//! so no credential can be led astray.

mod dial;
mod line;
mod tls;
mod turn;

use std::time::Duration;

use http::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use self::dial::{Deadline, Dialer};
use self::line::Cut;
use self::turn::Upload;
use crate::body::Body;
use crate::config::Remote;
use crate::fault::Fault;
use crate::gateway::StartError;

/// An idle connection is kept this long: below the 5 s of `prefect server start`, so that we close first. A
/// request that meets the server's close would be lost.
const IDLE: Duration = Duration::from_secs(4);

type Connector = Deadline<HttpsConnector<Dialer>>;

/// The connections to one server.
#[derive(Debug)]
pub(crate) struct Clients {
    requests: Client<Connector, Upload<Body>>,
    sockets: Client<Connector, Upload<Body>>,
}

impl Clients {
    pub(crate) fn new(remote: &Remote) -> Result<Self, StartError> {
        let tls = tls::client_config(remote)?;
        let dialer = Dialer::new(&remote.proxy)?;
        let builder = || HttpsConnectorBuilder::new().with_tls_config(tls.clone()).https_or_http();
        let requests = builder().enable_all_versions().wrap_connector(dialer.clone());
        let sockets = builder().enable_http1().wrap_connector(dialer);
        Ok(Self {
            requests: Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .timer(TokioTimer::new())
                .pool_idle_timeout(IDLE)
                .http2_adaptive_window(true)
                .build(Deadline(requests)),
            sockets: Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(Deadline(sockets)),
        })
    }
}

/// Sends a request and waits for the answer's head; bodies stream on their own.
pub(crate) async fn send(request: Request<Body>, clients: &Clients) -> Result<Response<Incoming>, Fault> {
    let answer = exchange(request, &clients.requests).await?;
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Fault::InvalidAnswer { reason: "it switches protocols without being asked".into() });
    }
    Ok(answer)
}

/// Sends a WebSocket handshake; the answer may be a refusal.
pub(crate) async fn handshake(request: Request<Body>, clients: &Clients) -> Result<Response<Incoming>, Fault> {
    exchange(request, &clients.sockets).await
}

async fn exchange(
    request: Request<Body>,
    client: &Client<Connector, Upload<Body>>,
) -> Result<Response<Incoming>, Fault> {
    let to = request.uri().clone();
    let (parts, body) = request.into_parts();
    let send = async |upload| client.request(Request::from_parts(parts, upload)).await;
    let answer = turn::in_turn(body, send, |error| dial::fault(&error, &to)).await?;
    match ambiguity(answer.headers()) {
        None => Ok(answer),
        Some(reason) => {
            // Where this answer ended is a guess, and so would be where the next one begins.
            if let Some(cut) = answer.extensions().get::<Cut>() {
                cut.now();
            }
            Err(Fault::InvalidAnswer { reason: reason.into() })
        }
    }
}

/// Why it is not certain where an answer ends (RFC 9112, section 6.3). hyper takes one of several ends; a program
/// behind us, or before us, may take another.
fn ambiguity(headers: &HeaderMap) -> Option<&'static str> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (lengths.next(), codings.next()) {
        (Some(_), Some(_)) => Some("it has both a Content-Length and a Transfer-Encoding"),
        (Some(length), None) if lengths.next().is_some() || !length.as_bytes().iter().all(u8::is_ascii_digit) => {
            Some("its Content-Length is not one number")
        }
        (None, Some(coding)) if codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") => {
            Some("its Transfer-Encoding is not chunked")
        }
        _ => None,
    }
}
