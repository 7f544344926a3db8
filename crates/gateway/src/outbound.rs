//! Step 5: the request's headers, on their way to the server.
//!
//! 1. Strip hop-by-hop headers, and every header that any `Connection` line names (RFC 9110, section 7.6.1).
//! 2. Strip what says who forwarded this: forged here, and nobody's business there.
//! 3. Strip what is ours: the session cookie, the local key.
//! 4. Map `Origin` and `Referer`: the server must see itself, or its own CSRF checks refuse.
//! 5. *Insert, never append* the profile's credential and headers. Last, so that nothing named in
//!    `Connection` and no copy of the client's can displace them.

use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, IF_RANGE, ORIGIN, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, RANGE, REFERER, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;

use crate::cookies;
use crate::gateway::Shared;
use crate::route::Target;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");

/// Meant for one connection only. `Expect` because it is fulfilled here, when the body is first wanted.
const HOP_BY_HOP: [HeaderName; 11] = [
    CONNECTION,
    EXPECT,
    KEEP_ALIVE,
    PROXY_CONNECTION,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HTTP2_SETTINGS,
];

const FORWARDED: [HeaderName; 8] = [
    http::header::FORWARDED,
    http::header::VIA,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-forwarded-prefix"),
    HeaderName::from_static("x-real-ip"),
];

/// Rewrites the head in place; `origin` is ours as the visitor names it.
pub(crate) fn rewrite(parts: &mut Parts, origin: &str, target: &Target, shared: &Shared) {
    let headers = &mut parts.headers;
    strip_hop_by_hop(headers);
    for name in &FORWARDED {
        headers.remove(name);
    }

    cookies::strip_ours(headers, &shared.door.cookie);
    if headers.get(AUTHORIZATION).is_some_and(|value| shared.door.key_matches(value)) {
        headers.remove(AUTHORIZATION);
    }

    // The client writes `Host` (or `:authority`) from the target.
    headers.remove(HOST);
    if headers.contains_key(ORIGIN) {
        replace(headers, ORIGIN, &target.base.origin);
    }
    if let Some(referer) = headers.get(REFERER) {
        let path =
            referer.to_str().ok().and_then(|text| text.strip_prefix(origin)).filter(|rest| rest.starts_with('/'));
        match path.map(|path| format!("{}{path}", target.base.origin)) {
            Some(mapped) => replace(headers, REFERER, &mapped),
            None => drop(headers.remove(REFERER)),
        }
    }
    if target.is_settings {
        // We rewrite this body: it must come whole, and fresh.
        for name in [IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_RANGE, RANGE] {
            headers.remove(name);
        }
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }

    shared.upstream.jar.add(headers, &target.uri);
    for (name, value) in &shared.upstream.inserted {
        headers.insert(name, value.clone());
    }
    parts.uri = target.uri.clone();
    // The hop to the server speaks its own version.
    parts.version = http::Version::HTTP_11;
}

/// Removes what is meant for this connection only, in either direction.
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

fn replace(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    match HeaderValue::from_str(text) {
        Ok(value) => headers.insert(name, value),
        Err(_) => headers.remove(name),
    };
}
