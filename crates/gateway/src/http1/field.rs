//! The lines of a head and of trailers, byte for byte (RFC 9112, section 5), in either direction.

use std::ops::Range;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Version};

/// The rule that a line breaks.
pub(crate) type Broken = &'static str;

/// A head may not have more headers.
pub(crate) const HEADERS_LIMIT: usize = 100;
/// So long is a line in most heads, in bytes.
pub(crate) const USUAL: usize = 32;

/// The header in a line of a head, which its value is a part of.
///
/// # Errors
/// When another reader could see another line.
pub(crate) fn of(head: &Bytes, line: Range<usize>) -> Result<(HeaderName, HeaderValue), Broken> {
    let (name, value) = halves(&head[line])?;
    let name = HeaderName::from_bytes(name).map_err(|_| NAME)?;
    let value = HeaderValue::from_maybe_shared(head.slice_ref(value)).map_err(|_| VALUE)?;
    Ok((name, value))
}

/// What the `Connection` lines of a head say of what follows.
#[derive(Debug, Default)]
pub(crate) struct Persistence {
    close: bool,
    keep_alive: bool,
}

impl Persistence {
    /// One line's value.
    pub(crate) fn take(&mut self, value: &HeaderValue) {
        for option in value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    /// Whether another message may follow (RFC 9112, section 9.3).
    pub(crate) fn lasts(&self, version: Version) -> bool {
        !self.close && (version == Version::HTTP_11 || self.keep_alive)
    }
}

/// Judges a trailer's line, of which nothing is used.
///
/// # Errors
/// When another reader could see another line.
pub(crate) fn check(line: &[u8]) -> Result<(), Broken> {
    let (name, value) = halves(line)?;
    if name.is_empty() || !all(name, is_token) {
        return Err(NAME);
    }
    if !all(value, |byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f)) {
        return Err(VALUE);
    }
    Ok(())
}

const NAME: Broken = "a header's name is one word, right before its colon";
const VALUE: Broken = "a header's value has no control characters";

/// What stands before and after a line's colon, and is not judged yet.
fn halves(line: &[u8]) -> Result<(&[u8], &[u8]), Broken> {
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return Err("a header is one line");
    }
    let colon = memchr::memchr(b':', line).ok_or("a header has a colon")?;
    Ok((&line[..colon], trim(&line[colon + 1..])))
}

/// Without the spaces and tabs around it, and nothing else: a form feed is no white space of HTTP's.
fn trim(value: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| !matches!(byte, b' ' | b'\t');
    let start = value.iter().position(is_text).unwrap_or(value.len());
    let end = value.iter().rposition(is_text).map_or(start, |last| last + 1);
    &value[start..end]
}

/// Whether all are so. Nearly always they are: to look at every one takes less than to stop at the first that is not.
pub(crate) fn all(bytes: &[u8], are: impl Fn(u8) -> bool) -> bool {
    bytes.iter().fold(true, |all, byte| all & are(*byte))
}

/// RFC 9110, section 5.6.2.
pub(crate) fn is_token(byte: u8) -> bool {
    matches!(byte,
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.'
        | b'^' | b'_' | b'`' | b'|' | b'~')
}
