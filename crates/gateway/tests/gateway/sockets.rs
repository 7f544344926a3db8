//! WebSockets, against a server that asks for Prefect's first message.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use futures_util::{SinkExt as _, StreamExt as _};
use postern_gateway::{Config, Door, Gateway, LocalPrograms, Session};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, accept_hdr_async, connect_async};

use crate::acceptance::held;
use crate::support::{KEY, PASSWORD, SOON, ask, basic, config, enter, header, key, raw, session, status};

type Seen = Arc<Mutex<Vec<String>>>;

/// A WebSocket server like Prefect's: remembers each handshake's headers and every message, answers the auth
/// message, and echoes the rest.
async fn prefect() -> (u16, Seen, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (handshakes, messages) = (Seen::default(), Seen::default());
    let (heads, texts) = (Arc::clone(&handshakes), Arc::clone(&messages));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (heads, texts) = (Arc::clone(&heads), Arc::clone(&texts));
            tokio::spawn(async move {
                #[expect(clippy::result_large_err, reason = "tungstenite's own type")]
                let note = |request: &Request, mut response: Response| {
                    heads.lock().unwrap().push(format!("{} {:?}", request.uri(), request.headers()));
                    if let Some(protocol) = request.headers().get("sec-websocket-protocol") {
                        response.headers_mut().insert("sec-websocket-protocol", protocol.clone());
                    }
                    Ok(response)
                };
                let Ok(mut socket) = accept_hdr_async(stream, note).await else { return };
                while let Some(Ok(message)) = socket.next().await {
                    if let Message::Text(text) = &message {
                        texts.lock().unwrap().push(text.to_string());
                    }
                    let answer = match &message {
                        Message::Text(text) if text.contains("\"type\":\"auth\"") => {
                            Message::text("{\"type\":\"auth_success\"}")
                        }
                        Message::Text(_) | Message::Binary(_) => message,
                        Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => continue,
                    };
                    if socket.send(answer).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (port, handshakes, messages)
}

type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn connect(gateway: &Gateway, path: &str, headers: &[(&str, &str)]) -> tungstenite::Result<Client> {
    let mut request = format!("ws://127.0.0.1:{}{path}", gateway.port()).into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
    }
    timeout(SOON, connect_async(request)).await.unwrap().map(|(socket, _)| socket)
}

async fn next(socket: &mut Client) -> Message {
    timeout(SOON, socket.next()).await.unwrap().unwrap().unwrap()
}

/// With the sample key of RFC 6455, section 1.3.
const HANDSHAKE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const PREFECT: (&str, &str) = ("sec-websocket-protocol", "prefect");

fn auth(token: &str) -> Message {
    Message::text(format!("{{\"type\":\"auth\",\"token\":\"{token}\"}}"))
}

#[tokio::test]
async fn the_key_in_the_first_message_opens_and_the_server_gets_its_own_auth_string() {
    let (port, handshakes, messages) = prefect().await;
    let gateway = Gateway::start(config(port)).await.unwrap();
    let mut socket =
        connect(&gateway, "/api/events/out", &[PREFECT, ("sec-websocket-extensions", "permessage-deflate")])
            .await
            .unwrap();
    assert!(handshakes.lock().unwrap().is_empty(), "the server is dialled only after the proof");
    assert_eq!(gateway.sockets().open(Door::Program), 0);
    socket.send(auth(&format!("postern:{KEY}"))).await.unwrap();
    assert_eq!(next(&mut socket).await, Message::text("{\"type\":\"auth_success\"}"));
    socket.send(Message::binary(vec![7; 100_000])).await.unwrap();
    assert_eq!(next(&mut socket).await, Message::binary(vec![7; 100_000]));

    let handshake = handshakes.lock().unwrap().join("\n");
    assert!(handshake.starts_with("/api/events/out "), "{handshake}");
    assert!(handshake.contains(&basic(&format!("admin:{PASSWORD}"))));
    assert!(!handshake.contains("permessage-deflate"));
    assert_eq!(messages.lock().unwrap()[0], format!("{{\"type\":\"auth\",\"token\":\"admin:{PASSWORD}\"}}"));

    assert_eq!(gateway.sockets().open(Door::Program), 1);
    drop(socket);
    let over = async {
        while gateway.sockets().open(Door::Program) > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, over).await.unwrap();
}

#[tokio::test]
async fn a_handshake_with_key_or_session_opens_too() {
    let (port, _, messages) = prefect().await;
    let gateway = Gateway::start(config(port)).await.unwrap();
    let authorization = basic(&format!("postern:{KEY}"));
    let cookie = enter(&gateway).await;
    let cookie = cookie.trim_start_matches("Cookie: ").trim_end();
    let origin = gateway.origin();
    for headers in [
        [PREFECT, ("authorization", authorization.as_str())].as_slice(),
        &[PREFECT, ("cookie", cookie), ("origin", &origin)],
    ] {
        let mut socket = connect(&gateway, "/api/events/in", headers).await.unwrap();
        socket.send(auth("whatever the client thinks")).await.unwrap();
        assert_eq!(next(&mut socket).await, Message::text("{\"type\":\"auth_success\"}"));
    }
    assert_eq!(messages.lock().unwrap().len(), 2);
    assert!(messages.lock().unwrap().iter().all(|text| text.contains(PASSWORD)));
}

/// Prefect's clients say nothing before they have seen a pong.
#[tokio::test]
async fn a_ping_before_the_first_message_is_answered() {
    let (port, _, messages) = prefect().await;
    let gateway = Gateway::start(config(port)).await.unwrap();
    let authorization = basic(&format!("postern:{KEY}"));
    for headers in [&[PREFECT][..], &[PREFECT, ("authorization", &authorization)]] {
        let mut socket = connect(&gateway, "/api/events/in", headers).await.unwrap();
        socket.send(Message::Ping("are you there".into())).await.unwrap();
        assert_eq!(next(&mut socket).await, Message::Pong("are you there".into()));
        socket.send(auth(&format!("postern:{KEY}"))).await.unwrap();
        assert_eq!(next(&mut socket).await, Message::text("{\"type\":\"auth_success\"}"));
    }
    assert!(messages.lock().unwrap().iter().all(|text| text.contains(PASSWORD)));
}

#[tokio::test]
async fn without_the_key_the_server_is_not_even_dialled() {
    let (port, handshakes, _) = prefect().await;
    let gateway = Gateway::start(config(port)).await.unwrap();
    for token in ["admin:s3cret-canary", "postern:wrong", ""] {
        let mut socket = connect(&gateway, "/api/events/in", &[PREFECT]).await.unwrap();
        socket.send(auth(token)).await.unwrap();
        let Message::Close(Some(frame)) = next(&mut socket).await else { panic!("not closed for {token}") };
        assert_eq!(u16::from(frame.code), 1008);
        held("B20");
    }
    let mut silent = connect(&gateway, "/api/events/in", &[PREFECT]).await.unwrap();
    silent.send(Message::text("{\"type\":\"filter\"}")).await.unwrap();
    assert!(matches!(next(&mut silent).await, Message::Close(Some(_))));

    for (headers, expected) in [
        (&[][..], 401),
        (&[PREFECT, ("authorization", "Bearer wrong")], 401),
        (&[PREFECT, ("origin", "https://evil.com")], 403),
        (&[PREFECT, ("origin", "null")], 403),
    ] {
        let Err(tungstenite::Error::Http(answer)) = connect(&gateway, "/api/events/in", headers).await else {
            panic!()
        };
        assert_eq!(answer.status().as_u16(), expected, "{headers:?}");
        held(if expected == 403 { "A15" } else { "B20" });
    }
    let off = Gateway::start(Config { local_programs: LocalPrograms::Off, ..config(port) }).await.unwrap();
    assert!(connect(&off, "/api/events/in", &[PREFECT]).await.is_err());
    assert!(handshakes.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_local_key_never_reaches_a_server_that_asks_for_nothing() {
    let (port, handshakes, messages) = prefect().await;
    let mut config = config(port);
    (config.remote.edge, config.remote.prefect) = (None, None);
    let gateway = Gateway::start(config).await.unwrap();
    let authorization = basic(&format!("postern:{KEY}"));
    for headers in [&[PREFECT][..], &[PREFECT, ("authorization", &authorization)]] {
        let mut socket = connect(&gateway, "/api/events/in", headers).await.unwrap();
        socket.send(auth(&format!("postern:{KEY}"))).await.unwrap();
        assert_eq!(next(&mut socket).await, Message::text("{\"type\":\"auth_success\"}"));
    }
    assert_eq!(*messages.lock().unwrap(), ["{\"type\":\"auth\",\"token\":\"\"}", "{\"type\":\"auth\",\"token\":\"\"}"]);
    assert!(!handshakes.lock().unwrap().concat().contains("authorization"));
}

#[tokio::test]
async fn other_subprotocols_pass_raw() {
    let (port, _, messages) = prefect().await;
    let gateway = Gateway::start(config(port)).await.unwrap();
    let authorization = basic(&format!("postern:{KEY}"));
    let mut socket = connect(&gateway, "/api/x", &[("authorization", &authorization)]).await.unwrap();
    socket.send(auth("mine")).await.unwrap();
    next(&mut socket).await;
    assert_eq!(*messages.lock().unwrap(), ["{\"type\":\"auth\",\"token\":\"mine\"}"]);
}

#[tokio::test]
async fn a_refused_or_faked_upgrade_is_told() {
    for (answer, expected, code) in [
        ("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n", 502, &["socket_refused"][..]),
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 502, &["socket_refused"]),
        ("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", 403, &[]),
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
            502,
            &["invalid_answer"],
        ),
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
            502,
            &["invalid_answer"],
        ),
    ] {
        let server = crate::support::Server::always(answer).await;
        let gateway = Gateway::start(config(server.port)).await.unwrap();
        let request =
            format!("GET /api/events/in HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{HANDSHAKE}{}\r\n", gateway.port(), key());
        let told = read_head(&gateway, &request).await;
        assert_eq!((status(&told), &header(&told, "postern-fault")[..]), (expected, code), "{answer}");
        held("D45");
    }
}

async fn read_head(gateway: &Gateway, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.port())).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    read_past_head(&mut stream).await
}

/// Reads a head, and of what follows nothing.
async fn read_past_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while crate::support::find(&head, b"\r\n\r\n").is_none() {
        head.push(timeout(SOON, stream.read_u8()).await.unwrap().unwrap());
    }
    String::from_utf8(head).unwrap()
}

#[tokio::test]
async fn what_is_no_whole_handshake_is_refused_at_the_guard_and_never_switched() {
    const GET: &str = "GET /api/flows HTTP/1.1";
    const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    const VERSION: &str = "Sec-WebSocket-Version: 13";
    // Would switch to whatever it is asked for.
    let server = crate::support::Server::always("HTTP/1.1 101 Switching Protocols\r\n\r\n").await;
    let gateway = Gateway::start(config(server.port)).await.unwrap();
    for (line, headers) in [
        (GET, &["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMA"][..]),
        (GET, &["Connection: Upgrade", "Upgrade: TLS/1.0"]),
        (GET, &["Connection: Upgrade", "Upgrade: websocket, h2c", KEY, VERSION]),
        (GET, &["Connection: Upgrade", "Upgrade: h2c", "Upgrade: websocket", KEY, VERSION]),
        ("POST /api/flows HTTP/1.1", &["Connection: Upgrade", "Upgrade: websocket", KEY, VERSION, "Content-Length: 0"]),
        ("GET /api/flows HTTP/1.0", &["Connection: Upgrade", "Upgrade: websocket", KEY, VERSION]),
        (GET, &["Upgrade: websocket", KEY, VERSION]),
        (GET, &["Connection: keep-alive", "Upgrade: websocket", KEY, VERSION]),
        (GET, &["Connection: Upgrade", "Upgrade: websocket", VERSION]),
        (GET, &["Connection: Upgrade", "Upgrade: websocket", KEY, KEY, VERSION]),
        (GET, &["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: c2hvcnQ=", VERSION]),
        (GET, &["Connection: Upgrade", "Upgrade: websocket", KEY]),
        (GET, &["Connection: Upgrade", "Upgrade: websocket", KEY, "Sec-WebSocket-Version: 8"]),
    ] {
        let headers = headers.join("\r\n");
        let told =
            raw(&gateway, format!("{line}\r\nHost: 127.0.0.1:{}\r\n{}{headers}\r\n\r\n", gateway.port(), key())).await;
        assert_eq!((status(&told), header(&told, "postern-fault")), (400, vec!["upgrade_refused"]), "{line} {headers}");
        assert!(server.received().is_empty(), "{line} {headers}");
        held("D44");
    }
    // Unasked: it switches all the same.
    assert_eq!(status(&ask(&gateway, "GET /api/flows", &key()).await), 502);
    held("D45");
}

/// Both ends of a tunnel, past the handshake.
async fn tunnel(protocol: &str) -> (Gateway, TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = Gateway::start(config(listener.local_addr().unwrap().port())).await.unwrap();
    let serves = async {
        let (mut server, _) = listener.accept().await.unwrap();
        read_past_head(&mut server).await;
        // To the sample key of RFC 6455, section 1.3.
        let accept =
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
        server.write_all(format!("HTTP/1.1 101 Switching Protocols\r\n{accept}\r\n").as_bytes()).await.unwrap();
        server
    };
    let asks = async {
        let mut client = TcpStream::connect(("127.0.0.1", gateway.port())).await.unwrap();
        let request = format!(
            "GET /api/events/in HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{HANDSHAKE}Sec-WebSocket-Protocol: {protocol}\r\n{}\r\n",
            gateway.port(),
            key()
        );
        client.write_all(request.as_bytes()).await.unwrap();
        assert_eq!(status(&read_past_head(&mut client).await), 101);
        client
    };
    let (server, client) = timeout(SOON, async { tokio::join!(serves, asks) }).await.unwrap();
    (gateway, client, server)
}

/// What one side sends before its end is all the other sees, then the end; and it may still say something itself.
#[tokio::test]
async fn the_end_of_one_direction_is_relayed_and_leaves_the_other_open() {
    for protocol in ["other", "prefect"] {
        for client_first in [true, false] {
            let (_gateway, client, server) = tunnel(protocol).await;
            let (mut first, mut second) = if client_first { (client, server) } else { (server, client) };
            // Not even a whole frame: what it means is not the gateway's business.
            first.write_all(b"\x81").await.unwrap();
            first.shutdown().await.unwrap();
            let mut seen = Vec::new();
            timeout(SOON, second.read_to_end(&mut seen)).await.unwrap().unwrap();
            assert_eq!(seen, b"\x81", "{protocol} {client_first}");
            let late = vec![0x82; 300_000];
            let says = async {
                second.write_all(&late).await.unwrap();
                second.shutdown().await.unwrap();
            };
            let mut seen = Vec::new();
            let hears = async { first.read_to_end(&mut seen).await.unwrap() };
            timeout(SOON, async { tokio::join!(says, hears) }).await.unwrap();
            assert!(seen == late, "{protocol} {client_first}: {} bytes", seen.len());
            held("G71");
        }
    }
}

#[tokio::test]
async fn an_idle_socket_lasts_but_one_that_shows_no_key_does_not() {
    let (port, handshakes, _) = prefect().await;
    let gateway = Gateway::start(config(port)).await.unwrap();
    let authorization = basic(&format!("postern:{KEY}"));
    let mut raw = connect(&gateway, "/api/x", &[("authorization", &authorization)]).await.unwrap();
    let mut waits = connect(&gateway, "/api/events/in", &[PREFECT, ("authorization", &authorization)]).await.unwrap();
    let mut proven = connect(&gateway, "/api/events/out", &[PREFECT]).await.unwrap();
    proven.send(auth(&format!("postern:{KEY}"))).await.unwrap();
    next(&mut proven).await;
    let mut unproven = connect(&gateway, "/api/events/out", &[PREFECT]).await.unwrap();
    for socket in [&mut raw, &mut waits, &mut proven, &mut unproven] {
        socket.send(Message::Ping("open".into())).await.unwrap();
        assert_eq!(next(socket).await, Message::Pong("open".into()));
    }
    assert_eq!(handshakes.lock().unwrap().len(), 3);

    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(24 * 60 * 60)).await;
    tokio::time::resume();
    let Message::Close(Some(frame)) = next(&mut unproven).await else { panic!("not closed") };
    assert_eq!((u16::from(frame.code), frame.reason.as_str()), (1008, "no key in time"));
    waits.send(auth("late")).await.unwrap();
    assert_eq!(next(&mut waits).await, Message::text("{\"type\":\"auth_success\"}"));
    for socket in [&mut raw, &mut waits, &mut proven] {
        socket.send(Message::text("still here")).await.unwrap();
        assert_eq!(next(socket).await, Message::text("still here"));
        held("G75");
    }
    assert_eq!(handshakes.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_close_travels_both_ways_and_a_stop_cuts_within_a_second() {
    let (port, _, _) = prefect().await;
    let gateway = Gateway::start(config(port)).await.unwrap();
    let mut closing = connect(&gateway, "/api/events/out", &[PREFECT]).await.unwrap();
    closing.send(auth(&format!("postern:{KEY}"))).await.unwrap();
    next(&mut closing).await;
    closing.close(None).await.unwrap();
    while timeout(SOON, closing.next()).await.unwrap().is_some_and(|message| message.is_ok()) {}

    let mut open = connect(&gateway, "/api/events/out", &[PREFECT]).await.unwrap();
    open.send(auth(&format!("postern:{KEY}"))).await.unwrap();
    next(&mut open).await;
    let unproven = connect(&gateway, "/api/events/out", &[PREFECT]).await.unwrap();
    let began = Instant::now();
    gateway.stop().await;
    assert!(began.elapsed() < Duration::from_secs(1));
    held("B24");
    for mut socket in [open, unproven] {
        assert!(timeout(SOON, socket.next()).await.unwrap().is_none_or(|message| message.is_err()));
    }
}

#[tokio::test]
async fn a_read_only_profile_has_no_sockets_that_write() {
    let (port, handshakes, _) = prefect().await;
    let gateway = Gateway::start(Config { read_only: true, ..config(port) }).await.unwrap();
    let authorization = basic(&format!("postern:{KEY}"));
    let Err(tungstenite::Error::Http(answer)) =
        connect(&gateway, "/api/events/in", &[PREFECT, ("authorization", &authorization)]).await
    else {
        panic!()
    };
    assert_eq!(answer.status().as_u16(), 403);

    // Who shows the key only in the first message is told then.
    let mut proven = connect(&gateway, "/api/events/in", &[PREFECT]).await.unwrap();
    proven.send(auth(&format!("postern:{KEY}"))).await.unwrap();
    let Message::Close(Some(frame)) = next(&mut proven).await else { panic!("not closed") };
    assert_eq!((u16::from(frame.code), frame.reason.as_str()), (1008, "read_only"));
    assert!(handshakes.lock().unwrap().is_empty());
    assert!(connect(&gateway, "/api/events/out", &[PREFECT]).await.is_ok());
}

#[tokio::test]
async fn a_socket_that_writes_because_windows_may_for_a_while_ends_with_that_time() {
    let (port, _, _) = prefect().await;
    let gateway = Gateway::start(Config { read_only: true, ..config(port) }).await.unwrap();
    let cookie = session(&gateway, Session::Window).await;
    let open = async |path: &str| {
        let mut socket = connect(&gateway, path, &[PREFECT, ("cookie", &cookie)]).await?;
        socket.send(auth("")).await.unwrap();
        next(&mut socket).await;
        Ok::<_, tungstenite::Error>(socket)
    };
    let mut reading = open("/api/events/out").await.unwrap();
    assert!(open("/api/events/in").await.is_err());
    for (lasts, taken_back) in [(60_000, true), (500, false)] {
        gateway.let_windows_write(Some(SystemTime::now() + Duration::from_millis(lasts)));
        let mut writing = open("/api/events/in").await.unwrap();
        if taken_back {
            gateway.let_windows_write(None);
        }
        assert!(timeout(SOON, writing.next()).await.unwrap().is_none_or(|message| message.is_err()));
        assert!(open("/api/events/in").await.is_err());
    }
    reading.send(Message::text("still here")).await.unwrap();
    assert_eq!(next(&mut reading).await, Message::text("still here"));
}

#[tokio::test]
async fn nobody_unproven_learns_where_paths_lead_and_what_the_profile_may() {
    let (port, handshakes, _) = prefect().await;
    for read_only in [false, true] {
        let gateway = Gateway::start(Config { read_only, ..config(port) }).await.unwrap();
        for path in ["/api/events/in", "/api/events/out", "/x", "/%2e%2e/outside"] {
            let refused = connect(&gateway, path, &[]).await;
            let Err(tungstenite::Error::Http(answer)) = refused else { panic!("{path}") };
            assert_eq!(answer.headers()["postern-fault"], "not_let_in", "{path} {read_only}");

            let mut socket = connect(&gateway, path, &[PREFECT]).await.unwrap();
            socket.send(auth("postern:guess")).await.unwrap();
            let Message::Close(Some(frame)) = next(&mut socket).await else { panic!("not closed") };
            assert_eq!(frame.reason.as_str(), "local key needed as PREFECT_API_AUTH_STRING", "{path} {read_only}");
        }
    }
    assert!(handshakes.lock().unwrap().is_empty());
}
