//! The head of a server's answer, and where its body ends (RFC 9112, sections 4 to 6).

use bytes::{Buf as _, Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use http::response::Parts;
use http::{HeaderName, Method, Response, StatusCode, Version};
use hyper::ext::ReasonPhrase;

use crate::http1::chunks::Chunks;
use crate::http1::field::{self, HEADERS_LIMIT, Persistence};
use crate::http1::input::Framing;

/// A head may not be larger, in bytes.
const HEAD_LIMIT: usize = 256 * 1024;

/// An answer's head.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) parts: Parts,
    pub(super) framing: Framing,
    /// Whether the server takes another request on this connection.
    pub(super) persists: bool,
}

/// How far the reading of a head is, in bytes.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Of what has come, so much has been looked at before.
    seen: usize,
    /// What came before the answer itself.
    thrown_away: usize,
}

impl Progress {
    fn throw_away(&mut self, length: usize) -> Result<(), String> {
        self.seen = 0;
        self.thrown_away += length;
        // Who goes on like that would never be waited for in vain.
        if self.thrown_away > HEAD_LIMIT { Err("too much comes before its head".into()) } else { Ok(()) }
    }
}

/// Takes the head of the answer to a request of this method off what came, once it is whole; what is said before the
/// answer itself (100 and so on) is thrown away. The headers are put into `room`, whatever was in it.
///
/// # Errors
/// Why it is no answer.
pub(super) fn head(
    input: &mut BytesMut,
    progress: &mut Progress,
    method: &Method,
    room: &mut HeaderMap,
) -> Result<Option<Head>, String> {
    loop {
        // Empty lines before it are forgiven.
        while let Some(empty) = [&b"\n"[..], b"\r\n"].into_iter().find(|empty| input.starts_with(empty)) {
            input.advance(empty.len());
            progress.throw_away(empty.len())?;
        }
        let Some(length) = end(input, progress.seen) else {
            if input.len() > HEAD_LIMIT {
                return Err("its head is too long".into());
            }
            begins(input)?;
            // The end may lie on both sides.
            progress.seen = input.len().saturating_sub(2);
            return Ok(None);
        };
        if length > HEAD_LIMIT {
            return Err("its head is too long".into());
        }
        // A request that is sent once more after an interim head needs its own.
        let is_interim = input.get(VERSION.len() + 2) == Some(&b'1');
        let room = if is_interim { HeaderMap::new() } else { std::mem::take(room) };
        let head = read(&input.split_to(length).freeze(), method, room)?;
        if !head.parts.status.is_informational() || head.parts.status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(Some(head));
        }
        progress.throw_away(length)?;
    }
}

/// Where the empty line ends that ends a head. A line may end without its CR.
fn end(input: &[u8], seen: usize) -> Option<usize> {
    memchr::memchr_iter(b'\n', &input[seen..]).map(|at| seen + at + 1).find_map(|next| match &input[next..] {
        [b'\n', ..] => Some(next + 1),
        [b'\r', b'\n', ..] => Some(next + 2),
        _ => None,
    })
}

/// Nobody waits for the end of what is no answer.
fn begins(input: &[u8]) -> Result<(), String> {
    let shown = input.len().min(VERSION.len());
    if input == b"\r" || input[..shown] == VERSION[..shown] {
        Ok(())
    } else {
        Err("it does not begin as HTTP/1.1 does".into())
    }
}

const VERSION: &[u8] = b"HTTP/1.";

fn read(head: &Bytes, method: &Method, room: HeaderMap) -> Result<Head, String> {
    let mut parts = Response::new(()).into_parts().0;
    parts.headers = room;
    parts.headers.clear();
    let mut at = 0;
    let mut line = || {
        let start = at;
        let end = start + memchr::memchr(b'\n', &head[start..])?;
        at = end + 1;
        Some(start..if end > start && head[end - 1] == b'\r' { end - 1 } else { end })
    };
    status(line().map(|line| &head[line]).unwrap_or_default(), &mut parts)?;
    let mut fields = Fields::default();
    parts.headers.reserve((head.len() / field::USUAL).min(HEADERS_LIMIT));
    while let Some(line) = line().filter(|line| !line.is_empty()) {
        let (name, value) = field::of(head, line).map_err(|rule| format!("its head breaks a rule: {rule}"))?;
        fields.take(&name, &value)?;
        parts.headers.append(name, value);
    }
    let framing = fields.framing(&parts, method)?;
    // What follows another protocol's beginning is no answer.
    let persists = !matches!(framing, Framing::Close)
        && parts.status != StatusCode::SWITCHING_PROTOCOLS
        && fields.persistence.lasts(parts.version);
    Ok(Head { parts, framing, persists })
}

/// `HTTP/1.1 200 OK`; the last word may be missing, or be others.
fn status(line: &[u8], parts: &mut Parts) -> Result<(), String> {
    begins(line)?;
    let (version, code, reason) = match &line[VERSION.len().min(line.len())..] {
        [version @ (b'0' | b'1'), b' ', a, b, c] => (*version, [*a, *b, *c], &b""[..]),
        [version @ (b'0' | b'1'), b' ', a, b, c, b' ', reason @ ..] => (*version, [*a, *b, *c], reason),
        _ => return Err("its first line is not a version, a status of three digits and a reason".into()),
    };
    parts.version = if version == b'0' { Version::HTTP_10 } else { Version::HTTP_11 };
    parts.status = StatusCode::from_bytes(&code).map_err(|_| "its status is none")?;
    if parts.status.canonical_reason().map(str::as_bytes) != Some(reason) {
        parts.extensions.insert(ReasonPhrase::try_from(reason).map_err(|_| "its reason is no text")?);
    }
    Ok(())
}

/// Those headers that say where the answer ends, and what follows.
#[derive(Default)]
struct Fields {
    length: Option<u64>,
    chunked: bool,
    count: usize,
    persistence: Persistence,
}

impl Fields {
    /// Where it is not certain where an answer ends, nor is where the next one begins: a program behind us, or before
    /// us, may take another end than we do.
    fn take(&mut self, name: &HeaderName, value: &HeaderValue) -> Result<(), &'static str> {
        self.count += 1;
        if self.count > HEADERS_LIMIT {
            return Err("it has too many headers");
        }
        if name == CONTENT_LENGTH {
            let digits = value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
            let length = digits.and_then(|digits| digits.parse().ok()).filter(|_| self.length.is_none());
            self.length = Some(length.ok_or("its Content-Length is not one number")?);
        } else if name == TRANSFER_ENCODING {
            if self.chunked || !value.as_bytes().eq_ignore_ascii_case(b"chunked") {
                return Err("its Transfer-Encoding is not chunked");
            }
            self.chunked = true;
        } else if name == CONNECTION {
            self.persistence.take(value);
        }
        Ok(())
    }

    fn framing(&self, parts: &Parts, method: &Method) -> Result<Framing, &'static str> {
        let bodiless = method == Method::HEAD || BODILESS.contains(&parts.status) || parts.status.is_informational();
        match (self.chunked, self.length) {
            (true, Some(_)) => Err("it has both a Content-Length and a Transfer-Encoding"),
            (true, None) if parts.version == Version::HTTP_10 => Err("HTTP/1.0 has no Transfer-Encoding"),
            _ if bodiless => Ok(Framing::NOTHING),
            (true, None) => Ok(Framing::Chunked(Chunks::default())),
            (false, Some(length)) => Ok(Framing::Length(length)),
            (false, None) => Ok(Framing::Close),
        }
    }
}

/// Whatever their headers say.
const BODILESS: [StatusCode; 3] = [StatusCode::SWITCHING_PROTOCOLS, StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED];

#[cfg(test)]
mod tests {
    use super::*;

    /// The status, the headers, whether another request may follow, and what is left.
    type Read = (u16, Vec<(String, String)>, bool, String);

    /// What becomes of these bytes, however they are cut.
    fn read(bytes: &str, method: &Method) -> Result<Read, String> {
        let mut outcomes = Vec::new();
        for piece in [1, 2, 3, 7, bytes.len()] {
            let (mut input, mut progress, mut outcome) =
                (BytesMut::new(), Progress::default(), Err("not whole".to_owned()));
            let mut rest = bytes.as_bytes();
            while !rest.is_empty() {
                let (now, later) = rest.split_at(piece.min(rest.len()));
                input.extend_from_slice(now);
                rest = later;
                match head(&mut input, &mut progress, method, &mut HeaderMap::new()) {
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
        for end in ["", "\r\n\r\n"] {
            let mut long = BytesMut::from(format!("{long}{end}").as_bytes());
            assert_eq!(
                head(&mut long, &mut Progress::default(), &Method::GET, &mut HeaderMap::new()).unwrap_err(),
                "its head is too long"
            );
        }
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(HEADERS_LIMIT + 1));
        assert!(
            head(&mut BytesMut::from(&many[..]), &mut Progress::default(), &Method::GET, &mut HeaderMap::new())
                .is_err()
        );
    }

    #[test]
    fn what_comes_before_an_answer_has_an_end() {
        for before in ["HTTP/1.1 102 Processing\r\n\r\n", "\r\n"] {
            let (mut progress, mut room) = (Progress::default(), HeaderMap::new());
            room.insert("x-tag", HeaderValue::from_static("mine"));
            let refused = (0..=HEAD_LIMIT / before.len())
                .find_map(|_| head(&mut BytesMut::from(before), &mut progress, &Method::GET, &mut room).err());
            assert_eq!(refused.as_deref(), Some("too much comes before its head"));
            assert_eq!(room.len(), 1, "the request may have to go again");
        }
    }

    #[test]
    fn an_answer_to_head_has_no_body() {
        let bytes = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        let head = head(&mut BytesMut::from(bytes), &mut Progress::default(), &Method::HEAD, &mut HeaderMap::new())
            .unwrap()
            .unwrap();
        assert!(matches!(head.framing, Framing::Length(0)) && head.persists);
    }
}
