//! Requests and answers on one connection, in turn.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::SystemTime;

use http::header::{CONNECTION, CONTENT_LENGTH, DATE};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use hyper::body::Body as _;
use hyper::ext::ReasonPhrase;
use tokio::sync::oneshot;

use super::Steps;
use super::head::Framing;
use super::incoming::{Incoming, SharedWire};
use super::wire::{Raw, Wire};
use crate::body::Body;
use crate::fault::Fault;
use crate::http1::output::{End, Outgoing, Output, Unsent};
use crate::outbound::options;

/// What an answer must know of its request.
#[derive(Clone, Copy, Debug)]
struct Asked {
    /// Only for the head.
    head: bool,
    version: Version,
    /// Whether another may follow.
    persists: bool,
}

/// Has `answer` answer what comes, until either side ends it. Where what comes is no request, a fault goes with one in
/// its place.
pub(crate) async fn hold<A>(wire: Wire, steps: &Steps, answer: impl Fn(Box<Parts>, Body, Option<Fault>) -> A)
where
    A: Future<Output = Response<Body>>,
{
    let wire = SharedWire::new(wire);
    let leaving = Leaving(wire.clone());
    let mut outgoing = Outgoing::default();
    loop {
        let (parts, body, fault, asked, handing) = match poll_fn(|cx| wire.lock().poll_head(cx)).await {
            Ok(Some(head)) => {
                let asked = Asked {
                    head: head.parts.method == Method::HEAD,
                    version: head.parts.version,
                    persists: head.persists,
                };
                let (body, handing) = body(head.framing, &wire);
                (head.parts, body, None, asked, handing)
            }
            Ok(None) => break,
            Err(fault) => {
                let asked = Asked { head: false, version: Version::HTTP_11, persists: false };
                let mut parts = Box::new(Request::new(()).into_parts().0);
                // No method of anybody's: to those who are told of the exchange.
                parts.method = Method::from_bytes(b"BROKEN").unwrap_or_default();
                (parts, Body::empty(), Some(fault), asked, None)
            }
        };
        steps.step();
        let sent = {
            let mut answering = pin!(answer(parts, body, fault));
            let answered = poll_fn(|cx| match answering.as_mut().poll(cx) {
                Poll::Ready(response) => Poll::Ready(Some(response)),
                Poll::Pending => wire.lock().poll_gone(cx).map(|()| None),
            });
            let Some(response) = answered.await else { return };
            let persists = asked.persists && wire.lock().goes_on() && !steps.are_ending();
            let (sent, room) = begin(&mut outgoing, response, Asked { persists, ..asked });
            wire.lock().make_room(room);
            sent
        };
        let ends_with_connection = outgoing.ends_with_connection();
        if ends_with_connection {
            wire.lock().set_cut(true);
        }
        let mut write = |output: &mut Output, cx: &mut Context<'_>| wire.lock().poll_write(output, cx);
        let ended = poll_fn(|cx| match outgoing.poll_send(cx, &mut write) {
            Poll::Ready(sent) => Poll::Ready(Some(sent)),
            Poll::Pending => wire.lock().poll_gone(cx).map(|()| None),
        });
        match ended.await {
            Some(Ok(())) if ends_with_connection => wire.lock().set_cut(false),
            Some(Ok(())) => {}
            // To who takes the connection's end for the body's, it must not look like one.
            Some(Err(Unsent::Body)) if ends_with_connection => return,
            // What came of it is the visitor's; that it has no end says the rest.
            Some(Err(Unsent::Body)) => {
                outgoing.body = None;
                drop(poll_fn(|cx| wire.lock().poll_write(&mut outgoing.output, cx)).await);
                break;
            }
            Some(Err(Unsent::System(error))) => {
                tracing::debug!(%error, "a visitor's connection ended early");
                return;
            }
            None => return,
        }
        match sent {
            Sent::Persists if !steps.are_ending() => steps.step(),
            Sent::Persists | Sent::Last => break,
            Sent::Upgraded => {
                drop(leaving);
                if let (Some(handing), Some(wire)) = (handing, wire.into_inner()) {
                    drop(handing.send(wire.into_raw()));
                }
                return;
            }
        }
    }
    // A body that another task still sends on is not to be mixed with what is thrown away.
    wire.lock().leave();
    poll_fn(|cx| wire.lock().poll_end(cx)).await;
}

/// However a conversation ends, and be it that it is dropped.
struct Leaving(SharedWire);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.lock().leave();
    }
}

/// What follows a head, and who gets the connection where that is something else.
fn body(framing: Framing, wire: &SharedWire) -> (Body, Option<oneshot::Sender<Raw>>) {
    if framing == Framing::Upgrade {
        let (handing, raw) = oneshot::channel();
        (Body::Upgrading(raw), Some(handing))
    } else {
        (Incoming::following(framing, wire).map_or_else(Body::empty, Body::Visitor), None)
    }
}

/// What an answer leaves a connection to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    /// The next request.
    Persists,
    /// Its end.
    Last,
    /// Something else.
    Upgraded,
}

/// Puts the answer's head into `outgoing`, and its body behind (RFC 9112, section 6.3). What held its headers
/// is free.
fn begin(outgoing: &mut Outgoing<Body>, response: Response<Body>, asked: Asked) -> (Sent, HeaderMap) {
    let (mut parts, body) = response.into_parts();
    if parts.status == StatusCode::NO_CONTENT {
        // A length that nothing has would be waited for (RFC 9110, section 8.6).
        parts.headers.remove(CONTENT_LENGTH);
    }
    let (status, headers) = (parts.status, &parts.headers);
    let bodiless =
        asked.head || status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let body = (!bodiless && !body.is_end_stream()).then_some(body);
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let known = announced.or_else(|| body.as_ref().map_or(Some(0), |body| body.size_hint().exact()));
    let end = match known {
        Some(length) => End::Length(length),
        None if asked.version == Version::HTTP_11 => End::Chunk,
        None => End::Close,
    };
    let says_close = options(headers).any(|option| option.eq_ignore_ascii_case(b"close"));
    // A body that is shorter than it was said to be has no other end.
    let cut = body.is_none() && !bodiless && known != Some(0);
    let sent = if status == StatusCode::SWITCHING_PROTOCOLS {
        Sent::Upgraded
    } else if asked.persists && !says_close && end != End::Close && !cut {
        Sent::Persists
    } else {
        Sent::Last
    };

    let output = &mut outgoing.output;
    output.clear();
    let reason = parts.extensions.get::<ReasonPhrase>().map(ReasonPhrase::as_bytes);
    let reason = reason.unwrap_or_else(|| status.canonical_reason().unwrap_or_default().as_bytes());
    output.put(&[b"HTTP/1.1 ", status.as_str().as_bytes(), b" ", reason]);
    output.fields(headers);
    if !headers.contains_key(DATE) && !status.is_informational() {
        output.field(&DATE, httpdate::fmt_http_date(SystemTime::now()).as_bytes());
    }
    match sent {
        Sent::Last if !says_close => output.field(&CONNECTION, b"close"),
        Sent::Persists if asked.version == Version::HTTP_10 => output.field(&CONNECTION, b"keep-alive"),
        Sent::Persists | Sent::Last | Sent::Upgraded => {}
    }
    if body.is_none() && !bodiless && announced.is_none() {
        output.field(&CONTENT_LENGTH, b"0");
    }
    outgoing.begin(end, announced.is_some(), body);
    (sent, parts.headers)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use http_body_util::BodyExt as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::super::head::HEAD_LIMIT;
    use super::*;
    use crate::http1::transport::Transport;

    const GET: &str = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
    const POST: &str = "POST /b HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello";
    const CHUNKED: &str = "POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";

    /// Of each request its method, path and body, of what is none its status; and what is sent back. What is sent comes
    /// in pieces of such a size, and no end follows.
    async fn seen(sent: &str, piece: usize) -> (Vec<String>, String) {
        let (mut client, server) = duplex(1 << 20);
        let wire = Wire::new(Transport::Other(Box::new(server)), None);
        let (seen, steps) = (Mutex::new(Vec::new()), Steps::default());
        let bytes = sent.as_bytes().to_vec();
        let talking = async {
            let talk = hold(wire, &steps, |parts, body, fault| {
                let seen = &seen;
                async move {
                    let body = body.collect().await.map(|body| String::from_utf8(body.to_bytes().to_vec()).unwrap());
                    let met = match &fault {
                        Some(fault) => fault.status().as_str().to_owned(),
                        None => format!("{} {} {}", parts.method, parts.uri, body.unwrap_or_else(|_| "broken".into())),
                    };
                    let mut response = Response::new(Body::from("ok"));
                    if met.ends_with("broken") {
                        response.headers_mut().insert(CONNECTION, http::HeaderValue::from_static("close"));
                    }
                    seen.lock().unwrap().push(met);
                    response
                }
            });
            // Paused time passes as soon as nothing else happens.
            drop(tokio::time::timeout(Duration::from_secs(20), talk).await);
        };
        let sending = async {
            for piece in bytes.chunks(piece) {
                client.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        tokio::join!(talking, sending);
        let mut back = String::new();
        client.read_to_string(&mut back).await.unwrap();
        (seen.into_inner().unwrap(), back)
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_in_order_is_seen_alike_however_it_comes() {
        let all = [GET, "\r\n", POST, CHUNKED, GET].concat();
        for piece in [1, 2, 3, 7, 64, 10_000] {
            let (seen, back) = seen(&all, piece).await;
            assert_eq!(seen, ["GET /a ", "POST /b hello", "POST /c abc", "GET /a "], "{piece}");
            assert_eq!(back.matches("HTTP/1.1 200 OK\r\n").count(), 4, "{back}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_breaks_a_rule_is_answered_in_its_order_and_nothing_after_it_is_seen() {
        let both = "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n";
        for (bad, status) in [
            (both, "400"),
            ("GET / HTTP/1.1\nHost: x\n\n", "400"),
            ("GET / HTTP/3.0\r\n\r\n", "505"),
            ("\r\n\r\nGET / HTTP/1.1\r\n\r\n", "400"),
        ] {
            for piece in [1, 5, 10_000] {
                let (seen, back) = seen(&[POST, bad, GET].concat(), piece).await;
                assert_eq!(seen, ["POST /b hello", status], "{bad:?} in {piece}");
                assert_eq!(back.matches("connection: close").count(), 1, "{back}");
            }
        }
        for (endless, status) in [
            (format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(HEAD_LIMIT)), "431"),
            (format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(HEAD_LIMIT)), "431"),
            (format!("GET /{}", "a".repeat(HEAD_LIMIT)), "414"),
        ] {
            for piece in [1000, 100_000] {
                assert_eq!(seen(&endless, piece).await.0, [status], "{piece}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_breaks_a_rule_ends_the_connection() {
        for piece in [1, 10_000] {
            let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
            let (seen, _) = seen(&format!("{head}0x1\r\na\r\n0\r\n\r\n{GET}"), piece).await;
            assert_eq!(seen, ["POST / broken"]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_is_not_whole_in_time_is_given_up() {
        let (mut client, server) = duplex(1000);
        let wire = Wire::new(Transport::Other(Box::new(server)), None);
        let steps = Steps::default();
        let given_up = Mutex::new(None);
        client.write_all(GET.as_bytes()).await.unwrap();
        let began = tokio::time::Instant::now();
        let talk = hold(wire, &steps, |_, _, fault| {
            if let Some(fault) = fault {
                *given_up.lock().unwrap() = Some((fault, began.elapsed().as_secs()));
            }
            async { Response::new(Body::empty()) }
        });
        let trickle = async {
            for byte in GET.bytes().cycle().take(20) {
                tokio::time::sleep(Duration::from_secs(3)).await;
                drop(client.write_all(&[byte]).await);
            }
        };
        tokio::select! {
            () = talk => {}
            () = trickle => panic!("nobody gave up"),
        }
        assert_eq!(given_up.into_inner().unwrap(), Some((Fault::HeadTimeout { seconds: 30 }, 33)));
    }
}
