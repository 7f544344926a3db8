//! Which product guards a server, by what it cannot help showing.

use std::fmt;

use http::header::{SERVER, SET_COOKIE, VIA, WWW_AUTHENTICATE};
use url::Url;

use super::recorded::Answer;

/// What guards a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Product {
    Nginx,
    Traefik,
    Caddy,
    HaProxy,
    Cloudflare,
    CloudflareAccess,
    OAuth2Proxy,
    Authelia,
    GoogleIap,
    AwsAlb,
    AzureAppProxy,
    Tailscale,
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nginx => "nginx",
            Self::Traefik => "Traefik",
            Self::Caddy => "Caddy",
            Self::HaProxy => "HAProxy",
            Self::Cloudflare => "Cloudflare",
            Self::CloudflareAccess => "Cloudflare Access",
            Self::OAuth2Proxy => "oauth2-proxy",
            Self::Authelia => "Authelia",
            Self::GoogleIap => "Google IAP",
            Self::AwsAlb => "AWS ALB",
            Self::AzureAppProxy => "Azure App Proxy",
            Self::Tailscale => "Tailscale",
        })
    }
}

impl Product {
    /// Whether it makes people sign in, at a place of its own or another's.
    pub(super) fn signs_in(self) -> bool {
        matches!(
            self,
            Self::CloudflareAccess
                | Self::OAuth2Proxy
                | Self::Authelia
                | Self::GoogleIap
                | Self::AwsAlb
                | Self::AzureAppProxy
        )
    }

    /// The most telling one, and what tells it. Who signs people in goes before what carries its answers.
    pub(super) fn of(answers: &[&Answer]) -> Option<(Self, &'static str)> {
        ROWS.iter().find_map(|(product, evidence, shows)| {
            answers.iter().any(|answer| shows(&Clues::of(answer))).then_some((*product, *evidence))
        })
    }
}

impl Product {
    /// By the answer to what is no request. HAProxy's own page; and Go's words, of which Traefik alone has no Server
    /// header.
    pub(super) fn of_refusal(said: &str) -> Option<(Self, &'static str)> {
        const EVIDENCE: &str = "how it refuses what is no request";
        let (head, body) = said.split_once("\r\n\r\n")?;
        let named = head.to_ascii_lowercase().contains("\nserver:");
        let product = match body.trim() {
            body if body.starts_with("<html><body><h1>400 Bad request</h1>") && !named => Self::HaProxy,
            body if body.starts_with("400 Bad Request") && !named => Self::Traefik,
            _ => return None,
        };
        Some((product, EVIDENCE))
    }
}

/// What tells products apart, in one letter case.
struct Clues<'a> {
    answer: &'a Answer,
    server: String,
    cookies: String,
    to: Option<Url>,
    body: String,
}

impl<'a> Clues<'a> {
    fn of(answer: &'a Answer) -> Self {
        let lower = |lines: Vec<&str>| lines.join("\n").to_ascii_lowercase();
        Self {
            answer,
            server: lower(answer.lines(SERVER).collect()),
            cookies: lower(answer.lines(SET_COOKIE).collect()),
            to: answer.redirect(),
            body: answer.text(),
        }
    }

    fn has(&self, header: &'static str) -> bool {
        self.answer.headers.contains_key(header)
    }

    fn sets(&self, cookie: &str) -> bool {
        self.cookies.lines().any(|line| line.starts_with(cookie))
    }

    fn leads_to(&self, domain: &str) -> bool {
        self.to
            .as_ref()
            .and_then(Url::host_str)
            .is_some_and(|host| host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')))
    }

    fn leads_below(&self, path: &str) -> bool {
        self.to.as_ref().is_some_and(|to| to.host() == self.answer.url.host() && to.path().starts_with(path))
    }

    fn challenge(&self) -> String {
        self.answer.header(WWW_AUTHENTICATE).to_ascii_lowercase()
    }
}

type Row = (Product, &'static str, fn(&Clues<'_>) -> bool);

/// From each product's documentation and what it was seen to send.
const ROWS: [Row; 13] = [
    (Product::CloudflareAccess, "its login", |c| {
        c.leads_to("cloudflareaccess.com")
            || c.sets("cf_authorization")
            || c.has("cf-access-domain")
            || c.challenge().starts_with("cloudflare-access")
            || (c.has("cf-ray") && c.body.contains("cloudflareaccess.com"))
    }),
    (Product::GoogleIap, "its x-goog-iap header", |c| {
        c.has("x-goog-iap-generated-response") || c.sets("gcp_iap") || c.sets("gcp_iaap")
    }),
    (Product::OAuth2Proxy, "its cookie and paths", |c| {
        c.sets("_oauth2_proxy")
            || c.leads_below("/oauth2/")
            || c.body.contains("/oauth2/start")
            || c.body.contains("/oauth2/sign_in")
            || c.has("gap-auth")
    }),
    (Product::Authelia, "its login's address", |c| {
        c.sets("authelia_session")
            || c.body.contains("Authelia")
            || c.to
                .as_ref()
                .is_some_and(|to| to.query_pairs().any(|(name, _)| name == "rd") && !to.path().contains("oauth2"))
    }),
    (Product::AwsAlb, "its Server header and cookies", |c| {
        c.server.starts_with("awselb") || c.sets("awselb") || c.sets("awsalb") || c.leads_to("amazoncognito.com")
    }),
    (Product::AzureAppProxy, "its login and cookies", |c| {
        c.sets("azureappproxy")
            || c.has("x-ms-proxy-app-id")
            || c.has("x-ms-proxy-transaction-id")
            || (c.leads_to("login.microsoftonline.com")
                && c.to.as_ref().is_some_and(|to| to.as_str().contains("msappproxy")))
    }),
    (Product::Cloudflare, "its Server header", |c| c.server.starts_with("cloudflare") || c.has("cf-ray")),
    (Product::Tailscale, "the name in ts.net", |c| {
        c.answer.url.host_str().is_some_and(|host| host.ends_with(".ts.net")) || c.body.contains("tailscale serve")
    }),
    // `Via: 1.1 Caddy` since 2.9.
    (Product::Caddy, "its Server header", |c| {
        c.server.lines().any(|line| line.starts_with("caddy")) || c.answer.header(VIA).ends_with("Caddy")
    }),
    (Product::Nginx, "its Server header", |c| c.server.starts_with("nginx") || c.server.starts_with("openresty")),
    (Product::Nginx, "its error page", |c| c.body.contains("<hr><center>nginx")),
    (Product::HaProxy, "its error page", |c| {
        // Its built-in pages begin like this, and have no title.
        c.body.starts_with("<html><body><h1>") && c.body.trim_end().ends_with("</body></html>") && c.server.is_empty()
    }),
    // Go's own words, and Traefik's: it has no Server header.
    (Product::Traefik, "its error text", |c| {
        c.challenge().contains("realm=\"traefik\"")
            || (c.server.is_empty()
                && matches!(c.body.trim(), "404 page not found" | "Bad Gateway" | "no available server"))
    }),
];
