//! `postern doctor` at servers that are well, and at edges that are broken in the ways they get broken: what is found
//! is the layer that is to blame, with the line to change in that very edge.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use postern_tests::caddy::Caddy;
use postern_tests::haproxy::HaProxy;
use postern_tests::nginx::Nginx;
use postern_tests::postern::Postern;
use postern_tests::prefect::{Login, Options, Prefect};
use postern_tests::process::{Finished, run};
use postern_tests::proxy::{HERE, Kind, Proxy};
use postern_tests::scratch::Scratch;

use postern_tests::secured::Secured;
use postern_tests::wait::free_port;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const LIMIT: Duration = Duration::from_secs(60);

/// What an edge must have for Prefect: sockets, and bodies of the size that its clients send.
const GOOD: &str = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; \
    proxy_set_header Connection $connection_upgrade; proxy_set_header Host $http_host; client_max_body_size 8m;";

/// nginx with one server.
async fn nginx(server: &str) -> anyhow::Result<Nginx> {
    Nginx::configured(|port| {
        format!(
            "map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}\n\
             server {{ listen 127.0.0.1:{port}; {server} }}"
        )
    })
    .await
}

/// Who asks, with what.
#[derive(Clone, Default)]
struct Profile {
    url: String,
    edge: Option<Login>,
    prefect: Option<Login>,
    /// Further lines of its table.
    more: String,
}

impl Profile {
    fn at(url: impl Into<String>, prefect: Option<&Login>) -> Self {
        Self { url: url.into(), prefect: prefect.cloned(), ..Self::default() }
    }

    async fn postern(&self) -> anyhow::Result<Postern> {
        let user = |table: &str, kind: &str, login: &Option<Login>| {
            let line = |login: &Login| format!("[profile.{table}]\n{kind}username = \"{}\"\n", login.username);
            login.as_ref().map(line).unwrap_or_default()
        };
        let mut postern = Postern::new(&format!(
            "version = 1\n\n[[profile]]\nid = \"prod\"\nname = \"Production\"\nurl = \"{}\"\nport = {}\n{}{}{}",
            self.url,
            free_port()?,
            user("edge", "kind = \"basic\"\n", &self.edge),
            user("prefect", "", &self.prefect),
            self.more,
        ))
        .await?;
        for (slot, login) in [("edge-password", &self.edge), ("prefect-password", &self.prefect)] {
            if let Some(login) = login {
                postern.secret("prod", slot, &login.password);
            }
        }
        Ok(postern)
    }

    async fn report(&self) -> anyhow::Result<(Value, Option<i32>)> {
        let ended = self.postern().await?.run(&["--json", "doctor", "prod"]).await?;
        parsed(&ended)
    }

    /// `layer/code exit`, and the report.
    async fn verdict(&self) -> anyhow::Result<(String, Value)> {
        let (report, code) = self.report().await?;
        let text = |field: &str| report[field].as_str().unwrap_or_default().to_owned();
        Ok((format!("{}/{} {}", text("layer"), text("code"), code.unwrap_or(-1)), report))
    }
}

fn parsed(ended: &Finished) -> anyhow::Result<(Value, Option<i32>)> {
    let report = serde_json::from_str(&ended.stdout).with_context(|| format!("{} {}", ended.stdout, ended.stderr))?;
    Ok((report, ended.code()))
}

/// A row of the table: what is found at an edge, and a piece of what it says to do.
struct Row {
    name: &'static str,
    profile: Profile,
    expected: &'static str,
    remedy: &'static str,
}

/// All that is otherwise found than expected.
async fn differences(rows: &[Row]) -> anyhow::Result<Vec<String>> {
    let mut wrong = Vec::new();
    for row in rows {
        let (found, report) = row.profile.verdict().await?;
        let remedy = report["remedy"].as_str().unwrap_or_default();
        if found != row.expected || !remedy.contains(row.remedy) {
            wrong.push(format!("{}: {found}, not {}: {report:#}", row.name, row.expected));
        }
        let checks = report["checks"].as_array().context("a report has checks")?;
        ensure!(checks.len() == 12, "{}: {report:#}", row.name);
        let failed = checks.iter().filter(|check| check["state"] == "failed").count();
        ensure!((failed == 0) == (report["ok"] == true), "{}: {report:#}", row.name);
    }
    Ok(wrong)
}

#[tokio::test]
async fn a_broken_nginx_is_told_the_line_to_change() -> anyhow::Result<()> {
    let scene = Secured::shared().await?;
    let (login, server) = (&scene.login, scene.prefect.origin());
    let other = Login::unique("alice")?;
    let nowhere = format!("http://127.0.0.1:{}", free_port()?);
    let silent = TcpListener::bind("127.0.0.1:0").await?;
    let silent = format!("http://{}", silent.local_addr()?);
    let encoded = {
        use base64::Engine as _;
        base64::prelude::BASE64_STANDARD.encode(login.auth_string())
    };
    let files = Scratch::new("htpasswd")?;
    // As nginx reads it, without a hash.
    let users = files.write("users", format!("{}:{{PLAIN}}{}\n", other.username, other.password))?;
    let asks = format!("auth_basic \"Prefect\"; auth_basic_user_file {};", users.display());
    let all = |more: &str| format!("location / {{ proxy_pass {server}; {GOOD} {more} }}");

    let configurations: Vec<(&str, String)> = vec![
        ("no upgrade", format!("client_max_body_size 8m; location / {{ proxy_pass {server}; }}")),
        ("impatient", all("proxy_read_timeout 2s;")),
        ("Authorization emptied", all("proxy_set_header Authorization \"\";")),
        (
            "base path kept",
            format!("location /prefect/ {{ proxy_pass {server}; {GOOD} }} location / {{ return 404; }}"),
        ),
        (
            "base path taken off",
            format!("location /prefect/ {{ proxy_pass {server}/; {GOOD} }} location / {{ return 404; }}"),
        ),
        ("small bodies", all("").replace("8m", "512k")),
        ("nobody behind", format!("location / {{ proxy_pass {nowhere}; }}")),
        ("nobody answers behind", format!("location / {{ proxy_pass {silent}; proxy_read_timeout 1s; }}")),
        ("basic", all(&asks)),
        ("basic, put in", all(&format!("{asks} proxy_set_header Authorization \"Basic {encoded}\";"))),
        ("subprotocol emptied", all("proxy_set_header Sec-WebSocket-Protocol \"\";")),
        ("tokens emptied", all("proxy_set_header Prefect-Csrf-Token \"\";")),
        ("no way to the API", format!("{} location /api/ {{ return 404; }}", all(""))),
        ("only looks", all("limit_except GET { deny all; }")),
        ("to https", "location / { return 301 https://$host$request_uri; }".to_owned()),
        (
            "a login page",
            "default_type text/html; location / { return 200 '<form><input type=\"password\"></form>'; }".to_owned(),
        ),
        (
            "moved",
            format!("location /p/ {{ proxy_pass {server}/; {GOOD} }} location / {{ return 301 /p$request_uri; }}"),
        ),
        ("somebody else", "default_type text/html; location / { return 200 '<h1>Welcome</h1>'; }".to_owned()),
        ("denied", "location / { deny all; }".to_owned()),
        ("well", all("")),
    ];
    let mut edges = BTreeMap::new();
    for (name, server) in configurations {
        edges.insert(name, nginx(&server).await.with_context(|| name)?);
    }
    let url = |name: &str, path: &str| format!("{}{path}", edges[name].origin());
    let with = |name: &str| Profile::at(url(name, ""), Some(login));
    let wrong = Login::unique(&login.username)?;
    let row = |name, profile, expected, remedy| Row { name, profile, expected, remedy };
    let basic = |edge: &Login, prefect: Option<&Login>| Profile {
        edge: Some(edge.clone()),
        ..Profile::at(url("basic", ""), prefect)
    };
    let rows = [
        row("no upgrade", with("no upgrade"), "websocket/socket_refused 1", "In nginx"),
        row("impatient", with("impatient"), "websocket/socket_cut 1", "proxy_read_timeout 1h"),
        row("Authorization emptied", with("Authorization emptied"), "edge/authorization_dropped 4", "In nginx"),
        row(
            "base path kept",
            Profile::at(url("base path kept", "/prefect"), Some(login)),
            "edge/base_path_kept 1",
            "In nginx",
        ),
        row("base path not given", with("base path taken off"), "prefect/base_path_wrong 1", "/prefect`"),
        row("base path taken off", Profile::at(url("base path taken off", "/prefect"), Some(login)), "none/ok 0", ""),
        row("small bodies", with("small bodies"), "edge/body_limit 1", "client_max_body_size 8m"),
        row("nobody behind", with("nobody behind"), "prefect/server_down 3", "`proxy_pass` leads"),
        row("nobody answers behind", with("nobody answers behind"), "prefect/server_down 3", "proxy_read_timeout"),
        row("basic, missing", with("basic"), "edge/edge_credential_missing 4", "postern edit prod --edge-username"),
        row(
            "basic, wrong",
            basic(&wrong, None),
            "edge/edge_credential_wrong 4",
            "postern secret set prod edge-password",
        ),
        row(
            "basic and an auth string",
            basic(&other, Some(login)),
            "auth/authorization_conflict 4",
            "In nginx, beside",
        ),
        row(
            "basic, and the auth string missing",
            basic(&other, None),
            "auth/prefect_credential_missing 4",
            "--prefect-username",
        ),
        row(
            "basic, and the auth string wrong",
            basic(&other, Some(&wrong)),
            "auth/prefect_credential_wrong 4",
            "prefect-password",
        ),
        row(
            "basic, put in, and no auth string for sockets",
            Profile { edge: Some(other.clone()), ..Profile::at(url("basic, put in", ""), None) },
            "websocket/auth_message_refused 1",
            "--prefect-username",
        ),
        row(
            "basic, put in",
            Profile { edge: Some(other.clone()), ..Profile::at(url("basic, put in", ""), Some(login)) },
            "none/ok 0",
            "",
        ),
        row(
            "a credential that nobody asks for",
            Profile { edge: Some(other.clone()), ..with("well") },
            "auth/edge_credential_misplaced 4",
            "--no-edge",
        ),
        row(
            "auth string missing",
            Profile::at(url("well", ""), None),
            "auth/prefect_credential_missing 4",
            "--prefect-username",
        ),
        row(
            "auth string wrong",
            Profile::at(url("well", ""), Some(&wrong)),
            "auth/prefect_credential_wrong 4",
            "prefect-password",
        ),
        row(
            "subprotocol emptied",
            with("subprotocol emptied"),
            "websocket/subprotocol_dropped 1",
            "Sec-WebSocket-Protocol",
        ),
        row("tokens emptied", with("tokens emptied"), "csrf/csrf_token_dropped 1", "Prefect-Csrf-Token"),
        row("no way to the API", with("no way to the API"), "edge/api_not_passed_on 1", "location /api/"),
        row("only looks", with("only looks"), "edge/edge_refused 1", ""),
        row("to https", with("to https"), "edge/https_required 1", "--url https://"),
        row("a login page", with("a login page"), "edge/sign_in_required 4", "service token"),
        row("moved", with("moved"), "prefect/base_path_wrong 1", "/p`"),
        row("somebody else", with("somebody else"), "prefect/not_prefect 1", "address"),
        row("denied", with("denied"), "edge/edge_refused 1", "log"),
        row("well", with("well"), "none/ok 0", ""),
    ];
    assert_eq!(differences(&rows).await?, Vec::<String>::new());
    Ok(())
}

/// An address that Debian's configurations of today give: nothing to say against it.
#[tokio::test]
async fn what_is_well_raises_no_alarm() -> anyhow::Result<()> {
    let scene = Secured::shared().await?;
    let login = Some(&scene.login);
    let open = Prefect::start(Options::default()).await?;
    let locked = Login::unique("admin")?;
    let auth = Prefect::start(Options { auth: Some(locked.clone()), ..Options::default() }).await?;
    let old = Prefect::start_as("prefect-2.14.21", Options::default()).await?;
    let three = Prefect::start_as("prefect-3.0.11", Options::default()).await?;
    let usual = nginx(&format!(
        "location / {{ proxy_pass {}; {} }}",
        scene.prefect.origin(),
        GOOD.replace("client_max_body_size 8m;", "")
    ))
    .await?;
    let haproxy = HaProxy::start(scene.prefect.origin().trim_start_matches("http://"), "", "").await?;
    for (name, profile, version, uis, edge) in [
        ("as it comes", Profile::at(open.origin(), None), "3.8.8", 2, Value::Null),
        ("with an auth string", Profile::at(auth.origin(), Some(&locked)), "3.8.8", 2, Value::Null),
        ("with a credential that is not asked for", Profile::at(open.origin(), Some(&locked)), "3.8.8", 2, Value::Null),
        ("behind nginx", Profile::at(usual.origin(), login), "3.8.8", 2, "nginx".into()),
        (
            "behind nginx that asks",
            Profile { edge: login.cloned(), ..Profile::at(scene.nginx.origin(), login) },
            "3.8.8",
            2,
            "nginx".into(),
        ),
        ("behind HAProxy", Profile::at(format!("http://{}", haproxy.address()), login), "3.8.8", 2, "HAProxy".into()),
        ("of 2.14", Profile::at(old.origin(), None), "2.14.21", 1, Value::Null),
        ("of 3.0", Profile::at(three.origin(), None), "3.0.11", 1, Value::Null),
    ] {
        let (found, report) = profile.verdict().await?;
        assert_eq!(found, "none/ok 0", "{name}: {report:#}");
        assert_eq!(report["server"]["version"], version, "{name}");
        assert_eq!(report["server"]["ui"].as_array().map(Vec::len), Some(uis), "{name}: {report:#}");
        assert_eq!(report["server"]["edge"], edge, "{name}");
        // What is to be seen at each of them: browsers are sent astray; nginx takes 1 MiB; old servers are open.
        let expected: &[&str] = match name {
            "behind nginx" | "behind nginx that asks" => &["api_url_wrong", "body_limit"],
            "of 2.14" | "of 3.0" => &["known_vulnerability"],
            "behind HAProxy" => &["api_url_wrong"],
            _ => &[],
        };
        let warned = report["checks"].as_array().into_iter().flatten().filter(|check| check["state"] == "warned");
        let warned: Vec<&str> = warned.filter_map(|check| check["trouble"]["code"].as_str()).collect();
        ensure!(expected.iter().all(|code| warned.contains(code)), "{name}: {warned:?}");
        ensure!(warned.iter().all(|code| expected.contains(code) || *code == "api_url_wrong"), "{name}: {warned:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_broken_haproxy_is_told_the_line_to_change() -> anyhow::Result<()> {
    let scene = Secured::shared().await?;
    let login = &scene.login;
    let server = scene.prefect.origin().trim_start_matches("http://").to_owned();
    let other = Login { username: "alice".to_owned(), password: "wonderland".to_owned() };
    let users = "userlist users\nuser alice insecure-password wonderland";
    let asks = "http-request auth unless { http_auth(users) }";
    let nowhere = format!("127.0.0.1:{}", free_port()?);
    let edges = [
        HaProxy::start(&server, "", "http-request del-header Upgrade").await?,
        HaProxy::start(&server, "", "http-request del-header Authorization").await?,
        HaProxy::start(&server, users, asks).await?,
        HaProxy::start(&nowhere, "", "").await?,
        HaProxy::start(
            &server,
            "",
            "http-request deny deny_status 413 if { req.hdr(content-length) -m int gt 500000 }",
        )
        .await?,
    ];
    let with = |edge: usize| Profile::at(format!("http://{}", edges[edge].address()), Some(login));
    let row = |name, profile, expected, remedy| Row { name, profile, expected, remedy };
    let rows = [
        row("no upgrade", with(0), "websocket/socket_refused 1", "HAProxy passes"),
        row("Authorization dropped", with(1), "edge/authorization_dropped 4", "In HAProxy"),
        row("basic, missing", with(2), "edge/edge_credential_missing 4", "--edge-username"),
        row(
            "basic and an auth string",
            Profile { edge: Some(other), ..with(2) },
            "auth/authorization_conflict 4",
            "In HAProxy",
        ),
        row("nobody behind", with(3), "prefect/server_down 3", "HAProxy's `server` line"),
        row("small bodies", with(4), "edge/body_limit 1", "In HAProxy"),
    ];
    assert_eq!(differences(&rows).await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_broken_caddy_is_told_the_line_to_change() -> anyhow::Result<()> {
    let scene = Secured::shared().await?;
    let login = &scene.login;
    let server = scene.prefect.origin();
    let nowhere = format!("http://127.0.0.1:{}", free_port()?);
    let other = Login { username: "alice".to_owned(), password: "wonderland".to_owned() };
    // bcrypt, with the least work that it takes.
    let asks = "basicauth {\nalice $2b$04$BrzeKfuZtuF/.QnR3.PzaeqWzuefZQQnRNVp1EwnK5hVMj.7wgS1C\n}";
    let edges = [
        Caddy::start(&format!("reverse_proxy {server}")).await?,
        Caddy::start(&format!("reverse_proxy {server} {{\nheader_up -Upgrade\n}}")).await?,
        Caddy::start(&format!("reverse_proxy {server} {{\nheader_up -Authorization\n}}")).await?,
        Caddy::start(&format!("handle /prefect/* {{\nreverse_proxy {server}\n}}")).await?,
        Caddy::start(&format!("reverse_proxy {nowhere}")).await?,
        Caddy::start(&format!("{asks}\nreverse_proxy {server}")).await?,
        Caddy::start(&format!("request_body {{\nmax_size 512KB\n}}\nreverse_proxy {server}")).await?,
    ];
    let with = |edge: usize, path: &str| Profile::at(edges[edge].origin() + path, Some(login));
    let row = |name, profile, expected, remedy| Row { name, profile, expected, remedy };
    let rows = [
        row("well", with(0, ""), "none/ok 0", ""),
        row("no upgrade", with(1, ""), "websocket/socket_refused 1", "Caddy's `reverse_proxy`"),
        row("Authorization dropped", with(2, ""), "edge/authorization_dropped 4", "header_up -Authorization"),
        row("base path kept", with(3, "/prefect"), "edge/base_path_kept 1", "handle_path"),
        row("nobody behind", with(4, ""), "prefect/server_down 3", "Caddy's `reverse_proxy`"),
        row("basic, missing", with(5, ""), "edge/edge_credential_missing 4", "--edge-username"),
        row(
            "basic and an auth string",
            Profile { edge: Some(other), ..with(5, "") },
            "auth/authorization_conflict 4",
            "In Caddy",
        ),
        row("small bodies", with(6, ""), "edge/body_limit 1", "max_size 8MB"),
    ];
    assert_eq!(differences(&rows).await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn tls_is_told_by_what_is_wrong_with_it() -> anyhow::Result<()> {
    let scene = Secured::shared().await?;
    let (login, server) = (&scene.login, scene.prefect.origin());
    let files = Scratch::new("tls")?;
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, "Larch CA");
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let ca_file = files.write("ca.pem", ca.pem())?;
    let key_file = files.write("key.pem", key.serialize_pem())?;
    let signed = |name: &str, year: i32| -> anyhow::Result<String> {
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        Ok(params.signed_by(&key, &ca)?.pem())
    };
    let own = CertificateParams::new(vec!["127.0.0.1".to_owned()])?.self_signed(&key)?.pem();
    let mut edges = BTreeMap::new();
    for (name, certificate, more) in [
        ("well", signed("127.0.0.1", 2040)?, String::new()),
        ("self-signed", own, String::new()),
        ("another name", signed("prefect.example.com", 2040)?, String::new()),
        ("expired", signed("127.0.0.1", 2021)?, String::new()),
        (
            "wants one",
            signed("127.0.0.1", 2040)?,
            format!("ssl_client_certificate {}; ssl_verify_client on;", ca_file.display()),
        ),
    ] {
        let file = files.write(format!("{name}.pem"), certificate)?;
        let tls = format!("ssl_certificate {file:?}; ssl_certificate_key {key_file:?}; {more}");
        let http = |port| {
            format!(
                "map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}\n\
                 server {{ listen 127.0.0.1:{port} ssl; {tls} location / {{ proxy_pass {server}; {GOOD} }} }}"
            )
        };
        edges.insert(name, Nginx::configured(http).await.with_context(|| name)?);
    }
    let trusting = format!("[profile.tls]\nca_file = {ca_file:?}\n");
    let with = |name: &str, more: &str| Profile {
        more: more.to_owned(),
        ..Profile::at(edges[name].origin().replace("http://", "https://"), Some(login))
    };
    let plain = nginx(&format!("location / {{ proxy_pass {server}; {GOOD} }}")).await?;
    let spoken = Profile::at(plain.origin().replace("http://", "https://"), Some(login));
    let row = |name, profile, expected, remedy| Row { name, profile, expected, remedy };
    let rows = [
        row("well", with("well", &trusting), "none/ok 0", ""),
        row("an unknown CA", with("well", ""), "tls/certificate_refused 3", "Larch CA"),
        row("self-signed", with("self-signed", ""), "tls/certificate_refused 3", "--ca-file"),
        row("another name", with("another name", &trusting), "tls/certificate_refused 3", "prefect.example.com"),
        row("expired", with("expired", &trusting), "tls/certificate_refused 3", "renew"),
        row("wants one", with("wants one", &trusting), "tls/client_certificate_missing 4", "--client-cert-file"),
        row("http only", spoken, "tls/https_not_spoken 3", "--url http://"),
        row(
            "http to https",
            Profile::at(edges["well"].origin(), Some(login)),
            "edge/https_required 1",
            "--url https://",
        ),
        row("unchecked", with("self-signed", "[profile.tls]\nverify = false\n"), "none/ok 0", "CA file"),
    ];
    assert_eq!(differences(&rows).await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_proxy_on_the_way_is_told_from_the_server_behind_it() -> anyhow::Result<()> {
    let scene = Secured::shared().await?;
    let url = scene.prefect.origin().replace("127.0.0.1", HERE);
    let mut login = Login::unique("carol")?;
    // What fits into tinyproxy's configuration, and into an address as it is.
    login.password.retain(|c| c.is_ascii_alphanumeric());
    let wrong = Login { password: format!("not{}", login.password), ..login.clone() };
    let sweep = postern_tests::canary::Sweep::default().with("the proxy's password", &login.password);
    let refusing = Proxy::refusing().await?;
    let mut cases = vec![
        ("nobody", format!("http://127.0.0.1:{}", free_port()?), "proxy/proxy_failed"),
        ("nobody with SOCKS", format!("socks5://127.0.0.1:{}", free_port()?), "proxy/proxy_failed"),
        ("who connects nobody", refusing.url(None), "proxy/proxy_failed"),
    ];
    let mut proxies = Vec::new();
    for kind in [Kind::Http, Kind::Socks] {
        let (open, asks) = (Proxy::start(kind, None).await?, Proxy::start(kind, Some(&login)).await?);
        cases.extend([
            ("who lets all in", open.url(None), "none/ok"),
            ("who asks, and is shown the right one", asks.url(Some(&login)), "none/ok"),
            ("who asks, and is shown a wrong one", asks.url(Some(&wrong)), "proxy/proxy_failed"),
            ("who asks, and is shown nothing", asks.url(None), "proxy/proxy_failed"),
        ]);
        proxies.push((open, asks));
    }
    for (name, proxy, expected) in cases {
        let mut postern = Profile::at(&url, Some(&scene.login)).postern().await?;
        postern.set_variable("HTTP_PROXY", &proxy);
        let ended = postern.run(&["--json", "doctor", "prod"]).await?;
        assert_eq!(sweep.text(name, format!("{}{}", ended.stdout, ended.stderr)), Vec::<String>::new());
        let (report, _) = parsed(&ended)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let found = format!("{}/{}", text(&report["layer"]), text(&report["code"]));
        assert_eq!(found, expected, "{name}, {proxy}: {report:#}");
        let seen = text(&report["checks"][3]["evidence"]);
        let (scheme, at) = proxy.split_once("://").context("a proxy has a scheme")?;
        let at = at.rsplit('@').next().unwrap_or_default();
        assert_eq!(seen, format!("{scheme}://{at}, from the variable HTTP_PROXY"), "{name}");
    }
    assert!(proxies.iter().all(|(open, asks)| [open, asks].iter().all(|proxy| proxy.has_reached(&url[7..]))));
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_reached_is_told_in_time() -> anyhow::Result<()> {
    // Takes connections, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await?;
    let at = silent.local_addr()?;
    let row = |name, url: String, expected, remedy| Row { name, profile: Profile::at(url, None), expected, remedy };
    let rows = [
        row("no name", "https://prefect.invalid".to_owned(), "name/name_not_found 3", "VPN"),
        row("nobody", format!("http://127.0.0.1:{}", free_port()?), "tcp/server_unreachable 3", "VPN"),
        row("silence", format!("http://{at}"), "prefect/answer_timeout 3", ""),
        row("silence for TLS", format!("https://{at}"), "tls/tls_failed 3", ""),
    ];
    // Builds the program, which is not to be counted.
    Postern::new("version = 1\n").await?;
    for row in rows {
        let begun = Instant::now();
        assert_eq!(differences(&[row]).await?, Vec::<String>::new());
        ensure!(begun.elapsed() < Duration::from_secs(30));
    }
    Ok(())
}

/// Every answer comes in time, and all of them together do not.
#[tokio::test]
async fn a_slow_server_is_given_up_in_less_than_thirty_seconds() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(7)).await;
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n";
                drop(stream.write_all(format!("{head}Connection: close\r\n\r\n\"3.8.8\"").as_bytes()).await);
            });
        }
    });
    Postern::new("version = 1\n").await?;
    let begun = Instant::now();
    let row = Row { name: "slow", profile: Profile::at(url, None), expected: "prefect/answer_timeout 3", remedy: "" };
    assert_eq!(differences(&[row]).await?, Vec::<String>::new());
    ensure!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    Ok(())
}

/// A server that sends back what it is sent, wherever it can.
async fn echo() -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let at = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = vec![0; 8192];
                let length = stream.read(&mut request).await.unwrap_or_default();
                let head = String::from_utf8_lossy(&request[..length]).into_owned();
                let header = |name: &str| {
                    let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(name));
                    line.and_then(|line| line.split_once(": ")).map_or("none", |(_, value)| value).to_owned()
                };
                let (shown, own) = (header("authorization"), header("x-key"));
                let body = format!("\"3.8.8 {shown} {own}\"");
                let answer = format!(
                    "HTTP/1.1 401 {own}\r\nServer: nginx {shown} {own}\r\nWWW-Authenticate: Basic realm=\"{shown} {own}\"\r\n\
                     Content-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
                drop(stream.write_all(answer.as_bytes()).await);
            });
        }
    });
    Ok(format!("http://{at}"))
}

#[tokio::test]
async fn no_secret_is_in_what_it_says_not_even_one_that_a_server_sends_back() -> anyhow::Result<()> {
    let scene = Secured::shared().await?;
    let (edge, key) = (Login::unique("alice")?, Login::unique("key")?);
    let sweep = postern_tests::canary::Sweep::default()
        .with_login("the server's password", &scene.login)
        .with_login("the edge's password", &edge)
        .with("the header", &key.password);
    for url in [echo().await?, scene.prefect.origin(), scene.nginx.origin()] {
        let profile = Profile {
            edge: Some(edge.clone()),
            more: "[[profile.header]]\nname = \"X-Key\"\n".to_owned(),
            ..Profile::at(url, Some(&scene.login))
        };
        let mut postern = profile.postern().await?;
        postern.secret("prod", "header-x-key", &key.password);
        postern.log_everything();
        for arguments in [&["doctor", "prod"][..], &["--json", "doctor", "prod"], &["doctor", "--share", "prod"]] {
            let ended = postern.run(arguments).await?;
            ensure!(ended.code() != Some(0), "{}", ended.stdout);
            let said = format!("{}{}", ended.stdout, ended.stderr);
            assert_eq!(sweep.text("doctor", &said), Vec::<String>::new(), "{arguments:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_server_without_a_profile_is_looked_at_by_its_address() -> anyhow::Result<()> {
    let scene = Secured::shared().await?;
    let postern = Postern::new("version = 1\n").await?;
    let secrets = format!(
        "edge-username={0}\nedge-password={1}\nprefect-username={0}\nprefect-password={1}\n",
        scene.login.username, scene.login.password
    );
    let scratch = Scratch::new("doctor")?;
    let deep = format!("{}/v2/dashboard?tab=runs", scene.nginx.origin());
    let command = postern.command(&["--json", "doctor", &deep, "--secrets-from", "-"]);
    let (report, code) = parsed(&run("doctor", command, &secrets, &scratch, LIMIT).await?)?;
    assert_eq!((report["ok"].as_bool(), code), (Some(true), Some(0)), "{report:#}");
    assert_eq!(report["server"]["api_url"], format!("{}/api", scene.nginx.origin()));

    // For others' eyes, and in words.
    let command = postern.command(&["doctor", &deep, "--share", "--secrets-from", "-"]);
    let shared = run("doctor", command, &secrets, &scratch, LIMIT).await?.success()?;
    let host = scene.nginx.origin().trim_start_matches("http://").to_owned();
    for private in [&host, "127.0.0.1", &scene.login.username] {
        ensure!(!shared.contains(private), "{private} in {shared}");
    }
    ensure!(shared.contains("All is well: Prefect 3.8.8 behind nginx"), "{shared}");

    for (arguments, code) in [
        (&["doctor", "nobody"][..], 1),
        (&["doctor", "ftp://example.com"], 2),
        (&["doctor"], 2),
        (&["--json", "doctor", "http://127.0.0.1:1"], 3),
    ] {
        assert_eq!(postern.run(arguments).await?.code(), Some(code), "{arguments:?}");
    }
    Ok(())
}
