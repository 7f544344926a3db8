//! The one place that turns a fault into a response.
//!
//! JSON `{"detail", "code"}` for programs and for everything under `/api` (Prefect's UI calls `.json()` on
//! errors); for a person's navigation a small page of our own, which loads nothing, runs no script and shows
//! what others said escaped. Marked `Postern-Fault: <code>` either way.
//!
//! Who was not let in is not told what the profile is called: to them, and about the door itself, Postern speaks.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderName, HeaderValue, REFERRER_POLICY,
};
use http::request::Parts;
use http::{Response, StatusCode};
use serde::Serialize;

use super::{Advice, Fault, Layer};
use crate::body::Body;
use crate::{guard, own};

/// Names the fault, for those who read headers.
pub(crate) const POSTERN_FAULT: HeaderName = HeaderName::from_static("postern-fault");
/// A page about a server in trouble asks again by itself after so many seconds.
const RETRY: u8 = 5;

/// Who speaks where the profile does not.
const POSTERN: &str = "Postern";

/// Who reads the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// A program: JSON.
    Program,
    /// A person: a page.
    Person {
        /// What was asked for as Postern's own link, where its host says whose it is.
        link: Option<String>,
    },
}

#[derive(Serialize)]
struct Detail<'a> {
    detail: String,
    code: &'a str,
}

impl Audience {
    pub(crate) fn of(request: &Parts) -> Self {
        let path = request.uri.path();
        let api = path == "/api" || path.starts_with("/api/");
        if !api && guard::navigates(request) { Self::Person { link: link(request) } } else { Self::Program }
    }

    /// `profile` is its name, for those who were let in; `advice` what is known better of the fault than it says itself.
    pub(crate) fn answer(&self, fault: &Fault, profile: Option<&str>, advice: Option<Advice>) -> Response<Body> {
        let (body, media_type) = match self {
            Self::Program => {
                let detail = Detail { detail: format!("{} {}", fault.sentence(), fault.remedy()), code: fault.code() };
                (serde_json::to_vec(&detail).unwrap_or_default(), "application/json")
            }
            Self::Person { link } => {
                let own = || Advice { sentence: fault.sentence(), remedy: fault.remedy().to_owned() };
                let page = page(fault, profile.unwrap_or(POSTERN), &advice.unwrap_or_else(own), link.as_deref());
                (page.into_bytes(), "text/html; charset=utf-8")
            }
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = fault.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(POSTERN_FAULT, HeaderValue::from_static(fault.code()));
        if matches!(self, Self::Person { .. })
            && let Some(policy) = POLICY.as_ref()
        {
            headers.insert(CONTENT_SECURITY_POLICY, policy.clone());
        }
        if matches!(fault.status(), StatusCode::BAD_REQUEST | StatusCode::REQUEST_TIMEOUT) {
            // What follows on this connection cannot be told apart from what was wrong (RFC 9112, section 9.3), or
            // from what was missing.
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// `postern://<id>/…` of a page at `http://<id>.localhost:<port>/…`: so browsers and programs name it, and there the
/// person may be let in. Without the query: a login page may have sent a code along.
fn link(request: &Parts) -> Option<String> {
    let host = request.headers.get(HOST)?.to_str().ok()?;
    let (id, _) = host.split_once(".localhost")?;
    let path = request.uri.path();
    (!own::is_ours(path)).then(|| format!("postern://{id}{path}"))
}

/// Whether asking again by itself can help: the server or the way to it may come back.
fn may_pass(fault: &Fault) -> bool {
    fault.is_about_server() && !fault.is_about_credential()
}

fn page(fault: &Fault, profile: &str, Advice { sentence, remedy }: &Advice, link: Option<&str>) -> String {
    let in_postern =
        link.map_or_else(String::new, |link| format!("<p><a href=\"{}\">Open it in Postern</a></p>", escape(link)));
    let (title, way_back, speaker) = match fault.layer() {
        // Here there is no dashboard: this host is not ours.
        Layer::Door if *fault == Fault::ForeignHost => ("Not let in", "", POSTERN),
        // Nor is there for them.
        Layer::Door if *fault == Fault::NotLetIn => ("Not let in", &*in_postern, POSTERN),
        Layer::Door => ("Not let in", "<p><a href=\"/\">Go to the dashboard</a></p>", POSTERN),
        Layer::Policy => ("Read-only", "<p><a href=\"/\">Go to the dashboard</a></p>", profile),
        Layer::Edge | Layer::Auth => ("Refused", "<p><a href=\"\">Try again</a></p>", profile),
        Layer::Name | Layer::Tcp | Layer::Proxy | Layer::Tls | Layer::Prefect | Layer::WebSocket => {
            ("Not reachable", "", profile)
        }
    };
    let retry =
        if may_pass(fault) { format!("<meta http-equiv=\"refresh\" content=\"{RETRY}\">") } else { String::new() };
    let asks_again = if may_pass(fault) {
        format!(
            "<p class=\"quiet\" role=\"status\">Postern asks again every {RETRY} seconds. This page goes away by itself.</p>"
        )
    } else {
        String::new()
    };
    let (speaker, sentence, remedy, code) = (escape(speaker), shown(sentence), shown(remedy), fault.code());
    format!(
        "<!doctype html><html lang=\"en\" data-postern-fault=\"{code}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">{retry}\
         <title>{title} \u{2014} {speaker}</title><style>{STYLE}</style></head>\
         <body><main><p class=\"quiet\">{speaker}</p><h1>{sentence}</h1><p>{remedy}</p>{way_back}{asks_again}\
         <p class=\"quiet\">Code <code>{code}</code></p></main></body></html>"
    )
}

const STYLE: &str = "\
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}\
body{margin:0;min-height:100vh;display:grid;place-items:center}\
main{max-width:34rem;padding:2rem}\
h1{font-size:1.4rem;line-height:1.3;margin:.5rem 0 1rem;overflow-wrap:anywhere}\
p{overflow-wrap:anywhere}\
.quiet{opacity:.75;font-size:.9rem}";

/// Nothing may load, run, or frame this page; only its own style, named by hash.
static POLICY: LazyLock<Option<HeaderValue>> = LazyLock::new(|| {
    let hash = BASE64_STANDARD.encode(ring::digest::digest(&ring::digest::SHA256, STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).ok()
});

/// What stands between backticks is to be typed as it is.
fn shown(text: &str) -> String {
    let mut pieces = escape(text).split('`').map(str::to_owned).collect::<Vec<_>>();
    // Without its fellow, one is a backtick.
    let whole = pieces.len() % 2 == 1;
    for piece in pieces.iter_mut().skip(1).step_by(2).filter(|_| whole) {
        *piece = format!("<code>{piece}</code>");
    }
    pieces.join(if whole { "" } else { "`" })
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}
