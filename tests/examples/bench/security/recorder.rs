//! A server that answers anything with 200 and writes down what came, a connection at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use postern_tests::wait::until;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// What belongs together comes without such a pause.
const PAUSE: Duration = Duration::from_millis(250);

#[derive(Clone, Default)]
pub(crate) struct Recorder {
    pub(crate) address: String,
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
    open: Arc<AtomicUsize>,
}

impl Recorder {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let recorder = Self { address: listener.local_addr()?.to_string(), ..Self::default() };
        let own = recorder.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let own = own.clone();
                own.open.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(async move {
                    own.record(stream).await;
                    own.open.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
        Ok(recorder)
    }

    /// One answer to all that comes, however many requests that is: the connection ends with it.
    async fn record(&self, mut stream: TcpStream) {
        let mut bytes = Vec::new();
        if stream.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
            while let Ok(Ok(1..)) = timeout(PAUSE, stream.read_buf(&mut bytes)).await {}
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
            // Who has gone away need not be told.
            stream.write_all(answer).await.ok();
        }
    }

    /// Waits until nothing more comes.
    pub(crate) async fn settle(&self) {
        let idle = async || Ok((self.open.load(Ordering::Relaxed) == 0).then_some(()));
        // Some keep a connection open on which they send nothing: that is no more to come either.
        until("the last connection's end", 4 * PAUSE, idle).await.ok();
    }

    /// What came with such a number in it.
    pub(crate) fn seen(&self, id: &str) -> Seen {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        Seen(seen.iter().filter(|bytes| find(bytes, id.as_bytes()).is_some()).cloned().collect())
    }
}

/// What came of one case: all the bytes of each connection.
pub(crate) struct Seen(Vec<Vec<u8>>);

impl Seen {
    pub(crate) fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether a text is in any of it, in whatever case.
    pub(crate) fn has(&self, text: &str) -> bool {
        self.0.iter().any(|bytes| find(&bytes.to_ascii_lowercase(), text.to_ascii_lowercase().as_bytes()).is_some())
    }

    /// Whether it is more than one request, or what is one by one reading and not by another.
    pub(crate) fn is_ambiguous(&self) -> bool {
        self.0.len() > 1 || self.0.iter().any(|bytes| length(bytes) != Some(bytes.len()))
    }
}

/// The length of the one request that bytes begin with, if nobody can read another one there.
fn length(bytes: &[u8]) -> Option<usize> {
    let head_end = find(bytes, b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..head_end]).ok()?;
    let (mut length, mut chunked) = (None, false);
    for line in head.strip_suffix("\r\n\r\n")?.split("\r\n").skip(1) {
        let (name, value) = line.split_once(':')?;
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(token) || value.contains(['\r', '\n', '\0']) {
            return None;
        }
        let value = value.trim_matches([' ', '\t']);
        if name.eq_ignore_ascii_case("content-length") {
            let plain = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
            if !plain || length.replace(value.parse::<usize>().ok()?).is_some() {
                return None;
            }
        } else if name.eq_ignore_ascii_case("transfer-encoding")
            && (!value.eq_ignore_ascii_case("chunked") || std::mem::replace(&mut chunked, true))
        {
            return None;
        }
    }
    match (length, chunked) {
        (Some(_), true) => None,
        (length, false) => Some(head_end + length.unwrap_or(0)),
        (None, true) => chunks(&bytes[head_end..]).map(|length| head_end + length),
    }
}

/// The length of a chunked body without extensions.
fn chunks(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let line = find(&bytes[at..], b"\r\n")?;
        let size = std::str::from_utf8(&bytes[at..at + line]).ok()?;
        let size =
            size.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| usize::from_str_radix(size, 16).ok())??;
        at += line + 2;
        if size == 0 {
            // Trailers, each a line; then an empty one.
            return Some(at + if bytes[at..].starts_with(b"\r\n") { 2 } else { find(&bytes[at..], b"\r\n\r\n")? + 4 });
        }
        at = at.checked_add(size)?;
        bytes.get(at..)?.strip_prefix(b"\r\n")?;
        at += 2;
    }
}

fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text)
}
