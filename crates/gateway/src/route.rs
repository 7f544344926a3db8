//! Step 3: which place on the server a path of ours means.
//!
//! 1. `/api` and what is below goes to the API's base; everything else to the UI's base.
//! 2. The UI's own base path may be in the request (pages built for `/prefect` ask for `/prefect/assets/…`)
//!    or not (`/` in the address bar; edges that strip the prefix): both mean the same place.
//! 3. Bytes are passed on as they came. What they *mean* (percent-encoding undone, dot segments resolved)
//!    is looked at here, once: a path that would leave its base is refused, and policy judges the meaning.

use std::borrow::Cow;
use std::sync::Arc;

use http::Uri;
use http::uri::PathAndQuery;

use crate::fault::Fault;
use crate::upstream::{Base, Upstream};

/// Where a request goes.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// In absolute form.
    pub(crate) uri: Uri,
    /// The base it lies under.
    pub(crate) base: Arc<Base>,
    /// What it means below the API's base, starting with `/` or empty; `None` for what is not the API's.
    pub(crate) api_path: Option<String>,
    /// Whether every server reads the path so: see [`is_plain`].
    pub(crate) is_plain: bool,
    /// The UI's `/ui-settings`.
    pub(crate) is_settings: bool,
}

/// Maps a request's target, or refuses what would leave the profile's bases.
pub(crate) fn target(uri: &Uri, upstream: &Upstream) -> Result<Target, Fault> {
    let path = uri.path();
    if !path.starts_with('/') {
        return Err(Fault::Malformed("the target is not a path"));
    }
    let rest = upstream.ui.below(path).unwrap_or(path);
    let api = rest.strip_prefix("/api").filter(|rest| rest.is_empty() || rest.starts_with('/'));
    let (base, rest) = match api {
        Some(rest) => (&upstream.api, rest),
        None => (&upstream.ui, rest),
    };
    let path = match uri.path_and_query() {
        // Most paths are the same there.
        Some(asked) if path.strip_prefix(base.path.as_str()) == Some(rest) => asked.clone(),
        _ => join(base, rest, uri.query())?,
    };
    at(base, rest, path, upstream)
}

/// A path below the API's base, for our own use.
pub(crate) fn api(upstream: &Upstream, rest: &str, query: Option<&str>) -> Target {
    let target = join(&upstream.api, rest, query).and_then(|path| at(&upstream.api, rest, path, upstream));
    target.unwrap_or_else(|_| Target {
        uri: Uri::default(),
        base: Arc::clone(&upstream.api),
        api_path: None,
        is_plain: false,
        is_settings: false,
    })
}

fn join(base: &Base, rest: &str, query: Option<&str>) -> Result<PathAndQuery, Fault> {
    let mut raw = format!("{}{rest}", base.path);
    if raw.is_empty() {
        raw.push('/');
    }
    if let Some(query) = query {
        raw.push('?');
        raw.push_str(query);
    }
    PathAndQuery::try_from(raw).map_err(|_| Fault::Malformed("the target is not a path"))
}

/// `path` is `rest` below `base`, with a query or without.
fn at(base: &Arc<Base>, rest: &str, path: PathAndQuery, upstream: &Upstream) -> Result<Target, Fault> {
    const OUTSIDE: Fault = Fault::Malformed("the path leaves the server's base path");

    let (meaning, is_plain) = if means_itself(rest) {
        (Cow::Borrowed(rest), true)
    } else {
        let decoded = percent_decode(rest.as_bytes());
        let meaning = resolve(&decoded).filter(|_| !climbs_later(&decoded)).ok_or(OUTSIDE)?;
        let is_plain = is_plain(rest, &decoded, &meaning);
        (Cow::Owned(meaning), is_plain)
    };
    let api_path = if Arc::ptr_eq(base, &upstream.api) {
        Some(meaning.as_ref().to_owned())
    } else {
        let below = |path: &str| upstream.api.below(path).map(str::to_owned);
        let here = base.origin == upstream.api.origin;
        here.then(|| if base.path.is_empty() { below(&meaning) } else { below(&format!("{}{meaning}", base.path)) })
            .flatten()
    };
    let is_settings = meaning == "/ui-settings" && api_path.is_none();

    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(base.scheme.clone());
    parts.authority = Some(base.authority.clone());
    parts.path_and_query = Some(path);
    let uri = Uri::from_parts(parts).map_err(|_| Fault::Malformed("the target is not a path"))?;
    Ok(Target { uri, base: Arc::clone(base), api_path, is_plain, is_settings })
}

/// Whether nothing in it is encoded, doubled or dotted, as in most paths.
fn means_itself(path: &str) -> bool {
    let plain =
        |pair: &[u8]| !matches!(pair, [b'/', b'/' | b'.'] | [b'%' | b';' | b'\\', _] | [_, b'%' | b';' | b'\\']);
    path == "/" || (path.starts_with('/') && path.as_bytes().windows(2).all(plain))
}

/// Whether a path leaves servers no choice: there is nothing in it to resolve, no slash hides behind its encoding, and
/// nothing that would end a path, or be decoded, if it were read once more.
fn is_plain(path: &str, decoded: &str, meaning: &str) -> bool {
    let slashes = |text: &str| text.bytes().filter(|byte| *byte == b'/').count();
    decoded == meaning
        && slashes(path) == slashes(meaning)
        && !meaning.contains(|c: char| matches!(c, ';' | '?' | '#' | '%') || c.is_control())
}

/// Whether a decoded path climbs above its start where it is decoded again, as when edge and server do so in turn; or
/// is encoded more often than anybody does.
fn climbs_later(decoded: &str) -> bool {
    const DECODINGS: usize = 3;

    let mut decoded = decoded.to_owned();
    for _ in 0..DECODINGS {
        if !decoded.contains('%') {
            return false;
        }
        decoded = percent_decode(decoded.as_bytes());
        if resolve(&decoded).is_none() {
            return true;
        }
    }
    percent_decode(decoded.as_bytes()) != decoded
}

/// What a path means to a server that decodes it once: `None` if it climbs above its start.
pub(crate) fn meaning(path: &str) -> Option<Cow<'_, str>> {
    if means_itself(path) { Some(path.into()) } else { resolve(&percent_decode(path.as_bytes())).map(Into::into) }
}

/// A decoded path without its dot segments: `None` if it climbs above its start.
///
/// Backslashes count as slashes and `..;x` as `..`, since some servers take them so.
fn resolve(decoded: &str) -> Option<String> {
    let mut segments: Vec<&str> = Vec::new();
    for segment in decoded.split(['/', '\\']) {
        match segment.split(';').next().unwrap_or(segment) {
            "" | "." => {}
            ".." => {
                segments.pop()?;
            }
            _ => segments.push(segment),
        }
    }
    let mut meaning = String::with_capacity(decoded.len());
    for segment in &segments {
        meaning.push('/');
        meaning.push_str(segment);
    }
    // A slash at the end is part of the meaning: Starlette routes `/x/` and `/x` differently.
    if decoded.ends_with(['/', '\\']) {
        meaning.push('/');
    }
    Some(meaning)
}

fn percent_decode(bytes: &[u8]) -> String {
    let hex = |b: u8| char::from(b).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        if let [b'%', high, low, after @ ..] = rest
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            decoded.push(high << 4 | low);
            rest = after;
        } else {
            decoded.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use url::Url;

    use super::*;
    use crate::config::Remote;

    fn upstream(url: &str, api_url: Option<&str>) -> Upstream {
        let mut remote = Remote::at(Url::parse(url).unwrap());
        remote.api_url = api_url.map(|url| Url::parse(url).unwrap());
        Upstream::new(&crate::Config::of(remote)).unwrap()
    }

    fn routed(upstream: &Upstream, path: &str) -> Option<(String, Option<String>)> {
        let target = target(&path.parse().ok()?, upstream).ok()?;
        Some((target.uri.to_string(), target.api_path))
    }

    #[test]
    fn paths_reach_the_base_they_belong_to_byte_for_byte() {
        let plain = upstream("http://s:4200", None);
        let based = upstream("http://s/prefect/", None);
        let split = upstream("http://s/prefect", Some("http://api.s:8080/x/api"));
        for (upstream, path, to, api) in [
            (&plain, "/", "http://s:4200/", None),
            (&plain, "/v2/runs?a=%2F&b", "http://s:4200/v2/runs?a=%2F&b", None),
            (&plain, "/api/flows/filter", "http://s:4200/api/flows/filter", Some("/flows/filter")),
            (&plain, "/apix", "http://s:4200/apix", None),
            (&plain, "//evil/x", "http://s:4200//evil/x", None),
            (&plain, "/a/%2e%2e/api/flows", "http://s:4200/a/%2e%2e/api/flows", Some("/flows")),
            (&plain, "/%61pi/flows", "http://s:4200/%61pi/flows", Some("/flows")),
            (&plain, "/a%252e", "http://s:4200/a%252e", None),
            (&based, "/", "http://s/prefect/", None),
            (&based, "/prefect/assets/x.js", "http://s/prefect/assets/x.js", None),
            (&based, "/assets/x.js", "http://s/prefect/assets/x.js", None),
            (&based, "/prefect/api/flows", "http://s/prefect/api/flows", Some("/flows")),
            (&based, "/api/flows/", "http://s/prefect/api/flows/", Some("/flows/")),
            (&split, "/api/flows", "http://api.s:8080/x/api/flows", Some("/flows")),
            (&split, "/prefect/api/flows", "http://api.s:8080/x/api/flows", Some("/flows")),
            (&split, "/runs", "http://s/prefect/runs", None),
        ] {
            assert_eq!(routed(upstream, path), Some((to.to_owned(), api.map(str::to_owned))), "{path}");
        }
    }

    #[test]
    fn nothing_leaves_its_base() {
        let based = upstream("http://s/prefect", None);
        for path in [
            "/..",
            "/../x",
            "/a/../../x",
            "/%2e%2e/x",
            "/%2E./x",
            "/..%2fx",
            "/..%5cx",
            "/..;/x",
            "/prefect/../x",
            "/api/../ui",
            "/api/%2e%2e/ui",
        ] {
            assert_eq!(routed(&based, path), None, "{path}");
        }
    }

    #[test]
    fn ui_settings_are_known_wherever_they_lie() {
        for (url, path, expected) in [
            ("http://s", "/ui-settings", true),
            ("http://s/prefect", "/prefect/ui-settings", true),
            ("http://s/prefect", "/ui-settings", true),
            ("http://s", "/api/ui-settings", false),
            ("http://s", "/x/ui-settings", false),
        ] {
            assert_eq!(
                target(&path.parse().unwrap(), &upstream(url, None)).unwrap().is_settings,
                expected,
                "{url} {path}"
            );
        }
    }

    static UPSTREAMS: LazyLock<[Upstream; 4]> = LazyLock::new(|| {
        [
            upstream("http://s:4200", None),
            upstream("https://s.example.com/prefect", None),
            upstream("https://s.example.com/prefect", Some("https://api.example.com:8443/x/api")),
            upstream("https://s.example.com", Some("https://s.example.com/other/api")),
        ]
    });

    proptest! {
        #[test]
        fn a_path_keeps_its_bytes_stays_in_its_base_and_leads_back_to_itself(
            which in 0..4_usize,
            start in prop::sample::select(vec!["", "/api", "/prefect", "/prefect/api", "/other/api", "/x", "/assets"]),
            rest in "(/([a-z.;@:\\\\]|%2[efEF]|%5c|%25|\u{fc}|\\.\\.){0,4}){1,5}(\\?[a-z=&/?.%]{0,8})?",
        ) {
            const OURS: &str = "http://prod.localhost:4201";
            let (upstream, came) = (&UPSTREAMS[which], format!("{start}{rest}"));
            let Ok(to) = target(&came.parse().unwrap(), upstream) else { return Ok(()) };
            let (ui, api) = (&upstream.ui, &upstream.api);
            prop_assert!([ui, api].contains(&&to.base));
            prop_assert_eq!((to.uri.scheme(), to.uri.authority()), (Some(&to.base.scheme), Some(&to.base.authority)));

            // As it came, below its base; with the base's own path and `/api` in it or not.
            let raw = to.uri.path_and_query().unwrap().as_str();
            let below = raw.strip_prefix(to.base.path.as_str()).unwrap();
            let mut said = vec![came.clone()];
            said.extend(came.strip_prefix(ui.path.as_str()).map(str::to_owned));
            said.extend(said.clone().iter().filter_map(|path| path.strip_prefix("/api").map(str::to_owned)));
            prop_assert!(said.iter().any(|path| path == below), "{} -> {}", came, raw);

            // A browser resolves dots before it asks: nothing is left to climb out with.
            let seen = Url::parse(&to.uri.to_string()).unwrap();
            prop_assert!(to.base.below(seen.path()).is_some(), "{} -> {}", came, seen);

            // The server calls it by its full name: through us that is the same place.
            let mapped = crate::inbound::map_url(&to.uri.to_string(), OURS, upstream).unwrap();
            let again = target(&mapped.strip_prefix(OURS).unwrap().parse().unwrap(), upstream).unwrap();
            prop_assert_eq!(again.uri, to.uri, "{}", came);
            prop_assert_eq!((again.api_path, again.is_settings), (to.api_path, to.is_settings));
        }
    }
}
