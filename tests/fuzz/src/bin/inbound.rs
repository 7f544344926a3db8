//! Addresses in an answer's headers: what pointed to the server points to the same place through us, and nothing points
//! anywhere else than before.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use postern_gateway::fuzzing::Server;
use url::Url;

const OURS: &str = "http://prod.localhost:4201";
const UI: &str = "https://s.example.com/prefect";
const API: &str = "https://api.example.com:8443/x/api";
const NAMES: [&str; 5] = ["location", "content-location", "refresh", "link", "content-security-policy"];

static SERVER: LazyLock<Server> = LazyLock::new(|| Server::new(UI, Some(API)).expect("a server"));

fuzz_target!(|input: (u8, &[u8])| {
    let (name, value) = input;
    let name = NAMES[usize::from(name) % NAMES.len()];
    let Some(headers) = SERVER.inbound("/v2/runs", &[(name, value)], OURS) else { return };
    let [(_, mapped)] = &headers[..] else { panic!("{headers:?}") };
    let [before, after] = [value, mapped].map(|value| String::from_utf8_lossy(value).into_owned());
    match name {
        "refresh" => {
            if let (Some(before), Some(after)) = (refresh(&before), refresh(&after)) {
                same_place(before, after);
            }
        }
        "link" => {
            let [before, after] = [&before, &after].map(|text| links(text));
            assert_eq!(before.len(), after.len());
            before.iter().zip(after).for_each(|(before, after)| same_place(before, after));
        }
        "content-security-policy" => same_policies(&before, &after),
        _ => same_place(&before, &after),
    }
});

/// A browser is led to the same by both: by one from the server's page, by the other from ours.
fn same_place(before: &str, after: &str) {
    let at = |origin: &str, text: &str| Url::parse(origin).and_then(|base| base.join(text)).ok();
    if before == after {
        // What is spelled as plainly as can be is mapped.
        let plain = Url::parse(before).is_ok_and(|url| url.as_str() == before && !url.path().contains('%'));
        for base in [UI, API] {
            let rest = before.strip_prefix(base).filter(|_| plain);
            assert!(!rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#'])), "{before}");
        }
        return;
    }
    let Some(was) = at(&format!("{UI}/v2/runs"), before) else { panic!("{before} became {after}") };
    let is = at(OURS, after).unwrap_or_else(|| panic!("{before} became {after}"));
    let bases = [UI, API].map(|base| Url::parse(base).expect("a base"));
    assert!(bases.iter().any(|base| base.origin() == was.origin()), "{before} became {after}");
    assert_eq!(is.origin().ascii_serialization(), OURS, "{before} became {after}");
    assert!(was.username().is_empty() && was.password().is_none(), "{before} became {after}");
    assert_eq!(was.fragment(), is.fragment());

    // And the way back leads to where it led before, where that is the profile's.
    let below = |base: &Url| {
        let rest = was.path().strip_prefix(base.path());
        was.origin() == base.origin() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    // The UI's own `api` is not where the API is here.
    if bases.iter().any(below) && !was.path().starts_with("/prefect/api") {
        let back = SERVER.target(&is[url::Position::BeforePath..url::Position::AfterQuery]);
        if let Some(back) = back.and_then(|target| Url::parse(&target.url).ok()) {
            let mut was = was;
            was.set_fragment(None);
            assert_eq!(back, was, "{before} became {after}");
        }
    }
}

/// Where `Refresh` leads: <https://html.spec.whatwg.org/#shared-declarative-refresh-steps>.
fn refresh(text: &str) -> Option<&str> {
    let text = text.trim_ascii_start();
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let rest = (rest.len() < text.len()).then_some(rest)?;
    let trimmed = rest.trim_ascii_start();
    let rest =
        trimmed.strip_prefix([';', ',']).unwrap_or(if trimmed.len() < rest.len() { trimmed } else { return None });
    let rest = rest.trim_ascii_start();
    let url = match rest.get(..3).filter(|name| name.eq_ignore_ascii_case("url")) {
        Some(_) => rest[3..].trim_ascii_start().strip_prefix('=').map_or(rest, str::trim_ascii_start),
        None => rest,
    };
    let quote = url.chars().next().filter(|c| matches!(c, '"' | '\''));
    Some(match quote {
        Some(quote) => url[1..].split(quote).next().unwrap_or_default(),
        None => url,
    })
}

fn links(text: &str) -> Vec<&str> {
    text.split('<').skip(1).filter_map(|piece| piece.split_once('>')).map(|(url, _)| url).collect()
}

/// Each policy says the same of each kind of content, of us where it spoke of the server, and none sends to https.
fn same_policies(before: &str, after: &str) {
    let [before, after] = [before, after].map(|text| text.split(',').map(directives).collect::<Vec<_>>());
    let dropped = |name: &str| matches!(name, "upgrade-insecure-requests" | "block-all-mixed-content");
    let kept = |policies: Vec<Vec<Vec<String>>>| -> Vec<Vec<Vec<String>>> {
        let kept = |policy: Vec<Vec<String>>| policy.into_iter().filter(|words| !dropped(&words[0])).collect();
        policies.into_iter().map(kept).filter(|policy: &Vec<_>| !policy.is_empty()).collect()
    };
    assert!(!after.iter().flatten().any(|words| dropped(&words[0])), "{after:?}");
    let (before, after) = (kept(before), kept(after));
    assert_eq!(before.len(), after.len(), "{before:?} {after:?}");
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.len(), after.len(), "{before:?} {after:?}");
        for (before, after) in before.iter().zip(after) {
            assert_eq!(before.len(), after.len(), "{before:?} {after:?}");
            for (before, after) in before.iter().zip(after) {
                if before != after {
                    // A host may stand without its scheme.
                    let says_it = before.split_once("://").is_some_and(|(scheme, _)| {
                        scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
                    });
                    let scheme = if says_it { "" } else { "https://" };
                    same_place(&format!("{scheme}{before}"), after);
                }
            }
        }
    }
}

fn directives(policy: &str) -> Vec<Vec<String>> {
    let words = |directive: &str| -> Vec<String> {
        let mut words: Vec<String> = directive.split_ascii_whitespace().map(str::to_owned).collect();
        if let Some(name) = words.first_mut() {
            name.make_ascii_lowercase();
        }
        words
    };
    policy.split(';').map(words).filter(|words| !words.is_empty()).collect()
}
