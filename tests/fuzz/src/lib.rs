//! A second reading of HTTP/1.1, for the targets to compare with: httparse for lines, and the plain letter of RFC 9112
//! for where a message ends. It does not forgive: what it cannot read in one way only, it refuses.

/// How the bytes of one side come: whole, byte by byte, and in pieces of changing size.
pub fn ways(bytes: &[u8], seed: u8) -> [Vec<&[u8]>; 3] {
    let mut uneven = Vec::new();
    let (mut rest, mut size) = (bytes, usize::from(seed));
    while !rest.is_empty() {
        size = (size * 31 + 7) % 61;
        let (piece, after) = rest.split_at((size + 1).min(rest.len()));
        uneven.push(piece);
        rest = after;
    }
    [vec![bytes], bytes.chunks(1).collect(), uneven]
}

/// What follows a head.
#[derive(Debug, PartialEq, Eq)]
pub enum Framing {
    Length(u64),
    Chunked,
    Unsaid,
}

/// Where a message ends, by its headers.
pub fn framing(headers: &[httparse::Header<'_>]) -> Result<Framing, &'static str> {
    let all = |name: &str| -> Vec<&[u8]> {
        headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value).collect()
    };
    match (&all("content-length")[..], &all("transfer-encoding")[..]) {
        ([], []) => Ok(Framing::Unsaid),
        ([length], []) => {
            let digits = std::str::from_utf8(length).map_err(|_| "a length that is no text")?;
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            if !plain {
                return Err("a length that is no number");
            }
            digits.parse().map(Framing::Length).map_err(|_| "a length past all numbers")
        }
        ([], [coding]) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Framing::Chunked),
        ([], _) => Err("a coding that is not chunked, or several"),
        (_, []) => Err("several lengths"),
        (_, _) => Err("both a length and a coding"),
    }
}

/// A chunked body: its data, and how long it is with all that is around it. `None` where it is not whole.
pub fn chunked(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, &'static str> {
    let (mut data, mut at) = (Vec::new(), 0);
    loop {
        // A line that is not whole says nothing yet.
        if !bytes[at..].contains(&b'\n') {
            return Ok(None);
        }
        let (line, size) = match httparse::parse_chunk_size(&bytes[at..]) {
            Ok(httparse::Status::Complete(parsed)) => parsed,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err("a chunk's size"),
        };
        at += line;
        if size == 0 {
            break;
        }
        let Some(size) = usize::try_from(size).ok().filter(|size| *size <= bytes.len() - at) else { return Ok(None) };
        data.extend_from_slice(&bytes[at..at + size]);
        at += size;
        match &bytes[at..] {
            [b'\r', b'\n', ..] => at += 2,
            rest if !rest.contains(&b'\n') => return Ok(None),
            _ => return Err("a chunk that is longer than its size"),
        }
    }
    let mut room = [httparse::EMPTY_HEADER; 4096];
    match httparse::parse_headers(&bytes[at..], &mut room) {
        Ok(httparse::Status::Complete((length, _))) => Ok(Some((data, at + length))),
        Ok(httparse::Status::Partial) => Ok(None),
        // The last line may not be whole here either.
        Err(_) if !bytes[at..].windows(4).any(|end| end == b"\r\n\r\n") => Ok(None),
        Err(_) => Err("a trailer"),
    }
}
