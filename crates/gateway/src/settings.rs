//! Step 8: `/ui-settings`, the one body we own.
//!
//! `api_url` becomes our origin's `/api`; `auth` becomes null where the profile holds Prefect's credential, so
//! that the UI does not ask for it. Every other field, known or not, passes in its order.
//!
//! Bounded before, while and after decoding: at most [`CODINGS`] are undone, nothing over [`LIMIT`] goes into or comes
//! out of one, and brotli's window, which is reserved and filled before a byte comes out, takes at most
//! [`BROTLI_WINDOW`].

use std::io::{self, Write};

use brotli_decompressor::{Allocator, BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use bytes::Bytes;
use flate2::write::{MultiGzDecoder, ZlibDecoder};
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue,
    LAST_MODIFIED,
};
use http::response::Parts;
use http::{Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use serde_json::{Map, Value};

use crate::body::Body;
use crate::fault::Fault;
use crate::send::Download;
use crate::upstream::Upstream;

/// A real answer is 300 bytes.
const LIMIT: usize = 1024 * 1024;

/// One on the server, one by its edge.
const CODINGS: usize = 2;

/// What brotli's encoders take for their window where they are not told otherwise. The format goes to 16 MiB, and its
/// large-window variant to 1 GiB.
const BROTLI_WINDOW: usize = 4 * 1024 * 1024;

/// Rewrites a server's answer; `origin` is ours as the visitor names it.
pub(crate) async fn rewrite(
    mut parts: Parts,
    body: Download,
    origin: &str,
    upstream: &Upstream,
) -> Result<Response<Body>, Fault> {
    if parts.status != StatusCode::OK {
        return Ok(Response::from_parts(parts, Body::Answer(body)));
    }
    let coded = Limited::new(body, LIMIT)
        .collect()
        .await
        .map_err(|error| match error.downcast_ref::<http_body_util::LengthLimitError>() {
            Some(_) => not_prefect("its /ui-settings is over 1 MiB"),
            None => Fault::ConnectionLost,
        })?
        .to_bytes();
    let codings = codings(&parts.headers)?;
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

/// What was done to the body, last first: codings are listed in the order they were applied (RFC 9110, section 8.4).
pub(crate) fn codings(headers: &HeaderMap) -> Result<Vec<&str>, Fault> {
    let mut codings: Vec<&str> = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"))
        .take(CODINGS + 1)
        .collect();
    if codings.len() > CODINGS {
        return Err(not_prefect("its /ui-settings is encoded over and over"));
    }
    codings.reverse();
    Ok(codings)
}

/// The pure part: decoded, changed, encoded as plain JSON.
pub(crate) fn settings(coded: Bytes, codings: &[&str], origin: &str, hold_credential: bool) -> Result<Vec<u8>, Fault> {
    let mut bytes = coded;
    for coding in codings {
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
        "gzip" | "x-gzip" => {
            let mut decoder = MultiGzDecoder::new(&mut decoded);
            decoder.write_all(bytes).and_then(|()| decoder.try_finish())
        }
        "deflate" => {
            let mut decoder = ZlibDecoder::new(&mut decoded);
            decoder.write_all(bytes).and_then(|()| decoder.try_finish())
        }
        "br" => brotli(bytes, &mut decoded),
        _ => return Err(not_prefect("its /ui-settings comes in a content encoding that nobody asked for")),
    };
    outcome.map_err(|_| not_prefect("its /ui-settings cannot be decoded within 1 MiB"))?;
    Ok(decoded.0)
}

/// RFC 7932.
fn brotli(bytes: &[u8], decoded: &mut Bounded) -> io::Result<()> {
    // Strict: without the large-window variant, which no content encoding may be.
    let mut state = BrotliState::new_strict(Window::default(), StandardAlloc::default(), StandardAlloc::default());
    let (mut left, mut at, mut total) = (bytes.len(), 0, 0);
    loop {
        let mut buffer = [0u8; 4096];
        let (mut room, mut end) = (buffer.len(), 0);
        let outcome =
            BrotliDecompressStream(&mut left, &mut at, bytes, &mut room, &mut end, &mut buffer, &mut total, &mut state);
        decoded.write_all(&buffer[..end])?;
        match outcome {
            BrotliResult::NeedsMoreOutput => {}
            BrotliResult::ResultSuccess => return Ok(()),
            BrotliResult::NeedsMoreInput => return Err(io::ErrorKind::UnexpectedEof.into()),
            BrotliResult::ResultFailure => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

/// Memory for brotli's window. A stream that names a larger one and is short gets one that fits it.
#[derive(Default)]
struct Window(StandardAlloc);

impl Allocator<u8> for Window {
    type AllocatedMemory = <StandardAlloc as Allocator<u8>>::AllocatedMemory;

    fn alloc_cell(&mut self, len: usize) -> Self::AllocatedMemory {
        /// The decoder writes a little past the window's end.
        const PAST: usize = 1024;
        // To get nothing is an error of the stream's.
        if len > BROTLI_WINDOW + PAST { Self::AllocatedMemory::default() } else { self.0.alloc_cell(len) }
    }

    fn free_cell(&mut self, cell: Self::AllocatedMemory) {
        Allocator::<u8>::free_cell(&mut self.0, cell);
    }
}

/// A buffer that refuses to grow past [`LIMIT`]: what stops a decompression bomb.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LIMIT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
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
            (gzip.clone(), &["gzip"]),
            (gzip.clone(), &["X-GZIP"]),
            (both, &["deflate", "gzip"]),
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

    // Brotli, made with the reference implementation. 64 MiB of spaces: with the window it takes by itself, with the
    // largest, and with the large-window variant's (1 GiB).
    const BROTLI_BOMBS: [&[u8]; 3] = [
        b"\xcb\xff\xff\x3f\x00\x24\x40\xe2\xb1\x40\x72\xef\xff\xf8\xff\xff\x07\x80\x04\x40\x1c\x16\x80\xee\xfd\x1f\
          \xff\xff\xff\x00\x90\x00\x88\xc3\x02\xd0\xbd\xff\xe3\xff\xff\x1f\x00\x12\x00\x71\x58\x00\xba\xf7\x7f\xfc\
          \xff\xff\x03\x40\x02\x20\x0e\x0b\x40\xf7\xfe\x8f\xff\xff\x7f\x00\x48\x00\xc4\x61\x01\xe8\xde\xff\xf1\xff\
          \xff\x0f\x00\x09\x80\x38\x2c\x00\xdd\xfb\xbf\xfc\xff\xff\x03\x20\x01\x10\x87\x05\xa0\x7b\xff\x07",
        b"\xcf\xff\xff\x7f\x00\x24\x40\xe2\xb1\x40\x72\xef\xff\xf9\xff\xff\x0f\x80\x04\x40\x1c\x16\x80\xee\xfd\x3f\
          \xff\xff\xff\x01\x90\x00\x88\xc3\x02\xd0\xbd\xff\xcf\xff\xff\x7f\x00\x12\x00\x71\x58\x00\xba\xf7\xff",
        b"\x11\x1e\xff\xff\xff\x01\x90\x00\x89\xc7\x02\x21\xf7\xfe\x9f\xff\xff\xff\x00\x48\x00\xc4\x61\x01\xa0\x7b\
          \xff\xcf\xff\xff\x7f\x00\x24\x00\xe2\xb0\x00\xd0\xbd\xff\xcf\xff\xff\x7f\x00\x12\x00\x71\x58\x00\xe8\xde\
          \xff\x03",
    ];

    #[test]
    fn a_brotli_bomb_is_refused_before_it_grows() {
        for bomb in BROTLI_BOMBS {
            assert!(decode(bomb, "br").is_err());
        }
        // It is the bound that refuses the first, and the window the others.
        let mut decoded = Bounded(Vec::new());
        assert_eq!(brotli(BROTLI_BOMBS[0], &mut decoded).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        for bomb in &BROTLI_BOMBS[1..] {
            let mut decoded = Bounded(Vec::new());
            assert_eq!(brotli(bomb, &mut decoded).unwrap_err().kind(), io::ErrorKind::InvalidData);
            assert!(decoded.0.is_empty());
        }
    }

    #[test]
    fn a_brotli_stream_may_name_any_window_of_the_standard_and_must_be_whole() {
        let body = b"{\"api_url\":\"x\"}";
        for head in [
            &b"\x21\x38\x00\x04"[..],
            b"\xe0\x00\x10",
            b"\x01\x38\x00\x04",
            b"\x0b\x07\x80",
            b"\x0d\x07\x80",
            b"\x0f\x07\x80",
        ] {
            let whole = [head, body, b"\x03"].concat();
            assert_eq!(decode(&whole, "br").unwrap(), body, "{head:?}");
            for cut in 0..whole.len() {
                assert!(decode(&whole[..cut], "br").is_err(), "{head:?} {cut}");
            }
        }
        let large_window = [b"\x11\x1e\x1c\x00\x02", &body[..], b"\x03"].concat();
        assert!(decode(&large_window, "br").is_err());
    }

    #[test]
    fn two_codings_are_undone_and_no_more_and_identity_is_none() {
        let listed = |lines: &[&str]| {
            let headers = lines
                .iter()
                .map(|line| (CONTENT_ENCODING, HeaderValue::from_str(line).unwrap()))
                .collect::<HeaderMap>();
            codings(&headers).map(|found| found.join(" ")).ok()
        };
        for (lines, expected) in [
            (&[][..], Some("")),
            (&["identity"], Some("")),
            (&["", ",,", "identity, Identity"], Some("")),
            (&["gzip, br"], Some("br gzip")),
            (&["gzip", "identity", "br"], Some("br gzip")),
            (&["gzip, gzip, gzip"], None),
            (&["gzip", "br", "x"], None),
        ] {
            assert_eq!(listed(lines).as_deref(), expected, "{lines:?}");
        }
        assert_eq!(listed(&vec!["identity,"; 10_000]).as_deref(), Some(""));
    }
}
