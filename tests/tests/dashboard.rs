//! What it is all for: the Prefect UI of a secured server, in a real browser, without a login page.
//!
//! Both UIs, behind nginx with Basic auth and without; pages are judged by what a person reads on them,
//! by the requests that failed and by the console. Pictures of every page are kept in
//! `target/screenshots`.

use anyhow::{Context as _, ensure};
use postern_tests::browser::Browser;
use postern_tests::postern::Postern;
use postern_tests::secured::{LABEL, Secured};
use serde_json::json;
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

/// What Prefect's own pages ask for in vain, on every server: a file it does not have, and (V1) once more
/// the variable just deleted.
fn is_prefects_own(trouble: &str) -> bool {
    trouble.ends_with("/favicon.ico: 404") || (trouble.contains("/api/variables/name/") && trouble.ends_with(": 404"))
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
        postern_tests::wait::free_port()?,
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

async fn create_and_delete_a_variable(
    scene: &Secured,
    browser: &Browser,
    origin: &str,
    ui: Ui,
    profile: &str,
) -> anyhow::Result<()> {
    let name = format!("{LABEL}_{profile}_{ui:?}").to_lowercase();
    let api = scene.prefect.api()?;
    browser.goto(&format!("{origin}{}/variables", ui.base())).await?;
    let (add, value, row, menu, delete, confirm) = match ui {
        Ui::V1 => (
            "//header//button".to_owned(),
            "//*[@role='dialog']//textarea",
            format!("//tr[.//*[@title='{name}']]"),
            "//td[last()]//button",
            "//button[normalize-space(.)='Delete']",
            "//*[@role='dialog']//button[normalize-space(.)='Delete']",
        ),
        Ui::V2 => (
            "//button[@aria-label='Add variable' or normalize-space(.)='Add Variable']".to_owned(),
            "//*[@role='dialog']//*[contains(@class, 'cm-content')]",
            format!("//tr[td[.='{name}']]"),
            "//button[@aria-haspopup='menu']",
            "//*[@role='menuitem'][.='Delete']",
            "//*[@role='alertdialog']//button[.='Delete']",
        ),
    };
    browser.until_shown(&["Variables"]).await?;
    browser.click(&add).await?;
    let field = browser.find("//*[@role='dialog']//label[normalize-space(.)='Name']/following::input[1]").await?;
    field.send_keys(&name).await?;
    browser.click(value).await?;
    browser.find(value).await?.send_keys("42").await?;
    browser.click("//*[@role='dialog']//button[normalize-space(.)='Create']").await?;
    browser.find(&row).await.context("the variable is not created")?;
    assert_eq!(api.get(&format!("/variables/name/{name}")).await?["value"], json!(42));
    browser.screenshot(&format!("{profile}-{ui:?}-variable").to_lowercase()).await?;

    browser.click(&format!("{row}{menu}")).await?;
    browser.click(delete).await?;
    browser.click(confirm).await?;
    browser.until_gone(&name).await.context("the variable is not deleted")?;
    ensure!(api.get(&format!("/variables/name/{name}")).await.is_err(), "{name} is still on the server");
    Ok(())
}
