//! What it is all for: the Prefect UI of a secured server, in a real browser, without a login page.
//!
//! Both UIs, behind nginx with Basic auth and without; pages are judged by what a person reads on them,
//! by the requests that failed and by the console. Pictures of every page are kept in
//! `target/screenshots`.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use postern_tests::browser::Browser;
use postern_tests::postern::Postern;
use postern_tests::prefect::Api;
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

/// What goes wrong between Prefect's pages and its server without us: a file it does not have; (V1) the variable
/// just deleted, asked for once more; and 503 while SQLite is locked. The gateway's own 503 carries its code.
fn is_prefects_own(trouble: &str) -> bool {
    trouble.ends_with("/favicon.ico: 404")
        || (trouble.contains("/api/variables/name/") && trouble.ends_with(": 404"))
        || trouble.ends_with(": 503")
        || trouble.contains("Unknown error while")
}

#[tokio::test]
async fn behind_nginx_with_basic_auth_both_dashboards_work_without_a_login_page() -> anyhow::Result<()> {
    let scene = Secured::shared().await?;
    use_both_dashboards(scene, scene.postern("prod").await?, "prod").await
}

#[tokio::test]
async fn without_an_edge_both_dashboards_work_without_a_login_page() -> anyhow::Result<()> {
    let scene = Secured::shared().await?;
    let mut postern = Postern::new(&format!(
        "version = 1\n\
         [[profile]]\nid = \"plain\"\nname = \"No edge\"\nurl = \"{}\"\nport = {}\n\
         [profile.prefect]\nusername = \"{}\"\n",
        scene.prefect.origin(),
        free_port()?,
        scene.login.username,
    ))
    .await?;
    postern.secret("plain", "prefect-password", &scene.login.password);
    postern.secret("plain", "local-key", "only-good-on-this-machine");
    use_both_dashboards(scene, postern, "plain").await
}

async fn use_both_dashboards(scene: &Secured, postern: Postern, profile: &str) -> anyhow::Result<()> {
    let serving = postern.serve(&[profile]).await?;
    let browser = Browser::start().await?;

    browser.goto(&postern.open(profile).await?).await?;
    browser.until_shown(&["Dashboard", "larch-flow"]).await?;
    let origin = browser.driver().current_url().await?.origin().ascii_serialization();
    let port = Url::parse(&serving.ready(profile)?.url)?.port().context("a gateway has a port")?;
    assert_eq!(origin, format!("http://{profile}.localhost:{port}"));

    let used = async {
        for ui in [Ui::V2, Ui::V1] {
            walk_through(&browser, &origin, ui, profile).await?;
            create_and_delete_a_variable(scene, &browser, &origin, ui, profile).await?;
        }
        Ok(())
    };
    let used: anyhow::Result<()> = used.await;
    let mut troubles = browser.troubles(&origin).await?;
    if let Err(error) = used {
        let picture = browser.screenshot(&format!("{profile}-failed")).await?;
        return Err(error.context(format!("pictured in {}; troubles: {troubles:#?}", picture.display())));
    }
    troubles.retain(|trouble| !is_prefects_own(trouble));
    assert_eq!(troubles, Vec::<String>::new());
    ensure!(browser.requests(&origin).await > 100, "the record of requests is not kept");
    browser.close().await?;
    Ok(())
}

async fn walk_through(browser: &Browser, origin: &str, ui: Ui, scene: &str) -> anyhow::Result<()> {
    for (page, shows) in PAGES {
        let address = format!("{origin}{}/{page}", ui.base());
        browser.goto(&address).await?;
        browser.until_shown(shows).await.with_context(|| address.clone())?;
        browser.screenshot(&format!("{scene}-{ui:?}-{page}").to_lowercase()).await?;
        let arrived = browser.driver().current_url().await?;
        ensure!(arrived.as_str().starts_with(&address), "{address} led to {arrived}");
        let asked = "return document.querySelector('input[type=password]') !== null
                     || localStorage.getItem('prefect-password') !== null";
        let asked = browser.driver().execute(asked, vec![]).await?;
        ensure!(asked == json!(false), "{address} asks for a password");
    }
    Ok(())
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

async fn create_and_delete_a_variable(
    scene: &Secured,
    browser: &Browser,
    origin: &str,
    ui: Ui,
    profile: &str,
) -> anyhow::Result<()> {
    let name = format!("{LABEL}_{profile}_{ui:?}").to_lowercase();
    let page = format!("{origin}{}/variables", ui.base());
    let forms = Forms::of(ui, &name);
    let there = Variable { api: scene.prefect.api()?, path: format!("/variables/name/{name}") };

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
    browser.screenshot(&format!("{profile}-{ui:?}-variable").to_lowercase()).await?;

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

/// A variable, as the server itself has it.
struct Variable {
    api: Api,
    path: String,
}

impl Variable {
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
