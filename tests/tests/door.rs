//! Who is not let in is refused here, and a real edge's access log shows that the server has seen nothing.

use std::time::Duration;

use postern_tests::acceptance::held;
use postern_tests::browser::{Browser, REBOUND};
use postern_tests::nginx::{Nginx, Site};
use postern_tests::postern::Postern;
use postern_tests::prefect::Login;
use postern_tests::wait::{free_port, until};
use reqwest::header::{HOST, ORIGIN};
use reqwest::redirect::Policy;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const KEY: &str = "only-good-on-this-machine";

/// An edge whose log tells what reached it, with nothing behind it, and Postern in front of it.
async fn guarded() -> anyhow::Result<(Nginx, Postern, Login)> {
    let login = Login::unique("admin")?;
    // Nobody has this port: one that was free a moment ago may be another test's by now.
    let nowhere = "http://127.0.0.1:1".to_owned();
    let edge = Nginx::start(Site { upstream: nowhere, basic: Some(login.clone()), websockets: true }).await?;
    let mut postern = Postern::new(&format!(
        "version = 1\n[[profile]]\nid = \"prod\"\nname = \"Production\"\nurl = \"{}\"\nport = {}\n\
         [profile.edge]\nkind = \"basic\"\nusername = \"admin\"\n",
        edge.origin(),
        free_port()?
    ))
    .await?;
    postern.secret("prod", "edge-password", &login.password);
    postern.secret("prod", "local-key", KEY);
    Ok((edge, postern, login))
}

#[tokio::test]
async fn nobody_gets_through_without_key_or_pass_and_a_pass_works_once() -> anyhow::Result<()> {
    let (edge, postern, login) = guarded().await?;
    let serving = postern.serve(&["prod"]).await?;
    let http = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build()?;
    let address = format!("{}/flows/refused", serving.ready("prod")?.api_url);
    let stranger = || http.get(&address);
    let known = || stranger().basic_auth("postern", Some(KEY));

    for (who, request, status) in [
        ("no key", stranger(), 401),
        ("a wrong key", stranger().bearer_auth("wrong"), 401),
        ("the server's own credential", stranger().basic_auth("admin", Some(&login.password)), 401),
        ("a foreign host", known().header(HOST, "evil.example"), 403),
        ("a foreign page", known().header(ORIGIN, "http://evil.example"), 403),
        ("a page on another port", known().header(ORIGIN, "http://localhost:1"), 403),
        ("a request another site caused", known().header("Sec-Fetch-Site", "cross-site"), 403),
    ] {
        assert_eq!(request.send().await?.status().as_u16(), status, "{who}");
    }
    let pass = postern.open("prod").await?.replace("prod.localhost", "127.0.0.1");
    for (use_of_it, status) in [("first", 303), ("second", 403)] {
        assert_eq!(http.get(&pass).send().await?.status().as_u16(), status, "{use_of_it}");
    }

    // With the key it does arrive, with the credential; and what came before it has not.
    let allowed = format!("{}/flows/allowed", serving.ready("prod")?.api_url);
    assert_eq!(http.get(&allowed).basic_auth("postern", Some(KEY)).send().await?.status().as_u16(), 502);
    let seen = |what: &str| anyhow::Ok(edge.requests()?.iter().any(|line| line.contains(what)));
    let arrived = async || Ok(seen("502 GET /api/flows/allowed user=admin")?.then_some(()));
    until("the request in the edge's log", Duration::from_secs(60), arrived).await?;
    assert!(!seen("refused")? && !seen("pass")?, "{:?}", edge.requests()?);
    Ok(())
}

/// What a page on another site can make a browser send, each to every name of the gateway's; done when all have
/// settled.
const ATTACK: &str = r#"
const settle = (start) => new Promise((done) => { start(done); setTimeout(done, 5000); });
const frame = (done) => { const e = document.createElement("iframe"); e.onload = done; document.body.append(e); return e; };
const tried = TARGETS.flatMap((at) => [
  fetch(`${at}/api/flows/refused`, { mode: "no-cors", credentials: "include" }),
  fetch(`${at}/api/flows/refused`, { credentials: "include" }).then(() => { read.push(at); }),
  fetch(`${at}/api/flows/refused`, { method: "DELETE", credentials: "include" }),
  fetch(`${at}/api/flows/refused`, { method: "POST", mode: "no-cors", credentials: "include", body: "{}" }),
  settle((done) => { const e = new Image(); e.onload = e.onerror = done; e.src = `${at}/refused.png`; }),
  settle((done) => { const e = document.createElement("script"); e.onload = e.onerror = done; e.src = `${at}/refused.js`; document.body.append(e); }),
  settle((done) => { const e = new WebSocket(`${at.replace("http", "ws")}/api/refused`, "prefect"); e.onopen = () => read.push(at); e.onclose = done; }),
  settle((done) => { frame(done).src = `${at}/refused`; }),
  settle((done) => {
    frame(done).name = at;
    const form = Object.assign(document.createElement("form"), { action: `${at}/api/refused`, method: "post", enctype: "text/plain", target: at });
    document.body.append(form);
    form.submit();
  }),
]);
const read = [];
Promise.allSettled(tried).then(() => { document.body.append(`settled, read ${read.length}`); });
"#;

#[tokio::test]
async fn a_page_on_another_site_reaches_nothing_from_a_browser_that_is_let_in() -> anyhow::Result<()> {
    let (edge, postern, _) = guarded().await?;
    let serving = postern.serve(&["prod"]).await?;
    let port = url::Url::parse(&serving.ready("prod")?.url)?.port().unwrap_or_default();
    let targets = ["127.0.0.1", "localhost", "prod.localhost"].map(|name| format!("http://{name}:{port}"));
    let foreign = TcpListener::bind("127.0.0.1:0").await?;
    let foreign_port = foreign.local_addr()?.port();
    let page =
        format!("<!doctype html><body><script>const TARGETS = {};{ATTACK}</script>", serde_json::to_string(&targets)?);
    let site = tokio::spawn(async move {
        while let Ok((mut stream, _)) = foreign.accept().await {
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
                page.len()
            );
            let answer = head + &page;
            // Each on its own: browsers open connections ahead, and say nothing on them yet.
            tokio::spawn(async move {
                // A browser that hangs up is its own affair.
                drop(stream.read(&mut [0; 4096]).await);
                drop(stream.write_all(answer.as_bytes()).await);
            });
        }
    });

    let browser = Browser::start().await?;
    // It has a session: what protects is not that it lacks one.
    browser.goto(&postern.open("prod").await?).await?;
    assert!(edge.requests()?.iter().any(|line| line.contains(" GET / ")), "the browser is let in");
    let reached = || anyhow::Ok(edge.requests()?.iter().filter(|line| line.contains("refused")).count());
    // Another site, and another server on this machine, which to a browser is the same site.
    for host in [REBOUND, "127.0.0.1", "evil.localhost"] {
        browser.goto(&format!("http://{host}:{foreign_port}/")).await?;
        browser.until_shown(&["settled, read 0"]).await?;
        let console = browser.console().await?;
        assert!(console.iter().any(|line| line.contains("frame-ancestors")), "{console:?}");
        held("A16");
        assert_eq!(reached()?, 0, "from {host}: {:?}", edge.requests()?);
        held("A12");
    }
    // A name of theirs that leads to us.
    browser.goto(&format!("http://{REBOUND}:{port}/api/flows/refused")).await?;
    browser.until_shown(&["foreign_host"]).await?;
    browser.goto(&format!("http://{REBOUND}:{port}/")).await?;
    browser.until_shown(&["a host that is not this gateway"]).await?;
    assert!(!browser.text().await?.contains("dashboard"), "it is not at that name");
    assert_eq!(reached()?, 0);
    held("A17");
    browser.close().await?;
    site.abort();
    Ok(())
}
