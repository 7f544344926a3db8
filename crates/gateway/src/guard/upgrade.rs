//! `Upgrade`: a well-formed WebSocket handshake (RFC 6455, section 4.2.1), or none.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{CONNECTION, HeaderMap, HeaderName, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{Method, Request, Version};

use crate::fault::Fault;

/// Whether this is a WebSocket handshake. Anything else that wants to upgrade is refused: an h2c upgrade
/// would open a channel past this guard.
pub(crate) fn check<B>(request: &Request<B>) -> Result<bool, Fault> {
    let headers = request.headers();
    if !headers.contains_key(UPGRADE) {
        return Ok(false);
    }
    let well_formed = request.method() == Method::GET
        && request.version() == Version::HTTP_11
        && only(headers, &UPGRADE).is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
        && headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok()).any(mentions_upgrade)
        && only(headers, &SEC_WEBSOCKET_VERSION) == Some("13")
        && only(headers, &SEC_WEBSOCKET_KEY)
            .and_then(|key| BASE64_STANDARD.decode(key).ok())
            .is_some_and(|key| key.len() == 16);
    if well_formed { Ok(true) } else { Err(Fault::UpgradeRefused) }
}

fn mentions_upgrade(connection: &str) -> bool {
    connection.split(',').any(|option| option.trim().eq_ignore_ascii_case("upgrade"))
}

fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_complete_websocket_handshake_upgrades() {
        const KEY: (&str, &str) = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        const VERSION: (&str, &str) = ("sec-websocket-version", "13");
        const CONNECTION: (&str, &str) = ("connection", "keep-alive, Upgrade");
        const UPGRADE: (&str, &str) = ("upgrade", "WebSocket");
        type Case = (&'static str, &'static str, &'static [(&'static str, &'static str)], Option<bool>);
        let cases: [Case; 10] = [
            ("plain", "GET", &[], Some(false)),
            ("socket", "GET", &[UPGRADE, CONNECTION, KEY, VERSION], Some(true)),
            ("h2c", "GET", &[("upgrade", "h2c"), CONNECTION], None),
            ("two", "GET", &[UPGRADE, ("upgrade", "h2c"), CONNECTION, KEY, VERSION], None),
            ("list", "GET", &[("upgrade", "websocket, h2c"), CONNECTION, KEY, VERSION], None),
            ("POST", "POST", &[UPGRADE, CONNECTION, KEY, VERSION], None),
            ("no Connection", "GET", &[UPGRADE, KEY, VERSION], None),
            ("no key", "GET", &[UPGRADE, CONNECTION, VERSION], None),
            ("short key", "GET", &[UPGRADE, CONNECTION, ("sec-websocket-key", "c2hvcnQ="), VERSION], None),
            ("version", "GET", &[UPGRADE, CONNECTION, KEY, ("sec-websocket-version", "8")], None),
        ];
        for (name, method, headers, expected) in cases {
            let mut request = Request::builder().method(method).uri("/api/events/in");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            assert_eq!(check(&request.body(()).unwrap()).ok(), expected, "{name}");
        }
    }
}
