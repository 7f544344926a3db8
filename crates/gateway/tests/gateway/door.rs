//! Who is let in, and that the others reach nothing.

use postern_gateway::{Config, Gateway, LocalPrograms, Session};

use crate::acceptance::held;
use crate::support::*;

const NAVIGATES: &str = "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";

#[tokio::test]
async fn without_a_key_nothing_reaches_the_server() {
    let server = Server::always(&ok("application/json", "{}")).await;
    let gateway = gateway(&server).await;
    for (held_by, line, headers, expected) in [
        ("B20", "GET /api/flows", String::new(), 401),
        ("B20", "GET /", NAVIGATES.to_owned(), 401),
        ("B20", "POST /api/flows/filter", "Content-Length: 0\r\n".to_owned(), 401),
        ("B20", "GET /api/flows", format!("Authorization: {}\r\n", basic("postern:wrong")), 401),
        ("B20", "GET /api/flows", format!("Authorization: {}\r\n", basic(&format!("admin:{PASSWORD}"))), 401),
        ("B20", "GET /api/flows", "Cookie: postern-prod=forged\r\n".to_owned(), 401),
        ("B20", "GET /.postern/status", String::new(), 401),
        ("B20", "POST /.postern/pass", "Content-Length: 0\r\n".to_owned(), 401),
        ("B20", "GET /.postern/other", key(), 404),
        ("D46", "TRACE /api/flows", key(), 405),
        ("D46", "TRACK /api/flows", key(), 405),
        ("D46", "CONNECT example.com:443", key(), 405),
    ] {
        let answer = ask(&gateway, line, &headers).await;
        assert_eq!(status(&answer), expected, "{line} {headers}");
        assert!(header(&answer, "www-authenticate").is_empty(), "no browser may ask for a password");
        assert!(!answer.contains(PASSWORD) && !answer.contains(KEY));
        assert!(server.received().is_empty(), "{line} {headers}");
        held(held_by);
    }
}

#[tokio::test]
async fn only_our_exact_names_and_port_reach_the_server() {
    let server = Server::always(&ok("application/json", "{}")).await;
    let gateway = gateway(&server).await;
    let port = gateway.port();
    let other = if port == 1 { 2 } else { 1 };
    // The lines that say whom the request is for; PORT is ours.
    for (line, target, hosts, expected) in [
        ("A1", "/api/a", "Host: evil.com", 403),
        ("A1", "/api/a", "Host: evil.com:PORT", 403),
        ("A2", "/api/a", "Host: localhost.evil.com:PORT", 403),
        ("A2", "/api/a", "Host: 127.0.0.1.nip.io:PORT", 403),
        ("A2", "/api/a", "Host: 127a0b0c1:PORT", 403),
        ("A2", "/api/a", "Host: evil.localhost:PORT", 403),
        ("A2", "/api/a", "Host: prod.localhost.evil.com:PORT", 403),
        ("A3", "/api/a", "Host: 0.0.0.0:PORT", 403),
        ("A3", "/api/a", "Host: 2130706433:PORT", 403),
        ("A3", "/api/a", "Host: 127.1:PORT", 403),
        ("A3", "/api/a", "Host: 0x7f000001:PORT", 403),
        ("A3", "/api/a", "Host: 127.0.0.2:PORT", 403),
        ("A3", "/api/a", "Host: [::ffff:127.0.0.1]:PORT", 403),
        ("A3", "/api/a", "Host: [0:0:0:0:0:0:0:1]:PORT", 403),
        ("A4", "/api/a", "Host: 127.0.0.1", 403),
        ("A4", "/api/a", "Host: localhost", 403),
        ("A4", "/api/a", "Host: 127.0.0.1:OTHER", 403),
        ("A4", "/api/a", "Host: 127.0.0.1:0PORT", 403),
        ("A4", "/api/a", "Host: 127.0.0.1:PORT:PORT", 403),
        ("A5", "/api/a", "Host: LOCALHOST:PORT", 200),
        ("A5", "/api/a", "Host: Prod.LocalHost:PORT", 200),
        ("A5", "/api/a", "Host: [::1]:PORT", 200),
        ("A5", "/api/a", "Host: localhost.:PORT", 403),
        ("A6", "/api/a", "X: no host", 400),
        ("A6", "/api/a", "Host:", 400),
        ("A6", "/api/a", "Host: 127.0.0.1:PORT\r\nHost: 127.0.0.1:PORT", 400),
        ("A6", "/api/a", "Host: 127.0.0.1:PORT\r\nHost: evil.com", 400),
        ("A6", "/api/a", "Host: 127.0.0.1:PORT, evil.com", 400),
        ("A6", "/api/a", "Host: user@127.0.0.1:PORT", 400),
        ("A6", "/api/a", "Host: 127.0.0.1:PORT/x", 400),
        ("A6", "/api/a", "Host: 127.0.0.1:PORT?x", 400),
        ("A6", "/api/a", "Host: 127.0.0.1:PORT evil.com", 400),
        ("A8", "http://evil.com/api/a", "Host: 127.0.0.1:PORT", 403),
        ("A8", "http://127.0.0.1:OTHER/api/a", "Host: 127.0.0.1:PORT", 403),
        ("A8", "http://localhost:PORT/api/a", "Host: 127.0.0.1:PORT", 403),
        ("A8", "http://user@127.0.0.1:PORT/api/a", "Host: 127.0.0.1:PORT", 403),
        ("A8", "http://127.0.0.1:PORT/api/a", "Host: evil.com", 403),
        ("A8", "http://127.0.0.1:PORT/api/a", "Host: 127.0.0.1:PORT", 200),
    ] {
        let request = format!("GET {target} HTTP/1.1\r\n{hosts}\r\nConnection: close\r\n{}\r\n", key());
        let request = request.replace("PORT", &port.to_string()).replace("OTHER", &other.to_string());
        let before = server.received().len();
        let answer = raw(&gateway, &request).await;
        assert_eq!(status(&answer), expected, "{request}\n{answer}");
        assert_eq!(server.received().len() - before, usize::from(expected == 200), "{request}");
        held(line);
    }
}

#[tokio::test]
async fn foreign_hosts_and_pages_reach_nothing_even_with_a_session() {
    let server = Server::always(&ok("application/json", "{}")).await;
    let gateway = gateway(&server).await;
    let (cookie, port) = (enter(&gateway).await, gateway.port());
    let localhost = format!("Origin: http://localhost:{port}\r\n");
    let form = "Origin: https://evil.com\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n";
    let link = format!("Sec-Fetch-Site: cross-site\r\n{NAVIGATES}");
    let preflight = "Origin: https://evil.com\r\nAccess-Control-Request-Method: GET\r\nAccess-Control-Request-Private-Network: true\r\n";
    for (held_by, line, headers) in [
        ("A9", "GET /api/flows", "Origin: https://evil.com\r\n"),
        ("A9", "GET /api/flows", "Origin: null\r\n"),
        ("A9", "GET /v2/", "Origin: null\r\n"),
        ("A9", "GET /api/flows", "Origin:\r\n"),
        ("A10", "GET /api/flows", "Origin: http://127.0.0.1:1\r\n"),
        ("A10", "GET /api/flows", "Origin: http://127.0.0.1\r\n"),
        ("A10", "GET /api/flows", &localhost),
        ("A11", "GET /api/flows", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n"),
        ("A11", "GET /v2/x.js", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n"),
        ("A11", "GET /api/flows", "Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: cors\r\n"),
        ("A11", "GET /api/flows", "Sec-Fetch-Site: \u{e9}\r\n"),
        ("A12", "POST /api/flows/", form),
        ("A12", "POST /", form),
        ("A13", "OPTIONS /api/flows", preflight),
        ("A18", "GET /api/flows", &link),
        ("A18", "GET /api", &link),
        ("A18", "GET /.postern/status", &link),
    ] {
        // With the session, and as browsers keep it: at home.
        for cookie in [&cookie, ""] {
            let answer = ask(&gateway, line, &format!("{cookie}{headers}")).await;
            assert_eq!(status(&answer), 403, "{line} {headers}");
            assert!(!answer.to_ascii_lowercase().contains("access-control-"), "{answer}");
            assert!(server.received().is_empty(), "{line} {headers}");
        }
        held(held_by);
    }
    for path in ["/%61pi/flows", "//api/flows", "/prefect/api/flows", "/x/../api/flows", "/.%70ostern/status", "/.."] {
        let site = format!("{cookie}Sec-Fetch-Site: same-site\r\n{NAVIGATES}");
        let answer = ask(&gateway, &format!("GET {path}"), &site).await;
        assert_eq!((status(&answer), header(&answer, "postern-fault")), (403, vec!["cross_site"]), "{path}");
        held("A18");
    }
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn key_session_and_nothing_else_let_in() {
    let server = Server::always(&ok("application/json", "[]")).await;
    let gateway = gateway(&server).await;
    let (cookie, port) = (enter(&gateway).await, gateway.port());
    for headers in [
        key(),
        format!("Authorization: Bearer {KEY}\r\n"),
        cookie.clone(),
        format!("{cookie}Origin: http://127.0.0.1:{port}\r\nSec-Fetch-Site: same-origin\r\n"),
        format!("{cookie}Sec-Fetch-Site: none\r\n{NAVIGATES}"),
    ] {
        assert_eq!(status(&ask(&gateway, "GET /api/flows", &headers).await), 200, "{headers}");
    }
    assert_eq!(server.received().len(), 5);
}

#[tokio::test]
async fn a_link_on_another_site_leads_to_our_page_not_to_the_server() {
    let server = Server::always(&ok("text/html", "secret page")).await;
    let gateway = gateway(&server).await;
    // SameSite=Strict keeps the cookie at home.
    let answer = ask(&gateway, "GET /v2/runs", &format!("Sec-Fetch-Site: cross-site\r\n{NAVIGATES}")).await;
    assert_eq!((status(&answer), header(&answer, "postern-fault")), (401, vec!["not_let_in"]));
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn a_pass_made_with_the_key_works_once_and_leads_where_it_should() {
    let server = Server::always(&ok("text/html", "")).await;
    let gateway = gateway(&server).await;
    let ask_for = |to: &str| {
        let json = format!("{{\"to\": \"{to}\"}}");
        format!("{}Content-Length: {}\r\n\r\n{json}", key(), json.len())
    };
    let made = ask(&gateway, "POST /.postern/pass", &ask_for("/v2/dashboard?x=1")).await;
    assert_eq!(status(&made), 200, "{made}");
    let url = body(&made).trim_start_matches("{\"url\":\"").trim_end_matches("\"}").to_owned();
    let path = url.strip_prefix(gateway.browser_origin()).expect("on our browser origin").to_owned();

    let first = ask(&gateway, &format!("GET {path}"), "").await;
    assert_eq!((status(&first), header(&first, "location")), (303, vec!["/v2/dashboard?x=1"]));
    let cookie = header(&first, "set-cookie");
    assert!(cookie[0].starts_with("postern-prod=") && cookie[0].ends_with("; Path=/; HttpOnly; SameSite=Strict"));

    let second = ask(&gateway, &format!("GET {path}"), NAVIGATES).await;
    assert_eq!((status(&second), header(&second, "set-cookie").len()), (403, 0));
    assert!(body(&second).contains("href=\"/\""), "there is a way back");
    held("B25");

    for to in ["//evil.com", "https://evil.com", "/\\\\evil.com", ""] {
        assert_eq!(status(&ask(&gateway, "POST /.postern/pass", &ask_for(to)).await), 400, "{to}");
    }
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn another_profiles_key_and_session_do_not_fit() {
    let server = Server::always(&ok("application/json", "[]")).await;
    let this = gateway(&server).await;
    let other = Gateway::start(Config { local_key: postern_gateway::Secret::new("other"), ..config(server.port) });
    let other = other.await.unwrap();
    let answer = ask(&other, "GET /api/flows", &key()).await;
    assert_eq!((status(&answer), header(&answer, "postern-fault")), (401, vec!["local_key_wrong"]));
    assert_eq!(status(&ask(&other, "GET /api/flows", &enter(&this).await).await), 401);
    assert!(server.received().is_empty());
    held("B23");
}

#[tokio::test]
async fn another_users_process_is_served_nothing_whatever_it_knows() {
    let server = Server::always(&ok("application/json", "[]")).await;
    let mut config = config(server.port);
    for local_programs in [LocalPrograms::Key, LocalPrograms::Open] {
        config.local_programs = local_programs;
        let gateway = Gateway::start(config.clone()).await.unwrap();
        let url = gateway.enter_url("/", Session::Browser).unwrap();
        let pass = url.expose().strip_prefix(gateway.browser_origin()).unwrap();
        let session = enter(&gateway).await;
        for (target, proof) in [("/api/a", key()), ("/api/a", session), (pass, String::new())] {
            let port = gateway.port();
            let request =
                format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{proof}\r\n");
            let answer = as_nobody(port, &request).await;
            assert_eq!((status(&answer), header(&answer, "postern-fault")), (403, vec!["other_user"]), "{target}");
        }
    }
    assert_eq!(server.received().len(), 0);
}

/// Sends a request from a process of another user, whom only root can become.
async fn as_nobody(port: u16, request: &str) -> String {
    let script = format!("exec 3<>/dev/tcp/127.0.0.1/{port} && printf %s \"$REQUEST\" >&3 && cat <&3");
    let mut bash = tokio::process::Command::new("setpriv");
    bash.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "bash", "-c", &script])
        .env("REQUEST", request);
    let output = bash.output().await.unwrap();
    assert!(output.status.success(), "run this as root: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn local_programs_are_let_in_as_the_profile_says() {
    let server = Server::always(&ok("application/json", "[]")).await;
    for (local_programs, without_key, with_key) in [
        (LocalPrograms::Key, 401, 200),
        // This test is a process of the same user.
        (LocalPrograms::Open, 200, 200),
        (LocalPrograms::Off, 401, 401),
    ] {
        let gateway = Gateway::start(Config { local_programs, ..config(server.port) }).await.unwrap();
        assert_eq!(status(&ask(&gateway, "GET /api/flows", "").await), without_key, "{local_programs:?}");
        assert_eq!(status(&ask(&gateway, "GET /api/flows", &key()).await), with_key, "{local_programs:?}");
        // A page gets in by session only, whatever local programs may do.
        let page = "Sec-Fetch-Site: none\r\nSec-Fetch-Mode: no-cors\r\n";
        assert_eq!(status(&ask(&gateway, "GET /api/flows", page).await), 401, "{local_programs:?}");
        assert_eq!(status(&ask(&gateway, "GET /.postern/status", &key()).await), 200, "the app's own calls go on");
    }
}

#[tokio::test]
async fn who_is_not_let_in_does_not_learn_what_the_profile_is_called() {
    let server = Server::always(&ok("text/html", "")).await;
    let gateway = Gateway::start(Config { read_only: true, ..config(server.port) }).await.unwrap();
    let port = gateway.port();
    let ours = format!("127.0.0.1:{port}");
    for (line, host, headers, expected) in [
        ("GET /", "evil.com", String::new(), 403),
        ("GET /", &ours, String::new(), 401),
        ("GET /..", &ours, String::new(), 401),
        ("GET /", &ours, "Authorization: Bearer wrong\r\n".to_owned(), 401),
        ("GET /", &ours, "Origin: https://evil.com\r\n".to_owned(), 403),
        ("GET /.postern/enter?pass=guess", &ours, String::new(), 403),
        ("GET /.postern/status", &ours, String::new(), 401),
        // About the door, even to those inside.
        ("GET /.postern/nothing", &ours, key(), 404),
    ] {
        let request = format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{NAVIGATES}{headers}\r\n");
        let page = raw(&gateway, request).await;
        assert_eq!(status(&page), expected, "{line} {headers}");
        assert!(page.contains("<p class=\"quiet\">Postern</p>") && !page.contains("Production"), "{line} {page}");
    }
    assert!(server.received().is_empty());
}
