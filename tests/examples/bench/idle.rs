//! What the app costs while nobody does anything: the app as it is shipped, three servers connected, no window open.
//!
//! Two of them are watched at once: one that never had a window, and one whose manager and dashboard were opened and
//! closed again. A wake-up is a voluntary context switch: a thread that waited and had something to do.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::time::Duration;

use anyhow::Context as _;
use postern_tests::desktop::panel::{Icon, Panel};
use postern_tests::desktop::{Desktop, app};
use postern_tests::nginx::{Nginx, Site};
use postern_tests::prefect::Login;
use postern_tests::process::{Process, run as run_to_its_end};
use postern_tests::wait::free_port;

use crate::gauge::Gauge;

const SERVERS: [&str; 3] = ["production", "staging", "lab"];
/// What a start leaves to be done is over by then.
const SETTLES: Duration = Duration::from_secs(90);
const MINUTE: Duration = Duration::from_secs(60);
const LIMIT: Duration = Duration::from_secs(60);

pub(crate) async fn run(minutes: u64) -> anyhow::Result<()> {
    let login = Login::unique("admin")?;
    let answer = "default_type application/json; access_log off; return 200 '\"3.8.8\"';";
    let server =
        Nginx::configured(|port| format!("server {{ listen 127.0.0.1:{port}; location / {{ {answer} }} }}")).await?;
    let mut edges = Vec::new();
    for _ in SERVERS {
        let site = Site { upstream: server.origin(), basic: Some(login.clone()), websockets: false };
        edges.push(Nginx::start(site).await?);
    }

    let hidden = Life::start(&login, &edges, &["--hidden"]).await?;
    let closed = Life::start(&login, &edges, &[]).await?;
    closed.opens_and_closes_windows().await?;
    tokio::time::sleep(SETTLES).await;

    let mut figures = [Figures::new(&hidden)?, Figures::new(&closed)?];
    for _ in 0..minutes {
        tokio::time::sleep(MINUTE).await;
        figures.iter_mut().try_for_each(Figures::note)?;
    }
    let each = ["that never had a window", "whose windows were closed again"];
    for (which, (figures, life)) in each.iter().zip(figures.iter().zip([&hidden, &closed])) {
        println!("A Postern {which}, {} servers connected, over {minutes} min:", SERVERS.len());
        figures.tell(life)?;
    }
    Ok(())
}

/// A Postern on a desktop of its own.
struct Life {
    desktop: Desktop,
    icon: Icon,
    postern: Process,
    _panel: Panel,
}

impl Life {
    /// Returns when every server is connected.
    async fn start(login: &Login, edges: &[Nginx], arguments: &[&str]) -> anyhow::Result<Self> {
        let desktop = Desktop::start().await?;
        let panel = Panel::start(&desktop).await?;
        for (id, edge) in SERVERS.iter().zip(edges) {
            let mut add = desktop.command(app::binary()?.with_file_name("postern"));
            add.args(["add", "--id", id, "--name", id, "--url", &edge.origin()]);
            // Another run may be about to take the one it would choose.
            add.args(["--port", &free_port()?.to_string()]);
            add.args(["--edge-username", &login.username, "--secrets-from", "-"]);
            let secrets = format!("edge-password={}\n", login.password);
            run_to_its_end("postern", add, &secrets, desktop.scratch(), LIMIT).await?.success()?;
        }
        let postern = app::start(&desktop, arguments)?;
        let icon = panel.icon().await?;
        let connected = |menu: &str| SERVERS.iter().all(|id| menu.contains(&format!("{id} — connected")));
        icon.until("all servers connected", connected).await?;
        Ok(Self { desktop, icon, postern, _panel: panel })
    }

    async fn opens_and_closes_windows(&self) -> anyhow::Result<()> {
        self.icon.click(&[SERVERS[0], "Open"]).await?;
        for title in ["Postern", "production — Prefect"] {
            let window = self.desktop.window(title).await?;
            self.desktop.close(&window)?;
            self.desktop.until_closed(title).await?;
        }
        Ok(())
    }

    /// Its processes: itself, and those of web views.
    fn processes(&self) -> impl Iterator<Item = u32> {
        app::alive(&app::family(self.postern.id())).into_iter()
    }
}

/// What was noted of the threads of an app's processes.
struct Figures {
    app: u32,
    /// CPU time in seconds before, of each process.
    before: HashMap<u32, f64>,
    /// The counter of each thread, by its id.
    counters: HashMap<u32, u64>,
    /// By process and thread: in each minute.
    wakeups: BTreeMap<(String, String), Vec<u64>>,
    minutes: usize,
}

impl Figures {
    fn new(life: &Life) -> anyhow::Result<Self> {
        let mut before = HashMap::new();
        for process in life.processes() {
            before.insert(process, seconds(process)?);
        }
        let app = life.postern.id();
        let mut figures = Self { app, before, counters: HashMap::new(), wakeups: BTreeMap::new(), minutes: 0 };
        figures.note()?;
        figures.wakeups.clear();
        figures.minutes = 0;
        Ok(figures)
    }

    /// Notes another minute.
    fn note(&mut self) -> anyhow::Result<()> {
        let minute = self.minutes;
        self.minutes += 1;
        for process in app::alive(&app::family(self.app)) {
            // A short life between two looks is not seen at all.
            let Ok(process_name) = name(&format!("/proc/{process}")) else { continue };
            for (id, (thread_name, counter)) in app::wakeups(process) {
                let before = self.counters.insert(id, counter).unwrap_or_default();
                let counts = self.wakeups.entry((process_name.clone(), thread_name)).or_default();
                counts.resize(self.minutes, 0);
                counts[minute] += counter.saturating_sub(before);
            }
        }
        Ok(())
    }

    fn tell(&self, life: &Life) -> anyhow::Result<()> {
        println!("  {:22}{:>10}{:>10}{:>14}", "process", "PSS MiB", "CPU s", "CPU s/hour");
        let (mut memory, mut time) = (0.0, 0.0);
        for process in life.processes() {
            let pss = Gauge(process).memory().context("only root may look into Postern's memory")?.share;
            let spent = seconds(process)? - self.before.get(&process).copied().unwrap_or_default();
            let hourly = spent * 60.0 / self.minutes as f64;
            println!("  {:22}{pss:>10.1}{spent:>10.2}{hourly:>14.2}", name(&format!("/proc/{process}"))?);
            memory += pss;
            time += hourly;
        }
        println!("  {:22}{memory:>10.1}{:>10}{time:>14.2}", "in all", "");
        println!("  {:22}{:22}{:>12}{:>12}", "process", "thread", "wake-ups/min", "most");
        let mut sum = 0.0;
        for ((process, thread), counts) in &self.wakeups {
            let per_minute = counts.iter().sum::<u64>() as f64 / self.minutes as f64;
            let most = counts.iter().max().copied().unwrap_or_default();
            println!("  {process:22}{thread:22}{per_minute:>12.2}{most:>12}");
            sum += per_minute;
        }
        println!("  {:44}{sum:>12.2}\n", "in all");
        Ok(())
    }
}

fn seconds(process: u32) -> anyhow::Result<f64> {
    let time = Gauge(process).time()?;
    Ok(time.user + time.system)
}

/// Of a process or a thread; the kernel keeps 15 letters.
fn name(path: &str) -> anyhow::Result<String> {
    Ok(fs::read_to_string(format!("{path}/comm")).context("it has gone away")?.trim().to_owned())
}
