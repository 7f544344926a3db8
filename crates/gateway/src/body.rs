//! The one body type: our own short answers, or the peer's stream with backpressure. Nothing is buffered here but
//! what [`Body::whole`] is asked for.
//!
//! Trailers end here (RFC 9110, section 6.5.1, lets us): nothing has judged them, and one may be named as a header is
//! that decides. HTTP/1.1 loses them anyway, with the hop's `Trailer` and `TE`; HTTP/2 would not.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::fault::Fault;
use crate::send::Download;
use crate::status::Status;

/// Nobody takes longer over a body that is read before it is sent on.
const UPLOAD: Duration = Duration::from_secs(120);

/// What travels in either direction.
#[derive(Debug)]
pub(crate) enum Body {
    /// Ours, complete.
    Ours(Full<Bytes>),
    /// The visitor's, frame by frame.
    Stream(Incoming),
    /// The server's.
    Answer(Download),
    /// The server's, and its version is read from it in passing.
    Version(Download, VersionReader),
}

impl Body {
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
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self::Ours(Full::new(bytes.into()))
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = match self.get_mut() {
            Self::Ours(full) => return Pin::new(full).poll_frame(cx).map_err(|never| match never {}),
            Self::Stream(incoming) => ready!(Pin::new(incoming).poll_frame(cx)),
            Self::Answer(download) => ready!(Pin::new(download).poll_frame(cx)),
            Self::Version(download, reader) => {
                let frame = ready!(Pin::new(&mut *download).poll_frame(cx));
                if let Some(Ok(frame)) = &frame
                    && let Some(data) = frame.data_ref()
                {
                    reader.read(data, download.is_end_stream());
                }
                frame
            }
        };
        Poll::Ready(frame.filter(|frame| !frame.as_ref().is_ok_and(Frame::is_trailers)))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Ours(full) => full.is_end_stream(),
            Self::Stream(incoming) => incoming.is_end_stream(),
            Self::Answer(download) | Self::Version(download, _) => download.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Ours(full) => full.size_hint(),
            Self::Stream(incoming) => incoming.size_hint(),
            Self::Answer(download) | Self::Version(download, _) => download.size_hint(),
        }
    }
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
