//! Who is not let in is refused here, and a real edge's access log shows that the server has seen nothing.

use std::time::Duration;

use postern_tests::nginx::{Nginx, Site};
use postern_tests::postern::Postern;
use postern_tests::prefect::Login;
use postern_tests::wait::{free_port, until};
use reqwest::header::{HOST, ORIGIN};
use reqwest::redirect::Policy;

const KEY: &str = "only-good-on-this-machine";

#[tokio::test]
async fn nobody_gets_through_without_key_or_pass_and_a_pass_works_once() -> anyhow::Result<()> {
    let login = Login::unique("admin")?;
    let nowhere = format!("http://127.0.0.1:{}", free_port()?);
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
