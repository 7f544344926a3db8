//! HTTP/1.1 on a raw socket, from either side: as little of it as the traffic needs, and nothing that the gateway uses.

use std::io;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use memchr::memmem::find;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// Bytes read or written at once.
const PIECE: usize = 16 * 1024;

/// A start line and headers.
#[derive(Debug)]
pub(crate) struct Head(String);

/// Where a body ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Length {
    Bytes(usize),
    Chunked,
}

impl Head {
    pub(crate) fn line(&self) -> &str {
        self.0.lines().next().unwrap_or_default()
    }

    /// The status, where it is an answer's.
    pub(crate) fn status(&self) -> u16 {
        self.line().split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
    }

    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let headers = self.0.lines().skip(1).filter_map(|line| line.split_once(':'));
        headers.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    }

    pub(crate) fn tag(&self) -> Option<u64> {
        u64::from_str_radix(self.value(super::plan::TAG)?, 16).ok()
    }

    pub(crate) fn length(&self) -> Length {
        match self.value("content-length") {
            Some(length) => Length::Bytes(length.parse().unwrap_or_default()),
            None if self.value("transfer-encoding").is_some() => Length::Chunked,
            None => Length::Bytes(0),
        }
    }

    /// Whether the connection ends after this.
    pub(crate) fn is_last(&self) -> bool {
        self.value("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// The side that reads.
#[derive(Debug)]
pub(crate) struct Input {
    stream: OwnedReadHalf,
    buffer: BytesMut,
    /// Rests so long before each look.
    pub(crate) rest: Option<Duration>,
}

/// Both halves of a connection.
pub(crate) fn halves(stream: TcpStream) -> (Input, OwnedWriteHalf) {
    let (from, to) = stream.into_split();
    (Input { stream: from, buffer: BytesMut::new(), rest: None }, to)
}

impl Input {
    async fn more(&mut self) -> io::Result<usize> {
        if let Some(rest) = self.rest {
            tokio::time::sleep(rest).await;
        }
        self.buffer.reserve(PIECE);
        self.stream.read_buf(&mut self.buffer).await
    }

    /// The next head; none where the connection ends before it begins.
    pub(crate) async fn head(&mut self) -> io::Result<Option<Head>> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                let head = self.buffer.split_to(end + 4);
                return Ok(Some(Head(String::from_utf8_lossy(&head).into_owned())));
            }
            if self.more().await? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        }
    }

    /// A body, to its clean end; that it has none is an error.
    pub(crate) async fn body(&mut self, length: Length, mut each: impl FnMut(&[u8])) -> io::Result<()> {
        match length {
            Length::Bytes(length) => self.bytes(length, &mut each).await,
            Length::Chunked => loop {
                let size = loop {
                    if let Some(end) = find(&self.buffer, b"\r\n") {
                        let line = self.buffer.split_to(end + 2);
                        let text = String::from_utf8_lossy(&line[..end]).into_owned();
                        break usize::from_str_radix(&text, 16).map_err(|_| io::ErrorKind::InvalidData)?;
                    }
                    if self.more().await? == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                };
                self.bytes(size, &mut each).await?;
                self.bytes(2, &mut |_: &[u8]| {}).await?;
                if size == 0 {
                    return Ok(());
                }
            },
        }
    }

    async fn bytes(&mut self, mut left: usize, each: &mut impl FnMut(&[u8])) -> io::Result<()> {
        while left > 0 {
            if self.buffer.is_empty() && self.more().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let here = left.min(self.buffer.len());
            each(&self.buffer[..here]);
            self.buffer.advance(here);
            left -= here;
        }
        Ok(())
    }

    /// Ready when nothing more will come.
    pub(crate) async fn end(&mut self) {
        while self.more().await.is_ok_and(|length| length > 0) {
            self.buffer.clear();
        }
    }

    /// The connection, with what has been read of it too early.
    pub(crate) fn reunite(self, to: OwnedWriteHalf) -> Option<(TcpStream, Vec<u8>)> {
        Some((self.stream.reunite(to).ok()?, self.buffer.to_vec()))
    }
}

/// Writes a body, or the beginning of one: then without its end.
pub(crate) async fn write_body(to: &mut OwnedWriteHalf, body: &[u8], chunked: bool, whole: bool) -> io::Result<()> {
    for piece in body.chunks(PIECE) {
        if chunked {
            let size = format!("{:x}\r\n", piece.len());
            to.write_all(&[size.as_bytes(), piece, b"\r\n"].concat()).await?;
        } else {
            to.write_all(piece).await?;
        }
    }
    if chunked && whole {
        to.write_all(b"0\r\n\r\n").await?;
    }
    Ok(())
}

/// The line that says how long a body is.
pub(crate) fn framing(length: usize, chunked: bool) -> String {
    if chunked { "Transfer-Encoding: chunked\r\n".to_owned() } else { format!("Content-Length: {length}\r\n") }
}
