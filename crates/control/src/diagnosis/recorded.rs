//! What a server answered, as far as judgements need it.

use std::time::{Duration, SystemTime};

use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, LOCATION, WWW_AUTHENTICATE};
use serde_json::Value;
use url::Url;

/// One answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// What was asked for.
    pub(super) url: Url,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Its beginning.
    pub(super) body: Vec<u8>,
    /// Until its head was there, connection included.
    pub(super) took: Duration,
    /// When its head was there, by our clock.
    pub(super) at: SystemTime,
}

impl Answer {
    /// All lines of that name which are text.
    pub(super) fn lines(&self, name: impl http::header::AsHeaderName) -> impl Iterator<Item = &str> {
        self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok())
    }

    pub(super) fn header(&self, name: impl http::header::AsHeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(super) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    pub(super) fn is_html(&self) -> bool {
        self.header(CONTENT_TYPE).trim_start().to_ascii_lowercase().starts_with("text/html")
    }

    /// Where it sends us, if anywhere.
    pub(super) fn redirect(&self) -> Option<Url> {
        if !self.status.is_redirection() {
            return None;
        }
        self.url.join(self.header(LOCATION)).ok()
    }

    /// Prefect's own refusal: it sends no challenge, and says so in a way of its own.
    pub(super) fn is_prefects_refusal(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
            && !self.headers.contains_key(WWW_AUTHENTICATE)
            && self.json().is_some_and(|body| body.get("exception_message").is_some())
    }

    /// What Prefect's framework says of a path that it does not know.
    pub(super) fn is_prefects_not_found(&self) -> bool {
        self.status == StatusCode::NOT_FOUND
            && self.json().is_some_and(|body| body.get("detail").is_some_and(|detail| detail == "Not Found"))
    }

    /// For a table of recorded facts: status, headers, body.
    #[cfg(test)]
    pub(super) fn recorded(url: &str, status: u16, headers: &[(&'static str, &str)], body: &str) -> Self {
        let pair = |(name, value): &(&'static str, &str)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_str(value).unwrap())
        };
        Self {
            url: url.parse().unwrap(),
            status: StatusCode::from_u16(status).unwrap(),
            headers: headers.iter().map(pair).collect(),
            body: body.as_bytes().to_vec(),
            took: Duration::from_millis(5),
            at: SystemTime::UNIX_EPOCH,
        }
    }
}

/// A piece of what a server says, fit to be shown: short, in one line, nothing that moves a cursor or turns text around.
pub(super) fn quoted(text: &str) -> String {
    const LONGEST: usize = 80;
    let plain = |c: char| {
        c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut quoted: String = text.chars().map(|c| if plain(c) { ' ' } else { c }).take(LONGEST).collect();
    if text.chars().nth(LONGEST).is_some() {
        quoted.push('…');
    }
    quoted.trim().to_owned()
}
