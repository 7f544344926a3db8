//! Paths that come from outside: wherever one leads, it is a place under one of the profile's bases, as a browser and
//! as a server that decodes once read it; its bytes are passed on as they came; and what a pass leads to is here.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use postern_gateway::fuzzing::{Server, local_path};
use url::Url;

/// Where the UI is, and where the API.
const PLACES: [(&str, Option<&str>, &str); 4] = [
    ("http://s:4200", None, "http://s:4200/api"),
    ("https://s.example.com/prefect", None, "https://s.example.com/prefect/api"),
    ("https://s.example.com/prefect", Some("https://api.example.com:8443/x/api"), "https://api.example.com:8443/x/api"),
    ("https://s.example.com/prefect", Some("https://s.example.com/other/api"), "https://s.example.com/other/api"),
];

static SERVERS: LazyLock<Vec<Server>> =
    LazyLock::new(|| PLACES.iter().map(|(url, api, _)| Server::new(url, *api).expect("a server")).collect());

fuzz_target!(|input: (u8, &str)| {
    let (place, path) = input;
    let ours = Url::parse("http://prod.localhost:4201/").expect("ours");
    if local_path(path) {
        assert_eq!(ours.join(path).expect("a local path").origin(), ours.origin());
    }

    // What the head guard takes for a target.
    if !path.bytes().all(|byte| matches!(byte, b'!'..=b'~' | 0x80..) && byte != b'#') {
        return;
    }
    let place = usize::from(place) % PLACES.len();
    let Some(target) = SERVERS[place].target(path) else { return };
    let (ui, _, api) = PLACES[place];
    let bases = [ui, api].map(|base| Url::parse(base).expect("a base"));
    let url = Url::parse(&target.url).expect("a target");
    let query = path.split_once('?').map(|(_, query)| query);
    assert_eq!(target.url.split_once('?').map(|(_, query)| query), query);

    let is_in = |base: &Url, path: &str| {
        let below = path.strip_prefix(base.path().trim_end_matches('/'));
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '\\', ';']))
    };
    let decoded = decoded(url.path());
    let in_base = |base: &Url| base.origin() == url.origin() && is_in(base, url.path()) && is_in(base, &decoded);
    assert!(bases.iter().any(in_base), "{url}");
    assert_eq!(url.username(), "");
    if target.api_path.is_some() {
        assert_eq!(url.origin(), bases[1].origin());
    }
    // What came stands at the end, but for a base that was said already.
    let came = path.split('?').next().unwrap_or_default();
    let absolute = came.split_once("://").filter(|_| !came.starts_with('/'));
    let came = absolute.map_or(came, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    let raw = target.url.split('?').next().unwrap_or_default();
    let without = |prefix: &str| came.strip_prefix(prefix).is_some_and(|rest| raw.ends_with(rest));
    assert!(raw.ends_with(came) || without("/api") || without("/prefect") || without("/prefect/api"), "{raw} {came}");
});

/// As a server reads a path that decodes it once and then resolves it: `/a/../b` is `/b`.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.filter(|hex| *first == b'%' && hex.bytes().all(|byte| byte.is_ascii_hexdigit())) {
            Some(hex) => {
                bytes.push(u8::from_str_radix(hex, 16).expect("hexadecimal"));
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    let mut resolved: Vec<&[u8]> = Vec::new();
    for segment in bytes.split(|byte| matches!(byte, b'/' | b'\\')) {
        match segment {
            b"" | b"." => {}
            b".." => {
                resolved.pop();
            }
            _ => resolved.push(segment),
        }
    }
    resolved.iter().map(|segment| format!("/{}", String::from_utf8_lossy(segment))).collect()
}
