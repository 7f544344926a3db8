//! Short requests on many connections: `wrk` for as many as there can be, `h2load` for a steady rate.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use postern_tests::process::{command, run};
use postern_tests::scratch::Scratch;

use super::CONNECTIONS;
use super::contender::Contender;

/// How much longer than its load a generator may take.
const GRACE: Duration = Duration::from_secs(30);

/// As many requests as there could be.
pub(crate) struct Peak {
    pub(crate) requests: f64,
    seconds: f64,
}

impl Peak {
    pub(crate) fn per_second(&self) -> f64 {
        self.requests / self.seconds
    }
}

/// Fails where a contender does not do its job.
pub(crate) async fn is_answered(contender: &Contender) -> anyhow::Result<()> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let mut request = client.get(contender.url());
    for (name, value) in &contender.headers {
        request = request.header(*name, value);
    }
    let answer = request.send().await?;
    ensure!(answer.status() == 200, "{} answers {}", contender.name, answer.status());
    Ok(())
}

/// Asks as fast as answers come, on each connection.
pub(crate) async fn peak(contender: &Contender, load: Duration, scratch: &Scratch) -> anyhow::Result<Peak> {
    // Headers are in the script: what is in an argument is seen by every user of the machine.
    let mut script = String::new();
    for (name, value) in &contender.headers {
        script += &format!("wrk.headers[{name:?}] = {value:?}\n");
    }
    script += "function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('done %d %d %d\\n', summary.requests, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout))
end\n";
    let script = scratch.write("wrk.lua", script)?;
    let mut wrk = command("wrk");
    wrk.args(["--threads", "1", "--connections", &CONNECTIONS.to_string()]);
    wrk.args(["--duration", &format!("{}s", load.as_secs()), "--script"]).arg(script).arg(contender.url());
    let said = run("wrk", wrk, "", scratch, load + GRACE).await?.success()?;
    let done = said.lines().find_map(|line| line.strip_prefix("done ")).context("wrk says what it has done")?;
    let numbers: Vec<f64> = done.split(' ').map(str::parse).collect::<Result<_, _>>()?;
    let [requests, microseconds, errors] = numbers[..] else { bail!("not what wrk says: {done}") };
    ensure!(requests > 0.0 && errors == 0.0, "{} failed {errors} times in {requests}", contender.name);
    Ok(Peak { requests, seconds: microseconds / 1e6 })
}

/// How long answers took, in milliseconds, the shortest first.
pub(crate) struct Latencies(Vec<f64>);

impl Latencies {
    pub(crate) fn quantile(&self, part: f64) -> f64 {
        let last = self.0.len() - 1;
        let at = (last as f64 * part) as usize;
        self.0[at]
    }
}

/// Asks so many times a second in all, whether answers come or not.
pub(crate) async fn steady(
    contender: &Contender,
    rate: f64,
    load: Duration,
    scratch: &Scratch,
) -> anyhow::Result<Latencies> {
    let log = scratch.join("h2load.log");
    let mut h2load = command("h2load");
    h2load.args(["--h1", "--threads", "1", "--clients", &CONNECTIONS.to_string()]);
    h2load.args(["--rps", &(rate / f64::from(CONNECTIONS)).to_string()]);
    h2load.args(["--warm-up-time", "1", "--duration", &load.as_secs().to_string()]);
    for (name, value) in &contender.headers {
        // It takes headers in no other way. These were made for this run, and open nothing after it.
        h2load.args(["--header", &format!("{name}: {value}")]);
    }
    h2load.arg("--log-file").arg(&log).arg(contender.url());
    run("h2load", h2load, "", scratch, load + GRACE).await?.success()?;
    let text = fs::read_to_string(&log)?;
    // When it began, the status, microseconds; no answer where the status is -1.
    let answers = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let mut latencies = Vec::new();
    for answer in answers {
        let [_, "200", microseconds, ..] = answer[..] else {
            bail!("{} failed at {rate:.0} a second: {answer:?}", contender.name)
        };
        latencies.push(microseconds.parse::<f64>()? / 1000.0);
    }
    latencies.sort_by(f64::total_cmp);
    ensure!(!latencies.is_empty(), "h2load measured nothing");
    fs::remove_file(log)?;
    Ok(Latencies(latencies))
}
