//! Step 8: `/ui-settings`, the one body we own.
//!
//! `api_url` becomes our origin's `/api`; `auth` becomes null where the profile holds Prefect's credential, so
//! that the UI does not ask for it. Every other field, known or not, passes in its order. Bounded before and
//! after decoding: a server cannot make us hold more than [`LIMIT`] twice.

use std::io::{Read, Write};

use bytes::Bytes;
use flate2::write::{MultiGzDecoder, ZlibDecoder};
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderValue, LAST_MODIFIED,
};
use http::response::Parts;
use http::{Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use serde_json::{Map, Value};

use crate::body::Body;
use crate::fault::Fault;
use crate::upstream::Upstream;

/// A real answer is 300 bytes.
const LIMIT: usize = 1024 * 1024;

/// Rewrites a server's answer; `origin` is ours as the visitor names it.
pub(crate) async fn rewrite(
    mut parts: Parts,
    body: Incoming,
    origin: &str,
    upstream: &Upstream,
) -> Result<Response<Body>, Fault> {
    if parts.status != StatusCode::OK {
        return Ok(Response::from_parts(parts, Body::Stream(body)));
    }
    let coded = Limited::new(body, LIMIT)
        .collect()
        .await
        .map_err(|error| match error.downcast_ref::<http_body_util::LengthLimitError>() {
            Some(_) => not_prefect("its /ui-settings is over 1 MiB"),
            None => Fault::ConnectionLost,
        })?
        .to_bytes();
    let codings: Vec<&str> = parts
        .headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .collect();
    let hold = upstream.holds.prefect || upstream.holds.edge;
    let settings = settings(coded, &codings, origin, hold)?;

    for name in [CONTENT_ENCODING, ETAG, LAST_MODIFIED, ACCEPT_RANGES] {
        parts.headers.remove(name);
    }
    parts.headers.insert(CONTENT_LENGTH, settings.len().into());
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    parts.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(Response::from_parts(parts, settings.into()))
}

/// The pure part: decoded, changed, encoded as plain JSON.
fn settings(coded: Bytes, codings: &[&str], origin: &str, hold_credential: bool) -> Result<Vec<u8>, Fault> {
    // Codings are listed in the order they were applied (RFC 9110, section 8.4).
    let mut bytes = coded;
    for coding in codings.iter().rev() {
        bytes = decode(&bytes, coding)?.into();
    }
    let mut fields: Map<String, Value> =
        serde_json::from_slice(&bytes).map_err(|_| not_prefect("its /ui-settings is not JSON"))?;
    // Every Prefect since 2.14 has it; without it the page would not know where to go.
    if !fields.contains_key("api_url") {
        return Err(not_prefect("its /ui-settings has no api_url"));
    }
    fields["api_url"] = format!("{origin}/api").into();
    if hold_credential && let Some(auth) = fields.get_mut("auth") {
        *auth = Value::Null;
    }
    serde_json::to_vec(&fields).map_err(|_| not_prefect("its /ui-settings cannot be written as JSON"))
}

fn decode(bytes: &[u8], coding: &str) -> Result<Vec<u8>, Fault> {
    let mut decoded = Bounded(Vec::new());
    let outcome = match coding.to_ascii_lowercase().as_str() {
        "identity" | "" => decoded.write_all(bytes),
        "gzip" | "x-gzip" => {
            let mut decoder = MultiGzDecoder::new(&mut decoded);
            decoder.write_all(bytes).and_then(|()| decoder.try_finish())
        }
        "deflate" => {
            let mut decoder = ZlibDecoder::new(&mut decoded);
            decoder.write_all(bytes).and_then(|()| decoder.try_finish())
        }
        "br" => {
            let mut buffer = [0u8; 4096];
            let mut decoder = brotli_decompressor::Decompressor::new(bytes, 4096);
            loop {
                match decoder.read(&mut buffer) {
                    Ok(0) => break Ok(()),
                    Ok(n) => {
                        if let Err(error) = decoded.write_all(&buffer[..n]) {
                            break Err(error);
                        }
                    }
                    Err(error) => break Err(error),
                }
            }
        }
        _ => return Err(not_prefect("its /ui-settings comes in a content encoding that nobody asked for")),
    };
    outcome.map_err(|_| not_prefect("its /ui-settings cannot be decoded within 1 MiB"))?;
    Ok(decoded.0)
}

/// A buffer that refuses to grow past [`LIMIT`]: what stops a decompression bomb.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > LIMIT {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn not_prefect(reason: &str) -> Fault {
    Fault::NotPrefect { reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};

    use super::*;

    const OURS: &str = "http://prod.localhost:4201";

    fn rewritten(body: &str, hold: bool) -> String {
        settings(Bytes::copy_from_slice(body.as_bytes()), &[], OURS, hold)
            .map_or_else(|fault| fault.sentence(), |bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn every_versions_settings_are_rewritten_and_nothing_else_in_them() {
        insta::assert_snapshot!(
            rewritten(r#"{"api_url":"http://127.0.0.1:4200/api","csrf_enabled":true,"auth":"BASIC","flags":[],"default_ui":"v2","available_uis":["v1","v2"],"v1_base_url":"/","v2_base_url":"/v2"}"#, true),
            @r#"{"api_url":"http://prod.localhost:4201/api","csrf_enabled":true,"auth":null,"flags":[],"default_ui":"v2","available_uis":["v1","v2"],"v1_base_url":"/","v2_base_url":"/v2"}"#
        );
        insta::assert_snapshot!(
            rewritten(r#"{"api_url":"http://x","flags":["a"],"later":{"auth":"BASIC"}}"#, true),
            @r#"{"api_url":"http://prod.localhost:4201/api","flags":["a"],"later":{"auth":"BASIC"}}"#
        );
        insta::assert_snapshot!(
            rewritten(r#"{"api_url":"http://x","auth":"BASIC"}"#, false),
            @r#"{"api_url":"http://prod.localhost:4201/api","auth":"BASIC"}"#
        );
    }

    #[test]
    fn what_no_prefect_sends_is_a_fault() {
        for body in ["<html>", "[]", "\"x\"", "{}", "{\"api_url\":1", "", "\u{feff}{}"] {
            assert!(settings(Bytes::copy_from_slice(body.as_bytes()), &[], OURS, true).is_err(), "{body}");
        }
    }

    #[test]
    fn every_content_encoding_is_undone() {
        let plain = br#"{"api_url":"x"}"#;
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(plain).unwrap();
        let gzip = gzip.finish().unwrap();
        let mut both = ZlibEncoder::new(Vec::new(), Compression::default());
        both.write_all(&gzip).unwrap();
        let both = both.finish().unwrap();
        // brotli, quality 1, made with the reference implementation
        let br = b"\x0b\x07\x80{\"api_url\":\"x\"}\x03";
        for (bytes, codings) in [
            (plain.to_vec(), &[][..]),
            (plain.to_vec(), &["identity"]),
            (gzip.clone(), &["gzip"]),
            (gzip.clone(), &["X-GZIP"]),
            (both, &["gzip", "deflate"]),
            (br.to_vec(), &["br"]),
        ] {
            let bytes = settings(bytes.into(), codings, OURS, true).unwrap();
            assert_eq!(bytes, br#"{"api_url":"http://prod.localhost:4201/api"}"#, "{codings:?}");
        }
        assert!(settings(gzip.into(), &["zstd"], OURS, true).is_err());
    }

    #[test]
    fn a_bomb_is_refused_before_it_grows() {
        let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
        for _ in 0..64 {
            bomb.write_all(&[b' '; LIMIT]).unwrap();
        }
        let bomb = bomb.finish().unwrap();
        assert!(bomb.len() < LIMIT / 8);
        assert!(decode(&bomb, "gzip").is_err());
    }
}
