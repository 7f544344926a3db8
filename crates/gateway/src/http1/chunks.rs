//! Chunked bodies, byte for byte (RFC 9112, section 7.1): the same rule as for heads. What could be read in two ways
//! is refused.

use super::field;
use crate::fault::Fault;

/// A line may not be longer: a chunk's size with its extensions, a trailer.
const LINE_LIMIT: usize = 4 * 1024;
/// Nor all trailers together.
const TRAILERS_LIMIT: usize = 16 * 1024;

/// How far a body has been read.
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    state: State,
    /// The line under way, without its end.
    line: Vec<u8>,
    /// The length of all trailers so far, in bytes.
    trailers: usize,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Size,
    Data(u64),
    /// The empty rest of a line after a chunk's data.
    DataEnd,
    Trailers,
}

/// What some bytes begin with, and how much of them it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A chunk's data.
    Data(usize),
    /// A line between two chunks' data, or a part of one.
    Between(usize),
    /// What ends the body.
    Last(usize),
}

impl Chunks {
    /// Whether a chunk's data is what comes next.
    pub(crate) fn is_in_data(&self) -> bool {
        matches!(self.state, State::Data(_))
    }

    /// Reads a little: one line, or what there is of a chunk's data. There must be something to read.
    ///
    /// # Errors
    /// The fault to answer with; nothing more of the body may be used.
    pub(crate) fn step(&mut self, bytes: &[u8]) -> Result<Step, Fault> {
        if let State::Data(left) = self.state {
            let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
            let left = left - here as u64;
            self.state = if left == 0 { State::DataEnd } else { State::Data(left) };
            return Ok(Step::Data(here));
        }
        let (taken, ended) = match memchr::memchr(b'\n', bytes) {
            Some(end) => (end + 1, true),
            None => (bytes.len(), false),
        };
        if self.line.len() + taken > LINE_LIMIT {
            return Err(Fault::Malformed("a chunk's size and a trailer are short lines"));
        }
        self.line.extend_from_slice(&bytes[..taken]);
        if ended && self.end_line()? { Ok(Step::Last(taken)) } else { Ok(Step::Between(taken)) }
    }

    /// Whether it was the last one.
    fn end_line(&mut self) -> Result<bool, Fault> {
        let length = self.line.len();
        let line = self.line.strip_suffix(b"\r\n").ok_or(Fault::Malformed("a line ends in CR and LF"))?;
        let last = match self.state {
            State::Size => {
                let size = size(line)?;
                self.state = if size == 0 { State::Trailers } else { State::Data(size) };
                false
            }
            State::Data(_) | State::DataEnd => {
                if !line.is_empty() {
                    return Err(Fault::Malformed("a chunk is as long as its size says"));
                }
                self.state = State::Size;
                false
            }
            State::Trailers => {
                self.trailers += length;
                if self.trailers > TRAILERS_LIMIT {
                    return Err(Fault::Malformed("trailers are short"));
                }
                if !line.is_empty() {
                    field::check(line).map_err(Fault::Malformed)?;
                }
                line.is_empty()
            }
        };
        self.line.clear();
        Ok(last)
    }
}

/// Hexadecimal digits, and perhaps extensions.
fn size(line: &[u8]) -> Result<u64, Fault> {
    const RULE: Fault = Fault::Malformed("a chunk's size is up to 16 hexadecimal digits");
    let end = line.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(line.len());
    let (digits, extensions) = line.split_at(end);
    if digits.is_empty() || digits.len() > 16 {
        return Err(RULE);
    }
    if !extensions.is_empty() && !are_extensions(extensions) {
        return Err(Fault::Malformed("a chunk's extensions are names with or without values"));
    }
    let digits = std::str::from_utf8(digits).map_err(|_| RULE)?;
    u64::from_str_radix(digits, 16).map_err(|_| RULE)
}

/// `;name`, `;name=token`, `;name="text"`, without white space anywhere outside of the text.
fn are_extensions(mut rest: &[u8]) -> bool {
    let token = |bytes: &[u8]| bytes.iter().position(|byte| !field::is_token(*byte)).unwrap_or(bytes.len());
    while let Some(after) = rest.strip_prefix(b";") {
        let name = token(after);
        if name == 0 {
            return false;
        }
        rest = &after[name..];
        let Some(value) = rest.strip_prefix(b"=") else { continue };
        let length = if value.starts_with(b"\"") { quoted(value) } else { token(value) };
        if length == 0 {
            return false;
        }
        rest = &value[length..];
    }
    rest.is_empty()
}

/// The length of the text in quotes that this begins with; 0 where it is none.
fn quoted(bytes: &[u8]) -> usize {
    let mut escaped = false;
    for (at, byte) in bytes.iter().enumerate().skip(1) {
        match byte {
            b'\\' if !escaped => escaped = true,
            b'"' if !escaped => return at + 1,
            b'\t' | b' '..=b'~' | 0x80.. => escaped = false,
            _ => return 0,
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Chunks {
        /// Reads on, and says after how many bytes the body ends, where it does.
        fn read(&mut self, bytes: &[u8]) -> Result<Option<usize>, Fault> {
            let mut at = 0;
            while at < bytes.len() {
                match self.step(&bytes[at..])? {
                    Step::Data(length) | Step::Between(length) => at += length,
                    Step::Last(length) => return Ok(Some(at + length)),
                }
            }
            Ok(None)
        }
    }

    fn read(bytes: &[u8]) -> Result<Option<usize>, ()> {
        Chunks::default().read(bytes).map_err(drop)
    }

    #[test]
    fn a_chunked_body_has_one_reading_or_is_refused() {
        for (body, end) in [
            ("0\r\n\r\n", Some(5)),
            ("5\r\nhello\r\n0\r\n\r\nGET /", Some(15)),
            ("005\r\nhello\r\n00\r\n\r\n", Some(18)),
            ("a;x;y=z;q=\"a \\\" b\"\r\n0123456789\r\n0\r\n\r\n", Some(37)),
            ("0\r\nX: y\r\nZ:\r\n\r\n", Some(15)),
            ("ffffffffffffffff\r\nx", None),
        ] {
            assert_eq!(read(body.as_bytes()), Ok(end), "{body:?}");
        }
        for body in [
            "0_2e\r\n",
            "-1\r\n",
            "+1\r\n",
            "0x1\r\n",
            "fffffffffffffffff\r\n",
            "00000000000000001\r\n",
            " 1\r\n",
            "1 \r\n",
            "1\t\r\n",
            "\r\n",
            "g\r\n",
            "1;\r\n",
            "1;;a\r\n",
            "1;a=\r\n",
            "1; a\r\n",
            "1 ;a\r\n",
            "1;a=\"b\r\n",
            "1;a=\x01\r\n",
            "1;a\rb\r\n",
            "1\n",
            "1\r\r\n",
            "1\r\nab\r\n",
            "1\r\na\n",
            "1\r\na\r\n1\r\nb0\r\n",
            "2\r\na\r\n0\r\n\r\n",
            "0\r\nX\r\n",
            "0\r\n X: y\r\n",
            "0\r\nX : y\r\n",
            "0\r\nX: y\n",
            "0\r\nX: \0\r\n",
            "0\r\n\n",
            "0\r\n\rX\n",
        ] {
            assert_eq!(read(body.as_bytes()), Err(()), "{body:?}");
        }
        let long = |count| format!("0\r\n{}\r\n", "X: y\r\n".repeat(count));
        assert!(read(long(100).as_bytes()).is_ok());
        assert!(read(long(4000).as_bytes()).is_err());
        assert!(read(&[b'0'; LINE_LIMIT + 1]).is_err());
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_the_bytes_come(
            chunks in prop::collection::vec("[a-z\r\n]{1,20}", 0..5), tail in "[ -~\r\n]{0,9}", piece in 1_usize..9,
        ) {
            let body: String = chunks.iter().map(|data| format!("{:x};a=b\r\n{data}\r\n", data.len())).collect();
            let body = format!("{body}0\r\nX: y\r\n\r\n");
            let end = body.len();
            let all = format!("{body}{tail}");
            prop_assert_eq!(read(all.as_bytes()), Ok(Some(end)));

            let (mut state, mut before) = (Chunks::default(), 0);
            for piece in all.as_bytes().chunks(piece) {
                if let Some(within) = state.read(piece).unwrap() {
                    prop_assert_eq!(before + within, end);
                    return Ok(());
                }
                before += piece.len();
            }
            prop_assert!(false, "no end");
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(read(&bytes).is_ok_and(|end| end.is_none_or(|end| end <= bytes.len())) || read(&bytes).is_err());
        }
    }
}
