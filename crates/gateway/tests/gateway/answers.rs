//! What the visitor gets.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::acceptance::held;
use crate::support::*;

#[tokio::test]
async fn what_would_bind_or_open_the_browser_is_stripped_and_links_stay_inside() {
    let server = Server::start(|request| {
        let own = request.all("host")[0];
        Some(
            format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nStrict-Transport-Security: max-age=1\r\n\
                 Alt-Svc: h3=\":443\"\r\nClear-Site-Data: \"*\"\r\nAccess-Control-Allow-Origin: *\r\n\
                 Access-Control-Allow-Credentials: true\r\nPostern-Fault: not_let_in\r\nKeep-Alive: timeout=5\r\nConnection: X-Named\r\nX-Named: 1\r\n\
                 Content-Security-Policy: default-src 'self' http://{own}; upgrade-insecure-requests\r\n\
                 Link: <http://{own}/a>; rel=preload, <https://elsewhere.example/b>; rel=x\r\n\
                 Refresh: 5; url=http://{own}/soon\r\nX-Kept: yes\r\nContent-Length: 2\r\n\r\nhi"
            )
            .into_bytes(),
        )
    })
    .await;
    let gateway = gateway(&server).await;
    let answer = ask(&gateway, "GET /", &key()).await;
    let ours = gateway.origin();
    for (line, name) in [
        ("E60", "strict-transport-security"),
        ("E60", "alt-svc"),
        ("E60", "clear-site-data"),
        ("A14", "access-control-allow-origin"),
        ("A14", "access-control-allow-credentials"),
        ("D43", "keep-alive"),
        ("D42", "x-named"),
        ("D43", "postern-fault"),
    ] {
        assert!(header(&answer, name).is_empty(), "{name}");
        held(line);
    }
    assert_eq!(header(&answer, "x-kept"), ["yes"]);
    assert_eq!(
        header(&answer, "content-security-policy"),
        [format!("default-src 'self' {ours}"), "frame-ancestors 'self'".to_owned()]
    );
    assert_eq!(header(&answer, "link"), [format!("<{ours}/a>; rel=preload, <https://elsewhere.example/b>; rel=x")]);
    assert_eq!(header(&answer, "refresh"), [format!("5; url={ours}/soon")]);
    assert_eq!(body(&answer), "hi");
    held("A16");
}

#[tokio::test]
async fn redirects_are_mapped_or_passed_on_but_never_followed() {
    let server = Server::start(|request| {
        let own = request.all("host")[0];
        let to = match request.target() {
            "/own" => format!("http://{own}/v2/x?y#z"),
            "/relative" => "/v2/".to_owned(),
            "/https" => format!("https://{own}/v2/"),
            "/userinfo" => format!("http://u@{own}/v2/"),
            "/port" => "http://127.0.0.1:1/v2/".to_owned(),
            "/no-scheme" => "//evil.example/".to_owned(),
            _ => "https://evil.example/".to_owned(),
        };
        Some(format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n").into_bytes())
    })
    .await;
    let gateway = gateway(&server).await;
    let (ours, theirs) = (gateway.origin(), format!("127.0.0.1:{}", server.port));
    for (line, path, expected) in [
        ("E54", "/own", format!("{ours}/v2/x?y#z")),
        ("E54", "/relative", "/v2/".to_owned()),
        ("E54", "/https", format!("https://{theirs}/v2/")),
        ("E54", "/userinfo", format!("http://u@{theirs}/v2/")),
        ("E54", "/port", "http://127.0.0.1:1/v2/".to_owned()),
        ("E54", "/no-scheme", "//evil.example/".to_owned()),
        ("E53", "/foreign", "https://evil.example/".to_owned()),
    ] {
        let answer = ask(&gateway, &format!("GET {path}"), &key()).await;
        assert_eq!((status(&answer), header(&answer, "location")), (307, vec![expected.as_str()]), "{path}");
        held(line);
    }
    assert_eq!(server.received().len(), 7, "each was asked for once");
}

#[tokio::test]
async fn ui_settings_point_the_page_at_the_door_it_came_through() {
    const SETTINGS: &str = r#"{"api_url":"http://0.0.0.0:4200/api","csrf_enabled":true,"auth":"BASIC","flags":[]}"#;
    let server = Server::start(|request| {
        assert!(request.all("if-none-match").is_empty(), "must come whole");
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(SETTINGS.as_bytes()).unwrap();
        let body = gzip.finish().unwrap();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nETag: \"x\"\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        Some([head.into_bytes(), body].concat())
    })
    .await;
    let gateway = gateway(&server).await;
    let port = gateway.port();
    let cookie = enter(&gateway).await;
    for host in [format!("127.0.0.1:{port}"), format!("prod.localhost:{port}")] {
        let request = format!(
            "GET /ui-settings HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{cookie}If-None-Match: \"x\"\r\nAccept-Encoding: gzip\r\n\r\n"
        );
        let answer = crate::support::raw(&gateway, request).await;
        let expected = format!(r#"{{"api_url":"http://{host}/api","csrf_enabled":true,"auth":null,"flags":[]}}"#);
        assert_eq!(body(&answer), expected);
        assert_eq!(header(&answer, "content-length"), [expected.len().to_string()]);
        assert!(header(&answer, "content-encoding").is_empty() && header(&answer, "etag").is_empty());
        held("F64");
        held("F67");
    }
}

/// How much of this process lies in memory, in bytes.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[tokio::test]
async fn settings_that_are_none_are_refused_or_left_and_a_bomb_does_not_go_off() {
    // A gigabyte of spaces: one block that stands for itself, a thousand times.
    let (mut block, mut deflate) = (Vec::with_capacity(1 << 20), flate2::Compress::new(Compression::best(), false));
    deflate.compress_vec(&[b' '; 1 << 20], &mut block, flate2::FlushCompress::Full).unwrap();
    let bomb = [b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec(), block.repeat(1024)].concat();
    let with = |head: &str, body: &[u8]| {
        let head = format!("HTTP/1.1 200 OK\r\n{head}Content-Length: {}\r\n\r\n", body.len());
        [head.into_bytes(), body.to_vec()].concat()
    };
    let json = "Content-Type: application/json\r\n";
    let long = format!("{{\"api_url\":\"x\",\"more\":\"{}\"}}", "x".repeat(2 << 20));
    for (line, method, answer, expected) in [
        ("F65", "GET", with(&format!("{json}Content-Encoding: gzip\r\n"), &bomb), 502),
        ("F65", "GET", with(json, long.as_bytes()), 502),
        ("F66", "GET", with(json, b"{\"api_url\":"), 502),
        ("F66", "GET", with(json, b"[]"), 502),
        ("F66", "GET", with(json, b""), 502),
        ("F66", "GET", with(&format!("{json}Content-Encoding: gzip\r\n"), b"not gzip"), 502),
        ("F66", "GET", with("Content-Type: text/html\r\n", b"<html>"), 401),
        ("F66", "GET", b"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n".to_vec(), 304),
        (
            "F66",
            "GET",
            b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/9\r\nContent-Length: 2\r\n\r\n{\"".to_vec(),
            206,
        ),
        (
            "F66",
            "HEAD",
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n".to_vec(),
            200,
        ),
    ] {
        let server = Server::start(move |_| Some(answer.clone())).await;
        let gateway = gateway(&server).await;
        let before = resident();
        let answer = ask(&gateway, &format!("{method} /ui-settings"), &key()).await;
        let grown = resident().saturating_sub(before);
        assert_eq!(status(&answer), expected, "{line} {answer}");
        // Other tests run in this process meanwhile; a bomb's gigabyte would still show.
        assert!(grown < 512 << 20, "{line}: {grown} bytes");
        held(line);
    }
}

#[tokio::test]
async fn assets_with_a_hash_in_their_name_never_change() {
    let server = Server::always(&ok("text/javascript", "x")).await;
    let gateway = gateway(&server).await;
    let hashed = ask(&gateway, "GET /v2/assets/index-BxJ1c2d3.js", &key()).await;
    assert_eq!(header(&hashed, "cache-control"), ["private, max-age=31536000, immutable"]);
    let plain = ask(&gateway, "GET /v2/favicon.svg", &key()).await;
    assert!(header(&plain, "cache-control").is_empty());
}

#[tokio::test]
async fn bodiless_and_ranged_answers_pass() {
    let server = Server::start(|request| {
        Some(match request.target() {
            "/head" => b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n".to_vec(),
            "/none" => b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n".to_vec(),
            "/part" => {
                b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/9\r\nContent-Length: 2\r\n\r\nab".to_vec()
            }
            "/odd" => b"HTTP/1.1 299 Odd\r\nContent-Length: 0\r\n\r\n".to_vec(),
            _ => b"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n".to_vec(),
        })
    })
    .await;
    let gateway = gateway(&server).await;
    for (line, expected) in
        [("HEAD /head", 200), ("GET /none", 204), ("GET /part", 206), ("GET /odd", 299), ("GET /same", 304)]
    {
        assert_eq!(status(&ask(&gateway, line, &key()).await), expected, "{line}");
    }
    // Answers before the answer are not passed on, and the answer is unharmed.
    for before in
        ["102 Processing\r\n\r\n", "103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n", "100 Continue\r\n\r\n"]
    {
        let early = Server::always(&format!("HTTP/1.1 {before}{}", ok("text/plain", "whole"))).await;
        let answer = ask(&crate::support::gateway(&early).await, "GET /api/a", &key()).await;
        assert_eq!((status(&answer), body(&answer), header(&answer, "link").len()), (200, "whole", 0), "{before}");
        held("E63");
    }
    let head = ask(&gateway, "HEAD /head", &key()).await;
    assert_eq!((header(&head, "content-length"), body(&head)), (vec!["5"], ""));
    assert!(header(&ask(&gateway, "GET /none", &key()).await, "content-length").is_empty());
}
