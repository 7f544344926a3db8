//! What is kept, for how long, and what is made of it.

use insta::assert_snapshot;
use postern_gateway::{Door, Fault, LocalPrograms};
use tokio::sync::broadcast;
use tokio::time::Instant;

use super::log::Log;
use super::*;
use crate::controller::fixture::{at, id, profile};
use crate::view::{DoorView, ExchangeView, Trouble};

fn exchange(path: &str) -> Exchange {
    Exchange {
        at: at(0),
        door: Door::Program,
        method: http::Method::GET,
        path: path.to_owned(),
        status: Some(http::StatusCode::OK),
        took: Duration::from_micros(1_234),
        lasted: Duration::from_micros(5_678),
        received: 0,
        sent: 17,
        fault: None,
    }
}

fn faulty(fault: Fault, path: &str) -> Exchange {
    Exchange { fault: Some(fault), door: Door::Refused, ..exchange(path) }
}

fn numbers(view: &ActivityView) -> Vec<u64> {
    view.exchanges.iter().map(|exchange| exchange.number).collect()
}

#[test]
fn the_last_exchanges_are_kept_and_each_is_told_once() {
    let log = Log::default();
    let count = KEPT as u64 + 500;
    log.add((0..KEPT).map(|n| Ok(exchange(&format!("/api/{n}")))));
    log.add((0..500).map(|n| Ok(exchange(&format!("/api/late/{n}")))));
    let all = log.since(0);
    assert_eq!((all.exchanges.len(), all.newest, all.missed), (KEPT, count, 0));
    assert_eq!(numbers(&all), (501..=count).collect::<Vec<_>>());
    assert_eq!(all.exchanges.last().unwrap().path, "/api/late/499");
    assert_eq!(numbers(&log.since(count - 2)), [count - 1, count]);
    assert_eq!(numbers(&log.since(count)), [0; 0]);
    assert_eq!(log.since(count + 1).exchanges.len(), KEPT, "a number of another log");
}

#[test]
fn long_paths_push_out_more_than_short_ones() {
    let log = Log::default();
    let long = "/x".repeat(8 * 1024);
    for _ in 0..4 {
        log.add((0..100).map(|_| Ok(exchange(&long))));
    }
    let kept = log.since(0).exchanges;
    assert!(kept.iter().map(|exchange| exchange.path.len()).sum::<usize>() <= BYTES);
    assert_eq!(kept.len(), BYTES / (long.len() + "GET".len()));
}

#[test]
fn what_was_missed_is_counted_and_leaves_a_gap() {
    let log = Log::default();
    log.add([Ok(exchange("/a")), Err(7), Ok(exchange("/b"))].into_iter());
    let view = log.since(0);
    assert_eq!((numbers(&view), view.missed, view.newest), (vec![1, 9], 7, 9));
}

#[test]
fn use_is_counted_by_door_in_the_last_minutes() {
    let log = Log::default();
    let after = |seconds, door| Ok(Exchange { at: at(seconds), door, ..exchange("/") });
    let minutes = [0, 60, 61, 240].map(|seconds| after(seconds, Door::Window));
    log.add(minutes.into_iter().chain([after(30, Door::Browser)]));
    for (now, window, browser) in [(240, 4, 1), (300, 3, 0), (360, 1, 0), (539, 1, 0), (540, 0, 0)] {
        let usage = log.usage(at(now));
        let requests: Vec<_> = usage.doors.iter().map(|one| (one.door, one.requests)).collect();
        let [program, refused] = [(DoorView::Program, 0), (DoorView::Refused, 0)];
        assert_eq!(requests, [(DoorView::Window, window), (DoorView::Browser, browser), program, refused], "{now}");
    }
    assert_eq!(log.usage(at(540)).doors[0].last_ms, Some(1_800_000_240_000));
}

#[test]
fn of_each_fault_the_last_is_remembered_and_how_often() {
    let log = Log::default();
    let down = || Fault::AnswerTimeout { seconds: 40 };
    log.add(
        [Ok(faulty(down(), "/a")), Ok(faulty(Fault::NotLetIn, "/b")), Ok(exchange("/c")), Ok(faulty(down(), "/d"))]
            .into_iter(),
    );
    let faults = log.usage(at(0)).faults;
    let told: Vec<_> = faults.iter().map(|one| (one.trouble.code.as_str(), one.times, one.path.as_str())).collect();
    assert_eq!(told, [(down().code(), 2, "/d"), ("not_let_in", 1, "/b")]);
}

#[tokio::test(start_paused = true)]
async fn who_looks_is_told_in_batches_and_soon() {
    let (activity, id) = (Activity::default(), id("prod"));
    let (sender, receiver) = broadcast::channel(256);
    let recording = {
        let (activity, id) = (activity.clone(), id.clone());
        tokio::spawn(async move { activity.record(&id, receiver, Arc::default()).await })
    };
    assert_eq!(activity.since(&id, None).await.exchanges, [], "at once, if there is nothing");
    let began = Instant::now();
    let traffic = tokio::spawn(async move {
        for n in 0..2000 {
            sender.send(exchange(&format!("/api/{n}"))).unwrap();
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
    });
    let (mut newest, mut seen, mut answers) = (0, Vec::new(), 0);
    while seen.len() < 2000 {
        let view = activity.since(&id, Some(newest)).await;
        seen.extend(numbers(&view));
        newest = view.newest;
        answers += 1;
    }
    assert_eq!(seen, (1..=2000).collect::<Vec<_>>());
    let seconds = began.elapsed().as_secs_f64();
    assert!(f64::from(answers) <= seconds * 5.0 + 1.0, "{answers} answers in {seconds} s");
    traffic.await.unwrap();
    recording.await.unwrap();
    let began = Instant::now();
    assert_eq!(activity.since(&id, Some(newest)).await.exchanges, [], "nothing more comes");
    assert_eq!(began.elapsed(), PACE + PATIENCE);
}

#[tokio::test]
async fn a_burst_that_outruns_the_record_is_told_as_missed() {
    let (activity, id) = (Activity::default(), id("prod"));
    let (sender, receiver) = broadcast::channel(256);
    for _ in 0..1000 {
        sender.send(exchange("/")).unwrap();
    }
    drop(sender);
    activity.record(&id, receiver, Arc::default()).await;
    let view = activity.since(&id, None).await;
    assert_eq!((view.exchanges.len() as u64 + view.missed, view.newest), (1000, 1000));
    assert_eq!(view.missed, 744);
    activity.forget(&id);
    assert_eq!(activity.since(&id, None).await.newest, 0);
}

#[test]
fn a_command_asks_again_and_names_no_credential() {
    let mut profile = profile("prod", 4201);
    let command = |profile: &_, method, path| curl(profile, method, path).unwrap_or_else(|| "nothing".to_owned());
    assert_snapshot!(
        [
            ("GET", "/api/flows"),
            ("POST", "/api/flow_runs/filter"),
            ("HEAD", "/"),
            ("GET", "/a'$(reboot)"),
            ("GET", "/a[1]/{b}/.%2e/c"),
            ("X'Y", "/"),
            ("GET", "/flows?token=canary"),
            ("GET", "http://evil.example.com/"),
            ("GET", "/a\n/b"),
            ("GET -o /etc/passwd", "/"),
        ]
        .map(|(method, path)| command(&profile, method, path))
        .join("\n"),
        @r#"
    printf 'Authorization: Bearer %s\n' "$PREFECT_API_KEY" | curl --header @- 'http://127.0.0.1:4201/api/flows'
    printf 'Authorization: Bearer %s\n' "$PREFECT_API_KEY" | curl --header @- --request 'POST' 'http://127.0.0.1:4201/api/flow_runs/filter'
    printf 'Authorization: Bearer %s\n' "$PREFECT_API_KEY" | curl --header @- --head 'http://127.0.0.1:4201/'
    printf 'Authorization: Bearer %s\n' "$PREFECT_API_KEY" | curl --header @- 'http://127.0.0.1:4201/a'\''$(reboot)'
    printf 'Authorization: Bearer %s\n' "$PREFECT_API_KEY" | curl --header @- --globoff --path-as-is 'http://127.0.0.1:4201/a[1]/{b}/.%2e/c'
    printf 'Authorization: Bearer %s\n' "$PREFECT_API_KEY" | curl --header @- --request 'X'\''Y' 'http://127.0.0.1:4201/'
    nothing
    nothing
    nothing
    nothing
    "#
    );
    profile.local_programs = LocalPrograms::Open;
    assert_snapshot!(command(&profile, "GET", "/api/flows"), @"curl 'http://127.0.0.1:4201/api/flows'");
}

fn shown(number: u64) -> ExchangeView {
    ExchangeView {
        number,
        at_ms: 1_800_000_000_123,
        door: DoorView::Window,
        method: "POST".to_owned(),
        path: "/api/flow_runs/filter".to_owned(),
        status: Some(200),
        took_ms: 12.5,
        lasted_ms: 20.25,
        received: 64,
        sent: 4096,
        fault: None,
    }
}

/// The page's tests read the same file with a browser's own reader.
#[test]
fn an_archive_is_what_browsers_read() {
    let get = |path: &str| ExchangeView { method: "GET".to_owned(), path: path.to_owned(), ..shown(2) };
    let page = ExchangeView { door: DoorView::Browser, ..get("/v2/dashboard") };
    let fault = Some(Trouble::from(&Fault::NotLetIn));
    let refused = ExchangeView { door: DoorView::Refused, status: Some(401), fault, ..get("/api/flows") };
    let archive = har::archive(&profile("prod", 4201), &[shown(1), page, refused]);
    let archive = archive.replace(env!("CARGO_PKG_VERSION"), "0.0.0");
    assert_eq!(archive, include_str!("../../../../ui/tests/browser/example.har"));
}

#[test]
fn an_archive_is_a_new_file_for_this_user_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = har::save(folder.path(), &profile("prod", 4201), "{}").unwrap();
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("postern-prod-20") && name.ends_with("Z.har"), "{name}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "{}");
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&path.metadata().unwrap()) & 0o777, 0o600);
}
