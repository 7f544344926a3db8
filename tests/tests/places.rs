//! Where a server may live: under a base path that its edge keeps or strips, with its API at another port, path
//! or host than its UI. At each place both dashboards work, and so do a command and a socket of Prefect's own.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use postern_tests::browser::Browser;
use postern_tests::nginx::{Nginx, Site};
use postern_tests::postern::Postern;
use postern_tests::prefect::{Login, Options, Prefect, is_prefects_own};
use postern_tests::process::run;
use postern_tests::python::{PREFECT, venv};
use postern_tests::scratch::Scratch;
use postern_tests::secured::{LABEL, Secured};
use postern_tests::wait::free_port;
use url::Url;

const LIMIT: Duration = Duration::from_secs(90);
const PROFILE: &str = "place";

/// A profile's addresses, and what stands there.
struct Place<'l> {
    url: String,
    api_url: Option<String>,
    login: &'l Login,
    /// What its certificate is verified by.
    ca_file: Option<PathBuf>,
    /// The base path that the UI's pages are built for.
    base: &'static str,
    /// Each edge, and what must be asked of it; sockets are where the API is.
    edges: Vec<(Nginx, &'static str)>,
}

#[tokio::test]
async fn under_a_base_path_that_the_edge_keeps() -> anyhow::Result<()> {
    let (prefect, login) = based().await?;
    let edge = edge(&login, &[("/prefect/", format!("{}/prefect/", prefect.origin()))]).await?;
    let url = format!("{}/prefect", edge.origin());
    Place { url, base: "/prefect", ..Place::of(&login, vec![(edge, " /prefect/api/")]) }.works().await
}

#[tokio::test]
async fn under_a_base_path_with_the_api_at_the_root() -> anyhow::Result<()> {
    let (prefect, login) = based().await?;
    let server = prefect.origin();
    let places = [
        ("/prefect/api/", format!("{server}/nothing/")),
        ("/prefect/", format!("{server}/prefect/")),
        ("/api/", format!("{server}/prefect/api/")),
    ];
    let edge = edge(&login, &places).await?;
    let (url, api_url) = (format!("{}/prefect", edge.origin()), Some(format!("{}/api", edge.origin())));
    Place { url, api_url, base: "/prefect", ..Place::of(&login, vec![(edge, " /api/")]) }.works().await
}

#[tokio::test]
async fn under_a_base_path_that_the_edge_strips() -> anyhow::Result<()> {
    let scene = Secured::shared().await?;
    let edge = edge(&scene.login, &[("/prefect/", format!("{}/", scene.prefect.origin()))]).await?;
    let url = format!("{}/prefect", edge.origin());
    Place { url, ..Place::of(&scene.login, vec![(edge, " /prefect/api/")]) }.works().await
}

#[tokio::test]
async fn with_the_api_on_another_path() -> anyhow::Result<()> {
    let scene = Secured::shared().await?;
    let server = scene.prefect.origin();
    let places = [
        ("/x/api/", format!("{server}/api/")),
        ("/api/", format!("{server}/nothing/")),
        ("/prefect/", format!("{server}/")),
    ];
    let edge = edge(&scene.login, &places).await?;
    let (url, api_url) = (format!("{}/prefect", edge.origin()), Some(format!("{}/x/api", edge.origin())));
    Place { url, api_url, ..Place::of(&scene.login, vec![(edge, " /x/api/")]) }.works().await
}

#[tokio::test]
async fn with_the_api_on_another_port() -> anyhow::Result<()> {
    let scene = Secured::shared().await?;
    let (ui, api) = apart(scene).await?;
    let (url, api_url) = (ui.origin(), Some(format!("{}/api", api.origin())));
    Place { url, api_url, ..Place::of(&scene.login, vec![(ui, " /ui-settings"), (api, " /api/")]) }.works().await
}

#[tokio::test]
async fn with_the_api_on_another_host() -> anyhow::Result<()> {
    let scene = Secured::shared().await?;
    let (ui, api) = apart(scene).await?;
    let (url, api_url) = (ui.origin(), Some(format!("{}/api", api.origin().replace("127.0.0.1", "localhost"))));
    Place { url, api_url, ..Place::of(&scene.login, vec![(ui, " /ui-settings"), (api, " /api/")]) }.works().await
}

#[tokio::test]
async fn over_tls_where_the_edge_speaks_http_2() -> anyhow::Result<()> {
    let scene = Secured::shared().await?;
    let site = Site { upstream: scene.prefect.origin(), basic: Some(scene.login.clone()), websockets: true };
    let edge = Nginx::start_with_tls(site).await?;
    let (url, ca_file) = (edge.origin(), Some(edge.certificate()));
    Place { url, ca_file, ..Place::of(&scene.login, vec![(edge, " /api/")]) }.works().await
}

/// A server that serves all it has below `/prefect`.
async fn based() -> anyhow::Result<(Prefect, Login)> {
    let login = Login::unique("admin")?;
    let options = Options {
        auth: Some(login.clone()),
        csrf: true,
        serve_base: Some("/prefect".to_owned()),
        api_base: Some("/prefect/api".to_owned()),
        ..Options::default()
    };
    let prefect = Prefect::start(options).await?;
    prefect.api()?.seed(LABEL).await?;
    Ok((prefect, login))
}

/// An edge that has nothing but these places.
async fn edge(login: &Login, places: &[(&str, String)]) -> anyhow::Result<Nginx> {
    let nowhere = format!("http://127.0.0.1:{}", free_port()?);
    let site = Site { upstream: nowhere, basic: Some(login.clone()), websockets: true };
    Nginx::start_with(site, places).await
}

/// One edge for all but the API, and one for the API.
async fn apart(scene: &Secured) -> anyhow::Result<(Nginx, Nginx)> {
    let server = scene.prefect.origin();
    let api = edge(&scene.login, &[("/api/", format!("{server}/api/"))]).await?;
    let nothing = [("/api/", format!("{server}/nothing/"))];
    let site = Site { upstream: server, basic: Some(scene.login.clone()), websockets: true };
    Ok((Nginx::start_with(site, &nothing).await?, api))
}

impl<'l> Place<'l> {
    fn of(login: &'l Login, edges: Vec<(Nginx, &'static str)>) -> Self {
        Self { url: String::new(), api_url: None, login, ca_file: None, base: "", edges }
    }

    async fn works(&self) -> anyhow::Result<()> {
        let postern = self.postern().await?;
        let _serving = postern.serve(&[PROFILE]).await?;
        self.both_dashboards_show_what_the_server_has(&postern).await?;
        a_command_and_a_socket_reach_the_server(&postern).await?;
        for (edge, own) in &self.edges {
            let requests = edge.requests()?;
            ensure!(requests.iter().any(|line| line.contains(own)), "nothing for {own}: {requests:#?}");
            let user = format!(" user={} ", self.login.username);
            let without = requests.iter().filter(|line| !line.contains(&user)).collect::<Vec<_>>();
            assert_eq!(without, Vec::<&String>::new(), "without the profile's credential");
            let socket = requests.iter().any(|line| line.starts_with("101 ") && line.contains("/events/out"));
            assert_eq!(socket, own.ends_with("/api/"), "{requests:#?}");
            // Over TLS the protocol is agreed on, and a socket needs the older one.
            let newer = requests.iter().filter(|line| line.ends_with(" HTTP/2.0")).count();
            let sockets = requests.iter().filter(|line| line.starts_with("101 ")).count();
            assert_eq!(newer, if self.ca_file.is_some() { requests.len() - sockets } else { 0 }, "{requests:#?}");
        }
        Ok(())
    }

    async fn postern(&self) -> anyhow::Result<Postern> {
        let (url, user) = (&self.url, &self.login.username);
        let tls = self.ca_file.as_ref().map(|file| format!("[profile.tls]\nca_file = {file:?}\n")).unwrap_or_default();
        let api_url = self.api_url.as_ref().map(|url| format!("api_url = \"{url}\"\n")).unwrap_or_default();
        let mut postern = Postern::new(&format!(
            "version = 1\n\n[[profile]]\nid = \"{PROFILE}\"\nname = \"Place\"\nurl = \"{url}\"\n{api_url}\
             port = {}\n\n[profile.edge]\nkind = \"basic\"\nusername = \"{user}\"\n\n\
             [profile.prefect]\nusername = \"{user}\"\n\n{tls}",
            free_port()?,
        ))
        .await?;
        postern.secret(PROFILE, "edge-password", &self.login.password);
        postern.secret(PROFILE, "prefect-password", &self.login.password);
        postern.secret(PROFILE, "local-key", &Login::unique("postern")?.password);
        Ok(postern)
    }

    async fn both_dashboards_show_what_the_server_has(&self, postern: &Postern) -> anyhow::Result<()> {
        let browser = Browser::start().await?;
        let flow = format!("{LABEL}-flow");
        browser.goto(&postern.open(PROFILE).await?).await?;
        browser.until_shown(&["Dashboard", &flow]).await?;
        let origin = browser.driver().current_url().await?.origin().ascii_serialization();
        for ui in ["/v2", ""] {
            let page = format!("{origin}{}{ui}/flows", self.base);
            browser.goto(&page).await?;
            browser.until_shown(&["Flows", &flow]).await.with_context(|| page.clone())?;
            let arrived = browser.driver().current_url().await?;
            ensure!(arrived.as_str().starts_with(&page), "{page} led to {arrived}");
        }
        let mut troubles = browser.troubles(&origin).await?;
        troubles.retain(|trouble| !is_prefects_own(trouble));
        assert_eq!(troubles, Vec::<String>::new());
        for url in [Some(&self.url), self.api_url.as_ref()].into_iter().flatten() {
            let server = Url::parse(url)?.origin().ascii_serialization();
            assert_eq!(browser.requests(&server).await, 0, "requests past the gateway to {server}");
        }
        browser.close().await?;
        Ok(())
    }
}

async fn a_command_and_a_socket_reach_the_server(postern: &Postern) -> anyhow::Result<()> {
    let home = Scratch::new("home")?;
    let environment: BTreeMap<_, _> = postern.environment(PROFILE).await?;
    let prefect = async |program: &str, arguments: &[&str]| {
        let mut command = venv(PREFECT)?.command(program);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", home.path()).envs(&environment).args(arguments);
        run(program, command, "", &home, LIMIT).await?.success()
    };
    let listed = prefect("prefect", &["flow", "ls", "--output", "json"]).await?;
    ensure!(listed.contains(&format!("{LABEL}-flow")), "{listed}");
    // To enter the subscription is to have shown the key in the first frame, and to be told that it is good.
    let script = "
import asyncio
from prefect.events.clients import get_events_subscriber

async def main():
    async with get_events_subscriber(reconnection_attempts=0):
        print('subscribed')

asyncio.run(main())
";
    let script = home.write("subscribe.py", script)?;
    let said = prefect("python", &[&script.to_string_lossy()]).await?;
    ensure!(said.contains("subscribed"), "{said}");
    Ok(())
}
