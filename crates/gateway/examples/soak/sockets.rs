//! WebSockets: clients that say something now and then, and the server's side, which says it back.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use futures_util::{SinkExt as _, StreamExt as _};
use postern_gateway::LOCAL_USER;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};
use tokio_util::sync::CancellationToken;

use crate::plan;
use crate::support;
use crate::tally::Wrong;
use crate::wire::{Head, Input};
use crate::world::{Counted, Marked, World};

const SOON: Duration = Duration::from_secs(30);
const PROTOCOL: &str = "sec-websocket-protocol";

/// How a socket ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// The client says so.
    Close,
    /// The client goes away.
    Gone,
    /// The server says so, when asked.
    Closed,
    /// The server resets, when asked.
    Reset,
}

/// The server's side.
pub(crate) async fn echo(head: &Head, from: Input, mut to: OwnedWriteHalf, world: &World) {
    let (Some(key), Some(tag)) = (head.value("sec-websocket-key"), head.tag()) else { return };
    let protocol = head.value(PROTOCOL).map(|name| format!("{PROTOCOL}: {name}\r\n")).unwrap_or_default();
    let accept = derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{protocol}\r\n"
    );
    if to.write_all(answer.as_bytes()).await.is_err() {
        return;
    }
    let Some((stream, read)) = from.reunite(to) else { return };
    let mut socket = WebSocketStream::from_partially_read(stream, read, Role::Server, None).await;
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        let answer = match text.as_str() {
            "close" => {
                // The client answers, and that is the end.
                if socket.close(None).await.is_err() {
                    break;
                }
                continue;
            }
            "reset" => {
                drop(socket.get_ref().set_zero_linger());
                break;
            }
            text if text.contains("\"type\":\"auth\"") => Message::text("{\"type\":\"auth_success\"}"),
            _ => Message::Text(text),
        };
        if socket.send(answer).await.is_err() {
            break;
        }
    }
    if let Some(mark) = world.of(tag) {
        mark.gone.notify_one();
    }
}

/// One socket after the other, until it is told to end.
pub(crate) async fn run(world: Arc<World>, gateway: u16, seed: u64, calm: CancellationToken) {
    let mut dice = Rng::with_seed(seed);
    // Not all at once, as nobody's sockets are.
    sleep(Duration::from_millis(dice.u64(0..2000))).await;
    while !calm.is_cancelled() {
        let marked = world.mark();
        let lived = timeout(SOON * 10, live(&world, gateway, &marked, &mut dice, &calm)).await;
        let wrong = match lived {
            Ok(Ok(())) => None,
            Ok(Err(Failed(wrong, how))) => Some((wrong, how)),
            Err(_) => Some((Wrong::Lost, "a socket hangs".to_owned())),
        };
        match wrong {
            Some((Wrong::MixedUp, how)) => world.tally.wrong(Wrong::MixedUp, || how),
            Some(_) if marked.met_a_restart() => world.tally.fault("met a restart"),
            Some((wrong, how)) => world.tally.wrong(wrong, || format!("socket: {how}")),
            None => {}
        }
        sleep(Duration::from_millis(dice.u64(0..1000))).await;
    }
}

struct Failed(Wrong, String);

fn lost(what: &str) -> impl FnOnce(Error) -> Failed + '_ {
    move |error| Failed(Wrong::Lost, format!("{what}: {error}"))
}

async fn live(
    world: &World,
    gateway: u16,
    marked: &Marked<'_>,
    dice: &mut Rng,
    calm: &CancellationToken,
) -> Result<(), Failed> {
    let mut socket = timeout(SOON, open(gateway, marked.tag, dice.bool()))
        .await
        .map_err(|_| Failed(Wrong::Lost, "the handshake hangs".to_owned()))?
        .map_err(lost("the handshake"))?;
    let _counted = Counted::new(&world.sockets);
    for count in 0..dice.u32(1..30) {
        let pause = sleep(Duration::from_millis(dice.u64(500..5000)));
        if calm.run_until_cancelled(pause).await.is_none() {
            break;
        }
        let said = format!("{:x} {count} {}", marked.tag, "x".repeat(dice.usize(0..3000)));
        socket.send(Message::text(said.clone())).await.map_err(lost("sending"))?;
        match timeout(SOON, socket.next()).await {
            Ok(Some(Ok(Message::Text(text)))) if text.as_str() == said => world.tally.traffic("message on a socket"),
            Ok(Some(Ok(Message::Text(text)))) => return Err(Failed(Wrong::MixedUp, format!("{said} came as {text}"))),
            other => return Err(Failed(Wrong::Lost, format!("no message came back: {other:?}"))),
        }
    }
    let ends = [End::Close, End::Gone, End::Closed, End::Reset];
    end(world, marked, socket, ends[dice.usize(..ends.len())]).await
}

async fn open(gateway: u16, tag: u64, prefect: bool) -> Result<WebSocketStream<TcpStream>, Error> {
    let mut request = format!("ws://127.0.0.1:{gateway}/api/events/out").into_client_request()?;
    let text = |text: String| HeaderValue::from_str(&text).map_err(|_| Error::Io(io::ErrorKind::InvalidInput.into()));
    let credential = format!("{LOCAL_USER}:{}", support::KEY);
    request.headers_mut().insert(HeaderName::from_static(plan::TAG), text(format!("{tag:x}"))?);
    if prefect {
        request.headers_mut().insert(PROTOCOL, HeaderValue::from_static("prefect"));
    } else {
        request.headers_mut().insert("authorization", text(support::basic(&credential))?);
    }
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, gateway)).await?;
    let (mut socket, _) = client_async(request, stream).await?;
    if prefect {
        socket.send(Message::text(format!("{{\"type\":\"auth\",\"token\":\"{credential}\"}}"))).await?;
        match socket.next().await {
            Some(Ok(Message::Text(text))) if text.contains("auth_success") => {}
            Some(Err(error)) => return Err(error),
            Some(Ok(_)) | None => return Err(Error::ConnectionClosed),
        }
    }
    Ok(socket)
}

async fn end(
    world: &World,
    marked: &Marked<'_>,
    mut socket: WebSocketStream<TcpStream>,
    end: End,
) -> Result<(), Failed> {
    let asked = match end {
        End::Close => socket.close(None).await,
        End::Gone => {
            drop(socket);
            return match timeout(SOON, marked.mark.gone.notified()).await {
                Ok(()) => Ok(()),
                Err(_) => Err(Failed(Wrong::NotTold, "the server was not told that the client is gone".to_owned())),
            };
        }
        End::Closed => socket.send(Message::text("close")).await,
        End::Reset => socket.send(Message::text("reset")).await,
    };
    asked.map_err(lost("ending"))?;
    let mut closed = false;
    let last = loop {
        match timeout(SOON, socket.next()).await {
            Ok(Some(Ok(message))) => closed |= message.is_close(),
            Ok(Some(Err(error))) => break Some(error),
            Ok(None) => break None,
            Err(_) => return Err(Failed(Wrong::NotTold, format!("no end came after {end:?}"))),
        }
    };
    match (end, closed, last) {
        (End::Reset, false, Some(_)) => {
            world.tally.fault("socket reset");
            Ok(())
        }
        (End::Close | End::Closed, true, None) => Ok(()),
        (end, closed, last) => Err(Failed(Wrong::NotDue, format!("{end:?} ended as closed: {closed}, {last:?}"))),
    }
}
