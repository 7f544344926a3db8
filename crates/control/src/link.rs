//! Links to a server's pages: `postern://<id>/<path>`, and the addresses that people have of them.
//!
//! 1. A link says where to look, and no more: nothing of a profile can be told by one.
//! 2. It leads to the profile whose base has most in common with it. An address that no profile has is offered to be
//!    added, by a person; a link of ours to a profile that is not there leads nowhere.
//! 3. Refused are a user name or password, other schemes, and paths that climb (`..`, encoded or not), that hide a
//!    slash or that are the gateway's own: what the server makes of those is not what they look like.
//! 4. A link leads to pages. One to the API leads to the first page.

pub(crate) mod harmless;

use std::cmp::Reverse;

use url::Url;

use crate::profile::{Profile, ProfileId};

/// A link that can be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// `postern://<id>/<path>`
    Ours {
        /// Whose page.
        id: ProfileId,
        /// Below the UI's base; `/` at its beginning.
        to: String,
    },
    /// An address, without a user name, as [`Url`] writes it.
    Address(Url),
}

/// Where a link leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lead {
    /// To a page of this profile's.
    Page {
        /// Whose.
        id: ProfileId,
        /// Below the UI's base; `/` at its beginning, in ASCII.
        to: String,
    },
    /// To a server that has no profile.
    Unknown(Url),
    /// To a profile that is not there.
    Gone(ProfileId),
}

/// Why a text is no link. It is not repeated: it may have a password in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLink {
    /// Neither `postern://` nor an address.
    #[error("This is no link that Postern follows: it begins neither with postern:// nor with https:// or http://.")]
    Scheme,
    /// Not a web address.
    #[error("This is no web address.")]
    Address,
    /// No id after `postern://`.
    #[error("This link names no profile: an id follows postern://, like postern://prod/flows.")]
    Id,
    /// `user:password@`
    #[error("This link has a user name or password in it.")]
    Userinfo,
    /// `..` and what comes to the same.
    #[error("This link's path does not lead where it seems to.")]
    Path,
    /// Longer than any page's address.
    #[error("This link is too long.")]
    Length,
}

impl InvalidLink {
    /// What to do.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Userinfo => "Leave out everything up to the @: the profile has what the server asks for.",
            Self::Scheme | Self::Address | Self::Id | Self::Path | Self::Length => {
                "Open the page from the server's dashboard instead."
            }
        }
    }
}

impl Link {
    /// Reads it, as somebody has typed or clicked it.
    ///
    /// # Errors
    /// See [`InvalidLink`].
    pub fn parse(text: &str) -> Result<Self, InvalidLink> {
        /// More than a browser's address bar takes from a page.
        const LONGEST: usize = 4096;
        let text = text.trim();
        if text.len() > LONGEST {
            return Err(InvalidLink::Length);
        }
        let (scheme, rest) = text.split_once("://").ok_or(InvalidLink::Scheme)?;
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(InvalidLink::Userinfo);
        }
        if rest.contains(is_unseen) {
            return Err(InvalidLink::Path);
        }
        check_path(path.split(['?', '#']).next().unwrap_or_default())?;
        if scheme.eq_ignore_ascii_case("postern") {
            let id = authority.parse().map_err(|_| InvalidLink::Id)?;
            return Ok(Self::Ours { id, to: local(path)? });
        }
        if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
            return Err(InvalidLink::Scheme);
        }
        let url = Url::parse(text).map_err(|_| InvalidLink::Address)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidLink::Userinfo);
        }
        Ok(Self::Address(url))
    }

    /// Where it leads, of these profiles.
    #[must_use]
    pub fn lead(self, profiles: &[&Profile]) -> Lead {
        match self {
            Self::Ours { id, to } if profiles.iter().any(|profile| profile.id == id) => Lead::Page { id, to },
            Self::Ours { id, .. } => Lead::Gone(id),
            Self::Address(url) => {
                let mut found: Vec<Match> = profiles.iter().flat_map(|profile| matches(profile, &url)).collect();
                // Of several with as much in common, the first profile's.
                found.sort_by_key(|Match { rank, .. }| Reverse(*rank));
                match found.into_iter().next() {
                    Some(Match { id, to, .. }) => Lead::Page { id, to },
                    None => Lead::Unknown(url),
                }
            }
        }
    }
}

/// A base that an address is below.
struct Match {
    /// How long the base's path is; whether pages are there.
    rank: (usize, bool),
    id: ProfileId,
    to: String,
}

/// Those of the profile's bases that the address is below: its server's, and its own on this machine.
fn matches(profile: &Profile, url: &Url) -> Vec<Match> {
    let here = [profile.local_origin(), profile.browser_origin(), format!("http://localhost:{}", profile.port)];
    let here = here.iter().filter_map(|origin| Url::parse(origin).ok());
    let pages = here.chain([profile.url.clone()]).filter_map(|base| {
        let to = rest(&base, url)?;
        Some(Match { rank: (base.path().len(), true), id: profile.id.clone(), to })
    });
    // An API of its own has no pages.
    let api = profile.api_url.iter().filter_map(|base| {
        rest(base, url)?;
        Some(Match { rank: (base.path().len(), false), id: profile.id.clone(), to: "/".to_owned() })
    });
    pages.chain(api).collect()
}

/// What of the address follows the base, when it is below it.
fn rest(base: &Url, url: &Url) -> Option<String> {
    if base.origin() != url.origin() {
        return None;
    }
    let rest = url.path().strip_prefix(base.path().trim_end_matches('/'))?;
    if !(rest.is_empty() || rest.starts_with('/')) {
        return None;
    }
    Some(page(rest, after(url)))
}

/// A path as a browser writes it.
fn local(path: &str) -> Result<String, InvalidLink> {
    let url = Url::parse("http://localhost").and_then(|home| home.join(path)).map_err(|_| InvalidLink::Address)?;
    Ok(page(url.path(), after(&url)))
}

/// Query and fragment, as they are.
fn after(url: &Url) -> &str {
    let whole = url.as_str();
    whole.find(['?', '#']).and_then(|at| whole.get(at..)).unwrap_or_default()
}

fn page(path: &str, after: &str) -> String {
    let first = percent_encoding::percent_decode_str(path.split('/').nth(1).unwrap_or_default()).collect::<Vec<u8>>();
    match path {
        _ if first == b"api" || path.starts_with("//") => "/".to_owned(),
        "" => format!("/{after}"),
        path => format!("{path}{after}"),
    }
}

/// What browsers leave out, or take for a slash.
fn is_unseen(c: char) -> bool {
    c.is_control() || c.is_whitespace() || c == '\\'
}

/// Refuses a path that servers, or our own gateway, may take for another.
fn check_path(path: &str) -> Result<(), InvalidLink> {
    if path.starts_with("//") {
        return Err(InvalidLink::Path);
    }
    for segment in path.split('/') {
        let meaning = decoded(segment).ok_or(InvalidLink::Path)?;
        // What comes after a `;` is a parameter to some servers.
        let name = meaning.split(';').next().unwrap_or_default();
        let climbs = matches!(name, "." | "..");
        let hides = meaning.contains(|c: char| c.is_control() || c == '/' || c == '\\');
        if climbs || hides || name.eq_ignore_ascii_case(".postern") {
            return Err(InvalidLink::Path);
        }
    }
    Ok(())
}

/// What a segment says once nothing is encoded any more; `None` where that is no text, or goes on for too long.
fn decoded(segment: &str) -> Option<String> {
    let mut text = segment.to_owned();
    for _ in 0..4 {
        let next = percent_encoding::percent_decode_str(&text).decode_utf8().ok()?.into_owned();
        if next == text {
            return Some(text);
        }
        text = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Written;

    fn profile(id: &str, url: &str, api_url: &str, port: i64) -> Profile {
        let (id, url, api_url) = (id.to_owned(), url.to_owned(), api_url.to_owned());
        Written { id, url, api_url, port: Some(port), ..Written::default() }.check().unwrap()
    }

    /// Where the text leads, in a word.
    fn led(text: &str) -> String {
        let profiles = [
            profile("prod", "https://prefect.example.com", "", 4201),
            profile("team", "https://prefect.example.com/team", "", 4202),
            profile("split", "https://ui.example.com/p", "https://api.example.com/v1", 4203),
            profile("twin", "https://prefect.example.com/team", "", 4204),
        ];
        let profiles: Vec<&Profile> = profiles.iter().collect();
        match Link::parse(text).map(|link| link.lead(&profiles)) {
            Ok(Lead::Page { id, to }) => format!("{id} {to}"),
            Ok(Lead::Unknown(url)) => format!("add {url}"),
            Ok(Lead::Gone(id)) => format!("gone {id}"),
            Err(invalid) => format!("{invalid:?}"),
        }
    }

    #[test]
    fn a_link_leads_to_the_profile_it_has_most_in_common_with() {
        for (text, expected) in [
            ("postern://prod", "prod /"),
            ("postern://prod/", "prod /"),
            ("POSTERN://prod/runs/flow-run/1?tab=logs#x", "prod /runs/flow-run/1?tab=logs#x"),
            ("postern://prod?q=a", "prod /?q=a"),
            ("postern://prod/flows/\u{fc}?q=\u{fc}", "prod /flows/%C3%BC?q=%C3%BC"),
            ("postern://prod/flows/a%20b", "prod /flows/a%20b"),
            ("postern://prod/api/admin/version", "prod /"),
            ("postern://prod/%61pi/admin/version", "prod /"),
            ("postern://gone/x", "gone gone"),
            (" https://prefect.example.com/v2/runs?page=2 ", "prod /v2/runs?page=2"),
            ("https://PREFECT.example.com:443", "prod /"),
            ("https://prefect.example.com/teams/x", "prod /teams/x"),
            ("https://prefect.example.com/team", "team /"),
            ("https://prefect.example.com/team/runs#top", "team /runs#top"),
            ("https://prefect.example.com/team/api/flows", "team /"),
            ("https://prefect.example.com/team//evil.example", "team /"),
            ("https://ui.example.com/p/v2", "split /v2"),
            ("https://ui.example.com/other", "add https://ui.example.com/other"),
            ("https://api.example.com/v1/flows/filter?x", "split /"),
            ("http://127.0.0.1:4202/runs", "team /runs"),
            ("http://prod.localhost:4201/runs", "prod /runs"),
            ("http://localhost:4203/runs", "split /runs"),
            ("http://team.localhost:4201/runs", "add http://team.localhost:4201/runs"),
            ("http://prefect.example.com/", "add http://prefect.example.com/"),
            ("https://prefect.example.com.evil.example/team", "add https://prefect.example.com.evil.example/team"),
            ("https://new.example.com/x", "add https://new.example.com/x"),
        ] {
            assert_eq!(led(text), expected, "{text}");
        }
    }

    #[test]
    fn what_could_lead_elsewhere_than_it_says_is_refused() {
        for (text, expected) in [
            ("", "Scheme"),
            ("prod", "Scheme"),
            ("file:///etc/passwd", "Scheme"),
            ("javascript://prod/%0aalert(1)", "Path"),
            ("ftp://prefect.example.com/", "Scheme"),
            ("postern:prod", "Scheme"),
            ("postern://", "Id"),
            ("postern:///flows", "Id"),
            ("postern://Prod/", "Id"),
            ("postern://prod:4201/", "Id"),
            ("postern://prod.localhost/", "Id"),
            ("postern://-x/", "Id"),
            ("postern://user@prod/", "Userinfo"),
            ("postern://@prod/", "Userinfo"),
            ("https://user:canary@prefect.example.com/", "Userinfo"),
            ("https://prefect.example.com:443@evil.example/", "Userinfo"),
            ("https://prefect.example.com\\@evil.example/", "Path"),
            ("https://", "Address"),
            ("https://[::1/", "Address"),
            ("postern://prod/../x", "Path"),
            ("postern://prod/a/..", "Path"),
            ("postern://prod/%2e%2e/x", "Path"),
            ("postern://prod/%252e%252e/x", "Path"),
            ("postern://prod/..;a/x", "Path"),
            ("postern://prod/a%2fb", "Path"),
            ("postern://prod/a%5cb", "Path"),
            ("postern://prod/a%00b", "Path"),
            ("postern://prod/%ff", "Path"),
            ("postern://prod//evil.example/", "Path"),
            ("postern://prod/\\evil.example", "Path"),
            ("postern://prod/a\nb", "Path"),
            ("postern://prod/.postern/enter?pass=x", "Path"),
            ("postern://prod/%2epostern/enter?pass=x", "Path"),
            ("https://prefect.example.com/team/.postern/enter?pass=x", "Path"),
            ("https://prefect.example.com/team/../admin", "Path"),
            ("https://prefect.example.com/a/%2E%2E/b", "Path"),
        ] {
            assert_eq!(led(text), expected, "{text}");
        }
        assert_eq!(led(&format!("postern://prod/{}", "a".repeat(5000))), "Length");
    }
}
