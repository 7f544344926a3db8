//! What an answer says about the server: kept in the status, and turned into a fault where the answer itself
//! would mislead.
//!
//! 1. A server's own errors pass through untouched. Not its own are: an edge's challenge and an edge's HTML error
//!    page where JSON was due (Prefect's UI calls `.json()` on errors and breaks), and an identity provider's
//!    redirect or login page in place of the API. Nor is a redirect from http to the same place by https: a browser
//!    would leave us by it, and a program arrive there without its credential.
//! 2. One path may have a fault of its own: a rule of the edge's, a query that takes too long. Such faults go for the
//!    server as a whole only where the plainest of questions, its version, has them too.
//! 3. To that question nothing but success is good.
//! 4. A 401 of the API without a challenge may be Prefect's or an edge's (oauth2-proxy's to programs): its body tells,
//!    and is read before it is passed on ([`words`]).

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, LOCATION, WWW_AUTHENTICATE};
use http::response::Parts;
use http::uri::Uri;
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::time::timeout;
use url::Url;

use crate::body::{Body, VersionReader};
use crate::fault::Fault;
use crate::gateway::Shared;
use crate::inbound::is_html;
use crate::route::Target;
use crate::send::Download;
use crate::status::Health;
use crate::upstream::Holds;

/// Where Prefect tells its version, below the API's base, to whoever it lets in.
pub(crate) const VERSION: &str = "/admin/version";

/// What was asked, as far as it matters to what the answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// The server's version.
    Version,
    /// Anything else.
    Other,
}

impl Question {
    pub(crate) fn of(method: &Method, target: &Target) -> Self {
        if method == Method::GET && target.api_path.as_deref() == Some(VERSION) { Self::Version } else { Self::Other }
    }
}

/// Whom a fault goes for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// The server, whatever it is asked.
    Server,
    /// Perhaps only what was asked for.
    Path,
}

/// The most of a refusal that is read: Prefect's is 36 bytes long.
const WORDS: usize = 4096;
/// And how long is waited for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether only the body tells whose an answer is.
pub(crate) fn is_unclear(answer: &Result<Response<Download>, Fault>, method: &Method, target: &Target) -> bool {
    answer.as_ref().is_ok_and(|answer| {
        let (status, headers) = (answer.status(), answer.headers());
        status == StatusCode::UNAUTHORIZED
            && target.api_path.is_some()
            && method != Method::HEAD
            && ![WWW_AUTHENTICATE, CONTENT_ENCODING].iter().any(|name| headers.contains_key(name))
            && !is_html(headers)
    })
}

/// Reads the body of such an answer. What is not Prefect's becomes the edge's fault.
pub(crate) async fn words(answer: &mut Result<Response<Download>, Fault>, shared: &Shared) -> Option<Bytes> {
    let body = Limited::new(answer.as_mut().ok()?.body_mut(), WORDS).collect();
    let fault = match timeout(PATIENCE, body).await {
        Ok(Ok(body)) => {
            let words = body.to_bytes();
            let said = serde_json::from_slice::<serde_json::Map<_, serde_json::Value>>(&words);
            match said {
                Ok(said) if said.contains_key("exception_message") => return Some(words),
                // oauth2-proxy, to who is no browser: it has no more to say.
                Ok(said) if said.is_empty() => Fault::SignInRequired { provider: "a login page".into() },
                Ok(_) | Err(_) => edge_refuses(shared),
            }
        }
        Ok(Err(error)) if error.is::<LengthLimitError>() => edge_refuses(shared),
        Ok(Err(_)) => Fault::ConnectionLost,
        Err(_) => Fault::AnswerTimeout { seconds: PATIENCE.as_secs() },
    };
    *answer = Err(fault);
    None
}

/// Judges what came back, notes it, and passes the answer on or turns it into a fault.
pub(crate) fn judge(
    answer: Result<Response<Download>, Fault>,
    question: Question,
    target: &Target,
    took: Duration,
    shared: &Shared,
) -> Result<Response<Download>, Fault> {
    let judged =
        answer.map_err(|fault| (reach(&fault), fault)).and_then(|answer| match fault_in(&answer, target, shared) {
            Some(fault) => Err(fault),
            None => Ok(answer),
        });
    let health = match &judged {
        Err((_, fault)) if !fault.is_about_server() => None,
        Err((Reach::Path, _)) if question == Question::Other => None,
        Err((_, fault)) => Some(Health::Failing(fault.clone())),
        Ok(answer) => health(answer, question, target, shared),
    };
    if let Some(health) = health {
        note(shared, health, judged.is_ok().then_some(took));
    }
    judged.map_err(|(_, fault)| fault)
}

/// What a fault on the way says.
fn reach(fault: &Fault) -> Reach {
    if matches!(fault, Fault::AnswerTimeout { .. }) { Reach::Path } else { Reach::Server }
}

/// What a server's own answer says about it, if anything.
fn health(answer: &Response<Download>, question: Question, target: &Target, shared: &Shared) -> Option<Health> {
    let (status, api_path) = (answer.status(), target.api_path.as_deref()?);
    if status == StatusCode::UNAUTHORIZED {
        return Some(Health::Failing(prefect_refuses(shared)));
    }
    match question {
        Question::Version if status == StatusCode::NOT_MODIFIED => None,
        Question::Version => Some(no_version(answer, target).map_or(Health::Up, Health::Failing)),
        Question::Other => (status.is_success() && needs_authentication(api_path)).then_some(Health::Up),
    }
}

/// Why an answer to [`Question::Version`] is none.
fn no_version(answer: &Response<Download>, target: &Target) -> Option<Fault> {
    use StatusCode as S;
    let status = answer.status();
    let json = answer
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|text| text.trim_start().to_ascii_lowercase().starts_with("application/json"));
    if status.is_success() {
        return None;
    }
    Some(match status {
        _ if status.is_redirection() => redirected(answer, target),
        // Not every edge's error page is HTML.
        S::BAD_GATEWAY | S::SERVICE_UNAVAILABLE | S::GATEWAY_TIMEOUT if !json => {
            Fault::ServerDown { status: status.as_u16() }
        }
        _ if status.is_server_error() => Fault::ServerFails { status: status.as_u16() },
        S::NOT_FOUND => Fault::NotPrefect { reason: "it knows no version at the API's address".into() },
        // Whoever is let in may ask this: Prefect itself refuses nobody here.
        _ => Fault::EdgeRefused { status: status.as_u16() },
    })
}

/// What a redirect on the same host means, where there is nothing to redirect.
fn redirected(answer: &Response<Download>, target: &Target) -> Fault {
    let asked = Url::parse(&target.uri.to_string()).ok();
    let to = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok());
    let (Some(asked), Some(to)) = (&asked, asked.as_ref().zip(to).and_then(|(asked, to)| asked.join(to).ok())) else {
        return Fault::InvalidAnswer { reason: "it redirects and does not say where to".into() };
    };
    let same_question = to.path().trim_end_matches('/').ends_with(VERSION);
    match (same_question, asked.scheme() == to.scheme()) {
        (true, false) => Fault::NotPrefect { reason: format!("it wants to be asked by {}", to.scheme()) },
        (true, true) => Fault::NotPrefect { reason: "it says that its API is at another address".into() },
        (false, _) => Fault::SignInRequired { provider: "a login page of its own".into() },
    }
}

/// Prefect answers these to anybody, so they prove nothing.
fn needs_authentication(api_path: &str) -> bool {
    !matches!(api_path, "/health" | "/ready")
}

/// What is no answer of the server's own.
fn fault_in(answer: &Response<Download>, target: &Target, shared: &Shared) -> Option<(Reach, Fault)> {
    let (status, headers) = (answer.status(), answer.headers());
    let (is_api, html) = (target.api_path.is_some() || target.is_settings, is_html(headers));
    match status {
        // Prefect sends no challenge; an edge does, on every path (nginx: with a page).
        StatusCode::UNAUTHORIZED if html || headers.contains_key(WWW_AUTHENTICATE) => {
            Some((Reach::Server, edge_refuses(shared)))
        }
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE if html => {
            Some((Reach::Server, Fault::ServerDown { status: status.as_u16() }))
        }
        // The edge's patience with this one answer is over.
        StatusCode::GATEWAY_TIMEOUT if html => Some((Reach::Path, Fault::ServerDown { status: status.as_u16() })),
        StatusCode::NOT_FOUND if is_api && html => {
            let reason = "it answers the API's address with a web page saying “not found”".into();
            Some((Reach::Path, Fault::NotPrefect { reason }))
        }
        _ if status.is_redirection()
            && let Some(fault) = https_required(headers, target) =>
        {
            Some((Reach::Server, fault))
        }
        _ if is_api && status.is_redirection() => {
            let to: Uri = headers.get(LOCATION)?.to_str().ok()?.parse().ok()?;
            let provider = to.host()?.to_owned();
            (Some(to.authority()?) != target.uri.authority())
                .then_some((Reach::Server, Fault::SignInRequired { provider }))
        }
        // Prefect has a few pages of its own under its API: the documentation.
        _ if is_api && html && status.is_success() => {
            Some((Reach::Path, Fault::SignInRequired { provider: "a login page".into() }))
        }
        _ if is_api && html => Some((Reach::Path, Fault::EdgeRefused { status: status.as_u16() })),
        _ => None,
    }
}

/// Whether a redirect leads to what was asked for, by https on its own port and nothing else.
fn https_required(headers: &HeaderMap, target: &Target) -> Option<Fault> {
    let asked = Url::parse(&target.uri.to_string()).ok().filter(|url| url.scheme() == "http")?;
    let to = Url::parse(headers.get(LOCATION)?.to_str().ok()?).ok()?;
    let instead = format!("https://{}", asked.host_str()?);
    let same = Url::parse(&format!("{instead}{}", target.uri.path_and_query()?)).ok()?;
    (to == same).then(|| Fault::HttpsRequired { origin: target.base.origin.clone(), instead })
}

fn edge_refuses(shared: &Shared) -> Fault {
    if shared.upstream.holds.edge { Fault::EdgeCredentialWrong } else { Fault::EdgeCredentialMissing }
}

fn prefect_refuses(shared: &Shared) -> Fault {
    match shared.upstream.holds {
        Holds { conflict: true, .. } => Fault::AuthorizationConflict,
        Holds { prefect: true, .. } => Fault::PrefectCredentialWrong,
        Holds { .. } => Fault::PrefectCredentialMissing,
    }
}

/// Tells those who watch, if it is news.
pub(crate) fn note(shared: &Shared, health: Health, latency: Option<Duration>) {
    shared.status.send_if_modified(|status| {
        let news = status.health != health;
        if news {
            status.health = health;
            status.since = SystemTime::now();
        }
        // A new figure alone wakes nobody.
        if latency.is_some() {
            status.latency = latency;
        }
        news
    });
}

/// Reads Prefect's version from its answer while it passes.
pub(crate) fn read_version(parts: &Parts, body: Download, shared: &Shared) -> Body {
    if parts.status == StatusCode::OK && !parts.headers.contains_key(CONTENT_ENCODING) {
        Body::Version(Box::new((body, VersionReader::new(shared.status.clone()))))
    } else {
        Body::Answer(body)
    }
}
