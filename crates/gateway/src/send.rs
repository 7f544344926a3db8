//! Step 6: the streaming way to the server.
//!
//! Two ways over one dialler: one for requests (HTTP/2 or 1.1 by ALPN, on connections that are kept), one for WebSocket
//! handshakes (HTTP/1.1, each on its own: a used-up connection is the rule). Redirects are never followed here, so no
//! credential can be led astray.

mod alarm;
mod answer;
pub(crate) mod dial;
mod download;
mod line;
mod pool;
pub(crate) mod tls;
mod turn;

use std::sync::Arc;

use http::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use http::request::Parts;
use http::{Request, Response, StatusCode, Uri};
use hyper_rustls::HttpsConnectorBuilder;

use self::alarm::Alarms;
use self::dial::{Connector, Dialer};
pub(crate) use self::download::Download;
use self::pool::Pool;
use self::turn::Upload;
use crate::body::Body;
use crate::config::Remote;
use crate::fault::Fault;
use crate::gateway::StartError;

/// The connections to one server.
#[derive(Debug)]
pub(crate) struct Clients {
    requests: Arc<Pool>,
    sockets: Connector,
    alarms: Alarms,
}

impl Clients {
    pub(crate) fn new(remote: &Remote) -> Result<Self, StartError> {
        let tls = tls::client_config(remote, tls::verifier(remote)?)?;
        let dialer = Dialer::new(&remote.proxy)?;
        let builder = || HttpsConnectorBuilder::new().with_tls_config(tls.clone()).https_or_http();
        let requests = Connector(builder().enable_all_versions().wrap_connector(dialer.clone()));
        let sockets = Connector(builder().enable_http1().wrap_connector(dialer));
        Ok(Self { requests: Arc::new(Pool::new(requests)), sockets, alarms: Alarms::default() })
    }

    /// The next request has a new connection.
    pub(crate) fn renew(&self) {
        self.requests.clear();
    }
}

/// Sends a request and waits for the answer's head, for which the request's headers make room; bodies stream on their
/// own.
pub(crate) async fn send(request: &mut Parts, body: Body, clients: &Clients) -> Result<Response<Download>, Fault> {
    let to = request.uri.clone();
    let answer = exchange(&to, body, clients, async |body| clients.requests.request(request, body).await).await?;
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Fault::InvalidAnswer { reason: "it switches protocols without being asked".into() });
    }
    Ok(answer)
}

/// Sends a WebSocket handshake; the answer may be a refusal.
pub(crate) async fn handshake(request: Parts, clients: &Clients) -> Result<Response<Download>, Fault> {
    let to = request.uri.clone();
    let way =
        async |body| line::upgradable(clients.sockets.connect(&to).await?, Request::from_parts(request, body)).await;
    exchange(&to, Body::empty(), clients, way).await
}

async fn exchange(
    to: &Uri,
    body: Body,
    clients: &Clients,
    way: impl AsyncFnOnce(Upload<Body>) -> Result<Response<Download>, dial::Error>,
) -> Result<Response<Download>, Fault> {
    let answer = turn::in_turn(body, &clients.alarms, way).await?.map_err(|error| dial::fault(&error, to))?;
    // What hyper has read. Dropped, it takes its connection along.
    match answer.body().is_hypers().then(|| ambiguity(answer.headers())).flatten() {
        None => Ok(answer),
        Some(reason) => Err(Fault::InvalidAnswer { reason: reason.into() }),
    }
}

/// A request over a connection that a fuzz target makes.
#[cfg(fuzzing)]
pub(crate) async fn over(
    stream: impl crate::http1::transport::Io + 'static,
    request: &mut Parts,
    clients: &Clients,
) -> Result<Response<Download>, Fault> {
    let to = request.uri.clone();
    exchange(&to, Body::empty(), clients, async |body| clients.requests.over(stream, request, body).await).await
}

/// Why it is not certain where an answer ends (RFC 9112, section 6.3). hyper takes one of several ends; a program
/// behind us, or before us, may take another. Of those that we read, see `answer.rs`.
fn ambiguity(headers: &HeaderMap) -> Option<&'static str> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (lengths.next(), codings.next()) {
        (Some(_), Some(_)) => Some("it has both a Content-Length and a Transfer-Encoding"),
        (Some(length), None)
            if lengths.next().is_some() || length.is_empty() || !length.as_bytes().iter().all(u8::is_ascii_digit) =>
        {
            Some("its Content-Length is not one number")
        }
        (None, Some(coding)) if codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") => {
            Some("its Transfer-Encoding is not chunked")
        }
        _ => None,
    }
}
