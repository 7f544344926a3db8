//! The bytes below HTTP/1.1: TCP, or TLS on it.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use hyper_rustls::MaybeHttpsStream;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_util::io::{poll_read_buf, poll_write_buf};

use crate::send::dial::Stream;

/// A connection, with or without TLS.
pub(crate) enum Transport {
    /// By far the most: everything on this machine and in its network.
    Plain(TcpStream),
    Other(Box<dyn Io>),
}

/// What bytes can be read from and written to.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport")
    }
}

impl From<Stream> for Transport {
    fn from(stream: Stream) -> Self {
        match stream {
            MaybeHttpsStream::Http(tcp) => Self::Plain(tcp.into_inner()),
            MaybeHttpsStream::Https(tls) => Self::Other(Box::new(TokioIo::into_inner(tls))),
        }
    }
}

impl From<TcpStream> for Transport {
    fn from(tcp: TcpStream) -> Self {
        Self::Plain(tcp)
    }
}

impl Transport {
    /// As anything that can be read and written.
    pub(crate) fn into_io(self) -> Box<dyn Io> {
        match self {
            Self::Plain(tcp) => Box::new(tcp),
            Self::Other(io) => io,
        }
    }

    /// Reads once, into the room that there is.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut BytesMut) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(tcp) => poll_read_buf(Pin::new(tcp), cx, into),
            Self::Other(io) => poll_read_buf(Pin::new(io), cx, into),
        }
    }

    /// Writes once, as much as it takes.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, from: &mut impl Buf) -> Poll<io::Result<usize>> {
        match self {
            // One piece goes by a cheaper call than several.
            Self::Plain(tcp) if from.chunk().len() == from.remaining() => {
                let written = ready!(Pin::new(tcp).poll_write(cx, from.chunk()))?;
                from.advance(written);
                Poll::Ready(Ok(written))
            }
            Self::Plain(tcp) => poll_write_buf(Pin::new(tcp), cx, from),
            Self::Other(io) => poll_write_buf(Pin::new(io), cx, from),
        }
    }

    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            // TCP keeps nothing back.
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Other(io) => Pin::new(io).poll_flush(cx),
        }
    }

    /// Ends it in a way that nobody takes for an end in order, as soon as it is dropped.
    pub(crate) fn abort(&self) {
        if let Self::Plain(tcp) = self
            && let Err(error) = tcp.set_zero_linger()
        {
            tracing::debug!(%error, "SO_LINGER");
        }
    }

    /// Says that nothing more will be written.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Other(io) => Pin::new(io).poll_shutdown(cx),
        }
    }
}
