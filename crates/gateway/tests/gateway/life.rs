//! Starting, telling, stopping.

use std::time::{Duration, Instant};

use postern_gateway::{Config, Door, Fault, Gateway, Health, LocalPrograms, Secret, Session, StartError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::acceptance::held;
use crate::support::{SOON, Server, ask, body, config, gateway, header, key, ok, status};

#[tokio::test]
async fn a_taken_port_is_told_with_the_program_that_has_it() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = Gateway::start(Config { port, ..config(1) }).await.unwrap_err();
    let StartError::PortTaken { port: told, program } = error else { panic!("{error}") };
    assert_eq!(told, port);
    if cfg!(target_os = "linux") {
        assert!(program.unwrap().ends_with(&format!("(pid {})", std::process::id())));
    }
    held("B22");
}

#[tokio::test]
async fn it_listens_on_loopback_only_and_on_both_kinds() {
    let server = Server::always(&ok("application/json", "[]")).await;
    let gateway = gateway(&server).await;
    assert!(TcpStream::connect(("::1", gateway.port())).await.is_ok() || TcpListener::bind("[::1]:0").await.is_err());
    // Every other address of this machine; loopback's own further ones included.
    assert!(TcpStream::connect(("127.0.0.2", gateway.port())).await.is_err());
    held("B19");
}

#[tokio::test]
async fn an_unusable_secret_or_certificate_is_refused_at_start_and_named() {
    let mut broken = config(1);
    broken.remote.headers = vec![(http::HeaderName::from_static("x-token"), Secret::new("canary\r\nX-Evil: 1"))];
    let error = Gateway::start(broken).await.unwrap_err().to_string();
    assert_eq!(error, "the secret for header-x-token cannot be sent in a header: it has a line break or a NUL in it");
    held("D50");

    let mut broken = config(1);
    broken.remote.url = "https://127.0.0.1:1".parse().unwrap();
    broken.remote.tls.extra_ca = Some(b"not a certificate".to_vec());
    let error = Gateway::start(broken).await.unwrap_err().to_string();
    assert_eq!(error, "the CA file cannot be used: no PEM certificate in it");
}

#[tokio::test]
async fn an_empty_local_key_opens_no_door() {
    for key in ["", "  "] {
        for local_programs in [LocalPrograms::Key, LocalPrograms::Open, LocalPrograms::Off] {
            let error = Gateway::start(Config { local_key: Secret::new(key), local_programs, ..config(1) }).await;
            assert!(matches!(error, Err(StartError::EmptyKey)), "{key:?} {local_programs:?}");
        }
    }
}

#[tokio::test]
async fn a_probe_tells_version_latency_and_that_we_are_let_in() {
    let server = Server::start(|request| {
        assert_eq!(request.all("authorization").len(), 1);
        Some(ok("application/json", "\"3.8.8\"").into_bytes())
    })
    .await;
    let gateway = gateway(&server).await;
    assert_eq!(gateway.status().borrow().health, Health::Unknown);
    gateway.probe().await;
    let status = gateway.status().borrow().clone();
    assert_eq!((status.health, status.version.as_deref()), (Health::Up, Some("3.8.8")));
    assert!(status.latency.is_some());
    assert_eq!(server.only().line(), "GET /api/admin/version HTTP/1.1");

    let report = ask(&gateway, "GET /.postern/status", &key()).await;
    assert!(report.contains("\"profile\":\"prod\"") && report.contains("\"state\":\"up\""), "{report}");
    assert!(report.contains("\"version\":\"3.8.8\""));
}

#[tokio::test]
async fn every_exchange_is_told_without_its_query() {
    let server = Server::always(&ok("application/json", "[]")).await;
    let gateway = gateway(&server).await;
    let mut exchanges = gateway.exchanges();
    ask(&gateway, "GET /api/flows?secret=canary", &key()).await;
    ask(&gateway, "GET /api/flows", "").await;
    let (first, second) = (exchanges.recv().await.unwrap(), exchanges.recv().await.unwrap());
    assert_eq!(
        (first.door, first.path.as_str(), first.status.map(|it| it.as_u16())),
        (Door::Program, "/api/flows", Some(200))
    );
    assert_eq!(
        (second.door, second.fault, second.status.map(|it| it.as_u16())),
        (Door::Refused, Some(Fault::NotLetIn), Some(401))
    );
}

#[tokio::test]
async fn who_leaves_before_the_answer_is_told_of_too() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = Gateway::start(config(server.local_addr().unwrap().port())).await.unwrap();
    let mut exchanges = gateway.exchanges();
    let mut client = TcpStream::connect(("127.0.0.1", gateway.port())).await.unwrap();
    let head = format!("POST /api/flows/filter HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{}", gateway.port(), key());
    let csrf = "Prefect-Csrf-Token: t\r\nPrefect-Csrf-Client: c\r\n";
    client.write_all(format!("{head}{csrf}Content-Length: 2\r\n\r\nbo").as_bytes()).await.unwrap();
    let (mut upstream, _) = server.accept().await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"bo") {
        upstream.read_buf(&mut head).await.unwrap();
    }
    drop(client);
    let told = exchanges.recv().await.unwrap();
    assert_eq!((told.door, told.status, told.fault), (Door::Program, None, None));
    assert_eq!((told.received, told.sent, told.took <= told.lasted), (2, 0, true));
    assert!(exchanges.is_empty(), "and once");
}

#[tokio::test]
async fn who_leaves_while_nobody_takes_the_upload_is_seen() {
    // It reads nothing: buffers fill, and then nobody asks the visitor for more.
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = Gateway::start(config(server.local_addr().unwrap().port())).await.unwrap();
    let mut exchanges = gateway.exchanges();
    let mut client = TcpStream::connect(("127.0.0.1", gateway.port())).await.unwrap();
    let head = format!("PUT /api/big HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{}", gateway.port(), key());
    let csrf = "Prefect-Csrf-Token: t\r\nPrefect-Csrf-Client: c\r\n";
    client.write_all(format!("{head}{csrf}Content-Length: 1000000000\r\n\r\n").as_bytes()).await.unwrap();
    let (_upstream, _) = server.accept().await.unwrap();
    let piece = vec![b'x'; 1 << 20];
    while timeout(Duration::from_millis(500), client.write_all(&piece)).await.is_ok() {}
    drop(client);
    // The server's turn would last two minutes.
    let told = timeout(SOON, exchanges.recv()).await.unwrap().unwrap();
    assert_eq!((told.status, told.fault), (None, None));
    held("G74");
}

#[tokio::test]
async fn an_exchange_tells_how_much_went_each_way_and_by_which_door() {
    let server = Server::always(&ok("application/json", "[1, 2, 3]")).await;
    let gateway = gateway(&server).await;
    let mut exchanges = gateway.exchanges();
    for (session, door) in [(Session::Window, Door::Window), (Session::Browser, Door::Browser)] {
        let url = gateway.enter_url("/", session).unwrap();
        let entered = ask(&gateway, &format!("GET {}", &url.expose()[gateway.browser_origin().len()..]), "").await;
        assert_eq!(exchanges.recv().await.unwrap().path, "/.postern/enter");
        let cookie = header(&entered, "set-cookie")[0].split(';').next().unwrap();
        ask(&gateway, "GET /api/flows", &format!("Cookie: {cookie}\r\n")).await;
        let told = exchanges.recv().await.unwrap();
        assert_eq!((told.door, told.received, told.sent), (door, 0, 9));
        assert!(told.lasted >= told.took);
    }
    // The line break that `ask` closes with is the second half of this body.
    ask(&gateway, "PUT /api/flows/filter", &format!("{}Content-Length: 4\r\n\r\nbo", key())).await;
    let told = exchanges.recv().await.unwrap();
    assert_eq!((told.door, told.received, told.sent), (Door::Program, 4, 9));
}

#[tokio::test]
async fn stopping_closes_the_listener_and_cuts_what_is_under_way_within_a_second() {
    // A server that takes requests and never answers.
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = Gateway::start(config(server.local_addr().unwrap().port())).await.unwrap();
    let port = gateway.port();
    let mut waiting = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!("GET /api/flows HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{}\r\n", key());
    waiting.write_all(request.as_bytes()).await.unwrap();
    let idle = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let (_upstream, _) = server.accept().await.unwrap();

    let began = Instant::now();
    timeout(SOON, gateway.stop()).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(1));
    held("B24");
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
    for mut stream in [waiting, idle] {
        // A reset is an end too.
        assert_eq!(timeout(SOON, stream.read(&mut [0; 1])).await.unwrap().unwrap_or_default(), 0);
    }
}

#[tokio::test]
async fn dropping_the_handle_frees_the_port() {
    let gateway = Gateway::start(config(1)).await.unwrap();
    let port = gateway.port();
    drop(gateway);
    timeout(SOON, async {
        while TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn debug_output_shows_no_secret() {
    let mut config = config(1);
    config.remote.headers = vec![(http::HeaderName::from_static("x-token"), Secret::new("header-canary"))];
    let shown = format!("{config:?}");
    let gateway = Gateway::start(config).await.unwrap();
    let pass = gateway.enter_url("/", Session::Browser).unwrap();
    let shown = format!("{shown}{gateway:?}{pass:?}");
    for canary in [
        crate::support::PASSWORD,
        crate::support::KEY,
        "header-canary",
        &crate::support::basic("admin:s3cret-canary")[6..],
    ] {
        assert!(!shown.contains(canary), "{canary} in {shown}");
    }
}

#[tokio::test]
async fn who_has_sent_its_last_gets_its_answer_and_who_is_gone_is_given_up() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = Gateway::start(config(server.local_addr().unwrap().port())).await.unwrap();
    let port = gateway.port();
    let request = format!("GET /api/slow HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{}\r\n", key());
    for waits in [true, false] {
        let mut client = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        client.write_all(request.as_bytes()).await.unwrap();
        let (mut upstream, _) = server.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            upstream.read_buf(&mut head).await.unwrap();
        }
        if waits {
            client.shutdown().await.unwrap();
            tokio::time::sleep(Duration::from_millis(700)).await;
            upstream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
            let mut answer = String::new();
            timeout(SOON, client.read_to_string(&mut answer)).await.unwrap().unwrap();
            assert_eq!((status(&answer), body(&answer)), (200, "ok"));
            held("G71");
        } else {
            drop(client);
            let closed = timeout(Duration::from_secs(1), upstream.read_buf(&mut head)).await;
            assert_eq!(closed.expect("the server is told within a second").unwrap_or(0), 0);
            held("G74");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_on_which_nothing_happens_is_closed_and_one_that_waits_is_not() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = Gateway::start(config(server.local_addr().unwrap().port())).await.unwrap();
    let port = gateway.port();
    let mut idle = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let began = tokio::time::Instant::now();
    assert_eq!(idle.read(&mut [0; 1]).await.unwrap(), 0);
    assert_eq!(began.elapsed().as_secs(), 60);

    let mut waiting = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!("GET /api/slow HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{}\r\n", key());
    waiting.write_all(request.as_bytes()).await.unwrap();
    let (mut upstream, _) = server.accept().await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        upstream.read_buf(&mut head).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(110)).await;
    upstream.write_all(ok("application/json", "[]").as_bytes()).await.unwrap();
    let (mut answer, began) = (String::new(), tokio::time::Instant::now());
    waiting.read_to_string(&mut answer).await.unwrap();
    assert_eq!((status(&answer), body(&answer)), (200, "[]"));
    assert!((60..=120).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}
