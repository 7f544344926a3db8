//! Step 7: the answer's headers, on their way to the visitor.
//!
//! 1. Strip hop-by-hop headers, both fixed and named.
//! 2. Keep the server's cookies here.
//! 3. Strip what would bind the browser to us for the server's sake (HSTS, Alt-Svc, Clear-Site-Data), what
//!    would open our origin to others (CORS), and what makes browsers ask for a password (challenges).
//! 4. Map mentions of the server's own origin to ours, so that links and redirects stay inside.
//! 5. Content-hashed assets are `immutable`; pages may not be framed by others.

use http::StatusCode;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALT_SVC, CACHE_CONTROL,
    CONTENT_LOCATION, CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY, CONTENT_TYPE, HeaderMap,
    HeaderName, HeaderValue, LINK, LOCATION, REFRESH, STRICT_TRANSPORT_SECURITY, WWW_AUTHENTICATE,
};
use http::response::Parts;

use crate::outbound::strip_hop_by_hop;
use crate::route::Target;
use crate::upstream::{Base, Upstream};

const STRIPPED: [HeaderName; 13] = [
    STRICT_TRANSPORT_SECURITY,
    ALT_SVC,
    HeaderName::from_static("clear-site-data"),
    HeaderName::from_static("nel"),
    HeaderName::from_static("report-to"),
    WWW_AUTHENTICATE,
    ACCESS_CONTROL_ALLOW_CREDENTIALS,
    ACCESS_CONTROL_ALLOW_HEADERS,
    ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_MAX_AGE,
    HeaderName::from_static("access-control-allow-private-network"),
];

/// Rewrites the head in place; `origin` is ours as the visitor names it.
pub(crate) fn rewrite(parts: &mut Parts, origin: &str, target: &Target, upstream: &Upstream) {
    let headers = &mut parts.headers;
    strip_hop_by_hop(headers);
    upstream.jar.keep(headers, &target.uri);
    for name in &STRIPPED {
        headers.remove(name);
    }

    for name in [LOCATION, CONTENT_LOCATION] {
        map(headers, &name, |text| map_url(text, origin, upstream));
    }
    map(headers, &REFRESH, |text| {
        let (delay, url) = text.split_once('=')?;
        Some(format!("{delay}={}", map_url(url.trim().trim_matches(['"', '\'']), origin, upstream)?))
    });
    map(headers, &LINK, |text| {
        let mapped: Vec<String> = text
            .split('<')
            .map(|piece| match piece.split_once('>') {
                Some((url, rest)) => {
                    format!("{}>{rest}", map_url(url, origin, upstream).unwrap_or_else(|| url.to_owned()))
                }
                None => piece.to_owned(),
            })
            .collect();
        Some(mapped.join("<"))
    });
    for name in [CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY] {
        map(headers, &name, |policy| Some(map_policy(policy, origin, upstream)));
    }

    if is_html(headers) {
        headers.append(CONTENT_SECURITY_POLICY, HeaderValue::from_static("frame-ancestors 'self'"));
    } else if parts.status == StatusCode::OK && is_content_hashed(target.uri.path()) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, max-age=31536000, immutable"));
    }
}

/// Whether this is a page.
pub(crate) fn is_html(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|text| text.trim_start().get(..9).is_some_and(|start| start.eq_ignore_ascii_case("text/html")))
}

fn map(headers: &mut HeaderMap, name: &HeaderName, with: impl Fn(&str) -> Option<String>) {
    if let http::header::Entry::Occupied(mut lines) = headers.entry(name) {
        for line in lines.iter_mut() {
            if let Some(mapped) = line.to_str().ok().and_then(&with).and_then(|text| HeaderValue::from_str(&text).ok())
            {
                *line = mapped;
            }
        }
    }
}

/// An absolute URL on the server's own origin, as ours. `None` leaves it: relative ones stay inside anyway, and
/// another host, port, scheme or userinfo is not the profile's.
fn map_url(text: &str, origin: &str, upstream: &Upstream) -> Option<String> {
    let on = |base: &Base| {
        let rest = text.get(base.origin.len()..)?;
        let same = text[..base.origin.len()].eq_ignore_ascii_case(&base.origin);
        (same && (rest.is_empty() || rest.starts_with(['/', '?', '#']))).then_some(rest)
    };
    if let Some(rest) = on(&upstream.api) {
        let path = rest.split(['?', '#']).next().unwrap_or(rest);
        if let Some(below) = upstream.api.below(path) {
            return Some(format!("{origin}/api{below}{}", &rest[path.len()..]));
        }
    }
    on(&upstream.ui).map(|rest| format!("{origin}{rest}"))
}

/// CSP: our origin for the server's, and no `upgrade-insecure-requests`, which would send us to https.
fn map_policy(policy: &str, origin: &str, upstream: &Upstream) -> String {
    let directives: Vec<String> = policy
        .split(';')
        .map(str::trim)
        .filter(|directive| !directive.eq_ignore_ascii_case("upgrade-insecure-requests"))
        .filter(|directive| !directive.eq_ignore_ascii_case("block-all-mixed-content"))
        .map(|directive| {
            let words: Vec<String> = directive
                .split_ascii_whitespace()
                .map(|word| map_url(word, origin, upstream).unwrap_or_else(|| word.to_owned()))
                .collect();
            words.join(" ")
        })
        .collect();
    directives.join("; ")
}

/// `…/assets/index-BxJ1c2d3.js`: the name changes when the content does.
fn is_content_hashed(path: &str) -> bool {
    let Some((_, name)) = path.rsplit_once("/assets/") else { return false };
    name.rsplit('/').next().and_then(|name| name.split_once('.')).is_some_and(|(stem, _)| {
        // Rollup: name, hyphen, eight characters of base64url, which may hold hyphens themselves.
        // All lower case is a word (one hash in a thousand looks so, and is merely not marked).
        stem.len().checked_sub(9).and_then(|at| stem.as_bytes().split_at_checked(at)).is_some_and(|(_, tail)| {
            tail[0] == b'-'
                && tail[1..].iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
                && !tail[1..].iter().all(u8::is_ascii_lowercase)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "http://prod.localhost:4201";

    fn upstream() -> Upstream {
        let mut remote = crate::Remote::at("https://s.example.com/prefect".parse().unwrap());
        remote.api_url = Some("https://api.example.com/x/api".parse().unwrap());
        Upstream::new(&crate::Config {
            profile: "prod".into(),
            name: "Production".into(),
            port: 0,
            local_key: crate::Secret::new("k"),
            local_programs: crate::LocalPrograms::Key,
            read_only: false,
            remote,
        })
        .unwrap()
    }

    #[test]
    fn only_the_servers_own_origin_becomes_ours() {
        let upstream = upstream();
        for (text, expected) in [
            ("https://s.example.com/prefect/v2", Some("http://prod.localhost:4201/prefect/v2")),
            ("https://S.example.com", Some(OURS)),
            ("https://api.example.com/x/api/flows?a=1", Some("http://prod.localhost:4201/api/flows?a=1")),
            ("https://api.example.com/other", None),
            ("http://s.example.com/", None),
            ("https://s.example.com:8443/", None),
            ("https://s.example.com.evil.com/", None),
            ("https://user@s.example.com/", None),
            ("//s.example.com/", None),
            ("/v2/", None),
        ] {
            assert_eq!(map_url(text, OURS, &upstream).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn policies_name_us_and_do_not_upgrade() {
        insta::assert_snapshot!(
            map_policy("default-src 'self' https://s.example.com; upgrade-insecure-requests; img-src data:", OURS, &upstream()),
            @"default-src 'self' http://prod.localhost:4201; img-src data:"
        );
    }

    #[test]
    fn only_names_that_carry_a_hash_never_change() {
        for (path, expected) in [
            ("/assets/index-BxJ1c2d3.js", true),
            ("/prefect/assets/deep/a-b-_xJ1-2d3.css", true),
            ("/v2/assets/index-BxJ1c2d3.js.map", true),
            ("/assets/logo.svg", false),
            ("/assets/index-short.js", false),
            ("/assets/get-together.png", false),
            ("/assets/\u{e9}-BxJ1c2d\u{e9}.js", false),
            ("/index-BxJ1c2d3.js", false),
            ("/assets/", false),
        ] {
            assert_eq!(is_content_hashed(path), expected, "{path}");
        }
    }
}
