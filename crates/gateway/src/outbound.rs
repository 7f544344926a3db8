//! Step 5: the request's headers, on their way to the server.
//!
//! 1. Strip hop-by-hop headers, and every header that any `Connection` line names (RFC 9110, section 7.6.1).
//! 2. Strip what says who forwarded this: forged here, and nobody's business there.
//! 3. Strip what is ours: the session cookie, the local key.
//! 4. Map `Origin` and `Referer`: the server must see itself, or its own CSRF checks refuse.
//! 5. *Insert, never append* the profile's credential and headers. Last, so that nothing named in
//!    `Connection` and no copy of the client's can displace them.

use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, IF_RANGE, ORIGIN, RANGE, REFERER,
};
use http::request::Parts;

use crate::cookies;
use crate::gateway::Shared;
use crate::route::Target;

/// Meant for one connection only, as `Connection` is. `Expect` because it is fulfilled here, when the body is first wanted.
fn is_hop_by_hop(name: &str) -> bool {
    matches!(name, "expect" | "keep-alive" | "te" | "trailer" | "transfer-encoding" | "upgrade" | "http2-settings")
        || name.starts_with("proxy-")
}

/// Says who forwarded this.
fn is_forwarded(name: &str) -> bool {
    matches!(
        name,
        "forwarded"
            | "via"
            | "x-forwarded-for"
            | "x-forwarded-host"
            | "x-forwarded-port"
            | "x-forwarded-proto"
            | "x-forwarded-prefix"
            | "x-real-ip"
    )
}

/// Rewrites the head in place; `origin` is ours as the visitor names it.
pub(crate) fn rewrite(parts: &mut Parts, origin: &str, target: &Target, shared: &Shared) {
    let headers = &mut parts.headers;
    strip(headers, is_forwarded);

    cookies::strip_ours(headers, &shared.door.cookie);
    let inserted = &shared.upstream.inserted;
    // What is replaced anyway need not be looked into.
    if !inserted.contains_key(AUTHORIZATION)
        && headers.get_all(AUTHORIZATION).iter().any(|value| shared.door.key_matches(value))
    {
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
    for (name, value) in inserted {
        headers.insert(name, value.clone());
    }
    parts.uri = target.uri.clone();
    // The hop to the server speaks its own version.
    parts.version = http::Version::HTTP_11;
}

/// Removes what is meant for one connection only, in either direction, and what else is to go: in one pass, for most
/// heads have little of it.
pub(crate) fn strip(headers: &mut HeaderMap, goes: impl Fn(&str) -> bool) {
    // Most name nothing but what becomes of the connection.
    let names_any = options(headers).any(|option| !is_about_connection(option));
    let gone = |name: &str| is_hop_by_hop(name) || goes(name) || (names_any && is_named(headers, name));
    let found: Vec<HeaderName> = headers.keys().filter(|name| gone(name.as_str())).cloned().collect();
    for name in found {
        headers.remove(name);
    }
    // By itself, for it is what most heads have of it.
    headers.remove(CONNECTION);
}

/// Whether any `Connection` line names it (RFC 9110, section 7.6.1).
fn is_named(headers: &HeaderMap, name: &str) -> bool {
    options(headers).any(|option| option.eq_ignore_ascii_case(name.as_bytes()))
}

/// What the `Connection` lines say, in either direction. As bytes: what is no name must not save those beside it.
pub(crate) fn options(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let lines = headers.get_all(CONNECTION).iter();
    lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii)
}

/// Names no header, or one that is stripped anyway.
fn is_about_connection(option: &[u8]) -> bool {
    [&b"keep-alive"[..], b"close", b"upgrade"].iter().any(|known| option.eq_ignore_ascii_case(known))
}

fn replace(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    match HeaderValue::from_str(text) {
        Ok(value) => headers.insert(name, value),
        Err(_) => headers.remove(name),
    };
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::LazyLock;

    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use http::{Method, Request, Uri};
    use proptest::prelude::*;

    use super::*;
    use crate::config::{Config, EdgeCredential, Remote, UserPassword};
    use crate::upstream::Upstream;
    use crate::{Secret, route};

    const OURS: &str = "http://127.0.0.1:4201";
    const PLACES: [(&str, Option<&str>); 4] = [
        ("http://s:4200", None),
        ("https://s.example.com/prefect", None),
        ("https://s.example.com/prefect", Some("https://api.example.com:8443/x/api")),
        ("https://[2001:db8::1]/", Some("http://10.0.0.1/api")),
    ];

    fn shared((url, api_url): (&str, Option<&str>)) -> Shared {
        let mut remote = Remote::at(url.parse().unwrap());
        remote.api_url = api_url.map(|url| url.parse().unwrap());
        remote.edge = Some(EdgeCredential::Basic(UserPassword { username: "bob".into(), password: Secret::new("pw") }));
        remote.headers = vec![("x-secret".parse().unwrap(), Secret::new("canary"))];
        let config = Config::of(remote);
        Shared::new(&config, 4201, Upstream::new(&config).unwrap()).unwrap()
    }

    static SHARED: LazyLock<[Shared; 4]> = LazyLock::new(|| PLACES.map(shared));

    /// What a request becomes, if it goes anywhere.
    fn sent(place: usize, target: &str, lines: &[(String, Vec<u8>)]) -> Option<Parts> {
        let shared = &SHARED[place];
        let mut request = Request::builder().method(Method::GET).uri(target.parse::<Uri>().ok()?);
        for (name, value) in lines {
            request = request.header(name, HeaderValue::from_bytes(value).unwrap());
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let target = route::target(&parts.uri, &shared.upstream).ok()?;
        rewrite(&mut parts, OURS, &target, shared);
        Some(parts)
    }

    /// Ours as they are sent, whatever came.
    fn ours() -> BTreeMap<String, Vec<Vec<u8>>> {
        let basic = format!("Basic {}", BASE64_STANDARD.encode("bob:pw"));
        [("authorization", basic.as_str()), ("x-secret", "canary")]
            .map(|(name, value)| (name.to_owned(), vec![value.as_bytes().to_vec()]))
            .into()
    }

    fn by_name<'l>(lines: impl IntoIterator<Item = (&'l str, &'l [u8])>) -> BTreeMap<String, Vec<Vec<u8>>> {
        let mut found: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
        for (name, value) in lines {
            found.entry(name.to_owned()).or_default().push(value.to_vec());
        }
        found
    }

    fn name() -> impl Strategy<Value = String> {
        const STAY: [&str; 17] = [
            "te",
            "trailer",
            "upgrade",
            "keep-alive",
            "proxy-connection",
            "proxy-authorization",
            "proxy-authenticate",
            "proxy-authentication-info",
            "http2-settings",
            "expect",
            "transfer-encoding",
            "host",
            "via",
            "forwarded",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-real-ip",
        ];
        let stay = prop::sample::select(STAY.to_vec()).prop_map(str::to_owned);
        let ours = prop::sample::select(vec!["authorization", "x-secret"]).prop_map(str::to_owned);
        prop_oneof![stay, ours, "x-[a-c]", "[a-z!#$%&'*+.^_`|~0-9]{1,6}"]
    }

    fn value() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop_oneof![b' '..=b'~', 0x80..=0xff_u8, Just(b'\t')], 0..12)
    }

    proptest! {
        #[test]
        fn what_is_for_one_hop_stays_here_and_all_else_passes_as_it_came(
            lines in prop::collection::vec((name(), value()), 0..12),
            connection in prop::collection::vec(
                prop::collection::vec(prop_oneof![name().prop_map(String::into_bytes), value()], 0..4), 0..3,
            ),
        ) {
            let mut all = lines.clone();
            for names in &connection {
                all.insert(all.len() / 2, ("connection".to_owned(), names.join(&b" ,"[..])));
            }
            let parts = sent(0, "/api/flows", &all).unwrap();
            let found = by_name(parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));

            let named = |name: &str| {
                let names = connection.iter().flatten().flat_map(|names| names.split(|byte| *byte == b','));
                names.map(<[u8]>::trim_ascii).any(|named| named.eq_ignore_ascii_case(name.as_bytes()))
            };
            let stays = |name: &str| {
                let forwarded = is_forwarded(name);
                named(name) || forwarded || name == "host" || is_hop_by_hop(name)
            };
            let passing = lines.iter().filter(|(name, _)| !stays(name));
            let mut expected = by_name(passing.map(|(name, value)| (name.as_str(), &value[..])));
            expected.extend(ours());
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn the_credential_reaches_no_scheme_host_and_port_but_the_profiles(
            place in 0..PLACES.len(),
            start in prop::sample::select(vec![
                "/", "//evil.com", "/\\evil.com", "/@evil.com", "/api", "/api/", "/prefect", "/.", "/%2e%2e", "/:80",
                "http://evil.com", "https://evil.com:443/api", "http://s:4200@evil.com", "http://127.0.0.1:4201/api",
                "evil.com:80", "*", "@evil.com",
            ]),
            rest in "[a-z0-9/.:@?%\\\\;&=_-]{0,20}",
            host in prop::option::of("[a-z0-9.:@/]{1,12}"),
        ) {
            let target = format!("{start}{rest}");
            let lines: Vec<_> = ["host", "x-forwarded-host", "x-original-url", "connection"]
                .into_iter()
                .filter_map(|name| Some((name.to_owned(), host.clone()?.into_bytes())))
                .collect();
            let Some(parts) = sent(place, &target, &lines) else { return Ok(()) };
            let origin = |url: &str| url::Url::parse(url).unwrap().origin();
            let (url, api_url) = PLACES[place];
            let to = origin(&parts.uri.to_string());
            prop_assert!(to == origin(url) || api_url.is_some_and(|api_url| to == origin(api_url)), "{}", parts.uri);
            // `Host` is made of this alone.
            prop_assert!(!parts.headers.contains_key(HOST));
            for (name, values) in ours() {
                let found: Vec<_> = parts.headers.get_all(&name).iter().map(HeaderValue::as_bytes).collect();
                prop_assert_eq!(found, values, "{}", name);
                prop_assert!(parts.headers.get_all(&name).iter().all(HeaderValue::is_sensitive));
            }
        }
    }

    #[test]
    fn what_is_no_name_does_not_save_the_names_beside_it() {
        let line = |value: &[u8]| vec![("connection".to_owned(), value.to_vec()), ("x-a".to_owned(), b"1".to_vec())];
        for value in [&b"x-a"[..], b"X-A ,\xfc", b"\xfc,x-a", b"a b, x-a", b",,\tx-a\t,"] {
            let parts = sent(0, "/", &line(value)).unwrap();
            assert!(!parts.headers.contains_key("x-a"), "{}", value.escape_ascii());
        }
    }

    #[test]
    fn the_local_key_stays_here_wherever_it_stands() {
        let mut place = shared(PLACES[0]);
        place.upstream.inserted.clear();
        for lines in [["Bearer key", "Bearer x"], ["Bearer x", "Bearer key"]] {
            let mut request = Request::builder();
            for line in lines {
                request = request.header(AUTHORIZATION, line);
            }
            let (mut parts, ()) = request.body(()).unwrap().into_parts();
            let target = route::target(&parts.uri, &place.upstream).unwrap();
            rewrite(&mut parts, OURS, &target, &place);
            assert!(!parts.headers.contains_key(AUTHORIZATION), "{lines:?}");
        }
    }

    #[test]
    fn an_api_at_another_address_gets_the_credential_as_the_ui_does() {
        for (path, expected) in [
            ("/v2/runs", "https://s.example.com/prefect/v2/runs"),
            ("/api/flows", "https://api.example.com:8443/x/api/flows"),
        ] {
            let parts = sent(2, path, &[]).unwrap();
            assert_eq!(parts.uri, expected);
            assert!(parts.headers.contains_key(AUTHORIZATION) && parts.headers.contains_key("x-secret"));
        }
    }
}
