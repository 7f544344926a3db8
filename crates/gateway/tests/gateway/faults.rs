//! When the server, its edge or the way there fails: who is told what.

use postern_gateway::{Config, Fault, Gateway, Health, LocalPrograms};

use crate::support::{PASSWORD, Server, ask, body, config, gateway, header, key, ok, status};

const NAVIGATES: &str = "Accept: text/html,*/*\r\nSec-Fetch-Mode: navigate\r\n";

fn html(status: &str, more: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Type: text/html\r\n{more}Content-Length: 6\r\n\r\n<html>")
}

#[tokio::test]
async fn every_failure_is_named_and_told_as_json_to_programs() {
    let challenge = "WWW-Authenticate: Basic realm=\"x\"\r\n";
    for (answer, expected, code) in [
        (html("401 Unauthorized", challenge), 401, "edge_credential_wrong"),
        (html("502 Bad Gateway", ""), 502, "server_down"),
        (html("503 Service Unavailable", ""), 503, "server_down"),
        (html("413 Too Large", ""), 413, "edge_refused"),
        (html("404 Not Found", ""), 502, "not_prefect"),
        (html("200 OK", ""), 401, "sign_in_required"),
        (html("302 Found", "Location: https://team.cloudflareaccess.com/login\r\n"), 401, "sign_in_required"),
        ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n".into(), 502, "invalid_answer"),
        ("HTTP/1.1 200 OK\r\nA b: c\r\n\r\n".into(), 502, "invalid_answer"),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n".into(), 502, "invalid_answer"),
        ("SSH-2.0-OpenSSH_9.2\r\n\r\n".into(), 502, "invalid_answer"),
    ] {
        let server = Server::always(&answer).await;
        let gateway = gateway(&server).await;
        let told = ask(&gateway, "GET /api/flows", &key()).await;
        assert_eq!(
            (status(&told), header(&told, "postern-fault"), header(&told, "content-type")),
            (expected, vec![code], vec!["application/json"]),
            "{answer}"
        );
        assert!(body(&told).starts_with("{\"detail\":\"") && body(&told).contains(code), "{told}");
        assert!(header(&told, "www-authenticate").is_empty());
        assert!(!told.contains(PASSWORD));
        let Health::Failing(fault) = gateway.status().borrow().health.clone() else { panic!("{answer}") };
        assert_eq!(fault.code(), code);
    }
}

#[tokio::test]
async fn a_servers_own_errors_pass_untouched() {
    for (line, text) in
        [("422 Unprocessable Entity", "{\"detail\": 1}"), ("403 Forbidden", "{\"detail\":\"Missing CSRF token.\"}")]
    {
        let answer = format!(
            "HTTP/1.1 {line}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        );
        let server = Server::always(&answer).await;
        let gateway = gateway(&server).await;
        let told = ask(&gateway, "GET /api/flows", &key()).await;
        assert_eq!((status(&told).to_string(), body(&told)), (line[..3].to_owned(), text));
        assert!(header(&told, "postern-fault").is_empty());
        assert_eq!(gateway.status().borrow().health, Health::Unknown, "says nothing about whether we are let in");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_apart_by_layer() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for (url, code) in [
        (format!("http://127.0.0.1:{free}"), "server_unreachable"),
        ("http://no-such-host.invalid".to_owned(), "name_not_found"),
    ] {
        let mut config = config(1);
        config.remote.url = url.parse().unwrap();
        let gateway = Gateway::start(config).await.unwrap();
        let told = ask(&gateway, "GET /api/flows", &key()).await;
        assert_eq!((status(&told), header(&told, "postern-fault")), (502, vec![code]), "{url}");
    }
}

#[tokio::test]
async fn a_connection_that_ends_early_is_never_a_clean_answer() {
    let server = Server::start(|_| None).await;
    let gateway = gateway(&server).await;
    let told = ask(&gateway, "POST /api/flows/filter", &format!("{}Content-Length: 0\r\n", key())).await;
    assert_eq!((status(&told), header(&told, "postern-fault")), (502, vec!["connection_lost"]));

    // Ten bytes promised, two sent, connection closed.
    let server = Server::always("HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nab").await;
    let gateway = Gateway::start(config(server.port)).await.unwrap();
    let told = ask(&gateway, "GET /api/cut", &key()).await;
    assert_eq!((header(&told, "content-length"), body(&told)), (vec!["10"], "ab"), "closed before the promised end");
}

#[tokio::test]
async fn a_person_sees_a_page_that_asks_again_and_escapes_what_others_said() {
    let mut config = config(1);
    config.remote.url = "http://no-such-host.invalid".parse().unwrap();
    config.name = "<b>Prod & \"co\"</b>".into();
    let gateway = Gateway::start(config).await.unwrap();
    let page = ask(&gateway, "GET /v2/dashboard", &format!("{}{NAVIGATES}", key())).await;
    assert_eq!((status(&page), header(&page, "content-type")), (502, vec!["text/html; charset=utf-8"]));
    let text = body(&page);
    assert!(text.contains("<meta http-equiv=\"refresh\" content=\"5\">"), "{text}");
    assert!(text.contains("The name no-such-host.invalid has no address."));
    assert!(text.contains("&lt;b&gt;Prod &amp; &quot;co&quot;&lt;/b&gt;") && !text.contains("<b>"));
    let policy = header(&page, "content-security-policy").join("");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && policy.contains("frame-ancestors 'none'"));
    // What is not a navigation gets JSON, wherever it lies.
    let script =
        ask(&gateway, "GET /assets/x.js", &format!("{}Accept: */*\r\nSec-Fetch-Mode: no-cors\r\n", key())).await;
    assert_eq!(header(&script, "content-type"), ["application/json"]);
}

#[tokio::test]
async fn a_refused_auth_string_is_told_instead_of_a_ui_in_which_everything_fails() {
    let server = Server::start(|request| {
        Some(if request.target().starts_with("/api/") {
            b"HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: 40\r\n\r\n{\"exception_message\":\"Unauthorized\"}    ".to_vec()
        } else {
            ok("text/html", "<html>").into_bytes()
        })
    })
    .await;
    let gateway = gateway(&server).await;
    gateway.probe().await;
    assert_eq!(gateway.status().borrow().health, Health::Failing(Fault::PrefectCredentialWrong));
    let page = ask(&gateway, "GET /", &format!("{}{NAVIGATES}", key())).await;
    assert_eq!((status(&page), header(&page, "postern-fault")), (401, vec!["prefect_credential_wrong"]));
    assert!(body(&page).contains("<a href=\"\">Try again</a>"), "{page}");
    assert!(!body(&page).contains("refresh"), "trying by itself may lock the account");
    let api = ask(&gateway, "GET /api/flows", &key()).await;
    assert!(header(&api, "postern-fault").is_empty() && body(&api).contains("Unauthorized"), "Prefect's own words");
}

#[tokio::test]
async fn a_server_that_fails_at_everything_is_not_up() {
    let server = Server::always(
        "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    )
    .await;
    let gateway = gateway(&server).await;
    assert_eq!(status(&ask(&gateway, "GET /api/flows", &key()).await), 500);
    assert_eq!(gateway.status().borrow().health, Health::Unknown, "one path may be broken");
    gateway.probe().await;
    assert_eq!(gateway.status().borrow().health, Health::Failing(Fault::ServerFails { status: 500 }));
}

#[tokio::test]
async fn a_page_asked_for_again_finds_out_that_the_auth_string_holds_now() {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::start(move |request| {
        Some(if request.target() != "/api/admin/version" {
            ok("text/html", "<html>").into_bytes()
        } else if asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 {
            b"HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}".to_vec()
        } else {
            ok("application/json", "\"3.8.8\"").into_bytes()
        })
    })
    .await;
    let gateway = gateway(&server).await;
    gateway.probe().await;
    assert_eq!(gateway.status().borrow().health, Health::Failing(Fault::PrefectCredentialWrong));
    let page = ask(&gateway, "GET /", &format!("{}{NAVIGATES}", key())).await;
    assert_eq!((status(&page), body(&page)), (200, "<html>"));
}

#[tokio::test]
async fn only_a_person_who_is_let_in_makes_a_refused_credential_be_tried_again() {
    let refused = "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    for local_programs in [LocalPrograms::Key, LocalPrograms::Open] {
        let server = Server::always(refused).await;
        let gateway = Gateway::start(Config { local_programs, ..config(server.port) }).await.unwrap();
        gateway.probe().await;
        let tried = || server.received().iter().filter(|request| request.target() == "/api/admin/version").count();
        let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        for headers in [
            NAVIGATES.to_owned(),
            "Accept: text/html\r\n".to_owned(),
            format!("Accept: text/html\r\n{upgrade}"),
            format!("Accept: text/html\r\n{upgrade}{}", key()),
        ] {
            ask(&gateway, "GET /api/events/out", &headers).await;
            assert_eq!(tried(), 1, "{local_programs:?} {headers}");
        }
        ask(&gateway, "GET /", &format!("{NAVIGATES}{}", key())).await;
        assert_eq!(tried(), 2, "{local_programs:?}");
    }
}
