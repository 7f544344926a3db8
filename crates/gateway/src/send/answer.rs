//! The head of a server's answer, and where its body ends (RFC 9112, sections 4 to 6).

use std::mem::MaybeUninit;

use bytes::{Buf as _, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::response::Parts;
use http::{Method, Response, StatusCode, Version};
use httparse::Status;
use hyper::ext::ReasonPhrase;

use crate::listen::chunks::Chunks;

/// A head may not be larger, in bytes.
const HEAD_LIMIT: usize = 256 * 1024;
/// Nor have more headers.
const HEADERS_LIMIT: usize = 100;

/// What of an answer's body is to come.
#[derive(Debug)]
pub(super) enum Framing {
    /// So many bytes.
    Length(u64),
    Chunked(Chunks),
    /// Whatever comes until the server closes.
    Close,
}

impl Framing {
    pub(super) const NOTHING: Self = Self::Length(0);
}

/// An answer's head.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) parts: Parts,
    pub(super) framing: Framing,
    /// Whether the server takes another request on this connection.
    pub(super) persists: bool,
}

/// Takes the head of the answer to a request of this method off what came, once it is whole; what is said before the
/// answer itself (100 and so on) is thrown away. Of the first `seen` bytes it is known that no head ends there.
///
/// # Errors
/// Why it is no answer.
pub(super) fn head(input: &mut BytesMut, seen: &mut usize, method: &Method) -> Result<Option<Head>, String> {
    loop {
        let Some(end) = end(input, *seen) else {
            *seen = input.len();
            return if *seen > HEAD_LIMIT { Err("its head is too long".into()) } else { Ok(None) };
        };
        *seen = 0;
        let head = parse(input.split_to(end), method).map_err(|error| error.to_string())?;
        if let Some(head) = head {
            return Ok(Some(head));
        }
    }
}

/// Where the first empty line ends that has something before it.
fn end(input: &mut BytesMut, seen: usize) -> Option<usize> {
    while let Some(b'\r' | b'\n') = input.first() {
        input.advance(1);
    }
    // Its three bytes may lie on both sides.
    let from = seen.saturating_sub(2).min(input.len());
    let mut lines = memchr::memchr_iter(b'\n', &input[from..]).map(|at| from + at + 1);
    lines.find_map(|next| match &input[next..] {
        [b'\n', ..] => Some(next + 1),
        [b'\r', b'\n', ..] => Some(next + 2),
        _ => None,
    })
}

/// `None` for what is said before the answer.
fn parse(bytes: BytesMut, method: &Method) -> Result<Option<Head>, httparse::Error> {
    let bytes = bytes.freeze();
    let mut room = [const { MaybeUninit::uninit() }; HEADERS_LIMIT];
    let mut read = httparse::Response::new(&mut []);
    match httparse::ParserConfig::default().parse_response_with_uninit_headers(&mut read, &bytes, &mut room)? {
        Status::Complete(_) => {}
        Status::Partial => return Err(httparse::Error::NewLine),
    }
    let status = read.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(httparse::Error::Status)?;
    if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(None);
    }
    let mut parts = Response::new(()).into_parts().0;
    parts.status = status;
    parts.version = if read.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
    if let Some(reason) = read.reason.filter(|reason| Some(*reason) != status.canonical_reason())
        && let Ok(reason) = ReasonPhrase::try_from(reason.as_bytes())
    {
        parts.extensions.insert(reason);
    }
    parts.headers.reserve(read.headers.len());
    for field in &*read.headers {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| httparse::Error::HeaderName)?;
        let value = HeaderValue::from_maybe_shared(bytes.slice_ref(field.value));
        parts.headers.append(name, value.map_err(|_| httparse::Error::HeaderValue)?);
    }
    let framing = framing(&parts, method)?;
    let persists = !matches!(framing, Framing::Close) && persists(&parts);
    Ok(Some(Head { parts, framing, persists }))
}

/// Of an answer that could end in several places, any: it is not used (see [`super::ambiguity`]).
fn framing(parts: &Parts, method: &Method) -> Result<Framing, httparse::Error> {
    let Parts { status, headers, version, .. } = parts;
    if method == Method::HEAD || matches!(*status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        return Ok(Framing::NOTHING);
    }
    if headers.contains_key(TRANSFER_ENCODING) {
        let known = *version == Version::HTTP_11;
        return if known { Ok(Framing::Chunked(Chunks::default())) } else { Err(httparse::Error::Version) };
    }
    let Some(length) = headers.get(CONTENT_LENGTH) else { return Ok(Framing::Close) };
    let length = length.to_str().ok().and_then(|length| length.parse().ok());
    length.map(Framing::Length).ok_or(httparse::Error::HeaderValue)
}

fn persists(parts: &Parts) -> bool {
    let says = |option: &str| {
        let lines = parts.headers.get_all(CONNECTION).iter();
        lines
            .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
            .any(|said| said.trim_ascii().eq_ignore_ascii_case(option.as_bytes()))
    };
    if parts.version == Version::HTTP_11 { !says("close") } else { says("keep-alive") && !says("close") }
}
