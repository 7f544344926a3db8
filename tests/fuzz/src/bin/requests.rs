//! What comes in on a connection.
//!
//! 1. However it comes, the same requests are in it.
//! 2. It has exactly one reading: a second parser finds the same requests in it, with the same bodies, and none that
//!    was left out.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern_fuzz::{Framing, chunked, framing, ways};
use postern_gateway::fuzzing::{Received, received};

fuzz_target!(|input: (u8, &[u8])| {
    let (seed, bytes) = input;
    let [whole, single, uneven] = ways(bytes, seed);
    let (found, broken) = received(&whole);
    for pieces in [&single, &uneven] {
        let (other, broken_there) = received(pieces);
        assert_eq!((&found, broken.is_some()), (&other, broken_there.is_some()), "{broken:?} {broken_there:?}");
    }
    let (expected, rest) = requests(bytes, found.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!((&found.method, &found.headers), (&expected.method, &expected.headers));
        if found.body.is_some() {
            assert_eq!(found.body, expected.body);
        } else {
            assert!(expected.body.is_none() || broken.is_some());
        }
    }
    let ends = |request: &Received| {
        request.body.is_none() || request.headers.iter().any(|(name, _)| name == "connection" || name == "upgrade")
    };
    let old = bytes.windows(8).any(|version| version == b"HTTP/1.0");
    if broken.is_none() && !old && !found.iter().any(ends) {
        let mut room = [httparse::EMPTY_HEADER; 100];
        let next = httparse::Request::new(&mut room).parse(rest);
        assert!(!matches!(next, Ok(httparse::Status::Complete(_))), "{:?}", rest.escape_ascii().to_string());
    }
});

/// The first so many requests, and what follows them.
fn requests(mut bytes: &[u8], count: usize) -> (Vec<Received>, &[u8]) {
    let mut found = Vec::new();
    while found.len() < count {
        let mut room = [httparse::EMPTY_HEADER; 100];
        let mut request = httparse::Request::new(&mut room);
        let head = match request.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            other => panic!("{other:?} in {:?}", bytes.escape_ascii().to_string()),
        };
        let mut headers: Vec<(String, Vec<u8>)> = Vec::new();
        for header in request.headers.iter() {
            headers.push((header.name.to_ascii_lowercase(), header.value.to_vec()));
        }
        // A map keeps the lines of a name together.
        let names: Vec<String> = headers.iter().map(|(name, _)| name.clone()).collect();
        headers.sort_by_key(|(name, _)| names.iter().position(|first| first == name));
        let framing = framing(request.headers).unwrap_or_else(|why| panic!("{why}"));
        bytes = &bytes[head..];
        let (body, length) = match framing {
            // One that breaks a rule is none.
            Framing::Chunked => match chunked(bytes).ok().flatten() {
                Some((data, length)) => (Some(data), length),
                None => (None, bytes.len()),
            },
            Framing::Length(length) => match usize::try_from(length).ok().and_then(|length| bytes.get(..length)) {
                Some(body) => (Some(body.to_vec()), body.len()),
                None => (None, bytes.len()),
            },
            Framing::Unsaid => (Some(Vec::new()), 0),
        };
        let method = request.method.unwrap_or_default().to_owned();
        found.push(Received { method, headers, body });
        bytes = &bytes[length..];
    }
    (found, bytes)
}
