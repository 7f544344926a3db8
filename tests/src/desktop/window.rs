//! A window of the app, driven over WebDriver by WebKitGTK's own driver.
//!
//! The driver starts the app, and only the first web view that the app makes can be driven: start it so that
//! the window under test comes first. A hidden window cannot be clicked.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{Desktop, app};
use crate::process::Process;
use crate::wait::{free_port, until};

const START_LIMIT: Duration = Duration::from_secs(30);
const SHOW_LIMIT: Duration = Duration::from_secs(60);

/// The app, with its first window.
#[derive(Debug)]
pub struct Window {
    client: Client,
    driver: Process,
}

impl Window {
    /// Starts the app with these arguments, and takes hold of its first window.
    ///
    /// # Errors
    /// When the app or the driver does not come up.
    pub async fn start(desktop: &Desktop, arguments: &[&str]) -> anyhow::Result<Self> {
        let binary = app::binary()?;
        let port = free_port()?;
        let mut driver = desktop.command("WebKitWebDriver");
        driver
            .args(["--host=127.0.0.1", &format!("--port={port}")])
            .env("POSTERN_LOG", app::log_filter())
            .env("TAURI_WEBVIEW_AUTOMATION", "true");
        let mut driver = Process::spawn("WebKitWebDriver", driver, desktop.scratch())?;
        let accepts = async |_: &Process| Ok(std::net::TcpStream::connect(("127.0.0.1", port)).ok().map(drop));
        driver.until("the driver's port", START_LIMIT, accepts).await?;
        let capabilities = json!({"webkitgtk:browserOptions": {"binary": binary, "args": arguments}});
        let Value::Object(capabilities) = capabilities else { unreachable!("written as an object") };
        let mut session = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
        session.capabilities(capabilities);
        // The driver waits for good for an app that has ended.
        let client = timeout(SHOW_LIMIT, session.connect(&format!("http://127.0.0.1:{port}"))).await;
        let client = client.map_err(anyhow::Error::from).and_then(|client| Ok(client?));
        Ok(Self { client: client.with_context(|| format!("the app shows no window: {}", driver.stderr()))?, driver })
    }

    /// Ends driver and app, and waits until the app is gone: one that starts meanwhile would take it for a first
    /// instance, and hand over to a process that is dying.
    ///
    /// # Errors
    /// When the app lives on.
    pub async fn end(self) -> anyhow::Result<()> {
        let app = self.app();
        drop(self);
        let Some(app) = app else { return Ok(()) };
        let arguments = format!("/proc/{app}/cmdline");
        until("the app's end", SHOW_LIMIT, async || {
            // A dead process that nobody has reaped yet has no arguments any more.
            Ok(std::fs::read(&arguments).unwrap_or_default().is_empty().then_some(()))
        })
        .await
    }

    /// The WebDriver session, for what the methods here do not cover.
    #[must_use]
    pub fn driver(&self) -> &Client {
        &self.client
    }

    /// The app's process.
    #[must_use]
    pub fn app(&self) -> Option<u32> {
        let binary = app::binary().ok()?;
        app::family(self.driver.id()).into_iter().find(|id| {
            let arguments = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            arguments.starts_with(binary.as_os_str().as_encoded_bytes())
        })
    }

    /// What the app said on standard error.
    #[must_use]
    pub fn log(&self) -> String {
        self.driver.stderr()
    }

    /// The text of the page as a person sees it.
    ///
    /// # Errors
    /// When the window does not answer.
    pub async fn text(&self) -> anyhow::Result<String> {
        let text = self.client.execute("return document.body ? document.body.innerText : ''", vec![]).await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// What a script on the page comes to, where that is a number.
    ///
    /// # Errors
    /// When the window does not answer.
    pub async fn number(&self, script: &str) -> anyhow::Result<f64> {
        Ok(self.client.execute(script, vec![]).await?.as_f64().unwrap_or(f64::NAN))
    }

    /// Waits until the page shows each of these texts.
    ///
    /// # Errors
    /// When it does not, with what it shows instead.
    pub async fn until_shown(&self, wanted: &[&str]) -> anyhow::Result<()> {
        let mut text = String::new();
        let shown = until(&format!("a page that shows {wanted:?}"), SHOW_LIMIT, async || {
            text = self.text().await?;
            Ok(wanted.iter().all(|wanted| text.contains(wanted)).then_some(()))
        })
        .await;
        shown.with_context(|| format!("the page shows: {text}\n{}", self.log()))
    }

    /// Waits for an element, by XPath.
    ///
    /// # Errors
    /// When it does not come.
    pub async fn find(&self, xpath: &str) -> anyhow::Result<Element> {
        let find = self.client.wait().at_most(SHOW_LIMIT).for_element(Locator::XPath(xpath));
        find.await.with_context(|| format!("no element {xpath}"))
    }

    /// Clicks an element, by its id.
    ///
    /// # Errors
    /// When it does not come, or cannot be clicked.
    pub async fn click(&self, id: &str) -> anyhow::Result<()> {
        self.find(&format!("//*[@id='{id}']")).await?.click().await.with_context(|| format!("cannot click {id}"))
    }

    /// Types into a field, by its id, key by key as a person does.
    ///
    /// # Errors
    /// When it does not come, or takes no keys.
    pub async fn type_into(&self, id: &str, text: &str) -> anyhow::Result<()> {
        let field = self.find(&format!("//*[@id='{id}']")).await?;
        field.send_keys(text).await.with_context(|| format!("cannot type into {id}"))
    }

    /// Keeps a picture of the page as `target/screenshots/<name>.png`.
    ///
    /// # Errors
    /// When it cannot be taken.
    pub async fn screenshot(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = super::screenshot_path(name)?;
        // What the page shows by now is painted when the second frame from here begins.
        let painted = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()));";
        self.client.execute_async(painted, vec![]).await?;
        std::fs::write(&path, self.client.screenshot().await?)?;
        Ok(path)
    }
}
