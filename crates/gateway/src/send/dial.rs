//! Opening connections, straight or through a proxy, and telling which layer refused when that fails.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::line::Broken;
use super::tls;
use crate::config::Proxy;
use crate::fault::Fault;
use crate::gateway::StartError;

/// TCP must be open by then.
const CONNECT: Duration = Duration::from_secs(10);
/// And proxy and TLS done by then.
const READY: Duration = Duration::from_secs(20);

type BoxError = Box<dyn StdError + Send + Sync>;
type Boxed<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// What the layers below do not say clearly enough themselves.
#[derive(Debug, thiserror::Error)]
enum DialError {
    #[error("no address for {0}")]
    Name(String),
    #[error("{0}")]
    Proxy(String),
    #[error("not ready in time")]
    Deadline,
}

/// Opens TCP connections as the profile says.
#[derive(Clone, Debug)]
pub(crate) struct Dialer {
    http: HttpConnector<Resolver>,
    proxies: Option<Arc<Matcher>>,
}

impl Dialer {
    pub(crate) fn new(proxy: &Proxy) -> Result<Self, StartError> {
        let mut http = HttpConnector::new_with_resolver(Resolver(GaiResolver::new()));
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT));
        http.set_keepalive(Some(Duration::from_secs(60)));
        let proxies = match proxy {
            Proxy::None => None,
            Proxy::System => Some(Matcher::from_system()),
            Proxy::Via(uri) => {
                if !matches!(uri.scheme_str(), Some("http" | "socks5" | "socks5h")) {
                    return Err(StartError::Proxy { reason: "its address must start with http:// or socks5://" });
                }
                Some(Matcher::builder().all(uri.to_string()).build())
            }
        };
        Ok(Self { http, proxies: proxies.map(Arc::new) })
    }

    /// The proxy on the way there, if one is.
    pub(crate) fn proxy(&self, to: &Uri) -> Option<Intercept> {
        self.proxies.as_ref().filter(|_| !is_loopback(to)).and_then(|proxies| proxies.intercept(to))
    }
}

impl Service<Uri> for Dialer {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Boxed<Self::Response, BoxError>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let proxy = self.proxy(&to);
        let mut http = self.http.clone();
        Box::pin(async move {
            match proxy {
                None => http.call(to).await.map_err(Into::into),
                Some(proxy) => through(&proxy, http, to).await.map_err(|error| DialError::Proxy(error).into()),
            }
        })
    }
}

/// Proxy variables are not meant for this machine's own servers, though many forget to say so.
fn is_loopback(to: &Uri) -> bool {
    to.host().is_some_and(|host| {
        host.eq_ignore_ascii_case("localhost")
            || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    })
}

async fn through(proxy: &Intercept, http: HttpConnector<Resolver>, to: Uri) -> Result<TokioIo<TcpStream>, String> {
    let at = proxy.uri().clone();
    let shown = at.authority().map_or("?", |authority| authority.host()).to_owned();
    let explain = |error: &dyn StdError| format!("{shown}: {}", proxy_words(innermost(error)));
    match at.scheme_str() {
        // Only what we can speak: a proxy's credential sent in another scheme's stead would go out in clear text.
        Some(scheme @ ("socks5" | "socks5h")) => {
            let local_dns = scheme == "socks5";
            let mut socks = SocksV5::new(at, http).local_dns(local_dns);
            if let Some((user, password)) = proxy.raw_auth() {
                socks = socks.with_auth(user.to_owned(), password.to_owned());
            }
            socks.call(to).await.map_err(|error| explain(&error))
        }
        None | Some("http") => {
            let mut tunnel = Tunnel::new(at, http);
            if let Some(authorization) = proxy.basic_auth() {
                tunnel = tunnel.with_auth(authorization.clone());
            }
            tunnel.call(to).await.map_err(|error| explain(&error))
        }
        Some(scheme) => Err(format!("{shown}: proxies that speak {scheme} are not supported, only http and socks5")),
    }
}

/// hyper-util keeps these errors to itself, and what they say helps nobody. One that is new is told in its words.
fn proxy_words(said: String) -> String {
    const REFUSED: &str = "it refuses the user name and password, or asks for them and there are none";
    match said.as_str() {
        "tunnel error: proxy authorization required"
        | "SOCKS error: credentials not accepted"
        | "SOCKS error: server does not support user/pass authentication"
        | "SOCKS error: server implements authentication incorrectly" => REFUSED.into(),
        // Some refuse a credential so.
        "tunnel error: unsuccessful" => {
            "it does not connect to the server: it cannot, or may not, or refuses the user name and password".into()
        }
        _ => said,
    }
}

/// The system's resolver, with the name kept for the message.
#[derive(Clone, Debug)]
pub(crate) struct Resolver(GaiResolver);

impl Service<Name> for Resolver {
    type Response = <GaiResolver as Service<Name>>::Response;
    type Error = BoxError;
    type Future = Boxed<Self::Response, BoxError>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let host = name.as_str().to_owned();
        let lookup = self.0.call(name);
        Box::pin(async move { lookup.await.map_err(|_| DialError::Name(host).into()) })
    }
}

/// A connection, with or without TLS.
pub(crate) type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// There was no connection.
    #[error("{0}")]
    Dial(#[source] BoxError),
    /// It was of no use, by HTTP/1.1.
    #[error("{0}")]
    Line(#[from] Broken),
    /// Or by HTTP/2, or for a socket.
    #[error("{0}")]
    Exchange(#[from] hyper::Error),
}

/// Opens connections that can carry a request.
#[derive(Clone)]
pub(crate) struct Connector(pub(crate) HttpsConnector<Dialer>);

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

impl Connector {
    pub(crate) async fn connect(&self, to: &Uri) -> Result<Stream, Error> {
        let ready = tokio::time::timeout(READY, self.0.clone().call(to.clone())).await;
        ready.unwrap_or_else(|_| Err(DialError::Deadline.into())).map_err(Error::Dial)
    }
}

/// Which layer refused.
pub(crate) fn fault(error: &Error, to: &Uri) -> Fault {
    const ENDED_EARLY: Fault = Fault::Malformed("its body ended early");

    let authority = to.authority().map(ToString::to_string).unwrap_or_default();
    if let Some(dial) = find::<DialError>(error) {
        return match dial {
            DialError::Name(host) => Fault::NameNotFound { host: host.clone() },
            DialError::Proxy(reason) => Fault::ProxyFailed { reason: reason.clone() },
            DialError::Deadline => Fault::ConnectTimeout { authority },
        };
    }
    if let Some(error) = find::<rustls::Error>(error) {
        return tls::fault(error, to.host().unwrap_or_default());
    }
    let system = find::<io::Error>(error);
    if matches!(error, Error::Dial(_)) {
        return match system {
            Some(error) if error.kind() == io::ErrorKind::TimedOut => Fault::ConnectTimeout { authority },
            Some(error) => Fault::Unreachable { authority, reason: words(error) },
            None => Fault::Unreachable { authority, reason: innermost(error) },
        };
    }
    match find::<Broken>(error) {
        Some(Broken::Upload) => return ENDED_EARLY,
        Some(Broken::Answer(reason)) => return Fault::InvalidAnswer { reason: reason.clone() },
        Some(Broken::Closed | Broken::System(_)) | None => {}
    }
    match find::<hyper::Error>(error) {
        Some(error) if error.is_user() => ENDED_EARLY,
        Some(error) if error.is_parse() => Fault::InvalidAnswer { reason: innermost(error) },
        _ => Fault::ConnectionLost,
    }
}

/// What people know these by; the rest in the system's words.
fn words(error: &io::Error) -> String {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is said in the system's words")]
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "it refuses connections".into(),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "there is no way to it".into(),
        io::ErrorKind::ConnectionReset => "it closes connections at once".into(),
        _ => error.to_string(),
    }
}

fn innermost(error: &dyn StdError) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// Looks through a chain of errors, into boxed ones inside [`io::Error`] too, which `source` skips.
fn find<'e, T: StdError + 'static>(error: &'e (dyn StdError + 'static)) -> Option<&'e T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        if let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref)
            && let Some(found) = find::<T>(inner)
        {
            return Some(found);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[test]
    fn proxies_are_not_for_this_machine() {
        for (uri, expected) in [
            ("http://127.0.0.1:4200", true),
            ("http://[::1]:4200", true),
            ("http://LocalHost", true),
            ("http://127.0.0.1.nip.io", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(&Uri::from_static(uri)), expected, "{uri}");
        }
    }

    /// A proxy that only listens: what it was sent until the other side closed.
    async fn told(scheme: &str) -> (Result<(), String>, String) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("{scheme}user:canary@{}", listener.local_addr().unwrap());
        let proxy = Matcher::builder().all(address).build();
        let to = Uri::from_static("https://prefect.example.com");
        let proxy = proxy.intercept(&to).unwrap();
        let dialer = Dialer::new(&Proxy::None).unwrap();
        let mut received = [0; 1024];
        let answer = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let n = stream.read(&mut received).await.unwrap();
            String::from_utf8_lossy(&received[..n]).into_owned()
        };
        tokio::select! {
            biased;
            through = through(&proxy, dialer.http, to) => (through.map(drop), String::new()),
            received = answer => (Ok(()), received),
        }
    }

    #[tokio::test]
    async fn a_proxy_gets_its_credential_only_in_the_scheme_it_speaks() {
        for scheme in ["https://", "socks4://", "socks4a://"] {
            let (through, received) = told(scheme).await;
            let refused = through.unwrap_err();
            assert!(refused.contains("are not supported") && !refused.contains("canary"), "{refused}");
            assert!(refused.contains(scheme.trim_end_matches("://")), "{refused}");
            assert_eq!(received, "");
        }
        for scheme in ["http://", ""] {
            let (through, received) = told(scheme).await;
            assert_eq!(through, Ok(()));
            assert!(received.starts_with("CONNECT prefect.example.com:443 HTTP/1.1\r\n"), "{received}");
        }
        let (_, received) = told("socks5h://").await;
        assert!(received.starts_with('\u{5}'), "{received:?}");
    }
}
