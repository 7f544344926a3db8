//! WebSockets are as if the gateway weren't there: Autobahn|Testsuite, the conformance suite that most implementations
//! are held against, tries an echo server directly and through the gateway, and no case tells one from the other.
//!
//! What lies in `tests/autobahn` only makes the suite run on Python 3; what its cases send and expect is its own.
//! `POSTERN_WEBSOCKET_CASES=all` runs every case there is. Without it, those are left out that send the same again in
//! more messages, or larger ones: each table below says which.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use postern_tests::acceptance::held;
use postern_tests::postern::Postern;
use postern_tests::process::{Process, run};
use postern_tests::python::{Venv, venv};
use postern_tests::scratch::{Scratch, workspace};
use postern_tests::wait::free_port;
use serde_json::{Value, json};

const SUITE: &str = "autobahntestsuite-25.10.1";
const LIMIT: Duration = Duration::from_secs(60);
const RUN_LIMIT: Duration = Duration::from_secs(60 * 60);

/// Framing, pings, reserved bits, opcodes, fragmentation, UTF-8, closing: everything but size and compression.
const PROTOCOL: &[&str] = &["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"];

#[tokio::test]
async fn a_conformance_suite_sees_no_gateway() -> anyhow::Result<()> {
    assert_eq!(Run { cases: PROTOCOL, ..RAW }.cases_without_difference().await?, 247);
    Ok(())
}

/// The first message is replaced on its way, and its answer comes back, before each case begins.
#[tokio::test]
async fn a_conformance_suite_sees_no_gateway_behind_a_replaced_first_message() -> anyhow::Result<()> {
    assert_eq!(Run { cases: PROTOCOL, ..PREFECT }.cases_without_difference().await?, 247);
    Ok(())
}

#[tokio::test]
async fn a_conformance_suite_sees_no_gateway_with_large_and_compressed_messages() -> anyhow::Result<()> {
    if std::env::var("POSTERN_WEBSOCKET_CASES").is_ok_and(|cases| cases == "all") {
        let run = Run { cases: &["9.*", "12.*", "13.*"], ..RAW };
        assert_eq!(run.cases_without_difference().await?, 270);
        return Ok(());
    }
    let run = Run {
        // 13.1 to 13.7 are all that is offered and accepted of compression, 12.2 and 12.3 binary messages of two kinds.
        cases: &["9.*", "12.2.4", "12.3.3", "13.1.1", "13.2.1", "13.3.1", "13.4.1", "13.5.1", "13.6.1", "13.7.1"],
        // Left out of 9: 65,536 fragments where the next case has 16,384; a thousand messages to measure a round trip.
        but: &["9.3.1", "9.4.1", "9.7.*", "9.8.*"],
        ..RAW
    };
    assert_eq!(run.cases_without_difference().await?, 49);
    Ok(())
}

/// A run of the suite: which cases, and which way.
struct Run {
    cases: &'static [&'static str],
    but: &'static [&'static str],
    protocols: &'static [&'static str],
    /// What else the profile says.
    profile: &'static str,
}

const RAW: Run = Run { cases: &[], but: &[], protocols: &[], profile: "" };
const PREFECT: Run = Run { protocols: &["prefect"], profile: "[profile.prefect]\nusername = \"admin\"\n", ..RAW };

impl Run {
    /// Runs it directly and through a gateway; how many cases are passed, and the same way.
    async fn cases_without_difference(&self) -> anyhow::Result<usize> {
        let suite = Suite::convert().await?;
        let mut echo = Process::spawn("echo", suite.command("echo.py"), &suite.scratch)?;
        let line = async |echo: &Process| Ok(echo.stdout().strip_suffix('\n').map(str::to_owned));
        let port = echo.until("the echo server's port", LIMIT, line).await?;
        let mut postern = Postern::new(&format!(
            "version = 1\n[[profile]]\nid = \"echo\"\nname = \"Echo\"\nurl = \"http://127.0.0.1:{port}\"\nport = {}\n\
             local_programs = \"open\"\n{}",
            free_port()?,
            self.profile
        ))
        .await?;
        postern.secret("echo", "local-key", "unused");
        postern.secret("echo", "prefect-password", "autobahn");
        let serving = postern.serve(&["echo"]).await?;

        let through = serving.ready("echo")?.url.replacen("http", "ws", 1);
        let directly = format!("ws://127.0.0.1:{port}");
        let agent =
            |name, url| json!({"agent": name, "url": format!("{url}/api/events/in"), "protocols": self.protocols});
        let reports = suite.scratch.join("reports");
        let spec = json!({
            "outdir": reports,
            "servers": [agent("direct", directly), agent("through", through)],
            "cases": self.cases,
            "exclude-cases": self.but,
        });
        let mut command = suite.command("run.py");
        command.arg(suite.scratch.write("spec.json", spec.to_string())?);
        run("suite", command, "", &suite.scratch, RUN_LIMIT).await?.success()?;

        let index: BTreeMap<String, BTreeMap<String, Value>> =
            serde_json::from_slice(&fs::read(reports.join("index.json"))?)?;
        let [direct, through] = ["direct", "through"].map(|agent| index.get(agent).context(agent));
        let (direct, through) = (direct?, through?);
        ensure!(direct.keys().eq(through.keys()), "not the same cases: {index:?}");
        for (case, entry) in direct {
            let report = |entry: &Value| -> anyhow::Result<Value> {
                let file = entry["reportfile"].as_str().context("a case without a report")?;
                Ok(what_came_back(serde_json::from_slice(&fs::read(reports.join(file))?)?))
            };
            assert_eq!(report(&through[case])?, report(entry)?, "{case} through the gateway, and directly");
            held("G77");
        }
        Ok(direct.len())
    }
}

/// Of a case's report, all but what each run has of its own. Of the log, the frames: how the bytes between them were
/// cut is nobody's promise.
fn what_came_back(mut report: Value) -> Value {
    for own in
        ["agent", "started", "duration", "httpRequest", "httpResponse", "rxOctetStats", "txOctetStats", "trafficStats"]
    {
        report[own].take();
    }
    if let Some(log) = report["wirelog"].as_array_mut() {
        log.retain(|line| line[0] == "RF");
    }
    report
}

/// The suite, made to run.
struct Suite {
    venv: Venv,
    scratch: Scratch,
}

impl Suite {
    async fn convert() -> anyhow::Result<Self> {
        let suite = Self { venv: venv(SUITE)?, scratch: Scratch::new("autobahn")? };
        let mut command = suite.command("convert.py");
        command.arg(suite.scratch.path());
        run("convert", command, "", &suite.scratch, LIMIT).await?.success()?;
        Ok(suite)
    }

    /// `tests/autobahn/SCRIPT`.
    fn command(&self, script: &str) -> Command {
        let mut command = self.venv.command("python");
        command.env_clear().env("PYTHONPATH", self.scratch.path()).current_dir(self.scratch.path());
        command.arg(workspace().join("tests/autobahn").join(script));
        command
    }
}
