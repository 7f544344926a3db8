//! The gateway's own paths, under `/.postern/`: nothing of the server's lives there.
//!
//! | call | who | answer |
//! | --- | --- | --- |
//! | `POST /.postern/pass` | local key | `{"url": "http://<id>.localhost:<port>/.postern/enter?pass=…"}`; optional body `{"to": "/v2/dashboard"}` |
//! | `GET /.postern/enter?pass=…` | a pass | 303 to `to` with the session cookie |
//! | `GET /.postern/status` | key or session | JSON: profile, state, since, server version, latency, fault |

use std::time::UNIX_EPOCH;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, LOCATION, REFERRER_POLICY, SET_COOKIE};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use serde::{Deserialize, Serialize};

use crate::Secret;
use crate::body::Body;
use crate::fault::Fault;
use crate::gateway::Shared;
use crate::guard::Visitor;
use crate::guard::door::{Door, Session, Who, local_path};
use crate::status::Health;

const PREFIX: &str = "/.postern";

/// What the body of `POST /.postern/pass` may be, in bytes.
const PASS_BODY: usize = 8 * 1024;

/// Whether a path is ours. Anything under the prefix is, so that a typing error never reaches the server.
pub(crate) fn is_ours(path: &str) -> bool {
    path.strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Where windows and browsers reach a gateway. A label of its own under `localhost` keeps the session cookie
/// from servers under other names of this machine, if not from one on another port of this name: see
/// `Door::session_cookie`. macOS's web view allows plain http to addresses only.
#[must_use]
pub fn browser_origin(profile: &str, port: u16) -> String {
    if cfg!(target_os = "macos") {
        format!("http://127.0.0.1:{port}")
    } else {
        format!("http://{profile}.localhost:{port}")
    }
}

/// A fresh pass, as an address.
pub(crate) fn enter_url(
    door: &Door,
    browser_origin: &str,
    to: &str,
    session: Session,
) -> Result<Secret, getrandom::Error> {
    let pass = door.issue(to.to_owned(), session)?;
    Ok(Secret::new(format!("{browser_origin}{PREFIX}/enter?pass={}", pass.expose())))
}

pub(crate) async fn answer(
    request: &Parts,
    body: Body,
    visitor: &Visitor<'_>,
    shared: &Shared,
) -> Result<Response<Body>, Fault> {
    let action = request.uri.path().strip_prefix(PREFIX).unwrap_or_default();
    match (action, &request.method) {
        ("/enter", &Method::GET) => enter(request, shared),
        ("/pass", &Method::POST) => {
            if visitor.who != Who::Key {
                return Err(refused(visitor));
            }
            pass(body, shared).await
        }
        ("/status", &Method::GET) => match visitor.who {
            Who::Session(_) | Who::Key | Who::SameUser => Ok(json(&StatusReport::of(shared))),
            Who::Unproven | Who::Nobody(_) => Err(refused(visitor)),
        },
        ("/enter" | "/pass" | "/status", _) => Err(Fault::MethodRefused),
        _ => Err(Fault::NoSuchPath),
    }
}

fn refused(visitor: &Visitor<'_>) -> Fault {
    match visitor.who {
        Who::Nobody(refusal) => refusal.into(),
        Who::Session(_) | Who::Key | Who::SameUser | Who::Unproven => Fault::NotLetIn,
    }
}

fn enter(request: &Parts, shared: &Shared) -> Result<Response<Body>, Fault> {
    let query = request.uri.query().unwrap_or_default();
    let (to, session) = form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "pass")
        .and_then(|(_, pass)| shared.door.spend(pass.as_bytes()))
        .ok_or(Fault::StalePass)?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(LOCATION, HeaderValue::from_str(&to).unwrap_or_else(|_| HeaderValue::from_static("/")));
    headers.insert(SET_COOKIE, shared.door.session_cookie(session));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(response)
}

async fn pass(body: Body, shared: &Shared) -> Result<Response<Body>, Fault> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Ask {
        to: String,
    }

    #[derive(Serialize)]
    struct Given<'a> {
        url: &'a str,
    }

    let body = body.whole(PASS_BODY).await?.ok_or(Fault::Malformed("the body is over 8 KiB"))?;
    let to = if body.is_empty() {
        "/".to_owned()
    } else {
        serde_json::from_slice::<Ask>(&body).map_err(|_| Fault::Malformed("the body is not {\"to\": \"/path\"}"))?.to
    };
    if !local_path(&to) {
        return Err(Fault::Malformed("\"to\" is not a local path"));
    }
    let url = enter_url(&shared.door, &shared.browser_origin, &to, Session::Browser)
        .map_err(|_| Fault::Internal("the operating system gives no random numbers"))?;
    Ok(json(&Given { url: url.expose() }))
}

/// A web app manifest that says only "no app": what a browser gets that asks for one without its session. It
/// tells nobody anything, and a refusal would stand on the console of every page. (So would `{}`, which
/// Chromium calls a syntax error.)
pub(crate) fn manifest() -> Response<Body> {
    let mut response = json(&serde_json::json!({"display": "browser"}));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/manifest+json"));
    response
}

/// What `/.postern/status` says.
#[derive(Serialize)]
struct StatusReport {
    profile: String,
    name: String,
    /// `unknown`, `up` or `failing`.
    state: &'static str,
    /// Seconds since 1970.
    since: u64,
    version: Option<String>,
    latency_ms: Option<u128>,
    fault: Option<FaultReport>,
}

#[derive(Serialize)]
struct FaultReport {
    code: &'static str,
    sentence: String,
    remedy: &'static str,
}

impl StatusReport {
    fn of(shared: &Shared) -> Self {
        let status = shared.status.borrow();
        let (state, fault) = match &status.health {
            Health::Unknown => ("unknown", None),
            Health::Up => ("up", None),
            Health::Failing(fault) => (
                "failing",
                Some(FaultReport { code: fault.code(), sentence: fault.sentence(), remedy: fault.remedy() }),
            ),
        };
        Self {
            profile: shared.profile.clone(),
            name: shared.upstream.name.clone(),
            state,
            since: status.since.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
            version: status.version.clone(),
            latency_ms: status.latency.map(|latency| latency.as_millis()),
            fault,
        }
    }
}

fn json(value: &impl Serialize) -> Response<Body> {
    let mut response = Response::new(Body::from(serde_json::to_vec(value).unwrap_or_default()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
