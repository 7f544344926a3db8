//! The first message a client sends on subprotocol `prefect`.
//!
//! Bounded in size here, in time by the caller. Control frames before it are handed out at once: Prefect's own
//! clients ping first, and say nothing before the pong. Those within and behind it pass as they are, and so does
//! what is no `{"type":"auth","token":…}`: the server will say what it thinks of it.

use std::io::{self, Cursor};

use serde_json::{Map, Value};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, Frame, FrameHeader};
use zeroize::Zeroizing;

use crate::Secret;

/// An auth message is 100 bytes; with a long password a few hundred.
const LIMIT: usize = 16 * 1024;
/// What its frames may be with their heads, and with those between them.
const FRAMES_LIMIT: usize = LIMIT + 1024;

/// The way to the first message.
#[derive(Default)]
pub(crate) struct Beginning {
    /// Read, and not handed out yet.
    raw: Zeroizing<Vec<u8>>,
}

/// What comes next on that way.
pub(crate) enum Next {
    /// A control frame before the message.
    Control(ControlFrame),
    /// Its end.
    Message(FirstMessage),
}

/// A ping or a pong, from a client.
pub(crate) struct ControlFrame {
    /// As it came.
    pub(crate) raw: Vec<u8>,
    /// A ping's payload, unmasked.
    ping: Option<Vec<u8>>,
}

impl ControlFrame {
    /// What a server answers: RFC 6455, section 5.5.3.
    pub(crate) fn pong(self) -> io::Result<Option<Vec<u8>>> {
        let Some(payload) = self.ping else { return Ok(None) };
        let mut bytes = Vec::new();
        Frame::pong(payload).format(&mut bytes).map_err(io::Error::other)?;
        Ok(Some(bytes))
    }
}

/// Everything read until the first message was whole.
pub(crate) struct FirstMessage {
    /// All bytes as they came: the message's frames, those between them, and whatever was read behind it.
    raw: Zeroizing<Vec<u8>>,
    /// The auth message in them.
    auth: Option<Auth>,
}

struct Auth {
    fields: Map<String, Value>,
    at: Place,
}

/// Where in `raw` the message's frames are: from the start to here.
#[derive(Debug, PartialEq)]
struct Place {
    end: usize,
    /// Control frames between its fragments, whole.
    between: Vec<u8>,
}

impl Beginning {
    /// Reads until a control frame or the first message is whole, a close frame comes, or the stream ends.
    pub(crate) async fn next(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Next> {
        loop {
            match scan(&self.raw)? {
                Scan::Control { end, ping } => {
                    let raw = self.raw.drain(..end).collect();
                    return Ok(Next::Control(ControlFrame { raw, ping }));
                }
                Scan::Text(at, payload) => {
                    let auth = auth(&payload).map(|fields| Auth { fields, at });
                    return Ok(self.end(auth));
                }
                Scan::Other => return Ok(self.end(None)),
                Scan::More => {}
            }
            let mut chunk = Zeroizing::new([0u8; 1024]);
            let n = stream.read(chunk.as_mut()).await?;
            if n == 0 {
                return Ok(self.end(None));
            }
            self.raw.extend_from_slice(&chunk[..n]);
        }
    }

    fn end(&mut self, auth: Option<Auth>) -> Next {
        Next::Message(FirstMessage { raw: std::mem::take(&mut self.raw), auth })
    }
}

impl FirstMessage {
    /// The token it brought.
    pub(crate) fn token(&self) -> Option<Secret> {
        self.auth.as_ref()?.fields.get("token")?.as_str().map(Secret::new)
    }

    /// The bytes for the server: with another token, or as they came.
    pub(crate) fn with_token(&self, token: Option<&Secret>) -> io::Result<Zeroizing<Vec<u8>>> {
        let (Some(Auth { fields, at }), Some(token)) = (&self.auth, token) else {
            return Ok(self.raw.clone());
        };
        let mut fields = fields.clone();
        fields.insert("token".into(), Value::String(token.expose().to_owned()));
        let payload = serde_json::to_vec(&fields)?;
        let mut mask = [0u8; 4];
        getrandom::fill(&mut mask).map_err(io::Error::other)?;

        let mut bytes = Zeroizing::new(Vec::with_capacity(self.raw.len() + payload.len()));
        bytes.extend_from_slice(&at.between);
        let header = FrameHeader { opcode: OpCode::Data(Data::Text), mask: Some(mask), ..FrameHeader::default() };
        Frame::from_payload(header, payload.into()).format(&mut *bytes).map_err(io::Error::other)?;
        bytes.extend_from_slice(&self.raw[at.end..]);
        Ok(bytes)
    }
}

/// A close frame from us to a client.
pub(crate) fn close_frame(code: CloseCode, reason: &'static str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let frame = Frame::close(Some(CloseFrame { code, reason: reason.into() }));
    frame.format(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

fn auth(payload: &[u8]) -> Option<Map<String, Value>> {
    let fields: Map<String, Value> = serde_json::from_slice(payload).ok()?;
    (fields.get("type")? == "auth").then_some(fields)
}

enum Scan {
    /// Not whole yet.
    More,
    /// A control frame stands before the message.
    Control { end: usize, ping: Option<Vec<u8>> },
    /// A text message, unmasked and put together.
    Text(Place, Zeroizing<Vec<u8>>),
    /// Something that is no text message: it passes.
    Other,
}

/// Looks at the frames read so far: for a control frame at the start, else for the whole first message.
fn scan(raw: &[u8]) -> io::Result<Scan> {
    let mut at = Place { end: 0, between: Vec::new() };
    let mut payload = Zeroizing::new(Vec::new());
    let mut begun = false;
    loop {
        let mut cursor = Cursor::new(&raw[at.end..]);
        let (header, length) = match FrameHeader::parse(&mut cursor) {
            Ok(Some(parsed)) => parsed,
            Ok(None) => return Ok(Scan::More),
            Err(_) => return Ok(Scan::Other),
        };
        let Some(mask) = header.mask else {
            // RFC 6455, section 5.1.
            return Err(refused("a client's frames must be masked"));
        };
        let (Ok(head), Ok(length)) = (usize::try_from(cursor.position()), usize::try_from(length)) else {
            return Ok(Scan::Other);
        };
        match header.opcode {
            OpCode::Data(Data::Text) if !begun => {}
            OpCode::Data(Data::Continue) if begun => {}
            OpCode::Control(Control::Ping | Control::Pong) => {}
            OpCode::Data(_) | OpCode::Control(_) => return Ok(Scan::Other),
        }
        // The length is the client's word, up to 2^64 - 1; and how much of it is here already decides nothing.
        if length > LIMIT {
            return Ok(Scan::Other);
        }
        let (from, to) = (at.end, at.end + head + length);
        if to > FRAMES_LIMIT {
            return Err(refused("the first message is too large"));
        }
        let Some(frame) = raw.get(from..to) else { return Ok(Scan::More) };
        at.end = to;
        let unmasked = frame[head..].iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
        if matches!(header.opcode, OpCode::Control(_)) {
            if !begun {
                let is_ping = header.opcode == OpCode::Control(Control::Ping);
                return Ok(Scan::Control { end: at.end, ping: is_ping.then(|| unmasked.collect()) });
            }
            at.between.extend_from_slice(frame);
            continue;
        }
        begun = true;
        payload.extend(unmasked);
        if payload.len() > LIMIT {
            return Ok(Scan::Other);
        }
        if header.is_final {
            return Ok(Scan::Text(at, payload));
        }
    }
}

fn refused(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use proptest::strategy::Strategy as _;
    use proptest::test_runner::TestCaseError;
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    fn frame(opcode: OpCode, is_final: bool, payload: &[u8]) -> Vec<u8> {
        let header = FrameHeader { opcode, is_final, mask: Some([1, 2, 3, 4]), ..FrameHeader::default() };
        let mut bytes = Vec::new();
        Frame::from_payload(header, payload.to_vec().into()).format(&mut bytes).unwrap();
        bytes
    }

    const TEXT: OpCode = OpCode::Data(Data::Text);
    const MORE: OpCode = OpCode::Data(Data::Continue);
    const PING: OpCode = OpCode::Control(Control::Ping);
    const AUTH: &[u8] = br#"{"type":"auth","token":"postern:key"}"#;

    /// The control frames ahead of the first message, and the message.
    async fn read(mut bytes: &[u8]) -> io::Result<(Vec<u8>, FirstMessage)> {
        let (mut beginning, mut ahead) = (Beginning::default(), Vec::new());
        loop {
            match beginning.next(&mut bytes).await? {
                Next::Control(frame) => ahead.extend(frame.raw),
                Next::Message(first) => return Ok((ahead, first)),
            }
        }
    }

    /// Frames as a server would read them: opcode and unmasked payload.
    fn frames(mut bytes: &[u8]) -> Vec<(OpCode, String)> {
        let mut found = Vec::new();
        while !bytes.is_empty() {
            let mut cursor = Cursor::new(bytes);
            let (header, length) = FrameHeader::parse(&mut cursor).unwrap().unwrap();
            let head = usize::try_from(cursor.position()).unwrap();
            let end = head + usize::try_from(length).unwrap();
            let mask = header.mask.unwrap();
            let text = bytes[head..end].iter().zip(mask.iter().cycle()).map(|(b, m)| b ^ m).collect();
            found.push((header.opcode, String::from_utf8(text).unwrap()));
            bytes = &bytes[end..];
        }
        found
    }

    #[tokio::test]
    async fn the_token_is_replaced_and_everything_around_it_passes() {
        let bytes = [
            frame(PING, true, b"before"),
            frame(TEXT, false, &AUTH[..10]),
            frame(PING, true, b"between"),
            frame(MORE, true, &AUTH[10..]),
            frame(TEXT, true, b"second"),
        ]
        .concat();
        let (ahead, first) = read(&bytes).await.unwrap();
        assert_eq!(frames(&ahead), [(PING, "before".to_owned())]);
        assert_eq!(first.token(), Some(Secret::new("postern:key")));
        let sent = first.with_token(Some(&Secret::new("admin:s\u{e9}cret\""))).unwrap();
        assert_eq!(
            frames(&sent),
            [
                (PING, "between".to_owned()),
                (TEXT, "{\"type\":\"auth\",\"token\":\"admin:s\u{e9}cret\\\"\"}".to_owned()),
                (TEXT, "second".to_owned()),
            ]
        );
    }

    #[tokio::test]
    async fn what_is_no_auth_message_passes_untouched() {
        for bytes in [
            frame(TEXT, true, b"{\"type\":\"filter\"}"),
            frame(TEXT, true, b"not json"),
            frame(OpCode::Data(Data::Binary), true, AUTH),
            frame(OpCode::Control(Control::Close), true, b""),
            frame(MORE, true, AUTH),
            frame(TEXT, true, &[b' '; LIMIT + 1]),
            AUTH[..1].to_vec(),
            Vec::new(),
        ] {
            let (_, first) = read(&bytes).await.unwrap();
            assert!(first.token().is_none());
            let sent = first.with_token(Some(&Secret::new("secret"))).unwrap();
            assert!(bytes.starts_with(&sent), "what was read is passed on as it came");
        }
    }

    #[tokio::test]
    async fn a_ping_is_handed_out_before_anything_else_comes() {
        let (mut client, mut stream) = tokio::io::duplex(1024);
        let mut beginning = Beginning::default();
        for (opcode, pong) in [(PING, Some("\u{8a}\u{5}hello")), (OpCode::Control(Control::Pong), None)] {
            let sent = frame(opcode, true, b"hello");
            client.write_all(&sent).await.unwrap();
            let Next::Control(frame) = beginning.next(&mut stream).await.unwrap() else { panic!("no control frame") };
            assert_eq!(frame.raw, sent);
            let pong = pong.map(|pong| pong.chars().map(|c| c as u8).collect());
            assert_eq!(frame.pong().unwrap(), pong);
        }
        client.write_all(&frame(TEXT, true, AUTH)).await.unwrap();
        assert!(matches!(beginning.next(&mut stream).await.unwrap(), Next::Message(first) if first.token().is_some()));
    }

    /// A masked frame's head that promises so much, and the little that comes.
    fn promising(opcode: u8, length: u64, payload: &[u8]) -> Vec<u8> {
        [&[0x80 | opcode, 0xff][..], &length.to_be_bytes(), &[1, 2, 3, 4], payload].concat()
    }

    #[tokio::test]
    async fn a_length_that_no_memory_holds_is_no_auth_message() {
        for opcode in [0x1, 0x9, 0xa] {
            for length in [u64::MAX, u64::MAX - 13, u64::MAX - 14, i64::MAX.cast_unsigned(), 1 << 32] {
                for ahead in [Vec::new(), frame(TEXT, false, b"begun")] {
                    let bytes = [ahead, promising(opcode, length, b"x")].concat();
                    let (control, first) = read(&bytes).await.unwrap();
                    assert!(control.is_empty() && first.token().is_none(), "{opcode} {length}");
                    assert_eq!(*first.with_token(None).unwrap(), bytes, "{opcode} {length}");
                }
            }
        }
    }

    #[tokio::test]
    async fn how_large_a_message_may_be_does_not_depend_on_how_it_comes() {
        let padded = |length: usize| {
            let text = format!("{{\"type\":\"auth\",\"x\":\"{}\"}}", "x".repeat(length));
            [&text.as_bytes()[..text.len().min(LIMIT)], &text.as_bytes()[text.len().min(LIMIT)..]].map(<[u8]>::to_vec)
        };
        let [whole, _] = padded(LIMIT - 22);
        let [one, two] = padded(LIMIT);
        let pings = frame(PING, true, &[b' '; 125]).repeat(9);
        for (bytes, expected) in [
            (frame(TEXT, true, &whole), Some(true)),
            ([frame(TEXT, false, &one), frame(MORE, true, &two)].concat(), Some(false)),
            ([frame(TEXT, false, &whole), pings, frame(MORE, true, b"")].concat(), None),
        ] {
            for piece in [1, 100, 100_000] {
                let (mut client, mut server) = tokio::io::duplex(piece);
                let sent = bytes.clone();
                let sending = tokio::spawn(async move { client.write_all(&sent).await });
                let next = Beginning::default().next(&mut server).await.ok();
                let found = next.map(|next| matches!(next, Next::Message(first) if first.auth.is_some()));
                assert_eq!(found, expected, "{piece}");
                sending.abort();
            }
        }
    }

    #[tokio::test]
    async fn an_unmasked_frame_is_refused() {
        let mut bytes = Vec::new();
        Frame::message(AUTH.to_vec(), TEXT, true).format(&mut bytes).unwrap();
        assert!(read(&bytes).await.is_err());
    }

    fn passes_or_is_refused(bytes: &[u8]) -> Result<(), TestCaseError> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        if let Ok((ahead, first)) = runtime.block_on(read(bytes)) {
            proptest::prop_assert_eq!([ahead, first.with_token(None).unwrap().to_vec()].concat(), bytes);
        }
        Ok(())
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic_or_are_lost(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            passes_or_is_refused(&bytes)?;
        }

        #[test]
        fn no_length_panics_or_loses_bytes(
            ahead in proptest::bool::ANY,
            opcode in 0u8..16,
            last in proptest::bool::ANY,
            length in proptest::prop_oneof![
                0..1000u64,
                (0..1000u64).prop_map(|less| u64::MAX - less),
                (0..1000u64).prop_map(|less| (1 << 63) - less),
                proptest::num::u64::ANY,
            ],
            payload in proptest::collection::vec(proptest::num::u8::ANY, 0..40),
        ) {
            let mut bytes = if ahead { frame(TEXT, false, b"begun") } else { Vec::new() };
            let head = bytes.len();
            bytes.extend(promising(opcode, length, &payload));
            if !last {
                bytes[head] &= 0x7f;
            }
            passes_or_is_refused(&bytes)?;
        }
    }
}
