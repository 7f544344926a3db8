//! `Upgrade`: a well-formed WebSocket handshake (RFC 6455, section 4.2.1), or none.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{
    CONNECTION, HeaderMap, HeaderName, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::request::Parts;
use http::{Method, Version};

use crate::fault::Fault;

/// Prefect's subprotocol: its first message authenticates.
pub(crate) const PREFECT: &str = "prefect";

/// A well-formed WebSocket handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Socket {
    /// Offers subprotocol [`PREFECT`].
    Prefect,
    /// Does not: its first message means nothing to us.
    Other,
}

/// The WebSocket that is asked for, if one is. Anything else that wants to upgrade is refused: an h2c upgrade
/// would open a channel past this guard.
pub(crate) fn check(request: &Parts) -> Result<Option<Socket>, Fault> {
    let headers = &request.headers;
    if !headers.contains_key(UPGRADE) {
        return Ok(None);
    }
    let well_formed = request.method == Method::GET
        && request.version == Version::HTTP_11
        && only(headers, &UPGRADE).is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
        && headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok()).any(mentions_upgrade)
        && only(headers, &SEC_WEBSOCKET_VERSION) == Some("13")
        && only(headers, &SEC_WEBSOCKET_KEY)
            .and_then(|key| BASE64_STANDARD.decode(key).ok())
            .is_some_and(|key| key.len() == 16);
    match (well_formed, offers_prefect(headers)) {
        (false, _) => Err(Fault::UpgradeRefused),
        (true, true) => Ok(Some(Socket::Prefect)),
        (true, false) => Ok(Some(Socket::Other)),
    }
}

fn offers_prefect(headers: &HeaderMap) -> bool {
    headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .any(|protocol| protocol.trim() == PREFECT)
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
    use http::Request;

    use super::*;

    #[test]
    fn only_a_complete_websocket_handshake_upgrades() {
        const KEY: (&str, &str) = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        const VERSION: (&str, &str) = ("sec-websocket-version", "13");
        const CONNECTION: (&str, &str) = ("connection", "keep-alive, Upgrade");
        const UPGRADE: (&str, &str) = ("upgrade", "WebSocket");
        const PROTOCOL: (&str, &str) = ("sec-websocket-protocol", "x, prefect");
        type Case = (&'static str, &'static str, &'static [(&'static str, &'static str)], Option<Option<Socket>>);
        let cases: [Case; 13] = [
            ("plain", "GET", &[], Some(None)),
            ("plain with a protocol", "GET", &[PROTOCOL], Some(None)),
            ("socket", "GET", &[UPGRADE, CONNECTION, KEY, VERSION], Some(Some(Socket::Other))),
            ("prefect", "GET", &[UPGRADE, CONNECTION, KEY, VERSION, PROTOCOL], Some(Some(Socket::Prefect))),
            (
                "prefects",
                "GET",
                &[UPGRADE, CONNECTION, KEY, VERSION, ("sec-websocket-protocol", "prefects")],
                Some(Some(Socket::Other)),
            ),
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
            assert_eq!(check(&request.body(()).unwrap().into_parts().0).ok(), expected, "{name}");
        }
    }
}
