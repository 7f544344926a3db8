//! A report for others' eyes.

use std::net::IpAddr;

use postern_gateway::{EdgeCredential, Remote};

use super::{Check, Report, Subject};
use crate::view::Trouble;

impl Report {
    /// The same without host names, addresses and user names: to be pasted into a ticket. Secrets are in no report.
    #[must_use]
    pub fn shareable(&self, subject: &Subject) -> Self {
        let private = private(subject);
        let clean = |text: &str| mask(text, &private);
        let mut shared = self.clone();
        let place =
            shared.found_at.iter_mut().flat_map(|place| std::iter::once(&mut place.url).chain(&mut place.api_url));
        let texts = [&mut shared.sentence, &mut shared.remedy].into_iter().chain(place);
        texts.chain(&mut shared.server.api_url).for_each(|text| *text = clean(text));
        shared.checks = shared.checks.iter().map(|check| check.masked(&private)).collect();
        shared
    }
}

impl Check {
    /// As [`Report::shareable`].
    #[must_use]
    pub fn shareable(&self, subject: &Subject) -> Self {
        self.masked(&private(subject))
    }

    fn masked(&self, private: &[(String, String)]) -> Self {
        let clean = |text: &str| mask(text, private);
        let trouble = self.trouble.as_ref();
        Self {
            evidence: clean(&self.evidence),
            trouble: trouble.map(|it| Trouble::new(&it.code, clean(&it.sentence), clean(&it.remedy))),
            ..*self
        }
    }
}

/// What is known to be private, and what stands in its place.
fn private(subject: &Subject) -> Vec<(String, String)> {
    let Remote { url, api_url, edge, prefect, .. } = &subject.remote;
    let host = |url: &url::Url| url.host_str().map(|host| (host.to_owned(), "HOST".to_owned()));
    let mut private: Vec<(String, String)> = std::iter::once(url).chain(api_url).filter_map(host).collect();
    if let Some(EdgeCredential::Basic(credential)) = edge {
        private.push((credential.username.clone(), "USER".to_owned()));
    }
    private.extend(prefect.iter().map(|credential| (credential.username.clone(), "USER".to_owned())));
    private.extend(subject.profile.iter().map(|id| (id.clone(), "ID".to_owned())));
    private.retain(|(text, _)| !text.is_empty());
    private
}

/// Word by word: what is known to be private; and what looks like an address or a host's name, for a server names
/// others too.
pub(crate) fn mask(text: &str, private: &[(String, String)]) -> String {
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']' | '*' | '@');
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(inside) {
        masked.push_str(&rest[..start]);
        rest = &rest[start..];
        let word = &rest[..rest.find(|c| !inside(c)).unwrap_or(rest.len())];
        masked.push_str(&mask_word(word, private));
        rest = &rest[word.len()..];
    }
    masked + rest
}

fn mask_word(word: &str, private: &[(String, String)]) -> String {
    // What ends a sentence or stands before a port or another word is no part of a name.
    let bare = word.trim_end_matches(['.', ':', '-']);
    let tail = &word[bare.len()..];
    if bare.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        return format!("ADDRESS{tail}");
    }
    let (host, port) = match bare.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            (host, &bare[host.len()..])
        }
        _ => (bare, ""),
    };
    let masked = if let Some((_, stand_in)) = private.iter().find(|(text, _)| text.eq_ignore_ascii_case(host)) {
        stand_in
    } else if host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        "ADDRESS"
    } else if is_name(host) {
        "HOST"
    } else {
        return word.to_owned();
    };
    format!("{masked}{port}{tail}")
}

/// Whether it looks like a host's name, which none of our own words with a dot in them does.
fn is_name(word: &str) -> bool {
    const OURS: [&str; 7] = [
        "server.ui.api_url",
        "server.api.auth_string",
        "profiles.toml",
        "forwardingTimeouts.responseHeaderTimeout",
        "req.body_size",
        "ts.net",
        "req.hdr",
    ];
    let last = word.rsplit_once('.').map(|(_, last)| last).unwrap_or_default();
    last.len() >= 2 && last.bytes().all(|byte| byte.is_ascii_alphabetic()) && !OURS.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::fix::{self, Fix};
    use crate::diagnosis::product::Product as P;

    #[test]
    fn what_is_to_be_pasted_into_a_configuration_stays_as_it_is() {
        const FIXES: [Fix; 10] = [
            Fix::Upgrade,
            Fix::Subprotocol,
            Fix::Authorization,
            Fix::Conflict,
            Fix::BasePath,
            Fix::Api,
            Fix::Body,
            Fix::Timeout,
            Fix::Upstream,
            Fix::Csrf,
        ];
        let products = [P::Nginx, P::Traefik, P::Caddy, P::HaProxy, P::Cloudflare, P::OAuth2Proxy, P::AwsAlb];
        for fix in FIXES {
            for product in products.map(Some).into_iter().chain([None]) {
                let lines = fix::lines(fix, product);
                assert_eq!(mask(&lines, &[]), lines);
            }
        }
    }

    #[test]
    fn whom_it_is_about_is_not_in_a_report_for_others() {
        let private = [("s", "HOST"), ("alice", "USER"), ("prod", "ID")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        let cases = [
            "The server at prefect.example.com:4200 cannot be reached: it refuses connections.",
            "http://s:4200/api is 10.0.0.1, 2001:db8::1 and more. [::1]:80; s.",
            "Run `postern edit prod --edge-username alice`; 192.168.1.1:443.",
            "a certificate of *.example.com, signed by Example CA, good until 2027-01-01, over TLS 1.3",
            "Prefect 3.6.22 (setting `server.ui.api_url`), nginx/1.22.1: `proxy_http_version 1.1;`",
        ];
        insta::assert_snapshot!(cases.map(|text| mask(text, &private)).join("\n"), @r"
        The server at HOST:4200 cannot be reached: it refuses connections.
        http://HOST:4200/api is ADDRESS, ADDRESS and more. ADDRESS:80; HOST.
        Run `postern edit ID --edge-username USER`; ADDRESS:443.
        a certificate of HOST, signed by Example CA, good until 2027-01-01, over TLS 1.3
        Prefect 3.6.22 (setting `server.ui.api_url`), nginx/1.22.1: `proxy_http_version 1.1;`
        ");
    }
}
