//! Real proxies on the way out: tinyproxy speaks HTTP, microsocks SOCKS5.
//!
//! What is on loopback is never proxied, and a machine need not have any other address. [`HERE`] is the way out: to
//! everyone who only parses it, an address like any other; connected to, on Linux, this machine.

use std::time::Duration;

use crate::prefect::Login;
use crate::process::{Process, command};
use crate::scratch::Scratch;
use crate::wait::free_port;

const LIMIT: Duration = Duration::from_secs(30);

/// What listens on 127.0.0.1, as a host that goes through proxies.
pub const HERE: &str = "0.0.0.0";

/// What it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// HTTP's CONNECT.
    Http,
    /// SOCKS, version 5.
    Socks,
}

/// A running proxy.
#[derive(Debug)]
pub struct Proxy {
    kind: Kind,
    port: u16,
    process: Process,
    _scratch: Scratch,
}

impl Proxy {
    /// Starts it and waits until it accepts connections. With a login, it lets in nobody else.
    ///
    /// # Errors
    /// When the program is missing or does not come up.
    pub async fn start(kind: Kind, login: Option<&Login>) -> anyhow::Result<Self> {
        Self::run(kind, login, "").await
    }

    /// One that speaks HTTP, and connects nobody to anything.
    ///
    /// # Errors
    /// As [`Proxy::start`].
    pub async fn refusing() -> anyhow::Result<Self> {
        Self::run(Kind::Http, None, "ConnectPort 1\n").await
    }

    /// `more`: further lines of tinyproxy's configuration.
    async fn run(kind: Kind, login: Option<&Login>, more: &str) -> anyhow::Result<Self> {
        let (scratch, port) = (Scratch::new("proxy")?, free_port()?);
        let command = match kind {
            Kind::Http => {
                let login = login.map(|login| format!("BasicAuth {} {}\n", login.username, login.password));
                let login = login.unwrap_or_default();
                let config = format!("Port {port}\nListen 127.0.0.1\nLogLevel Connect\n{login}{more}");
                let mut command = command("tinyproxy");
                command.args(["-d", "-c"]).arg(scratch.write("tinyproxy.conf", config)?);
                command
            }
            Kind::Socks => {
                let mut command = command("microsocks");
                command.args(["-i", "127.0.0.1", "-p", &port.to_string()]);
                // It takes them in no other way.
                command.args(login.iter().flat_map(|login| ["-u", &login.username, "-P", &login.password]));
                command
            }
        };
        let mut process = Process::spawn("proxy", command, &scratch)?;
        let accepts = async |_: &Process| Ok(std::net::TcpStream::connect(("127.0.0.1", port)).ok().map(drop));
        process.until("the proxy's port", LIMIT, accepts).await?;
        Ok(Self { kind, port, process, _scratch: scratch })
    }

    /// `http://127.0.0.1:<port>` or `socks5://…`, with a login where one is given.
    #[must_use]
    pub fn url(&self, login: Option<&Login>) -> String {
        let scheme = match self.kind {
            Kind::Http => "http",
            Kind::Socks => "socks5",
        };
        let login = login.map(|login| format!("{}@", login.auth_string())).unwrap_or_default();
        format!("{scheme}://{login}127.0.0.1:{}", self.port)
    }

    /// Whether somebody was connected to `authority` through it.
    #[must_use]
    pub fn has_reached(&self, authority: &str) -> bool {
        let (said, host) = (self.process.stdout() + &self.process.stderr(), authority);
        match self.kind {
            Kind::Http => said.contains(&format!("CONNECT {host} ")),
            Kind::Socks => said.contains(&format!("connected to {host}")),
        }
    }
}
