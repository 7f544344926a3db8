//! A name and a colour for a new server.

use url::{Host, Url};

use crate::profile::{Color, Profile};
use crate::text::capitalised;

/// Words of host names that say nothing about which server it is.
const NO_NAMES: [&str; 6] = ["prefect", "www", "api", "server", "app", "ui"];

/// What the server at `url` may be called, unlike those there are, and a colour that none of them has.
///
/// Red is for production, and for nobody else while there is another.
pub(crate) fn suggest(url: &Url, profiles: &[&Profile]) -> (String, Color) {
    named(None, url, profiles)
}

/// The same, of a server that has a name elsewhere.
pub(crate) fn named(elsewhere: Option<&str>, url: &Url, profiles: &[&Profile]) -> (String, Color) {
    let name = elsewhere.map_or_else(|| name(url), str::to_owned);
    let taken = |name: &str| profiles.iter().any(|profile| profile.name.eq_ignore_ascii_case(name));
    let free = (2_u32..).map(|n| format!("{name} {n}"));
    let name = std::iter::once(name.clone()).chain(free).find(|name| !taken(name)).unwrap_or(name);
    let color = if is_production(&name) || is_production(url.host_str().unwrap_or_default()) {
        Color::Red
    } else {
        let used = |color: Color| profiles.iter().filter(|profile| profile.color == Some(color)).count();
        let others = [Color::Blue, Color::Green, Color::Purple, Color::Orange, Color::Teal, Color::Yellow, Color::Gray];
        others.into_iter().min_by_key(|color| used(*color)).unwrap_or(Color::Gray)
    };
    (name, color)
}

/// The part of the host that tells it from others: `prefect-staging.example.com` is Staging.
fn name(url: &Url) -> String {
    let Some(Host::Domain(host)) = url.host() else { return authority(url) };
    let labels: Vec<&str> = host.split('.').collect();
    // A name of one label is this network's, and `localhost` is nobody's.
    let [label, ..] = labels.as_slice() else { return authority(url) };
    if labels.len() < 2 || host.ends_with("localhost") {
        return authority(url);
    }
    let telling = |label: &str| {
        let words: Vec<&str> = label.split('-').filter(|word| !NO_NAMES.contains(word) && !word.is_empty()).collect();
        (!words.is_empty()).then(|| words.join(" "))
    };
    // The last label is a registry's.
    let (_, owners) = labels.split_last().unwrap_or((label, &[]));
    owners.iter().find_map(|label| telling(label)).map_or_else(|| authority(url), |name| capitalised(&name))
}

fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Whether a word of it says so, with a number behind it or without.
fn is_production(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let mut words = text.split(|c: char| !c.is_ascii_alphabetic());
    words.any(|word| ["prod", "prd", "production"].contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::fixture::profile;

    #[test]
    fn a_server_is_called_by_what_tells_it_from_others() {
        for (url, name, color) in [
            ("https://prefect.example.com", "Example", Color::Blue),
            ("https://prefect-staging.example.com", "Staging", Color::Blue),
            ("https://staging.prefect.example.com/x", "Staging", Color::Blue),
            ("https://prefect.prod.example.com", "Prod", Color::Red),
            ("https://products.example.com", "Products", Color::Blue),
            ("https://prod2.example.com", "Prod2", Color::Red),
            ("https://eu-production.example.com", "Eu production", Color::Red),
            ("http://127.0.0.1:4200", "127.0.0.1:4200", Color::Blue),
            ("http://localhost:4200", "localhost:4200", Color::Blue),
            ("http://prefect:4200", "prefect:4200", Color::Blue),
            ("https://prefect.internal", "prefect.internal", Color::Blue),
        ] {
            assert_eq!(suggest(&url.parse().unwrap(), &[]), (name.to_owned(), color), "{url}");
        }
    }

    #[test]
    fn a_name_and_a_colour_that_are_taken_are_not_suggested() {
        let mut taken = profile("staging", 4201);
        (taken.name, taken.color) = ("staging".to_owned(), Some(Color::Blue));
        let url = "https://prefect-staging.example.com".parse().unwrap();
        assert_eq!(suggest(&url, &[&taken]), ("Staging 2".to_owned(), Color::Green));
        let all: Vec<Profile> = Color::ALL.map(|color| Profile { color: Some(color), ..taken.clone() }).to_vec();
        assert_eq!(suggest(&url, &all.iter().collect::<Vec<_>>()).1, Color::Blue);
    }
}
