//! What a request's head must look like, byte for byte (RFC 9112, sections 2 to 6).
//!
//! Two readers who disagree about where a request ends see different requests in the same bytes, and one of them can
//! be shown a request that the other never judged: so what could be read in two ways is refused here.

use std::ops::Range;

use bytes::{Buf as _, Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HeaderMap, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{Method, Request, Uri, Version};

use crate::fault::Fault;
use crate::http1::field::{self, HEADERS_LIMIT, Persistence, all, is_token};

/// A head may not be larger, in bytes.
pub(crate) const HEAD_LIMIT: usize = 64 * 1024;
/// Nor its target.
pub(crate) const TARGET_LIMIT: usize = 16 * 1024;
/// Nor its method.
const METHOD_LIMIT: usize = 64;

/// What follows a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// So many bytes; none where no length is named.
    Length(u64),
    /// Chunks, and trailers.
    Chunked,
    /// Something else than HTTP, or nothing.
    Upgrade,
}

/// A request's head.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) parts: Box<Parts>,
    pub(crate) framing: Framing,
    /// Whether the client may send another request.
    pub(crate) persists: bool,
    /// Whether it waits for a word before it sends the body.
    pub(crate) expects: bool,
}

/// Takes the head that `input` begins with, once it is whole; its lines go into `room`. Of the first `seen` bytes it is known that no head ends
/// there.
///
/// # Errors
/// The fault to answer with, as soon as it is certain.
pub(crate) fn take(input: &mut BytesMut, seen: &mut usize, room: &mut HeaderMap) -> Result<Option<Head>, Fault> {
    // One empty line before a request is forgiven (RFC 9112, section 2.2).
    let empty = if input.starts_with(b"\r\n") { 2 } else { 0 };
    let from = (*seen).max(empty);
    let Some(end) = memchr::memmem::find(input.get(from..).unwrap_or_default(), b"\r\n\r\n") else {
        unfinished(input, empty, *seen)?;
        // The four bytes may lie on both sides.
        *seen = input.len().saturating_sub(3);
        return Ok(None);
    };
    let length = from + end + 4;
    if length > HEAD_LIMIT {
        return Err(Fault::HeadTooLarge);
    }
    *seen = 0;
    input.advance(empty);
    read(&input.split_to(length - empty).freeze(), std::mem::take(room)).map(Some)
}

/// What can be said of a head that is not whole: nobody waits for the end of what is wrong already.
fn unfinished(input: &[u8], empty: usize, seen: usize) -> Result<(), Fault> {
    if input.len() > HEAD_LIMIT {
        return Err(Fault::HeadTooLarge);
    }
    let line = memchr::memchr(b'\n', &input[empty.min(input.len())..]);
    if line.is_none() && input.len() > TARGET_LIMIT + 100 {
        return Err(Fault::TargetTooLong);
    }
    let mut ends = memchr::memchr_iter(b'\n', &input[seen..]).map(|at| seen + at);
    let bare = ends.any(|end| end == 0 || input[end - 1] != b'\r');
    if bare { Err(Fault::Malformed("a line ends in CR and LF")) } else { Ok(()) }
}

/// Reads a whole head, the empty line at its end included. Its parts are taken from it, not copied.
///
/// # Errors
/// The fault to answer with.
fn read(head: &Bytes, room: HeaderMap) -> Result<Head, Fault> {
    let mut parts = Box::new(Request::new(()).into_parts().0);
    parts.headers = room;
    let mut at = line_end(head, 0)?;
    let target = request_line(&head[..at], &mut parts)?;
    parts.uri = Uri::from_maybe_shared(head.slice(target)).map_err(|_| {
        Fault::Malformed("a target is UTF-8, without <, > and `, and its query without quotation marks")
    })?;
    at += 2;
    parts.headers.reserve((head.len() / field::USUAL).min(HEADERS_LIMIT));
    let mut fields = Fields::default();
    loop {
        let end = line_end(head, at)?;
        if end == at {
            let (framing, persists) = (fields.framing(parts.version)?, fields.persistence.lasts(parts.version));
            let expects = fields.expects && parts.version == Version::HTTP_11;
            return Ok(Head { parts, framing, persists, expects });
        }
        fields.take(head, at, end, &mut parts.headers)?;
        at = end + 2;
    }
}

/// Where the line that begins `at` ends: in CRLF.
fn line_end(head: &[u8], at: usize) -> Result<usize, Fault> {
    let end = memchr::memchr(b'\n', &head[at..]).ok_or(Fault::Malformed("a head ends in an empty line"))?;
    if end == 0 || head[at + end - 1] != b'\r' {
        return Err(Fault::Malformed("a line ends in CR and LF"));
    }
    Ok(at + end - 1)
}

/// Where its target is. Method and version go into `parts`.
fn request_line(line: &[u8], parts: &mut Parts) -> Result<Range<usize>, Fault> {
    const METHOD: Fault = Fault::Malformed("a method is one short word");
    const SHAPE: Fault = Fault::Malformed("a request line is a method, a target and a version, one space between");
    let method_end = memchr::memchr(b' ', line).ok_or(SHAPE)?;
    let target_end = memchr::memrchr(b' ', line).filter(|end| *end > method_end).ok_or(SHAPE)?;
    let (method, target, version) = (&line[..method_end], &line[method_end + 1..target_end], &line[target_end + 1..]);
    if method.len() > METHOD_LIMIT || !all(method, is_token) {
        return Err(METHOD);
    }
    parts.method = Method::from_bytes(method).map_err(|_| METHOD)?;
    if target.len() > TARGET_LIMIT {
        return Err(Fault::TargetTooLong);
    }
    // Bytes that are not ASCII are no business of ours: servers take them, and clients send them.
    if !all(target, |byte| byte >= b'!' && byte != 0x7f && byte != b'#') {
        return Err(Fault::Malformed("a target has neither white space nor control characters nor a fragment"));
    }
    let absolute = |scheme: &[u8]| target.len() > scheme.len() && target[..scheme.len()].eq_ignore_ascii_case(scheme);
    // Of CONNECT the guard says more.
    if !target.starts_with(b"/")
        && !absolute(b"http://")
        && !absolute(b"https://")
        && (method != b"CONNECT" || target.is_empty())
    {
        return Err(Fault::Malformed("a target is a path, or a whole http address"));
    }
    parts.version = match version {
        b"HTTP/1.1" => Version::HTTP_11,
        b"HTTP/1.0" => Version::HTTP_10,
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit() => {
            return Err(Fault::VersionRefused);
        }
        _ => return Err(SHAPE),
    };
    Ok(method_end + 1..target_end)
}

/// Those headers that say where the request ends, and what follows.
#[derive(Default)]
struct Fields {
    count: usize,
    length: Option<u64>,
    chunked: bool,
    upgrade: bool,
    expects: bool,
    persistence: Persistence,
}

impl Fields {
    fn take(&mut self, head: &Bytes, start: usize, end: usize, headers: &mut HeaderMap) -> Result<(), Fault> {
        let (name, value) = field::of(head, start..end).map_err(Fault::Malformed)?;
        self.count += 1;
        if self.count > HEADERS_LIMIT {
            return Err(Fault::HeadTooLarge);
        }
        let text = value.as_bytes();
        if name == UPGRADE {
            self.upgrade = true;
        } else if name == CONTENT_LENGTH {
            let length = length(text)?;
            if self.length.replace(length).is_some() {
                return Err(Fault::Malformed("there is at most one Content-Length"));
            }
        } else if name == TRANSFER_ENCODING {
            // More than one coding, or one more than once, is allowed; that all readers agree on it is not known.
            if !text.eq_ignore_ascii_case(b"chunked") || std::mem::replace(&mut self.chunked, true) {
                return Err(Fault::Malformed("Transfer-Encoding is chunked, and said once"));
            }
        } else if name == CONNECTION {
            self.persistence.take(&value);
        } else if name == EXPECT {
            self.expects = true;
        }
        headers.append(name, value);
        Ok(())
    }

    fn framing(&self, version: Version) -> Result<Framing, Fault> {
        let length = self.length.unwrap_or(0);
        match (self.chunked, self.upgrade) {
            (true, _) if self.length.is_some() => {
                Err(Fault::Malformed("there is a Content-Length or a Transfer-Encoding, not both"))
            }
            (true, _) if version == Version::HTTP_10 => Err(Fault::Malformed("HTTP/1.0 has no Transfer-Encoding")),
            (true, true) => Err(Fault::UpgradeRefused),
            (true, false) => Ok(Framing::Chunked),
            (false, true) if length > 0 => Err(Fault::UpgradeRefused),
            (false, true) => Ok(Framing::Upgrade),
            (false, false) => Ok(Framing::Length(length)),
        }
    }
}

/// Digits only, and no zero before others: some read that as octal.
fn length(value: &[u8]) -> Result<u64, Fault> {
    const RULE: Fault = Fault::Malformed("Content-Length is one number of plain digits");
    let plain = value.iter().all(u8::is_ascii_digit) && (value.len() == 1 || value.first() != Some(&b'0'));
    let digits = std::str::from_utf8(value).ok().filter(|_| plain);
    digits.and_then(|digits| digits.parse().ok()).ok_or(RULE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn verdict(head: impl AsRef<[u8]>) -> Result<Framing, u16> {
        read(&Bytes::copy_from_slice(head.as_ref()), HeaderMap::new())
            .map(|head| head.framing)
            .map_err(|fault| fault.status().as_u16())
    }

    #[test]
    fn a_request_line_has_one_reading_or_is_refused() {
        for (line, status) in [
            ("GET / HTTP/1.1", None),
            ("GET / HTTP/1.0", None),
            ("PROPFIND /api/flows|\\^{}\"?x=%20;,|\\^`{} HTTP/1.1", None),
            ("GET /` HTTP/1.1", Some(400)),
            ("GET /<> HTTP/1.1", Some(400)),
            ("GET /?x=\" HTTP/1.1", Some(400)),
            ("GET /?x=<> HTTP/1.1", Some(400)),
            ("GET //evil/x HTTP/1.1", None),
            ("GET /\\evil HTTP/1.1", None),
            ("GET /../%2e%2e/%252e HTTP/1.1", None),
            ("GET /f\u{fc}r HTTP/1.1", None),
            ("GET HTTP://127.0.0.1:4201/ HTTP/1.1", None),
            ("CONNECT evil.example:443 HTTP/1.1", None),
            ("CONNECT  HTTP/1.1", Some(400)),
            ("GET a HTTP/1.1", Some(400)),
            ("GET * HTTP/1.1", Some(400)),
            ("OPTIONS * HTTP/1.1", Some(400)),
            ("GET ! HTTP/1.1", Some(400)),
            ("GET http:// HTTP/1.1", Some(400)),
            ("GET ftp://x/ HTTP/1.1", Some(400)),
            ("GET /a#f HTTP/1.1", Some(400)),
            ("GET /a b HTTP/1.1", Some(400)),
            ("GET /a\tb HTTP/1.1", Some(400)),
            ("GET /a\0b HTTP/1.1", Some(400)),
            ("GET /a\rb HTTP/1.1", Some(400)),
            ("GET /\x7f HTTP/1.1", Some(400)),
            ("GET  / HTTP/1.1", Some(400)),
            ("GET /  HTTP/1.1", Some(400)),
            (" GET / HTTP/1.1", Some(400)),
            ("GET / HTTP/1.1 ", Some(400)),
            ("G(T / HTTP/1.1", Some(400)),
            ("GET /", Some(400)),
            ("GET", Some(400)),
            ("", Some(400)),
            ("GET / http/1.1", Some(400)),
            ("GET / HTTP/1.1.1", Some(400)),
            ("GET / HTTP/11", Some(400)),
            ("GET / HTTP/1.2", Some(505)),
            ("GET / HTTP/0.9", Some(505)),
            ("GET / HTTP/9.9", Some(505)),
            ("PRI * HTTP/2.0", Some(400)),
        ] {
            let expected = status.map_or(Ok(Framing::Length(0)), Err);
            assert_eq!(verdict(format!("{line}\r\nHost: x\r\n\r\n")), expected, "{line:?}");
        }
        let long = |method: usize, target: usize| {
            let (method, target) = ("M".repeat(method), "a".repeat(target));
            verdict(format!("{method} /{target} HTTP/1.1\r\nHost: x\r\n\r\n"))
        };
        assert_eq!(long(METHOD_LIMIT, TARGET_LIMIT - 1), Ok(Framing::Length(0)));
        assert_eq!(long(3, TARGET_LIMIT), Err(414));
        assert_eq!(long(METHOD_LIMIT + 1, 0), Err(400));
    }

    #[test]
    fn where_a_request_ends_has_one_reading_or_is_refused() {
        use Framing::{Chunked, Length, Upgrade};
        const CL: &str = "Content-Length: 5";
        const TE: &str = "Transfer-Encoding: chunked";
        for (fields, expected) in [
            (&["Content-Length: 0"][..], Some(Length(0))),
            (&["content-length:5"], Some(Length(5))),
            (&["Content-Length:\t 18446744073709551615 "], Some(Length(u64::MAX))),
            (&[TE], Some(Chunked)),
            (&["transfer-encoding: Chunked"], Some(Chunked)),
            (&["Upgrade: websocket"], Some(Upgrade)),
            (&["Upgrade: websocket", "Content-Length: 0"], Some(Upgrade)),
            (&["Upgrade: websocket", CL], None),
            (&["Upgrade: websocket", TE], None),
            (&[CL, TE], None),
            (&[TE, CL], None),
            (&["Content-Length: 0", TE], None),
            (&[CL, CL], None),
            (&[TE, TE], None),
            (&["Content-Length: 5, 5"], None),
            (&["Content-Length: +1"], None),
            (&["Content-Length: -1"], None),
            (&["Content-Length: 0x1"], None),
            (&["Content-Length: 010"], None),
            (&["Content-Length: 00"], None),
            (&["Content-Length:"], None),
            (&["Content-Length: 5 5"], None),
            (&["Content-Length: 5;"], None),
            (&["Content-Length: 18446744073709551616"], None),
            (&["Content-Length: \u{665}"], None),
            (&["Transfer-Encoding: xchunked"], None),
            (&["Transfer-Encoding: ,chunked"], None),
            (&["Transfer-Encoding: chunked,"], None),
            (&["Transfer-Encoding: chunked, chunked"], None),
            (&["Transfer-Encoding: gzip, chunked"], None),
            (&["Transfer-Encoding: identity"], None),
            (&["Transfer-Encoding: \"chunked\""], None),
            (&["Transfer-Encoding:"], None),
            (&["Transfer-Encoding: chunked\u{b}"], None),
            (&["Transfer-Encoding: chunked\u{c}"], None),
            (&["Transfer-Encoding:\u{c}chunked"], None),
            (&["Transfer-Encoding : chunked"], None),
            (&[" Transfer-Encoding: chunked"], None),
            (&["Transfer-Encoding\u{b}: chunked"], None),
        ] {
            let head = format!("POST / HTTP/1.1\r\nHost: x\r\n{}\r\n\r\n", fields.join("\r\n"));
            assert_eq!(verdict(head), expected.ok_or(400), "{fields:?}");
        }
        assert_eq!(verdict(format!("POST / HTTP/1.0\r\nHost: x\r\n{TE}\r\n\r\n")), Err(400));
    }

    #[test]
    fn a_header_is_one_line_with_one_name() {
        for (line, good) in [
            ("X:", true),
            ("X: \t a\tb \u{fc} ", true),
            ("x!#$%&'*+-.^_`|~9: a", true),
            ("X : a", false),
            (" X: a", false),
            ("\tX: a", false),
            ("X", false),
            (": a", false),
            ("X Y: a", false),
            ("X(: a", false),
            ("\u{fc}: a", false),
            ("X: a\0", false),
            ("X: a\rb", false),
            ("X: a\x7f", false),
            ("X: a\x1b", false),
        ] {
            let head = format!("GET / HTTP/1.1\r\nHost: x\r\n{line}\r\n\r\n");
            assert_eq!(verdict(head).is_ok(), good, "{line:?}");
        }
        assert_eq!(verdict("GET / HTTP/1.1\r\nHost: x\nX: y\r\n\r\n"), Err(400));
        assert_eq!(verdict("GET / HTTP/1.1\nHost: x\n\n"), Err(400));
        let many = |count| format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(count));
        assert_eq!(verdict(many(HEADERS_LIMIT)), Ok(Framing::Length(0)));
        assert_eq!(verdict(many(HEADERS_LIMIT + 1)), Err(431));
    }

    proptest! {
        #[test]
        fn what_has_one_reading_passes(
            method in "[A-Z]{1,9}", target in "/[!-\"$-;=@-_a-~]{0,20}([?][!$-;=?-~]{0,20})?",
            fields in prop::collection::vec(("[A-Za-z!#$%&'*+.^_`|~0-9-]{1,12}", "[\t -~]{0,20}"), 0..8),
        ) {
            let lines: String = fields.iter().map(|(name, value)| format!("X{name}:{value}\r\n")).collect();
            let head = format!("{method} {target} HTTP/1.1\r\n{lines}\r\n");
            prop_assert_eq!(verdict(&head), Ok(Framing::Length(0)));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            drop(read(&bytes.clone().into(), HeaderMap::new()));
            drop(read(&[&bytes[..], b"\r\n\r\n"].concat().into(), HeaderMap::new()));
        }
    }
}
