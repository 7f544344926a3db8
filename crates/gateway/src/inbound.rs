//! Step 7: the answer's headers, on their way to the visitor.
//!
//! 1. Strip hop-by-hop headers, both fixed and named.
//! 2. Keep the server's cookies here.
//! 3. Strip what would bind the browser to us for the server's sake (HSTS, Alt-Svc, Clear-Site-Data), what
//!    would open our origin to others (CORS), what makes browsers ask for a password (challenges), and what would
//!    pass for a fault of ours.
//! 4. Map mentions of the server's own origin to ours, so that links and redirects stay inside.
//! 5. Content-hashed assets are `immutable`, unless the server wants none kept; pages may not be framed by others.

use http::StatusCode;
use http::header::{
    CACHE_CONTROL, CONTENT_LOCATION, CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY, CONTENT_TYPE,
    HeaderMap, HeaderName, HeaderValue, LINK, LOCATION, REFRESH,
};
use http::response::Parts;

use crate::assets::{forbids_keeping, is_content_hashed};
use crate::outbound::strip;
use crate::route::{Target, meaning};
use crate::upstream::{Base, Upstream};

/// Would bind the browser to us, open our origin to others, or pass for a fault of ours.
fn is_stripped(name: &str) -> bool {
    matches!(
        name,
        "strict-transport-security"
            | "alt-svc"
            | "clear-site-data"
            | "nel"
            | "report-to"
            | "www-authenticate"
            | "access-control-allow-credentials"
            | "access-control-allow-headers"
            | "access-control-allow-methods"
            | "access-control-allow-origin"
            | "access-control-expose-headers"
            | "access-control-max-age"
            | "access-control-allow-private-network"
            | "postern-fault"
    )
}

/// May mention the server's origin.
const MAPPED: [HeaderName; 6] =
    [LOCATION, CONTENT_LOCATION, REFRESH, LINK, CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY];

/// Rewrites the head in place; `origin` is ours as the visitor names it.
pub(crate) fn rewrite(parts: &mut Parts, origin: &str, target: &Target, upstream: &Upstream) {
    let headers = &mut parts.headers;
    strip(headers, is_stripped);
    upstream.jar.keep(headers, &target.uri);
    // Few answers have any of these: one look at their names is less than one for each of them.
    if headers.keys().any(|name| MAPPED.contains(name)) {
        map_all(headers, origin, upstream);
    }

    if is_html(headers) {
        headers.append(CONTENT_SECURITY_POLICY, HeaderValue::from_static("frame-ancestors 'self'"));
    } else if parts.status == StatusCode::OK
        && target.api_path.is_none()
        && is_content_hashed(target.uri.path())
        && !forbids_keeping(headers)
    {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, max-age=31536000, immutable"));
    }
}

/// The server's origin as ours, wherever it is mentioned.
fn map_all(headers: &mut HeaderMap, origin: &str, upstream: &Upstream) {
    for name in [LOCATION, CONTENT_LOCATION] {
        map(headers, &name, |text| map_url(text, origin, upstream));
    }
    map(headers, &REFRESH, |text| map_refresh(text, origin, upstream));
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
        map(headers, &name, |policies| Some(map_policies(policies, origin, upstream)));
    }
}

/// Whether this is a page.
pub(crate) fn is_html(headers: &HeaderMap) -> bool {
    let html = |value: &HeaderValue| {
        value.as_bytes().trim_ascii_start().get(..9).is_some_and(|start| start.eq_ignore_ascii_case(b"text/html"))
    };
    // Of several lines, browsers take the last that they understand.
    headers.get_all(CONTENT_TYPE).iter().any(html)
}

fn map(headers: &mut HeaderMap, name: &HeaderName, with: impl Fn(&str) -> Option<String>) {
    if let http::header::Entry::Occupied(mut lines) = headers.entry(name) {
        for line in lines.iter_mut() {
            // A character for each byte: what is not ASCII passes as it came, in whatever charset.
            let text: String = line.as_bytes().iter().copied().map(char::from).collect();
            let bytes =
                with(&text).and_then(|text| text.chars().map(|c| u8::try_from(c).ok()).collect::<Option<Vec<_>>>());
            if let Some(mapped) = bytes.and_then(|bytes| HeaderValue::from_bytes(&bytes).ok()) {
                *line = mapped;
            }
        }
    }
}

/// An absolute URL on the server's own origin, as ours. `None` leaves it: relative ones stay inside anyway, and
/// another host, port, scheme or userinfo is not the profile's.
pub(crate) fn map_url(text: &str, origin: &str, upstream: &Upstream) -> Option<String> {
    let on = |base: &Base| {
        let rest = text.get(base.origin.len()..)?;
        let same = text[..base.origin.len()].eq_ignore_ascii_case(&base.origin);
        let rest = rest.strip_prefix(base.unsaid_port()).unwrap_or(rest);
        (same && (rest.is_empty() || rest.starts_with(['/', '?', '#']))).then_some(rest)
    };
    if let Some(rest) = on(&upstream.api) {
        let path = rest.split(['?', '#']).next().unwrap_or(rest);
        // What climbs out of it again is somewhere else.
        if let Some(below) = upstream.api.below(path).filter(|below| meaning(below).is_some()) {
            return Some(format!("{origin}/api{below}{}", &rest[path.len()..]));
        }
    }
    on(&upstream.ui).map(|rest| format!("{origin}{rest}"))
}

/// `5; url=…`, and what else browsers take for it: <https://html.spec.whatwg.org/#shared-declarative-refresh-steps>.
fn map_refresh(text: &str, origin: &str, upstream: &Upstream) -> Option<String> {
    let rest = text.trim_ascii_start().trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let delay = &text[..text.len() - rest.len()];
    let rest = rest.trim_ascii_start();
    let rest = rest.strip_prefix([';', ',']).unwrap_or(rest).trim_ascii_start();
    let named = rest.get(..3).filter(|name| name.eq_ignore_ascii_case("url")).map(|_| rest[3..].trim_ascii_start());
    let url = named.and_then(|rest| rest.strip_prefix('=')).unwrap_or(rest).trim_ascii();
    let url = match url.chars().next() {
        Some(quote @ ('"' | '\'')) => url[1..].split(quote).next()?,
        _ => url,
    };
    Some(format!("{delay}; url={}", map_url(url, origin, upstream)?))
}

/// CSP, one policy or several: our origin for the server's, and no `upgrade-insecure-requests`, which would send us to
/// https.
fn map_policies(policies: &str, origin: &str, upstream: &Upstream) -> String {
    let source = |word: &str| {
        // A host may stand without its scheme.
        let whole = |base: &Base| map_url(&format!("{}://{word}", base.scheme), origin, upstream);
        let mapped = map_url(word, origin, upstream).or_else(|| whole(&upstream.ui)).or_else(|| whole(&upstream.api));
        mapped.unwrap_or_else(|| word.to_owned())
    };
    let directive = |directive: &str| {
        let mut words = directive.split_ascii_whitespace();
        let name = words.next()?;
        let to_https = ["upgrade-insecure-requests", "block-all-mixed-content"];
        let stays = !to_https.iter().any(|dropped| dropped.eq_ignore_ascii_case(name));
        stays.then(|| std::iter::once(name.to_owned()).chain(words.map(source)).collect::<Vec<_>>().join(" "))
    };
    let policies = policies.split(',').map(|policy| policy.split(';').filter_map(directive).collect::<Vec<_>>());
    policies.filter(|policy| !policy.is_empty()).map(|policy| policy.join("; ")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "http://prod.localhost:4201";

    fn upstream() -> Upstream {
        let mut remote = crate::Remote::at("https://s.example.com/prefect".parse().unwrap());
        remote.api_url = Some("https://api.example.com/x/api".parse().unwrap());
        Upstream::new(&crate::Config::of(remote)).unwrap()
    }

    #[test]
    fn only_the_servers_own_origin_becomes_ours() {
        let upstream = upstream();
        for (text, expected) in [
            ("https://s.example.com/prefect/v2", Some("http://prod.localhost:4201/prefect/v2")),
            ("https://S.example.com", Some(OURS)),
            ("https://s.example.com:443/prefect/", Some("http://prod.localhost:4201/prefect/")),
            ("https://s.example.com:4430/", None),
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
            map_policies("default-src 'self' https://s.example.com; upgrade-insecure-requests; img-src data:", OURS, &upstream()),
            @"default-src 'self' http://prod.localhost:4201; img-src data:"
        );
        // Several policies in one line; a directive is known by its name, whatever follows it; a host without a scheme.
        insta::assert_snapshot!(
            map_policies("Upgrade-Insecure-Requests, img-src s.example.com api.example.com/x/api evil.com;; block-all-mixed-content 1;, ,x", OURS, &upstream()),
            @"img-src http://prod.localhost:4201 http://prod.localhost:4201/api evil.com, x"
        );
    }

    #[test]
    fn what_is_not_ascii_passes_as_it_came_and_keeps_nothing_from_being_mapped() {
        for rest in [&b"/f\xc3\xbcr\xc3\xa0"[..], b"/f\xfcr\xa0"] {
            for (name, before) in [(LOCATION, ""), (REFRESH, "0; url=")] {
                let line = |origin: &str| {
                    HeaderValue::from_bytes(&[before.as_bytes(), origin.as_bytes(), rest].concat()).unwrap()
                };
                let (mut parts, ()) = http::Response::new(()).into_parts();
                parts.headers.insert(&name, line("https://s.example.com"));
                let upstream = upstream();
                let target = crate::route::target(&"/".parse().unwrap(), &upstream).unwrap();
                rewrite(&mut parts, OURS, &target, &upstream);
                assert_eq!(parts.headers[&name], line(OURS), "{name} {}", rest.escape_ascii());
            }
        }
    }

    #[test]
    fn a_refresh_leads_to_us_however_it_is_written() {
        let upstream = upstream();
        for (text, expected) in [
            ("5; url=https://s.example.com/a", Some("5; url=http://prod.localhost:4201/a")),
            ("0;URL = 'https://s.example.com/a?b=c' x", Some("0; url=http://prod.localhost:4201/a?b=c")),
            ("0,https://s.example.com/a?b=c", Some("0; url=http://prod.localhost:4201/a?b=c")),
            ("1.5 \"https://s.example.com\"", Some("1.5; url=http://prod.localhost:4201")),
            ("5; url=https://elsewhere.example/?u=https://s.example.com/", None),
            ("5; url=/a", None),
            ("5", None),
            ("", None),
        ] {
            assert_eq!(map_refresh(text, OURS, &upstream).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_page_is_known_as_one_whatever_stands_beside() {
        for (lines, expected) in [
            (&["text/html"][..], true),
            (&[" Text/HTML; charset=\u{fc}"], true),
            (&["text/plain", "text/html"], true),
            (&["application/json"], false),
            (&[], false),
        ] {
            let lines = lines.iter().map(|line| (CONTENT_TYPE, HeaderValue::from_bytes(line.as_bytes()).unwrap()));
            assert_eq!(is_html(&lines.collect()), expected);
        }
    }
}
