//! Every Prefect that people still run: its own server behind nginx with Basic auth, its own client with
//! nothing but the output of `postern env`, and its own UI in a real browser.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use postern_tests::browser::Browser;
use postern_tests::nginx::{Nginx, Site};
use postern_tests::postern::{Postern, Serving};
use postern_tests::prefect::{Login, Options, Prefect, is_prefects_own};
use postern_tests::process::run;
use postern_tests::python::venv;
use postern_tests::scratch::Scratch;
use postern_tests::wait::free_port;
use serde_json::{Map, Value, json};

const LIMIT: Duration = Duration::from_secs(120);

/// A Prefect, and what sets it apart.
struct Version {
    number: &'static str,
    /// Its server can have an auth string, and its clients can show one.
    auth: bool,
    /// Its server can ask for CSRF tokens.
    csrf: bool,
    /// How its clients prove themselves on the socket that its task runs go over.
    socket: Socket,
    /// Its experimental UI in the place of its first.
    second_ui: bool,
}

#[derive(PartialEq)]
enum Socket {
    /// As everywhere; or no task run goes over one.
    Proven,
    /// Only with custom headers.
    CustomHeader,
    /// Not at all.
    Mute,
}

#[tokio::test]
async fn prefect_2_14_works() -> anyhow::Result<()> {
    Version { auth: false, csrf: false, ..Version::of("2.14.21") }.works().await
}

#[tokio::test]
async fn prefect_2_20_works() -> anyhow::Result<()> {
    Version { auth: false, ..Version::of("2.20.26") }.works().await
}

#[tokio::test]
async fn prefect_3_0_works() -> anyhow::Result<()> {
    Version { auth: false, socket: Socket::Mute, ..Version::of("3.0.11") }.works().await
}

#[tokio::test]
async fn prefect_3_4_works() -> anyhow::Result<()> {
    Version { socket: Socket::CustomHeader, ..Version::of("3.4.25") }.works().await
}

#[tokio::test]
async fn prefect_3_6_works() -> anyhow::Result<()> {
    Version::of("3.6.29").works().await
}

#[tokio::test]
async fn prefect_3_6_with_its_second_ui_works() -> anyhow::Result<()> {
    Version { second_ui: true, ..Version::of("3.6.29") }.works().await
}

#[tokio::test]
async fn prefect_3_8_works() -> anyhow::Result<()> {
    Version::of("3.8.8").works().await
}

impl Version {
    fn of(number: &'static str) -> Self {
        Self { number, auth: true, csrf: true, socket: Socket::Proven, second_ui: false }
    }

    async fn works(&self) -> anyhow::Result<()> {
        self.check().await.with_context(|| format!("Prefect {}", self.number))
    }

    async fn check(&self) -> anyhow::Result<()> {
        let name = format!("prefect-{}", self.number);
        let login = Login::unique("admin")?;
        let auth = self.auth.then(|| login.clone());
        let options = Options { auth, csrf: self.csrf, second_ui: self.second_ui, ..Options::default() };
        let prefect = Prefect::start_as(&name, options).await?;
        let site = Site { upstream: prefect.origin(), basic: Some(login.clone()), websockets: true };
        let nginx = Nginx::start(site).await?;
        let postern = self.postern(&nginx.origin(), &login).await?;
        let serving = postern.serve(&["old"]).await?;

        settings_differ_only_in_what_is_ours(&prefect, &postern, &serving).await.context("/ui-settings")?;
        self.a_flow_runs(&name, &prefect, &postern).await.context("a flow run by its SDK")?;
        self.the_dashboard_shows_it(&prefect, &postern).await.context("the dashboard")
    }

    async fn postern(&self, url: &str, login: &Login) -> anyhow::Result<Postern> {
        let user = &login.username;
        let prefect = if self.auth { format!("[profile.prefect]\nusername = \"{user}\"\n") } else { String::new() };
        let local_programs = if self.socket == Socket::Mute { "open" } else { "key" };
        let mut postern = Postern::new(&format!(
            "version = 1\n\n[[profile]]\nid = \"old\"\nname = \"Old\"\nurl = \"{url}\"\nport = {}\n\
             local_programs = \"{local_programs}\"\n\
             [profile.edge]\nkind = \"basic\"\nusername = \"{user}\"\n{prefect}",
            free_port()?,
        ))
        .await?;
        postern.secret("old", "edge-password", &login.password);
        postern.secret("old", "prefect-password", &login.password);
        postern.secret("old", "local-key", &Login::unique("postern")?.password);
        Ok(postern)
    }

    /// Reads, writes with CSRF tokens where the server wants them, and events over a socket where it has any.
    async fn a_flow_runs(&self, name: &str, prefect: &Prefect, postern: &Postern) -> anyhow::Result<()> {
        let home = Scratch::new("home")?;
        let script = "
from prefect import flow, task

@task
def double(number):
    return 2 * number

@flow(name='cedar')
def cedar():
    return double(21)

if __name__ == '__main__':
    print('result', cedar())
";
        let script = home.write("cedar.py", script)?;
        let mut python = venv(name)?.command("python");
        let mut environment = postern.environment("old").await?;
        if self.socket == Socket::CustomHeader {
            // As the README has it.
            let header = json!({"Authorization": format!("Bearer {}", environment["PREFECT_API_KEY"])});
            environment.insert("PREFECT_CLIENT_CUSTOM_HEADERS".to_owned(), header.to_string());
        }
        python.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", home.path()).envs(environment).arg(script);
        let said = run("cedar", python, "", &home, LIMIT).await?.success()?;
        ensure!(said.contains("result 42"), "{said}");

        let api = prefect.api()?;
        let of_flow = json!({"flows": {"name": {"any_": ["cedar"]}}});
        let done = |runs: &Value| (runs[0]["state"]["type"] == "COMPLETED").then_some(());
        api.until("the flow run", "/flow_runs/filter", &of_flow, LIMIT, done).await?;
        api.until("the task run", "/task_runs/filter", &of_flow, LIMIT, done).await
    }

    async fn the_dashboard_shows_it(&self, prefect: &Prefect, postern: &Postern) -> anyhow::Result<()> {
        let browser = Browser::start().await?;
        browser.goto(&postern.open("old").await?).await?;
        browser.until_shown(&["Dashboard", "Flow Runs"]).await?;
        let address = browser.driver().current_url().await?;
        let origin = address.origin().ascii_serialization();
        let flows = address.join("flows")?;
        browser.goto(flows.as_str()).await?;
        let shown = browser.until_shown(&["Flows", "cedar"]).await;
        let ui = if self.second_ui { "v2" } else { "v1" };
        let picture = browser.screenshot(&format!("prefect-{}-{ui}", self.number)).await?;
        let mut troubles = browser.troubles(&origin).await?;
        shown.with_context(|| format!("pictured in {}; troubles: {troubles:#?}", picture.display()))?;
        troubles.retain(|trouble| !is_prefects_own(trouble));
        assert_eq!(troubles, Vec::<String>::new());
        ensure!(browser.requests(&format!("{origin}/api/")).await > 3, "the record of requests is not kept");
        assert_eq!(browser.requests(&prefect.origin()).await, 0, "requests past the gateway");
        browser.close().await?;
        Ok(())
    }
}

async fn settings_differ_only_in_what_is_ours(
    prefect: &Prefect,
    postern: &Postern,
    serving: &Serving,
) -> anyhow::Result<()> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let get = async |request: reqwest::RequestBuilder| {
        anyhow::Ok(request.send().await?.error_for_status()?.json::<Map<String, Value>>().await?)
    };
    let mut expected = get(http.get(format!("{}/ui-settings", prefect.origin()))).await?;
    let ready = serving.ready("old")?;
    let through = http.get(format!("{}/ui-settings", ready.url)).basic_auth("postern", Some(postern.local_key("old")));
    let found = get(through).await?;
    ensure!(expected.insert("api_url".to_owned(), json!(ready.api_url)).is_some(), "{expected:?}");
    if let Some(auth) = expected.get_mut("auth") {
        *auth = Value::Null;
    }
    assert_eq!(found, expected);
    Ok(())
}
