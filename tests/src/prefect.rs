//! A real Prefect server, and the few calls of its API that tests need to arrange and check things.
//!
//! Secrets reach it through the environment only: arguments are readable by everyone.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::process::Process;
use crate::python::{PREFECT, venv};
use crate::scratch::Scratch;
use crate::wait::{free_port, until};

const START_LIMIT: Duration = Duration::from_secs(300);
const CALL_LIMIT: Duration = Duration::from_secs(60);

/// How the server is guarded and where it serves its UI.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Prefect's own auth string.
    pub auth: Option<Login>,
    /// Whether writes need a CSRF token.
    pub csrf: bool,
    /// The base path of the UI, such as `/prefect`.
    pub serve_base: Option<String>,
    /// Where the API is, if not at `/api`.
    pub api_base: Option<String>,
    /// The second UI in the place of the first: what 3.6 can do instead of serving both.
    pub second_ui: bool,
}

/// A user name and a password.
#[derive(Clone, Debug)]
pub struct Login {
    /// The user.
    pub username: String,
    /// The password.
    pub password: String,
}

impl Login {
    /// A user with a password that exists nowhere else, so that finding it anywhere is a leak.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn unique(username: &str) -> anyhow::Result<Self> {
        let mut bytes = [0; 12];
        getrandom::fill(&mut bytes)?;
        let tail: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        // With characters that Base64, percent encoding, shells and JSON each treat in their own way; but
        // ASCII, for Prefect compares its auth string with a function that takes nothing else.
        Ok(Self { username: username.to_owned(), password: format!("pass word/{tail}+\"%&") })
    }

    /// `user:password`.
    #[must_use]
    pub fn auth_string(&self) -> String {
        format!("{}:{}", self.username, self.password)
    }
}

/// What goes wrong between Prefect's pages and its server without us: a file it does not have; (V1) the variable
/// just deleted, asked for once more; and 503 while SQLite is locked. The gateway's own 503 carries its code.
#[must_use]
pub fn is_prefects_own(trouble: &str) -> bool {
    trouble.ends_with("/favicon.ico: 404")
        || (trouble.contains("/api/variables/name/") && trouble.ends_with(": 404"))
        || trouble.ends_with(": 503")
        || trouble.contains("Unknown error while")
}

/// A running Prefect server.
#[derive(Debug)]
pub struct Prefect {
    port: u16,
    options: Options,
    process: Process,
    _scratch: Scratch,
}

impl Prefect {
    /// Starts a server with an empty database and waits until it is healthy.
    ///
    /// # Errors
    /// When the environment is missing, or the server does not come up.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        Self::start_as(PREFECT, options).await
    }

    /// The same with the Prefect of another environment, named as for [`venv`].
    ///
    /// # Errors
    /// When the environment is missing, or the server does not come up.
    pub async fn start_as(name: &str, options: Options) -> anyhow::Result<Self> {
        let venv = venv(name)?;
        let scratch = Scratch::new("prefect")?;
        let port = free_port()?;
        let mut command = venv.command("prefect");
        command
            .args(["server", "start", "--host", "127.0.0.1", "--port", &port.to_string()])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", scratch.path())
            .env("PREFECT_HOME", scratch.path())
            .env("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
            .env("DO_NOT_TRACK", "1");
        if let Some(auth) = &options.auth {
            let auth = auth.auth_string();
            command.env("PREFECT_SERVER_API_AUTH_STRING", &auth).env("PREFECT_API_AUTH_STRING", auth);
        }
        if options.csrf {
            command.env("PREFECT_SERVER_CSRF_PROTECTION_ENABLED", "true");
        }
        if let Some(base) = &options.serve_base {
            command.env("PREFECT_UI_SERVE_BASE", base);
        }
        if let Some(base) = &options.api_base {
            command.env("PREFECT_SERVER_API_BASE_PATH", base);
        }
        if options.second_ui {
            command.env("PREFECT_SERVER_UI_V2_ENABLED", "true");
        }
        if options.serve_base.is_some() || options.second_ui {
            // By default the prepared UI files would be changed under other servers.
            command.env("PREFECT_UI_STATIC_DIRECTORY", scratch.join("ui"));
        }
        let process = Process::spawn("prefect", command, &scratch)?;
        let mut server = Self { port, options, process, _scratch: scratch };
        let health = format!("{}/health", server.api_url());
        let http = reqwest::Client::builder().no_proxy().build()?;
        server
            .process
            .until("Prefect's health", START_LIMIT, async |_| {
                let answer = http.get(&health).send().await;
                Ok(answer.is_ok_and(|answer| answer.status().is_success()).then_some(()))
            })
            .await?;
        Ok(server)
    }

    /// `http://127.0.0.1:<port>`
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn api_url(&self) -> String {
        format!("{}{}", self.origin(), self.options.api_base.as_deref().unwrap_or("/api"))
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Its API, straight, with its own credential.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn api(&self) -> anyhow::Result<Api> {
        Api::new(self.api_url(), self.options.auth.clone(), self.options.csrf)
    }
}

/// Prefect's API at some address, as a test calls it.
#[derive(Clone, Debug)]
pub struct Api {
    http: reqwest::Client,
    base: String,
    login: Option<Login>,
    csrf: bool,
}

impl Api {
    /// `base` ends in `/api`.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(base: String, login: Option<Login>, csrf: bool) -> anyhow::Result<Self> {
        // Fresh connections: a client that outlives its test's runtime must not reuse them.
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build()?;
        Ok(Self { http, base, login, csrf })
    }

    /// `GET <base><path>`.
    ///
    /// # Errors
    /// When it is not answered with success and JSON.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.call(Method::GET, path, None).await
    }

    /// `POST <base><path>`.
    ///
    /// # Errors
    /// When it is not answered with success and JSON.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        // Prefect answers 503 while SQLite is locked, and its own clients try again.
        let answer = until("an answer other than 503", CALL_LIMIT, async || {
            let answer = self.send(method.clone(), path, body).await?;
            Ok((answer.status() != StatusCode::SERVICE_UNAVAILABLE).then_some(answer))
        })
        .await
        .with_context(|| format!("{method} {path}"))?;
        let status = answer.status();
        let text = answer.text().await?;
        if !status.is_success() {
            bail!("{method} {path} was answered {status}: {text}");
        }
        if status == StatusCode::NO_CONTENT {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).with_context(|| format!("{method} {path} was answered no JSON: {text}"))
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Response> {
        const CLIENT: &str = "00000000-0000-4000-8000-000000000001";
        let mut request = self.request(method.clone(), path);
        if self.csrf && method != Method::GET {
            let path = format!("/csrf-token?client={CLIENT}");
            let token: Value = self.request(Method::GET, &path).send().await?.json().await?;
            let token = token["token"].as_str().context("no CSRF token")?;
            request = request.header("Prefect-Csrf-Token", token).header("Prefect-Csrf-Client", CLIENT);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        Ok(request.send().await?)
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.login {
            Some(login) => request.basic_auth(&login.username, Some(&login.password)),
            None => request,
        }
    }

    /// Waits until `GET` or a filtering `POST` shows something.
    ///
    /// # Errors
    /// When it does not within `limit`.
    pub async fn until<T>(
        &self,
        what: &str,
        path: &str,
        filter: &Value,
        limit: Duration,
        mut look: impl FnMut(&Value) -> Option<T>,
    ) -> anyhow::Result<T> {
        let mut last = Value::Null;
        let seen = until(what, limit, async || {
            last = self.post(path, filter).await?;
            Ok(look(&last))
        })
        .await;
        seen.with_context(|| format!("POST {path} last showed {last}"))
    }

    /// Waits until `prefect events stream` prints an event that happens now: a new flow.
    ///
    /// # Errors
    /// With the stream's last words, when none comes within `limit`.
    pub async fn until_streamed(&self, stream: &mut Process, limit: Duration) -> anyhow::Result<()> {
        // One is not enough: the server sends a new subscriber what is stored and what happens from then on,
        // and loses to it what waits in between to be stored.
        let mut flows = 0;
        let mut due = Instant::now();
        let event = async |stream: &Process| {
            if due <= Instant::now() {
                self.post("/flows/", &json!({"name": format!("streamed-{flows}")})).await?;
                flows += 1;
                due += Duration::from_secs(1);
            }
            Ok(stream.stdout().contains("\"streamed-").then_some(()))
        };
        stream.until("a flow's event on the stream", limit, event).await
    }

    /// Puts one of each thing the dashboards list onto the server, each named after `label`:
    /// a flow with a failed run, a deployment, and a block.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn seed(&self, label: &str) -> anyhow::Result<()> {
        let flow = self.post("/flows/", &json!({"name": format!("{label}-flow")})).await?;
        let flow = &flow["id"];
        self.post("/deployments/", &json!({"name": format!("{label}-deployment"), "flow_id": flow})).await?;
        // An hour ago, for the dashboard's "past day" ends with the last full minute.
        let due = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() - 3600;
        let scheduled = json!({"type": "SCHEDULED", "state_details": {"scheduled_time": due}});
        let run = json!({"name": format!("{label}-run"), "flow_id": flow, "state": scheduled});
        let run = self.post("/flow_runs/", &run).await?;
        let run = run["id"].as_str().context("a flow run has an id")?;
        // Failed, for the dashboard names only what went wrong.
        for state in ["RUNNING", "FAILED"] {
            self.post(&format!("/flow_runs/{run}/set_state"), &json!({"state": {"type": state}, "force": true}))
                .await?;
        }
        let kind = self.get("/block_types/slug/secret").await?;
        let filter = json!({"block_schemas": {"block_type_id": {"any_": [kind["id"]]}}});
        let schemas = self.post("/block_schemas/filter", &filter).await?;
        let schema = schemas.get(0).context("the server has no schema for a secret block")?;
        let block = json!({
            "name": format!("{label}-block"),
            "block_type_id": kind["id"],
            "block_schema_id": schema["id"],
            "data": {"value": "42"},
        });
        self.post("/block_documents/", &block).await?;
        Ok(())
    }
}
