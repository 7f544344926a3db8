//! What it is all for: the Prefect UI of a secured server, in a real browser, without a login page.
//!
//! Both UIs, behind nginx with Basic auth and without; pages are judged by what a person reads on them,
//! by the requests that failed and by the console. Pictures of every page are kept in
//! `target/screenshots`.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use postern_tests::browser::Browser;
use postern_tests::nginx::{Nginx, Site};
use postern_tests::postern::{Postern, Serving};
use postern_tests::prefect::{Api, Login, Options, Prefect, is_prefects_own};
use postern_tests::secured::{LABEL, Secured};
use postern_tests::wait::{free_port, until};
use serde_json::{Value, json};
use url::Url;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ui {
    V1,
    V2,
}

impl Ui {
    fn base(self) -> &'static str {
        match self {
            Self::V1 => "",
            Self::V2 => "/v2",
        }
    }
}

/// Each page, and what only the server can have told it.
const PAGES: [(&str, &[&str]); 6] = [
    ("dashboard", &["Flow Runs", "larch-flow"]),
    ("flows", &["larch-flow", "larch-run"]),
    ("runs", &["larch-flow", "larch-run", "Failed"]),
    ("deployments", &["larch-deployment", "larch-flow"]),
    ("blocks", &["larch-block", "Secret"]),
    ("settings", &["3.8.8", "Server Settings"]),
];

#[tokio::test]
async fn behind_nginx_with_basic_auth_both_dashboards_work_without_a_login_page() -> anyhow::Result<()> {
    let scene = Secured::shared().await?;
    let server = Server { profile: "prod", base: "", api: scene.prefect.api()? };
    server.visit(&scene.postern("prod").await?).await
}

#[tokio::test]
async fn without_an_edge_both_dashboards_work_without_a_login_page() -> anyhow::Result<()> {
    let scene = Secured::shared().await?;
    let server = Server { profile: "plain", base: "", api: scene.prefect.api()? };
    server.visit(&straight("plain", &scene.prefect.origin(), "", &scene.login).await?).await
}

#[tokio::test]
async fn under_a_base_path_both_dashboards_work_without_a_login_page() -> anyhow::Result<()> {
    let login = Login::unique("admin")?;
    let base = "/prefect";
    let options =
        Options { auth: Some(login.clone()), csrf: true, serve_base: Some(base.to_owned()), ..Options::default() };
    let prefect = Prefect::start(options).await?;
    let server = Server { profile: "based", base, api: prefect.api()? };
    server.api.seed(LABEL).await?;
    server.visit(&straight("based", &prefect.origin(), base, &login).await?).await
}

#[tokio::test]
async fn opened_again_a_dashboard_costs_the_server_only_pages_and_the_apis_calls() -> anyhow::Result<()> {
    let scene = Secured::shared().await?;
    let site = Site { upstream: scene.prefect.origin(), basic: Some(scene.login.clone()), websockets: true };
    let nginx = Nginx::start(site).await?;
    let postern = straight("again", &nginx.origin(), "", &scene.login).await?;

    let cold = open_both(&postern, &nginx).await?;
    let fetched = assets(&nginx)?.len();
    ensure!(fetched > 50, "the pages are not Prefect's: {:#?}", nginx.requests()?);
    cold.process.terminate(Duration::from_secs(30)).await?;

    let before = nginx.requests()?.len();
    let _warm = open_both(&postern, &nginx).await?;
    let again = nginx.requests()?.split_off(before);
    ensure!(again.iter().any(|request| request.contains(" /v2/dashboard ")), "no page was asked for: {again:#?}");
    assert_eq!(assets(&nginx)?.len(), fetched, "{again:#?}");
    Ok(())
}

/// Shows both dashboards in a browser that has nothing of its own, each until its assets are kept.
async fn open_both(postern: &Postern, nginx: &Nginx) -> anyhow::Result<Serving> {
    let serving = postern.serve(&["again"]).await?;
    // Assets are of the version that an answer told.
    let version = format!("{}/admin/version", serving.ready("again")?.api_url);
    let http = reqwest::Client::builder().no_proxy().build()?;
    let told = http.get(version).basic_auth("postern", Some(postern.local_key("again"))).send().await?;
    told.error_for_status()?.bytes().await?;

    let browser = Browser::start().await?;
    browser.goto(&postern.open("again").await?).await?;
    browser.until_shown(&["Dashboard", "larch-flow"]).await?;
    let origin = browser.driver().current_url().await?.origin().ascii_serialization();
    let folder = postern.home().join("config/cache/assets/profile-again");
    for ui in [Ui::V2, Ui::V1] {
        browser.goto(&format!("{origin}{}/dashboard", ui.base())).await?;
        browser.until_shown(&["Flow Runs", "larch-flow"]).await?;
        until("every asset to be kept", Duration::from_secs(30), async || {
            let fetched: BTreeSet<String> = assets(nginx)?.into_iter().collect();
            Ok((std::fs::read_dir(&folder)?.count() == fetched.len()).then_some(()))
        })
        .await?;
    }
    browser.close().await?;
    Ok(serving)
}

/// What reached nginx for files below `assets`.
fn assets(nginx: &Nginx) -> anyhow::Result<Vec<String>> {
    let mut requests = nginx.requests()?;
    requests.retain(|request| request.contains("/assets/"));
    Ok(requests)
}

/// An installation for a server without an edge, with the UI under a base path and the API beside it.
async fn straight(profile: &str, origin: &str, base: &str, login: &Login) -> anyhow::Result<Postern> {
    let mut postern = Postern::new(&format!(
        "version = 1\n\
         [[profile]]\nid = \"{profile}\"\nname = \"No edge\"\nport = {}\n\
         url = \"{origin}{base}\"\napi_url = \"{origin}/api\"\n\
         [profile.prefect]\nusername = \"{}\"\n",
        free_port()?,
        login.username,
    ))
    .await?;
    postern.secret(profile, "prefect-password", &login.password);
    postern.secret(profile, "local-key", "only-good-on-this-machine");
    Ok(postern)
}

/// A server with a profile.
struct Server {
    profile: &'static str,
    /// Of its UI.
    base: &'static str,
    /// Straight, to see what arrives.
    api: Api,
}

/// A browser that has been let in.
struct Visit<'s> {
    server: &'s Server,
    browser: Browser,
    /// The gateway's, as the browser names it.
    origin: String,
}

impl Server {
    /// Does in both UIs what a person does, and judges what went wrong.
    async fn visit(&self, postern: &Postern) -> anyhow::Result<()> {
        let profile = self.profile;
        let serving = postern.serve(&[profile]).await?;
        let browser = Browser::start().await?;
        browser.goto(&postern.open(profile).await?).await?;
        browser.until_shown(&["Dashboard", "larch-flow"]).await?;
        let origin = browser.driver().current_url().await?.origin().ascii_serialization();
        let port = Url::parse(&serving.ready(profile)?.url)?.port().context("a gateway has a port")?;
        assert_eq!(origin, format!("http://{profile}.localhost:{port}"));

        let visit = Visit { server: self, browser, origin };
        let outcome = visit.use_both().await;
        let mut troubles = visit.browser.troubles(&visit.origin).await?;
        if let Err(error) = outcome {
            let picture = visit.browser.screenshot(&format!("{profile}-failed")).await?;
            return Err(error.context(format!("pictured in {}; troubles: {troubles:#?}", picture.display())));
        }
        troubles.retain(|trouble| !is_prefects_own(trouble));
        assert_eq!(troubles, Vec::<String>::new());
        ensure!(visit.browser.requests(&visit.origin).await > 100, "the record of requests is not kept");
        visit.browser.close().await?;
        Ok(())
    }
}

impl Visit<'_> {
    async fn use_both(&self) -> anyhow::Result<()> {
        for ui in [Ui::V2, Ui::V1] {
            self.walk_through(ui).await?;
            self.create_and_delete_a_variable(ui).await?;
        }
        Ok(())
    }

    fn address(&self, ui: Ui, page: &str) -> String {
        format!("{}{}{}/{page}", self.origin, self.server.base, ui.base())
    }

    async fn screenshot(&self, ui: Ui, page: &str) -> anyhow::Result<()> {
        self.browser.screenshot(&format!("{}-{ui:?}-{page}", self.server.profile).to_lowercase()).await?;
        Ok(())
    }

    async fn walk_through(&self, ui: Ui) -> anyhow::Result<()> {
        for (page, shows) in PAGES {
            let address = self.address(ui, page);
            self.browser.goto(&address).await?;
            self.browser.until_shown(shows).await.with_context(|| address.clone())?;
            self.screenshot(ui, page).await?;
            let arrived = self.browser.driver().current_url().await?;
            ensure!(arrived.as_str().starts_with(&address), "{address} led to {arrived}");
            let asked = "return document.querySelector('input[type=password]') !== null
                         || localStorage.getItem('prefect-password') !== null";
            let asked = self.browser.driver().execute(asked, vec![]).await?;
            ensure!(asked == json!(false), "{address} asks for a password");
        }
        Ok(())
    }

    async fn create_and_delete_a_variable(&self, ui: Ui) -> anyhow::Result<()> {
        let browser = &self.browser;
        let name = format!("{LABEL}_{}_{ui:?}", self.server.profile).to_lowercase();
        let page = self.address(ui, "variables");
        let forms = Forms::of(ui, &name);
        let there = Variable { api: &self.server.api, path: format!("/variables/name/{name}") };

        there
            .until(Some(json!(42)), async || {
                browser.goto(&page).await?;
                browser.until_shown(&["Variables"]).await?;
                browser.click(forms.add).await?;
                let field = "//*[@role='dialog']//label[normalize-space(.)='Name']/following::input[1]";
                browser.find(field).await?.send_keys(&name).await?;
                browser.click(forms.value).await?;
                browser.find(forms.value).await?.send_keys("42").await?;
                browser.click("//*[@role='dialog']//button[normalize-space(.)='Create']").await
            })
            .await?;
        browser.find(&forms.row).await.context("the variable is not listed")?;
        self.screenshot(ui, "variable").await?;

        there
            .until(None, async || {
                browser.goto(&page).await?;
                browser.click(&format!("{}{}", forms.row, forms.menu)).await?;
                browser.click(forms.delete).await?;
                browser.click(forms.confirm).await
            })
            .await?;
        browser.until_gone(&name).await.context("the deleted variable is still listed")
    }
}

/// Where the forms for variables have their parts, as XPath.
struct Forms {
    add: &'static str,
    value: &'static str,
    row: String,
    menu: &'static str,
    delete: &'static str,
    confirm: &'static str,
}

impl Forms {
    fn of(ui: Ui, name: &str) -> Self {
        match ui {
            Ui::V1 => Self {
                add: "//header//button",
                value: "//*[@role='dialog']//textarea",
                row: format!("//tr[.//*[@title='{name}']]"),
                menu: "//td[last()]//button",
                delete: "//button[normalize-space(.)='Delete']",
                confirm: "//*[@role='dialog']//button[normalize-space(.)='Delete']",
            },
            Ui::V2 => Self {
                add: "//button[@aria-label='Add variable' or normalize-space(.)='Add Variable']",
                value: "//*[@role='dialog']//*[contains(@class, 'cm-content')]",
                row: format!("//tr[td[.='{name}']]"),
                menu: "//button[@aria-haspopup='menu']",
                delete: "//*[@role='menuitem'][.='Delete']",
                confirm: "//*[@role='alertdialog']//button[.='Delete']",
            },
        }
    }
}

/// A variable, as the server itself has it.
struct Variable<'s> {
    api: &'s Api,
    path: String,
}

impl Variable<'_> {
    /// Does what a person does until the server has the value, or has none: tries again where it was busy.
    async fn until(&self, wanted: Option<Value>, try_it: impl AsyncFn() -> anyhow::Result<()>) -> anyhow::Result<()> {
        const TRIES: usize = 4;
        const LOOK: Duration = Duration::from_secs(8);
        let mut outcome = Ok(());
        for _ in 0..TRIES {
            try_it().await?;
            outcome = until("the server's variable to change", LOOK, async || {
                let found = self.api.get(&self.path).await.ok().map(|variable| variable["value"].clone());
                Ok((found == wanted).then_some(()))
            })
            .await;
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }
}
