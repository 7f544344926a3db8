//! The server of the story: a Prefect with an auth string and CSRF protection, behind an nginx that asks for
//! the same credential, with a little to see on its dashboard.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use postern_tests::nginx::{Nginx, Site};
use postern_tests::prefect::{Api, Login, Options, Prefect};
use serde_json::json;

/// Flows, each with its deployment, the hours between its runs, and how these went, the last first.
const FLOWS: [(&str, &str, u64, &[&str]); 4] = [
    ("load-orders", "hourly", 1, &["RUNNING", DONE, DONE, "FAILED", DONE, DONE, DONE, DONE, DONE, DONE, DONE, DONE]),
    ("refresh-dashboards", "every-3-hours", 3, &[DONE, DONE, DONE, DONE, DONE, DONE, DONE]),
    ("train-forecast", "every-6-hours", 6, &[DONE, DONE, "CRASHED"]),
    ("archive-invoices", "daily", 12, &[DONE]),
];
const DONE: &str = "COMPLETED";

/// What a dashboard shows once it has the server's data: headings alone are there before.
pub(crate) const SEEN: &[&str] = &["Flow Runs", "load-orders"];

/// The server and its edge.
pub(crate) struct Scene {
    login: Login,
    url: String,
    _nginx: Nginx,
    _prefect: Prefect,
}

impl Scene {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let login = Login::unique("admin")?;
        println!("starting Prefect with an auth string and CSRF protection");
        let options = Options { auth: Some(login.clone()), csrf: true, ..Options::default() };
        let prefect = Prefect::start(options).await?;
        seed(&prefect.api()?).await?;
        println!("starting nginx in front of it, with Basic auth");
        let site = Site { upstream: prefect.origin(), basic: Some(login.clone()), websockets: true };
        let nginx = Nginx::start(site).await?;
        let url = nginx.origin();
        println!("the server is at {url}, and lets nobody in without the password");
        Ok(Self { login, url, _nginx: nginx, _prefect: prefect })
    }

    /// What `postern` is told to make the server a profile.
    pub(crate) fn add<'a>(&'a self, id: &'a str, name: &'a str, color: &'a str) -> Vec<&'a str> {
        let user = &self.login.username;
        let (url, edge, prefect) = (["--url", &self.url], ["--edge-username", user], ["--prefect-username", user]);
        [&["add", "--id", id, "--name", name, "--color", color], &url[..], &edge, &prefect].concat()
    }

    /// What the profile's slots of the vault hold: nginx and Prefect ask for the same.
    pub(crate) fn secrets(&self) -> [(&'static str, &str); 2] {
        ["edge-password", "prefect-password"].map(|slot| (slot, self.login.password.as_str()))
    }
}

async fn seed(api: &Api) -> anyhow::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    for (name, deployment, hours, ends) in FLOWS {
        let flow = api.post("/flows/", &json!({"name": name})).await?;
        let flow = &flow["id"];
        let deployment = api.post("/deployments/", &json!({"name": deployment, "flow_id": flow})).await?;
        for (end, ago) in ends.iter().zip(1..) {
            // The dashboard goes by when a run was due.
            let due = json!({"type": "SCHEDULED", "state_details": {"scheduled_time": now - ago * hours * 3600}});
            let run = json!({"flow_id": flow, "deployment_id": deployment["id"], "state": due});
            let run = api.post("/flow_runs/", &run).await?;
            let run = run["id"].as_str().context("a flow run has an id")?;
            for state in ["RUNNING", end] {
                let state = json!({"state": {"type": state}, "force": true});
                api.post(&format!("/flow_runs/{run}/set_state"), &state).await?;
            }
        }
    }
    api.post("/work_pools/", &json!({"name": "warehouse", "type": "process"})).await?;
    Ok(())
}
