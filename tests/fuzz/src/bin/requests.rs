//! What comes in on a connection.
//!
//! 1. However it comes, hyper is shown the same.
//! 2. What it is shown is shown again as it is.
//! 3. It has exactly one reading: a second parser finds the same requests in it, with the same bodies.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern_fuzz::{Framing, chunked, framing, ways};
use postern_gateway::fuzzing::{Received, received, shown};

fuzz_target!(|input: (u8, &[u8])| {
    let (seed, bytes) = input;
    let [whole, single, uneven] = ways(bytes, seed);
    let (good, broken) = shown(&whole);
    for pieces in [&single, &uneven] {
        let (other, broken_there) = shown(pieces);
        assert_eq!(broken.is_some(), broken_there.is_some(), "{broken:?} {broken_there:?}");
        // In a body that breaks a rule, what came before it may be handed on or not.
        let (short, long) = if good.len() < other.len() { (&good, &other) } else { (&other, &good) };
        assert!(long.starts_with(short) && (broken.is_some() || short.len() == long.len()));
    }
    if broken.is_none() {
        assert!(bytes.starts_with(&good));
    }
    assert_eq!(shown(&[&good]).0, good);

    let expected = requests(&good);
    for pieces in [&whole, &single, &uneven] {
        let found = received(pieces);
        // hyper refuses some targets that are none, and says so by itself; it ends there.
        assert!(found.len() <= expected.len(), "{found:?} {expected:?}");
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found.method, expected.method);
            assert_eq!(found.headers, expected.headers);
            if found.body.is_some() {
                assert_eq!(found.body, expected.body);
            } else {
                assert!(expected.body.is_none() || broken.is_some());
            }
        }
    }
});

fn requests(mut bytes: &[u8]) -> Vec<Received> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let mut room = [httparse::EMPTY_HEADER; 100];
        let mut request = httparse::Request::new(&mut room);
        let head = match request.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            // hyper refuses what is no text: it is never a request.
            _ if !bytes.is_ascii() => return found,
            other => panic!("{other:?} in {:?}", bytes.escape_ascii().to_string()),
        };
        let mut headers: Vec<(String, Vec<u8>)> = Vec::new();
        for header in request.headers.iter() {
            headers.push((header.name.to_ascii_lowercase(), header.value.to_vec()));
        }
        // A map keeps the lines of a name together.
        let names: Vec<String> = headers.iter().map(|(name, _)| name.clone()).collect();
        headers.sort_by_key(|(name, _)| names.iter().position(|first| first == name));
        let upgrade = names.iter().any(|name| name == "upgrade");
        let framing = framing(request.headers).unwrap_or_else(|why| panic!("{why}"));
        bytes = &bytes[head..];
        let (body, length) = match framing {
            Framing::Chunked => match chunked(bytes).unwrap_or_else(|why| panic!("{why}")) {
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
        let target = request.path.unwrap_or_default().to_owned();
        found.push(Received { method, target, headers, body });
        if upgrade {
            return found;
        }
        bytes = &bytes[length..];
    }
    found
}
