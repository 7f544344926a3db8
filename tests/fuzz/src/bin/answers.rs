//! What a server answers: where an answer is taken, it ends in one place only, and its body is what lies before that,
//! however it comes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern_fuzz::{Framing, chunked, framing, ways};
use postern_gateway::fuzzing::answer;

fuzz_target!(|input: (u8, bool, &[u8])| {
    let (seed, head, bytes) = input;
    let method = if head { "HEAD" } else { "GET" };
    let ways = ways(bytes, seed);
    let answers = ways.each_ref().map(|pieces| answer(method, pieces));
    // Why one is not taken may depend on it.
    let [answer, others @ ..] = answers.map(Result::ok);
    assert!(others.iter().all(|other| *other == answer), "{answer:?} {others:?}");
    let Some(answer) = answer else { return };

    let (status, framing, rest) = head_of(bytes).expect("an answer without a head");
    assert_eq!(status, answer.status);
    let expected = match framing.expect("an answer with several ends") {
        _ if head || matches!(status, 101 | 204 | 304) => Some(Vec::new()),
        Framing::Length(length) => {
            usize::try_from(length).ok().and_then(|length| rest.get(..length)).map(<[u8]>::to_vec)
        }
        Framing::Chunked => chunked(rest).ok().flatten().map(|(data, _)| data),
        Framing::Unsaid => Some(rest.to_vec()),
    };
    if answer.body.is_some() {
        assert_eq!(answer.body, expected);
    }
});

/// The first head that is no interim one, and what follows it.
fn head_of(mut bytes: &[u8]) -> Option<(u16, Result<Framing, &'static str>, &[u8])> {
    loop {
        let mut room = [httparse::EMPTY_HEADER; 100];
        let mut response = httparse::Response::new(&mut room);
        let length = response.parse(bytes).ok().filter(httparse::Status::is_complete)?.unwrap();
        bytes = &bytes[length..];
        match response.code? {
            100 | 102..=199 => {}
            status => return Some((status, framing(response.headers), bytes)),
        }
    }
}
