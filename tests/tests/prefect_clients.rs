//! Prefect's own command line and SDK, with nothing but the output of `postern env` in their environment.
//!
//! They meet a server behind nginx that asks for a credential at every step, sockets included, and they
//! have only a key that is good on this machine.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use postern_tests::canary::Sweep;
use postern_tests::postern::{Postern, Serving};
use postern_tests::prefect::Api;
use postern_tests::process::{Process, run};
use postern_tests::python::{PREFECT, Venv, venv};
use postern_tests::scratch::Scratch;
use postern_tests::secured::{LABEL, Secured};
use postern_tests::wait::until;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(90);

/// A user's machine: a gateway that runs, and programs that know only what `postern env` says.
struct Machine {
    venv: Venv,
    environment: BTreeMap<String, String>,
    home: Scratch,
    /// The server itself, to check what arrived there.
    server: Api,
    _serving: Serving,
    _postern: Postern,
}

impl Machine {
    async fn start(profile: &str) -> anyhow::Result<Self> {
        let scene = Secured::shared().await?;
        let postern = scene.postern(profile).await?;
        let serving = postern.serve(&[profile]).await?;
        let environment = postern.environment(profile).await?;
        let real = Sweep::default().with_login("the real password", &scene.login);
        for (name, value) in &environment {
            assert_eq!(real.text(name, value), Vec::<String>::new());
        }
        ensure!(environment.get("PREFECT_API_URL") == Some(&serving.ready(profile)?.api_url), "{environment:?}");
        let home = Scratch::new("home")?;
        Ok(Self {
            venv: venv(PREFECT)?,
            environment,
            home,
            server: scene.prefect.api()?,
            _serving: serving,
            _postern: postern,
        })
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = self.venv.command(program);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", self.home.path()).envs(&self.environment);
        command.current_dir(self.home.path()).args(arguments);
        command
    }

    async fn run(&self, name: &str, program: &str, arguments: &[&str]) -> anyhow::Result<String> {
        run(name, self.command(program, arguments), "", &self.home, LIMIT).await?.success()
    }

    async fn python(&self, name: &str, script: &str) -> anyhow::Result<String> {
        let file = self.home.write(format!("{name}.py"), script)?;
        self.run(name, "python", &[&file.to_string_lossy()]).await
    }
}

#[tokio::test]
async fn the_command_line_lists_what_is_on_the_server() -> anyhow::Result<()> {
    let machine = Machine::start("listing").await?;
    // As JSON, for the table is cut off at the terminal's width.
    let listed = machine.run("ls", "prefect", &["flow-run", "ls", "--output", "json"]).await?;
    let listed: Value = serde_json::from_str(&listed)?;
    let seeded = |run: &Value| run["name"] == format!("{LABEL}-run") && run["state_type"] == "FAILED";
    ensure!(listed.as_array().is_some_and(|runs| runs.iter().any(seeded)), "{listed}");
    Ok(())
}

#[tokio::test]
async fn a_flow_with_tasks_completes_and_leaves_its_logs_and_task_runs_on_the_server() -> anyhow::Result<()> {
    let machine = Machine::start("flows").await?;
    let script = r#"
from prefect import flow, get_run_logger, task

@task
def double(number):
    get_run_logger().info("doubling %s", number)
    return 2 * number

@flow(name="cedar")
def cedar():
    return sum(future.result() for future in double.map([1, 2, 3]))

if __name__ == "__main__":
    print("result", cedar())
"#;
    let said = machine.python("cedar", script).await?;
    ensure!(said.contains("result 12"), "{said}");

    let of_flow = json!({"flows": {"name": {"any_": ["cedar"]}}});
    let runs = machine.server.post("/flow_runs/filter", &of_flow).await?;
    assert_eq!(runs[0]["state"]["type"], "COMPLETED");
    // Task runs reach the server as events, over a WebSocket.
    let task_runs = |answer: &Value| {
        let states = answer.as_array()?.iter().map(|run| run["state"]["type"].as_str());
        let states = states.collect::<Option<Vec<_>>>()?;
        (states == ["COMPLETED"; 3]).then_some(())
    };
    machine.server.until("three completed task runs", "/task_runs/filter", &of_flow, LIMIT, task_runs).await?;
    let of_run = json!({"logs": {"flow_run_id": {"any_": [runs[0]["id"]]}}});
    let logs = |answer: &Value| {
        let logs = answer.as_array()?.iter().filter_map(|log| log["message"].as_str()).collect::<Vec<_>>();
        ["doubling 1", "doubling 2", "doubling 3"].iter().all(|line| logs.contains(line)).then_some(())
    };
    machine.server.until("the tasks' logs", "/logs/filter", &of_run, LIMIT, logs).await
}

#[tokio::test]
async fn events_flow_both_ways_over_sockets() -> anyhow::Result<()> {
    let machine = Machine::start("events").await?;
    // Not a terminal: so Python must be told to write line by line.
    let mut command = machine.command("prefect", &["events", "stream"]);
    command.env("PYTHONUNBUFFERED", "1");
    let mut stream = Process::spawn("stream", command, &machine.home)?;
    machine.server.until_streamed(&mut stream, LIMIT).await?;

    let script = r#"
from prefect.events import emit_event
emit_event(event="postern.inward", resource={"prefect.resource.id": "postern.test"})
"#;
    machine.python("emit", script).await?;
    let filter = json!({"filter": {"event": {"name": ["postern.inward"]}}});
    let seen = |answer: &Value| (answer["total"] == 1).then_some(());
    machine.server.until("the event on the server", "/events/filter", &filter, LIMIT, seen).await
}

#[tokio::test]
async fn a_plain_tool_with_the_local_key_may_write_though_it_knows_no_csrf_tokens() -> anyhow::Result<()> {
    let machine = Machine::start("tools").await?;
    let setting = |name: &str| machine.environment.get(name).with_context(|| format!("no {name}"));
    let (user, key) = setting("PREFECT_API_AUTH_STRING")?.split_once(':').context("no auth string")?;
    let url = format!("{}/variables/", setting("PREFECT_API_URL")?);
    let http = reqwest::Client::builder().no_proxy().build()?;
    let made = http.post(url).basic_auth(user, Some(key)).json(&json!({"name": "maple", "value": 1})).send().await?;
    assert_eq!(made.status().as_u16(), 201, "{}", made.text().await?);
    assert_eq!(machine.server.get("/variables/name/maple").await?["value"], 1);
    Ok(())
}

#[tokio::test]
async fn a_served_flow_picks_up_a_scheduled_run() -> anyhow::Result<()> {
    let machine = Machine::start("serving").await?;
    let script = r#"
from prefect import flow

@flow(name="rowan", log_prints=True)
def rowan():
    print("picked up")

if __name__ == "__main__":
    rowan.serve(name="rowan-served")
"#;
    let file = machine.home.write("rowan.py", script)?;
    let command = machine.command("python", &[&file.to_string_lossy()]);
    let mut served = Process::spawn("served", command, &machine.home)?;
    let api = &machine.server;
    let deployment = served
        .until("the deployment", LIMIT, async |_| {
            Ok(api
                .get("/deployments/name/rowan/rowan-served")
                .await
                .ok()
                .and_then(|found| found["id"].as_str().map(str::to_owned)))
        })
        .await?;
    let run = api.post(&format!("/deployments/{deployment}/create_flow_run"), &json!({})).await?;
    let run = run["id"].as_str().context("a flow run has an id")?;
    let completed = until("the run's completion", LIMIT, async || {
        let state = api.get(&format!("/flow_runs/{run}")).await?["state"].clone();
        ensure!(state["type"] != "FAILED" && state["type"] != "CRASHED", "the run ended badly: {state}");
        Ok((state["type"] == "COMPLETED").then_some(()))
    });
    completed.await.with_context(|| served.stderr())?;
    Ok(())
}
