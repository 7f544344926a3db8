//! Who is measured: each with what it takes to forward to the recorder, and nothing more.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use postern_tests::haproxy::HaProxy;
use postern_tests::nginx::Nginx;
use postern_tests::postern::{Postern, Serving};
use postern_tests::prefect::Login;
use postern_tests::wait::free_port;

use super::recorder::Recorder;

/// One that is asked.
#[derive(Clone)]
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    /// `127.0.0.1:<port>`
    pub(crate) address: String,
    /// What its clients show: header lines.
    pub(crate) headers: String,
}

/// Everything that runs.
pub(crate) struct Scene {
    pub(crate) recorder: Recorder,
    contenders: Vec<Contender>,
    _nginx: Nginx,
    _haproxy: HaProxy,
    _serving: Serving,
    _postern: Postern,
}

impl Scene {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let recorder = Recorder::start().await?;
        let server = &recorder.address;

        let site = |port| format!("server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://{server}; }} }}");
        let nginx = Nginx::configured(site).await?;

        let haproxy = HaProxy::start(server, "", "").await?;

        let profile = format!(
            "version = 1\n[[profile]]\nid = \"bench\"\nname = \"bench\"\nurl = \"http://{server}\"\nport = {}\n",
            free_port()?
        );
        let mut postern = Postern::new(&profile).await?;
        let key = Login::unique("postern")?;
        postern.secret("bench", "local-key", &key.password);
        let serving = postern.serve(&["bench"]).await?;
        let credential = BASE64_STANDARD.encode(format!("postern:{}", key.password));

        let contender = |name, origin: String, headers: String| Contender {
            name,
            address: origin.trim_start_matches("http://").to_owned(),
            headers,
        };
        let contenders = vec![
            contender("nginx", nginx.origin(), String::new()),
            contender("haproxy", format!("http://{}", haproxy.address()), String::new()),
            contender("Postern", serving.ready("bench")?.url.clone(), format!("Authorization: Basic {credential}\r\n")),
        ];
        Ok(Self { contenders, _nginx: nginx, _haproxy: haproxy, _serving: serving, _postern: postern, recorder })
    }

    pub(crate) fn contenders(&self) -> &[Contender] {
        &self.contenders
    }
}
