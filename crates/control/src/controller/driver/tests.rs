//! The driver with real gateways, real files and a small server behind.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::Duration;

use insta::assert_snapshot;
use postern_gateway::Secret;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::*;
use crate::controller::Entry;
use crate::controller::fixture::{self, id};
use crate::diagnosis::Report;
use crate::look::{Ask, End, Look};
use crate::profile::{Slot, Written, WrittenEdge};
use crate::vault::Kind;
use crate::view::{EdgeDraft, SecretInput};

/// Longer than anything here takes; a test that waits this long has failed.
const LONG: Duration = Duration::from_secs(30);

/// What stands for an edge with Basic auth (`alice`, the password `s3cret`) and a Prefect behind it.
struct Server {
    address: SocketAddr,
    /// Somebody waits for what never comes.
    waited_for: Arc<Notify>,
    /// Answers nobody any more, as what has gone away without a word.
    deaf: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    async fn start() -> Self {
        Self::at(0).await
    }

    async fn at(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let waited_for = Arc::<Notify>::default();
        let deaf = Arc::<AtomicBool>::default();
        let (waits, deafened) = (Arc::clone(&waited_for), Arc::clone(&deaf));
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(answer(stream, Arc::clone(&waits), Arc::clone(&deafened)));
            }
        });
        Self { address, waited_for, deaf, task }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// With all its connections.
    async fn stop(self) {
        self.task.abort();
        drop(self.task.await);
    }
}

async fn answer(mut stream: TcpStream, waited_for: Arc<Notify>, deaf: Arc<AtomicBool>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    if head.starts_with("GET /api/slow ") || deaf.load(Ordering::Relaxed) {
        waited_for.notify_one();
        std::future::pending::<()>().await;
    }
    // alice:s3cret
    let answer = if head.contains("Basic YWxpY2U6czNjcmV0") {
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\nConnection: close\r\n\r\n\"3.8.8\""
    } else {
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    };
    drop(stream.write_all(answer.as_bytes()).await);
}

/// A port that is free now. Each call gives another one, so that tests side by side do not collide.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + u16::try_from(std::process::id() % 200).unwrap() * 100;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed);
        if std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

fn written(name: &str, url: &str) -> Written {
    Written {
        id: name.to_owned(),
        url: url.to_owned(),
        port: Some(free_port().into()),
        edge: Some(WrittenEdge::basic("alice")),
        ..Written::default()
    }
}

struct Desk {
    folder: TempDir,
    handle: Handle,
    requests: mpsc::UnboundedReceiver<ShellRequest>,
    vault: Vault,
    activity: Activity,
}

impl Desk {
    /// A controller with these profiles in its file and `password` in its vault.
    async fn with(profiles: &[Written], password: Option<&str>, at_start: AtStart) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::at(folder.path()).unwrap();
        let vault = Vault::open(Kind::Memory);
        let mut store = Store::load(folders.clone());
        for written in profiles {
            let profile = store.add(written.clone()).unwrap();
            if let Some(password) = password {
                vault.set(&profile.id, &Slot::EdgePassword, Secret::new(password)).await.unwrap();
            }
        }
        let activity = Activity::default();
        let options = Options {
            folders,
            vault: vault.clone(),
            at_start,
            activity: Some(activity.clone()),
            surroundings: Surroundings::default(),
        };
        let (handle, requests) = Controller::start(options);
        Self { folder, handle, requests, vault, activity }
    }

    async fn until(&self, what: &str, condition: impl FnMut(&Arc<State>) -> bool) -> Arc<State> {
        let mut state = self.handle.state();
        let found = tokio::time::timeout(LONG, state.wait_for(condition)).await;
        found.unwrap_or_else(|_| panic!("never: {what}; it is {:?}", self.handle.state().borrow())).unwrap().clone()
    }

    async fn until_entry(&self, name: &str, what: &str, mut condition: impl FnMut(&Entry) -> bool) -> Entry {
        let id = id(name);
        let state = self.until(what, |state| state.entry(&id).is_some_and(&mut condition)).await;
        state.entry(&id).unwrap().clone()
    }

    async fn until_up(&self, name: &str) -> Entry {
        self.until_entry(name, "up", |entry| matches!(entry.connection, Connection::Up { .. })).await
    }

    async fn until_trouble(&self, name: &str, code: &str) -> Entry {
        let has_code = |entry: &Entry| entry.connection.trouble().is_some_and(|trouble| trouble.code == code);
        self.until_entry(name, code, has_code).await
    }

    async fn request(&mut self) -> ShellRequest {
        tokio::time::timeout(LONG, self.requests.recv()).await.expect("a request in time").expect("a controller")
    }

    fn draft(&self, name: &str) -> Draft {
        Draft::from(&self.handle.state().borrow().entry(&id(name)).unwrap().profile)
    }
}

fn is_free(port: u16) -> bool {
    std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn with_password(mut draft: Draft, password: &str) -> Draft {
    draft.edge = EdgeDraft::Basic { username: "alice".to_owned(), password: SecretInput::Set(Secret::new(password)) };
    draft
}

#[tokio::test]
async fn a_profile_comes_up_and_quitting_closes_its_port() {
    let server = Server::start().await;
    let mut desk = Desk::with(&[written("prod", &server.url())], Some("s3cret"), AtStart::Always).await;
    let entry = desk.until_up("prod").await;
    assert!(
        matches!(&entry.connection, Connection::Up { version: Some(version), latency: Some(_), .. } if version == "3.8.8")
    );
    assert_eq!(entry.slots, [(Slot::EdgePassword, Some(true))]);
    assert!(!is_free(entry.profile.port));

    tokio::time::timeout(LONG, desk.handle.shutdown()).await.unwrap();
    assert!(is_free(entry.profile.port));
    assert_eq!(desk.request().await, ShellRequest::Exit);
    assert_eq!(desk.requests.recv().await, None);
    // All of this comes too late, and none of it hangs.
    desk.handle.send(Event::Open(id("prod")));
    desk.handle.shutdown().await;
    desk.handle.remove(id("prod")).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_corrected_in_the_form_brings_it_up() {
    let server = Server::start().await;
    let desk = Desk::with(&[written("prod", &server.url())], Some("wrong"), AtStart::Always).await;
    let port = desk.until_trouble("prod", "edge_credential_wrong").await.profile.port;
    let saved = desk.handle.save(with_password(desk.draft("prod"), "s3cret")).await.unwrap();
    assert_eq!(saved, id("prod"));
    assert_eq!(desk.until_up("prod").await.profile.port, port);
    desk.handle.shutdown().await;
}

#[tokio::test]
async fn a_server_that_comes_back_is_found_by_itself() {
    let server = Server::start().await;
    let address = server.address;
    let desk = Desk::with(&[written("prod", &server.url())], Some("s3cret"), AtStart::None).await;
    server.stop().await;
    desk.handle.send(Event::Connect(id("prod")));
    desk.until_trouble("prod", "server_unreachable").await;
    let _server = Server::at(address.port()).await;
    desk.until_up("prod").await;
    desk.handle.shutdown().await;
}

#[tokio::test]
async fn a_restart_of_the_server_costs_what_is_under_way_and_nobody_need_connect_again() {
    let server = Server::start().await;
    let address = server.address;
    let desk = Desk::with(&[written("prod", &server.url())], Some("s3cret"), AtStart::Always).await;
    let port = desk.until_up("prod").await.profile.port;
    let key = desk.vault.get(&id("prod"), &Slot::LocalKey).await.unwrap().unwrap();
    let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    let request = format!(
        "GET /api/slow HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
        key.expose()
    );
    client.write_all(request.as_bytes()).await.unwrap();
    server.waited_for.notified().await;

    server.stop().await;
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 502 ") && answer.contains("connection_lost"), "{answer}");
    desk.until_trouble("prod", "connection_lost").await;
    let _server = Server::at(address.port()).await;
    desk.until_up("prod").await;
    desk.handle.shutdown().await;
}

#[tokio::test]
async fn after_a_change_of_the_world_nothing_counts_but_what_is_heard_anew() {
    let server = Server::start().await;
    let desk = Desk::with(&[written("prod", &server.url())], Some("s3cret"), AtStart::Always).await;
    desk.until_up("prod").await;
    let is_checking = |entry: &Entry| entry.connection == Connection::Checking;
    server.deaf.store(true, Ordering::Relaxed);
    desk.handle.send(Event::WorldChanged);
    desk.until_entry("prod", "asked anew", is_checking).await;
    tokio::time::timeout(LONG, server.waited_for.notified()).await.unwrap();
    // The probe that waits is given up for one that does not.
    server.deaf.store(false, Ordering::Relaxed);
    let asked = std::time::Instant::now();
    desk.handle.send(Event::WorldChanged);
    desk.until_up("prod").await;
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    desk.handle.shutdown().await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_said_and_tried_again() {
    let server = Server::start().await;
    let written = written("prod", &server.url());
    let port = u16::try_from(written.port.unwrap()).unwrap();
    let other = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    let mut desk = Desk::with(&[written], Some("s3cret"), AtStart::None).await;
    desk.handle.send(Event::Open(id("prod")));
    let entry = desk.until_trouble("prod", "port_taken").await;
    assert!(matches!(entry.connection, Connection::PortTaken { .. }));
    assert!(matches!(desk.request().await, ShellRequest::ShowTrouble { trouble, .. } if trouble.code == "port_taken"));
    drop(other);
    desk.until_up("prod").await;
    desk.handle.shutdown().await;
}

#[tokio::test]
async fn a_missing_secret_names_its_slot() {
    let desk = Desk::with(&[written("prod", "https://prefect.example.com")], None, AtStart::Always).await;
    let entry = desk.until_trouble("prod", "secret_missing").await;
    assert_snapshot!(entry.connection.trouble().unwrap().sentence, @"The profile prod needs the secret edge-password, and the vault has none.");
    assert_eq!(entry.slots, [(Slot::EdgePassword, Some(false))]);
    desk.handle.shutdown().await;
}

#[tokio::test]
async fn opening_connects_and_hands_out_a_door_for_this_profile_alone() {
    let server = Server::start().await;
    let mut desk = Desk::with(&[written("prod", &server.url())], Some("s3cret"), AtStart::None).await;
    desk.handle.send(Event::Open(id("prod")));
    let ShellRequest::OpenDashboard { id: whose, enter, origin, data_dir, .. } = desk.request().await else {
        panic!("no dashboard");
    };
    assert_eq!(whose, id("prod"));
    assert!(enter.expose().starts_with(&format!("{origin}/.postern/enter?pass=")));
    assert!(data_dir.starts_with(desk.folder.path()));
    desk.handle.send(Event::OpenInBrowser(id("prod")));
    assert!(matches!(desk.request().await, ShellRequest::OpenBrowser { url } if url != enter));

    desk.handle.send(Event::Disconnect(id("prod")));
    let port = desk.handle.state().borrow().entry(&id("prod")).unwrap().profile.port;
    desk.handle.send(Event::Connect(id("prod")));
    assert!(matches!(desk.request().await, ShellRequest::ReenterDashboard { .. }));
    assert!(!is_free(port));
    desk.handle.shutdown().await;
}

#[tokio::test]
async fn a_new_server_is_saved_without_its_secret_and_connected() {
    let server = Server::start().await;
    let desk = Desk::with(&[], None, AtStart::Always).await;
    let port = Some(free_port().into());
    let draft = Draft { name: "Production".to_owned(), url: server.url(), port, ..Draft::default() };
    let left = Secret::new("left by another profile of that id");
    desk.vault.set(&id("production"), &Slot::LocalKey, left.clone()).await.unwrap();
    let saved = desk.handle.save(with_password(draft, "s3cret")).await.unwrap();
    assert_eq!(saved, id("production"));
    desk.until_up("production").await;
    assert_ne!(desk.vault.get(&saved, &Slot::LocalKey).await.unwrap(), Some(left));
    let text = std::fs::read_to_string(desk.folder.path().join("profiles.toml")).unwrap();
    assert!(text.contains("Production") && !text.contains("s3cret"), "{text}");
    assert_eq!(desk.vault.get(&saved, &Slot::EdgePassword).await.unwrap(), Some(Secret::new("s3cret")));
    desk.handle.shutdown().await;
}

#[tokio::test]
async fn what_cannot_be_saved_leaves_file_and_vault_as_they_were() {
    let desk = Desk::with(&[written("prod", "https://prefect.example.com")], Some("old"), AtStart::None).await;
    let draft = with_password(desk.draft("prod"), "new");

    let errors = desk.handle.save(Draft { url: "nonsense".to_owned(), ..draft.clone() }).await.unwrap_err();
    assert_eq!(errors.errors[0].field, "url");

    // Somebody else was faster, and this process has not seen it yet.
    edit(desk.folder.path(), "prod", |written| written.name = "Renamed".to_owned());
    let errors = desk.handle.save(draft).await.unwrap_err();
    assert_eq!(errors.errors[0].field, "");
    assert_snapshot!(errors, @"Another program changed the profile prod meanwhile. Look at it as it is now, and make your change again.");
    assert_eq!(desk.vault.get(&id("prod"), &Slot::EdgePassword).await.unwrap(), Some(Secret::new("old")));
    let text = std::fs::read_to_string(desk.folder.path().join("profiles.toml")).unwrap();
    assert!(text.contains("Renamed"), "{text}");
    assert_eq!(desk.handle.state().borrow().entries[0].profile.name, "Renamed");
    desk.handle.shutdown().await;
}

/// As the command line does it, in another process.
fn edit(folder: &Path, name: &str, change: impl FnOnce(&mut Written)) {
    let mut store = Store::load(Folders::at(folder).unwrap());
    let before = store.profiles().iter().find(|profile| profile.id == id(name)).unwrap().clone();
    let mut written = Written::from(&before);
    change(&mut written);
    store.replace(&before, written).unwrap();
}

#[tokio::test]
async fn what_another_process_does_to_the_file_is_seen() {
    let server = Server::start().await;
    let mut desk = Desk::with(&[], None, AtStart::Always).await;
    desk.vault.set(&id("prod"), &Slot::EdgePassword, Secret::new("s3cret")).await.unwrap();
    let mut store = Store::load(Folders::at(desk.folder.path()).unwrap());
    store.add(written("prod", &server.url())).unwrap();
    let port = desk.until_up("prod").await.profile.port;

    let file = desk.folder.path().join("profiles.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, "version = 1\n[[profile]\n").unwrap();
    let state = desk.until("a trouble with the file", |state| state.file_trouble.is_some()).await;
    assert!(matches!(state.entries[0].connection, Connection::Up { .. }));
    let errors = desk.handle.save(desk.draft("prod")).await.unwrap_err();
    assert!(errors.to_string().contains("profiles.toml"), "{errors}");

    std::fs::write(&file, text).unwrap();
    desk.until("the file is good again", |state| state.file_trouble.is_none()).await;
    // As when an editor empties the file before it writes.
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, "").unwrap();
    let state = desk.until("the file is empty", |state| state.file_trouble.is_some()).await;
    assert!(matches!(state.entries[0].connection, Connection::Up { .. }));
    std::fs::write(&file, text).unwrap();
    desk.until("the file is back", |state| state.file_trouble.is_none()).await;

    store.remove(&id("prod")).unwrap();
    desk.until("no profile is left", |state| state.entries.is_empty()).await;
    assert_eq!(desk.request().await, ShellRequest::CloseDashboard { id: id("prod") });
    desk.handle.shutdown().await;
    assert!(is_free(port));
}

#[tokio::test]
async fn a_removed_profile_leaves_no_secret_and_no_listener() {
    let server = Server::start().await;
    let mut desk = Desk::with(&[written("prod", &server.url())], Some("s3cret"), AtStart::Always).await;
    let port = desk.until_up("prod").await.profile.port;
    assert!(desk.vault.get(&id("prod"), &Slot::LocalKey).await.unwrap().is_some());
    desk.handle.remove(id("prod")).await.unwrap();
    assert!(matches!(desk.request().await, ShellRequest::RemoveDashboard { id: whose, .. } if whose == id("prod")));
    for slot in [Slot::EdgePassword, Slot::LocalKey] {
        assert_eq!(desk.vault.get(&id("prod"), &slot).await.unwrap(), None, "{slot}");
    }
    assert!(desk.handle.state().borrow().entries.is_empty());
    let errors = desk.handle.remove(id("prod")).await.unwrap_err();
    assert_snapshot!(errors, @"There is no profile “prod” any more. Somebody removed it meanwhile; add it again if it is still needed.");
    desk.handle.shutdown().await;
    assert!(is_free(port));
}

#[tokio::test]
async fn what_goes_through_a_gateway_is_recorded_until_the_profile_is_removed() {
    let server = Server::start().await;
    let desk = Desk::with(&[written("prod", &server.url())], Some("s3cret"), AtStart::Always).await;
    let port = desk.until_up("prod").await.profile.port;
    let id = id("prod");
    let mut number = desk.activity.since(&id, None).await.newest;
    for path in ["/api/first", "/api/second"] {
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let request =
            format!("GET {path}?token=canary HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
        client.write_all(request.as_bytes()).await.unwrap();
        let view = desk.activity.since(&id, Some(number)).await;
        let told: Vec<_> = view.exchanges.iter().map(|one| (one.path.as_str(), one.status)).collect();
        assert_eq!(told, [(path, Some(401))]);
        number = view.newest;
        // What was recorded outlives its gateway.
        desk.handle.send(Event::Disconnect(id.clone()));
        desk.until_entry("prod", "off", |entry| entry.connection == Connection::Off).await;
        desk.handle.send(Event::Connect(id.clone()));
        desk.until_up("prod").await;
    }
    assert_eq!(desk.activity.since(&id, None).await.exchanges.len(), 2);
    desk.handle.remove(id.clone()).await.unwrap();
    assert_eq!(desk.activity.since(&id, None).await.exchanges, []);
    desk.handle.shutdown().await;
}

#[tokio::test]
async fn a_task_that_panics_is_an_outcome() {
    let (inbox, mut messages) = mpsc::channel(1);
    let work = async { panic!("a mistake") };
    spawn(&Outcomes(inbox), work, |trouble| Event::LookedUp { id: id("prod"), outcome: Err(trouble) });
    let Some(Message::Event(Event::LookedUp { outcome: Err(trouble), .. })) = messages.recv().await else {
        panic!("no outcome");
    };
    assert_eq!(trouble.code, "internal");
}

#[tokio::test]
async fn a_gateway_that_panics_fails_its_own_profile_and_comes_back_and_the_others_stay() {
    let server = Server::start().await;
    let profiles = ["prod", "other"].map(|name| written(name, &server.url()));
    let desk = Desk::with(&profiles, Some("s3cret"), AtStart::Always).await;
    let other = desk.until_up("other").await;
    let generation = |entry: &Entry| entry.life.listener.held().unwrap().generation;
    for connects in [true, false] {
        let entry = desk.until_up("prod").await;
        desk.handle.inbox.send(Message::Break(generation(&entry))).await.unwrap();
        let broken = desk.until_trouble("prod", "gateway_broken").await;
        assert!(matches!(broken.connection, Connection::Failing { next_try: Some(_), .. }), "{broken:?}");
        // By a person, or by itself.
        if connects {
            desk.handle.send(Event::Connect(id("prod")));
        }
    }
    desk.until_up("prod").await;
    let still = desk.handle.state().borrow().entry(&id("other")).unwrap().clone();
    assert_eq!(generation(&still), generation(&other));
    assert!(matches!(still.connection, Connection::Up { .. }), "{still:?}");
    assert!(!is_free(still.profile.port));
    desk.handle.shutdown().await;
}

#[tokio::test]
async fn a_server_that_flickers_piles_up_no_timers() {
    let server = Server::start().await;
    let desk = Desk::with(&[written("prod", &server.url())], Some("s3cret"), AtStart::Always).await;
    let entry = desk.until_up("prod").await;
    let generation = entry.life.listener.held().unwrap().generation;
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    for _ in 0..50 {
        for status in [fixture::failing(fixture::unreachable()), fixture::up()] {
            desk.handle.send(Event::Status { generation, status, at: SystemTime::now() });
        }
    }
    // Answered after all of these; and then what was ended has ended.
    desk.handle.save(Draft::default()).await.unwrap_err();
    tokio::task::yield_now().await;
    assert!(tasks() < before + 10, "{before}, then {}", tasks());
    desk.handle.shutdown().await;
}

#[tokio::test]
async fn an_unchanged_state_is_not_published() {
    let desk = Desk::with(&[written("prod", "https://prefect.example.com")], None, AtStart::None).await;
    let mut state = desk.handle.state();
    state.mark_unchanged();
    desk.handle.send(Event::Disconnect(id("prod")));
    desk.handle.send(Event::CopyApiUrl(id("prod")));
    desk.handle.send(Event::Connect(id("none")));
    // Answered after all of these.
    desk.handle.save(Draft::default()).await.unwrap_err();
    assert!(!state.has_changed().unwrap());
    desk.handle.send(Event::Connect(id("prod")));
    state.changed().await.unwrap();
    desk.handle.shutdown().await;
}

fn form(url: &str) -> Draft {
    Draft { url: url.to_owned(), ..Draft::default() }
}

impl Desk {
    /// What a look at this comes to.
    async fn look(&self, number: u64, draft: Draft) -> (url::Url, Report) {
        self.handle.send(Event::LookAtForm { number, draft: Box::new(draft) });
        let ended = |look: &Look| look.number == number && look.end.is_some();
        let state = self.until("the look's end", |state| state.look.as_ref().is_some_and(ended)).await;
        match state.look.as_ref().and_then(|look| look.end.clone()) {
            Some(End::Seen { url, report }) => (url, *report),
            other => panic!("{other:?}"),
        }
    }

    /// What is kept: the file, and what the vault has of these.
    async fn kept(&self, ids: &[&str]) -> (Vec<std::fs::DirEntry>, Vec<Option<Secret>>) {
        let files = std::fs::read_dir(self.folder.path()).unwrap().map(Result::unwrap).collect();
        let mut secrets = Vec::new();
        for name in ids {
            for slot in [Slot::EdgePassword, Slot::PrefectPassword] {
                secrets.push(self.vault.get(&id(name), &slot).await.unwrap());
            }
        }
        (files, secrets)
    }
}

#[tokio::test]
async fn a_look_finds_what_is_asked_for_and_leaves_nothing_behind() {
    let server = Server::start().await;
    let desk = Desk::with(&[], None, AtStart::Always).await;
    // As pasted: without a scheme, and deep in the UI.
    let (url, report) = desk.look(1, form(&format!("{}/v2/dashboard", server.address))).await;
    assert_eq!((url.as_str(), Ask::of(&report)), (&*format!("{}/", server.url()), &[Ask::Edge][..]));

    let look = async |number, password| desk.look(number, with_password(form(&server.url()), password)).await.1;
    assert_eq!(look(2, "wrong").await.code, "edge_credential_wrong");
    assert_eq!(look(3, "s3cret").await.server.version.as_deref(), Some("3.8.8"));

    desk.handle.send(Event::LookAway);
    desk.until("nothing", |state| state.look.is_none()).await;
    let (files, secrets) = desk.kept(&["127-0-0-1", "server"]).await;
    assert!(files.is_empty(), "{files:?}");
    assert_eq!(secrets, [None, None, None, None]);
}

#[tokio::test]
async fn a_look_at_a_saved_server_uses_what_the_vault_has_until_it_is_typed_anew() {
    let server = Server::start().await;
    let desk = Desk::with(&[written("prod", &server.url())], Some("s3cret"), AtStart::None).await;
    let draft = desk.draft("prod");
    assert_eq!(desk.look(1, draft.clone()).await.1.server.version.as_deref(), Some("3.8.8"));
    assert_eq!(desk.look(2, with_password(draft, "wrong")).await.1.code, "edge_credential_wrong");
    assert_eq!(desk.kept(&["prod"]).await.1, [Some(Secret::new("s3cret")), None]);

    desk.handle.send(Event::Look(id("prod")));
    let entry =
        desk.until_entry("prod", "looked at", |entry| entry.look.as_ref().is_some_and(|look| look.end.is_some()));
    let look = entry.await.look.unwrap();
    assert!(look.checks.len() > 5 && matches!(look.end, Some(End::Seen { .. })), "{look:?}");
    assert_eq!(desk.handle.state().borrow().entry(&id("prod")).unwrap().connection, Connection::Off);
}

#[tokio::test]
async fn a_look_that_is_given_up_asks_no_more() {
    let (asked, mut hears) = mpsc::unbounded_channel();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let asked = asked.clone();
            tokio::spawn(async move {
                asked.send("asked").unwrap();
                // No answer; ends when the other side does.
                drop(tokio::io::copy(&mut stream, &mut tokio::io::sink()).await);
                asked.send("left").unwrap();
            });
        }
    });
    let desk = Desk::with(&[], None, AtStart::Always).await;
    desk.handle.send(Event::LookAtForm { number: 1, draft: Box::new(form(&url)) });
    desk.until("a connection", |state| state.look.as_ref().is_some_and(|look| look.checks.len() > 3)).await;
    desk.handle.send(Event::LookAway);
    let given_up = std::time::Instant::now();
    let mut open = 0;
    loop {
        let heard = tokio::time::timeout(LONG, hears.recv()).await.unwrap().unwrap();
        open += if heard == "asked" { 1 } else { -1 };
        if open == 0 && hears.is_empty() && desk.handle.state().borrow().look.is_none() {
            break;
        }
    }
    assert!(given_up.elapsed() < Duration::from_secs(5), "it waited for its answer");
}
