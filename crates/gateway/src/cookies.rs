//! The server's cookies live here, in memory, for as long as the gateway: no browser ever gets them, so
//! profile A's cannot reach B (cookies ignore ports), and none is lost to rules about `Secure` on loopback.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cookie_store::{CookieStore, RawCookie};
use http::Uri;
use http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use url::Url;

/// One profile's jar.
#[derive(Default)]
pub(crate) struct Jar {
    /// Most servers set none: then a request takes no lock.
    any: AtomicBool,
    store: Mutex<CookieStore>,
}

impl std::fmt::Debug for Jar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Jar(****)")
    }
}

impl Jar {
    fn store(&self) -> MutexGuard<'_, CookieStore> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the `Set-Cookie` lines out of an answer.
    pub(crate) fn keep(&self, headers: &mut HeaderMap, target: &Uri) {
        if let http::header::Entry::Occupied(lines) = headers.entry(SET_COOKIE) {
            let cookies: Vec<RawCookie<'static>> =
                lines.iter().filter_map(|line| RawCookie::parse(line.to_str().ok()?.to_owned()).ok()).collect();
            lines.remove_entry_mult();
            if let Some(target) = url(target) {
                self.store().store_response_cookies(cookies.into_iter(), &target);
                self.any.store(true, Ordering::Release);
            }
        }
    }

    /// Puts the jar's cookies into a request, after the page's own; the jar's win where names are equal.
    pub(crate) fn add(&self, headers: &mut HeaderMap, target: &Uri) {
        if !self.any.load(Ordering::Acquire) {
            return;
        }
        let Some(target) = url(target) else { return };
        let ours: Vec<(String, String)> =
            self.store().get_request_values(&target).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        if ours.is_empty() {
            return;
        }
        let is_ours = |pair: &[u8]| ours.iter().any(|(name, _)| name.as_bytes() == name_and_value(pair).0);
        let mut all: Vec<Vec<u8>> = pairs(headers).filter(|pair| !is_ours(pair)).map(<[u8]>::to_vec).collect();
        all.extend(ours.iter().map(|(name, value)| format!("{name}={value}").into_bytes()));
        if let Ok(mut value) = HeaderValue::from_bytes(&all.join(&b"; "[..])) {
            value.set_sensitive(true);
            headers.insert(COOKIE, value);
        }
    }
}

fn url(target: &Uri) -> Option<Url> {
    Url::parse(&target.to_string()).ok()
}

/// The `name=value` pairs of all `Cookie` lines, as bytes: pages may set cookies that are not ASCII, and those beside
/// one must not be lost with it.
pub(crate) fn pairs(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
        .map(<[u8]>::trim_ascii)
        .filter(|pair| !pair.is_empty())
}

/// The two sides of `name=value`.
pub(crate) fn name_and_value(pair: &[u8]) -> (&[u8], &[u8]) {
    let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
    (pair[..at].trim_ascii(), pair.get(at + 1..).unwrap_or_default().trim_ascii())
}

/// Takes our own cookie out of a request; the page's others pass.
pub(crate) fn strip_ours(headers: &mut HeaderMap, ours: &str) {
    let is_ours = |pair: &&[u8]| name_and_value(pair).0 == ours.as_bytes();
    if !pairs(headers).any(|pair| is_ours(&pair)) {
        return;
    }
    let rest = pairs(headers).filter(|pair| !is_ours(pair)).collect::<Vec<_>>().join(&b"; "[..]);
    match HeaderValue::from_bytes(&rest) {
        Ok(value) if !value.is_empty() => headers.insert(COOKIE, value),
        Ok(_) | Err(_) => headers.remove(COOKIE),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (COOKIE, HeaderValue::from_bytes(line.as_bytes()).unwrap())).collect()
    }

    #[test]
    fn our_cookie_leaves_no_trace_and_the_pages_pass() {
        for (given, left) in [
            (&["postern-prod=x"][..], None),
            (&["a=1; postern-prod=x; b=2"], Some("a=1; b=2")),
            (&["postern-prod=x", "a=1"], Some("a=1")),
            (&["postern-prod2=x"], Some("postern-prod2=x")),
            (&["caf\u{e9}=\u{fc}; postern-prod=x; a=1"], Some("caf\u{e9}=\u{fc}; a=1")),
            (&["\u{fc}=1", "postern-prod=x"], Some("\u{fc}=1")),
            (&["postern-prod =x; a"], Some("a")),
        ] {
            let mut headers = headers(given);
            strip_ours(&mut headers, "postern-prod");
            assert_eq!(headers.get(COOKIE).map(HeaderValue::as_bytes), left.map(str::as_bytes), "{given:?}");
            assert!(headers.get_all(COOKIE).iter().count() <= 1);
        }
    }

    #[test]
    fn the_servers_cookies_stay_in_the_jar_and_go_back_to_it_only() {
        let jar = Jar::default();
        let home = Uri::from_static("https://prefect.example.com/api/flows");
        let mut answer = HeaderMap::new();
        answer.append(SET_COOKIE, HeaderValue::from_static("edge=1; Secure; HttpOnly; Path=/"));
        answer.append(SET_COOKIE, HeaderValue::from_static("evil=1; Domain=other.example.org"));
        jar.keep(&mut answer, &home);
        assert!(answer.is_empty());

        let mut request = headers(&["page=2; edge=forged", "caf\u{e9}=1"]);
        jar.add(&mut request, &home);
        assert_eq!(request[COOKIE].as_bytes(), "page=2; caf\u{e9}=1; edge=1".as_bytes());
        assert!(request[COOKIE].is_sensitive());

        let mut foreign = headers(&["page=2"]);
        jar.add(&mut foreign, &Uri::from_static("https://api.other.example.org/"));
        assert_eq!(foreign[COOKIE], "page=2");
    }
}
