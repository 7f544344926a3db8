//! What the client asks the server to do to a request, and what the client must see of it.
//!
//! A plan travels with its request, as the header [`HEADER`]: so both sides know which fault is injected, and each
//! outcome can be told right from wrong.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

pub(crate) const HEADER: &str = "x-soak-plan";
pub(crate) const TAG: &str = "x-soak-tag";

/// What the server does instead of an answer, or to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Nothing: answers.
    Answer,
    /// The head comes in small pieces.
    Trickle,
    /// Early hints come first.
    Interim,
    /// Ends the connection after the answer without having said so: the gateway may be about to use it again.
    CloseAfter,
    /// An error of the server's own.
    OwnError,
    /// Answers before the upload is there, and reads the rest only to throw it away.
    Early,
    /// The edge answers, Prefect is down.
    EdgeError,
    ResetBeforeHead,
    EndBeforeHead,
    ResetMidBody,
    EndMidBody,
    /// Another protocol.
    NotHttp,
    /// `Content-Length` and `Transfer-Encoding`.
    TwoLengths,
}

/// What the client must see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// The server's answer, whole, with this status.
    Answer(u16),
    /// The gateway's own, with status 502 and this code.
    Fault(&'static str),
    /// The beginning of the server's answer, and then no clean end.
    Cut,
}

use Act::{
    Answer, CloseAfter, Early, EdgeError, EndBeforeHead, EndMidBody, Interim, NotHttp, OwnError, ResetBeforeHead,
    ResetMidBody, Trickle, TwoLengths,
};

impl Act {
    const ALL: [Self; 13] = [
        Answer,
        Early,
        Trickle,
        Interim,
        CloseAfter,
        OwnError,
        EdgeError,
        ResetBeforeHead,
        EndBeforeHead,
        ResetMidBody,
        EndMidBody,
        NotHttp,
        TwoLengths,
    ];
    /// Those that any request may meet.
    pub(crate) const FAULTS: &[Self] = Self::ALL.split_at(2).1;

    pub(crate) fn name(self) -> &'static str {
        self.row().0
    }

    pub(crate) fn due(self) -> Due {
        self.row().1
    }

    fn row(self) -> (&'static str, Due) {
        match self {
            Answer => ("none", Due::Answer(200)),
            Trickle => ("head in pieces", Due::Answer(200)),
            Interim => ("early hints", Due::Answer(200)),
            CloseAfter => ("closed after the answer", Due::Answer(200)),
            OwnError => ("the server's own 500", Due::Answer(500)),
            Early => ("answer before the upload", Due::Answer(413)),
            EdgeError => ("the edge's 502", Due::Fault("server_down")),
            ResetBeforeHead => ("reset before the head", Due::Fault("connection_lost")),
            EndBeforeHead => ("end before the head", Due::Fault("connection_lost")),
            ResetMidBody => ("reset in the body", Due::Cut),
            EndMidBody => ("end in the body", Due::Cut),
            NotHttp => ("another protocol", Due::Fault("invalid_answer")),
            TwoLengths => ("two lengths", Due::Fault("invalid_answer")),
        }
    }
}

/// How the server is to answer one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) act: Act,
    /// Bytes of the answer's body.
    pub(crate) size: usize,
    pub(crate) chunked: bool,
    /// Before the head.
    pub(crate) delay: Duration,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let act = Act::ALL.iter().position(|act| *act == self.act).unwrap_or_default();
        write!(f, "{act} {} {} {}", self.size, u8::from(self.chunked), self.delay.as_millis())
    }
}

impl FromStr for Plan {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers: Vec<u64> = text.split(' ').filter_map(|number| number.parse().ok()).collect();
        let [act, size, chunked, delay] = numbers[..] else { return Err("a plan is four numbers") };
        let size = usize::try_from(size).map_err(|_| "the size is no size")?;
        let act = usize::try_from(act).ok().and_then(|act| Act::ALL.get(act).copied()).ok_or("no such act")?;
        Ok(Self { act, size, chunked: chunked == 1, delay: Duration::from_millis(delay) })
    }
}

/// The body that belongs to a tag: the tag as a line, over and over, so that a foreign byte shows at any place.
pub(crate) fn body(tag: u64, size: usize) -> Vec<u8> {
    let mut body = format!("{tag:0width$x}\n", width = LINE - 1).repeat(size.div_ceil(LINE)).into_bytes();
    body.truncate(size);
    body
}

/// Bytes of a line.
const LINE: usize = 17;

/// Reads a body as it comes.
#[derive(Debug)]
pub(crate) struct Reader {
    lines: Vec<u8>,
    pub(crate) length: usize,
    /// Whether all of it belongs to the tag.
    pub(crate) is_its: bool,
}

impl Reader {
    pub(crate) fn of(tag: u64) -> Self {
        Self { lines: body(tag, 1000 * LINE), length: 0, is_its: true }
    }

    pub(crate) fn read(&mut self, bytes: &[u8]) {
        for bytes in bytes.chunks(self.lines.len() - LINE) {
            self.is_its &= self.lines[self.length % LINE..].starts_with(bytes);
            self.length += bytes.len();
        }
    }
}
