//! The first message of a WebSocket: with another token, everything else stays as it was, however it comes.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use postern_fuzz::ways;
use postern_gateway::fuzzing::first_message;
use serde_json::{Map, Value};
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Data, OpCode};

const TOKEN: &str = "admin:s\u{e9}cret\"";

fuzz_target!(|input: (u8, &[u8])| {
    let (seed, bytes) = input;
    let ways = ways(bytes, seed);
    let untouched = ways.each_ref().map(|pieces| first_message(pieces, None).ok());
    let replaced = ways.each_ref().map(|pieces| first_message(pieces, Some(TOKEN)).ok());
    assert_eq!(untouched[0], untouched[1]);
    assert_eq!(untouched[0], untouched[2]);
    let [Some(replaced), others @ ..] = &replaced else { return };
    let [Some(untouched), ..] = &untouched else { panic!("refused for want of a token") };
    assert_eq!(untouched.sent, bytes);
    assert_eq!((&untouched.token, &untouched.pongs), (&replaced.token, &replaced.pongs));
    if replaced.sent == bytes {
        return;
    }

    let (before, after) = (messages(bytes), messages(&replaced.sent));
    for other in others.iter().flatten() {
        assert_eq!(messages(&other.sent), after);
    }
    let first = |messages: &[Message]| messages.iter().position(|message| !message.control).expect("no message");
    let (was, is) = (first(&before), first(&after));
    let fields = |message: &Message| -> Map<String, Value> {
        assert!(message.text && message.whole);
        serde_json::from_slice(&message.payload).expect("no JSON")
    };
    let (mut expected, found) = (fields(&before[was]), fields(&after[is]));
    assert_eq!(expected.get("type"), Some(&Value::from("auth")));
    assert_eq!(expected.get("token").and_then(Value::as_str), replaced.token.as_deref());
    expected.insert("token".into(), TOKEN.into());
    assert_eq!(found, expected);

    // Control frames between its fragments may go ahead of it; nothing else changes its place.
    let without = |messages: Vec<Message>, at: usize| -> Vec<Message> {
        messages.into_iter().enumerate().filter(|(index, _)| *index != at).map(|(_, message)| message).collect()
    };
    assert_eq!(without(before, was), without(after, is));
});

#[derive(Debug, PartialEq)]
struct Message {
    control: bool,
    text: bool,
    whole: bool,
    payload: Vec<u8>,
}

/// Messages and control frames in the order in which they end, and what is none at the end.
fn messages(mut bytes: &[u8]) -> Vec<Message> {
    let (mut found, mut begun): (Vec<Message>, Option<Message>) = (Vec::new(), None);
    while !bytes.is_empty() {
        let mut cursor = Cursor::new(bytes);
        let Ok(Some((header, length))) = FrameHeader::parse(&mut cursor) else { break };
        let head = usize::try_from(cursor.position()).expect("small");
        let end = usize::try_from(length).ok().and_then(|length| head.checked_add(length));
        let Some(raw) = end.and_then(|end| bytes.get(head..end)) else { break };
        let mask = header.mask.unwrap_or_default();
        let payload: Vec<u8> = raw.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        bytes = &bytes[head + raw.len()..];
        let message = match (header.opcode, begun.take()) {
            (OpCode::Control(_), unfinished) => {
                begun = unfinished;
                found.push(Message { control: true, text: false, whole: true, payload });
                continue;
            }
            (OpCode::Data(Data::Continue), Some(mut message)) => {
                message.payload.extend(payload);
                message
            }
            (OpCode::Data(kind), _) => Message { control: false, text: kind == Data::Text, whole: false, payload },
        };
        if header.is_final {
            found.push(Message { whole: true, ..message });
        } else {
            begun = Some(message);
        }
    }
    found.extend(begun);
    found.push(Message { control: false, text: false, whole: false, payload: bytes.to_vec() });
    found
}
