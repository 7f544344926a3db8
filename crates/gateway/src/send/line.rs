//! A connection to the server that speaks HTTP/1.1.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, HeaderValue};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery};
use http::{Request, Response, Uri, response};
use hyper::body::Body as _;
use hyper::client::conn::http1;

use super::answer;
use super::dial::{Error, Stream};
use super::download::Download;
use super::pool::Origin;
use super::turn::Upload;
use crate::body::Body;
use crate::http1::input::{Cut, Framing, Input};
use crate::http1::output::{End, Outgoing, Unsent};
use crate::http1::transport::Transport;

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

impl From<Cut> for Broken {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::Closed => Self::Closed,
            Cut::System(error) => Self::System(error),
            Cut::Malformed(_) => Self::Answer("one of its chunks is malformed".into()),
        }
    }
}

impl From<Unsent> for Broken {
    fn from(unsent: Unsent) -> Self {
        match unsent {
            Unsent::System(error) => Self::System(error),
            Unsent::Body => Self::Upload,
        }
    }
}

/// The connection.
pub(super) struct Line {
    origin: Origin,
    host: HeaderValue,
    stream: Transport,
    /// The request, as far as it is left.
    request: Outgoing<Upload<Body>>,
    /// The answer's bytes.
    input: Input,
    /// Whether another request may follow.
    persists: bool,
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
            request: Outgoing::default(),
            input: Input::default(),
            persists: true,
        }
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether an idle one can still be used: looks for the server's close. Whatever else the server says unasked ends
    /// it too.
    pub(super) fn is_alive(&mut self) -> bool {
        self.input.poll_fill(&mut self.stream, &mut Context::from_waker(Waker::noop())).is_pending()
    }

    /// Whether all of the last request and its answer is through, and another may follow.
    pub(super) fn is_idle(&self) -> bool {
        self.persists && self.is_over() && self.request.is_over() && self.input.bytes.is_empty()
    }

    /// Gives back what a large answer needed.
    pub(super) fn rest(&mut self) {
        self.input.rest();
    }

    /// Whether all of the answer has come.
    pub(super) fn is_over(&self) -> bool {
        self.input.is_over()
    }

    /// What is left of the answer, in bytes, where that is known.
    pub(super) fn left(&self) -> Option<u64> {
        self.input.left()
    }

    /// Sends a request and waits for the answer's head, which the request's headers make room for. Then its body comes, and what is left of the request's goes, as
    /// long as somebody asks for more by [`Line::poll_data`].
    pub(super) async fn exchange(
        &mut self,
        request: &mut Parts,
        upload: Upload<Body>,
    ) -> Result<response::Parts, Broken> {
        self.begin(request, upload);
        let Parts { method, headers, .. } = request;
        let mut progress = answer::Progress::default();
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
                let head =
                    answer::head(&mut self.input.bytes, &mut progress, method, headers).map_err(Broken::Answer)?;
                if let Some(head) = head {
                    self.input.framing = head.framing;
                    self.persists &= head.persists;
                    return Poll::Ready(Ok(head.parts));
                }
                let came = ready!(self.input.poll_fill(&mut self.stream, cx));
                if came? == 0 {
                    return Poll::Ready(Err(unsent.take().unwrap_or(Broken::Closed)));
                }
            }
        })
        .await
    }

    fn begin(&mut self, request: &Parts, upload: Upload<Body>) {
        let announced = request.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let end = announced.or(upload.size_hint().exact()).map_or(End::Chunk, End::Length);
        let output = &mut self.request.output;
        output.clear();
        // HTTP/1.1 names the server in `Host`, and only the path in the request's line.
        let path = request.uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let method = request.method.as_str().as_bytes();
        output.put(&[method, b" ", path.as_bytes(), b" HTTP/1.1\r\nhost: ", self.host.as_bytes()]);
        output.fields(&request.headers);
        self.request.begin(end, announced.is_some(), (!upload.is_end_stream()).then_some(upload));
        // Until the head says more.
        self.input.framing = Framing::Close;
    }

    fn stop_sending(&mut self) {
        self.request.stop();
        self.persists = false;
    }

    /// Ready when all of the request is on its way.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        let Self { request, stream, .. } = self;
        request.poll_send(cx, |output, cx| output.poll_write(stream, cx)).map_err(Broken::from)
    }

    /// The next piece of the answer's body; `None` at its end.
    pub(super) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        // What is left of a request goes on as long as its answer.
        if !self.request.is_over()
            && let Poll::Ready(Err(_)) = self.poll_send(cx)
        {
            self.stop_sending();
        }
        self.input.poll_data(&mut self.stream, cx).map(|piece| piece.map(|piece| piece.map_err(Broken::from)))
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
