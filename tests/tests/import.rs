//! What Prefect's own commands have written on this machine becomes profiles, and those connect. Prefect, its server
//! and the edge are real; so is the keychain that the command line saves to.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use postern_control::Secret;
use postern_control::controller::{AtStart, Connection, Controller, Event, Options, State};
use postern_control::folders::Folders;
use postern_control::import::{Surroundings, find};
use postern_control::profile::{ProfileId, Slot};
use postern_control::vault::Vault;
use postern_control::view::{ImportState, manager};
use postern_tests::canary::Sweep;
use postern_tests::desktop::Desktop;
use postern_tests::postern;
use postern_tests::process::run;
use postern_tests::python::{PREFECT, venv};
use postern_tests::scratch::Scratch;
use postern_tests::secured::Secured;
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(120);

/// A home in which this Prefect has a profile `prod`, with these settings.
async fn profile(version: &str, home: &Path, settings: &[(&str, &str)]) -> anyhow::Result<()> {
    let output = Scratch::new("prefect")?;
    let pairs: Vec<String> = settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let set: Vec<&str> = ["-p", "prod", "config", "set"].into_iter().chain(pairs.iter().map(String::as_str)).collect();
    for arguments in [&["profile", "create", "prod"][..], &set] {
        let mut command = venv(version)?.command("prefect");
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", home).current_dir(home).args(arguments);
        run("prefect", command, "", &output, LIMIT).await?.success()?;
    }
    Ok(())
}

fn surroundings(home: &Path) -> Surroundings {
    Surroundings { folder: Some(PathBuf::from(home)), home: Some(PathBuf::from(home)), variables: Vec::new() }
}

#[tokio::test]
async fn what_each_prefect_writes_is_read() -> anyhow::Result<()> {
    let address = ("PREFECT_API_URL", "https://prefect.example.com/p/api");
    let verify = ("PREFECT_API_TLS_INSECURE_SKIP_VERIFY", "true");
    let (key, auth) = (("PREFECT_API_KEY", "t0ken"), ("PREFECT_API_AUTH_STRING", "admin:pass\"wo'rd\\"));
    let headers = ("PREFECT_CLIENT_CUSTOM_HEADERS", r#"{"X-Key": "a\"b", "X-Other": "c"}"#);
    for (version, settings, expected) in [
        ("prefect-2.14.21", &[address, key, verify][..], "token, certificate not verified"),
        ("prefect-3.0.11", &[address, key], "token"),
        ("prefect-3.4.25", &[address, auth, verify], "auth string of admin, certificate not verified"),
        (PREFECT, &[address, auth, headers], "auth string of admin, header X-Key, header X-Other"),
    ] {
        let home = Scratch::new("home")?;
        profile(version, home.path(), settings).await?;
        let found = find(&surroundings(home.path()));
        assert_eq!(found.troubles, [], "{version}");
        let prod = found.candidates.iter().find(|candidate| candidate.key == "prod").context("not found")?;
        assert_eq!(
            (&*prod.draft.url, prod.contents().join(", ").as_str()),
            ("https://prefect.example.com/p", expected)
        );
        let file = fs::read_to_string(home.join(".prefect/profiles.toml"))?;
        let line = 1 + file.lines().position(|line| line.starts_with("PREFECT_API_URL")).context("no address")?;
        assert!(prod.spot.to_string().ends_with(&format!(".prefect/profiles.toml, line {line}")), "{}", prod.spot);
    }
    Ok(())
}

#[tokio::test]
async fn an_imported_server_connects_and_no_secret_is_shown_on_the_way() -> anyhow::Result<()> {
    let secured = Secured::shared().await?;
    let (home, config) = (Scratch::new("home")?, Scratch::new("config")?);
    let api = format!("{}/api", secured.nginx.origin());
    let settings = [("PREFECT_API_URL", &*api), ("PREFECT_API_AUTH_STRING", &secured.login.auth_string())];
    profile(PREFECT, home.path(), &settings).await?;

    let vault = Vault::memory();
    let (handle, _) = Controller::start(Options {
        folders: Folders::at(config.path())?,
        vault: vault.clone(),
        at_start: AtStart::Always,
        activity: None,
        surroundings: surroundings(home.path()),
    });
    let until = async |condition: &dyn Fn(&State) -> bool| {
        let mut state = handle.state();
        tokio::time::timeout(LIMIT, state.wait_for(|state| condition(state))).await.context("never")??;
        anyhow::Ok(())
    };
    let done = |state: &State| {
        let candidates = manager(state).import?.candidates?;
        let prod = candidates.into_iter().find(|candidate| candidate.key == "prod")?;
        if let ImportState::Done { id, left } = prod.state { Some((id, left)) } else { None }
    };
    handle.send(Event::FindImports);
    until(&|state| manager(state).import.is_some_and(|import| import.candidates.is_some())).await?;
    handle.send(Event::Import(vec!["prod".to_owned()]));
    until(&|state| done(state).is_some()).await?;
    let (id, left) = done(&handle.state().borrow()).context("not imported")?;
    assert!(left.is_some_and(|left| left.contains(".prefect/profiles.toml, line")));
    let id: ProfileId = id.parse()?;
    until(&|state| state.entry(&id).is_some_and(|entry| matches!(entry.connection, Connection::Up { .. }))).await?;
    assert_eq!(vault.get(&id, &Slot::PrefectPassword).await?, Some(Secret::new(secured.login.password.clone())));

    let sweep = Sweep::default().with_login("the password", &secured.login);
    let state = handle.state().borrow().clone();
    let mut leaks = sweep.text("the state's Debug", format!("{state:?}"));
    leaks.extend(sweep.text("the page", serde_json::to_string(&manager(&state))?));
    leaks.extend(sweep.files(config.path())?);
    assert_eq!(leaks, Vec::<String>::new());
    handle.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn the_command_line_imports_to_the_keychain_and_leaves_prefects_file_as_it_is() -> anyhow::Result<()> {
    let secured = Secured::shared().await?;
    let desktop = Desktop::start().await?;
    let api = format!("{}/api", secured.nginx.origin());
    let headers = serde_json::json!({ "X-Tenant": secured.login.password }).to_string();
    let settings = [
        ("PREFECT_API_URL", &*api),
        ("PREFECT_API_AUTH_STRING", &secured.login.auth_string()),
        ("PREFECT_CLIENT_CUSTOM_HEADERS", &headers),
    ];
    profile(PREFECT, &desktop.home(), &settings).await?;
    let file = desktop.home().join(".prefect/profiles.toml");
    let before = fs::read(&file)?;

    let binary = postern::binary().await?;
    let output = Scratch::new("output")?;
    let postern = async |arguments: &[&str]| {
        let mut command = desktop.command(&binary);
        command.env("POSTERN_LOG", "trace").args(arguments);
        run("postern", command, "", &output, LIMIT).await
    };
    let mut said = postern(&["prefect", "import"]).await?.success()?;
    assert!(said.contains("prod\n") && said.contains("auth string of admin, header X-Tenant"), "{said}");
    let added = postern(&["--json", "prefect", "import", "prod"]).await?.success()?;
    let told: Value = serde_json::from_str(&added)?;
    assert_eq!((&told["imported"][0]["id"], &told["failed"]), (&Value::from("prod"), &Value::Array(Vec::new())));
    // Its own look at the server, with what the keychain has now.
    let doctor = postern(&["doctor", "prod"]).await?;
    assert_eq!(doctor.code(), Some(0), "{}{}", doctor.stdout, doctor.stderr);
    let again = postern(&["prefect", "import", "--all"]).await?.success()?;
    assert!(!again.contains("Imported prod"), "{again}");
    let listed = postern(&["prefect", "import"]).await?.success()?;
    assert!(listed.contains("“prod” leads to this server already."), "{listed}");

    assert_eq!(fs::read(&file)?, before);
    said.extend([added, doctor.stdout, doctor.stderr, again, listed]);
    let sweep = Sweep::default().with_login("the password", &secured.login);
    let mut leaks = sweep.text("what postern says", said);
    leaks.extend(sweep.files(output.path())?);
    leaks.extend(sweep.files(&desktop.home().join(".config/postern"))?);
    assert_eq!(leaks, Vec::<String>::new());
    Ok(())
}
