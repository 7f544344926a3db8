//! Step 9: WebSockets.
//!
//! The handshake goes to the server on HTTP/1.1 with the profile's credential; then bytes pass raw, both ways.
//! One message is ours: on subprotocol `prefect` the client's first, `{"type":"auth","token":…}`, gets the
//! profile's auth string as its token. `permessage-deflate` is not negotiated there, because replacing a
//! message would desynchronise a shared compression context.
//!
//! A client that brought no proof gets its upgrade answered here, shows the local key in that first message,
//! and only then is it asked where the path leads and whether the profile lets it, and the server dialled: nobody
//! unproven learns what a profile may, or causes a single byte upstream.

pub(crate) mod first_message;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{
    CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, UPGRADE,
};
use http::request::Parts;
use http::{Response, StatusCode};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, copy, split};
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::frame::coding::CloseCode;

use self::first_message::{Beginning, FirstMessage, Next};
use crate::body::Body;
use crate::fault::Fault;
use crate::gateway::Shared;
use crate::guard::upgrade::{PREFECT, Socket};
use crate::route::Target;
use crate::status::Door;
use crate::verdict::Question;
use crate::{Secret, inbound, outbound, pipeline, policy, send, verdict};

/// An unproven client must have shown the key by then.
const PROOF: Duration = Duration::from_secs(10);
/// When one direction has ended, the other may go on this long.
const LINGER: Duration = Duration::from_secs(30);

/// Opens a tunnel for one who is let in, or says why not.
pub(crate) async fn open(
    parts: Box<Parts>,
    client: Body,
    (socket, door): (Socket, Door),
    origin: &str,
    target: &Target,
    shared: &Arc<Shared>,
) -> Result<Response<Body>, Fault> {
    // Let in only because the window may write for a while.
    let is_lent = policy::check(&parts.method, target, Some(socket), Door::Browser, &shared.upstream).is_err();
    let (answer, server) = dial(parts, socket, origin, target, shared).await?;
    if let Some(server) = server {
        let state = Arc::clone(shared);
        let over = Arc::clone(shared);
        let tunnel = async move {
            let client = client.upgraded().await?.split();
            let first = match socket {
                Socket::Prefect => First::Awaited,
                Socket::Other => First::None,
            };
            relay(client, server, first, door, &state).await
        };
        spawn(shared, async move {
            tokio::select! {
                ended = tunnel => ended,
                () = over.upstream.is_read_only_again(), if is_lent => Ok(()),
            }
        });
    }
    Ok(answer)
}

/// Accepts a socket of Prefect's that brought no proof, in the server's stead; the rest depends on its first message.
pub(crate) fn ask_for_proof(
    parts: Box<Parts>,
    client: Body,
    origin: String,
    shared: &Arc<Shared>,
) -> Result<Response<Body>, Fault> {
    let answer = accepted(&parts.headers)?;
    spawn(shared, prove(client, parts, origin, Arc::clone(shared)));
    Ok(answer)
}

/// Runs a tunnel until it ends or the gateway stops.
fn spawn(shared: &Arc<Shared>, tunnel: impl Future<Output = io::Result<()>> + Send + 'static) {
    let stop = shared.stop.clone();
    shared.connections.spawn(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            ended = tunnel => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "tunnel ended early");
                }
            }
        }
    });
}

/// Sends the handshake on. The second part is `None` where the server declined; then its answer passes.
async fn dial(
    mut parts: Box<Parts>,
    socket: Socket,
    origin: &str,
    target: &Target,
    shared: &Shared,
) -> Result<(Response<Body>, Option<TokioIo<Upgraded>>), Fault> {
    let expected = parts.headers.get(SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
    outbound::rewrite(&mut parts, origin, target, shared);
    parts.headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    parts.headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    if socket == Socket::Prefect {
        parts.headers.remove(SEC_WEBSOCKET_EXTENSIONS);
    }
    parts.extensions.clear();

    let sent = Instant::now();
    let answer = send::handshake(*parts, &shared.upstream.clients).await;
    let mut answer = verdict::judge(answer, Question::Other, target, sent.elapsed(), shared)?;
    let switched = answer.status() == StatusCode::SWITCHING_PROTOCOLS;
    if !switched && !declines(answer.status()) {
        return Err(Fault::SocketRefused { status: answer.status().as_u16() });
    }
    let accept = answer.headers().get(SEC_WEBSOCKET_ACCEPT).and_then(|value| value.to_str().ok());
    if switched && (accept.is_none() || accept != expected.as_deref()) {
        return Err(Fault::InvalidAnswer { reason: "its Sec-WebSocket-Accept is wrong".into() });
    }
    let server = if switched {
        let upgraded = hyper::upgrade::on(&mut answer).await.map_err(|_| Fault::ConnectionLost)?;
        Some(TokioIo::new(upgraded))
    } else {
        None
    };
    let (mut parts, body) = answer.into_parts();
    inbound::rewrite(&mut parts, origin, target, &shared.upstream);
    if switched {
        parts.headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        parts.headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        return Ok((Response::from_parts(parts, Body::empty()), server));
    }
    Ok((Response::from_parts(parts, Body::Answer(body)), None))
}

/// Whether a server that answers so has understood that a socket was asked for. Where an edge drops the upgrade,
/// the server answers as if a page had been asked for: with one, or that there is none, or that something is
/// missing.
fn declines(status: StatusCode) -> bool {
    use StatusCode as S;
    let lost = [S::BAD_REQUEST, S::NOT_FOUND, S::METHOD_NOT_ALLOWED, S::UPGRADE_REQUIRED];
    (status.is_client_error() && !lost.contains(&status)) || status.is_server_error()
}

/// Our own answer to a handshake (RFC 6455, section 4.2.2), without extensions.
fn accepted(headers: &HeaderMap) -> Result<Response<Body>, Fault> {
    let accept = headers
        .get(SEC_WEBSOCKET_KEY)
        .and_then(|key| HeaderValue::from_str(&derive_accept_key(key.as_bytes())).ok())
        .ok_or(Fault::UpgradeRefused)?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PREFECT));
    Ok(response)
}

/// Reads the first message of an unproven client; with the key in it, takes the steps that the proof was waited for
/// with, dials the server and goes on.
async fn prove(client: Body, parts: Box<Parts>, origin: String, shared: Arc<Shared>) -> io::Result<()> {
    let (mut from_client, mut to_client) = client.upgraded().await?.split();
    // We stand in for the server until it is dialled, so the client's pings are ours to answer.
    let proof = async {
        let mut beginning = Beginning::default();
        loop {
            match beginning.next(&mut from_client).await? {
                Next::Message(first) => return io::Result::Ok(first),
                Next::Control(frame) => {
                    if let Some(pong) = frame.pong()? {
                        to_client.write_all(&pong).await?;
                    }
                }
            }
        }
    };
    let first = match tokio::time::timeout(PROOF, proof).await {
        Ok(first) => first?,
        Err(_) => return close(&mut to_client, CloseCode::Policy, "no key in time").await,
    };
    let door = &shared.door;
    if !first.token().is_some_and(|token| door.auth_string_matches(token.expose().as_bytes())) {
        return close(&mut to_client, CloseCode::Policy, "local key needed as PREFECT_API_AUTH_STRING").await;
    }
    let target = match pipeline::destination(
        &parts.method,
        &parts.uri,
        (Some(Socket::Prefect), Door::Program),
        &shared.upstream,
    ) {
        Ok(target) => target,
        Err(fault) => return close(&mut to_client, CloseCode::Policy, fault.code()).await,
    };
    let server = match dial(parts, Socket::Prefect, &origin, &target, &shared).await {
        Ok((_, Some(server))) => server,
        Ok((answer, None)) => {
            let fault = Fault::SocketRefused { status: answer.status().as_u16() };
            return close(&mut to_client, CloseCode::Error, fault.code()).await;
        }
        Err(fault) => return close(&mut to_client, CloseCode::Error, fault.code()).await,
    };
    relay((from_client, to_client), server, First::Read(first), Door::Program, &shared).await
}

/// The client's first message.
enum First {
    /// Not looked at.
    None,
    /// Still to come.
    Awaited,
    /// Here.
    Read(FirstMessage),
}

/// Both directions, until both have ended, one has failed, or one is long over.
async fn relay(
    (mut from_client, mut to_client): (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    server: impl AsyncRead + AsyncWrite,
    first: First,
    door: Door,
    shared: &Shared,
) -> io::Result<()> {
    let _open = shared.sockets.enter(door);
    let (mut from_server, mut to_server) = split(server);
    let up = async {
        let first = match first {
            First::None => None,
            First::Awaited => {
                let mut beginning = Beginning::default();
                loop {
                    match beginning.next(&mut from_client).await? {
                        Next::Message(first) => break Some(first),
                        Next::Control(frame) => to_server.write_all(&frame.raw).await?,
                    }
                }
            }
            First::Read(first) => Some(first),
        };
        if let Some(first) = first {
            let token = token_for_server(&first, shared);
            to_server.write_all(&first.with_token(token.as_ref())?).await?;
        }
        copy(&mut from_client, &mut to_server).await?;
        to_server.shutdown().await
    };
    let down = async {
        copy(&mut from_server, &mut to_client).await?;
        to_client.shutdown().await
    };
    let (mut up, mut down) = (std::pin::pin!(up), std::pin::pin!(down));
    tokio::select! {
        ended = &mut up => {
            ended?;
            tokio::time::timeout(LINGER, down).await.unwrap_or(Ok(()))
        }
        ended = &mut down => {
            ended?;
            tokio::time::timeout(LINGER, up).await.unwrap_or(Ok(()))
        }
    }
}

/// The profile's auth string; without one the client's own token, but never our local key.
fn token_for_server(first: &FirstMessage, shared: &Shared) -> Option<Secret> {
    let is_key = || first.token().is_some_and(|token| shared.door.auth_string_matches(token.expose().as_bytes()));
    shared.upstream.auth_string.clone().or_else(|| is_key().then(Secret::default))
}

async fn close(to_client: &mut (impl AsyncWrite + Unpin), code: CloseCode, reason: &'static str) -> io::Result<()> {
    to_client.write_all(&first_message::close_frame(code, reason)?).await?;
    to_client.shutdown().await
}
