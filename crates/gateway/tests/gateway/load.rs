//! Many at once, and slow ones.

use std::time::{Duration, Instant};

use postern_gateway::Gateway;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::acceptance::held;
use crate::support::{Received, SOON, Server, ask, body, config, find, gateway, header, key, ok, status};

/// For what takes its time on a busy machine.
const LATE: Duration = Duration::from_secs(180);

/// As many descriptors as the system lets us have: each connection here is four of them.
#[cfg(unix)]
fn take_descriptors() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (now, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, now.max(most.min(20_000)), most).unwrap();
}

#[cfg(not(unix))]
fn take_descriptors() {}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_requests_at_once_get_each_its_own_answer() {
    const CONNECTIONS: usize = 200;
    const EACH: usize = 50;
    take_descriptors();
    let echo = |request: &Received| {
        let tag = request.all("x-tag").concat();
        Some(
            ok("text/plain", &format!("{} {tag}", request.target()))
                .replace("\r\n\r\n", &format!("\r\nX-Tag: {tag}\r\n\r\n")),
        )
    };
    let server = Server::start(move |request| echo(request).map(String::into_bytes)).await;
    let gateway = gateway(&server).await;
    let port = gateway.port();
    let mut clients = JoinSet::new();
    for client in 0..CONNECTIONS {
        clients.spawn(async move {
            let tags: Vec<String> = (0..EACH).map(|request| format!("{client}-{request}")).collect();
            let request = |tag: &String| {
                format!("GET /api/{tag} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Tag: {tag}\r\n{}\r\n", key())
            };
            let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            // All of them before the first answer is looked at.
            stream.write_all(tags.iter().map(request).collect::<String>().as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            let mut answers = String::new();
            stream.read_to_string(&mut answers).await.unwrap();
            let answers: Vec<&str> = answers.split("HTTP/1.1 200 OK\r\n").skip(1).collect();
            assert_eq!(answers.len(), EACH);
            for (tag, answer) in tags.iter().zip(answers) {
                assert_eq!(
                    (header(answer, "x-tag"), body(answer)),
                    (vec![tag.as_str()], &*format!("/api/{tag} {tag}"))
                );
            }
        });
    }
    timeout(LATE, clients.join_all()).await.unwrap();
    assert_eq!(server.received().len(), CONNECTIONS * EACH);
    held("G76");
}

#[tokio::test]
async fn two_thousand_idle_connections_leave_room_for_a_request() {
    take_descriptors();
    let server = Server::always(&ok("application/json", "[]")).await;
    let gateway = gateway(&server).await;
    let mut idle = Vec::new();
    for count in 0..2_000 {
        let mut stream = TcpStream::connect(("127.0.0.1", gateway.port())).await.unwrap();
        // Half of them have begun to say something.
        if count % 2 == 0 {
            stream.write_all(b"GET /api/").await.unwrap();
        }
        idle.push(stream);
    }
    // Each is accepted after all of these. The best of some: a busy machine is not the gateway's doing.
    let mut best = SOON;
    for _ in 0..5 {
        let began = Instant::now();
        assert_eq!(status(&ask(&gateway, "GET /api/flows", &key()).await), 200);
        best = best.min(began.elapsed());
    }
    assert!(best < Duration::from_secs(1), "{best:?}");
    for stream in &idle {
        let ended = stream.try_read(&mut [0; 1]);
        assert!(ended.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock), "one was ended");
    }
    held("G69");
}

/// The gateway needs a process of its own: the limit is the process's.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn who_comes_while_descriptors_are_out_is_served_when_there_are_some_again() {
    use std::io::Write as _;
    use std::process::Stdio;

    use tokio::io::{AsyncBufReadExt as _, BufReader};

    const SERVER: &str = "POSTERN_TEST_SERVER";
    const DESCRIPTORS: usize = 64;
    if let Ok(server) = std::env::var(SERVER) {
        let gateway = Gateway::start(config(server.parse().unwrap())).await.unwrap();
        writeln!(std::io::stdout(), "port {}", gateway.port()).unwrap();
        // Until it is killed.
        std::future::pending::<()>().await;
    }

    let server = Server::always(&ok("application/json", "[]")).await;
    let mut process = tokio::process::Command::new("sh")
        .args(["-c", &format!("ulimit -n {DESCRIPTORS}; exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "load::who_comes_while_descriptors_are_out_is_served_when_there_are_some_again",
            "--nocapture",
        ])
        .env(SERVER, server.port.to_string())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let port: u16 = loop {
        let line = timeout(LATE, lines.next_line()).await.unwrap().unwrap().expect("the gateway starts");
        if let Some((_, port)) = line.split_once("port ") {
            break port.parse().unwrap();
        }
    };
    let mut idle = Vec::new();
    for _ in 0..2 * DESCRIPTORS {
        idle.push(TcpStream::connect(("127.0.0.1", port)).await.unwrap());
    }
    let descriptors = format!("/proc/{}/fd", process.id().unwrap());
    timeout(SOON, async {
        while std::fs::read_dir(&descriptors).unwrap().count() < DESCRIPTORS {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("its descriptors run out");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!("GET /api/flows HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{}\r\n", key());
    stream.write_all(request.as_bytes()).await.unwrap();
    drop(idle);
    let mut answer = String::new();
    timeout(SOON, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert_eq!(status(&answer), 200, "{answer}");
    held("G69");
}

/// What the system keeps for two connections; the gateway keeps next to nothing.
const BUFFERS: usize = 32 * 1024 * 1024;
const LONG: usize = 96 * 1024 * 1024;

/// Writes until nobody takes any more for a second: so much went.
async fn write_until_stuck(stream: &mut TcpStream) -> usize {
    let piece = vec![b'x'; 64 * 1024];
    let mut went = 0;
    while went < LONG {
        match timeout(Duration::from_secs(1), stream.write(&piece[..piece.len().min(LONG - went)])).await {
            Ok(length) => went += length.unwrap(),
            Err(_) => break,
        }
    }
    went
}

async fn read_head(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    while find(&bytes, b"\r\n\r\n").is_none() {
        assert!(timeout(SOON, stream.read_buf(&mut bytes)).await.unwrap().unwrap() > 0);
    }
    bytes.split_off(find(&bytes, b"\r\n\r\n").unwrap() + 4)
}

/// A client and the server, and the gateway between them, with a request's head gone through.
async fn ends(line: &str) -> (Gateway, TcpStream, TcpStream) {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = Gateway::start(config(server.local_addr().unwrap().port())).await.unwrap();
    let mut client = TcpStream::connect(("127.0.0.1", gateway.port())).await.unwrap();
    let key = format!("{}Prefect-Csrf-Token: mine\r\n", key());
    let head = format!("{line} /api/long HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{key}", gateway.port());
    let length = if line == "POST" { LONG } else { 0 };
    client.write_all(format!("{head}Content-Length: {length}\r\n\r\n").as_bytes()).await.unwrap();
    let (mut upstream, _) = server.accept().await.unwrap();
    read_head(&mut upstream).await;
    (gateway, client, upstream)
}

#[tokio::test]
async fn a_client_that_does_not_read_stops_the_server_and_gets_all_of_it_later() {
    let (_gateway, mut client, mut server) = ends("GET").await;
    server.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {LONG}\r\n\r\n").as_bytes()).await.unwrap();
    let begun = read_head(&mut client).await.len();
    let went = write_until_stuck(&mut server).await;
    assert!(went < BUFFERS, "{went} bytes went to a client that reads none");
    let rest = tokio::spawn(async move { server.write_all(&vec![b'x'; LONG - went]).await });
    let mut came = vec![0; LONG - begun];
    timeout(LATE, client.read_exact(&mut came)).await.unwrap().unwrap();
    rest.await.unwrap().unwrap();
    held("G70");
}

#[tokio::test]
async fn a_server_that_does_not_read_stops_the_client_and_gets_all_of_it_later() {
    let (_gateway, mut client, mut server) = ends("POST").await;
    let went = write_until_stuck(&mut client).await;
    assert!(went < BUFFERS, "{went} bytes went to a server that reads none");
    let rest = tokio::spawn(async move {
        client.write_all(&vec![b'x'; LONG - went]).await.unwrap();
        read_head(&mut client).await
    });
    let mut came = 0;
    let mut piece = vec![0; 64 * 1024];
    while came < LONG {
        let length = timeout(LATE, server.read(&mut piece)).await.unwrap().unwrap();
        assert!(length > 0, "it ended after {came} bytes");
        came += length;
    }
    server.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    timeout(SOON, rest).await.unwrap().unwrap();
    held("G70");
}
