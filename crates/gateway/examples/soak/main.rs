//! Endurance: clients of all habits, 500 WebSockets, and a server that misbehaves on purpose and goes away now and
//! then, with a real gateway in a process of its own between them. `cargo xtask soak` starts it; Linux only, for what
//! the gateway has is read from `/proc`.
//!
//! - Every request has a tag, in path, header and body, which the server sends back the same way: who gets another's
//!   answer sees it.
//! - Every request has a plan (`plan.rs`): whether a fault is injected, and which. The client knows what is due, and
//!   anything else is an error. Only what overlaps a restart of the server may end in any fault.
//! - Traffic comes in phases, the first of which is to warm up. After each everything drains: then tasks and
//!   descriptors must be back at what they were before, and after the last memory must be what it was after the first.
//!
//! `soak SECONDS [SEED]`: ends with a table, and with success only if all that must be zero is.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line speaks on its standard streams")]

mod gateway;
mod plan;
mod server;
mod sockets;
#[expect(dead_code, reason = "more of it is needed by the tests")]
#[expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#[path = "../../tests/gateway/support.rs"]
mod support;
mod tally;
mod traffic;
mod wire;
mod world;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fastrand::Rng;
#[cfg(unix)]
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::time::{Instant, interval, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::gateway::{Has, Process};
use self::server::Server;
use self::tally::{Row, Sums};
use self::traffic::Client;
use self::world::World;

const CLIENTS: u64 = 32;
const SOCKETS: u64 = 500;
/// A phase of traffic.
const PHASE: Duration = Duration::from_secs(60);
/// All that is under way has ended by then: the longest is a slow reader.
const DRAINED: Duration = Duration::from_secs(60);
/// How often it is told how it goes on.
const TOLD: Duration = Duration::from_secs(5);
/// How much more memory than after the warm-up is still called flat, in KiB: what an allocator keeps varies.
const FLAT: u64 = 20 * 1024;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let numbers: Vec<Option<u64>> = arguments.iter().map(|argument| argument.parse().ok()).collect();
    let outcome = match (arguments.first().map(String::as_str), numbers.as_slice()) {
        (Some("gateway"), [_, Some(server)]) => {
            u16::try_from(*server).map_err(io::Error::other).and_then(gateway::serve).map(|()| true)
        }
        (_, [Some(seconds)]) => run(*seconds, Rng::new().u64(..)),
        (_, [Some(seconds), Some(seed)]) => run(*seconds, *seed),
        _ => Err(io::Error::other("soak SECONDS [SEED]")),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(seconds: u64, seed: u64) -> io::Result<bool> {
    // Two for each socket here, and two there.
    #[cfg(unix)]
    {
        let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
        setrlimit(Resource::RLIMIT_NOFILE, most.min(20_000), most)?;
    }
    // The gateway has the rest of the machine.
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(soak(seconds, seed))
}

async fn soak(seconds: u64, seed: u64) -> io::Result<bool> {
    let world = Arc::new(World::default());
    let server = Server::start(0, &world).await?;
    let mut gateway = Process::start(server.port).await?;
    println!("soaking for {seconds} s; again with --seed {seed}");
    Client::new(&world, gateway.port, seed).calm().await;
    let before = drain(&world, &mut gateway, None).await?;

    let mut stage = Stage { world, gateway, server, dice: Rng::with_seed(seed), began: Instant::now() };
    let mut left = Duration::from_secs(seconds);
    let warm_up = PHASE.min(left / 3);
    let mut drained = Vec::new();
    while !left.is_zero() {
        let phase = if drained.is_empty() { warm_up } else { PHASE.min(left) };
        left -= phase;
        stage = stage.play(phase).await?;
        drained.push(drain(&stage.world, &mut stage.gateway, Some(before)).await?);
    }
    let Stage { world, gateway, server, began, .. } = stage;
    gateway.stop().await?;
    server.stop().await;
    Ok(close(&world, seed, began.elapsed(), before, &drained))
}

/// Everything while traffic goes on.
struct Stage {
    world: Arc<World>,
    gateway: Process,
    server: Server,
    dice: Rng,
    began: Instant,
}

impl Stage {
    async fn play(mut self, phase: Duration) -> io::Result<Self> {
        let (calm, tasks) = (CancellationToken::new(), TaskTracker::new());
        for _ in 0..CLIENTS {
            tasks.spawn(Client::new(&self.world, self.gateway.port, self.dice.u64(..)).run(calm.clone()));
        }
        for _ in 0..SOCKETS {
            tasks.spawn(sockets::run(Arc::clone(&self.world), self.gateway.port, self.dice.u64(..), calm.clone()));
        }
        let end = Instant::now() + phase;
        let mut told = interval(TOLD);
        told.tick().await;
        // However short the phase is, there is one.
        let mut restart = self.next_restart().min(Instant::now() + phase / 2);
        while Instant::now() < end {
            tokio::select! {
                _ = told.tick() => self.tell().await?,
                () = tokio::time::sleep_until(restart.min(end)) => {
                    if restart < end {
                        self.server = self.server.restart(&self.world, &mut self.dice).await?;
                        restart = self.next_restart();
                    }
                }
            }
        }
        calm.cancel();
        tasks.close();
        tasks.wait().await;
        Ok(self)
    }

    fn next_restart(&mut self) -> Instant {
        Instant::now() + Duration::from_millis(self.dice.u64(4_000..15_000))
    }

    async fn tell(&mut self) -> io::Result<()> {
        let Sums { traffic, faults, wrong } = self.world.tally.sums();
        let Has { tasks, descriptors, memory } = self.gateway.has().await?;
        println!(
            "{:>5} s  {traffic:>8} requests  {faults:>6} faults  {wrong:>3} wrong  {:>4} sockets  {tasks:>5} tasks  \
             {descriptors:>5} descriptors  {:>6.1} MiB",
            self.began.elapsed().as_secs(),
            self.world.sockets.load(Ordering::SeqCst),
            mib(memory)
        );
        Ok(())
    }
}

/// Waits until nobody holds on to anything: until the gateway has let go of the server, and has no more than `before`.
async fn drain(world: &World, gateway: &mut Process, before: Option<Has>) -> io::Result<Has> {
    let until = Instant::now() + DRAINED;
    loop {
        sleep(Duration::from_millis(250)).await;
        let has = gateway.has().await?;
        let is_back = before.is_none_or(|before| has.tasks <= before.tasks && has.descriptors <= before.descriptors);
        if (is_back && world.connections.load(Ordering::SeqCst) == 0) || Instant::now() > until {
            return Ok(has);
        }
    }
}

/// The table; and whether all holds.
fn close(world: &World, seed: u64, took: Duration, before: Has, drained: &[Has]) -> bool {
    let (Some(warm), Some(last)) = (drained.first(), drained.last()) else { return false };
    let leaked = |of: fn(&Has) -> u64| of(last).saturating_sub(of(&before));
    let (tasks, descriptors) = (leaked(|has| has.tasks), leaked(|has| has.descriptors));
    let connections = world.connections.load(Ordering::SeqCst) as u64;
    println!("\n{} s with seed {seed}", took.as_secs());
    print!("{}", world.tally);
    println!("{}    {} before, {} after", Row("  leaked tasks", tasks), before.tasks, last.tasks);
    println!(
        "{}    {} before, {} after",
        Row("  leaked descriptors", descriptors),
        before.descriptors,
        last.descriptors
    );
    println!("{}", Row("  connections left at the server", connections));
    let grown = last.memory.saturating_sub(warm.memory);
    let each: Vec<String> = drained.iter().map(|has| format!("{:.1}", mib(has.memory))).collect();
    println!(
        "memory, drained: {:.1} MiB before; after each phase {} (flat: at most {:.0} more than after the first)",
        mib(before.memory),
        each.join(", "),
        mib(FLAT)
    );
    let holds = world.tally.sums().wrong == 0 && tasks == 0 && descriptors == 0 && connections == 0 && grown <= FLAT;
    println!("{}", if holds { "all of it holds" } else { "NOT all of it holds" });
    holds
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
