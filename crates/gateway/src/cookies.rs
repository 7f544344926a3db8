//! The server's cookies live here, in memory, for as long as the gateway: no browser ever gets them, so
//! profile A's cannot reach B (cookies ignore ports), and none is lost to rules about `Secure` on loopback.
//!
//! A cookie reaches no further than its site: not from one registrant's host to another's (`Domain=co.uk`, or that of a
//! platform whose customers are strangers), when UI and API are such hosts.
//!
//! Bounded, as RFC 6265, section 6.1, lets user agents be: a cookie of over [`LONGEST`] is refused; over [`COOKIES`]
//! or over [`ALL`] together, the oldest give way. So neither memory nor a request's head grows as the server pleases.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cookie_store::{Cookie, CookieDomain, CookieStore, StoreAction};
use http::Uri;
use http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use url::Url;

/// What a cookie's name, value and attributes may be together, in bytes.
const LONGEST: usize = 4 * 1024;
/// How many cookies a jar holds.
const COOKIES: usize = 50;
/// What the names and values of all of them may be together, in bytes.
const ALL: usize = 16 * 1024;

/// One profile's jar.
#[derive(Default)]
pub(crate) struct Jar {
    /// Most servers set none: then a request takes no lock.
    any: AtomicBool,
    kept: Mutex<Kept>,
}

/// The cookies, and in which order they came.
#[derive(Default)]
struct Kept {
    store: CookieStore,
    /// The oldest first. A cookie that is set again counts as new.
    order: VecDeque<Key>,
}

/// What makes a cookie one and the same (RFC 6265, section 5.3, step 11).
#[derive(PartialEq)]
struct Key {
    domain: String,
    path: String,
    name: String,
}

impl Key {
    fn of(cookie: &Cookie<'_>) -> Self {
        Self { domain: (&cookie.domain).into(), path: (&cookie.path).into(), name: cookie.name().to_owned() }
    }
}

fn size(cookie: &Cookie<'_>) -> usize {
    cookie.name().len() + cookie.value().len()
}

/// Whether strangers share what is below it. Unlisted, a single label counts as one: `*` is the list's last rule.
fn is_public_suffix(domain: &CookieDomain) -> bool {
    domain
        .as_cow()
        .is_some_and(|domain| psl::suffix(domain.as_bytes()).is_some_and(|suffix| suffix == domain.as_bytes()))
}

impl Kept {
    /// Takes one cookie in, or out where it has expired.
    fn take(&mut self, set_cookie: &str, target: &Url) {
        if set_cookie.len() > LONGEST {
            return;
        }
        let Ok(mut cookie) = Cookie::parse(set_cookie.to_owned(), target) else { return };
        if is_public_suffix(&cookie.domain) {
            // RFC 6265, section 5.3, step 5. A host that is one itself keeps its cookies to itself.
            let Ok(own) = CookieDomain::host_only(target) else { return };
            if !cookie.domain.host_is_identical(target) {
                return;
            }
            cookie.domain = own;
        }
        let key = Key::of(&cookie);
        let Ok(action) = self.store.insert(cookie, target) else { return };
        self.order.retain(|kept| *kept != key);
        match action {
            StoreAction::Inserted | StoreAction::UpdatedExisting => self.order.push_back(key),
            StoreAction::ExpiredExisting => drop(self.store.remove(&key.domain, &key.path, &key.name)),
        }
        while self.order.len() > COOKIES || self.store.iter_any().map(size).sum::<usize>() > ALL {
            let Some(oldest) = self.order.pop_front() else { return };
            self.store.remove(&oldest.domain, &oldest.path, &oldest.name);
        }
    }

    /// Names and values for a request, in the order that servers rely on where names are equal: longer paths first,
    /// then older cookies (RFC 6265, section 5.4).
    fn sent(&self, target: &Url) -> Vec<(String, String)> {
        let mut sent = self.store.matches(target);
        sent.sort_by_cached_key(|cookie| {
            let this = Key::of(cookie);
            (Reverse(this.path.len()), self.order.iter().position(|key| *key == this))
        });
        sent.into_iter().map(|cookie| (cookie.name().to_owned(), cookie.value().to_owned())).collect()
    }
}

impl std::fmt::Debug for Jar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Jar(****)")
    }
}

impl Jar {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the `Set-Cookie` lines out of an answer.
    pub(crate) fn keep(&self, headers: &mut HeaderMap, target: &Uri) {
        if let http::header::Entry::Occupied(lines) = headers.entry(SET_COOKIE) {
            if let Some(target) = url(target) {
                let mut kept = self.kept();
                for line in lines.iter().filter_map(|line| std::str::from_utf8(line.as_bytes()).ok()) {
                    kept.take(line, &target);
                }
                self.any.store(!kept.order.is_empty(), Ordering::Release);
            }
            lines.remove_entry_mult();
        }
    }

    /// Puts the jar's cookies into a request, after the page's own; the jar's win where names are equal.
    pub(crate) fn add(&self, headers: &mut HeaderMap, target: &Uri) {
        if !self.any.load(Ordering::Acquire) {
            return;
        }
        let Some(target) = url(target) else { return };
        let ours = self.kept().sent(&target);
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
    use proptest::prelude::*;

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

    #[test]
    fn a_cookie_reaches_its_site_and_no_other_registrants() {
        const HOME: &str = "prefect.example.co.uk";
        for (from, domain, to, reaches) in [
            (HOME, None, HOME, true),
            (HOME, None, "api.example.co.uk", false),
            (HOME, Some("example.co.uk"), HOME, true),
            (HOME, Some(".Example.CO.UK"), "api.example.co.uk", true),
            (HOME, Some("example.co.uk"), "api.example.co.uk:8443", true),
            (HOME, Some("example.co.uk"), "notexample.co.uk", false),
            (HOME, Some("example.co.uk"), "other.co.uk", false),
            (HOME, Some("co.uk"), HOME, false),
            (HOME, Some("co.uk"), "other.co.uk", false),
            (HOME, Some(".co.uk"), "other.co.uk", false),
            (HOME, Some("uk"), "other.co.uk", false),
            (HOME, Some("api.example.co.uk"), "api.example.co.uk", false),
            ("prefect.example.co.uk.", Some("co.uk."), "other.co.uk.", false),
            // The list's other half: platforms.
            ("me.github.io", Some("github.io"), "you.github.io", false),
            ("me.github.io", Some("me.github.io"), "me.github.io", true),
            ("github.io", Some("github.io"), "github.io", true),
            ("github.io", Some("github.io"), "you.github.io", false),
            // Wildcards and their exceptions.
            ("a.b.ck", Some("b.ck"), "c.b.ck", false),
            ("a.www.ck", Some("www.ck"), "c.www.ck", true),
            // Not ASCII: \u{516c}\u{53f8}.cn
            ("a.xn--55qx5d.cn", Some("\u{516c}\u{53f8}.cn"), "b.xn--55qx5d.cn", false),
            // Names that no registry knows.
            ("prefect.corp", Some("corp"), "wiki.corp", false),
            ("prefect.team.corp", Some("team.corp"), "api.team.corp", true),
            ("localhost", Some("localhost"), "localhost", true),
            ("127.0.0.1", Some("127.0.0.1"), "127.0.0.1", true),
            ("127.0.0.1", Some("0.0.1"), "127.0.0.1", false),
        ] {
            let jar = Jar::default();
            let mut answer = HeaderMap::new();
            let line = format!("a=1{}", domain.map(|domain| format!("; Domain={domain}")).unwrap_or_default());
            answer.append(SET_COOKIE, HeaderValue::from_bytes(line.as_bytes()).unwrap());
            jar.keep(&mut answer, &format!("https://{from}/").parse().unwrap());
            let mut request = HeaderMap::new();
            jar.add(&mut request, &format!("https://{to}/").parse().unwrap());
            assert_eq!(request.contains_key(COOKIE), reaches, "{from} {domain:?} {to}");
        }
    }

    /// The hosts of a profile, others of its domain, and strangers.
    const HOSTS: [&str; 6] =
        ["example.com", "s.example.com", "api.example.com", "s.example.com.evil.org", "xexample.com", "10.0.0.1"];

    proptest! {
        #[test]
        fn a_cookie_is_sent_where_rfc_6265_lets_it_and_nowhere_else(
            from in 0..HOSTS.len(), to in 0..HOSTS.len(), domain in prop::option::of(0..HOSTS.len()),
            path in prop::sample::select(vec!["", "/", "/api", "/api/", "/ap"]),
            (secure, https, dot) in any::<(bool, bool, bool)>(), value in "[!#-+./-:<-~]{0,8}",
        ) {
            let (from, to) = (HOSTS[from], HOSTS[to]);
            let jar = Jar::default();
            let dot = if dot { "." } else { "" };
            let mut line = format!("n={value}; HttpOnly");
            if let Some(domain) = domain {
                line = format!("{line}; Domain={dot}{}", HOSTS[domain]);
            }
            if !path.is_empty() {
                line = format!("{line}; Path={path}");
            }
            if secure {
                line.push_str("; Secure");
            }
            let mut answer = HeaderMap::new();
            answer.append(SET_COOKIE, HeaderValue::from_str(&line).unwrap());
            jar.keep(&mut answer, &format!("https://{from}/api/flows").parse().unwrap());
            prop_assert!(answer.is_empty());

            let matches = |host: &str, domain: &str| {
                let below = host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
                host == domain || (below && host.parse::<std::net::IpAddr>().is_err())
            };
            let there = match domain.map(|domain| HOSTS[domain]) {
                None => from == to,
                Some(domain) => matches(from, domain) && matches(to, domain),
            };
            // From `/api/flows`, its folder is the default; `/ap` is no folder above.
            let expected = there && (!secure || https) && path != "/ap";
            let mut request = HeaderMap::new();
            let scheme = if https { "https" } else { "http" };
            jar.add(&mut request, &format!("{scheme}://{to}/api/flow_runs").parse().unwrap());
            let sent = request.get(COOKIE).map(|line| line.to_str().unwrap().to_owned());
            prop_assert_eq!(sent, expected.then(|| format!("n={value}")), "{} from {}", line, from);
        }
    }

    /// What a jar sends home after it was given these lines.
    fn sent(lines: impl IntoIterator<Item = String>) -> Vec<String> {
        let (jar, home) = (Jar::default(), Uri::from_static("https://prefect.example.com/api/flows"));
        for line in lines {
            let mut answer = HeaderMap::new();
            answer.append(SET_COOKIE, HeaderValue::from_str(&line).unwrap());
            jar.keep(&mut answer, &home);
        }
        let mut request = HeaderMap::new();
        jar.add(&mut request, &home);
        let mut sent: Vec<String> =
            pairs(&request).map(|pair| String::from_utf8_lossy(name_and_value(pair).0).into_owned()).collect();
        sent.sort_unstable();
        sent
    }

    fn numbered(range: std::ops::Range<usize>) -> Vec<String> {
        range.map(|n| format!("n{n:03}")).collect()
    }

    #[test]
    fn cookies_of_one_name_are_sent_longer_paths_first() {
        let (jar, home) = (Jar::default(), Uri::from_static("https://prefect.example.com/api/flows/x"));
        let mut answer = HeaderMap::new();
        for (value, path) in [("root", "/"), ("flows", "/api/flows"), ("api", "/api"), ("other", "/other")] {
            answer.append(SET_COOKIE, HeaderValue::from_str(&format!("session={value}; Path={path}")).unwrap());
        }
        answer.append(SET_COOKIE, HeaderValue::from_bytes("\u{fc}=\u{e9}; Path=/".as_bytes()).unwrap());
        jar.keep(&mut answer, &home);
        let mut request = HeaderMap::new();
        jar.add(&mut request, &home);
        let expected = "session=flows; session=api; session=root; \u{fc}=\u{e9}";
        assert_eq!(request[COOKIE].as_bytes(), expected.as_bytes());
    }

    #[test]
    fn a_server_cannot_fill_memory_or_heads_with_cookies() {
        let too_long = "x".repeat(LONGEST);
        assert_eq!(sent(["a=1".to_owned(), format!("b={too_long}"), format!("c=1; X={too_long}")]), ["a"]);
        // Too many: the oldest give way.
        let many = numbered(0..500).into_iter().map(|name| format!("{name}=1"));
        assert_eq!(sent(many), numbered(450..500));
        // Too much.
        let large = numbered(0..20).into_iter().map(|name| format!("{name}={}", "x".repeat(4000)));
        assert_eq!(sent(large), numbered(16..20));
    }

    #[test]
    fn a_cookie_that_is_set_again_stays_and_one_that_is_taken_back_makes_room() {
        let session = |n: usize| [format!("n{n:03}=1"), "session=1".to_owned()];
        let mut expected = numbered(451..500);
        expected.push("session".to_owned());
        assert_eq!(sent((0..500).flat_map(session)), expected);

        let gone = (0..500).flat_map(|n| [format!("n{n:03}=1"), format!("n{n:03}=; Max-Age=0")]);
        assert_eq!(sent(std::iter::once("first=1".to_owned()).chain(gone)), ["first"]);
    }
}
