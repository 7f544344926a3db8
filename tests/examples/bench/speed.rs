//! How fast, how dear: the gateway, nginx as a reverse proxy that does the same, and their server without either.
//!
//! - Rounds go round: every contender has its turn in each, another one first each time. What is shown is the median of
//!   the rounds, so that a moment in which the machine had other business weighs on nobody.
//! - All of them have one thread: nginx one worker process, the gateway the runtime that it has in production. Load
//!   generator and server run on the same machine, and take their part of it.
//! - Memory is what each would have alone: two nginx run here, and halve what they have in common.
//! - nginx gets settings that help it: no access log, no temporary files, and connections that are kept for good.

mod contender;
mod load;
mod streams;
mod table;

use std::time::Duration;

use anyhow::Context as _;
use postern_tests::scratch::Scratch;

use self::contender::{Contender, Scene};
use self::table::{Figure, Table};

/// How many connections ask at once.
pub(crate) const CONNECTIONS: u32 = 32;

/// How long everything takes.
struct Plan {
    rounds: usize,
    /// Of load, for each contender in each round.
    load: Duration,
    /// Of a stream, in bytes.
    stream: u64,
}

const THOROUGH: Plan = Plan { rounds: 5, load: Duration::from_secs(5), stream: 1 << 30 };
const QUICK: Plan = Plan { rounds: 1, load: Duration::from_secs(2), stream: 1 << 27 };

pub(crate) async fn run(quick: bool) -> anyhow::Result<()> {
    let plan = if quick { QUICK } else { THOROUGH };
    let scratch = Scratch::new("bench")?;
    let scene = Scene::start().await?;
    let contenders = scene.contenders()?;
    let names = contenders.iter().map(|contender| contender.name);
    let mut table = Table::new(names);

    for contender in &contenders {
        load::is_answered(contender).await?;
        let memory = contender.gauge().memory()?;
        table.add(contender.name, Figure::MemoryIdle, memory.resident);
        table.add(contender.name, Figure::OwnIdle, memory.own);
    }
    println!("{} rounds, {} s of load and {} MiB each way", plan.rounds, plan.load.as_secs(), plan.stream >> 20);

    for round in 0..plan.rounds {
        for contender in turns(&contenders, round) {
            let before = contender.gauge().time()?;
            let peak = load::peak(contender, plan.load, &scratch).await?;
            let spent = contender.gauge().time()? - before;
            table.add(contender.name, Figure::Peak, peak.per_second());
            table.add(contender.name, Figure::User, spent.user * 100_000.0 / peak.requests);
            table.add(contender.name, Figure::System, spent.system * 100_000.0 / peak.requests);
        }
    }
    let rate = table.median(contender::NGINX, Figure::Peak).context("nginx has been measured")? / 2.0;
    for round in 0..plan.rounds {
        for contender in turns(&contenders, round) {
            let latencies = load::steady(contender, rate, plan.load, &scratch).await?;
            table.add(contender.name, Figure::Half, latencies.quantile(0.5));
            table.add(contender.name, Figure::Slowest, latencies.quantile(0.99));
        }
    }
    for round in 0..plan.rounds {
        for contender in turns(&contenders, round) {
            let (before, length) = (contender.gauge().time()?, plan.stream);
            let mib = length as f64 / f64::from(1 << 20);
            table.add(contender.name, Figure::Download, mib / streams::download(contender, length)?.as_secs_f64());
            table.add(contender.name, Figure::Upload, mib / streams::upload(contender, length)?.as_secs_f64());
            let spent = contender.gauge().time()? - before;
            table.add(contender.name, Figure::StreamTime, (spent.user + spent.system) * 1024.0 / mib / 2.0);
        }
    }
    for contender in &contenders {
        let memory = contender.gauge().memory()?;
        table.add(contender.name, Figure::MemoryAfter, memory.resident);
        table.add(contender.name, Figure::OwnAfter, memory.own);
    }
    println!("\n{table}");
    println!(
        "Latencies at {rate:.0} requests a second, half of nginx's peak. One worker process for nginx, as for us."
    );
    Ok(())
}

/// The contenders in another order each round.
fn turns(contenders: &[Contender], round: usize) -> impl Iterator<Item = &Contender> {
    contenders.iter().cycle().skip(round % contenders.len()).take(contenders.len())
}
