//! What of a page's address is kept, and what is given to others: no secret, and nothing of ours.

use url::{Url, form_urlencoded};

use crate::profile::Profile;

/// What of a page's path is kept: the path, and of its query what does not look like a secret. `None` for what is no page
/// of the UI's.
#[must_use]
pub(crate) fn page(path: &str) -> Option<String> {
    /// More than any page of Prefect's has.
    const LONGEST: usize = 2048;
    let url = Url::parse("http://localhost").ok()?.join(path).ok()?;
    let first = url.path_segments()?.next().unwrap_or_default();
    if !path.starts_with('/') || path.starts_with("//") || matches!(first, ".postern" | "api") {
        return None;
    }
    let query = url.query().and_then(harmless).map_or_else(String::new, |query| format!("?{query}"));
    let page = format!("{}{query}", url.path());
    (page.len() <= LONGEST).then_some(page)
}

/// Those fields of a query, or of a fragment that is like one, that do not look like secrets; as they are written.
fn harmless(fields: &str) -> Option<String> {
    let hides = |field: &&str| form_urlencoded::parse(field.as_bytes()).any(|(key, _)| is_secret(&key));
    let harmless: Vec<&str> = fields.split('&').filter(|field| !hides(field)).collect();
    Some(harmless.join("&")).filter(|fields| !fields.is_empty())
}

/// Whether a field of this name may hold a secret, such as a sign-in's answer.
fn is_secret(key: &str) -> bool {
    const PARTS: &str = "assertion auth code credential jwt key otp pass saml secret session sig ticket token";
    let key = key.to_ascii_lowercase();
    PARTS.split(' ').any(|part| key.contains(part))
}

/// Where colleagues find the page that is at this address of the profile's gateway: the server's own address, without
/// anything of ours, and without what looks like a secret. A page of the gateway's own leads to the server's first page.
#[must_use]
pub(crate) fn server_link(profile: &Profile, address: &Url) -> Url {
    let mut link = profile.url.clone();
    let base = profile.url.path().trim_end_matches('/');
    let path = address.path();
    let below = path.strip_prefix(base).filter(|below| below.is_empty() || below.starts_with('/')).unwrap_or(path);
    if below.split('/').nth(1) != Some(".postern") {
        link.set_path(&format!("{base}{below}"));
        link.set_query(address.query().and_then(harmless).as_deref());
        link.set_fragment(address.fragment().and_then(harmless).as_deref());
    }
    link
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::fixture::written;

    #[test]
    fn what_is_kept_of_a_page_is_a_path_of_the_uis_and_no_secret() {
        for (path, expected) in [
            ("/", Some("/")),
            ("/v2/runs?state=failed&tab=logs#top", Some("/v2/runs?state=failed&tab=logs")),
            ("/prefect/v2/flows/1", Some("/prefect/v2/flows/1")),
            ("/v2/runs?q=%26%3D", Some("/v2/runs?q=%26%3D")),
            ("/v2/x?token=canary&page=2&API_KEY=canary&X-Auth=canary&passwd=canary", Some("/v2/x?page=2")),
            ("/v2/x?code=canary&session_id=canary&signature=canary", Some("/v2/x")),
            ("/v2/x?jwt=canary&ticket=canary&otp=canary&client_assertion=canary&SAMLResponse=canary", Some("/v2/x")),
            ("/v2/x?%74oken=canary&a+b=c&tags[]=x", Some("/v2/x?a+b=c&tags[]=x")),
            ("/v2/x#access_token=canary", Some("/v2/x")),
            ("/.postern/enter?pass=canary", None),
            ("/api/admin/version", None),
            ("//evil.example/x", None),
            ("https://evil.example/x", None),
            ("v2", None),
            ("", None),
        ] {
            assert_eq!(page(path).as_deref(), expected, "{path}");
            // What is kept once is kept as it is.
            assert_eq!(page(path).and_then(|page| super::page(&page)), page(path), "{path}");
        }
        assert_eq!(page(&format!("/{}", "a".repeat(3000))), None);
    }

    #[test]
    fn a_copied_link_is_one_that_a_colleague_can_open() {
        let at = |url: &str| {
            let url = url.to_owned();
            crate::profile::Written { url, ..written("prod", 4201) }.check().unwrap()
        };
        for (server, address, expected) in [
            (
                "https://s.example.com",
                "http://prod.localhost:4201/v2/runs?x=1#top",
                "https://s.example.com/v2/runs?x=1#top",
            ),
            (
                "https://s.example.com/prefect",
                "http://prod.localhost:4201/prefect/v2/runs",
                "https://s.example.com/prefect/v2/runs",
            ),
            (
                "https://s.example.com/prefect",
                "http://prod.localhost:4201/v2/runs",
                "https://s.example.com/prefect/v2/runs",
            ),
            (
                "https://s.example.com/prefect",
                "http://prod.localhost:4201/prefecture",
                "https://s.example.com/prefect/prefecture",
            ),
            ("https://s.example.com:8443/p/", "http://prod.localhost:4201/", "https://s.example.com:8443/p/"),
            (
                "https://s.example.com/p",
                "http://prod.localhost:4201/.postern/enter?pass=canary",
                "https://s.example.com/p",
            ),
            (
                "https://s.example.com",
                "http://prod.localhost:4201//evil.example/x",
                "https://s.example.com//evil.example/x",
            ),
            (
                "https://s.example.com",
                "http://prod.localhost:4201/v2/x?tags[]=a%20b&token=canary#access_token=canary&state=open",
                "https://s.example.com/v2/x?tags[]=a%20b#state=open",
            ),
            (
                "https://s.example.com",
                "http://prod.localhost:4201/v2/x?jwt=canary#id_token=canary",
                "https://s.example.com/v2/x",
            ),
        ] {
            assert_eq!(server_link(&at(server), &address.parse().unwrap()).as_str(), expected, "{address}");
        }
    }
}
