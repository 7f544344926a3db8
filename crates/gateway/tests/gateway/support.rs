//! A scripted server, a raw client, and a gateway between them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use postern_gateway::{Config, EdgeCredential, Gateway, LocalPrograms, Remote, Secret, Session, UserPassword};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

pub(crate) const KEY: &str = "local-key-of-prod";
pub(crate) const PASSWORD: &str = "s3cret-canary";

/// Nothing here takes long; whatever does has failed. Longer than the gateway's own limits, for tests whose time is
/// paused.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// A request as the server received it.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Received {
    /// `GET /path HTTP/1.1`
    pub(crate) fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    /// The target in the request line.
    pub(crate) fn target(&self) -> &str {
        self.line().split(' ').nth(1).unwrap_or_default()
    }

    /// All values of a header, in order.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .filter(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect()
    }
}

/// A server that answers what its script says, byte for byte, and remembers what it received.
pub(crate) struct Server {
    pub(crate) port: u16,
    received: Arc<Mutex<Vec<Received>>>,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// Each request gets `script`'s bytes; the connection is kept until the
    /// client ends it, the answer says `Connection: close`, or there is none.
    pub(crate) async fn start(script: impl Fn(&Received) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let received = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::<AtomicUsize>::default();
        let (script, log, count) = (Arc::new(script), Arc::clone(&received), Arc::clone(&connections));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let (script, log) = (Arc::clone(&script), Arc::clone(&log));
                tokio::spawn(async move {
                    while let Some(request) = receive(&mut stream).await {
                        log.lock().unwrap().push(request.clone());
                        match script(&request) {
                            Some(bytes) => {
                                stream.write_all(&bytes).await.unwrap_or_default();
                                if find(&bytes[..bytes.len().min(1024)], b"Connection: close").is_some() {
                                    break;
                                }
                            }
                            None => break,
                        }
                    }
                });
            }
        });
        Self { port, received, connections }
    }

    /// Always the same answer.
    pub(crate) async fn always(answer: &str) -> Self {
        let answer = answer.as_bytes().to_vec();
        Self::start(move |_| Some(answer.clone())).await
    }

    /// How many connections were made to it so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// What it received so far, but for the gateway's own requests for tokens.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.all_received().into_iter().filter(|request| !request.target().contains("/csrf-token?client=")).collect()
    }

    /// What it received so far.
    pub(crate) fn all_received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// The one request it received.
    #[track_caller]
    pub(crate) fn only(&self) -> Received {
        let received = self.received();
        assert_eq!(received.len(), 1, "{received:?}");
        received.into_iter().next().unwrap()
    }
}

async fn receive(stream: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = find(&bytes, b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut body = bytes[end..].to_vec();
    let mut received = Received { head, body: Vec::new() };
    let length = received.all("content-length").first().map(|text| text.parse::<usize>().unwrap());
    let chunked = !received.all("transfer-encoding").is_empty();
    while length.is_some_and(|length| body.len() < length) || (chunked && find(&body, b"0\r\n\r\n").is_none()) {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    received.body = body;
    Some(received)
}

pub(crate) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// `200` with a body.
pub(crate) fn ok(media_type: &str, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// A profile `prod` for a server on `port`, with the same credential for edge and Prefect.
pub(crate) fn config(port: u16) -> Config {
    let credential = UserPassword { username: "admin".into(), password: Secret::new(PASSWORD) };
    let mut remote = Remote::at(format!("http://127.0.0.1:{port}").parse().unwrap());
    remote.edge = Some(EdgeCredential::Basic(credential.clone()));
    remote.prefect = Some(credential);
    Config {
        profile: "prod".into(),
        name: "Production".into(),
        port: 0,
        local_key: Secret::new(KEY),
        local_programs: LocalPrograms::Key,
        read_only: false,
        assets: None,
        remote,
    }
}

pub(crate) async fn gateway(server: &Server) -> Gateway {
    Gateway::start(config(server.port)).await.unwrap()
}

pub(crate) fn basic(user_password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(user_password))
}

/// The header line that lets a program in.
pub(crate) fn key() -> String {
    format!("Authorization: {}\r\n", basic(&format!("postern:{KEY}")))
}

/// Sends raw bytes and reads until the gateway closes.
pub(crate) async fn raw(gateway: &Gateway, bytes: impl AsRef<[u8]>) -> String {
    timeout(SOON, async {
        let mut stream = TcpStream::connect(("127.0.0.1", gateway.port())).await.unwrap();
        stream.write_all(bytes.as_ref()).await.unwrap();
        let mut answer = Vec::new();
        // A reset after the answer is an end too.
        stream.read_to_end(&mut answer).await.unwrap_or_default();
        String::from_utf8_lossy(&answer).into_owned()
    })
    .await
    .expect("the gateway closes the connection")
}

/// One request with our own `Host`, further header lines, and the connection closed after the answer.
pub(crate) async fn ask(gateway: &Gateway, line: &str, headers: &str) -> String {
    let port = gateway.port();
    raw(gateway, format!("{line} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{headers}\r\n")).await
}

/// The status of an answer.
#[track_caller]
pub(crate) fn status(answer: &str) -> u16 {
    answer.get(9..12).and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no status in {answer:?}"))
}

/// All values of a header in an answer.
pub(crate) fn header<'a>(answer: &'a str, name: &str) -> Vec<&'a str> {
    answer
        .split("\r\n\r\n")
        .next()
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.split_once(':'))
        .filter(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
        .collect()
}

pub(crate) fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// Enters by a pass, as a browser does: the `Cookie` line from then on.
pub(crate) async fn enter(gateway: &Gateway) -> String {
    format!("Cookie: {}\r\n", session(gateway, Session::Browser).await)
}

/// The cookie of such a session.
pub(crate) async fn session(gateway: &Gateway, session: Session) -> String {
    let url = gateway.enter_url("/", session).unwrap();
    let path = &url.expose()[gateway.browser_origin().len()..];
    let answer = ask(gateway, &format!("GET {path}"), "").await;
    assert_eq!(status(&answer), 303);
    header(&answer, "set-cookie")[0].split(';').next().unwrap().to_owned()
}
