//! When things go wrong: what the desktop program writes down, what it says at its next start, and what it does
//! where the keychain is locked or not there.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use postern_tests::acceptance::held;
use postern_tests::canary::Sweep;
use postern_tests::desktop::panel::Panel;
use postern_tests::desktop::window::Window;
use postern_tests::desktop::{Desktop, app, profile};
use postern_tests::postern::binary;
use postern_tests::process::run;
use postern_tests::secured::Secured;
use postern_tests::wait::{free_port, until};
use zbus::MessageStream;
use zbus::export::ordered_stream::OrderedStreamExt as _;

const LIMIT: Duration = Duration::from_secs(60);

fn logs(desktop: &Desktop) -> PathBuf {
    desktop.home().join(".local/state/postern/logs")
}

fn log(desktop: &Desktop) -> String {
    let read = |name| fs::read_to_string(logs(desktop).join(name)).unwrap_or_default();
    read("postern.old.log") + &read("postern.log")
}

fn mode(path: &Path) -> anyhow::Result<u32> {
    Ok(fs::metadata(path)?.permissions().mode() & 0o777)
}

#[tokio::test]
async fn a_start_that_meets_one_that_is_ending_is_the_first() -> anyhow::Result<()> {
    let desktop = Desktop::start().await?;
    let panel = Panel::start(&desktop).await?;
    let ending = desktop.connect().await?;
    ending.request_name("dev.postern.Postern.SingleInstance").await?;
    let mut calls = MessageStream::from(&ending);
    let mut postern = app::start(&desktop, &["--hidden"])?;
    until("a start that hands over", LIMIT, async || {
        let call = calls.next().await.context("the bus is gone")??;
        Ok(call.header().member().is_some_and(|member| member == "ExecuteCallback").then_some(()))
    })
    .await?;
    // It ends without a word, as one does that is killed.
    drop(calls);
    ending.close().await?;
    panel.icon().await?.click(&["Quit"]).await?;
    postern.succeeds(LIMIT).await
}

#[tokio::test]
async fn the_log_has_what_happened_and_no_secret_however_much_it_says() -> anyhow::Result<()> {
    let secured = Secured::shared().await?;
    let desktop = Desktop::start().await?;
    let panel = Panel::start(&desktop).await?;
    let port = free_port()?;
    let user = &secured.login.username;
    let edge = format!("[profile.edge]\nkind = \"basic\"\nusername = \"{user}\"\n");
    let both = format!("{edge}[profile.prefect]\nusername = \"{user}\"\n");
    let header = "[[profile.header]]\nname = \"X-Token\"\n";
    let wrong = "wrong-canary-4f1c0aa2";
    desktop.write_profiles(
        &[
            profile("server", &secured.nginx.origin(), port) + &both + header + "\n",
            profile("refused", &secured.nginx.origin(), free_port()?) + &edge + "\n",
            profile("away", &format!("http://127.0.0.1:{}", free_port()?), free_port()?),
        ]
        .concat(),
    )?;
    fs::write(desktop.profiles_file().with_file_name("settings.toml"), "log = \"trace\"\n")?;
    for slot in ["edge-password", "prefect-password"] {
        desktop.put_secret(&format!("server/{slot}"), &secured.login.password).await?;
    }
    let token = "header-canary-93be77d1";
    desktop.put_secret("server/header-x-token", token).await?;
    desktop.put_secret("refused/edge-password", wrong).await?;

    let mut postern = app::start(&desktop, &["--hidden"])?;
    let icon = panel.icon().await?;
    let told = ["server — connected", "refused — not connected", "away — not connected"];
    icon.until("how each server is", |menu| told.iter().all(|line| menu.contains(line))).await?;
    let key = desktop.secret("server/local-key").await?.context("no local key in the keychain")?;
    let query = "query-canary-0b6d2e55";
    let asks = async |header: &str, path: &str| {
        let mut shell = desktop.command("sh");
        let address = format!("http://127.0.0.1:{port}{path}");
        let line = format!("printf 'Authorization: {header} %s\\n' \"$KEY\" | curl -s --header @- '{address}'");
        shell.args(["-c", &line]).env("KEY", &key);
        run("curl", shell, "", desktop.scratch(), LIMIT).await?.success()
    };
    assert_eq!(asks("Bearer", &format!("/api/admin/version?token={query}")).await?, "\"3.8.8\"");
    // Turned away, not there, and the person's own window.
    asks("Bearer not", "/api/admin/version").await?;
    asks("Bearer", "/api/nothing-of-that-name").await?;
    icon.click(&["server", "Open"]).await?;
    desktop.window("server — Prefect").await?;
    icon.click(&["server", "Copy as environment"]).await?;
    icon.click(&["Quit"]).await?;
    postern.succeeds(LIMIT).await?;

    let log = log(&desktop);
    for said in ["TRACE", "the log goes on", "/api/admin/version", "Not connected", "edge_credential_wrong", "DEBUG"] {
        ensure!(log.contains(said), "the log does not say {said}");
    }
    let sweep = Sweep::default()
        .with_login("the server's password", &secured.login)
        .with("the local key", &key)
        .with("a header", token)
        .with("a query", query)
        .with("a wrong password", wrong);
    assert_eq!(sweep.files(&desktop.home().join(".local/state"))?, Vec::<String>::new());
    held("H79");
    assert_eq!(mode(&logs(&desktop))?, 0o700);
    assert_eq!(mode(&logs(&desktop).join("postern.log"))?, 0o600);
    Ok(())
}

#[tokio::test]
async fn how_much_is_logged_is_set_in_the_manager_and_holds_at_once() -> anyhow::Result<()> {
    let desktop = Desktop::start().await?;
    desktop.write_profiles(&(profile("server", "http://127.0.0.1:9", free_port()?) + "connect = \"on-demand\"\n"))?;
    let window = Window::start(&desktop, &[]).await?;
    window.click("settings").await?;
    window.until_shown(&["Log", "8 MiB at most"]).await?;
    window.find("//*[@id='field-log']/option[@value='debug']").await?.click().await?;
    let file = desktop.profiles_file().with_file_name("settings.toml");
    until("the setting", LIMIT, async || {
        let saved = fs::read_to_string(&file).is_ok_and(|text| text.contains("log = \"debug\""));
        Ok((saved && log(&desktop).contains("level=\"debug\"")).then_some(()))
    })
    .await?;
    window.screenshot("manager-settings").await?;
    window.click("open-logs").await?;
    let opened = until("a folder", LIMIT, async || Ok(desktop.opened().pop())).await?;
    assert_eq!(Path::new(&opened), logs(&desktop));
    Ok(())
}

/// Ends the app by a signal, and waits until it is gone: the next one must not take it for a first instance.
async fn end(window: Window, signal: Signal) -> anyhow::Result<()> {
    let id = window.app().context("no process of the app's")?;
    kill(Pid::from_raw(id.try_into()?), signal)?;
    let only = BTreeSet::from([id]);
    until("the app's end", LIMIT, async || Ok(app::alive(&only).is_empty().then_some(()))).await?;
    window.end().await
}

#[tokio::test]
async fn an_end_that_nobody_asked_for_is_told_at_the_next_start_and_only_then() -> anyhow::Result<()> {
    let desktop = Desktop::start().await?;
    let panel = Panel::start(&desktop).await?;
    desktop.write_profiles(&(profile("server", "http://127.0.0.1:9", free_port()?) + "connect = \"on-demand\"\n"))?;
    let note = desktop.home().join(".local/state/postern/running.toml");
    let told = "Postern ended unexpectedly";

    // As a system that shuts down ends it.
    let postern = app::start(&desktop, &["--hidden"])?;
    panel.icon().await?;
    until("the note of a run", LIMIT, async || Ok(note.exists().then_some(()))).await?;
    assert_eq!(mode(&note)?, 0o600);
    assert_eq!(postern.terminate(LIMIT).await?.code(), Some(0));
    ensure!(!note.exists(), "a clean end leaves a note");

    let window = Window::start(&desktop, &[]).await?;
    window.until_shown(&["server"]).await?;
    let text = window.text().await?;
    ensure!(!text.contains(told), "{text}");
    end(window, Signal::SIGKILL).await?;

    let window = Window::start(&desktop, &[]).await?;
    window.until_shown(&[told, "some time after", "Save report…", "Dismiss"]).await?;
    window.screenshot("manager-crash").await?;
    window.click("dismiss-crash").await?;
    until("no word of it", LIMIT, async || Ok((!window.text().await?.contains(told)).then_some(()))).await?;
    end(window, Signal::SIGTERM).await?;
    ensure!(!note.exists(), "a clean end leaves a note");

    // What a run has noted itself is told with it.
    let noted = "version = \"0.0.1\"\n\n[mistake]\nat = 1700000000\nplace = \"src/somewhere.rs:1:2\"\n";
    fs::write(&note, noted)?;
    let window = Window::start(&desktop, &[]).await?;
    window.until_shown(&[told, "2023", "src/somewhere.rs:1:2"]).await?;
    Ok(())
}

/// A report's files, and all of their text.
fn unpacked(path: &Path) -> anyhow::Result<(Vec<String>, String)> {
    let mut archive = zip::ZipArchive::new(File::open(path)?)?;
    let (mut names, mut texts) = (Vec::new(), String::new());
    for index in 0..archive.len() {
        let mut file = archive.by_index(index)?;
        names.push(file.name()?.into_owned());
        file.read_to_string(&mut texts)?;
    }
    Ok((names, texts))
}

#[tokio::test]
async fn a_report_is_saved_from_the_manager_and_the_command_line_and_no_secret_is_in_it() -> anyhow::Result<()> {
    let secured = Secured::shared().await?;
    let desktop = Desktop::start().await?;
    let user = &secured.login.username;
    let edge = format!("[profile.edge]\nkind = \"basic\"\nusername = \"{user}\"\n\n");
    let wrong = "wrong-canary-71c9ab30";
    desktop.write_profiles(
        &[
            profile("coyote", &secured.nginx.origin(), free_port()?) + &edge,
            profile("roadrunner", &secured.nginx.origin(), free_port()?) + &edge,
        ]
        .concat(),
    )?;
    fs::write(desktop.profiles_file().with_file_name("settings.toml"), "log = \"trace\"\n")?;
    desktop.put_secret("coyote/edge-password", &secured.login.password).await?;
    desktop.put_secret("roadrunner/edge-password", wrong).await?;

    let window = Window::start(&desktop, &[]).await?;
    window.until_shown(&["Connected", "Not connected"]).await?;
    window.find("//*[@id='server-roadrunner']").await?.click().await?;
    window.click("check-again").await?;
    window.until_shown(&["Look for the cause again"]).await?;
    window.click("settings").await?;
    let mut saved = Vec::new();
    for names_too in [false, true] {
        if names_too {
            window.click("field-report-nameless").await?;
        }
        window.click("save-report").await?;
        saved.push(
            until("a report", LIMIT, async || {
                let path = window.find("//*[@id='report-saved']//code").await?.text().await?;
                Ok((!saved.contains(&path)).then_some(path))
            })
            .await?,
        );
        window.until_shown(&["Read it before you send it"]).await?;
    }
    window.screenshot("manager-report").await?;

    let key = desktop.secret("coyote/local-key").await?.context("no local key in the keychain")?;
    let sweep = Sweep::default()
        .with_login("the server's password", &secured.login)
        .with("the local key", &key)
        .with("a wrong password", wrong);
    let whole = |names: &[String]| {
        let expected = ["README.txt", "versions.txt", "state.txt", "profiles.toml", "settings.toml", "log/postern.log"];
        names.first().is_some_and(|first| first == expected[0])
            && expected.iter().all(|name| names.iter().any(|other| other == name))
    };
    for (path, names_too) in saved.iter().zip([false, true]) {
        assert_eq!(mode(Path::new(path))?, 0o600);
        let (names, text) = unpacked(Path::new(path))?;
        ensure!(whole(&names), "{names:?}");
        ensure!(names.iter().any(|name| name.starts_with("diagnosis/")), "{names:?}");
        for said in ["TRACE", "edge_credential_wrong", "WebView: 2."] {
            ensure!(text.contains(said), "the report does not say {said}");
        }
        assert_eq!(sweep.text("the report", &text), Vec::<String>::new());
        for private in ["coyote", "roadrunner"] {
            assert_eq!(text.contains(private), names_too, "{private}");
        }
    }

    let mut postern = desktop.command(binary().await?);
    let file = desktop.home().join("to-send.zip");
    postern.args(["report", "--share", "--doctor", "roadrunner", "--output"]).arg(&file);
    let said = run("postern", postern, "", desktop.scratch(), LIMIT).await?.success()?;
    ensure!(said.contains("to-send.zip") && said.contains("Read it before you send it"), "{said}");
    let (names, text) = unpacked(&file)?;
    ensure!(names.contains(&"diagnosis/ID-2.json".to_owned()), "{names:?}");
    ensure!(text.contains("edge_credential_wrong") && !text.contains("roadrunner"), "{text}");
    assert_eq!(sweep.text("the report", &text), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn without_a_keychain_secrets_can_be_in_memory_and_nothing_of_them_is_left() -> anyhow::Result<()> {
    let secured = Secured::shared().await?;
    let desktop = Desktop::without_keychain().await?;
    let user = &secured.login.username;
    let edge = format!("[profile.edge]\nkind = \"basic\"\nusername = \"{user}\"\n");
    let port = free_port()?;

    // Before there is anything to save, too.
    let window = Window::start(&desktop, &[]).await?;
    window.until_shown(&["Add your first server", "no keychain service", "when Postern ends they are gone"]).await?;
    window.screenshot("manager-no-keychain-first").await?;
    window.end().await?;

    desktop.write_profiles(&(profile("server", &secured.nginx.origin(), port) + &edge))?;
    let window = Window::start(&desktop, &[]).await?;
    let offer = "Keep secrets in memory for this session only";
    window.until_shown(&["Not connected", "This machine has no keychain service that answers", offer]).await?;
    window.screenshot("manager-no-keychain").await?;
    window.click("memory").await?;
    window.until_shown(&["Passwords and tokens are in memory", "when Postern ends they are gone"]).await?;
    window.until_shown(&["edge-password", "not in memory"]).await?;
    window.click("edit").await?;
    window.type_into("field-edge-password", &secured.login.password).await?;
    window.click("save").await?;
    window.until_shown(&["Connected", "saved in memory"]).await?;
    window.screenshot("manager-in-memory").await?;
    window.end().await?;

    let sweep = Sweep::default().with_login("the server's password", &secured.login);
    assert_eq!(sweep.files(desktop.scratch().path())?, Vec::<String>::new());
    held("H80");
    let window = Window::start(&desktop, &[]).await?;
    window.until_shown(&["Not connected", "This machine has no keychain service that answers", offer]).await?;
    Ok(())
}

#[tokio::test]
async fn a_locked_keychain_is_waited_for_and_the_waiting_can_be_ended() -> anyhow::Result<()> {
    let secured = Secured::shared().await?;
    let desktop = Desktop::start().await?;
    let user = &secured.login.username;
    let edge = format!("[profile.edge]\nkind = \"basic\"\nusername = \"{user}\"\n\n");
    desktop.write_profiles(
        &[
            profile("server", &secured.nginx.origin(), free_port()?) + &edge,
            profile("second", &secured.nginx.origin(), free_port()?) + &edge,
        ]
        .concat(),
    )?;
    for id in ["server", "second"] {
        desktop.put_secret(&format!("{id}/edge-password"), &secured.login.password).await?;
    }
    desktop.lock_keychain().await?;

    let waiting = "Waiting for your keychain to be unlocked";
    let window = Window::start(&desktop, &[]).await?;
    window.until_shown(&[waiting, "Cancel"]).await?;
    let label = window.find("//*[@id='state-label']").await?.text().await?;
    assert_eq!(label, waiting);
    let prompt = prompt(&desktop).await?;
    window.screenshot("manager-unlocking").await?;
    desktop.screenshot(None, "keychain-locked").await?;

    // The program goes on meanwhile.
    window.click("settings").await?;
    window.until_shown(&["Notices"]).await?;
    window.click("settings-done").await?;

    window.click("cancel-unlocking").await?;
    window.until_shown(&["Not connected", "The keychain is locked and waits to be unlocked.", "Try again"]).await?;
    window.screenshot("manager-locked").await?;
    window.click("try-again").await?;
    window.until_shown(&[waiting]).await?;

    // Who dismisses the prompt is asked once, for both servers.
    desktop.close(&prompt)?;
    window.until_shown(&["The keychain refused access", "Try again"]).await?;

    window.click("try-again").await?;
    let prompt = self::prompt(&desktop).await?;
    // It takes keys once it is painted.
    desktop.screenshot(Some(&prompt), "keychain-prompt").await?;
    desktop.type_into(&prompt, "keyring").await?;
    // Both: what was refused is asked for again, now that it is given.
    until("two connected servers", LIMIT, async || {
        Ok((window.text().await?.matches("\nConnected").count() >= 2).then_some(()))
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn a_keychain_that_crashes_over_its_prompt_is_told_and_serves_again_once_it_is_back() -> anyhow::Result<()> {
    let mut desktop = Desktop::start().await?;
    let (nobody, edge) = (free_port()?, "[profile.edge]\nkind = \"basic\"\nusername = \"alice\"\n");
    desktop.write_profiles(&(profile("server", &format!("http://127.0.0.1:{nobody}"), free_port()?) + edge))?;
    desktop.put_secret("server/edge-password", "s3cret").await?;
    desktop.lock_keychain().await?;

    let window = Window::start(&desktop, &[]).await?;
    prompt(&desktop).await?;
    window.until_shown(&["Waiting for your keychain to be unlocked"]).await?;
    desktop.break_keychain();
    window.until_shown(&["Not connected", "it went away while Postern waited for it", "Try again"]).await?;
    desktop.mend_keychain().await?;
    window.click("try-again").await?;
    // It has the secret, and asks the server.
    window.until_shown(&[&format!("127.0.0.1:{nobody} cannot be reached")]).await?;
    Ok(())
}

/// The keychain's own window.
async fn prompt(desktop: &Desktop) -> anyhow::Result<postern_tests::desktop::XWindow> {
    until("the keychain's prompt", LIMIT, async || {
        let windows = desktop.windows()?;
        Ok(windows.into_iter().find(|window| !window.title.contains("Postern")))
    })
    .await
}
