//! `postern serve` behind real proxies: there and back with the right credential, and otherwise a fault that names the
//! proxy and not the server. A proxy's credential is in no line that Postern writes.

use std::path::PathBuf;
use std::time::Duration;

use insta::assert_snapshot;
use postern_tests::nginx::{Nginx, Site};
use postern_tests::postern::Postern;
use postern_tests::prefect::Login;
use postern_tests::process::{Process, command, run};
use postern_tests::proxy::{HERE, Kind, Proxy};
use postern_tests::scratch::Scratch;
use postern_tests::wait::free_port;
use serde_json::Value;
use tokio::sync::OnceCell;

const LIMIT: Duration = Duration::from_secs(30);
const KEY: &str = "only-good-on-this-machine";

/// A server that knows its version and nothing else: by https, and through nginx by http.
struct Servers {
    /// `0.0.0.0:<port>`
    plain: String,
    secure: String,
    ca: PathBuf,
    _processes: (Nginx, Process, Scratch),
}

impl Servers {
    async fn shared() -> anyhow::Result<&'static Self> {
        static SHARED: OnceCell<Servers> = OnceCell::const_new();
        SHARED.get_or_try_init(Self::start).await
    }

    async fn start() -> anyhow::Result<Self> {
        let scratch = Scratch::new("server")?;
        scratch.write("api/admin/version", "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n\"3.8.8\"")?;
        let mut certificate = command("openssl");
        certificate.current_dir(scratch.path()).args("req -x509 -newkey ec -noenc -subj /CN=here".split(' '));
        certificate.args("-pkeyopt ec_paramgen_curve:P-256 -keyout key.pem -out ca.pem".split(' '));
        certificate.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
        certificate.args(["-addext", &format!("subjectAltName=IP:{HERE}")]);
        run("certificate", certificate, "", &scratch, LIMIT).await?.success()?;

        let mut server = command("openssl");
        server.current_dir(scratch.path());
        server.args("s_server -accept 127.0.0.1:0 -cert ca.pem -key key.pem -HTTP".split(' '));
        let mut server = Process::spawn("server", server, &scratch)?;
        let port: u16 = server
            .until("the server's port", LIMIT, async |process| {
                let said = process.stdout();
                let port = said.split_once("ACCEPT 127.0.0.1:").and_then(|(_, rest)| rest.split_once('\n'));
                Ok(port.and_then(|(port, _)| port.trim().parse().ok()))
            })
            .await?;
        let site = Site { upstream: format!("https://127.0.0.1:{port}"), basic: None, websockets: false };
        let nginx = Nginx::start(site).await?;
        Ok(Self {
            plain: nginx.origin().replace("http://127.0.0.1", HERE),
            secure: format!("{HERE}:{port}"),
            ca: scratch.join("ca.pem"),
            _processes: (nginx, server, scratch),
        })
    }
}

/// What a program gets from a gateway with this setting and these variables: `<status> <what was said>`. None of the
/// passwords is in anything that Postern says meanwhile.
async fn asked(url: &str, setting: &str, variables: &[(&str, &str)], passwords: &[&str]) -> anyhow::Result<String> {
    let ca = &Servers::shared().await?.ca;
    let mut postern = Postern::new(&format!(
        "version = 1\n[[profile]]\nid = \"prod\"\nname = \"Production\"\nurl = \"{url}\"\nport = {}\n\
         [profile.tls]\nca_file = \"{}\"\n[profile.network]\nproxy = \"{setting}\"\n",
        free_port()?,
        ca.display()
    ))
    .await?;
    postern.secret("prod", "local-key", KEY);
    postern.log_everything();
    for (name, value) in variables {
        postern.set_variable(name, value);
    }
    let serving = postern.serve(&["prod"]).await?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    let address = format!("{}/admin/version", serving.ready("prod")?.api_url);
    let answer = http.get(address).basic_auth("postern", Some(KEY)).send().await?;
    let (status, text) = (answer.status().as_u16(), answer.text().await?);
    let ended = serving.process.terminate(LIMIT).await?;
    for said in [&text, &ended.stdout, &ended.stderr] {
        assert!(!passwords.iter().any(|password| said.contains(password)), "{said}");
    }
    let told: Value = serde_json::from_str(&text)?;
    Ok(match told["code"].as_str() {
        Some(code) => format!("{status} {code}: {}", told["detail"].as_str().unwrap_or_default()),
        None => format!("{status} {told}"),
    })
}

fn login() -> anyhow::Result<Login> {
    let mut login = Login::unique("carol")?;
    // What fits into tinyproxy's configuration, and into an address as it is.
    login.password.retain(|c| c.is_ascii_alphanumeric());
    Ok(login)
}

/// The variables by which everything on a system goes through a proxy.
const ALL: [&str; 3] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];

const ANSWERED: &str = "200 \"3.8.8\"";

#[tokio::test]
async fn a_proxy_that_lets_everyone_in_is_used_as_the_profile_or_the_system_says() -> anyhow::Result<()> {
    let servers = Servers::shared().await?;
    for kind in [Kind::Http, Kind::Socks] {
        for (scheme, authority) in [("http", &servers.plain), ("https", &servers.secure)] {
            let url = format!("{scheme}://{authority}");
            let by_profile = Proxy::start(kind, None).await?;
            assert_eq!(asked(&url, &by_profile.url(None), &[], &[]).await?, ANSWERED, "{kind:?} {url}");
            assert!(by_profile.has_reached(authority), "{kind:?} {url}");

            let by_system = Proxy::start(kind, None).await?;
            let address = by_system.url(None);
            assert_eq!(asked(&url, "system", &ALL.map(|name| (name, &*address)), &[]).await?, ANSWERED);
            assert!(by_system.has_reached(authority), "{kind:?} {url}");

            // Neither where the profile says so, nor where the system does.
            let unused = Proxy::start(kind, None).await?;
            let address = unused.url(None);
            let mut variables = ALL.map(|name| (name, &*address)).to_vec();
            assert_eq!(asked(&url, "none", &variables, &[]).await?, ANSWERED);
            variables.push(("NO_PROXY", HERE));
            assert_eq!(asked(&url, "system", &variables, &[]).await?, ANSWERED);
            assert!(!unused.has_reached(authority), "{kind:?} {url}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_proxy_that_asks_for_a_credential_gets_it_and_is_named_where_it_is_wrong() -> anyhow::Result<()> {
    let servers = Servers::shared().await?;
    let (right, wrong) = (login()?, login()?);
    let passwords = [&*right.password, &*wrong.password];
    let mut told = Vec::new();
    for kind in [Kind::Http, Kind::Socks] {
        for (scheme, authority) in [("http", &servers.plain), ("https", &servers.secure)] {
            let url = format!("{scheme}://{authority}");
            let proxy = Proxy::start(kind, Some(&right)).await?;
            for login in [Some(&right), Some(&wrong), None] {
                let address = proxy.url(login);
                let said = asked(&url, "system", &ALL.map(|name| (name, &*address)), &passwords).await?;
                if login.is_some_and(|login| login.password == right.password) {
                    assert_eq!(said, ANSWERED, "{kind:?} {url}");
                    assert!(proxy.has_reached(authority));
                } else if scheme == "https" {
                    told.push(said);
                } else {
                    assert!(said.starts_with("502 proxy_failed: "), "{said}");
                }
            }
        }
    }
    assert_snapshot!(told.join("\n"), @r"
    502 proxy_failed: The proxy on the way to the server failed: 127.0.0.1: it does not connect to the server: it cannot, or may not, or refuses the user name and password. Check the proxy setting of the profile or of the system.
    502 proxy_failed: The proxy on the way to the server failed: 127.0.0.1: it refuses the user name and password, or asks for them and there are none. Check the proxy setting of the profile or of the system.
    502 proxy_failed: The proxy on the way to the server failed: 127.0.0.1: it refuses the user name and password, or asks for them and there are none. Check the proxy setting of the profile or of the system.
    502 proxy_failed: The proxy on the way to the server failed: 127.0.0.1: it refuses the user name and password, or asks for them and there are none. Check the proxy setting of the profile or of the system.
    ");
    Ok(())
}

#[tokio::test]
async fn a_proxy_that_is_down_is_not_a_server_that_is_down() -> anyhow::Result<()> {
    let (servers, nobody) = (Servers::shared().await?, free_port()?);
    let mut told = Vec::new();
    for scheme in ["http", "socks5"] {
        let url = format!("https://{}", servers.secure);
        told.push(asked(&url, &format!("{scheme}://127.0.0.1:{nobody}"), &[], &[]).await?);
    }
    // And a server that is down is not the proxy's fault alone.
    for kind in [Kind::Http, Kind::Socks] {
        let proxy = Proxy::start(kind, None).await?;
        told.push(asked(&format!("https://{HERE}:{nobody}"), &proxy.url(None), &[], &[]).await?);
    }
    assert_snapshot!(told.join("\n"), @r"
    502 proxy_failed: The proxy on the way to the server failed: 127.0.0.1: Connection refused (os error 111). Check the proxy setting of the profile or of the system.
    502 proxy_failed: The proxy on the way to the server failed: 127.0.0.1: SOCKS error: failed to create underlying connection. Check the proxy setting of the profile or of the system.
    502 proxy_failed: The proxy on the way to the server failed: 127.0.0.1: it does not connect to the server: it cannot, or may not, or refuses the user name and password. Check the proxy setting of the profile or of the system.
    502 proxy_failed: The proxy on the way to the server failed: 127.0.0.1: SOCKS error: connection refused. Check the proxy setting of the profile or of the system.
    ");
    Ok(())
}
