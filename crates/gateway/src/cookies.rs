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
        let page = pairs(headers)
            .filter(|pair| !ours.iter().any(|(name, _)| name_of(pair) == name))
            .map(str::to_owned)
            .collect::<Vec<_>>();
        let all = page.into_iter().chain(ours.iter().map(|(name, value)| format!("{name}={value}")));
        if let Ok(mut value) = HeaderValue::try_from(all.collect::<Vec<_>>().join("; ")) {
            value.set_sensitive(true);
            headers.insert(COOKIE, value);
        }
    }
}

fn url(target: &Uri) -> Option<Url> {
    Url::parse(&target.to_string()).ok()
}

/// The `name=value` pairs of all `Cookie` lines. A line that is not visible ASCII has none.
pub(crate) fn pairs(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
}

/// The name in `name=value`.
pub(crate) fn name_of(pair: &str) -> &str {
    pair.split('=').next().unwrap_or(pair)
}

/// Takes our own cookie out of a request; the page's others pass.
pub(crate) fn strip_ours(headers: &mut HeaderMap, ours: &str) {
    if !pairs(headers).any(|pair| name_of(pair) == ours) {
        return;
    }
    let rest = pairs(headers).filter(|pair| name_of(pair) != ours).collect::<Vec<_>>().join("; ");
    match HeaderValue::try_from(rest) {
        Ok(value) if !value.is_empty() => headers.insert(COOKIE, value),
        Ok(_) | Err(_) => headers.remove(COOKIE),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (COOKIE, HeaderValue::from_str(line).unwrap())).collect()
    }

    #[test]
    fn our_cookie_leaves_no_trace_and_the_pages_pass() {
        for (given, left) in [
            (&["postern-prod=x"][..], None),
            (&["a=1; postern-prod=x; b=2"], Some("a=1; b=2")),
            (&["postern-prod=x", "a=1"], Some("a=1")),
            (&["postern-prod2=x"], Some("postern-prod2=x")),
        ] {
            let mut headers = headers(given);
            strip_ours(&mut headers, "postern-prod");
            assert_eq!(headers.get(COOKIE).map(|v| v.to_str().unwrap()), left, "{given:?}");
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

        let mut request = headers(&["page=2; edge=forged"]);
        jar.add(&mut request, &home);
        assert_eq!(request[COOKIE], "page=2; edge=1");
        assert!(request[COOKIE].is_sensitive());

        let mut foreign = headers(&["page=2"]);
        jar.add(&mut foreign, &Uri::from_static("https://api.other.example.org/"));
        assert_eq!(foreign[COOKIE], "page=2");
    }
}
