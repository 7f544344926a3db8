//! No secret is written anywhere but in the vault. Shown by using everything once with passwords that exist
//! nowhere else, logs at their most talkative, and then looking for them everywhere.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::ensure;
use postern_tests::acceptance::held;
use postern_tests::browser::Browser;
use postern_tests::canary::Sweep;
use postern_tests::process::Process;
use postern_tests::python::{PREFECT, venv};
use postern_tests::scratch::Scratch;
use postern_tests::secured::{LABEL, Secured};

const LIMIT: Duration = Duration::from_secs(90);

#[tokio::test]
async fn after_a_full_session_no_secret_is_in_any_file_log_page_or_argument() -> anyhow::Result<()> {
    let scene = Secured::shared().await?;
    let mut postern = scene.postern("prod").await?;
    postern.log_everything();
    let local_key = postern.local_key("prod");
    let remote = Sweep::default().with_login("the server's password", &scene.login);
    let every = Sweep::default().with_login("the server's password", &scene.login).with("the local key", &local_key);
    let mut found = Vec::new();

    // A person's day: the dashboard in a browser, a program on the command line, a socket.
    let serving = postern.serve(&["prod"]).await?;
    let url = serving.ready("prod")?.url.clone();
    let environment = postern.environment("prod").await?;
    ensure!(!every.text("", format!("{environment:?}")).is_empty(), "the local key is not what is looked for");
    found.extend(remote.text("postern env", environment.values().cloned().collect::<String>()));
    let browser = Browser::start().await?;
    let pass = postern.open("prod").await?;
    browser.goto(&pass).await?;
    browser.until_shown(&["Dashboard", &format!("{LABEL}-flow")]).await?;
    browser.goto(&url.replace("127.0.0.1", "prod.localhost")).await?;
    browser.until_shown(&[&format!("{LABEL}-flow")]).await?;
    let kept = "return document.documentElement.outerHTML + document.cookie + JSON.stringify({...localStorage})";
    found.extend(every.text("the page", browser.driver().execute(kept, vec![]).await?.to_string()));
    let stream = events(&environment, scene).await?;

    // Every credential is tried one by one, and what comes of it told.
    for arguments in [&["doctor", "prod"][..], &["--json", "doctor", "prod"], &["doctor", "--share", "prod"]] {
        let looked = postern.run(arguments).await?;
        assert_eq!(looked.code(), Some(0), "{}", looked.stdout);
        found.extend(every.text("postern doctor", looked.stdout + &looked.stderr));
    }

    // What goes wrong is talkative too: no key, a wrong key, a used pass, a foreign host, a foreign page.
    let http = reqwest::Client::builder().no_proxy().build()?;
    let api = format!("{url}/api/admin/version");
    for (request, status) in [
        (http.get(&api), 401),
        (http.get(&api).basic_auth("postern", Some("wrong")), 401),
        (http.get(pass.replace("prod.localhost", "127.0.0.1")), 403),
        (http.get(&api).basic_auth("postern", Some(&local_key)).header("Host", "evil.example"), 403),
        (http.get(&api).basic_auth("postern", Some(&local_key)).header("Origin", "http://evil.example"), 403),
    ] {
        let answer = request.send().await?;
        assert_eq!(answer.status().as_u16(), status);
        found.extend(every.text("a refusal", format!("{:?}", answer.headers())));
        found.extend(every.text("a refusal", answer.text().await?));
    }

    // While all of it runs: arguments, and the environments of all but those who were given a secret that way.
    found.extend(every.arguments()?);
    let given = [serving.process.id(), scene.prefect.id()];
    found.extend(remote.environments(&given)?);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", serving.process.id()))?;
    let core = limits.lines().find_map(|line| line.strip_prefix("Max core file size")).unwrap_or_default();
    assert_eq!(core.split_whitespace().collect::<Vec<_>>(), ["0", "0", "bytes"], "no core dump holds a secret");
    held("H81");
    drop(stream);
    let profile = browser.close().await?;
    found.extend(every.files(profile.path())?);

    let ended = serving.process.terminate(LIMIT).await?;
    assert_eq!(ended.code(), Some(0));
    ensure!(ended.stderr.contains("TRACE"), "the log is not at its most talkative: {}", ended.stderr);
    found.extend(every.text("standard output", ended.stdout));
    found.extend(every.text("the log", ended.stderr));
    let assets = postern.home().join("config/cache/assets/profile-prod");
    ensure!(assets.read_dir()?.next().is_some(), "the cache that is looked through is empty");
    found.extend(every.files(postern.home())?);
    assert_eq!(found, Vec::<String>::new());
    held("H79");
    Ok(())
}

/// An event that came through a socket, from a program that has only the local key.
async fn events(environment: &BTreeMap<String, String>, scene: &Secured) -> anyhow::Result<(Process, Scratch)> {
    let home = Scratch::new("home")?;
    let mut command = venv(PREFECT)?.command("prefect");
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", home.path()).envs(environment);
    // Not a terminal: so Python must be told to write line by line.
    command.args(["events", "stream"]).env("PYTHONUNBUFFERED", "1");
    let mut stream = Process::spawn("stream", command, &home)?;
    scene.prefect.api()?.until_streamed(&mut stream, LIMIT).await?;
    Ok((stream, home))
}
