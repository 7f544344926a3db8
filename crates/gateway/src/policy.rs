//! Step 4: a read-only profile refuses what writes, and what reveals secrets; but to a window while a person lets it.
//!
//! Rules as read from Prefect 3.8.8's OpenAPI (149 paths). Refused is whatever is not known to read:
//!
//! 1. An unknown method or POST writes, and so does an unknown socket.
//! 2. A path that servers may read in two ways is none that reads: it could be another one's there.
//! 3. `include_secrets` reveals secrets, in the query of any request and in the body of any POST that reads, unless
//!    each mention of it says no. So does a body in which nobody can tell.

use std::fmt;

use http::Method;
use http::header::CONTENT_ENCODING;
use http::request::Parts;
use hyper::body::Body as _;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::body::Body;
use crate::fault::Fault;
use crate::guard::upgrade::Socket;
use crate::route::Target;
use crate::status::Door;
use crate::upstream::Upstream;

/// A POST reads when its path ends in one of these.
const READING_POSTS: [&str; 7] =
    ["/filter", "/count", "/history", "/paginate", "/lateness", "/validate", "/concurrency_status"];

/// Sockets that only receive.
const READING_SOCKETS: [&str; 2] = ["/events/out", "/logs/out"];

/// Asks for secrets in clear text.
const INCLUDE_SECRETS: &str = "include_secrets";

/// What the server takes for no, in any case (pydantic's booleans). Everything else is yes, or an error.
const NO: [&str; 6] = ["false", "0", "f", "off", "n", "no"];

/// What a body may be that is looked through, in bytes. The UI's filters are a few hundred.
const LONGEST_BODY: usize = 256 * 1024;

/// What the head decides.
pub(crate) fn check(
    method: &Method,
    target: &Target,
    socket: Option<Socket>,
    door: Door,
    upstream: &Upstream,
) -> Result<(), Fault> {
    if !upstream.is_read_only(door) {
        return Ok(());
    }
    if !reads(method, target, socket.is_some()) {
        return Err(Fault::ReadOnly { profile: upstream.name.clone() });
    }
    if target.uri.query().is_some_and(query_reveals) {
        return Err(secrets(upstream, "this request asks for them by `include_secrets`"));
    }
    Ok(())
}

/// What the body decides. What passes is the same, byte for byte.
pub(crate) async fn check_body(parts: &Parts, body: Body, door: Door, upstream: &Upstream) -> Result<Body, Fault> {
    if !upstream.is_read_only(door) || parts.method != Method::POST || body.is_end_stream() {
        return Ok(body);
    }
    if parts.headers.contains_key(CONTENT_ENCODING) {
        return Err(secrets(upstream, "the request's body is compressed, so nobody can tell whether it asks for them"));
    }
    let too_long =
        || secrets(upstream, "the request's body is over 256 KiB, too long to tell whether it asks for them");
    if body.size_hint().lower() > LONGEST_BODY as u64 {
        return Err(too_long());
    }
    let body = Box::pin(body.whole(LONGEST_BODY)).await?.ok_or_else(too_long)?;
    match reveals(&body) {
        Some(false) => Ok(body.into()),
        Some(true) => Err(secrets(upstream, "this request asks for them by `include_secrets`")),
        None => {
            Err(secrets(upstream, "the request's body is no JSON object, so nobody can tell whether it asks for them"))
        }
    }
}

fn secrets(upstream: &Upstream, reason: &'static str) -> Fault {
    Fault::SecretsRefused { profile: upstream.name.clone(), reason }
}

fn reads(method: &Method, target: &Target, socket: bool) -> bool {
    let api_path = target.api_path.as_deref().filter(|_| target.is_plain).map(|path| path.trim_end_matches('/'));
    if socket {
        return api_path.is_some_and(|path| READING_SOCKETS.contains(&path));
    }
    match *method {
        Method::GET | Method::HEAD | Method::OPTIONS => true,
        Method::POST => api_path.is_some_and(|path| {
            READING_POSTS.iter().any(|end| path.ends_with(end))
                || path.starts_with("/ui/")
                || path.strip_prefix("/events/count-by/").is_some_and(|by| !by.is_empty() && !by.contains('/'))
        }),
        _ => false,
    }
}

/// Old servers part a query at semicolons too.
fn query_reveals(query: &str) -> bool {
    let mut pairs = query.split(';').flat_map(|part| form_urlencoded::parse(part.as_bytes()));
    pairs.any(|(name, value)| name == INCLUDE_SECRETS && !NO.iter().any(|no| value.eq_ignore_ascii_case(no)))
}

/// `None` for what is neither empty nor a JSON object in UTF-8: servers read other encodings too.
fn reveals(body: &[u8]) -> Option<bool> {
    if body.is_empty() {
        return Some(false);
    }
    serde_json::from_str(std::str::from_utf8(body).ok()?).ok().map(|Reveals(reveals)| reveals)
}

/// Whether an object's `include_secrets` is anything but `false`, in any of its mentions: of several, one server takes
/// the last and another the first.
struct Reveals(bool);

impl<'de> Deserialize<'de> for Reveals {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Reveals;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut fields: M) -> Result<Reveals, M::Error> {
                let mut reveals = false;
                while let Some(name) = fields.next_key::<String>()? {
                    if name == INCLUDE_SECRETS {
                        reveals |= fields.next_value::<serde_json::Value>()? != false;
                    } else {
                        fields.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Reveals(reveals))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::config::{Config, Remote};
    use crate::route;

    /// What a read-only profile makes of it: the refusal's code, if any.
    fn judged(method: &str, path: &str, socket: bool) -> Option<&'static str> {
        judged_while(None, Door::Window, method, path, socket)
    }

    /// The same, while windows may write until then.
    fn judged_while(
        until: Option<SystemTime>,
        door: Door,
        method: &str,
        path: &str,
        socket: bool,
    ) -> Option<&'static str> {
        let remote = Remote::at("http://s/prefect".parse().unwrap());
        let config = Config { read_only: true, ..Config::of(remote) };
        let upstream = Upstream::new(&config).unwrap();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let target = match route::target(&path.parse().unwrap(), &upstream) {
            Ok(target) => target,
            Err(fault) => return Some(fault.code()),
        };
        upstream.let_windows_write(until);
        check(&method, &target, socket.then_some(Socket::Prefect), door, &upstream).err().map(|fault| fault.code())
    }

    const WRITES: Option<&str> = Some("read_only");

    #[test]
    fn reads_pass_and_writes_do_not() {
        for (method, path, expected) in [
            ("GET", "/api/flows/1", None),
            ("GET", "/v2/dashboard", None),
            ("HEAD", "/api/flows/1", None),
            ("OPTIONS", "/api/flows/1", None),
            ("POST", "/api/flows/filter", None),
            ("POST", "/prefect/api/flows/filter", None),
            ("POST", "/api/flow_runs/count/", None),
            ("POST", "/api/work_pools/my%20pool/queues/filter", None),
            ("POST", "/api/ui/schemas/validate", None),
            ("POST", "/api/events/count-by/day", None),
            ("POST", "/api/events/count-by/", WRITES),
            ("POST", "/api/events/count-by/a/b", WRITES),
            ("POST", "/api/flows/", WRITES),
            ("POST", "/api/filter_flows", WRITES),
            ("POST", "/api/something/new", WRITES),
            ("POST", "/flows/filter", WRITES),
            ("PUT", "/api/variables/filter", WRITES),
            ("PATCH", "/api/flows/1", WRITES),
            ("DELETE", "/api/flows/1", WRITES),
            ("PURGE", "/api/flows/1", WRITES),
            ("QUERY", "/api/flows/filter", WRITES),
            ("post", "/api/flows/filter", WRITES),
        ] {
            assert_eq!(judged(method, path, false), expected, "{method} {path}");
        }
    }

    #[test]
    fn while_a_person_lets_it_a_window_writes_and_nobody_else() {
        let second = Duration::from_secs(1);
        let (past, soon) = (SystemTime::now() - second, SystemTime::now() + 60 * second);
        for (until, door, expected) in [
            (Some(soon), Door::Window, None),
            (Some(soon), Door::Browser, WRITES),
            (Some(soon), Door::Program, WRITES),
            (Some(past), Door::Window, WRITES),
            (None, Door::Window, WRITES),
        ] {
            assert_eq!(judged_while(until, door, "DELETE", "/api/flows/1", false), expected, "{until:?} {door:?}");
        }
    }

    #[test]
    fn a_path_with_two_readings_is_none_that_reads() {
        for (path, expected) in [
            // One reading (RFC 3986, section 2.3), which is that of the server.
            ("/api/%66lows/filte%72", None),
            ("/%61pi/flows/filter", None),
            ("/api//flows/filter", WRITES),
            ("//api/flows/filter", WRITES),
            ("/api/flows//filter", WRITES),
            ("/api/flows/filter//", WRITES),
            ("/api/flows/./filter", WRITES),
            ("/api/flows/x/../filter", WRITES),
            ("/api/flows/filter/%2e", WRITES),
            ("/api/flows/filter/;x", WRITES),
            ("/api/flows/filter;x", WRITES),
            ("/api/flows;/filter", WRITES),
            ("/api/flows/x%2ffilter", WRITES),
            ("/api/flows/x%5cfilter", WRITES),
            ("/api/flows/%3f/filter", WRITES),
            ("/api/flows/%23/filter", WRITES),
            ("/api/flows/%00/filter", WRITES),
            ("/api/flows/%252e/filter", WRITES),
            ("/api/flows/%2566ilter", WRITES),
            ("/api/../flows/filter", Some("malformed_request")),
        ] {
            assert_eq!(judged("POST", path, false), expected, "{path}");
        }
    }

    #[test]
    fn sockets_that_write_are_refused() {
        for (path, expected) in [
            ("/api/events/out", None),
            ("/api/logs/out/", None),
            ("/api/events/in", WRITES),
            ("/api/task_runs/subscriptions/scheduled", WRITES),
            ("/api/work_pools/p/workers/channel", WRITES),
            ("/api/events/in/%2e%2e/out", WRITES),
            ("/api/events//out", WRITES),
            ("/events/out", WRITES),
            ("/api/events/out?include_secrets=1", Some("secrets_refused")),
        ] {
            assert_eq!(judged("GET", path, true), expected, "{path}");
        }
    }

    #[test]
    fn a_query_that_does_not_clearly_say_no_to_secrets_asks_for_them() {
        for (query, expected) in [
            ("", false),
            ("limit=1&include_secret=true", false),
            ("x=include_secrets=true", false),
            ("include_secrets=false", false),
            ("include_secrets=False&include_secrets=0", false),
            ("include_secrets=oFF", false),
            ("include_secrets=true", true),
            ("include_secrets=1", true),
            ("include_secrets=True", true),
            ("include_secrets=on", true),
            ("include_secrets=yes", true),
            ("include_secrets=t", true),
            ("include_secrets=y", true),
            ("include_secrets=%74rue", true),
            ("%69nclude%5Fsecrets=true", true),
            ("include_secrets", true),
            ("include_secrets=", true),
            ("include_secrets=+false", true),
            ("include_secrets=2", true),
            ("include_secrets=nope", true),
            ("include_secrets=false&include_secrets=true", true),
            ("include_secrets=true&include_secrets=false", true),
            ("a=b;include_secrets=true", true),
            ("a=b&&include_secrets=true", true),
        ] {
            assert_eq!(query_reveals(query), expected, "{query}");
            for line in ["GET /api/block_documents/1", "POST /api/block_types/filter", "GET /v2/blocks"] {
                let (method, path) = line.split_once(' ').unwrap();
                let refused = expected.then_some("secrets_refused");
                assert_eq!(judged(method, &format!("{path}?{query}"), false), refused, "{line} {query}");
            }
        }
    }

    #[test]
    fn a_body_that_does_not_clearly_say_no_to_secrets_asks_for_them() {
        for (body, expected) in [
            ("", Some(false)),
            ("{}", Some(false)),
            (" {\"limit\": 5, \"sort\": [1, {\"a\": 1e9}]}\n", Some(false)),
            ("{\"include_secrets\": false}", Some(false)),
            ("{\"include_secrets\": false, \"include_secrets\": false}", Some(false)),
            // Only at the top is it the server's.
            ("{\"block_documents\": {\"include_secrets\": true}}", Some(false)),
            ("{\"x\": \"include_secrets\"}", Some(false)),
            ("{\"include_secrets\": true}", Some(true)),
            ("{\"include_secrets\": true, \"include_secrets\": false}", Some(true)),
            ("{\"include_secrets\": false, \"include_secrets\": true}", Some(true)),
            ("{\"include\\u005fsecrets\": true}", Some(true)),
            ("{\"include_secrets\": 1}", Some(true)),
            ("{\"include_secrets\": \"yes\"}", Some(true)),
            ("{\"include_secrets\": null}", Some(true)),
            ("{\"include_secrets\": [false]}", Some(true)),
            ("[{\"include_secrets\": true}]", None),
            ("true", None),
            ("{\"include_secrets\": true", None),
            ("{} {\"include_secrets\": true}", None),
            ("{\"a\": NaN, \"include_secrets\": true}", None),
            ("{'include_secrets': true}", None),
            ("include_secrets=true", None),
            ("\u{feff}{\"include_secrets\": true}", None),
        ] {
            assert_eq!(reveals(body.as_bytes()), expected, "{body}");
        }
        // Python reads these as JSON.
        let wide: Vec<u8> = "{\"include_secrets\": true}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(reveals(&wide), None);
        assert_eq!(reveals(b"{\"\xff\": 1}"), None);
    }
}
