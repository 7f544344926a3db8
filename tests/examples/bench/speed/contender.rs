//! Who is measured, and the server behind them: an nginx that gives a short JSON answer, to nobody but those who bring
//! its credential and its header.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use postern_tests::nginx::Nginx;
use postern_tests::postern::{Postern, Serving};
use postern_tests::prefect::Login;
use postern_tests::wait::free_port;

use super::streams;
use crate::gauge::Gauge;

pub(crate) const UPSTREAM: &str = "upstream";
pub(crate) const NGINX: &str = "nginx";
pub(crate) const POSTERN: &str = "Postern";

/// What is asked for, and what comes: the size of most of the API's.
pub(crate) const PATH: &str = "/api/flows/1";
const ANSWER: &str =
    r#"{"id":"0f0f0f0f-0000-4000-8000-000000000000","created":"2026-01-01T00:00:00Z","name":"load-orders","tags":[]}"#;

/// The header that is inserted beside `Authorization`.
const HEADER: &str = "X-Tenant";

/// One that is asked.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    /// `127.0.0.1:<port>`, for short answers.
    pub(crate) address: String,
    /// The same for streams.
    pub(crate) streams: String,
    /// What its clients show.
    pub(crate) headers: Vec<(&'static str, String)>,
    process: u32,
}

impl Contender {
    pub(crate) fn url(&self) -> String {
        format!("http://{}{PATH}", self.address)
    }

    pub(crate) fn gauge(&self) -> Gauge {
        Gauge(self.process)
    }
}

/// Everything that runs.
pub(crate) struct Scene {
    login: Login,
    tenant: String,
    upstream: Nginx,
    streams: String,
    nginx: Nginx,
    postern: Postern,
    serving: Serving,
}

impl Scene {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let login = Login::unique("admin")?;
        let tenant = Login::unique("tenant")?.password;
        let authorization = basic(&login);
        let upstream = Nginx::configured(|port| upstream(port, &authorization, &tenant)).await?;
        let streams = streams::serve()?;
        let nginx =
            Nginx::configured(|port| proxy(port, &upstream.origin(), &streams, &authorization, &tenant)).await?;

        let mut profiles = "version = 1\n".to_owned();
        for (id, url) in [("bench", upstream.origin()), ("streams", format!("http://{streams}"))] {
            profiles += &format!(
                "[[profile]]\nid = \"{id}\"\nname = \"{id}\"\nurl = \"{url}\"\nport = {}\n\
                 [profile.edge]\nkind = \"basic\"\nusername = \"{}\"\n[[profile.header]]\nname = \"{HEADER}\"\n",
                free_port()?,
                login.username,
            );
        }
        let mut postern = Postern::new(&profiles).await?;
        let key = Login::unique("postern")?.password;
        for id in ["bench", "streams"] {
            postern.secret(id, "edge-password", &login.password);
            postern.secret(id, &format!("header-{}", HEADER.to_lowercase()), &tenant);
            postern.secret(id, "local-key", &key);
        }
        let serving = postern.serve(&["bench", "streams"]).await?;
        Ok(Self { login, tenant, upstream, streams, nginx, postern, serving })
    }

    pub(crate) fn contenders(&self) -> anyhow::Result<Vec<Contender>> {
        let key = Login { username: "postern".into(), password: self.postern.local_key("bench") };
        let host = |origin: String| origin.trim_start_matches("http://").to_owned();
        let url = |id| anyhow::Ok(host(self.serving.ready(id)?.url.clone()));
        Ok(vec![
            Contender {
                name: UPSTREAM,
                address: host(self.upstream.origin()),
                streams: self.streams.clone(),
                headers: vec![("Authorization", basic(&self.login)), (HEADER, self.tenant.clone())],
                process: self.upstream.id(),
            },
            Contender {
                name: NGINX,
                address: host(self.nginx.origin()),
                streams: host(self.nginx.origin()),
                headers: Vec::new(),
                process: self.nginx.id(),
            },
            Contender {
                name: POSTERN,
                address: url("bench")?,
                streams: url("streams")?,
                headers: vec![("Authorization", basic(&key))],
                process: self.serving.process.id(),
            },
        ])
    }
}

fn basic(login: &Login) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{}:{}", login.username, login.password)))
}

/// Kept for good: what a new connection costs is not the question.
const KEPT: &str = "access_log off; keepalive_timeout 1h; keepalive_requests 1000000000;";

fn upstream(port: u16, authorization: &str, tenant: &str) -> String {
    let variable = HEADER.to_lowercase().replace('-', "_");
    format!(
        "{KEPT}
server {{
listen 127.0.0.1:{port};
if ($http_authorization != '{authorization}') {{ return 401; }}
if ($http_{variable} != '{tenant}') {{ return 403; }}
location / {{ default_type application/json; return 200 '{ANSWER}'; }}
}}"
    )
}

fn proxy(port: u16, upstream: &str, streams: &str, authorization: &str, tenant: &str) -> String {
    let upstream = upstream.trim_start_matches("http://");
    format!(
        "{KEPT}
upstream api {{ server {upstream}; keepalive 64; keepalive_requests 1000000000; }}
proxy_http_version 1.1;
proxy_set_header Connection '';
proxy_set_header Authorization '{authorization}';
proxy_set_header {HEADER} '{tenant}';
client_max_body_size 0;
server {{
listen 127.0.0.1:{port};
location / {{ proxy_pass http://api; }}
location {stream} {{ proxy_pass http://{streams}; proxy_request_buffering off; proxy_max_temp_file_size 0; }}
}}",
        stream = streams::PATH,
    )
}
