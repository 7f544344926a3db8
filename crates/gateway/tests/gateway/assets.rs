//! What was fetched before does not reach the server again; what is not to be kept does, and is nowhere on the disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use postern_gateway::{Config, Gateway, Secret};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::support::{KEY, Received, SOON, Server, ask, body, config, header, key, ok, status};

/// A name from Prefect 3.8.8, whose content here is what it asked for.
const SCRIPT: &str = "/v2/assets/index-Dyy5jLiI.js";
const OTHER: &str = "/v2/assets/artifact._id-BQ8PdDur.js";

/// A server that tells its version and has whatever `answer` says, and a folder.
struct Scene {
    server: Server,
    version: Arc<Mutex<String>>,
    place: TempDir,
}

impl Scene {
    async fn new(answer: impl Fn(&Received) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        let version = Arc::new(Mutex::new("3.8.8".to_owned()));
        let told = Arc::clone(&version);
        let server = Server::start(move |request| match request.target() {
            "/api/admin/version" => Some(ok("application/json", &format!("\"{}\"", told.lock().unwrap())).into_bytes()),
            _ => answer(request),
        });
        Self { server: server.await, version, place: TempDir::new().unwrap() }
    }

    /// Each asset's content is its path.
    async fn plain() -> Self {
        Self::new(|request| Some(script(request.target()).into_bytes())).await
    }

    fn folder(&self) -> PathBuf {
        self.place.path().join("assets/profile-prod")
    }

    fn config(&self) -> Config {
        Config { assets: Some(self.folder()), ..config(self.server.port) }
    }

    /// A gateway that knows the server's version.
    async fn gateway(&self) -> Gateway {
        start(self.config()).await
    }

    /// How often the server was asked for it.
    fn asked(&self, path: &str) -> usize {
        self.server.received().iter().filter(|request| request.target() == path).count()
    }

    /// Waits until so many files are kept and none is being written. A folder tells nobody when that is.
    async fn until_kept(&self, count: usize) {
        until_holds(&self.folder(), count).await;
    }

    fn files(&self) -> Vec<PathBuf> {
        files(&self.folder())
    }
}

async fn start(config: Config) -> Gateway {
    let gateway = Gateway::start(config).await.unwrap();
    gateway.probe().await;
    gateway
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).map(|entries| entries.map(|entry| entry.unwrap().path()).collect()).unwrap_or_default()
}

fn half_written(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "new")
}

async fn until_holds(folder: &Path, count: usize) {
    let holds = async {
        while files(folder).len() != count || files(folder).iter().any(|file| half_written(file)) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, holds).await.unwrap_or_else(|_| panic!("not {count}: {:?}", files(folder)));
}

fn script(content: &str) -> String {
    with("ETag: \"abc\"\r\nLast-Modified: Sat, 21 Nov 2026 18:13:00 GMT\r\nX-Echo: s3cret-canary", content)
}

/// A script with these header lines.
fn with(lines: &str, content: &str) -> String {
    let length = content.len();
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/javascript\r\nContent-Length: {length}\r\n{lines}\r\n\r\n{content}")
}

async fn get(gateway: &Gateway, path: &str) -> String {
    ask(gateway, &format!("GET {path}"), &key()).await
}

#[tokio::test]
async fn an_asset_is_fetched_once_and_after_a_restart_not_at_all() {
    let scene = Scene::plain().await;
    let gateway = scene.gateway().await;
    let first = get(&gateway, SCRIPT).await;
    assert_eq!((status(&first), body(&first)), (200, SCRIPT));
    scene.until_kept(1).await;

    let again = get(&gateway, SCRIPT).await;
    gateway.stop().await;
    let restarted = get(&scene.gateway().await, SCRIPT).await;
    for answer in [again, restarted] {
        assert_eq!(body(&answer), SCRIPT);
        for name in ["content-type", "content-length", "etag", "last-modified", "cache-control"] {
            assert_eq!((name, header(&answer, name)), (name, header(&first, name)));
        }
        assert_eq!(header(&answer, "x-echo"), [""; 0], "no more of a head is kept than a page needs");
    }
    assert_eq!(scene.asked(SCRIPT), 1);
    let [file] = &scene.files()[..] else { panic!("one file") };
    assert!(!String::from_utf8_lossy(&fs::read(file).unwrap()).contains("canary"));
    #[cfg(unix)]
    for (path, mode) in [(file.as_path(), 0o600), (&scene.folder(), 0o700)] {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, mode, "{}", path.display());
    }
}

#[tokio::test]
async fn whatever_its_size_and_framing_it_comes_whole_both_times() {
    // Prefect's largest has 4.9 MB.
    let content: String = (0..700_000).map(|line| format!("{line}\n")).collect();
    let chunked: String = content
        .as_bytes()
        .chunks(100_000)
        .map(|piece| format!("{:x}\r\n{}\r\n", piece.len(), String::from_utf8_lossy(piece)))
        .collect();
    let chunked = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/javascript\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}0\r\n\r\n"
    );
    let answers = [with("X: 1", &content), chunked];
    let scene = Scene::new(move |request| Some(answers[usize::from(request.target() == OTHER)].clone().into())).await;
    let gateway = scene.gateway().await;
    for (kept, path) in [SCRIPT, OTHER].into_iter().enumerate() {
        let first = get(&gateway, path).await;
        scene.until_kept(kept + 1).await;
        // Chunks are the gateway's own, and hide the content here.
        assert!(path == OTHER || body(&first) == content);
        let again = get(&gateway, path).await;
        assert_eq!(header(&again, "content-length"), [content.len().to_string()]);
        assert!(body(&again) == content, "{path}");
        assert_eq!(scene.asked(path), 1);
    }
}

#[tokio::test]
async fn another_version_server_or_key_has_files_of_its_own_and_the_old_ones_go() {
    let scene = Scene::plain().await;
    let gateway = scene.gateway().await;
    get(&gateway, SCRIPT).await;
    get(&gateway, OTHER).await;
    scene.until_kept(2).await;
    let old = scene.files();

    *scene.version.lock().unwrap() = "3.9.0".to_owned();
    gateway.probe().await;
    get(&gateway, SCRIPT).await;
    scene.until_kept(1).await;
    assert!(!old.contains(&scene.files()[0]));
    assert_eq!(scene.asked(SCRIPT), 2);
    gateway.stop().await;

    let another = Scene::plain().await;
    let gateway = start(Config { assets: Some(scene.folder()), ..another.config() }).await;
    get(&gateway, OTHER).await;
    scene.until_kept(1).await;
    assert_eq!(another.asked(OTHER), 1);
    gateway.stop().await;

    let gateway = start(Config { local_key: Secret::new("renewed"), ..scene.config() }).await;
    let renewed =
        key().replace(&crate::support::basic(&format!("postern:{KEY}")), &crate::support::basic("postern:renewed"));
    ask(&gateway, &format!("GET {SCRIPT}"), &renewed).await;
    scene.until_kept(1).await;
    assert_eq!(scene.asked(SCRIPT), 3);
}

#[tokio::test]
async fn without_a_known_version_everything_passes_by() {
    let scene = Scene::plain().await;
    let gateway = Gateway::start(scene.config()).await.unwrap();
    for times in 1..=2 {
        assert_eq!(body(&get(&gateway, SCRIPT).await), SCRIPT);
        assert_eq!(scene.asked(SCRIPT), times);
    }
    assert!(!scene.place.path().join("assets").exists());
}

#[tokio::test]
async fn what_is_not_to_be_kept_reaches_the_server_again_and_is_not_on_the_disk() {
    let typed = |media_type: &str| ok(media_type, "content");
    let long = "x".repeat((8 << 20) + 1);
    let pieces = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/javascript\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{long}\r\n0\r\n\r\n",
        long.len()
    );
    let cases: Vec<(&str, &str, String)> = vec![
        ("a page", "/", typed("text/html")),
        ("a name without a hash", "/assets/index-settings.js", typed("text/javascript")),
        ("outside of the assets", "/index-Dyy5jLiI.js", typed("text/javascript")),
        ("the API", "/api/assets/index-Dyy5jLiI.js", typed("text/javascript")),
        ("the API in disguise", "/assets/../%61pi/assets/index-Dyy5jLiI.js", typed("text/javascript")),
        ("a query", "/assets/index-Dyy5jLiI.js?token=1", typed("text/javascript")),
        ("another status", SCRIPT, typed("text/javascript").replace("200 OK", "404 Not Found")),
        ("a part", SCRIPT, with("Content-Range: bytes 0-6/100", "content").replace("200 OK", "206 Partial Content")),
        ("a part that calls itself whole", SCRIPT, with("Content-Range: bytes 0-6/100", "content")),
        ("a cookie", SCRIPT, with("Set-Cookie: a=b", "content")),
        ("the server forbids it", SCRIPT, with("Cache-Control: max-age=1, No-Store", "content")),
        ("it varies with the cookie", SCRIPT, with("Vary: Accept-Encoding\r\nVary: Origin, Cookie", "content")),
        ("it varies with everything", SCRIPT, with("Vary: *", "content")),
        ("a page in place of a script", SCRIPT, typed("text/html; charset=utf-8")),
        ("JSON in place of a script", SCRIPT, typed("application/json")),
        ("a style in place of a script", SCRIPT, typed("text/css")),
        ("a script in place of a style", "/assets/index-CnmqbumH.css", typed("text/javascript")),
        ("a type nobody knows", "/assets/index-CnmqbumH.bin", typed("application/octet-stream")),
        ("no type", SCRIPT, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\ncontent".to_owned()),
        ("no end but the connection's", SCRIPT, "HTTP/1.1 200 OK\r\nContent-Type: text/javascript\r\nConnection: close\r\n\r\ncontent".to_owned()),
        ("too long, and says so", SCRIPT, with("X: 1", &long)),
        ("too long, and does not say so", SCRIPT, pieces),
        ("less than it says", SCRIPT, "HTTP/1.1 200 OK\r\nContent-Type: text/javascript\r\nContent-Length: 99\r\nConnection: close\r\n\r\ncontent".to_owned()),
        ("broken off", SCRIPT, "HTTP/1.1 200 OK\r\nContent-Type: text/javascript\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n7\r\ncontent\r\n".to_owned()),
    ];
    for (case, path, answer) in cases {
        let scene = Scene::new(move |request| match request.target() {
            OTHER => Some(script(OTHER).into_bytes()),
            _ => Some(answer.clone().into_bytes()),
        })
        .await;
        let gateway = scene.gateway().await;
        get(&gateway, path).await;
        // What is kept after it is: had it been kept, it would be there by now.
        get(&gateway, OTHER).await;
        scene.until_kept(1).await;
        get(&gateway, OTHER).await;
        get(&gateway, path).await;
        let received = scene.server.received();
        let received: Vec<&str> = received.iter().map(Received::target).collect();
        assert_eq!((received.len(), received[3]), (4, received[1]), "{case}: {received:?}");
        assert_eq!(received.iter().filter(|target| **target == OTHER).count(), 1, "{case}: {received:?}");
        scene.until_kept(1).await;
    }
}

#[tokio::test]
async fn what_the_server_forbids_to_keep_is_not_called_immutable() {
    let scene = Scene::new(|_| Some(with("Cache-Control: no-store", "content").into_bytes())).await;
    let answer = get(&scene.gateway().await, SCRIPT).await;
    assert_eq!(header(&answer, "cache-control"), ["no-store"]);
}

#[tokio::test]
async fn a_question_for_the_server_reaches_it() {
    let scene = Scene::new(|request| {
        Some(match request.target() {
            OTHER => with("Content-Encoding: gzip\r\nVary: Accept-Encoding", "zipped").into_bytes(),
            path => script(path).into_bytes(),
        })
    })
    .await;
    let gateway = scene.gateway().await;
    get(&gateway, SCRIPT).await;
    ask(&gateway, &format!("GET {OTHER}"), &format!("{}Accept-Encoding: gzip\r\n", key())).await;
    scene.until_kept(2).await;
    for (line, headers, reaches) in [
        (format!("GET {SCRIPT}"), "", false),
        (format!("GET {SCRIPT}"), "Accept-Encoding: gzip\r\n", false),
        (format!("GET {SCRIPT}"), "Cache-Control: max-age=0\r\n", false),
        (format!("GET {SCRIPT}"), "Range: bytes=0-1\r\n", true),
        (format!("GET {SCRIPT}"), "If-Match: \"abc\"\r\n", true),
        (format!("GET {SCRIPT}"), "Cache-Control: no-cache\r\n", true),
        (format!("GET {SCRIPT}"), "Pragma: no-cache\r\n", true),
        (format!("GET {SCRIPT}"), "Cache-Control: no-store\r\n", true),
        (format!("GET {SCRIPT}"), "Content-Length: 1\r\n\r\nx", true),
        (format!("GET {SCRIPT}?again"), "", true),
        (format!("OPTIONS {SCRIPT}"), "", true),
        (format!("GET {OTHER}"), "Accept-Encoding: br, GZIP;q=0.5\r\n", false),
        (format!("GET {OTHER}"), "Accept-Encoding: br, gzip;q=0.0\r\n", true),
        (format!("GET {OTHER}"), "Accept-Encoding: identity\r\n", true),
        (format!("GET {OTHER}"), "", true),
    ] {
        let before = scene.server.received().len();
        let answer = ask(&gateway, &line, &format!("{}{headers}", key())).await;
        assert_eq!(status(&answer), 200, "{line} {headers}: {answer}");
        assert_eq!(scene.server.received().len() - before, usize::from(reaches), "{line} {headers}");
        scene.until_kept(2).await;
    }
}

#[tokio::test]
async fn conditions_and_head_are_answered_as_the_server_would() {
    let scene = Scene::plain().await;
    let gateway = scene.gateway().await;
    get(&gateway, SCRIPT).await;
    scene.until_kept(1).await;
    for (method, condition, expected) in [
        ("GET", "If-None-Match: \"abc\"", 304),
        ("GET", "If-None-Match: \"x\", W/\"abc\"", 304),
        ("GET", "If-None-Match: *", 304),
        ("HEAD", "If-None-Match: \"abc\"", 304),
        ("GET", "If-Modified-Since: Sat, 21 Nov 2026 18:13:00 GMT", 304),
        ("GET", "If-None-Match: \"abcd\"", 200),
        ("GET", "If-None-Match: \"abcd\"\r\nIf-Modified-Since: Sat, 21 Nov 2026 18:13:00 GMT", 200),
        ("GET", "If-Modified-Since: Sat, 21 Nov 2026 18:13:01 GMT", 200),
        ("HEAD", "X: 1", 200),
    ] {
        let answer = ask(&gateway, &format!("{method} {SCRIPT}"), &format!("{}{condition}\r\n", key())).await;
        assert_eq!(status(&answer), expected, "{condition}");
        assert_eq!(header(&answer, "etag"), ["\"abc\""], "{condition}");
        let (length, content) = if expected == 304 { (vec![], "") } else { (vec!["28"], SCRIPT) };
        assert_eq!(header(&answer, "content-length"), length, "{condition}");
        assert_eq!(body(&answer), if method == "HEAD" { "" } else { content }, "{condition}");
    }
    assert_eq!(scene.asked(SCRIPT), 1);
}

#[tokio::test]
async fn nobody_gets_a_kept_asset_who_would_not_get_it_from_the_server() {
    let scene = Scene::plain().await;
    let gateway = scene.gateway().await;
    get(&gateway, SCRIPT).await;
    scene.until_kept(1).await;
    for (headers, expected) in [
        (String::new(), 401),
        (format!("Authorization: {}\r\n", crate::support::basic("postern:wrong")), 401),
        (format!("{}Origin: http://evil.example\r\n", key()), 403),
        (format!("{}Sec-Fetch-Site: cross-site\r\n", key()), 403),
    ] {
        let answer = ask(&gateway, &format!("GET {SCRIPT}"), &headers).await;
        assert_eq!((status(&answer), answer.contains(SCRIPT)), (expected, false), "{headers}");
    }
}

#[tokio::test]
async fn a_server_that_is_down_or_refuses_us_is_not_missed_by_assets_and_told_of_by_pages() {
    let trouble = Arc::new(Mutex::new(None));
    let now = Arc::clone(&trouble);
    let scene = Scene::new(move |request| {
        let trouble: Option<&str> = *now.lock().unwrap();
        trouble.map_or_else(|| Some(script(request.target()).into_bytes()), |answer| Some(answer.into()))
    })
    .await;
    let gateway = scene.gateway().await;
    get(&gateway, SCRIPT).await;
    scene.until_kept(1).await;
    for (answer, fault) in [
        ("HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n", "server_down"),
        ("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n", "edge_credential_wrong"),
    ] {
        *trouble.lock().unwrap() = Some(answer);
        assert_eq!(body(&get(&gateway, SCRIPT).await), SCRIPT);
        for path in ["/", OTHER] {
            assert_eq!(header(&get(&gateway, path).await, "postern-fault"), [fault], "{path}");
        }
    }
}

/// What somebody does to kept files.
type Damage = fn(&Path, &Path);

#[tokio::test]
async fn what_was_damaged_or_planted_is_deleted_and_fetched_again() {
    let damages: [(&str, Damage); 8] = [
        ("a byte of the body", |file, _| flip(file, |length| length - 40)),
        ("a byte of the head", |file, _| flip(file, |_| 20)),
        ("a byte of the seal", |file, _| flip(file, |length| length - 1)),
        ("its end is missing", |file, _| fs::write(file, &fs::read(file).unwrap()[..60]).unwrap()),
        ("it is empty", |file, _| fs::write(file, "").unwrap()),
        ("another's content under its name", |file, other| fs::write(file, fs::read(other).unwrap()).unwrap()),
        ("a link to itself, elsewhere", |file, _| {
            let elsewhere = file.parent().unwrap().with_file_name("elsewhere");
            fs::rename(file, &elsewhere).unwrap();
            link(&elsewhere, file);
        }),
        ("a link to another program's file", |file, _| {
            let elsewhere = file.parent().unwrap().with_file_name("private");
            fs::write(&elsewhere, "private").unwrap();
            fs::remove_file(file).unwrap();
            link(&elsewhere, file);
        }),
    ];
    for (damage, make) in damages {
        let scene = Scene::plain().await;
        let gateway = scene.gateway().await;
        get(&gateway, OTHER).await;
        scene.until_kept(1).await;
        let other = scene.files().remove(0);
        get(&gateway, SCRIPT).await;
        scene.until_kept(2).await;
        let file = scene.files().into_iter().find(|file| *file != other).unwrap();
        make(&file, &other);

        assert_eq!(body(&get(&gateway, SCRIPT).await), SCRIPT, "{damage}");
        assert_eq!(scene.asked(SCRIPT), 2, "{damage}");
        scene.until_kept(2).await;
        assert!(fs::symlink_metadata(&file).unwrap().is_file(), "{damage}");
        assert_eq!(body(&get(&gateway, SCRIPT).await), SCRIPT, "{damage}");
        assert_eq!(scene.asked(SCRIPT), 2, "{damage}");
        let private = scene.place.path().join("assets/private");
        assert!(!private.exists() || fs::read(private).unwrap() == b"private", "{damage}");
    }
}

fn flip(file: &Path, at: impl Fn(usize) -> usize) {
    let mut bytes = fs::read(file).unwrap();
    let at = at(bytes.len());
    bytes[at] ^= 1;
    fs::write(file, bytes).unwrap();
}

#[cfg(unix)]
fn link(to: &Path, from: &Path) {
    std::os::unix::fs::symlink(to, from).unwrap();
}

#[cfg(windows)]
fn link(to: &Path, from: &Path) {
    std::os::windows::fs::symlink_file(to, from).unwrap();
}

#[tokio::test]
async fn of_what_a_visitor_did_not_stay_for_nothing_stays() {
    // The head, a little of the body, and then nothing.
    let scene = Scene::new(|_| Some(with("X: 1", &"x".repeat(100)).as_bytes()[..90].to_vec())).await;
    let gateway = scene.gateway().await;
    let mut visitor = TcpStream::connect(("127.0.0.1", gateway.port())).await.unwrap();
    let head = format!("GET {SCRIPT} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{}\r\n", gateway.port(), key());
    visitor.write_all(head.as_bytes()).await.unwrap();
    visitor.read_u8().await.unwrap();
    let being_written = async {
        while !scene.files().iter().any(|file| half_written(file)) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, being_written).await.unwrap();
    drop(visitor);
    scene.until_kept(0).await;
}

/// What makes a folder unusable.
type Spoil = fn(&Path);

#[tokio::test]
async fn a_folder_that_cannot_be_used_changes_nothing() {
    let spoil: [(&str, Spoil); 3] = [
        ("a file in its place", |folder| fs::write(folder, "").unwrap()),
        ("a file above it", |folder| {
            fs::remove_dir(folder.parent().unwrap()).unwrap();
            fs::write(folder.parent().unwrap(), "").unwrap();
        }),
        ("a link in its place", |folder| {
            let elsewhere = folder.with_file_name("elsewhere");
            fs::create_dir(&elsewhere).unwrap();
            link(&elsewhere, folder);
        }),
    ];
    for (case, spoil) in spoil {
        let scene = Scene::plain().await;
        fs::create_dir(scene.folder().parent().unwrap()).unwrap();
        spoil(&scene.folder());
        let gateway = scene.gateway().await;
        for times in 1..=3 {
            assert_eq!(body(&get(&gateway, SCRIPT).await), SCRIPT, "{case}");
            assert_eq!(scene.asked(SCRIPT), times, "{case}");
        }
        assert_eq!(files(&scene.place.path().join("assets/elsewhere")), Vec::<PathBuf>::new(), "{case}");
    }
}

#[tokio::test]
async fn a_folder_that_was_deleted_does_not_come_back_by_itself() {
    let scene = Scene::plain().await;
    let gateway = scene.gateway().await;
    get(&gateway, SCRIPT).await;
    scene.until_kept(1).await;
    fs::remove_dir_all(scene.folder()).unwrap();
    for times in 2..=3 {
        assert_eq!(body(&get(&gateway, SCRIPT).await), SCRIPT);
        assert_eq!(scene.asked(SCRIPT), times);
    }
    assert!(!scene.folder().exists());
}

#[tokio::test]
async fn what_a_crash_left_half_written_goes_and_what_is_not_ours_is_not_followed() {
    let scene = Scene::plain().await;
    let gateway = scene.gateway().await;
    get(&gateway, SCRIPT).await;
    scene.until_kept(1).await;
    gateway.stop().await;
    let kept = scene.files().remove(0);
    let elsewhere = scene.place.path().join("elsewhere");
    fs::write(&elsewhere, "private").unwrap();
    fs::write(kept.with_extension("new"), "half").unwrap();
    fs::write(kept.with_file_name("x"), "what").unwrap();
    link(&elsewhere, &kept.with_file_name("y"));

    assert_eq!(body(&get(&scene.gateway().await, SCRIPT).await), SCRIPT);
    assert_eq!((scene.files(), scene.asked(SCRIPT)), (vec![kept], 1));
    assert_eq!(fs::read(elsewhere).unwrap(), b"private");
}
