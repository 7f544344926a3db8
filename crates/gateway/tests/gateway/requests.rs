//! What the server receives.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use postern_gateway::{Config, EdgeCredential, Gateway, Health, Secret, UserPassword};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::acceptance::held;
use crate::support::*;

#[tokio::test]
async fn the_profiles_credential_and_headers_arrive_once_whatever_the_client_sends() {
    let server = Server::always(&ok("application/json", "[]")).await;
    let mut config = config(server.port);
    config.remote.headers = vec![(http::HeaderName::from_static("x-secret"), Secret::new("header-canary"))];
    let gateway = Gateway::start(config).await.unwrap();
    let cookie = enter(&gateway).await;
    for (line, headers) in [
        ("D40", key()),
        ("D40", format!("Authorization: Bearer {KEY}\r\n")),
        ("D40", format!("{cookie}Authorization: Basic Zm9yZ2VkOmZvcmdlZA==\r\n")),
        ("D40", format!("{cookie}Authorization: Basic eDp5\r\nAuthorization: Bearer z\r\n")),
        ("D40", format!("{cookie}X-Secret: forged\r\nX-Secret: again\r\n")),
        ("D41", format!("{}Connection: authorization, x-secret\r\n", key())),
        ("D42", format!("{}Connection: x-other\r\nConnection: x-more, X-Named\r\nX-Named: 1\r\n", key())),
    ] {
        assert_eq!(status(&ask(&gateway, "GET /api/flows", &headers).await), 200, "{headers}");
        let received = server.received().pop().unwrap();
        assert_eq!(received.all("authorization"), [basic(&format!("admin:{PASSWORD}"))], "{headers}");
        assert_eq!(received.all("x-secret"), ["header-canary"], "{headers}");
        assert!(received.all("x-named").is_empty());
        held(line);
    }
}

#[tokio::test]
async fn what_is_ours_or_for_one_hop_stays_here() {
    let server = Server::always(&ok("application/json", "[]")).await;
    let gateway = gateway(&server).await;
    let (cookie, port) = (enter(&gateway).await, gateway.port());
    let session = cookie.trim_end().to_owned();
    let headers = format!(
        "{session}; prefect_ui_version=v2\r\nOrigin: http://127.0.0.1:{port}\r\n\
         Referer: http://127.0.0.1:{port}/v2/runs?a=b\r\nX-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n\
         X-Forwarded-Host: evil.com\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: trailers\r\n\
         X-Forwarded-Proto: https\r\nX-Real-IP: 6.6.6.6\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\
         Proxy-Authorization: Basic eDp5\r\nTrailer: X-T\r\nPrefect-Csrf-Token: token\r\nX-Custom: kept\r\n"
    );
    assert_eq!(status(&ask(&gateway, "GET /api/flows?x=%2F&y=a+b", &headers).await), 200);
    let received = server.only();
    assert_eq!(received.line(), "GET /api/flows?x=%2F&y=a+b HTTP/1.1");
    let upstream = format!("127.0.0.1:{}", server.port);
    for (name, expected) in [
        ("host", vec![upstream.clone()]),
        ("origin", vec![format!("http://{upstream}")]),
        ("referer", vec![format!("http://{upstream}/v2/runs?a=b")]),
        ("cookie", vec!["prefect_ui_version=v2".to_owned()]),
        ("prefect-csrf-token", vec!["token".to_owned()]),
        ("x-custom", vec!["kept".to_owned()]),
    ] {
        assert_eq!(received.all(name), expected, "{name}");
    }
    for (line, name) in [
        ("A7", "x-forwarded-for"),
        ("A7", "x-forwarded-host"),
        ("A7", "x-forwarded-proto"),
        ("A7", "x-real-ip"),
        ("A7", "forwarded"),
        ("D43", "keep-alive"),
        ("D43", "proxy-connection"),
        ("D43", "proxy-authorization"),
        ("D43", "te"),
        ("D43", "trailer"),
        ("D43", "http2-settings"),
    ] {
        assert!(received.all(name).is_empty(), "{name}");
        held(line);
    }
    // Neither our session nor the key, wherever they were put.
    let keyed = format!("{}Referer: http://127.0.0.1:{port}/?key={KEY}\r\n", key());
    assert_eq!(status(&ask(&gateway, "GET /api/flows", &keyed).await), 200);
    for received in server.received() {
        assert!(
            !received.head.contains(cookie.trim_end()) && !received.head.contains(&basic(&format!("postern:{KEY}")))
        );
    }
    held("B21");
}

#[tokio::test]
async fn bodies_stream_with_their_framing() {
    let server = Server::always(&ok("application/json", "[]")).await;
    let gateway = gateway(&server).await;
    let sized = format!("{}Content-Length: 5\r\n\r\nhello", key());
    assert_eq!(status(&ask(&gateway, "POST /api/flows/filter", &sized).await), 200);
    let chunked = format!("{}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", key());
    assert_eq!(status(&ask(&gateway, "POST /api/flows/filter", &chunked).await), 200);
    let [sized, chunked] = &server.received()[..] else { panic!() };
    assert_eq!((sized.all("content-length"), &sized.body[..]), (vec!["5"], &b"hello"[..]));
    assert_eq!(
        (chunked.all("transfer-encoding"), &chunked.body[..]),
        (vec!["chunked"], &b"5\r\nhello\r\n0\r\n\r\n"[..])
    );
}

#[tokio::test]
async fn the_servers_cookies_stay_with_the_gateway() {
    let server = Server::always(
        "HTTP/1.1 200 OK\r\nSet-Cookie: edge=abc; Secure; HttpOnly; Path=/\r\nSet-Cookie: two=2\r\nContent-Length: 0\r\n\r\n",
    )
    .await;
    let gateway = gateway(&server).await;
    let first = ask(&gateway, "GET /api/flows", &key()).await;
    assert!(header(&first, "set-cookie").is_empty());
    ask(&gateway, "GET /api/flows", &format!("{}Cookie: page=1; two=forged\r\n", key())).await;
    let received = server.received();
    assert!(received[0].all("cookie").is_empty());
    let sent = received[1].all("cookie").concat();
    let mut sent: Vec<&str> = sent.split("; ").collect();
    sent.sort_unstable();
    // Loopback counts as secure, as in browsers.
    assert_eq!(sent, ["edge=abc", "page=1", "two=2"]);
}

#[tokio::test]
async fn one_profiles_cookies_never_reach_anothers_server() {
    let setting = "HTTP/1.1 200 OK\r\nSet-Cookie: edge=abc; Path=/\r\nContent-Length: 0\r\n\r\n";
    let (one, other) = (Server::always(setting).await, Server::always(setting).await);
    let (first, second) = (gateway(&one).await, gateway(&other).await);
    ask(&first, "GET /api/flows", &key()).await;
    ask(&second, "GET /api/flows", &key()).await;
    ask(&first, "GET /api/flows", &key()).await;
    let cookies = |server: &Server| server.received().iter().map(|one| one.all("cookie").concat()).collect::<Vec<_>>();
    assert_eq!((cookies(&one), cookies(&other)), (vec![String::new(), "edge=abc".into()], vec![String::new()]));
    held("E59");
}

#[tokio::test]
async fn a_password_that_is_not_ascii_is_sent_in_utf_8() {
    let server = Server::always(&ok("application/json", "[]")).await;
    let mut config = config(server.port);
    for (line, user, password) in [("D51", "j\u{fc}rgen", "p\u{e4}ss:w\u{f6}rd"), ("D51", "a", "\u{1f511}")] {
        let credential = UserPassword { username: user.into(), password: Secret::new(password) };
        config.remote.edge = Some(EdgeCredential::Basic(credential));
        let gateway = Gateway::start(config.clone()).await.unwrap();
        assert_eq!(status(&ask(&gateway, "GET /api/flows", &key()).await), 200);
        let received = server.received().pop().unwrap();
        assert_eq!(received.all("authorization"), [basic(&format!("{user}:{password}"))]);
        held(line);
    }
}

#[tokio::test]
async fn a_base_path_and_an_api_elsewhere_are_reached() {
    let server = Server::always(&ok("text/plain", "ok")).await;
    let mut config = config(server.port);
    config.remote.url = format!("http://127.0.0.1:{}/prefect/", server.port).parse().unwrap();
    config.remote.api_url = Some(format!("http://127.0.0.1:{}/other/api", server.port).parse().unwrap());
    let gateway = Gateway::start(config).await.unwrap();
    for (path, expected) in [
        ("/", "/prefect/"),
        ("/prefect/assets/x.js", "/prefect/assets/x.js"),
        ("/assets/x.js", "/prefect/assets/x.js"),
        ("/api/flows?limit=1", "/other/api/flows?limit=1"),
        ("//evil.example/x", "/prefect//evil.example/x"),
        ("/\\evil.example/x", "/prefect/\\evil.example/x"),
        ("/a/../b", "/prefect/a/../b"),
        ("/a/%2e%2e/b%2Fc;d=1?e=%252e&f=..", "/prefect/a/%2e%2e/b%2Fc;d=1?e=%252e&f=.."),
        ("/a%252e/%7e~", "/prefect/a%252e/%7e~"),
    ] {
        assert_eq!(status(&ask(&gateway, &format!("GET {path}"), &key()).await), 200, "{path}");
        assert_eq!(server.received().pop().unwrap().target(), expected, "{path}");
        held(if path.contains("evil") { "D48" } else { "D49" });
    }
    let seen = server.received().len();
    for path in [
        "/../secret",
        "/%2e%2e/secret",
        "/.%2E/secret",
        "/api/../x",
        "/prefect/..%2fsecret",
        "/..;x=1/secret",
        "/..\\secret",
        "/..%5csecret",
        "/%252e%252e/secret",
        "/%25252e%25252e%25252fsecret",
        "/a/../../secret",
    ] {
        assert_eq!(status(&ask(&gateway, &format!("GET {path}"), &key()).await), 400, "{path}");
        assert_eq!(server.received().len(), seen, "{path}");
        held("D49");
    }
}

#[tokio::test]
async fn a_read_only_profile_reads_and_does_not_write() {
    let server = Server::always(&ok("application/json", "[]")).await;
    let gateway = Gateway::start(Config { read_only: true, ..config(server.port) }).await.unwrap();
    let post = format!("{}Content-Length: 2\r\n\r\n{{}}", key());
    assert_eq!(status(&ask(&gateway, "POST /api/flows/filter", &post).await), 200);
    assert_eq!(status(&ask(&gateway, "GET /api/flows/1", &key()).await), 200);
    let seen = server.received().len();
    for line in ["POST /api/flows/", "DELETE /api/flows/1", "POST /x/%2e%2e/api/flows/", "POST /%61pi/flows/"] {
        let answer = ask(&gateway, line, &post).await;
        assert_eq!(status(&answer), 403, "{line}");
        assert!(answer.contains("\"code\":\"read_only\"") && answer.contains("Production"), "{answer}");
    }
    assert_eq!(server.received().len(), seen);
}

#[tokio::test]
async fn a_read_only_profile_reveals_no_secrets_and_passes_the_rest_byte_for_byte() {
    let server = Server::always(&ok("application/json", "[]")).await;
    let open = gateway(&server).await;
    let closed = Gateway::start(Config { read_only: true, ..config(server.port) }).await.unwrap();
    let sized = |body: &str| format!("Content-Length: {}\r\n\r\n{body}", body.len());
    let asks = r#"{"include_secrets": true}"#;
    let odd = "{ \"offset\":0,\"offset\" : 1.50, \"include_secrets\":false}\n";
    let long = format!("{{\"x\": \"{}\"}}", "x".repeat(256 * 1024));
    let chunked = |body: &str| {
        format!(
            "Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n{:x}\r\n{}\r\n0\r\n",
            &body[..1],
            body.len() - 1,
            &body[1..]
        )
    };
    for (query, rest, expected) in [
        ("", sized(odd), Ok(odd)),
        ("", chunked(odd), Ok(odd)),
        ("", sized(""), Ok("")),
        ("?include_secrets=0", sized(odd), Ok(odd)),
        ("?include_secrets=1", sized(odd), Err("asks for them")),
        ("", sized(asks), Err("asks for them")),
        ("", chunked(asks), Err("asks for them")),
        (
            "",
            format!("Content-Type: text/plain\r\nX-HTTP-Method-Override: GET\r\n{}", sized(asks)),
            Err("asks for them"),
        ),
        ("", format!("Content-Encoding: gzip\r\n{}", sized(odd)), Err("compressed")),
        ("", sized("limit=5"), Err("no JSON object")),
        ("", sized(&long), Err("over 256 KiB")),
        ("", chunked(&long), Err("over 256 KiB")),
    ] {
        let line = format!("POST /api/block_documents/filter{query}");
        let seen = server.received().len();
        let answer = ask(&closed, &line, &format!("{}{rest}", key())).await;
        match expected {
            Ok(sent) => {
                assert_eq!(status(&answer), 200, "{line} {rest} {answer}");
                assert_eq!(server.received().pop().unwrap().body, sent.as_bytes(), "{rest}");
            }
            Err(why) => {
                assert_eq!(
                    (status(&answer), header(&answer, "postern-fault")),
                    (403, vec!["secrets_refused"]),
                    "{rest}"
                );
                assert!(body(&answer).contains("Production") && body(&answer).contains(why), "{answer}");
                assert_eq!(server.received().len(), seen, "{rest}");
                // Not a matter of a profile that may write.
                assert_eq!(status(&ask(&open, &line, &format!("{}{rest}", key())).await), 200);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_upload_arrives_and_one_that_stops_is_not_the_servers_fault() {
    let server = Server::always(&ok("application/json", "[]")).await;
    let gateway = gateway(&server).await;
    // Pieces of so many bytes, each after so many seconds; how many come, and how many were promised.
    for (piece, pause, come, promised, expected, code) in [
        (1024, 100, 5, 5, 200, &[][..]),
        (1024, 100, 5, 6, 408, &["upload_stalled"]),
        (1, 1, 200, 200, 408, &["upload_stalled"]),
    ] {
        let mut stream = TcpStream::connect(("127.0.0.1", gateway.port())).await.unwrap();
        let head = format!(
            "POST /api/flows/filter HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n{}Content-Length: {}\r\n\r\n",
            gateway.port(),
            key(),
            promised * piece,
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        for _ in 0..come {
            tokio::time::sleep(Duration::from_secs(pause)).await;
            if stream.write_all(&vec![b'x'; piece]).await.is_err() {
                break;
            }
        }
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap_or_default();
        let answer = String::from_utf8_lossy(&answer);
        assert_eq!((status(&answer), &header(&answer, "postern-fault")[..]), (expected, code));
        assert_eq!(gateway.status().borrow().health, Health::Up);
        held("G68");
    }
    assert_eq!(server.only().body.len(), 5 * 1024);
}

#[tokio::test]
async fn a_cookie_that_is_not_ascii_neither_locks_out_nor_lets_ours_through() {
    let server = Server::always(&ok("application/json", "[]")).await;
    let gateway = gateway(&server).await;
    let cookie = enter(&gateway).await;
    let both = format!("{}; caf\u{e9}=1\r\n", cookie.trim_end());
    for headers in [both.clone(), format!("{}{both}", key())] {
        assert_eq!(status(&ask(&gateway, "GET /api/flows", &headers).await), 200, "{headers}");
        assert_eq!(server.received().pop().unwrap().all("cookie"), ["caf\u{e9}=1"], "{headers}");
    }
}

#[tokio::test]
async fn a_program_that_knows_no_csrf_tokens_gets_one_and_those_who_bring_their_own_do_not() {
    // The token is `t` and the count of those given; the server takes only the last.
    let given = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&given);
    let server = Server::start(move |request| {
        let current = format!("t{}", count.load(Ordering::Relaxed));
        let answer = if request.target().starts_with("/api/csrf-token?client=") {
            let next = count.fetch_add(1, Ordering::Relaxed) + 1;
            ok("application/json", &format!("{{\"token\":\"t{next}\"}}"))
        } else if request.all("prefect-csrf-token") == [current.as_str()] {
            ok("application/json", &String::from_utf8_lossy(&request.body))
        } else {
            ok("application/json", r#"{"detail":"Invalid CSRF token or client identifier."}"#)
                .replace("200 OK", "403 Forbidden")
        };
        Some(answer.into_bytes())
    })
    .await;
    let gateway = gateway(&server).await;
    let post = format!("{}Content-Length: 5\r\n\r\nhello", key());
    let asked = || given.load(Ordering::Relaxed);

    for _ in 0..2 {
        let answer = ask(&gateway, "POST /api/flows/filter", &post).await;
        assert_eq!((status(&answer), body(&answer), asked()), (200, "hello", 1));
    }
    // The server has forgotten it: it is asked for another, once.
    given.store(7, Ordering::Relaxed);
    let answer = ask(&gateway, "POST /api/flows/filter", &post).await;
    assert_eq!((status(&answer), body(&answer), asked()), (200, "hello", 8));

    // Those who bring their own, and pages, are on their own; and what reads needs none.
    let own = format!("{}Prefect-Csrf-Token: mine\r\nPrefect-Csrf-Client: me\r\nContent-Length: 0\r\n", key());
    let page = format!("{}Content-Length: 0\r\n", enter(&gateway).await);
    for (line, headers, token) in [("POST", own, vec!["mine"]), ("DELETE", page, vec![]), ("GET", key(), vec![])] {
        assert_eq!(status(&ask(&gateway, &format!("{line} /api/flows/a"), &headers).await), 403);
        assert_eq!((server.received().pop().unwrap().all("prefect-csrf-token"), asked()), (token, 8), "{line}");
    }
}

#[tokio::test]
async fn a_server_without_csrf_protection_is_asked_for_a_token_once() {
    let server = Server::start(|request| {
        let known = !request.target().starts_with("/api/csrf-token");
        let answer = ok("application/json", "[]");
        Some(if known { answer } else { answer.replace("200 OK", "422 Unprocessable Entity") }.into_bytes())
    })
    .await;
    let gateway = gateway(&server).await;
    for _ in 0..3 {
        let answer = ask(&gateway, "POST /api/flows/filter", &format!("{}Content-Length: 2\r\n\r\n{{}}", key())).await;
        assert_eq!(status(&answer), 200);
    }
    let targets: Vec<String> = server.all_received().iter().map(|request| request.target().to_owned()).collect();
    assert_eq!(targets.iter().filter(|target| target.contains("csrf")).count(), 1, "{targets:?}");
    assert!(server.all_received().iter().all(|request| request.all("prefect-csrf-token").is_empty()));
}
