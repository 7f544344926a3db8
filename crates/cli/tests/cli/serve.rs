//! Gateways in the foreground, on a machine with no display, no keychain and no home.

use std::io::{BufRead as _, BufReader, Lines};
use std::net::TcpListener;
use std::process::{Child, ChildStderr, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::acceptance::held;
use crate::place::{CANARY, Place, free_port};
use crate::server;

/// A running `postern --json serve`. Ends with the test.
struct Serving {
    child: Child,
    out: Lines<BufReader<ChildStdout>>,
    err: Lines<BufReader<ChildStderr>>,
}

impl Serving {
    fn start(place: &Place, ids: &[&str]) -> Self {
        let arguments = [&["--json", "serve"], ids].concat();
        let mut child = place.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap()).lines();
        let err = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, out, err }
    }

    fn next_out(&mut self) -> Value {
        value(self.out.next())
    }

    fn next_err(&mut self) -> Value {
        value(self.err.next())
    }

    #[cfg(unix)]
    fn end(mut self, signal: nix::sys::signal::Signal) -> (Option<i32>, Duration) {
        let start = Instant::now();
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        nix::sys::signal::kill(pid, signal).unwrap();
        (self.child.wait().unwrap().code(), start.elapsed())
    }
}

fn value(line: Option<std::io::Result<String>>) -> Value {
    let line = line.expect("the program has ended").unwrap();
    assert!(!line.contains(CANARY), "{line}");
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A profile `a` for a server on a port, with its secrets in the environment.
fn place(server: u16) -> (Place, u16) {
    let mut place = Place::new();
    let port = free_port();
    place.done(&[
        "add",
        "--id",
        "a",
        "--url",
        &format!("http://127.0.0.1:{server}"),
        "--port",
        &port.to_string(),
        "--edge-username",
        "alice",
    ]);
    place.set("POSTERN_SECRET_A_EDGE_PASSWORD", "canary");
    place.set("POSTERN_SECRET_A_LOCAL_KEY", "key");
    (place, port)
}

/// `postern:key`
const KEY: &str = "Authorization: Basic cG9zdGVybjprZXk=";

#[cfg(unix)]
#[test]
fn a_served_profile_says_when_it_is_ready_and_ends_cleanly_when_told_to() {
    use nix::sys::signal::Signal;

    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let server = server::serve(0);
        let (place, port) = place(server);
        let mut serving = Serving::start(&place, &["a"]);
        let url = format!("http://127.0.0.1:{port}");
        let ready = json!({"event": "ready", "profile": "a", "url": url, "api_url": format!("{url}/api")});
        assert_eq!(serving.next_out(), ready);

        let version = format!("GET /api/admin/version HTTP/1.1\r\nHost: 127.0.0.1:{port}");
        let answer = server::ask(port, &format!("{version}\r\n{KEY}"));
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\"3.8.8\""), "{answer}");
        let answer = server::ask(port, &version);
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");

        let (code, took) = serving.end(signal);
        assert_eq!(code, Some(0));
        assert!(took < Duration::from_millis(1500), "{took:?}");
        TcpListener::bind(("127.0.0.1", port)).expect("the port is free again");
    }
}

#[test]
fn an_empty_local_key_in_the_environment_opens_no_door() {
    let server = server::serve(0);
    let (mut place, port) = place(server);
    place.set("POSTERN_SECRET_A_LOCAL_KEY", "");
    let mut serving = Serving::start(&place, &["a"]);
    assert_eq!(serving.next_out()["event"], "ready");
    // `postern:`
    let answer = server::ask(
        port,
        &format!("GET /api/admin/version HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Basic cG9zdGVybjo="),
    );
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
}

#[test]
fn a_link_opens_its_page_of_the_profile_it_belongs_to_and_changes_nothing() {
    let server = server::serve(0);
    let (place, port) = place(server);
    let mut serving = Serving::start(&place, &["a"]);
    serving.next_out();
    let before = place.text();
    for (link, page) in [
        ("postern://a/v2/runs?page=2&url=https://evil.example", "/v2/runs?page=2&url=https://evil.example"),
        (&format!("http://127.0.0.1:{server}/flows#top"), "/flows#top"),
        (&format!("http://a.localhost:{port}/flows"), "/flows"),
        (&format!("http://127.0.0.1:{server}/api/flows"), "/"),
    ] {
        let url = place.done(&["open", link, "--print"]);
        let (host, path) = url.trim().trim_start_matches("http://").split_once('/').unwrap();
        let answer = server::ask(port, &format!("GET /{path} HTTP/1.1\r\nHost: {host}"));
        assert!(answer.starts_with("HTTP/1.1 303") && answer.contains(&format!("location: {page}\r\n")), "{answer}");
        held("H85");
    }
    for (link, exit, code) in [
        ("postern://a/../x", 2, "link_refused"),
        ("postern://a/.postern/enter?pass=x", 2, "link_refused"),
        ("https://eve:canary@a.example.com/", 2, "link_refused"),
        ("file:///etc/passwd", 2, "link_refused"),
        ("postern://b/flows", 1, "no_such_profile"),
        ("https://new.example.com/flows", 1, "no_profile_there"),
    ] {
        let (refused, said, _) = place.refused(&["open", link, "--print"]);
        assert_eq!((refused, said.as_str()), (exit, code), "{link}");
        held("H85");
    }
    assert_eq!(place.text(), before);
}

#[test]
fn open_prints_an_address_that_lets_a_browser_in_once() {
    let server = server::serve(0);
    let (mut place, port) = place(server);
    let (exit, code, message) = place.refused(&["open", "a", "--print"]);
    assert_eq!((exit, code.as_str()), (3, "gateway_not_running"));
    assert!(message.contains("postern serve a"), "{message}");

    let mut serving = Serving::start(&place, &["a"]);
    serving.next_out();
    let url = place.done(&["open", "a", "--print"]);
    let path = url.trim_end().split_once(&format!(":{port}")).unwrap().1;
    let host = url.trim_start_matches("http://").split('/').next().unwrap();
    let enter = format!("GET {path} HTTP/1.1\r\nHost: {host}");
    let answer = server::ask(port, &enter);
    assert!(answer.starts_with("HTTP/1.1 303") && answer.to_lowercase().contains("set-cookie"), "{answer}");
    assert!(server::ask(port, &enter).starts_with("HTTP/1.1 403"), "a second time");

    place.set("POSTERN_SECRET_A_LOCAL_KEY", "another");
    assert_eq!(place.refused(&["open", "a", "--print"]).0, 4);
}

#[cfg(target_os = "linux")]
#[test]
fn a_browser_is_handed_the_address_and_none_of_our_secrets() {
    use std::os::unix::fs::PermissionsExt as _;

    let server = server::serve(0);
    let (mut place, port) = place(server);
    let programs = place.dir().join("bin");
    let browser = programs.join("xdg-open");
    std::fs::create_dir(&programs).unwrap();
    std::fs::write(&browser, "#!/bin/sh\n{ echo \"$@\"; env; } > \"$0.saw\"\n").unwrap();
    std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o700)).unwrap();
    let path = format!("{}:/usr/bin:/bin", programs.display());
    place.set("PATH", &path);
    let mut serving = Serving::start(&place, &["a"]);
    serving.next_out();
    #[cfg(target_os = "linux")]
    assert_eq!(place.refused(&["open", "a"]).1, "no_browser");
    place.set("DISPLAY", ":0");
    assert_eq!(place.done(&["open", "a"]), "Opened a in the browser.\n");
    let saw = std::fs::read_to_string(programs.join("xdg-open.saw")).unwrap();
    assert!(saw.starts_with(&format!("http://a.localhost:{port}/.postern/enter?pass=")), "{saw}");
    assert!(!saw.contains("POSTERN_SECRET") && !saw.contains(CANARY), "{saw}");

    place.set("PATH", "/nowhere");
    assert_eq!(place.refused(&["open", "a"]).1, "no_browser");
}

#[test]
fn a_port_that_is_taken_ends_it_and_names_the_program() {
    let (place, port) = place(free_port());
    let _holder = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let (exit, code, message) = place.refused(&["serve", "a"]);
    assert_eq!((exit, code.as_str()), (1, "port_taken"));
    assert!(message.contains(&port.to_string()), "{message}");
    #[cfg(target_os = "linux")]
    assert!(message.contains(&format!("pid {}", std::process::id())), "{message}");
}

#[test]
fn a_missing_secret_ends_it_and_says_what_to_set() {
    let (_, port) = place(free_port());
    let place = Place::with(&format!(
        "version = 1\n[[profile]]\nid = \"a\"\nurl = \"http://127.0.0.1:9\"\nport = {port}\n[profile.edge]\nkind = \"bearer\"\n"
    ));
    let (exit, code, message) = place.refused(&["serve", "a"]);
    assert_eq!((exit, code.as_str()), (5, "secret_missing"));
    assert!(message.contains("POSTERN_SECRET_A_EDGE_TOKEN"), "{message}");
    #[cfg(target_os = "linux")]
    {
        let (exit, code, _) = place.refused(&["--vault", "os", "serve", "a"]);
        assert_eq!((exit, code.as_str()), (5, "vault_absent"));
    }
}

#[test]
fn a_server_that_is_away_is_told_and_may_come_back() {
    let server = free_port();
    let (place, _) = place(server);
    let mut serving = Serving::start(&place, &["a"]);
    assert_eq!(serving.next_out()["event"], "ready");
    let fault = serving.next_err();
    assert_eq!((&fault["event"], &fault["code"]), (&"fault".into(), &"server_unreachable".into()), "{fault}");
    assert!(fault["remedy"].as_str().unwrap().contains("VPN"), "{fault}");
    server::serve(server);
    assert_eq!(serving.next_err(), json!({"event": "recovered", "profile": "a"}));
}

#[test]
fn a_profile_that_is_removed_meanwhile_ends_it_and_is_said() {
    let server = server::serve(0);
    let (place, _) = place(server);
    let mut serving = Serving::start(&place, &["a"]);
    assert_eq!(serving.next_out()["event"], "ready");
    place.done(&["remove", "a"]);
    assert_eq!(serving.next_err()["error"]["code"], "no_such_profile");
}

#[test]
fn a_wrong_password_is_told_as_what_it_is() {
    let server = server::serve(0);
    let (mut place, _) = place(server);
    place.set("POSTERN_SECRET_A_EDGE_PASSWORD", "not the canary");
    let mut serving = Serving::start(&place, &["a"]);
    assert_eq!(serving.next_err()["code"], "edge_credential_wrong");
}

#[test]
fn without_names_it_serves_what_always_connects() {
    let server = server::serve(0);
    let (mut place, _) = place(server);
    let ports = [free_port(), free_port()];
    for (id, port) in ["b", "c"].iter().zip(ports) {
        let connect = if *id == "b" { "always" } else { "on-demand" };
        let url = format!("http://127.0.0.1:{server}");
        place.done(&["add", "--id", id, "--url", &url, "--port", &port.to_string(), "--connect", connect]);
    }
    let mut serving = Serving::start(&place, &[]);
    let mut ready = [serving.next_out(), serving.next_out()].map(|line| line["profile"].as_str().unwrap().to_owned());
    ready.sort();
    assert_eq!(ready, ["a", "b"]);
    TcpListener::bind(("127.0.0.1", ports[1])).expect("c is served on demand only");

    // One that cannot start does not take the others with it.
    place.set("POSTERN_SECRET_A_EDGE_PASSWORD", "canary");
    drop(serving);
    let _holder = TcpListener::bind(("127.0.0.1", ports[0])).unwrap();
    let mut serving = Serving::start(&place, &["a", "b"]);
    assert_eq!(serving.next_out()["profile"], "a");
    assert_eq!(serving.next_err()["code"], "port_taken");
    drop(serving);

    place.done(&["edit", "a", "--connect", "on-demand"]);
    place.done(&["edit", "b", "--connect", "on-demand"]);
    assert_eq!(place.refused(&["serve"]).1, "nothing_to_serve");
}
