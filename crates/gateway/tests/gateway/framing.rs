//! Where a request ends: read in one way or refused, with raw sockets on both sides.
//!
//! Every attack carries a second request behind it, which a lenient reader would answer or pass on.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::acceptance::held;
use crate::support::*;

const SMUGGLED: &str = "GET /api/smuggled HTTP/1.1\r\nHost: HOST\r\nKEY\r\n\r\n";

/// Sends `bytes`, in which `HOST` and `KEY` stand for what lets a request in.
async fn send(gateway: &postern_gateway::Gateway, bytes: &str) -> String {
    let host = format!("127.0.0.1:{}", gateway.port());
    raw(gateway, bytes.replace("HOST", &host).replace("KEY\r\n", &key())).await
}

/// How many answers there are.
fn answers(text: &str) -> usize {
    (1..6).map(|class| text.matches(&format!("HTTP/1.1 {class}")).count()).sum()
}

#[tokio::test]
async fn what_has_two_readings_is_refused_and_the_server_sees_nothing() {
    const POST: &str = "POST /api/flows/filter HTTP/1.1\r\nHost: HOST\r\nKEY\r\n";
    let with = |fields: &str, body: &str| format!("{POST}{fields}\r\n\r\n{body}");
    let head = |start: &str| format!("{start}\r\nHost: HOST\r\nKEY\r\n\r\n");
    let server = Server::always(&ok("application/json", "[]")).await;
    let gateway = gateway(&server).await;
    let mut cases = Vec::new();
    for (line, fields) in [
        ("C26", "Content-Length: 5\r\nTransfer-Encoding: chunked"),
        ("C26", "Transfer-Encoding: chunked\r\nContent-Length: 5"),
        ("C27", "Content-Length: 5\r\nContent-Length: 5"),
        ("C27", "Content-Length: 5\r\nContent-Length: 6"),
        ("C27", "Content-Length: 5, 5"),
        ("C27", "Content-Length: +1"),
        ("C27", "Content-Length: 0x1"),
        ("C27", "Content-Length: 010"),
        ("C27", "Content-Length:"),
        ("C27", "Content-Length: -1"),
        ("C27", "Content-Length: 18446744073709551616"),
        ("C29", "Content-Length : 5"),
        ("C28", "Transfer-Encoding: xchunked"),
        ("C28", "Transfer-Encoding: ,chunked"),
        ("C28", "Transfer-Encoding: chunked, chunked"),
        ("C28", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
        ("C28", "Transfer-Encoding: gzip, chunked"),
        ("C28", "Transfer-Encoding: identity"),
        ("C28", "Transfer-Encoding: \x0bchunked"),
        ("C28", "Transfer-Encoding: chunked\x0c"),
        ("C29", "Transfer-Encoding : chunked"),
        ("C29", "Transfer-Encoding:\r\n chunked"),
        ("C29", " Transfer-Encoding: chunked"),
        ("C29", "X: y\r\n\tTransfer-Encoding: chunked"),
        ("C29", "no colon"),
        ("C29", "two words: x"),
        ("C30", "X: a\rTransfer-Encoding: chunked"),
        ("C30", "X: a\0b"),
        ("C30", "X: a\nTransfer-Encoding: chunked"),
        ("C30", "Transfer-Encoding: chunked\nX: a"),
        ("D44", "Upgrade: h2c\r\nContent-Length: 5"),
    ] {
        cases.push((line, with(fields, "0\r\n\r\n"), 400));
    }
    for (line, start, status) in [
        ("D47", "GET a HTTP/1.1", 400),
        ("D47", "GET * HTTP/1.1", 400),
        ("D47", "GET ! HTTP/1.1", 400),
        ("D47", "GET /api/a#f HTTP/1.1", 400),
        ("D47", "GET /api/a b HTTP/1.1", 400),
        ("D47", "GET  /api/a HTTP/1.1", 400),
        ("C36", "GET /api/a", 400),
        ("C36", "GET /api/a HTTP/0.9", 505),
        ("C36", "GET /api/a HTTP/1.2", 505),
        ("C36", "GET /api/a HTTP/9.9", 505),
        ("C36", "PRI * HTTP/2.0", 400),
        ("D46", "CONNECT evil.example:443 HTTP/1.1", 405),
        ("D46", "TRACE /api/a HTTP/1.1", 405),
        ("D46", "TRACK /api/a HTTP/1.1", 405),
    ] {
        cases.push((line, head(start), status));
    }
    let old = "POST /api/a HTTP/1.0\r\nHost: HOST\r\nKEY\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    cases.push(("C35", old.to_owned(), 400));
    cases.push(("D52", head(&format!("GET /api/{} HTTP/1.1", "a".repeat(20_000))), 414));
    cases.push(("D52", with(&"X: y\r\n".repeat(110), ""), 431));
    cases.push(("D52", with(&format!("X: {}", "y".repeat(70_000)), ""), 431));
    cases.push(("C37", with("Expect: a-miracle", ""), 417));
    for (line, attack, expected) in &cases {
        // Refused methods are framed well: what follows them is another request, and would be answered.
        let follower = if *expected == 405 || *expected == 417 { "" } else { SMUGGLED };
        let close =
            if follower.is_empty() { attack.replace("Host: ", "Connection: close\r\nHost: ") } else { attack.clone() };
        let answer = send(&gateway, &format!("{close}{follower}")).await;
        let shown = &attack[..attack.len().min(200)];
        assert_eq!((status(&answer), answers(&answer)), (*expected, 1), "{shown:?}\n{answer}");
        assert_eq!(header(&answer, "postern-fault").len(), 1, "{shown:?}\n{answer}");
        assert_eq!(server.received().len(), 0, "{shown:?}");
        held(line);
    }
}

#[tokio::test]
async fn a_body_with_two_readings_never_arrives_whole() {
    let server = Server::always(&ok("application/json", "[]")).await;
    let gateway = gateway(&server).await;
    for (line, body) in [
        ("C31", "0_2e\r\n"),
        ("C31", "-1\r\n"),
        ("C31", "0x1\r\na\r\n0\r\n\r\n"),
        ("C31", "fffffffffffffffff\r\n"),
        ("C31", " 1\r\na\r\n0\r\n\r\n"),
        ("C31", "1 \r\na\r\n0\r\n\r\n"),
        ("C31", "1;\r\na\r\n0\r\n\r\n"),
        ("C31", "1;a=\x01\r\na\r\n0\r\n\r\n"),
        ("C31", "1;a\nb\r\na\r\n0\r\n\r\n"),
        ("C31", "1\na\n0\n\n"),
        ("C32", "1\r\nab\r\n0\r\n\r\n"),
        ("C32", "1\r\na0\r\n\r\n"),
        ("C29", "0\r\nX : y\r\n\r\n"),
        ("C29", "0\r\n X: y\r\n\r\n"),
    ] {
        let head = "POST /api/flows/filter HTTP/1.1\r\nHost: HOST\r\nKEY\r\nTransfer-Encoding: chunked\r\n\r\n";
        let answer = send(&gateway, &format!("{head}{body}{SMUGGLED}")).await;
        assert_eq!((status(&answer), answers(&answer)), (400, 1), "{body:?}\n{answer}");
        assert_eq!(server.received().len(), 0, "{body:?}");
        held(line);
    }
}

#[tokio::test]
async fn what_has_one_reading_passes_and_answers_keep_their_order() {
    let server = Server::start(|request| Some(ok("text/plain", request.target()).into_bytes())).await;
    let gateway = gateway(&server).await;
    let get = |path: &str| format!("GET /api/{path} HTTP/1.1\r\nHost: HOST\r\nKEY\r\n\r\n");
    let last = |path: &str| get(path).replace("Host: ", "Connection: close\r\nHost: ");
    let post = "POST /api/post HTTP/1.1\r\nHost: HOST\r\nKEY\r\nContent-Length: 5\r\n\r\nhello".to_owned();

    let answer = send(&gateway, &[get("one"), get("two"), post.clone(), last("three")].concat()).await;
    let order: Vec<&str> = ["/api/one", "/api/two", "/api/post", "/api/three"].to_vec();
    assert_eq!(server.received().iter().map(|request| request.target().to_owned()).collect::<Vec<_>>(), order);
    assert_eq!(answer.matches("200 OK").count(), 4, "{answer}");
    assert!(order.windows(2).all(|pair| answer.find(pair[0]) < answer.find(pair[1])), "{answer}");
    held("C34");

    // What comes after a body and is no request is refused, when the request before it has been answered.
    let overrun = send(&gateway, &format!("{post}, and more\r\n\r\n{SMUGGLED}")).await;
    assert_eq!((answers(&overrun), overrun.matches("400 Bad Request").count()), (2, 1), "{overrun}");
    held("C32");

    // Bodies of those that seldom have one are bodies, not requests.
    for method in ["GET", "OPTIONS", "DELETE"] {
        let before = server.received().len();
        let body = SMUGGLED.replace("HOST", "127.0.0.1").replace("KEY\r\n", "");
        let request = format!(
            "{method} /api/odd HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\nKEY\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = send(&gateway, &request).await;
        assert_eq!((status(&answer), answers(&answer)), (200, 1), "{method}: {answer}");
        assert_eq!(server.received().len() - before, 1, "{method}");
        held("C33");
    }
}

#[tokio::test]
async fn a_head_may_come_a_byte_at_a_time() {
    let server = Server::always(&ok("application/json", "[]")).await;
    let gateway = gateway(&server).await;
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.port())).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let port = gateway.port();
    let request = format!("GET /api/a HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{}\r\n", key());
    for byte in request.bytes() {
        stream.write_all(&[byte]).await.unwrap();
        tokio::time::sleep(Duration::from_micros(100)).await;
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert_eq!(status(&answer), 200);
    held("C39");
}

#[tokio::test(start_paused = true)]
async fn a_head_that_is_never_finished_is_given_up() {
    let server = Server::always(&ok("application/json", "[]")).await;
    let gateway = gateway(&server).await;
    for part in ["G", "GET /api/a HTTP/1.1\r\nHost: HOST\r\n", "GET /api/a HTTP/1.1\r\nHost: HOST\r\nKEY\r\n\r\nGET /"]
    {
        let began = tokio::time::Instant::now();
        let answer = send(&gateway, part).await;
        assert!(answer.contains("HTTP/1.1 408 ") && answer.contains("head_timeout"), "{part:?} {answer}");
        assert_eq!(began.elapsed().as_secs(), 30, "{part:?}");
        held("G68");
    }
}

#[tokio::test]
async fn who_expects_to_be_told_to_go_on_is_told_once() {
    let server = Server::always(&ok("application/json", "[]")).await;
    let gateway = gateway(&server).await;
    let port = gateway.port();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let head = format!(
        "POST /api/a HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n",
        key()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut word = [0; 25];
    stream.read_exact(&mut word).await.unwrap();
    assert_eq!(&word, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"hello").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && !answer.contains("100 Continue"), "{answer}");
    assert_eq!(server.only().body, b"hello");
    assert_eq!(server.only().all("expect"), Vec::<&str>::new());
    // Who does not wait need not be told (RFC 9110, section 10.1.1).
    let answer = send(&gateway, "POST /api/a HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\nKEY\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello").await;
    assert_eq!((answer.matches("100 Continue").count(), status(&answer)), (0, 200), "{answer}");
    held("C37");
}

#[tokio::test]
async fn trailers_arrive_nowhere() {
    let server = Server::always(&ok("application/json", "[]")).await;
    let gateway = gateway(&server).await;
    let body =
        "5\r\nhello\r\n0\r\nAuthorization: Basic eDp5\r\nContent-Length: 3\r\nHost: evil.example\r\nX-Sum: 1\r\n\r\n";
    let request = format!(
        "POST /api/a HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\nKEY\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n{body}"
    );
    assert_eq!(status(&send(&gateway, &request).await), 200);
    assert_eq!(server.only().body, b"5\r\nhello\r\n0\r\n\r\n");
    assert_eq!(server.only().all("authorization").len(), 1);
    held("C38");
}

#[tokio::test]
async fn an_answer_with_two_readings_is_no_answer_and_its_connection_is_not_used_again() {
    for (line, answer) in [
        ("E58", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        ("E58", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        ("E58", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk"),
        ("E58", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok"),
        ("E58", "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok"),
        ("E58", "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok"),
        ("E58", "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nok"),
        ("E58", "HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\nok"),
        ("E58", "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        ("E58", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        ("E58", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        ("E57", "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\nok"),
        ("E57", "HTTP/1.1 200 OK\r\nX: a\rY: b\r\nContent-Length: 2\r\n\r\nok"),
        ("E57", "HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 2\r\n\r\nok"),
        ("E57", "HTTP/1.1 200 OK\r\n X: a\r\nContent-Length: 2\r\n\r\nok"),
        ("E57", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok"),
        ("E58", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        ("E58", "HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok"),
        ("E58", "HTTP/9.9 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        ("E58", "HELLO\r\n\r\n"),
    ] {
        let server = Server::always(answer).await;
        let gateway = gateway(&server).await;
        for again in 1..3 {
            let told = ask(&gateway, "GET /api/a", &key()).await;
            assert_eq!((status(&told), header(&told, "postern-fault")), (502, vec!["invalid_answer"]), "{answer:?}");
            assert_eq!(server.connections(), again, "{answer:?}");
        }
        held(line);
    }
}
