//! Links: wherever one leads, it is a page of the profile that it names or whose address it is, and what a browser makes
//! of the page stays there; a link to somewhere else is an address without a user.
#![no_main]

// Control's own files, as for profiles.
#[path = "../../../../crates/control/src"]
#[allow(dead_code, unused_imports, reason = "the rest of control uses the rest of it")]
mod control {
    pub mod link;
    pub mod profile;
    pub mod text;
}

use std::sync::LazyLock;

use control::{link, profile, text};
use libfuzzer_sys::fuzz_target;
use link::{Lead, Link};
use postern_gateway::fuzzing::local_path;
use profile::{Profile, Written};
use url::Url;

static PROFILES: LazyLock<Vec<Profile>> = LazyLock::new(|| {
    let profile = |id: &str, url: &str, api_url: &str, port| {
        let (id, url, api_url) = (id.to_owned(), url.to_owned(), api_url.to_owned());
        Written { id, url, api_url, port: Some(port), ..Written::default() }.check().expect("a profile")
    };
    vec![
        profile("a", "https://a.example.com", "", 4201),
        profile("b", "https://a.example.com/b", "http://api:1/x", 4202),
    ]
});

fuzz_target!(|text: &str| {
    let Ok(link) = Link::parse(text) else { return };
    let address = if let Link::Address(url) = &link { Some(url.clone()) } else { None };
    match link.lead(&PROFILES.iter().collect::<Vec<_>>()) {
        Lead::Page { id, to } => {
            let profile = PROFILES.iter().find(|profile| profile.id == id).expect("one of them");
            let here = Url::parse(&profile.local_origin()).expect("ours");
            assert!(local_path(&to), "{to}");
            let page = here.join(&to).expect("a page");
            assert_eq!(page.origin(), here.origin());
            assert_eq!(page.path(), to.split(['?', '#']).next().unwrap_or_default(), "climbs");
            let first = page.path().to_lowercase().split('/').nth(1).unwrap_or_default().to_owned();
            assert_ne!(first, ".postern", "{to}");
            if let Some(address) = address {
                let ours =
                    [profile.local_origin(), profile.browser_origin(), format!("http://localhost:{}", profile.port)];
                let theirs = [Some(&profile.url), profile.api_url.as_ref()];
                let origins = theirs.into_iter().flatten().map(|url| url.origin().ascii_serialization());
                assert!(ours.into_iter().chain(origins).any(|origin| origin == address.origin().ascii_serialization()));
            }
        }
        Lead::Unknown(url) => assert!(url.username().is_empty() && url.password().is_none() && url.has_host()),
        Lead::Gone(id) => assert!(PROFILES.iter().all(|profile| profile.id != id)),
    }
});
