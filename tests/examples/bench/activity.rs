//! Whether the manager stays usable while its Activity tab shows a flood: the app as it is shipped, in its own window.
//!
//! The page itself notes when each of its frames began, and how long a click takes until its effect is in a frame. The
//! same with nothing to show stands beside it: screen and machine have a pace of their own.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use fantoccini::Client;
use postern_tests::desktop::Desktop;
use postern_tests::desktop::window::Window;
use postern_tests::nginx::Nginx;
use postern_tests::process::{command, run as run_to_its_end};
use postern_tests::wait::free_port;
use serde_json::Value;

/// Requests a second.
const RATE: u32 = 2000;
const CONNECTIONS: u32 = 16;
const CLICKS: usize = 40;
/// How much longer than its load the generator may take.
const GRACE: Duration = Duration::from_secs(30);

const FRAMES: &str = "
    let last = performance.now();
    window.frames = [];
    const frame = (now) => { window.frames.push(now - last); last = now; requestAnimationFrame(frame); };
    requestAnimationFrame(frame);";
const CLICK: &str = "
    const [problems, done] = [document.getElementById('filter-problems'), arguments[0]];
    const began = performance.now();
    problems.click();
    requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began)));";

pub(crate) async fn run(quick: bool) -> anyhow::Result<()> {
    let load = Duration::from_secs(if quick { 4 } else { 15 });
    let answer = "default_type application/json; access_log off; keepalive_requests 1000000; return 200 '\"3.8.8\"';";
    let nginx =
        Nginx::configured(|port| format!("server {{ listen 127.0.0.1:{port}; location / {{ {answer} }} }}")).await?;
    let (desktop, port) = (Desktop::start().await?, free_port()?);
    desktop.write_profiles(&format!(
        "[[profile]]\nid = \"server\"\nname = \"server\"\nurl = \"{}\"\nport = {port}\n\
         local_programs = \"open\"\n",
        nginx.origin()
    ))?;
    let window = Window::start(&desktop, &[]).await?;
    window.until_shown(&["Connected"]).await?;
    window.click("tab-activity").await?;
    let page = window.driver();

    println!("Activity, while nothing comes:");
    told(&watched(page, load).await?);

    let log = desktop.scratch().join("h2load.log");
    let mut h2load = command("h2load");
    h2load.args(["--h1", "--threads", "1", "--clients", &CONNECTIONS.to_string()]);
    h2load.args(["--rps", &(RATE / CONNECTIONS).to_string(), "--duration", &(load.as_secs() + 3).to_string()]);
    h2load.arg("--log-file").arg(&log).arg(format!("http://127.0.0.1:{port}/api/flows"));
    let flood = run_to_its_end("h2load", h2load, "", desktop.scratch(), load + GRACE);
    let seen = async {
        window.until_shown(&["2000 requests;"]).await?;
        watched(page, load).await
    };
    let (flood, seen) = tokio::join!(flood, seen);
    flood?.success()?;
    let answers =
        fs::read_to_string(&log)?.lines().map(|line| line.split('\t').nth(1) == Some("200")).collect::<Vec<_>>();
    ensure!(!answers.is_empty() && answers.iter().all(|answered| *answered), "some of {} failed", answers.len());
    println!("\nwhile {:.0} requests a second pass:", answers.len() as f64 / (load.as_secs() + 3) as f64);
    told(&seen?);
    let missed = window.text().await?.lines().find(|line| line.contains("came too fast")).map(str::to_owned);
    println!("{}", missed.unwrap_or_else(|| "none was missed by the list".to_owned()));
    Ok(())
}

/// In milliseconds, the shortest first.
struct Seen {
    frames: Vec<f64>,
    clicks: Vec<f64>,
}

/// Watches the page for that long, and clicks now and then.
async fn watched(page: &Client, load: Duration) -> anyhow::Result<Seen> {
    page.execute(FRAMES, vec![]).await?;
    let mut clicks = Vec::new();
    let mut ticks = tokio::time::interval(load / u32::try_from(CLICKS)?);
    for _ in 0..CLICKS {
        ticks.tick().await;
        clicks.push(page.execute_async(CLICK, vec![]).await?.as_f64().context("a click takes some time")?);
    }
    let frames: Value = page.execute("return window.frames.splice(1)", vec![]).await?;
    let frames = frames.as_array().context("a page has frames")?.iter().filter_map(Value::as_f64).collect();
    let sorted = |mut all: Vec<f64>| {
        all.sort_by(f64::total_cmp);
        all
    };
    Ok(Seen { frames: sorted(frames), clicks: sorted(clicks) })
}

fn told(Seen { frames, clicks }: &Seen) {
    for (what, figures) in [("from frame to frame", frames), ("from click to frame", clicks)] {
        let at = |part: f64| {
            figures.get((figures.len().saturating_sub(1) as f64 * part) as usize).copied().unwrap_or_default()
        };
        println!("  {what}: median {:.0} ms, 99 % {:.0} ms, worst {:.0} ms", at(0.5), at(0.99), at(1.0));
    }
}
