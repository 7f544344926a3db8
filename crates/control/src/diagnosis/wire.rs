//! The thin part: asking. One question, one connection of its own, no redirect followed.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, EXPECT, HOST, HeaderMap, HeaderValue, SEC_WEBSOCKET_PROTOCOL, USER_AGENT,
};
use http::{HeaderName, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use postern_gateway::probe::{self, Way};
use postern_gateway::{EdgeCredential, Fault, Remote, Secret, StartError, UserPassword};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tungstenite::client::IntoClientRequest as _;
use tungstenite::error::{ProtocolError, SubProtocolError};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Error as SocketError, Message};
use url::Url;

use super::recorded::Answer;
use super::tls::Seen;
use super::uri;

const AGENT: HeaderValue = HeaderValue::from_static(concat!("postern-doctor/", env!("CARGO_PKG_VERSION")));
/// Of an answer. Login pages are larger, and what tells them apart stands at their beginning.
const LONGEST: usize = 256 * 1024;

/// For what a server may well leave unsaid.
const BRIEF: Duration = Duration::from_secs(2);

/// The way to one server, and what must not come back from it.
pub(super) struct Wire {
    pub(super) way: Way,
    /// What TLS showed.
    pub(super) seen: Arc<Seen>,
    own: Vec<url::Origin>,
    secrets: Vec<Secret>,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

/// A question.
pub(super) struct Ask {
    request: Request<()>,
    body: Bytes,
    with_credential: bool,
}

impl Ask {
    pub(super) fn get(url: &Url) -> Self {
        Self::new(Method::GET, url, "application/json")
    }

    /// As a browser does that is led there.
    pub(super) fn page(url: &Url) -> Self {
        Self::new(Method::GET, url, "text/html").anonymous()
    }

    pub(super) fn post(url: &Url, body: impl Into<Bytes>) -> Self {
        let ask = Self { body: body.into(), ..Self::new(Method::POST, url, "application/json") };
        ask.header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
    }

    fn new(method: Method, url: &Url, accept: &'static str) -> Self {
        let mut request = Request::new(());
        *request.method_mut() = method;
        *request.uri_mut() = uri(url);
        let ask = Self { request, body: Bytes::new(), with_credential: true };
        ask.header(ACCEPT, HeaderValue::from_static(accept))
    }

    /// Without the profile's credential and headers.
    pub(super) fn anonymous(mut self) -> Self {
        self.with_credential = false;
        self
    }

    pub(super) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.request.headers_mut().insert(name, value);
        self
    }
}

/// How a WebSocket that shows the auth string fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Socket {
    /// Prefect takes the auth message, and the socket stays open for as long as it is left idle.
    Open,
    /// The same, and somebody on the way ends it after that long.
    Cut(Duration),
    /// Not upgraded, with this answer.
    Refused {
        /// Its status.
        status: u16,
        /// Whether Prefect's own server said it.
        prefects: bool,
    },
    /// Upgraded, and `prefect` is not agreed upon.
    NoSubprotocol,
    /// Closed after the auth message, because of it.
    MessageRefused,
    /// Upgraded, and nothing came.
    Silent,
    /// It broke.
    Broken(Fault),
}

impl Wire {
    pub(super) fn new(remote: &Remote) -> Result<Self, StartError> {
        let seen = Arc::new(Seen::default());
        let way = Way::new(remote, |config, verifier| Seen::watch(&seen, config, verifier))?;
        let own = std::iter::once(&remote.url).chain(&remote.api_url).map(Url::origin).collect();
        Ok(Self { way, seen, own, secrets: secrets(remote) })
    }

    /// Asks, and waits for the answer and the beginning of its body.
    pub(super) async fn ask(&self, ask: Ask, patience: Duration) -> Result<Answer, Fault> {
        let url = Url::parse(&ask.request.uri().to_string()).map_err(|_| Fault::Internal("an address is none"))?;
        let asked = Instant::now();
        let outcome = timeout(patience, async {
            let mut request = self.prepared(ask.request, ask.with_credential, &url);
            request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            let to = request.uri().clone();
            let (response, _connection) = self.exchange(request.map(|()| Full::new(ask.body)), &to).await?;
            let took = asked.elapsed();
            let (parts, mut incoming) = response.into_parts();
            let at = SystemTime::now();
            let mut body = Vec::new();
            // What broke off is judged by what came.
            while let Some(Ok(frame)) = incoming.frame().await {
                body.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
                if body.len() >= LONGEST {
                    body.truncate(LONGEST);
                    break;
                }
            }
            let mut headers = parts.headers;
            self.scrub(&mut headers, &mut body);
            Ok(Answer { url, status: parts.status, headers, body, took, at })
        });
        outcome.await.unwrap_or_else(|_| Err(slow(patience)))
    }

    /// Whether a body of that many bytes would be let through: said by its head alone, and never sent.
    ///
    /// `None` where nothing is said in time, which is what happens where it is waited for.
    pub(super) async fn announce(&self, url: &Url, length: u64, patience: Duration) -> Option<StatusCode> {
        let ask = Ask::post(url, "").header(EXPECT, HeaderValue::from_static("100-continue"));
        let mut request = self.prepared(ask.request, true, url).map(|()| Never(length));
        let (go_on, mut wanted) = tokio::sync::watch::channel(false);
        hyper::ext::on_informational(&mut request, move |_| {
            go_on.send_replace(true);
        });
        let to = request.uri().clone();
        tokio::select! {
            answer = self.exchange(request, &to) => answer.ok().map(|(answer, _)| answer.status()),
            Ok(_) = wanted.wait_for(|wanted| *wanted) => None,
            () = tokio::time::sleep(patience.min(BRIEF)) => None,
        }
    }

    /// What is said to something that is no request: a header line without a name.
    pub(super) async fn nonsense(&self, url: &Url, patience: Duration) -> Option<String> {
        const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: postern\r\n: none\r\nConnection: close\r\n\r\n";
        let asked = timeout(patience.min(BRIEF), async {
            let mut stream = TokioIo::new(self.way.connect(&uri(url)).await.ok()?);
            stream.write_all(REQUEST).await.ok()?;
            let mut said = Vec::new();
            // Whoever closes without a word, or with one, has said enough.
            drop(stream.take(4096).read_to_end(&mut said).await);
            Some(String::from_utf8_lossy(&said).into_owned())
        });
        asked.await.ok().flatten()
    }

    /// Opens a socket and shows Prefect's auth string in its first message, as Prefect's clients do; then
    /// leaves it `idle`.
    pub(super) async fn socket(
        &self,
        url: &Url,
        auth_string: Option<&Secret>,
        patience: Duration,
        idle: Duration,
    ) -> Socket {
        let opened = timeout(patience + idle, self.open_socket(url, auth_string, idle));
        opened.await.unwrap_or(Ok(Socket::Silent)).unwrap_or_else(Socket::Broken)
    }

    async fn open_socket(&self, url: &Url, auth_string: Option<&Secret>, idle: Duration) -> Result<Socket, Fault> {
        use futures_util::{SinkExt as _, StreamExt as _};

        let to = uri(url);
        let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
        let address = url.as_str().replacen(url.scheme(), scheme, 1);
        let request = address.into_client_request().map_err(|_| Fault::Internal("a socket's address is none"))?;
        let mut request = self.prepared(request, true, url);
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("prefect"));
        let stream = TokioIo::new(self.way.connect(&to).await?);
        let mut socket = match tokio_tungstenite::client_async(request, stream).await {
            Ok((socket, _)) => socket,
            Err(SocketError::Http(answer)) => {
                let (status, body) = (answer.status().as_u16(), answer.body().as_deref().unwrap_or_default());
                // Prefect's server closes before accepting with an empty 403, and knows the path only as a socket's.
                let prefects = body.is_empty() || serde_json::from_slice::<serde_json::Value>(body).is_ok();
                return Ok(Socket::Refused { status, prefects });
            }
            Err(SocketError::Protocol(ProtocolError::SecWebSocketSubProtocolError(
                SubProtocolError::NoSubProtocol,
            ))) => return Ok(Socket::NoSubprotocol),
            Err(SocketError::Protocol(error)) => return Err(Fault::InvalidAnswer { reason: error.to_string() }),
            Err(_) => return Err(Fault::ConnectionLost),
        };
        let token = auth_string.map_or("", Secret::expose);
        let auth = serde_json::json!({"type": "auth", "token": token}).to_string();
        if socket.send(Message::text(auth)).await.is_err() {
            return Err(Fault::ConnectionLost);
        }
        loop {
            match socket.next().await {
                Some(Ok(Message::Text(text))) if text.contains("auth_success") => break,
                Some(Ok(Message::Close(Some(frame)))) if frame.code == CloseCode::Policy => {
                    return Ok(Socket::MessageRefused);
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Fault::ConnectionLost),
                Some(Ok(_)) => {}
            }
        }
        let begun = Instant::now();
        // What Prefect says meanwhile is no end.
        let said = async { while let Some(Ok(Message::Text(_) | Message::Ping(_))) = socket.next().await {} };
        if timeout(idle, said).await.is_ok() {
            return Ok(Socket::Cut(begun.elapsed()));
        }
        drop(socket.close(None).await);
        Ok(Socket::Open)
    }

    /// With what every request of ours has, and, to the profile's own origins alone, the profile's credential.
    fn prepared<B>(&self, mut request: Request<B>, with_credential: bool, url: &Url) -> Request<B> {
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, AGENT);
        let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
        if let Ok(host) = HeaderValue::from_str(authority) {
            headers.insert(HOST, host);
        }
        if with_credential && self.own.contains(&url.origin()) {
            for (name, value) in self.way.inserted() {
                headers.insert(name, value.clone());
            }
        }
        request
    }

    /// The connection ends with the second part.
    async fn exchange<B>(
        &self,
        mut request: Request<B>,
        to: &Uri,
    ) -> Result<(Response<Incoming>, JoinSet<hyper::Result<()>>), Fault>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if let Some(target) = to.path_and_query().and_then(|target| target.as_str().parse().ok()) {
            *request.uri_mut() = target;
        }
        let fault = |error| probe::fault(error, to);
        let stream = self.way.connect(to).await?;
        let (mut sender, connection) = http1::handshake(stream).await.map_err(fault)?;
        let mut task = JoinSet::new();
        task.spawn(connection);
        Ok((sender.send_request(request).await.map_err(fault)?, task))
    }

    /// Whatever is shown of an answer holds no secret, though the server may send them back.
    fn scrub(&self, headers: &mut HeaderMap, body: &mut Vec<u8>) {
        for secret in self.secrets.iter().map(|secret| secret.expose().as_bytes()) {
            for value in headers.values_mut() {
                if let Some(clean) = without(value.as_bytes(), secret) {
                    *value = HeaderValue::from_bytes(&clean).unwrap_or(HeaderValue::from_static("****"));
                }
            }
            if let Some(clean) = without(body, secret) {
                *body = clean;
            }
        }
    }
}

pub(super) fn slow(patience: Duration) -> Fault {
    Fault::AnswerTimeout { seconds: patience.as_secs().max(1) }
}

/// In the dresses they are sent in.
fn secrets(remote: &Remote) -> Vec<Secret> {
    let pair = |pair: &UserPassword| {
        let text = zeroize::Zeroizing::new(format!("{}:{}", pair.username, pair.password.expose()));
        [pair.password.clone(), Secret::new(BASE64_STANDARD.encode(text.as_bytes()))]
    };
    let edge = remote.edge.iter().flat_map(|edge| match edge {
        EdgeCredential::Basic(credential) => pair(credential).to_vec(),
        EdgeCredential::Bearer(token) => vec![token.clone()],
    });
    let prefect = remote.prefect.iter().flat_map(pair);
    let headers = remote.headers.iter().map(|(_, secret)| secret.clone());
    edge.chain(prefect).chain(headers).filter(|secret| !secret.is_empty()).collect()
}

/// `text` with every `secret` in it made unreadable, if there is one.
fn without(text: &[u8], secret: &[u8]) -> Option<Vec<u8>> {
    let mut clean = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.windows(secret.len()).position(|window| window == secret) {
        clean.extend_from_slice(&rest[..at]);
        clean.extend_from_slice(b"****");
        rest = &rest[at + secret.len()..];
    }
    (rest.len() < text.len()).then(|| [&clean, rest].concat())
}

/// A body that is announced and never comes.
struct Never(u64);

impl Body for Never {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Pending
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_sends_back_is_made_unreadable() {
        for (text, expected) in [
            ("x canary y canary", Some("x **** y ****")),
            ("canarycanary", Some("********")),
            ("canar y", None),
            ("", None),
        ] {
            let clean = without(text.as_bytes(), b"canary").map(|clean| String::from_utf8(clean).unwrap());
            assert_eq!(clean.as_deref(), expected);
        }
    }
}
