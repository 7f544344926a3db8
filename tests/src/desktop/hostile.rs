//! A "Prefect server" whose page tries to get out of its window and into the app, and reports how it fared.
//!
//! What it tries is in `hostile.html`: the app's IPC by every name it goes by, in the page, in frames and
//! after redirects; schemes of the app and of the system; links and windows to foreign places. Reports come
//! back as `GET /report?<name>=<outcome>`. The first answer to `/broken` breaks off. `/restless` does not want to be left,
//! and `/late` comes when it was.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Where a redirect of the server's leads to: a foreign place that nobody can reach from here.
pub const ELSEWHERE: &str = "https://elsewhere.example/";

const PAGE: &str = include_str!("hostile.html");

/// Loads itself again when what it waits for is stopped, as Prefect's UI does.
const RESTLESS: &str = "<!doctype html><title>Restless</title>\
    <script>fetch('/waits').finally(() => location.reload())</script>";

#[derive(Debug, Default)]
struct Seen {
    reports: Mutex<BTreeMap<String, String>>,
    loads: AtomicUsize,
    broken: AtomicBool,
    left: watch::Sender<bool>,
}

/// The server. Dropping it ends it.
#[derive(Debug)]
pub struct Hostile {
    port: u16,
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

impl Hostile {
    /// Starts it.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("no free port")?;
        let port = listener.local_addr()?.port();
        let seen = Arc::<Seen>::default();
        let noted = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&noted)));
            }
        });
        Ok(Self { port, seen, task })
    }

    /// `http://127.0.0.1:<port>`
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What the page reported so far, by name.
    #[must_use]
    pub fn reports(&self) -> BTreeMap<String, String> {
        self.seen.reports.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many times the page was loaded, not counting frames.
    #[must_use]
    pub fn loads(&self) -> usize {
        self.seen.loads.load(Ordering::Relaxed)
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(mut stream: TcpStream, seen: Arc<Seen>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let target = head.split(' ').nth(1).unwrap_or("/");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if path == "/" {
        seen.loads.fetch_add(1, Ordering::Relaxed);
    }
    match path {
        "/waits" => {
            // It is not answered: the page hangs up.
            drop(stream.read_u8().await);
            seen.left.send_replace(true);
            return Ok(());
        }
        "/late" => drop(seen.left.subscribe().wait_for(|left| *left).await),
        _ => {}
    }
    let (status, kind, body) = match path {
        "/report" => {
            let mut reports = seen.reports.lock().unwrap_or_else(PoisonError::into_inner);
            reports.extend(url::form_urlencoded::parse(query.as_bytes()).into_owned());
            ("204 No Content", "text/plain", "")
        }
        "/away" => ("302 Found", "text/plain", ""),
        "/api/admin/version" => ("200 OK", "application/json", "\"3.8.8\""),
        "/ui-settings" => ("200 OK", "application/json", "{\"api_url\":\"/api\",\"flags\":[]}"),
        _ if path.starts_with("/api/") => ("404 Not Found", "application/json", "{}"),
        "/restless" => ("200 OK", "text/html", RESTLESS),
        "/late" => ("200 OK", "text/html", "<!doctype html><title>Late</title>"),
        _ => ("200 OK", "text/html", PAGE),
    };
    let location = if path == "/away" { format!("Location: {ELSEWHERE}\r\n") } else { String::new() };
    // The first time, what it promises does not come.
    let missing = if path == "/broken" && !seen.broken.swap(true, Ordering::Relaxed) { 1000 } else { 0 };
    let length = body.len() + missing;
    let length = if status.starts_with("204") { String::new() } else { format!("Content-Length: {length}\r\n") };
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{location}{length}Connection: close\r\n\r\n{body}");
    stream.write_all(head.as_bytes()).await
}
