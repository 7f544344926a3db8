//! What an answer says about the server: kept in the status, and turned into a fault where the answer itself
//! would mislead.
//!
//! A server's own errors pass through untouched. Not its own are: an edge's challenge and an edge's HTML error
//! page where JSON was due (Prefect's UI calls `.json()` on errors and breaks), and an identity provider's
//! redirect or login page in place of the API.

use std::time::{Duration, SystemTime};

use http::header::{CONTENT_ENCODING, LOCATION, WWW_AUTHENTICATE};
use http::response::Parts;
use http::uri::Uri;
use http::{Response, StatusCode};
use hyper::body::Incoming;

use crate::body::{Body, VersionReader};
use crate::fault::Fault;
use crate::gateway::Shared;
use crate::inbound::is_html;
use crate::route::Target;
use crate::status::Health;

/// Judges what came back, notes it, and passes the answer on or turns it into a fault.
pub(crate) fn judge(
    answer: Result<Response<Incoming>, Fault>,
    target: &Target,
    took: Duration,
    shared: &Shared,
) -> Result<Response<Incoming>, Fault> {
    let judged = answer.and_then(|answer| match fault_in(&answer, target, shared) {
        Some(fault) => Err(fault),
        None => Ok(answer),
    });
    match &judged {
        Err(fault) if !fault.is_about_server() => {}
        Err(fault) => note(shared, Health::Failing(fault.clone()), None),
        Ok(answer) => {
            let is_api = target.api_path.as_deref();
            if answer.status() == StatusCode::UNAUTHORIZED && is_api.is_some() {
                note(shared, Health::Failing(prefect_refuses(shared)), Some(took));
            } else if answer.status().is_server_error() && is_api == Some("/admin/version") {
                // Any other path may have a fault of its own; this one asks for nothing.
                note(shared, Health::Failing(Fault::ServerFails { status: answer.status().as_u16() }), Some(took));
            } else if answer.status().is_success() && is_api.is_some_and(needs_authentication) {
                note(shared, Health::Up, Some(took));
            }
        }
    }
    judged
}

/// Prefect answers these to anybody, so they prove nothing.
fn needs_authentication(api_path: &str) -> bool {
    !matches!(api_path, "/health" | "/ready")
}

fn fault_in(answer: &Response<Incoming>, target: &Target, shared: &Shared) -> Option<Fault> {
    let (status, headers) = (answer.status(), answer.headers());
    let (is_api, html) = (target.api_path.is_some() || target.is_settings, is_html(headers));
    match status {
        // Prefect sends no challenge; an edge does, on every path (nginx: with a page).
        StatusCode::UNAUTHORIZED if html || headers.contains_key(WWW_AUTHENTICATE) => {
            Some(if shared.upstream.holds.edge { Fault::EdgeCredentialWrong } else { Fault::EdgeCredentialMissing })
        }
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT if html => {
            Some(Fault::ServerDown { status: status.as_u16() })
        }
        StatusCode::NOT_FOUND if is_api && html => Some(Fault::NotPrefect {
            reason: "it answers the API's address with a web page saying “not found”".into(),
        }),
        _ if is_api && status.is_redirection() => {
            let to: Uri = headers.get(LOCATION)?.to_str().ok()?.parse().ok()?;
            let host = to.host()?;
            (Some(to.authority()?) != target.uri.authority())
                .then(|| Fault::SignInRequired { provider: host.to_owned() })
        }
        _ if is_api && html && status.is_success() => Some(Fault::SignInRequired { provider: "a login page".into() }),
        _ if is_api && html => Some(Fault::EdgeRefused { status: status.as_u16() }),
        _ => None,
    }
}

fn prefect_refuses(shared: &Shared) -> Fault {
    if shared.upstream.holds.prefect { Fault::PrefectCredentialWrong } else { Fault::PrefectCredentialMissing }
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
pub(crate) fn read_version(parts: &Parts, body: Incoming, shared: &Shared) -> Body {
    if parts.status == StatusCode::OK && !parts.headers.contains_key(CONTENT_ENCODING) {
        Body::Version(body, VersionReader::new(shared.status.clone()))
    } else {
        Body::Stream(body)
    }
}
