//! The UI's content-hashed files, kept in a folder when they were fetched, so that over a slow link a dashboard costs
//! only its API's calls.
//!
//! 1. Kept is what has a hash in its name, comes whole, has the type its name says, and may be kept as the server
//!    says. The name changes when the content does, so nothing kept is ever stale.
//! 2. Kept is what the server said, but of its headers only those that matter to a page: no cookie, nothing that
//!    could be a secret. They pass step 7 again each time.
//! 3. It is served to whoever has passed guard and policy, whether or not the server is up and takes the credential:
//!    a file shows nothing by itself. What does, the page and the API's answers, is never kept, and says what is wrong.
//! 4. It is good for one version of one server. Where no version is known, everything passes by.
//! 5. What cannot be kept or found costs a line in the log, and nobody anything else.

mod keeper;
mod name;
mod store;

use std::sync::Arc;

use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE, LAST_MODIFIED, PRAGMA, RANGE, REFERRER_POLICY, SET_COOKIE, TRANSFER_ENCODING, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{Method, Response, StatusCode, Version, request, response};
use hyper::body::Body as _;

pub(crate) use self::keeper::Keeper;
pub(crate) use self::name::is_content_hashed;
pub(crate) use self::store::Store;
use self::store::{Entry, LARGEST};
use crate::body::Body;
use crate::gateway::Shared;
use crate::route::Target;

/// What of an answer's head is kept.
static KEPT: [HeaderName; 10] = [
    CONTENT_TYPE,
    CONTENT_ENCODING,
    ETAG,
    LAST_MODIFIED,
    VARY,
    X_CONTENT_TYPE_OPTIONS,
    CONTENT_SECURITY_POLICY,
    REFERRER_POLICY,
    HeaderName::from_static("cross-origin-embedder-policy"),
    HeaderName::from_static("cross-origin-resource-policy"),
];

/// What somebody asks for, and what may be kept.
#[derive(Debug)]
pub(crate) struct Asset {
    store: Arc<Store>,
    entry: Entry,
    head: bool,
    path: String,
}

impl Asset {
    /// `None` for what is no asset, and for questions that only the server can answer.
    pub(crate) fn asked_for(parts: &request::Parts, body: &Body, target: &Target, shared: &Shared) -> Option<Self> {
        const FOR_THE_SERVER: [HeaderName; 4] = [RANGE, IF_RANGE, IF_MATCH, IF_UNMODIFIED_SINCE];

        let store = shared.assets.as_ref()?;
        let path = target.uri.path();
        let head = parts.method == Method::HEAD;
        if target.api_path.is_some()
            || target.uri.query().is_some()
            || !is_content_hashed(path)
            || !(head || parts.method == Method::GET)
            || !body.is_end_stream()
            || FOR_THE_SERVER.iter().any(|name| parts.headers.contains_key(name))
            || names(&parts.headers, &CACHE_CONTROL, "no-store")
        {
            return None;
        }
        let version = shared.status.borrow().version.clone()?;
        let (ui, api) = (&shared.upstream.ui, &shared.upstream.api);
        let entry = store.entry(&[&ui.origin, &ui.path, &api.origin, &api.path, &version], path);
        Some(Self { store: Arc::clone(store), entry, head, path: path.to_owned() })
    }

    /// The answer as the server gave it, where it is kept and is what `wanted` asks for.
    pub(crate) async fn kept(&self, wanted: &HeaderMap) -> Option<Response<Body>> {
        let found = self.store.find(self.entry.clone()).await?;
        // A person who reloads with shift held wants to see what the server says.
        if names(wanted, &CACHE_CONTROL, "no-cache")
            || names(wanted, &PRAGMA, "no-cache")
            || found.headers.get(CONTENT_ENCODING).is_some_and(|coding| !accepts(wanted, coding))
        {
            return None;
        }
        let unchanged = unchanged(wanted, &found.headers);
        let mut response = Response::new(Body::empty());
        *response.headers_mut() = found.headers;
        if unchanged {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            // RFC 9110, section 15.4.5: nothing that describes a content which is not sent.
            response.headers_mut().remove(CONTENT_TYPE);
            response.headers_mut().remove(CONTENT_ENCODING);
            return Some(response);
        }
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(found.length));
        if !self.head {
            *response.body_mut() = Body::kept(found.file, found.length);
        }
        Some(response)
    }

    /// What keeps the body while it passes; `None` for an answer that is not to be kept.
    pub(crate) fn keep(self, answer: &response::Parts) -> Option<Keeper> {
        let headers = &answer.headers;
        let length = headers.get(CONTENT_LENGTH).map(|length| length.to_str().ok()?.parse::<u64>().ok());
        // Without any of these the end is when the connection ends, for whatever reason.
        let says_its_end =
            length.is_some() || headers.contains_key(TRANSFER_ENCODING) || answer.version == Version::HTTP_2;
        if self.head
            || answer.status != StatusCode::OK
            || !says_its_end
            || length.is_some_and(|length| length.is_none_or(|length| length > LARGEST))
            || headers.contains_key(SET_COOKIE)
            || headers.contains_key(CONTENT_RANGE)
            || forbids_keeping(headers)
            || !varies_little(headers)
            || !name::fits_type(&self.path, headers)
        {
            return None;
        }
        let kept = KEPT.iter().flat_map(|name| headers.get_all(name).iter().map(move |value| (name, value)));
        let head: Option<Vec<(&str, &str)>> =
            kept.map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
        Keeper::start(&self.store, self.entry, &serde_json::to_vec(&head?).ok()?)
    }
}

/// The server does not want it written down. All else that it may say is about freshness, which the name settles; and
/// `private` is what this cache is.
pub(crate) fn forbids_keeping(headers: &HeaderMap) -> bool {
    names(headers, &CACHE_CONTROL, "no-store")
}

/// Whether the answer depends on no more than the coding, which is looked at, and the origin, which is always ours.
fn varies_little(headers: &HeaderMap) -> bool {
    let of_no_matter = [&b"accept-encoding"[..], b"origin"];
    tokens(headers, &VARY).all(|name| of_no_matter.iter().any(|known| name.eq_ignore_ascii_case(known)))
}

/// RFC 9110, section 12.5.3.
fn accepts(wanted: &HeaderMap, coding: &HeaderValue) -> bool {
    tokens(wanted, &ACCEPT_ENCODING).any(|offer| {
        let mut parts = offer.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let refused = |part: &[u8]| matches!(part, [b'q' | b'Q', b'=', weight @ ..] if !weight.iter().any(|b| (b'1'..=b'9').contains(b)));
        parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding.as_bytes())) && !parts.any(refused)
    })
}

/// RFC 9110, section 13.2.2. A date other than the server's own is no reason: the whole answer is right as well.
fn unchanged(wanted: &HeaderMap, kept: &HeaderMap) -> bool {
    if wanted.contains_key(IF_NONE_MATCH) {
        // They are compared weakly (section 13.1.2).
        let opaque = |tag: &[u8]| tag.strip_prefix(b"W/").unwrap_or(tag).to_vec();
        let own = kept.get(ETAG).map(|tag| opaque(tag.as_bytes()));
        return own.is_some_and(|own| tokens(wanted, &IF_NONE_MATCH).any(|tag| tag == b"*" || opaque(tag) == own));
    }
    wanted.get(IF_MODIFIED_SINCE).is_some_and(|since| kept.get(LAST_MODIFIED) == Some(since))
}

/// Whether one of the header's lines has this directive.
fn names(headers: &HeaderMap, name: &HeaderName, directive: &str) -> bool {
    tokens(headers, name).any(|token| token.eq_ignore_ascii_case(directive.as_bytes()))
}

/// What stands between commas, on all lines.
fn tokens<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> {
    let lines = headers.get_all(name).iter();
    lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii))
}
