//! A connection to the server that speaks HTTP/1.1. No task drives it, but whoever waits for something from it: so a
//! request and its answer go from socket to socket on one thread, in one go.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HOST, HeaderValue, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::Authority;
use http::{Request, Response, Uri, response};
use hyper::body::Body as _;
use hyper::client::conn::http1;

use super::answer::{self, Framing};
use super::dial::{Error, Stream};
use super::download::Download;
use super::output::Output;
use super::pool::Origin;
use super::transport::Transport;
use super::turn::Upload;
use crate::body::Body;
use crate::listen::chunks::Step;

/// Room that is made before something is read: as much as comes at a time, between these.
const LEAST: usize = 8 * 1024;
const MOST: usize = 512 * 1024;

/// Why an exchange ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    /// In the middle, or before anything came.
    #[error("the server closed the connection")]
    Closed,
    /// So did this.
    #[error("{0}")]
    System(#[from] io::Error),
    /// What came is no answer.
    #[error("{0}")]
    Answer(String),
    /// The sender's body has another length than was announced, or broke off.
    #[error("the request's body ended early")]
    Upload,
}

/// The connection.
pub(super) struct Line {
    origin: Origin,
    host: HeaderValue,
    stream: Transport,
    output: Output,
    /// What is left of the request's body.
    upload: Option<Upload<Body>>,
    /// How it ends.
    end: End,
    input: BytesMut,
    /// How much is read at a time.
    room: usize,
    /// What is left of the answer's body.
    framing: Framing,
    /// Whether another request may follow.
    persists: bool,
}

/// How a request's body ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// After so many bytes more.
    Length(u64),
    /// By the last chunk.
    Chunk,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Line")
    }
}

impl Line {
    pub(super) fn new(stream: impl Into<Transport>, to: &Uri) -> Self {
        Self {
            origin: Origin::of(to),
            host: host(to),
            stream: stream.into(),
            output: Output::default(),
            upload: None,
            end: End::Length(0),
            input: BytesMut::new(),
            room: LEAST,
            framing: Framing::NOTHING,
            persists: true,
        }
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether an idle one can still be used: looks for the server's close. Whatever else the server says unasked ends
    /// it too.
    pub(super) fn is_alive(&mut self) -> bool {
        self.poll_fill(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    /// Whether all of the last request and its answer is through, and another may follow.
    pub(super) fn is_idle(&self) -> bool {
        self.persists && self.is_over() && self.upload.is_none() && self.output.is_empty() && self.input.is_empty()
    }

    /// Whether all of the answer has come.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.framing, Framing::Length(0))
    }

    /// What is left of the answer, in bytes, where that is known.
    pub(super) fn left(&self) -> Option<u64> {
        if let Framing::Length(left) = self.framing { Some(left) } else { None }
    }

    /// Sends a request and waits for the answer's head. Then its body comes, and what is left of the request's goes, as
    /// long as somebody asks for more by [`Line::poll_data`].
    pub(super) async fn exchange(&mut self, request: &Parts, upload: Upload<Body>) -> Result<response::Parts, Broken> {
        self.begin(request, upload);
        let mut seen = 0;
        let mut unsent = None;
        poll_fn(|cx| {
            match self.poll_send(cx) {
                Poll::Ready(Err(Broken::Upload)) => return Poll::Ready(Err(Broken::Upload)),
                // Why it takes no more may be in its answer.
                Poll::Ready(Err(error)) => {
                    self.stop_sending();
                    unsent = Some(error);
                }
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
            loop {
                let head = answer::head(&mut self.input, &mut seen, &request.method).map_err(Broken::Answer)?;
                if let Some(head) = head {
                    self.framing = head.framing;
                    self.persists &= head.persists;
                    return Poll::Ready(Ok(head.parts));
                }
                let came = ready!(self.poll_fill(cx));
                if came? == 0 {
                    return Poll::Ready(Err(unsent.take().unwrap_or(Broken::Closed)));
                }
            }
        })
        .await
    }

    fn begin(&mut self, request: &Parts, upload: Upload<Body>) {
        let announced = request.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let exact = upload.size_hint().exact();
        let has_body = !upload.is_end_stream();
        self.end = announced.or(exact).map_or(End::Chunk, End::Length);
        self.output.begin(request, &self.host);
        match self.end {
            End::Length(length) if has_body && announced.is_none() => {
                self.output.field(&CONTENT_LENGTH, &length.to_string());
            }
            End::Chunk if has_body => self.output.field(&TRANSFER_ENCODING, "chunked"),
            End::Length(_) | End::Chunk => {}
        }
        self.output.end_head();
        self.upload = has_body.then_some(upload);
        // Until the head says more.
        self.framing = Framing::Close;
    }

    fn stop_sending(&mut self) {
        (self.upload, self.persists) = (None, false);
        self.output.clear();
    }

    /// Ready when all of the request is on its way.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        loop {
            // A short body goes along with its head; a long one waits until the server has taken what there is.
            if let Some(upload) = self.upload.as_mut().filter(|_| self.output.takes_more()) {
                match Pin::new(upload).poll_frame(cx) {
                    Poll::Ready(Some(Ok(frame))) => {
                        // Trailers are no business of ours.
                        let Ok(data) = frame.into_data() else { continue };
                        if let End::Length(left) = &mut self.end {
                            *left = left.checked_sub(data.len() as u64).ok_or(Broken::Upload)?;
                        }
                        self.output.data(data, matches!(self.end, End::Chunk));
                    }
                    Poll::Ready(None) => {
                        self.upload = None;
                        match self.end {
                            End::Length(0) => {}
                            End::Length(_) => return Poll::Ready(Err(Broken::Upload)),
                            End::Chunk => self.output.last_chunk(),
                        }
                    }
                    Poll::Ready(Some(Err(_))) => return Poll::Ready(Err(Broken::Upload)),
                    Poll::Pending if self.output.is_empty() => return Poll::Pending,
                    Poll::Pending => {}
                }
            }
            if self.output.is_empty() {
                return Poll::Ready(Ok(()));
            }
            ready!(self.output.poll_write(&mut self.stream, cx))?;
        }
    }

    /// Reads once: how much came.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.input.capacity() - self.input.len() < self.room {
            self.input.reserve(self.room);
        }
        let came = ready!(self.stream.poll_read(cx, &mut self.input))?;
        if came >= self.room {
            self.room = (2 * self.room).min(MOST);
        } else if came < self.room / 4 {
            self.room = (self.room / 2).max(LEAST);
        }
        Poll::Ready(Ok(came))
    }

    /// The next piece of the answer's body; `None` at its end.
    pub(super) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        // What is left of a request goes on as long as its answer.
        if (self.upload.is_some() || !self.output.is_empty())
            && let Poll::Ready(Err(_)) = self.poll_send(cx)
        {
            self.stop_sending();
        }
        loop {
            if self.is_over() {
                return Poll::Ready(None);
            }
            if let Some(piece) = self.take_piece()? {
                return Poll::Ready(Some(Ok(piece)));
            }
            if self.is_over() {
                return Poll::Ready(None);
            }
            if ready!(self.poll_fill(cx))? == 0 {
                if !matches!(self.framing, Framing::Close) {
                    return Poll::Ready(Some(Err(Broken::Closed)));
                }
                (self.framing, self.persists) = (Framing::NOTHING, false);
            }
        }
    }

    /// What is there of the body.
    fn take_piece(&mut self) -> Result<Option<Bytes>, Broken> {
        if self.input.is_empty() {
            return Ok(None);
        }
        let here = match &mut self.framing {
            Framing::Close => self.input.len(),
            Framing::Length(left) => {
                let here = usize::try_from(*left).unwrap_or(usize::MAX).min(self.input.len());
                *left -= here as u64;
                here
            }
            Framing::Chunked(_) => return self.take_chunk(),
        };
        Ok(Some(self.input.split_to(here).freeze()))
    }

    /// The same of chunks, and what stands behind them: so that the end is known as soon as it has come.
    fn take_chunk(&mut self) -> Result<Option<Bytes>, Broken> {
        let mut piece = None;
        while !self.input.is_empty()
            && let Framing::Chunked(chunks) = &mut self.framing
        {
            if piece.is_some() && chunks.is_in_data() {
                break;
            }
            match chunks.step(&self.input).map_err(|_| Broken::Answer("one of its chunks is malformed".into()))? {
                Step::Data(length) => piece = Some(self.input.split_to(length).freeze()),
                Step::Between(length) => self.input.advance(length),
                Step::Last(length) => {
                    self.input.advance(length);
                    self.framing = Framing::NOTHING;
                }
            }
        }
        Ok(piece)
    }
}

/// Sends a handshake on a connection of its own, which becomes the answer's where the server upgrades it.
pub(super) async fn upgradable(
    stream: Stream,
    mut request: Request<Upload<Body>>,
) -> Result<Response<Download>, Error> {
    let (mut sender, connection) = http1::handshake(stream).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "a connection for a socket ended early");
        }
    });
    // HTTP/1.1 names the server in `Host`, and only the path in the request's line.
    let host = host(request.uri());
    request.headers_mut().insert(HOST, host);
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = path.map_or_else(|| Uri::from_static("/"), Uri::from);
    Ok(sender.send_request(request).await?.map(Download::from))
}

fn host(to: &Uri) -> HeaderValue {
    let authority = to.authority().map_or("", Authority::as_str);
    HeaderValue::from_str(authority).unwrap_or_else(|_| HeaderValue::from_static(""))
}
