//! The one body type: our own short answers, the peer's stream with backpressure, or a file. Nothing is buffered here
//! but what [`Body::whole`] is asked for.
//!
//! Trailers end here (RFC 9110, section 6.5.1, lets us): nothing has judged them, and one may be named as a header is
//! that decides. HTTP/1.1 loses them anyway, with the hop's `Trailer` and `TE`; HTTP/2 would not.

use std::error::Error;
use std::fs::File;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream as _;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncReadExt as _, Take};
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;
use tokio_util::io::ReaderStream;

use crate::assets::Keeper;
use crate::fault::Fault;
use crate::listen::incoming::{Incoming, Read};
use crate::listen::wire::Raw;
use crate::record::Telling;
use crate::send::Download;
use crate::status::Status;

/// Nobody takes longer over a body that is read before it is sent on.
const UPLOAD: Duration = Duration::from_secs(120);

/// Why a body ends early.
pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// What travels in either direction.
#[derive(Debug)]
pub(crate) enum Body {
    /// Ours, complete.
    Ours(Full<Bytes>),
    /// The visitor's, piece by piece.
    Visitor(Incoming),
    /// None: what follows a request to upgrade, once that is answered with 101.
    Upgrading(oneshot::Receiver<Raw>),
    /// The server's.
    Answer(Download),
    /// The server's, and its version is read from it in passing.
    Version(Box<(Download, VersionReader)>),
    /// The server's, an asset, which is kept in passing.
    Keeping(Box<(Download, Keeper)>),
    /// An asset that was kept.
    Kept(Box<ReaderStream<Take<tokio::fs::File>>>),
    /// Any of these, as an answer that somebody wants to hear of.
    Told(Box<(Self, Box<Telling>)>),
}

impl Body {
    /// Of a visitor's: where to look how far it has been read.
    pub(crate) fn progress(&self) -> Option<Read> {
        if let Self::Visitor(incoming) = self { Some(incoming.progress()) } else { None }
    }

    /// The connection of a request to upgrade, as soon as it speaks something else.
    ///
    /// # Errors
    /// It ended, or the request was none.
    pub(crate) async fn upgraded(self) -> io::Result<Raw> {
        let Self::Upgrading(raw) = self else { return Err(io::ErrorKind::InvalidInput.into()) };
        raw.await.map_err(io::Error::other)
    }

    pub(crate) fn empty() -> Self {
        Self::Ours(Full::default())
    }

    /// A visitor's, read to its end; `None` where that is over `limit` bytes away.
    pub(crate) async fn whole(self, limit: usize) -> Result<Option<Bytes>, Fault> {
        let stalled = Fault::UploadStalled { seconds: UPLOAD.as_secs() };
        match timeout(UPLOAD, Limited::new(self, limit).collect()).await.map_err(|_| stalled)? {
            Ok(body) => Ok(Some(body.to_bytes())),
            Err(error) if error.is::<LengthLimitError>() => Ok(None),
            Err(_) => Err(Fault::UploadBroken),
        }
    }

    /// So much of a file, from where it is read next.
    pub(crate) fn kept(file: File, length: u64) -> Self {
        /// Bytes read at a time.
        const PIECE: usize = 64 * 1024;
        Self::Kept(Box::new(ReaderStream::with_capacity(tokio::fs::File::from_std(file).take(length), PIECE)))
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self::Ours(Full::new(bytes.into()))
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = match self.get_mut() {
            Self::Ours(full) => return Pin::new(full).poll_frame(cx).map_err(|never| match never {}),
            Self::Kept(file) => {
                return Pin::new(file).poll_next(cx).map(|piece| piece.map(|data| Ok(Frame::data(data?))));
            }
            Self::Visitor(incoming) => return Pin::new(incoming).poll_frame(cx),
            Self::Upgrading(_) => return Poll::Ready(None),
            Self::Answer(download) => ready!(Pin::new(download).poll_frame(cx)),
            Self::Version(version) => {
                let (download, reader) = &mut **version;
                let frame = ready!(Pin::new(&mut *download).poll_frame(cx));
                if let Some(Ok(frame)) = &frame
                    && let Some(data) = frame.data_ref()
                {
                    reader.read(data, download.is_end_stream());
                }
                frame
            }
            Self::Keeping(keeping) => {
                let (download, keeper) = &mut **keeping;
                ready!(keeper.poll_ready(cx));
                let frame = ready!(Pin::new(&mut *download).poll_frame(cx));
                keeper.passes(frame.as_ref(), download.is_end_stream());
                frame
            }
            Self::Told(told) => {
                let (body, telling) = &mut **told;
                let frame = ready!(Pin::new(body).poll_frame(cx));
                telling.sent(length(&frame));
                return Poll::Ready(frame);
            }
        };
        Poll::Ready(frame.filter(|frame| !frame.as_ref().is_ok_and(Frame::is_trailers)))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Ours(full) => full.is_end_stream(),
            Self::Visitor(incoming) => incoming.is_end_stream(),
            Self::Upgrading(_) => true,
            Self::Answer(download) => download.is_end_stream(),
            Self::Version(version) => version.0.is_end_stream(),
            Self::Keeping(keeping) => keeping.0.is_end_stream(),
            Self::Kept(_) => false,
            Self::Told(told) => told.0.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Ours(full) => full.size_hint(),
            Self::Visitor(incoming) => incoming.size_hint(),
            Self::Upgrading(_) => SizeHint::with_exact(0),
            Self::Answer(download) => download.size_hint(),
            Self::Version(version) => version.0.size_hint(),
            Self::Keeping(keeping) => keeping.0.size_hint(),
            // Content-Length says it.
            Self::Kept(_) => SizeHint::default(),
            Self::Told(told) => told.0.size_hint(),
        }
    }
}

/// Bytes of data in what was polled.
fn length<E>(frame: &Option<Result<Frame<Bytes>, E>>) -> usize {
    frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()).map_or(0, Bytes::len)
}

/// Reads the JSON string that answers `GET /api/admin/version`, while it passes.
#[derive(Debug)]
pub(crate) struct VersionReader {
    seen: Vec<u8>,
    status: watch::Sender<Status>,
}

/// `"3.8.8"` and the longest development version fit; anything longer is no version.
const LONGEST_VERSION: usize = 128;

impl VersionReader {
    pub(crate) fn new(status: watch::Sender<Status>) -> Self {
        Self { seen: Vec::new(), status }
    }

    fn read(&mut self, data: &[u8], last: bool) {
        if self.seen.len() + data.len() > LONGEST_VERSION {
            self.seen.clear();
            return;
        }
        self.seen.extend_from_slice(data);
        if !last {
            return;
        }
        if let Ok(version) = serde_json::from_slice::<String>(&self.seen)
            && version.bytes().all(|b| b.is_ascii_graphic())
        {
            self.status.send_if_modified(|status| {
                let changed = status.version.as_deref() != Some(version.as_str());
                status.version = Some(version);
                changed
            });
        }
    }
}
