//! The head of a server's answer, and where its body ends (RFC 9112, sections 4 to 6).

use std::mem::MaybeUninit;

use bytes::{Buf as _, BytesMut};
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::response::Parts;
use http::{Method, Response, StatusCode, Version};
use httparse::Status;
use hyper::ext::ReasonPhrase;

use crate::listen::chunks::Chunks;
use crate::outbound::options;

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
/// answer itself (100 and so on) is thrown away. The first `seen` bytes have been looked at before.
///
/// # Errors
/// Why it is no answer.
pub(super) fn head(input: &mut BytesMut, seen: &mut usize, method: &Method) -> Result<Option<Head>, String> {
    loop {
        // A head is whole at the end of a line: who sends a byte at a time does not make us read it all each time.
        let new = input.get(*seen..).unwrap_or_default();
        let taken = if memchr::memchr(b'\n', new).is_some() { take(input, method) } else { Ok(Taken::Nothing) };
        match taken.map_err(|error| error.to_string())? {
            Taken::Nothing if input.len() > HEAD_LIMIT => return Err("its head is too long".into()),
            Taken::Nothing => {
                *seen = input.len();
                return Ok(None);
            }
            Taken::Interim => *seen = 0,
            Taken::Head(head) => return Ok(Some(head)),
        }
    }
}

enum Taken {
    Nothing,
    /// What is said before the answer.
    Interim,
    Head(Head),
}

fn take(input: &mut BytesMut, method: &Method) -> Result<Taken, httparse::Error> {
    let mut room = [const { MaybeUninit::uninit() }; HEADERS_LIMIT];
    let mut read = httparse::Response::new(&mut []);
    let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(&mut read, input, &mut room)?;
    let Status::Complete(length) = parsed else { return Ok(Taken::Nothing) };
    let status = read.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(httparse::Error::Status)?;
    if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
        input.advance(length);
        return Ok(Taken::Interim);
    }
    let mut parts = Response::new(()).into_parts().0;
    parts.status = status;
    parts.version = if read.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
    if let Some(reason) = read.reason.filter(|reason| Some(*reason) != status.canonical_reason())
        && let Ok(reason) = ReasonPhrase::try_from(reason.as_bytes())
    {
        parts.extensions.insert(reason);
    }
    // Where values begin, and how long they are: what they are a part of is taken, not copied.
    let (start, count) = (input.as_ptr() as usize, read.headers.len());
    let mut places = [(0, 0); HEADERS_LIMIT];
    parts.headers.reserve(count);
    let mut names = Vec::with_capacity(count);
    for (place, field) in places.iter_mut().zip(&*read.headers) {
        names.push(HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| httparse::Error::HeaderName)?);
        *place = (field.value.as_ptr() as usize - start, field.value.len());
    }
    let head = input.split_to(length).freeze();
    for (name, (at, length)) in names.into_iter().zip(places) {
        let value = HeaderValue::from_maybe_shared(head.slice(at..at + length));
        parts.headers.append(name, value.map_err(|_| httparse::Error::HeaderValue)?);
    }
    let framing = framing(&parts, method)?;
    // What follows another protocol's beginning is no answer.
    let persists = !matches!(framing, Framing::Close) && status != StatusCode::SWITCHING_PROTOCOLS && persists(&parts);
    Ok(Taken::Head(Head { parts, framing, persists }))
}

/// Whatever their headers say.
const BODILESS: [StatusCode; 3] = [StatusCode::SWITCHING_PROTOCOLS, StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED];

/// Of an answer that could end in several places, any: it is not used (see [`super::ambiguity`]).
fn framing(parts: &Parts, method: &Method) -> Result<Framing, httparse::Error> {
    let Parts { status, headers, version, .. } = parts;
    if method == Method::HEAD || BODILESS.contains(status) {
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
    let says = |option: &str| options(&parts.headers).any(|said| said.eq_ignore_ascii_case(option.as_bytes()));
    !says("close") && (parts.version == Version::HTTP_11 || says("keep-alive"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The status, the headers, whether another request may follow, and what is left.
    type Read = (u16, Vec<(String, String)>, bool, String);

    /// What becomes of these bytes, however they are cut.
    fn read(bytes: &str, method: &Method) -> Result<Read, String> {
        let mut outcomes = Vec::new();
        for piece in [1, 2, 3, 7, bytes.len()] {
            let (mut input, mut seen, mut outcome) = (BytesMut::new(), 0, Err("not whole".to_owned()));
            let mut rest = bytes.as_bytes();
            while !rest.is_empty() {
                let (now, later) = rest.split_at(piece.min(rest.len()));
                input.extend_from_slice(now);
                rest = later;
                match head(&mut input, &mut seen, method) {
                    Ok(None) => continue,
                    Ok(Some(head)) => {
                        input.extend_from_slice(rest);
                        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
                        let headers = head.parts.headers.iter();
                        let headers = headers.map(|(name, value)| (name.to_string(), text(value))).collect();
                        let left = String::from_utf8_lossy(&input).into_owned();
                        outcome = Ok((head.parts.status.as_u16(), headers, head.persists, left));
                    }
                    Err(error) => outcome = Err(error),
                }
                break;
            }
            outcomes.push(outcome);
        }
        assert!(outcomes.windows(2).all(|two| two[0].is_ok() == two[1].is_ok()), "{outcomes:?}");
        assert!(outcomes[0].is_err() || outcomes.windows(2).all(|two| two[0] == two[1]), "{outcomes:?}");
        outcomes.swap_remove(0)
    }

    #[test]
    fn a_head_is_the_same_however_it_comes() {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        for (bytes, expected) in [
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b \r\nx-a:\r\n\r\nok",
                Ok((200, vec![field("content-length", "2"), field("x-a", "b"), field("x-a", "")], true, "ok".into())),
            ),
            ("HTTP/1.1 204 \r\n\r\n", Ok((204, vec![], true, String::new()))),
            (
                "\r\nHTTP/1.1 204 No\nContent-Length: 0\n\n",
                Ok((204, vec![field("content-length", "0")], true, String::new())),
            ),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 H\r\nLink: x\r\n\r\nHTTP/1.1 204 A\r\n\r\n",
                Ok((204, vec![], true, String::new())),
            ),
            ("HTTP/1.1 200 OK\r\n\r\nto the end", Ok((200, vec![], false, "to the end".into()))),
            ("HTTP/1.0 204 OK\r\n\r\n", Ok((204, vec![], false, String::new()))),
            (
                "HTTP/1.0 204 OK\r\nConnection: Keep-Alive\r\n\r\n",
                Ok((204, vec![field("connection", "Keep-Alive")], true, String::new())),
            ),
            (
                "HTTP/1.1 204 OK\r\nConnection: x , CLOSE\r\n\r\n",
                Ok((204, vec![field("connection", "x , CLOSE")], false, String::new())),
            ),
            ("HTTP/1.1 101 Switching\r\n\r\n", Ok((101, vec![], false, String::new()))),
        ] {
            assert_eq!(read(bytes, &Method::GET), expected, "{bytes:?}");
        }
    }

    #[test]
    fn what_is_no_head_is_said_at_once() {
        for bytes in [
            "SSH-2.0-OpenSSH_9.2\r\n",
            "HTTP/2.0 200 OK\r\n\r\n",
            "HTTP/1.1 2x0 OK\r\n\r\n",
            "HTTP/1.1 099 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA b: c\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        ] {
            let told = read(bytes, &Method::GET);
            assert!(told.as_ref().is_err_and(|reason| reason != "not whole"), "{bytes:?}: {told:?}");
        }
        let long = format!("HTTP/1.1 200 OK\r\nA: {}", "a".repeat(HEAD_LIMIT));
        assert_eq!(head(&mut BytesMut::from(&long[..]), &mut 0, &Method::GET).unwrap_err(), "its head is too long");
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(HEADERS_LIMIT + 1));
        assert!(head(&mut BytesMut::from(&many[..]), &mut 0, &Method::GET).is_err());
    }

    #[test]
    fn an_answer_to_head_has_no_body() {
        let bytes = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        let head = head(&mut BytesMut::from(bytes), &mut 0, &Method::HEAD).unwrap().unwrap();
        assert!(matches!(head.framing, Framing::Length(0)) && head.persists);
    }
}
