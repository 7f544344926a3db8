//! A real Chromium without a screen, driven over WebDriver.
//!
//! It resolves no name but loopback's and [`REBOUND`], so a page's telemetry goes nowhere and no test depends on the
//! network. It keeps a record of what its pages asked for and complained about: [`Browser::troubles`].

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use fantoccini::elements::Element;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use url::Url;

use crate::process::{Process, command};
use crate::scratch::{Scratch, workspace};
use crate::wait::{free_port, until};

const START_LIMIT: Duration = Duration::from_secs(30);
/// How long a page may take to show something; generous, for machines busy with other tests.
const SHOW_LIMIT: Duration = Duration::from_secs(60);

/// A foreign name whose address is this machine's, as DNS rebinding makes it. The browser resolves no other.
pub const REBOUND: &str = "rebound.example";

/// A browser with one window and an empty profile.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    record: Mutex<Record>,
    _driver: Process,
    scratch: Scratch,
}

impl Browser {
    /// Starts chromedriver and Chromium.
    ///
    /// # Errors
    /// When either is missing or does not come up.
    pub async fn start() -> anyhow::Result<Self> {
        let scratch = Scratch::new("browser")?;
        let port = free_port()?;
        let mut driver = command("chromedriver");
        driver.arg(format!("--port={port}")).env("HOME", scratch.path()).env("TMPDIR", scratch.path());
        let mut driver = Process::spawn("chromedriver", driver, &scratch)?;
        let accepts = async |_: &Process| Ok(std::net::TcpStream::connect(("127.0.0.1", port)).ok().map(drop));
        driver.until("chromedriver's port", START_LIMIT, accepts).await?;
        let capabilities = json!({
            "browserName": "chrome",
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            "goog:chromeOptions": {"args": [
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--window-size=1280,900",
                // Chromium ends when its driver does, however that ended.
                "--remote-debugging-pipe",
                format!("--host-resolver-rules=MAP {REBOUND} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost, EXCLUDE *.localhost"),
                format!("--user-data-dir={}", scratch.join("profile").display()),
            ]},
        });
        let client = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(serde_json::from_value(capabilities)?)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .context("cannot start Chromium")?;
        Ok(Self { client, record: Mutex::default(), _driver: driver, scratch })
    }

    /// The WebDriver session, for what the methods here do not cover.
    #[must_use]
    pub fn driver(&self) -> &Client {
        &self.client
    }

    /// Opens an address.
    ///
    /// # Errors
    /// When Chromium cannot load it.
    pub async fn goto(&self, url: &str) -> anyhow::Result<()> {
        Ok(self.client.goto(url).await?)
    }

    /// The text of the page as a person sees it.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn text(&self) -> anyhow::Result<String> {
        let text = self.client.execute("return document.body ? document.body.innerText : ''", vec![]).await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until the page shows each of these texts.
    ///
    /// # Errors
    /// When it does not in time, with what it shows instead.
    pub async fn until_shown(&self, wanted: &[&str]) -> anyhow::Result<()> {
        let mut text = String::new();
        let shown = until(&format!("a page that shows {wanted:?}"), SHOW_LIMIT, async || {
            text = self.text().await?;
            Ok(wanted.iter().all(|wanted| text.contains(wanted)).then_some(()))
        })
        .await;
        shown.with_context(|| format!("the page shows: {text}"))
    }

    /// Waits until the page no longer shows this text.
    ///
    /// # Errors
    /// When it still does.
    pub async fn until_gone(&self, unwanted: &str) -> anyhow::Result<()> {
        let mut text = String::new();
        let gone = until(&format!("a page without {unwanted:?}"), SHOW_LIMIT, async || {
            text = self.text().await?;
            Ok((!text.contains(unwanted)).then_some(()))
        })
        .await;
        gone.with_context(|| format!("the page shows: {text}"))
    }

    /// Waits for an element, by XPath.
    ///
    /// # Errors
    /// When it does not come.
    pub async fn find(&self, xpath: &str) -> anyhow::Result<Element> {
        let find = self.client.wait().at_most(SHOW_LIMIT).for_element(Locator::XPath(xpath));
        find.await.with_context(|| format!("no element {xpath}"))
    }

    /// Clicks an element, by XPath, as soon as it is there and nothing covers it.
    ///
    /// # Errors
    /// When it does not become clickable.
    pub async fn click(&self, xpath: &str) -> anyhow::Result<()> {
        let mut refusal = None;
        let clicked =
            until(&format!("a click on {xpath}"), SHOW_LIMIT, async || match self.find(xpath).await?.click().await {
                Ok(()) => Ok(Some(())),
                Err(error) => {
                    refusal = Some(error.to_string());
                    Ok(None)
                }
            })
            .await;
        clicked.with_context(|| format!("the last try: {refusal:?}"))
    }

    /// Keeps a picture as `target/screenshots/<name>.png`.
    ///
    /// # Errors
    /// When it cannot be taken or written.
    pub async fn screenshot(&self, name: &str) -> anyhow::Result<PathBuf> {
        let picture = self.client.screenshot().await?;
        let path = workspace().join("target/screenshots").join(format!("{name}.png"));
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&path, picture)?;
        Ok(path)
    }

    /// What went wrong so far between the pages and `origin`: requests that failed or were answered with
    /// an error, and errors on the console. What concerns other hosts only is left out: they cannot be
    /// reached from here.
    ///
    /// # Errors
    /// When the browser does not give its logs.
    pub async fn troubles(&self, origin: &str) -> anyhow::Result<Vec<String>> {
        let origin = Url::parse(origin)?;
        let mut record = self.record.lock().await;
        for entry in self.log("performance").await? {
            let event: Value = serde_json::from_str(entry["message"].as_str().unwrap_or("null"))?;
            record.note(&event["message"]);
        }
        for entry in self.log("browser").await? {
            record.console.push(entry);
        }
        Ok(record.troubles(&origin))
    }

    /// Every request sent to `origin` so far, as [`Browser::troubles`] last saw them.
    pub async fn requests(&self, origin: &str) -> usize {
        self.record.lock().await.requests.values().filter(|request| request.url.starts_with(origin)).count()
    }

    /// All that the console says, warnings too, since this was last asked.
    ///
    /// # Errors
    /// When the browser does not give its logs.
    pub async fn console(&self) -> anyhow::Result<Vec<String>> {
        let entries = self.log("browser").await?;
        Ok(entries.iter().map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect())
    }

    async fn log(&self, kind: &'static str) -> anyhow::Result<Vec<Value>> {
        let Value::Array(entries) = self.client.issue_cmd(DriverLog(kind)).await? else {
            anyhow::bail!("chromedriver gave no {kind} log");
        };
        Ok(entries)
    }

    /// Ends the session and the browser, and hands over the folder that holds all it has written.
    ///
    /// # Errors
    /// When the browser does not answer; it is ended all the same.
    pub async fn close(self) -> anyhow::Result<Scratch> {
        self.client.close().await?;
        Ok(self.scratch)
    }
}

/// What the browser's logs told, over all pages since the start.
#[derive(Debug, Default)]
struct Record {
    requests: BTreeMap<String, Request>,
    console: Vec<Value>,
}

#[derive(Debug)]
struct Request {
    method: String,
    url: String,
    failure: Option<String>,
}

impl Record {
    /// Takes in an event of the DevTools protocol's `Network` domain.
    fn note(&mut self, event: &Value) {
        let params = &event["params"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let id = text(&params["requestId"]);
        match event["method"].as_str() {
            Some("Network.requestWillBeSent") => {
                let method = text(&params["request"]["method"]);
                let url = text(&params["request"]["url"]);
                self.requests.insert(id, Request { method, url, failure: None });
            }
            Some("Network.responseReceived") => {
                let status = params["response"]["status"].as_u64().unwrap_or_default();
                if let Some(request) = self.requests.get_mut(&id)
                    && status >= 400
                {
                    // The gateway marks the answers it makes itself.
                    let mark = text(&params["response"]["headers"]["postern-fault"]);
                    request.failure = Some(format!("{status} {mark}").trim_end().to_owned());
                }
            }
            // A page that is left takes its requests back: no failure.
            Some("Network.loadingFailed") if params["canceled"] != json!(true) => {
                if let Some(request) = self.requests.get_mut(&id) {
                    request.failure = Some(text(&params["errorText"]));
                }
            }
            _ => {}
        }
    }

    fn troubles(&self, origin: &Url) -> Vec<String> {
        let ours = |url: &str| Url::parse(url).is_ok_and(|url| url.origin() == origin.origin());
        let failed = self.requests.values().filter(|request| ours(&request.url));
        let failed = failed.filter_map(|Request { method, url, failure }| {
            failure.as_ref().map(|failure| format!("{method} {url}: {failure}"))
        });
        let complaints = self.console.iter().filter(|entry| entry["level"] == "SEVERE");
        let complaints = complaints.filter_map(|entry| {
            let message = entry["message"].as_str().unwrap_or_default();
            // "<address> - Failed to load resource": the record of requests tells more about ours.
            let network = entry["source"] == "network";
            (!network).then(|| format!("console: {message}"))
        });
        failed.chain(complaints).collect()
    }
}

/// Chromedriver's own way to the logs named in `goog:loggingPrefs`; each entry comes once.
#[derive(Debug)]
struct DriverLog(&'static str);

impl WebDriverCompatibleCommand for DriverLog {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({"type": self.0}).to_string()))
    }
}
