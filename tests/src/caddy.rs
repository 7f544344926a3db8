//! A real Caddy in front of a server.

use std::time::Duration;

use crate::process::{Process, command};
use crate::scratch::Scratch;
use crate::wait::free_port;

const LIMIT: Duration = Duration::from_secs(30);

/// A running Caddy.
#[derive(Debug)]
pub struct Caddy {
    port: u16,
    _process: Process,
    _scratch: Scratch,
}

impl Caddy {
    /// Starts one whose only site has these directives, and waits until it accepts connections.
    ///
    /// # Errors
    /// When it is missing or does not come up.
    pub async fn start(site: &str) -> anyhow::Result<Self> {
        let (scratch, port) = (Scratch::new("caddy")?, free_port()?);
        let config = format!("{{\nadmin off\nauto_https off\n}}\nhttp://127.0.0.1:{port} {{\n{site}\n}}\n");
        let config = scratch.write("Caddyfile", config)?;
        let mut caddy = command("caddy");
        caddy.args(["run", "--adapter", "caddyfile", "--config"]).arg(config);
        // Where it keeps certificates, and what it was last told.
        caddy.env("HOME", scratch.path()).env_remove("XDG_DATA_HOME").env_remove("XDG_CONFIG_HOME");
        let mut process = Process::spawn("caddy", caddy, &scratch)?;
        let accepts = async |_: &Process| Ok(std::net::TcpStream::connect(("127.0.0.1", port)).ok().map(drop));
        process.until("caddy's port", LIMIT, accepts).await?;
        Ok(Self { port, _process: process, _scratch: scratch })
    }

    /// `http://127.0.0.1:<port>`
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}
