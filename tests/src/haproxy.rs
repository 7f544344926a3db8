//! A real HAProxy in front of a server.

use std::time::Duration;

use crate::process::{Process, command};
use crate::scratch::Scratch;
use crate::wait::free_port;

const LIMIT: Duration = Duration::from_secs(30);

/// A running HAProxy.
#[derive(Debug)]
pub struct HaProxy {
    port: u16,
    _process: Process,
    _scratch: Scratch,
}

impl HaProxy {
    /// Starts it in front of `server` (`host:port`) and waits until it accepts connections. Modes and times are as in
    /// Debian's own file; `rules` are lines of its front end, and `before` what stands before that.
    ///
    /// # Errors
    /// When it is missing or does not come up.
    pub async fn start(server: &str, before: &str, rules: &str) -> anyhow::Result<Self> {
        let (scratch, port) = (Scratch::new("haproxy")?, free_port()?);
        let config = scratch.write(
            "haproxy.cfg",
            format!(
                "defaults\nmode http\ntimeout connect 5000\ntimeout client 50000\ntimeout server 50000\n{before}\n\
                 frontend front\nbind 127.0.0.1:{port}\n{rules}\ndefault_backend back\nbackend back\n\
                 server one {server}\n"
            ),
        )?;
        let mut haproxy = command("haproxy");
        haproxy.arg("-db").arg("-f").arg(config);
        let mut process = Process::spawn("haproxy", haproxy, &scratch)?;
        let accepts = async |_: &Process| Ok(std::net::TcpStream::connect(("127.0.0.1", port)).ok().map(drop));
        process.until("haproxy's port", LIMIT, accepts).await?;
        Ok(Self { port, _process: process, _scratch: scratch })
    }

    /// `127.0.0.1:<port>`
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}
