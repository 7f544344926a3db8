//! Connections to the server: kept, shared out, given up.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use postern_gateway::{Gateway, Health};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::acceptance::held;
use crate::support::{SOON, Server, ask, body, config, gateway, key, ok, status};

/// Reads until the bytes end in something.
async fn until(stream: &mut TcpStream, end: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let all = async {
        while !bytes.ends_with(end) {
            assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "ended after {bytes:?}");
        }
    };
    timeout(SOON, all).await.expect("it comes");
    bytes
}

#[tokio::test]
async fn one_connection_serves_request_after_request() {
    let server = Server::start(|request| {
        let answer = match request.target() {
            "/api/chunked" => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n".into(),
            "/api/none" => "HTTP/1.1 204 No Content\r\n\r\n".into(),
            "/api/head" => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n".into(),
            _ => ok("application/json", &"[]".repeat(100_000)),
        };
        Some(answer.into_bytes())
    })
    .await;
    let gateway = gateway(&server).await;
    for line in ["GET /api/chunked", "GET /api/none", "HEAD /api/head", "GET /api/long", "PUT /sent", "GET /api/long"] {
        let length = if line.starts_with("PUT") { "Content-Length: 0\r\n" } else { "" };
        let told = ask(&gateway, line, &format!("{}{length}", key())).await;
        assert!(matches!(status(&told), 200 | 204), "{line}: {told}");
        assert_eq!(server.connections(), 1, "{line}");
    }
}

#[tokio::test]
async fn what_is_renewed_forgets_its_connections_and_how_the_server_was() {
    let server = Server::always(&ok("application/json", "\"3.8.8\"")).await;
    let gateway = gateway(&server).await;
    gateway.probe().await;
    gateway.probe().await;
    assert_eq!((server.connections(), gateway.status().borrow().health.clone()), (1, Health::Up));
    gateway.renew();
    assert_eq!(gateway.status().borrow().health, Health::Unknown);
    gateway.probe().await;
    assert_eq!((server.connections(), gateway.status().borrow().health.clone()), (2, Health::Up));
}

#[tokio::test]
async fn what_reads_is_sent_again_where_the_servers_close_crosses_it_and_nothing_else_is() {
    for (line, headers, expected, received) in [
        ("GET /api/b", "", 200, 3),
        ("HEAD /api/b", "", 200, 3),
        ("GET /api/b", "Content-Length: 2\r\n\r\nhi", 502, 2),
        ("PUT /b", "Content-Length: 0\r\n", 502, 2),
        ("DELETE /b", "", 502, 2),
    ] {
        for interim in ["", "HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\n"] {
            let count = AtomicUsize::new(0);
            // Its second request is the one that it closes on, whatever it says before.
            let server = Server::start(move |_| match count.fetch_add(1, Ordering::SeqCst) {
                1 => (!interim.is_empty()).then(|| interim.into()),
                _ => Some(ok("application/json", "[]").into_bytes()),
            })
            .await;
            let gateway = gateway(&server).await;
            assert_eq!(status(&ask(&gateway, "GET /api/a", &key()).await), 200);
            let told = ask(&gateway, line, &format!("{}X-Tag: mine\r\n{headers}", key())).await;
            let all = server.received();
            assert_eq!((status(&told), all.len()), (expected, received), "{line} {headers:?} {interim:?}");
            let sent = |at: usize| (all[at].line(), all[at].all("authorization"), all[at].all("x-tag"));
            assert_eq!(sent(1), sent(all.len() - 1), "the whole of it");
            assert_eq!(sent(1).2, ["mine"]);
            held("G73");
        }
    }
}

#[tokio::test]
async fn a_server_that_closes_on_every_request_is_asked_twice_at_most() {
    let count = AtomicUsize::new(0);
    let server = Server::start(move |_| {
        (count.fetch_add(1, Ordering::SeqCst) == 0).then(|| ok("application/json", "[]").into_bytes())
    })
    .await;
    let gateway = gateway(&server).await;
    ask(&gateway, "GET /api/a", &key()).await;
    assert_eq!(status(&ask(&gateway, "GET /api/b", &key()).await), 502);
    assert_eq!(server.received().len(), 3);
    assert_eq!(status(&ask(&gateway, "GET /api/c", &key()).await), 502);
    assert_eq!(server.received().len(), 4, "on a new connection it is not its close that crossed");
}

#[tokio::test]
async fn answers_of_many_at_once_are_not_mixed_up() {
    let server =
        Server::start(|request| Some(ok("application/json", &format!("{:?}", request.target())).into_bytes())).await;
    let gateway = std::sync::Arc::new(gateway(&server).await);
    let asked = (0..50).map(|number| {
        let gateway = std::sync::Arc::clone(&gateway);
        tokio::spawn(async move {
            let path = format!("/api/{number}");
            let told = ask(&gateway, &format!("GET {path}"), &key()).await;
            assert_eq!(body(&told), format!("{path:?}"));
        })
    });
    for asked in asked.collect::<Vec<_>>() {
        asked.await.unwrap();
    }
    assert!(server.connections() <= 50);
}

#[tokio::test]
async fn an_answer_does_not_wait_for_the_upload_which_goes_on_as_long_as_the_answer() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = Gateway::start(config(server.local_addr().unwrap().port())).await.unwrap();
    let port = gateway.port();
    let mut client = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let head = format!("PUT /a HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{}Content-Length: 10\r\n\r\nfirst", key());
    client.write_all(head.as_bytes()).await.unwrap();
    let (mut upstream, _) = server.accept().await.unwrap();
    until(&mut upstream, b"first").await;
    upstream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no").await.unwrap();
    until(&mut client, b"\r\n\r\no").await;
    client.write_all(b"then!").await.unwrap();
    until(&mut upstream, b"then!").await;
    upstream.write_all(b"k").await.unwrap();
    until(&mut client, b"k").await;
}

#[tokio::test]
async fn who_leaves_in_the_middle_of_an_answer_or_an_upload_ends_it_at_the_server_too() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = Gateway::start(config(server.local_addr().unwrap().port())).await.unwrap();
    let port = gateway.port();
    for (head, sent, answer) in [
        ("GET /a HTTP/1.1\r\n", "\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst"),
        ("PUT /a HTTP/1.1\r\nContent-Length: 10\r\n", "\r\nfirst", ""),
    ] {
        let mut client = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let request = format!("{head}Host: 127.0.0.1:{port}\r\n{}{sent}", key());
        client.write_all(request.as_bytes()).await.unwrap();
        let (mut upstream, _) = server.accept().await.unwrap();
        until(&mut upstream, sent.as_bytes()).await;
        upstream.write_all(answer.as_bytes()).await.unwrap();
        if !answer.is_empty() {
            until(&mut client, b"first").await;
        }
        drop(client);
        let ended = timeout(Duration::from_secs(1), upstream.read(&mut [0; 64])).await;
        assert_eq!(ended.expect("the server is told within a second").unwrap_or(0), 0, "{head}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_before_the_server_does_it() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = Gateway::start(config(server.local_addr().unwrap().port())).await.unwrap();
    let asked = tokio::spawn(async move {
        ask(&gateway, "GET /api/a", &key()).await;
        gateway
    });
    let (mut upstream, _) = server.accept().await.unwrap();
    until(&mut upstream, b"\r\n\r\n").await;
    upstream.write_all(ok("application/json", "[]").as_bytes()).await.unwrap();
    let _gateway = asked.await.unwrap();
    let began = tokio::time::Instant::now();
    let ended = timeout(Duration::from_secs(5), upstream.read(&mut [0; 1])).await;
    assert_eq!(ended.expect("prefect server start closes after 5 s").unwrap(), 0);
    assert!(began.elapsed() >= Duration::from_secs(3), "it was kept");
}
