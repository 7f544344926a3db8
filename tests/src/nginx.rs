//! A real nginx in front of a server: the edge of most people's Prefect.
//!
//! It runs as one process of the current user with all its files in a scratch folder. Its access log
//! tells a test what reached it, and above all what did not.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;

use crate::prefect::Login;
use crate::process::{Process, command, run};
use crate::scratch::Scratch;
use crate::wait::free_port;

const LIMIT: Duration = Duration::from_secs(60);

/// What stands in front of the server, well or badly configured.
#[derive(Clone, Debug)]
pub struct Site {
    /// The origin behind, such as `http://127.0.0.1:4200`.
    pub upstream: String,
    /// `auth_basic` on every path.
    pub basic: Option<Login>,
    /// Whether the WebSocket upgrade is passed on: by default nginx does not.
    pub websockets: bool,
}

/// A running nginx.
#[derive(Debug)]
pub struct Nginx {
    port: u16,
    tls: bool,
    process: Process,
    scratch: Scratch,
}

impl Nginx {
    /// Starts it and waits until it accepts connections.
    ///
    /// # Errors
    /// When nginx or openssl (for the password file) is missing, or nginx does not come up.
    pub async fn start(site: Site) -> anyhow::Result<Self> {
        Self::start_with(site, &[]).await
    }

    /// The same over TLS, with HTTP/2 for who can; see [`Nginx::certificate`].
    ///
    /// # Errors
    /// As [`Nginx::start`].
    pub async fn start_with_tls(site: Site) -> anyhow::Result<Self> {
        Self::run(site, &[], true).await
    }

    /// The same, where some paths lead elsewhere: what is below the first, such as `/x/api/`, is asked for below
    /// the second, such as `http://127.0.0.1:4200/api/`.
    ///
    /// # Errors
    /// As [`Nginx::start`].
    pub async fn start_with(site: Site, places: &[(&str, String)]) -> anyhow::Result<Self> {
        Self::run(site, places, false).await
    }

    async fn run(site: Site, places: &[(&str, String)], tls: bool) -> anyhow::Result<Self> {
        let scratch = Scratch::new("nginx")?;
        if let Some(login) = &site.basic {
            scratch.write("htpasswd", format!("{}:{}\n", login.username, hash(login, &scratch).await?))?;
        }
        if tls {
            certify(&scratch).await?;
        }
        Self::launch(scratch, tls, |port| server(&site, places, port, tls)).await
    }

    /// Starts one with a configuration of the caller's: what stands in `http { … }`, for the port that it is to have.
    ///
    /// # Errors
    /// When nginx is missing or does not come up.
    pub async fn configured(http: impl FnOnce(u16) -> String) -> anyhow::Result<Self> {
        Self::launch(Scratch::new("nginx")?, false, http).await
    }

    async fn launch(scratch: Scratch, tls: bool, http: impl FnOnce(u16) -> String) -> anyhow::Result<Self> {
        let port = free_port()?;
        let config = scratch.write("nginx.conf", config(&http(port), &scratch))?;
        let mut command = command("nginx");
        // Its compiled-in error log is opened before the configuration is read: it is not ours to write.
        command.args(["-e", "stderr", "-p"]).arg(scratch.path()).arg("-c").arg(config);
        let mut process = Process::spawn("nginx", command, &scratch)?;
        let accepts = async |_: &Process| Ok(std::net::TcpStream::connect(("127.0.0.1", port)).ok().map(drop));
        process.until("nginx's port", LIMIT, accepts).await?;
        Ok(Self { port, tls, process, scratch })
    }

    /// Its process id: it has one process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// `http://127.0.0.1:<port>`, or `https` likewise.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http{}://127.0.0.1:{}", if self.tls { "s" } else { "" }, self.port)
    }

    /// What its certificate is verified by, as a file.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.scratch.join("certificate.pem")
    }

    /// Every request answered so far, a line each: `STATUS METHOD TARGET user=USER PROTOCOL`.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn requests(&self) -> anyhow::Result<Vec<String>> {
        let log = std::fs::read_to_string(self.scratch.join("access.log")).context("no access log")?;
        Ok(log.lines().map(str::to_owned).collect())
    }
}

/// The password as the htpasswd file holds it. It goes to openssl on standard input.
async fn hash(login: &Login, scratch: &Scratch) -> anyhow::Result<String> {
    let mut openssl = command("openssl");
    openssl.args(["passwd", "-apr1", "-stdin"]);
    let hashed = run("openssl", openssl, &format!("{}\n", login.password), scratch, LIMIT).await?;
    Ok(hashed.success()?.trim().to_owned())
}

/// A certificate for 127.0.0.1 that vouches for itself, and its key.
async fn certify(scratch: &Scratch) -> anyhow::Result<()> {
    let mut openssl = command("openssl");
    openssl
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", "key.pem", "-out", "certificate.pem"])
        .current_dir(scratch.path());
    run("openssl", openssl, "", scratch, LIMIT).await?.success()?;
    Ok(())
}

/// A server in front of another.
fn server(site: &Site, places: &[(&str, String)], port: u16, tls: bool) -> String {
    let mut server = String::new();
    if tls {
        server += "ssl_certificate certificate.pem; ssl_certificate_key key.pem;\n";
    }
    if site.basic.is_some() {
        server += "auth_basic \"Prefect\"; auth_basic_user_file htpasswd;\n";
    }
    if site.websockets {
        server += "proxy_http_version 1.1;\n\
            proxy_set_header Upgrade $http_upgrade;\n\
            proxy_set_header Connection $connection_upgrade;\n\
            proxy_read_timeout 1h;\n";
    }
    for (path, url) in places {
        server += &format!("location {path} {{ proxy_pass {url}; }}\n");
    }
    format!(
        "log_format plain '$status $request_method $request_uri user=$remote_user $server_protocol';
access_log access.log plain;
map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
server {{
listen 127.0.0.1:{port}{listen};
proxy_set_header Host $http_host;
{server}
location / {{ proxy_pass {upstream}; }}
}}
",
        upstream = site.upstream,
        listen = if tls { " ssl http2" } else { "" },
    )
}

fn config(http: &str, scratch: &Scratch) -> String {
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {};\n", scratch.join(kind).display()))
        .concat();
    format!(
        "daemon off; master_process off; pid nginx.pid; error_log stderr notice;
events {{ worker_connections 512; }}
http {{
{temporary}
{http}
}}
"
    )
}
