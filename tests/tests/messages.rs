//! What a person reads when the server, the profile or the vault is not as it should be: each cause has its
//! own words, its own code, and its own remedy, from `postern serve` and through the gateway.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use anyhow::Context as _;
use insta::assert_snapshot;
use postern_tests::nginx::{Nginx, Site};
use postern_tests::postern::Postern;
use postern_tests::secured::Secured;
use postern_tests::wait::free_port;
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(30);
const KEY: &str = "only-good-on-this-machine";

/// A profile as the text of a `profiles.toml`.
fn profile(url: &str, port: u16, edge: bool, prefect: bool) -> String {
    let edge = if edge { "[profile.edge]\nkind = \"basic\"\nusername = \"admin\"\n" } else { "" };
    let prefect = if prefect { "[profile.prefect]\nusername = \"admin\"\n" } else { "" };
    format!(
        "version = 1\n[[profile]]\nid = \"prod\"\nname = \"Production\"\nurl = \"{url}\"\nport = {port}\n\
         {edge}{prefect}"
    )
}

/// What `postern serve` says of a fault while it serves, and what a program gets that asks the gateway then.
async fn told(url: &str, edge: Option<&str>, prefect: Option<&str>) -> anyhow::Result<String> {
    let mut postern = Postern::new(&profile(url, free_port()?, edge.is_some(), prefect.is_some())).await?;
    for (slot, password) in [("edge-password", edge), ("prefect-password", prefect)] {
        if let Some(password) = password {
            postern.secret("prod", slot, password);
        }
    }
    postern.secret("prod", "local-key", KEY);
    let mut serving = postern.serve(&["prod"]).await?;
    let fault: Value = serving
        .process
        .until("word of a fault", LIMIT, async |process| {
            let said = process.stderr();
            let Some((line, _)) = said.split_once('\n') else { return Ok(None) };
            Ok(Some(serde_json::from_str(line).with_context(|| line.to_owned())?))
        })
        .await?;
    assert_eq!((&fault["event"], &fault["profile"]), (&"fault".into(), &"prod".into()));

    let http = reqwest::Client::builder().no_proxy().build()?;
    let address = format!("{}/admin/version", serving.ready("prod")?.api_url);
    let answer = http.get(address).basic_auth("postern", Some(KEY)).send().await?;
    let (status, mark) = (answer.status().as_u16(), answer.headers().get("postern-fault").cloned());
    let mark = mark.as_ref().and_then(|mark| mark.to_str().ok());
    let body: Value = answer.json().await?;
    // The gateway's own answers carry the code; a server's pass untouched.
    assert_eq!(body["code"].as_str(), mark);
    let answered = mark.map_or_else(|| body.to_string(), str::to_owned);

    let ended = serving.process.terminate(LIMIT).await?;
    assert_eq!(ended.code(), Some(0));
    let word = |name: &str| fault[name].as_str().unwrap_or_default();
    let told = format!("{}\n{}\n{}\n{status} {answered}", word("code"), word("sentence"), word("remedy"));
    Ok(told.replace(url.trim_start_matches("http://"), "SERVER"))
}

#[tokio::test]
async fn a_wrong_or_missing_password_names_the_layer_that_asks_for_it() -> anyhow::Result<()> {
    let scene = Secured::shared().await?;
    let (edge, prefect, right) = (scene.nginx.origin(), scene.prefect.origin(), scene.login.password.as_str());

    assert_snapshot!(told(&edge, Some("wrong"), Some(right)).await?, @r#"
    edge_credential_wrong
    The server's edge refuses the profile's credential.
    Enter the edge's user name and password again.
    401 edge_credential_wrong
    "#);
    assert_snapshot!(told(&edge, None, None).await?, @r#"
    edge_credential_missing
    The server's edge asks for a password or token, and Postern has none.
    Add the edge's user name and password, or its token, to the profile.
    401 edge_credential_missing
    "#);
    assert_snapshot!(told(&prefect, None, Some("wrong")).await?, @r#"
    prefect_credential_wrong
    Prefect refuses the profile's auth string.
    Enter Prefect's auth string again.
    401 {"exception_message":"Unauthorized"}
    "#);
    assert_snapshot!(told(&prefect, None, None).await?, @r#"
    prefect_credential_missing
    Prefect asks for its auth string, and Postern has none.
    Add Prefect's auth string to the profile.
    401 {"exception_message":"Unauthorized"}
    "#);
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_down_is_not_a_wrong_password() -> anyhow::Result<()> {
    let nobody = format!("http://127.0.0.1:{}", free_port()?);
    assert_snapshot!(told(&nobody, None, Some("right")).await?, @r#"
    server_unreachable
    The server at SERVER cannot be reached: it refuses connections.
    Check that the server runs, that address and port are right, and whether a VPN must be on.
    502 server_unreachable
    "#);
    Ok(())
}

#[tokio::test]
async fn a_taken_port_is_told_with_the_program_that_has_it() -> anyhow::Result<()> {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = taken.local_addr()?.port();
    let mut postern = Postern::new(&profile("http://127.0.0.1:9", port, false, true)).await?;
    postern.secret("prod", "prefect-password", "right");
    let finished = postern.run(&["serve", "prod"]).await?;
    let said = finished.stderr.replace(&port.to_string(), "PORT").replace(&std::process::id().to_string(), "PID");
    let program = std::fs::read_to_string("/proc/self/comm")?;
    assert_eq!((finished.code(), finished.stdout.as_str()), (Some(1), ""));
    assert_snapshot!(said.replace(program.trim(), "PROGRAM"), @r"
    postern: PROGRAM (pid PID) has port PORT of this machine.
      End that program, or give the profile another port. [port_taken]
    ");
    Ok(())
}

#[tokio::test]
async fn an_empty_vault_is_told_with_the_secret_that_is_missing() -> anyhow::Result<()> {
    let postern = Postern::new(&profile("http://127.0.0.1:9", free_port()?, true, true)).await?;
    let finished = postern.run(&["serve", "prod"]).await?;
    assert_eq!((finished.code(), finished.stdout.as_str()), (Some(5), ""));
    assert_snapshot!(finished.stderr, @r"
    postern: The profile prod needs the secret edge-password, and the vault has none.
      Set the variable POSTERN_SECRET_PROD_EDGE_PASSWORD where Postern is started. [secret_missing]
    ");
    let json = postern.run(&["--json", "serve", "prod"]).await?;
    let error: Value = serde_json::from_str(&json.stderr)?;
    assert_eq!((json.code(), &error["error"]["code"]), (Some(5), &"secret_missing".into()));
    Ok(())
}

#[tokio::test]
async fn opening_tells_a_gateway_that_does_not_run_from_one_with_another_key() -> anyhow::Result<()> {
    let port = free_port()?;
    let mut postern = Postern::new(&profile("http://127.0.0.1:9", port, false, true)).await?;
    postern.secret("prod", "prefect-password", "right");
    postern.secret("prod", "local-key", KEY);
    let off = postern.run(&["open", "prod", "--print"]).await?;
    assert_eq!(off.code(), Some(3));
    assert_snapshot!(off.stderr.replace(&port.to_string(), "PORT"), @r"
    postern: The gateway of the profile prod does not run: nothing answers on 127.0.0.1:PORT.
      Connect the profile in Postern's tray menu, or run `postern serve prod` and leave it running. [gateway_not_running]
    ");

    let serving = postern.serve(&["prod"]).await?;
    postern.secret("prod", "local-key", "another");
    let refused = postern.run(&["open", "prod", "--print"]).await?;
    assert_eq!(refused.code(), Some(4));
    assert_snapshot!(refused.stderr.replace(&port.to_string(), "PORT"), @r"
    postern: The gateway on 127.0.0.1:PORT does not accept the local key of the profile prod.
      It was started with another vault or configuration folder: use the same here, or start it anew. [local_key_wrong]
    ");
    assert_eq!(serving.process.terminate(LIMIT).await?.code(), Some(0));
    Ok(())
}

#[tokio::test]
async fn an_edge_that_drops_the_upgrade_of_sockets_is_told() -> anyhow::Result<()> {
    let scene = Secured::shared().await?;
    let deaf = Site { upstream: scene.prefect.origin(), basic: Some(scene.login.clone()), websockets: false };
    let deaf = Nginx::start(deaf).await?;
    let mut postern = Postern::new(&profile(&deaf.origin(), free_port()?, true, true)).await?;
    postern.secret("prod", "edge-password", &scene.login.password);
    postern.secret("prod", "prefect-password", &scene.login.password);
    postern.secret("prod", "local-key", KEY);
    let serving = postern.serve(&["prod"]).await?;

    let http = reqwest::Client::builder().no_proxy().build()?;
    let handshake = http
        .get(format!("{}/events/in", serving.ready("prod")?.api_url))
        .basic_auth("postern", Some(KEY))
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("Sec-WebSocket-Protocol", "prefect");
    let answer = handshake.send().await?;
    assert_eq!(answer.status().as_u16(), 502);
    let told: Value = answer.json().await?;
    let word = |name: &str| told[name].as_str().unwrap_or_default();
    assert_snapshot!(format!("{}\n{}", word("code"), word("detail")), @r"
    socket_refused
    The server or its edge refused the WebSocket (status 404). The edge must pass WebSockets on: in nginx, `proxy_http_version 1.1` and the `Upgrade` and `Connection` headers.
    ");
    Ok(())
}
