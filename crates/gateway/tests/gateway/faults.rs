//! When the server, its edge or the way there fails: who is told what.

use postern_gateway::{Advice, Config, Fault, Gateway, Health, LocalPrograms, Secret, UserPassword};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::acceptance::held;
use crate::support::*;

const NAVIGATES: &str = "Accept: text/html,*/*\r\nSec-Fetch-Mode: navigate\r\n";

fn html(status: &str, more: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Type: text/html\r\n{more}Content-Length: 6\r\n\r\n<html>")
}

#[tokio::test]
async fn every_failure_is_named_and_told_as_json_to_programs() {
    let challenge = "WWW-Authenticate: Basic realm=\"x\"\r\n";
    let elsewhere = "Location: https://team.cloudflareaccess.com/login\r\n";
    let switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n";
    // The last: whether it goes for the server whatever it is asked, or perhaps for this path only.
    for (answer, expected, code, whole) in [
        (html("401 Unauthorized", challenge), 401, "edge_credential_wrong", true),
        (html("502 Bad Gateway", ""), 502, "server_down", true),
        (html("503 Service Unavailable", ""), 503, "server_down", true),
        (html("504 Gateway Timeout", ""), 504, "server_down", false),
        (html("413 Too Large", ""), 413, "edge_refused", false),
        (html("404 Not Found", ""), 502, "not_prefect", false),
        (html("200 OK", ""), 401, "sign_in_required", false),
        (html("302 Found", elsewhere), 401, "sign_in_required", true),
        ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n".into(), 502, "invalid_answer", true),
        ("HTTP/1.1 200 OK\r\nA b: c\r\n\r\n".into(), 502, "invalid_answer", true),
        (switching.into(), 502, "invalid_answer", true),
        ("SSH-2.0-OpenSSH_9.2\r\n\r\n".into(), 502, "invalid_answer", true),
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
        assert_eq!(failing(&gateway), whole.then_some(code), "{answer}");
        gateway.probe().await;
        assert_eq!(failing(&gateway), Some(code), "{answer}");
        if expected == 401 {
            held("E61");
        }
    }
}

#[tokio::test]
async fn a_401_is_prefects_where_its_words_are() {
    let said = |more: &str, body: &str| {
        let length = body.len();
        format!("HTTP/1.1 401 Unauthorized\r\n{more}Content-Length: {length}\r\n\r\n{body}")
    };
    let own = "{\"exception_message\":\"Unauthorized\"}";
    let json = "Content-Type: application/json\r\n";
    let long = format!("{{\"exception_message\":\"{}\"}}", "x".repeat(5000));
    let chunked = |body: &str| {
        let length = body.len();
        format!("HTTP/1.1 401 No\r\n{json}Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n")
    };
    for (answer, code, passes) in [
        (said(json, own), "prefect_credential_wrong", true),
        (chunked(own), "prefect_credential_wrong", true),
        // oauth2-proxy, to programs.
        (said(json, "{}"), "sign_in_required", false),
        (chunked("{}"), "sign_in_required", false),
        (said(json, "{\"message\":\"Unauthorized\"}"), "edge_credential_wrong", false),
        (said("Content-Type: text/plain\r\n", "Unauthorized"), "edge_credential_wrong", false),
        (said("", ""), "edge_credential_wrong", false),
        (said(json, &long), "edge_credential_wrong", false),
    ] {
        let server = Server::always(&answer).await;
        let gateway = gateway(&server).await;
        let told = ask(&gateway, "GET /api/flows", &key()).await;
        assert_eq!(header(&told, "postern-fault"), if passes { vec![] } else { vec![code] }, "{answer}: {told}");
        if passes {
            assert_eq!((status(&told), body(&told).contains(own)), (401, true), "{told}");
        }
        assert_eq!(failing(&gateway), Some(code), "{answer}");
    }
}

#[tokio::test]
async fn a_page_says_what_a_closer_look_has_found_as_long_as_it_is_about_the_same() {
    let answer = std::sync::Arc::new(std::sync::Mutex::new(html("502 Bad Gateway", "")));
    let server = {
        let answer = std::sync::Arc::clone(&answer);
        Server::start(move |_| Some(answer.lock().unwrap().clone().into_bytes())).await
    };
    let gateway = gateway(&server).await;
    let advice = |remedy: &str| Some(Advice { sentence: "nginx <b>sleeps</b>.".to_owned(), remedy: remedy.to_owned() });
    let page = async |headers: &str| ask(&gateway, "GET /", &format!("{headers}{NAVIGATES}")).await;
    // Nothing fails yet that it could be about.
    gateway.advise(advice("Wake it."));
    assert!(!page(&key()).await.contains("sleeps"));
    gateway.advise(advice("In nginx: `proxy_pass x;` and `y`."));
    let told = page(&key()).await;
    assert_eq!(header(&told, "postern-fault"), ["server_down"]);
    let words =
        "<h1>nginx &lt;b&gt;sleeps&lt;/b&gt;.</h1><p>In nginx: <code>proxy_pass x;</code> and <code>y</code>.</p>";
    assert!(told.contains(words) && told.contains("http-equiv=\"refresh\""), "{told}");
    assert!(!page("").await.contains("sleeps"), "to nobody who is not let in");

    *answer.lock().unwrap() = html("503 Service Unavailable", "");
    assert!(!page(&key()).await.contains("sleeps"), "about another fault");
    *answer.lock().unwrap() = html("502 Bad Gateway", "");
    gateway.probe().await;
    gateway.advise(None);
    assert!(!page(&key()).await.contains("sleeps"));
}

#[tokio::test]
async fn an_edge_that_sends_http_to_https_is_named_and_not_followed() {
    for (location, required) in [
        ("https://127.0.0.1{}", true),
        ("https://127.0.0.1:443{}", true),
        ("HTTPS://127.0.0.1{}", true),
        ("https://127.0.0.1:8443{}", false),
        ("https://127.0.0.1:{port}{}", false),
        ("https://elsewhere.example{}", false),
        ("https://127.0.0.1/login", false),
        ("https://127.0.0.1{}&more=1", false),
        ("https://127.0.0.1{}#top", false),
        ("https://user@127.0.0.1{}", false),
        ("https://127.0.0.1:80{}", false),
        ("//127.0.0.1{}", false),
        ("{}", false),
        ("http://127.0.0.1{}", false),
        ("https:{}", false),
    ] {
        for (status_line, expected) in [
            ("301 Moved Permanently", 301),
            ("302 Found", 302),
            ("307 Temporary Redirect", 307),
            ("308 Permanent Redirect", 308),
        ] {
            let port = std::sync::Arc::new(std::sync::OnceLock::<u16>::new());
            let known = std::sync::Arc::clone(&port);
            let server = Server::start(move |request| {
                let port = known.get().unwrap().to_string();
                let to = location.replace("{port}", &port).replace("{}", request.target());
                Some(format!("HTTP/1.1 {status_line}\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n").into_bytes())
            })
            .await;
            port.set(server.port).unwrap();
            let gateway = gateway(&server).await;
            let page = ask(&gateway, "GET /runs?tag=a%20b", &format!("{NAVIGATES}{}", key())).await;
            let code = header(&page, "postern-fault");
            if required {
                assert_eq!((status(&page), code), (502, vec!["https_required"]), "{location} {status_line}");
                let sentence =
                    format!("it sends everything for http://127.0.0.1:{} to https://127.0.0.1.", server.port);
                assert!(body(&page).contains(&sentence) && body(&page).contains("profiles.toml"), "{page}");
                assert_eq!(failing(&gateway), Some("https_required"));
                let api =
                    ask(&gateway, "POST /api/flows/filter", &format!("{}Content-Length: 2\r\n\r\n{{}}", key())).await;
                assert!(body(&api).starts_with("{\"detail\":\"The server wants https"), "{api}");
                gateway.probe().await;
                assert_eq!(failing(&gateway), Some("https_required"));
            } else {
                assert_eq!((status(&page), code), (expected, vec![]), "{location} {status_line}");
            }
        }
    }
}

#[tokio::test]
async fn one_path_that_an_edge_refuses_leaves_the_server_connected() {
    let server = Server::start(|request| {
        Some(match request.target() {
            "/api/admin/version" => ok("application/json", "\"3.8.8\"").into_bytes(),
            "/api/docs" => html("200 OK", "").into_bytes(),
            "/api/large" => html("413 Too Large", "").into_bytes(),
            "/api/slow" => html("504 Gateway Timeout", "").into_bytes(),
            _ => html("404 Not Found", "").into_bytes(),
        })
    })
    .await;
    let gateway = gateway(&server).await;
    gateway.probe().await;
    for (line, code) in [
        ("GET /api/docs", "sign_in_required"),
        ("GET /api/large", "edge_refused"),
        ("GET /api/slow", "server_down"),
        ("GET /api/none", "not_prefect"),
        ("GET /ui-settings", "not_prefect"),
    ] {
        let told = ask(&gateway, line, &key()).await;
        assert_eq!(header(&told, "postern-fault"), [code], "{line}");
        assert_eq!(gateway.status().borrow().health, Health::Up, "{line}");
    }
}

#[tokio::test]
async fn nothing_but_success_is_good_where_the_version_is_asked_for() {
    let plain = |status: &str, more: &str| {
        format!("HTTP/1.1 {status}\r\nContent-Type: text/plain\r\n{more}Content-Length: 2\r\n\r\nno")
    };
    let json = |status: &str| plain(status, "").replace("text/plain", "application/json");
    for (answer, code) in [
        (plain("302 Found", "Location: /oauth2/start?rd=%2Fapi\r\n"), "sign_in_required"),
        (plain("307 Temporary Redirect", "Location: /prefect/api/admin/version\r\n"), "not_prefect"),
        (plain("301 Moved Permanently", ""), "invalid_answer"),
        (plain("400 Bad Request", ""), "edge_refused"),
        (plain("403 Forbidden", ""), "edge_refused"),
        (json("403 Forbidden"), "edge_refused"),
        (json("404 Not Found"), "not_prefect"),
        (plain("429 Too Many Requests", ""), "edge_refused"),
        (json("500 Internal Server Error"), "server_fails"),
        (plain("502 Bad Gateway", ""), "server_down"),
        (json("503 Service Unavailable"), "server_fails"),
        (plain("504 Gateway Timeout", ""), "server_down"),
        (html("504 Gateway Timeout", ""), "server_down"),
    ] {
        let (was_up, script) = (std::sync::atomic::AtomicBool::new(false), answer.clone());
        let server = Server::start(move |_| {
            let first = !was_up.swap(true, std::sync::atomic::Ordering::SeqCst);
            Some(if first { ok("application/json", "\"3.8.8\"") } else { script.clone() }.into_bytes())
        })
        .await;
        let gateway = gateway(&server).await;
        gateway.probe().await;
        assert_eq!(failing(&gateway), None);
        gateway.probe().await;
        assert_eq!(failing(&gateway), Some(code), "{answer}");
    }
}

/// The code of what the status says is wrong.
fn failing(gateway: &Gateway) -> Option<&'static str> {
    match &gateway.status().borrow().health {
        Health::Failing(fault) => Some(fault.code()),
        Health::Up | Health::Unknown => None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_the_probe_and_never_answers_is_not_connected() {
    for begin in ["", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n\"3"] {
        let server = Server::always(begin).await;
        let gateway = gateway(&server).await;
        gateway.probe().await;
        let expected = Health::Failing(Fault::AnswerTimeout { seconds: Gateway::PROBE.as_secs() });
        assert_eq!(gateway.status().borrow().health, expected, "{begin}");
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
        held("G75");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_no_connection_in_time_is_told_as_such() {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let full = socket.listen(0).unwrap();
    let address = full.local_addr().unwrap();
    // Whoever comes after this one waits for an answer to its SYN.
    let _waiting = std::net::TcpStream::connect(address).unwrap();
    let gateway = Gateway::start(config(address.port())).await.unwrap();
    let told = ask(&gateway, "GET /api/flows", &key()).await;
    assert_eq!((status(&told), header(&told, "postern-fault")), (504, vec!["connect_timeout"]));
    held("G75");
}

/// A server that reads one request, says so much, and resets the connection.
async fn resetting(says: &'static str) -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while find(&head, b"\r\n\r\n").is_none() {
                stream.read_buf(&mut head).await.unwrap();
            }
            stream.write_all(says.as_bytes()).await.unwrap();
            stream.set_zero_linger().unwrap();
        }
    });
    port
}

#[tokio::test]
async fn a_reset_before_the_head_is_told_and_one_in_the_body_is_passed_on() {
    for head in ["", "HTTP/1.1 200 OK\r\nContent-Le"] {
        let gateway = Gateway::start(config(resetting(head).await)).await.unwrap();
        let told = ask(&gateway, "GET /api/flows", &key()).await;
        assert_eq!((status(&told), header(&told, "postern-fault")), (502, vec!["connection_lost"]), "{head}");
        held("G72");
    }
    for (head, end) in [("Content-Length: 10", "never"), ("Transfer-Encoding: chunked", "0\r\n\r\n")] {
        let says = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n2\r\nab\r\n").leak();
        let gateway = Gateway::start(config(resetting(says).await)).await.unwrap();
        let told = ask(&gateway, "GET /api/flows", &key()).await;
        // Either the reset overtook what came before it, or not: an end it never is.
        assert!(told.contains("connection_lost") || !told.ends_with(end) && body(&told).len() < 10, "{told}");
        held("G72");
    }
}

#[tokio::test]
async fn a_connection_that_ends_early_is_never_a_clean_answer() {
    let server = Server::start(|_| None).await;
    let gateway = gateway(&server).await;
    let told = ask(&gateway, "POST /api/flows/filter", &format!("{}Content-Length: 0\r\n", key())).await;
    assert_eq!((status(&told), header(&told, "postern-fault")), (502, vec!["connection_lost"]));
    held("G72");

    // Ten bytes promised, two sent, connection closed.
    let server = Server::always("HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nab").await;
    let gateway = Gateway::start(config(server.port)).await.unwrap();
    let told = ask(&gateway, "GET /api/cut", &key()).await;
    assert_eq!((header(&told, "content-length"), body(&told)), (vec!["10"], "ab"), "closed before the promised end");

    // In pieces, the last is missing.
    let server =
        Server::always("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nab\r\n").await;
    let gateway = Gateway::start(config(server.port)).await.unwrap();
    let told = ask(&gateway, "GET /api/cut", &key()).await;
    assert_eq!(body(&told), "2\r\nab\r\n", "no end");
    held("G72");

    // To a client that knows no pieces, the connection's end is the body's: so it has none in order.
    let mut old = TcpStream::connect(("127.0.0.1", gateway.port())).await.unwrap();
    let request = format!("GET /api/cut HTTP/1.0\r\nHost: 127.0.0.1:{}\r\n{}\r\n", gateway.port(), key());
    old.write_all(request.as_bytes()).await.unwrap();
    let ended = old.read_to_end(&mut Vec::new()).await;
    assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    held("G72");
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
    held("H84");
    // What is not a navigation gets JSON, wherever it lies.
    let script =
        ask(&gateway, "GET /assets/x.js", &format!("{}Accept: */*\r\nSec-Fetch-Mode: no-cors\r\n", key())).await;
    assert_eq!(header(&script, "content-type"), ["application/json"]);
}

#[tokio::test]
async fn a_challenge_asks_nobody_for_a_password_and_is_not_answered_again() {
    for challenge in ["401 Unauthorized\r\nWWW-Authenticate", "407 Proxy Authentication Required\r\nProxy-Authenticate"]
    {
        let answer = format!("HTTP/1.1 {challenge}: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n");
        let server = Server::always(&answer).await;
        let told = ask(&gateway(&server).await, "GET /v2/", &format!("{NAVIGATES}{}", key())).await;
        assert_eq!(status(&told).to_string(), challenge[..3]);
        assert!(
            header(&told, "www-authenticate").is_empty() && header(&told, "proxy-authenticate").is_empty(),
            "{told}"
        );
        assert_eq!(server.received().len(), 1, "{challenge}");
        held("E61");
    }
}

#[tokio::test]
async fn a_server_that_tells_our_credential_to_everybody_does_not_do_so_on_our_pages() {
    for answer in [
        "HTTP/1.1 302 Found\r\nLocation: https://sso.example/?was=ECHO\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"ECHO\"\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nServer: ECHO\r\nX: ECHO\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 502 ECHO\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n",
        "ECHO\r\n\r\n",
        "HTTP/1.1 200 OK\r\nECHO\r\n\r\n",
    ] {
        let server = Server::start(move |request| {
            Some(answer.replace("ECHO", request.all("authorization")[0].trim_start_matches("Basic ")).into_bytes())
        });
        let gateway = gateway(&server.await).await;
        for headers in ["", NAVIGATES] {
            let told = ask(&gateway, "GET /api/flows", &format!("{headers}{}", key())).await;
            if headers == NAVIGATES && status(&told) == 302 {
                continue; // The server's own answer.
            }
            let credential = basic(&format!("admin:{PASSWORD}"));
            assert_eq!(header(&told, "postern-fault").len(), 1, "{answer} {told}");
            assert!(!told.contains(PASSWORD) && !told.contains(&credential[6..]), "{answer} {told}");
        }
        held("E62");
    }
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

    // What Prefect got was the edge's: to enter its own again would help nobody.
    let mut config = config(server.port);
    config.remote.prefect = Some(UserPassword { username: "admin".into(), password: Secret::new("another") });
    let gateway = Gateway::start(config).await.unwrap();
    gateway.probe().await;
    let page = ask(&gateway, "GET /", &format!("{}{NAVIGATES}", key())).await;
    assert_eq!((status(&page), header(&page, "postern-fault")), (401, vec!["authorization_conflict"]));
}

#[tokio::test]
async fn who_follows_a_page_s_address_into_another_browser_is_led_to_postern() {
    let gateway = gateway(&Server::always(&ok("text/html", "<html>")).await).await;
    let port = gateway.port();
    for (host, link) in [
        (format!("prod.localhost:{port}"), Some("<a href=\"postern://prod/runs/1\">Open it in Postern</a>")),
        (format!("localhost:{port}"), None),
        ("prod.localhost.evil.example".to_owned(), None),
    ] {
        let request =
            format!("GET /runs/1?code=canary HTTP/1.1\r\nHost: {host}\r\n{NAVIGATES}Connection: close\r\n\r\n");
        let page = raw(&gateway, &request).await;
        assert_eq!(body(&page).contains("Open it in Postern"), link.is_some(), "{page}");
        assert!(body(&page).contains(link.unwrap_or_default()), "{page}");
        assert!(!body(&page).contains("Go to the dashboard") && !page.contains("canary"), "{page}");
    }
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
            b"HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: 36\r\n\r\n{\"exception_message\":\"Unauthorized\"}".to_vec()
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
    let refused = "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: 36\r\n\r\n{\"exception_message\":\"Unauthorized\"}";
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

#[tokio::test]
async fn an_answer_that_comes_before_the_end_of_an_upload_says_that_it_is_the_last() {
    let early = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n";
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        // Reads no bodies, and stays.
        let mut kept = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            assert!(stream.read(&mut [0; 2000]).await.unwrap() > 0);
            stream.write_all(early.as_bytes()).await.unwrap();
            kept.push(stream);
        }
    });
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let key = || format!("{}Prefect-Csrf-Token: mine\r\n", key());
    let chunked = format!("{}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", key());
    for (port, line, rest, expected, last) in [
        (port, "POST", format!("{}Content-Length: 900000\r\n\r\nhello", key()), 413, true),
        (port, "POST", chunked.clone(), 413, true),
        (port, "GET", format!("{}\r\n", key()), 413, false),
        (gone, "POST", format!("{chunked}0\r\n\r\n"), 502, true),
        (gone, "GET", format!("{}\r\n", key()), 502, false),
    ] {
        let gateway = Gateway::start(config(port)).await.unwrap();
        let mut stream = TcpStream::connect(("127.0.0.1", gateway.port())).await.unwrap();
        let head = format!("{line} /api/flows HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{rest}", gateway.port());
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while crate::support::find(&answer, b"\r\n\r\n").is_none() {
            assert!(timeout(SOON, stream.read_buf(&mut answer)).await.unwrap().unwrap() > 0);
        }
        let answer = String::from_utf8_lossy(&answer);
        let told = header(&answer, "connection") == ["close"];
        assert_eq!((status(&answer), told), (expected, last), "{line} {rest}");
    }
}
