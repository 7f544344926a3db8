//! The server as one request sees it: an immutable snapshot, resolved and checked once at start.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, Scheme};
use tokio::sync::watch;
use tokio::time::timeout;
use url::Url;
use zeroize::Zeroizing;

use crate::Secret;
use crate::config::{Config, EdgeCredential, Remote, UserPassword};
use crate::cookies::Jar;
use crate::csrf::Tokens;
use crate::gateway::StartError;
use crate::send::Clients;
use crate::status::Door;

/// Everything the pipeline needs to know about the server.
#[derive(Debug)]
pub(crate) struct Upstream {
    /// The profile's name, for people.
    pub(crate) name: String,
    /// Refuses what writes.
    read_only: bool,
    /// When windows may write all the same.
    windows_write: watch::Sender<Option<Range<SystemTime>>>,
    /// Where the UI is.
    pub(crate) ui: Arc<Base>,
    /// Where the API is.
    pub(crate) api: Arc<Base>,
    /// What is inserted into every request, all marked sensitive: `Authorization` and the profile's headers.
    pub(crate) inserted: HeaderMap,
    /// What the profile holds, for telling who refused.
    pub(crate) holds: Holds,
    /// `user:password` for the first WebSocket frame.
    pub(crate) auth_string: Option<Secret>,
    /// The server's cookies.
    pub(crate) jar: Jar,
    /// Its tokens for programs that bring none.
    pub(crate) csrf: Tokens,
    /// Connections.
    pub(crate) clients: Clients,
}

/// Which credentials the profile holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holds {
    pub(crate) edge: bool,
    pub(crate) prefect: bool,
    /// Two that differ, for the one header.
    pub(crate) conflict: bool,
}

impl Upstream {
    pub(crate) fn new(config: &Config) -> Result<Self, StartError> {
        let remote = &config.remote;
        let ui = Base::of(&remote.url);
        let api = remote.api_url.as_ref().map_or_else(|| ui.join("/api"), Base::of);
        Ok(Self {
            name: config.name.clone(),
            read_only: config.read_only,
            windows_write: watch::Sender::default(),
            ui: Arc::new(ui),
            api: Arc::new(api),
            inserted: inserted(remote)?,
            holds: Holds {
                edge: remote.edge.is_some(),
                // The edge's Basic credential reaches Prefect too, where the edge passes it on.
                prefect: remote.prefect.is_some(),
                conflict: remote
                    .edge
                    .as_ref()
                    .zip(remote.prefect.as_ref())
                    .is_some_and(|(edge, prefect)| !edge.equals(prefect)),
            },
            auth_string: remote.prefect.as_ref().map(auth_string),
            jar: Jar::default(),
            csrf: Tokens::new()?,
            clients: Clients::new(remote)?,
        })
    }

    /// Whether it refuses what writes, to who came in by this door.
    pub(crate) fn is_read_only(&self, door: Door) -> bool {
        // By the clock on the wall, which goes on while the machine sleeps. One that was set back ends it.
        let allowed = || self.windows_write.borrow().as_ref().is_some_and(|time| time.contains(&SystemTime::now()));
        self.read_only && !(door == Door::Window && allowed())
    }

    /// Lets windows write until then, or no more.
    pub(crate) fn let_windows_write(&self, until: Option<SystemTime>) {
        self.windows_write.send_replace(until.map(|until| SystemTime::now()..until));
    }

    /// Returns when it refuses what windows write.
    pub(crate) async fn is_read_only_again(&self) {
        /// A timer stands still while the machine sleeps.
        const GLANCE: Duration = Duration::from_secs(1);

        let mut changes = self.windows_write.subscribe();
        while !self.is_read_only(Door::Window) {
            drop(timeout(GLANCE, changes.changed()).await);
        }
    }
}

/// A place on the server: scheme, host and port, and the path everything lives under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Base {
    pub(crate) scheme: Scheme,
    pub(crate) authority: Authority,
    /// Empty, or `/…` without a slash at the end.
    pub(crate) path: String,
    /// `scheme://authority`, as in `Origin`.
    pub(crate) origin: String,
}

impl Base {
    fn of(url: &Url) -> Self {
        // `Url` has validated host and port; `http::Authority` accepts a subset of what it prints only for
        // exotic hosts, which then cannot be dialled either: `invalid` has no address and says so.
        let authority = url[url::Position::BeforeHost..url::Position::AfterPort]
            .parse()
            .unwrap_or_else(|_| Authority::from_static("host.invalid"));
        let scheme = if url.scheme() == "https" { Scheme::HTTPS } else { Scheme::HTTP };
        Self {
            origin: format!("{scheme}://{authority}"),
            scheme,
            authority,
            path: url.path().trim_end_matches('/').to_owned(),
        }
    }

    /// The port that goes without saying, as some servers say it all the same.
    pub(crate) fn unsaid_port(&self) -> &'static str {
        match (self.authority.port(), self.scheme == Scheme::HTTPS) {
            (Some(_), _) => "",
            (None, true) => ":443",
            (None, false) => ":80",
        }
    }

    fn join(&self, suffix: &str) -> Self {
        Self { path: format!("{}{suffix}", self.path), ..self.clone() }
    }

    /// The part of `path` below this base, starting with `/` or empty; `None` outside.
    pub(crate) fn below<'p>(&self, path: &'p str) -> Option<&'p str> {
        path.strip_prefix(self.path.as_str()).filter(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

fn auth_string(credential: &UserPassword) -> Secret {
    Secret::new(format!("{}:{}", credential.username, credential.password.expose()))
}

/// `Authorization` is the edge's credential where there is one, else Prefect's.
pub(crate) fn inserted(remote: &Remote) -> Result<HeaderMap, StartError> {
    let mut inserted = HeaderMap::new();
    for (name, value) in &remote.headers {
        inserted.insert(name, sensitive(value.expose(), &format!("header-{name}"))?);
    }
    let authorization = match (&remote.edge, &remote.prefect) {
        (Some(EdgeCredential::Bearer(token)), _) => Some((bearer(token), "edge-token")),
        (Some(EdgeCredential::Basic(credential)), _) => Some((basic(credential), "edge-password")),
        (None, Some(credential)) => Some((basic(credential), "prefect-password")),
        (None, None) => None,
    };
    if let Some((value, slot)) = authorization {
        inserted.insert(AUTHORIZATION, sensitive(&value, slot)?);
    }
    Ok(inserted)
}

/// RFC 7617 with the charset every current server takes: UTF-8.
fn basic(credential: &UserPassword) -> Zeroizing<String> {
    Zeroizing::new(format!("Basic {}", BASE64_STANDARD.encode(auth_string(credential).expose())))
}

fn bearer(token: &Secret) -> Zeroizing<String> {
    Zeroizing::new(format!("Bearer {}", token.expose()))
}

fn sensitive(text: &str, slot: &str) -> Result<HeaderValue, StartError> {
    let refused = |reason| StartError::Credential { what: slot.to_owned(), reason };
    if text.bytes().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
        return Err(refused("it has a line break or a NUL in it"));
    }
    let mut value = HeaderValue::from_str(text)
        .or_else(|_| HeaderValue::from_bytes(text.as_bytes()))
        .map_err(|_| refused("it has a control character in it"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Names a profile's headers may not have: they belong to HTTP, to Prefect's clients, or to the gateway.
///
/// Prefect's clients refuse `User-Agent`, `Prefect-Csrf-*` and the WebSocket handshake's as well.
#[must_use]
pub fn header_may_be_set(name: &HeaderName) -> bool {
    const TAKEN: [&str; 20] = [
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "cookie",
        "expect",
        "host",
        "http2-settings",
        "keep-alive",
        "origin",
        "prefect-csrf-client",
        "prefect-csrf-token",
        "proxy-authorization",
        "proxy-connection",
        "referer",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    ];
    let name = name.as_str();
    !TAKEN.contains(&name) && !name.starts_with("sec-") && !name.starts_with("postern-")
}
