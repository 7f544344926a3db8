//! The desktop app as a person meets it: tray, manager, dashboards, keychain. Everything is real but the
//! panel, which is only its D-Bus side.

use std::collections::BTreeSet;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use postern_tests::acceptance::held;
use postern_tests::canary::Sweep;
use postern_tests::desktop::machine::Machine;
use postern_tests::desktop::notices::Notices;
use postern_tests::desktop::panel::Panel;
use postern_tests::desktop::portal::{Portal, Scheme};
use postern_tests::desktop::window::Window;
use postern_tests::desktop::{Desktop, app, profile};
use postern_tests::nginx::{Nginx, Site};
use postern_tests::prefect::Login;
use postern_tests::process::{Process, run};
use postern_tests::secured::Secured;
use postern_tests::wait::{free_port, until};

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_server_typed_into_the_manager_once_is_one_click_in_the_tray_from_then_on() -> anyhow::Result<()> {
    let secured = Secured::shared().await?;
    let (url, user, password) = (secured.nginx.origin(), &secured.login.username, &secured.login.password);
    let desktop = Desktop::start().await?;
    let panel = Panel::start(&desktop).await?;

    // The first day: a double-click, the address, and what the server asks for.
    let window = Window::start(&desktop, &[]).await?;
    let family = app::family(window.app().context("no process of the app's")?);
    window.until_shown(&["Add your first server"]).await?;
    window.screenshot("manager-empty").await?;
    window.type_into("field-url", &url).await?;
    window.type_into("field-edge-username", user).await?;
    window.type_into("field-edge-password", password).await?;
    window.click("save").await?;
    window.until_shown(&["Connected: Prefect 3.8.8", "Save and open"]).await?;
    window.screenshot("manager-added").await?;
    window.find("//*[@id='field-name']").await?.clear().await?;
    window.type_into("field-name", "Production").await?;
    // As a person does: it lies behind the form's buttons.
    let red = window.find("//label[contains(., 'Red')]").await?;
    window.driver().execute("arguments[0].scrollIntoView()", vec![serde_json::to_value(&red)?]).await?;
    red.click().await?;
    window.click("save").await?;
    window.until_shown(&["Production", "Connected", "Prefect 3.8.8"]).await?;
    let dashboard = desktop.window("Production — Prefect").await?;
    desktop.close(&dashboard)?;
    desktop.until_closed(&dashboard.title).await?;
    window.screenshot("manager-server").await?;

    assert_eq!(desktop.secret("production/edge-password").await?.as_deref(), Some(password.as_str()));
    let icon = panel.icon().await?;
    icon.until("a connected server", |menu| menu.contains("Production — connected")).await?;
    let family = &family | &app::family(window.app().context("no process of the app's")?);
    icon.click(&["Quit"]).await?;
    until_gone(&family).await?;

    // From then on: it starts with the session and shows nothing but its icon.
    let panel = {
        drop((icon, panel));
        Panel::start(&desktop).await?
    };
    let mut postern = app::start(&desktop, &["--hidden"])?;
    let icon = panel.icon().await?;
    let menu = icon.until("a connected server", |menu| menu.contains("Production — connected")).await?;
    assert!(icon.menu().await?.first().is_some_and(|line| line.pictured), "the profile's colour");
    assert_eq!(icon.tooltip().await?, "Postern: Production is connected");
    let (first, rest) = menu.split_once('\n').context("one line")?;
    assert!(first.starts_with("Production — connected, ") && first.ends_with(" ms"), "{first}");
    insta::assert_snapshot!(rest, @r"
        [x] Connect
        Open
        Open in browser
        ----
        Copy API URL
        Copy as environment
        Run diagnosis
    ----
    New server…
    Manage…
    [ ] Start at login
    Quit
    ");
    desktop.until_same_picture(&icon, "tray-on@2x.png").await?;
    assert_eq!(desktop.windows()?, []);
    let port = port(&desktop)?;

    icon.click(&["Production", "Connect"]).await?;
    icon.until("a server that is off", |menu| menu.contains("Production — off")).await?;
    until_closed(port).await?;
    icon.click(&["Production", "Connect"]).await?;
    icon.until("a connected server", |menu| menu.contains("Production — connected")).await?;
    TcpStream::connect(("127.0.0.1", port))?;

    let before = secured.nginx.requests()?.len();
    icon.click(&["Production", "Open"]).await?;
    let dashboard = desktop.window("Production — Prefect").await?;
    until("the dashboard's calls of the API", LIMIT, async || {
        let requests = secured.nginx.requests()?;
        let filters = requests[before..].iter().filter(|line| line.starts_with("200 POST /api/flow_runs/"));
        Ok((filters.count() >= 2).then_some(()))
    })
    .await?;
    let refused: Vec<_> =
        secured.nginx.requests()?.split_off(before).into_iter().filter(|line| line.starts_with("401")).collect();
    assert_eq!(refused, Vec::<String>::new());
    desktop.screenshot(Some(&dashboard), "dashboard").await?;

    // Closing windows does not end it; opening again opens again.
    desktop.close(&dashboard)?;
    desktop.until_closed(&dashboard.title).await?;
    icon.click(&["Production", "Open"]).await?;
    desktop.window("Production — Prefect").await?;

    // A gateway that stands anew knows no sessions: the open window is let in again, whatever started it.
    for starts in ["Connect", "Open"] {
        icon.click(&["Production", "Connect"]).await?;
        icon.until("a server that is off", |menu| menu.contains("Production — off")).await?;
        let before = secured.nginx.requests()?.len();
        icon.click(&["Production", starts]).await?;
        until("the page's calls of the API", LIMIT, async || {
            let requests = secured.nginx.requests()?;
            Ok(requests[before..].iter().any(|line| line.starts_with("200 POST /api/flow_runs/")).then_some(()))
        })
        .await?;
    }

    icon.click(&["Production", "Copy API URL"]).await?;
    let api = format!("http://127.0.0.1:{port}/api");
    until("the address on the clipboard", LIMIT, async || Ok((desktop.clipboard().await? == api).then_some(())))
        .await?;
    icon.click(&["Production", "Open in browser"]).await?;
    let opened = until("an address for the browser", LIMIT, async || Ok(desktop.opened().pop())).await?;
    assert!(opened.starts_with(&format!("http://production.localhost:{port}/.postern/enter?pass=")), "{opened}");

    let sweep = Sweep::default().with_login("the server's password", &secured.login);
    assert_eq!(sweep.arguments()?, Vec::<String>::new());
    assert_eq!(sweep.environments(&[secured.prefect.id()])?, Vec::<String>::new());

    icon.click(&["Production", "Connect"]).await?;
    until_closed(port).await?;
    let family = app::family(postern.id());
    icon.click(&["Quit"]).await?;
    postern.succeeds(LIMIT).await?;
    until_gone(&family).await?;

    // The dashboard first, so that it can be looked into: no login page, and no way to one.
    let window = Window::start(&desktop, &["--open", "production"]).await?;
    window.until_shown(&["Flow Runs", "larch-flow"]).await?;
    let text = window.text().await?;
    assert!(!text.to_lowercase().contains("password"), "{text}");
    let icon = panel.icon().await?;
    let family = app::family(window.app().context("no process of the app's")?);
    icon.click(&["Quit"]).await?;
    until_gone(&family).await?;

    let key = desktop.secret("production/local-key").await?.context("no local key in the keychain")?;
    let sweep = sweep.with("the local key", &key);
    assert_eq!(sweep.files(desktop.scratch().path())?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn each_trouble_says_what_it_is_in_the_tray_and_in_the_manager() -> anyhow::Result<()> {
    let secured = Secured::shared().await?;
    // An edge of its own: others count what theirs refuses.
    let site = Site { upstream: secured.prefect.origin(), basic: Some(secured.login.clone()), websockets: true };
    let edge = Nginx::start(site).await?;
    let (url, user) = (edge.origin(), &secured.login.username);
    let desktop = Desktop::start().await?;
    let panel = Panel::start(&desktop).await?;
    let taken = TcpListener::bind(("127.0.0.1", 0))?;
    let profile = |id: &str, url: &str, port: u16| {
        format!("{}\n[profile.edge]\nkind = \"basic\"\nusername = \"{user}\"\n\n", profile(id, url, port))
    };
    let dead = format!("http://127.0.0.1:{}", free_port()?);
    let profiles = [
        profile("wrong-password", &url, free_port()?),
        profile("server-down", &dead, free_port()?),
        profile("port-taken", &url, taken.local_addr()?.port()),
        profile("nothing-saved", &url, free_port()?),
    ];
    desktop.write_profiles(&profiles.concat())?;
    for id in ["wrong-password", "server-down", "port-taken"] {
        desktop.put_secret(&format!("{id}/edge-password"), "not the password").await?;
    }

    let window = Window::start(&desktop, &[]).await?;
    let icon = panel.icon().await?;
    let told = [
        ("wrong-password", "not connected", "The server's edge refuses the profile's credential."),
        ("server-down", "not connected", "cannot be reached"),
        ("port-taken", "port taken", &format!("port {}", taken.local_addr()?.port())),
        ("nothing-saved", "not connected", "edge-password"),
    ];
    let menu = icon
        .until("four troubles", |menu| told.iter().all(|(id, state, _)| menu.contains(&format!("{id} — {state}"))))
        .await?;
    for (id, _, said) in told {
        let line = menu.lines().skip_while(|line| !line.starts_with(id)).nth(1).unwrap_or_default();
        assert!(line.contains(said), "{menu}");
        window.find(&format!("//*[@id='server-{id}']")).await?.click().await?;
        window.until_shown(&[said]).await?;
    }
    desktop.until_same_picture(&icon, "tray-trouble@2x.png").await?;
    window.screenshot("manager-trouble").await?;
    Ok(())
}

#[tokio::test]
async fn the_tray_says_in_picture_and_words_what_is_so() -> anyhow::Result<()> {
    let answers = |answer: &'static str| {
        Nginx::configured(move |port| format!("server {{ listen 127.0.0.1:{port}; location / {{ {answer} }} }}"))
    };
    let well = answers("default_type application/json; return 200 '\"3.8.8\"';").await?;
    let guarded = answers("return 302 https://sso.example.com/authorize;").await?;
    let (dead, mute) = (free_port()?, TcpListener::bind(("127.0.0.1", 0))?);
    let desktop = Desktop::start().await?;
    let panel = Panel::start(&desktop).await?;
    let machine = Machine::start(&desktop).await?;
    let servers = [
        ("well", well.origin()),
        ("guarded", guarded.origin()),
        ("down", format!("http://127.0.0.1:{dead}")),
        ("mute", format!("http://{}", mute.local_addr()?)),
    ];
    let mut profiles = String::new();
    for (id, url) in &servers {
        profiles += &format!("{}connect = \"on-demand\"\n", profile(id, url, free_port()?));
    }
    desktop.write_profiles(&profiles)?;
    let mut postern = app::start(&desktop, &["--hidden"])?;
    let icon = panel.icon().await?;
    let says = async |sentence: &str, picture: &str| {
        let mut tooltip = String::new();
        let said = until("the sentence", LIMIT, async || {
            tooltip = icon.tooltip().await?;
            Ok((tooltip == sentence).then_some(()))
        });
        said.await.with_context(|| format!("it says: {tooltip}"))?;
        desktop.until_same_picture(&icon, &format!("tray-{picture}@2x.png")).await
    };
    let refused = format!("Postern: down: The server at 127.0.0.1:{dead} cannot be reached: it refuses connections.");
    for (id, sentence, picture) in [
        ("mute", "Postern: connecting to mute…", "off"),
        ("guarded", "Postern: guarded: The server's edge sends you to sso.example.com to sign in.", "sign-in"),
        ("down", &refused, "trouble"),
        ("well", "Postern: well is connected", "on"),
    ] {
        says("Postern: no server is connected", "off").await?;
        icon.click(&[id, "Connect"]).await?;
        says(sentence, picture).await?;
        if id != "well" {
            icon.click(&[id, "Connect"]).await?;
        }
    }
    // It says nothing any more, and the machine has slept.
    kill(Pid::from_raw(well.id().try_into()?), Signal::SIGSTOP)?;
    machine.sleeps_and_wakes().await?;
    says("Postern: checking well…", "off").await?;
    icon.click(&["guarded", "Connect"]).await?;
    icon.click(&["down", "Connect"]).await?;
    says("Postern: 2 servers are not connected", "trouble").await?;
    icon.click(&["Quit"]).await?;
    postern.succeeds(LIMIT).await?;
    Ok(())
}

#[tokio::test]
async fn activity_shows_what_goes_through_and_hands_on_no_credential() -> anyhow::Result<()> {
    let secured = Secured::shared().await?;
    let desktop = Desktop::start().await?;
    let port = free_port()?;
    let user = &secured.login.username;
    let login =
        format!("[profile.edge]\nkind = \"basic\"\nusername = \"{user}\"\n[profile.prefect]\nusername = \"{user}\"\n");
    desktop.write_profiles(&(profile("server", &secured.nginx.origin(), port) + &login))?;
    for slot in ["edge-password", "prefect-password"] {
        desktop.put_secret(&format!("server/{slot}"), &secured.login.password).await?;
    }
    let window = Window::start(&desktop, &[]).await?;
    window.until_shown(&["Connected", "Who uses it now", "None of server’s requests met one"]).await?;
    window.click("tab-activity").await?;
    window.until_shown(&["Nothing has gone through this door yet"]).await?;

    // As `postern env` has it.
    let key = desktop.secret("server/local-key").await?.context("no local key in the keychain")?;
    let asks = async |command: &str| {
        let mut shell = desktop.command("sh");
        shell.args(["-c", command]).env("PREFECT_API_KEY", &key);
        run("curl", shell, "", desktop.scratch(), LIMIT).await?.success()
    };
    let address = format!("'http://127.0.0.1:{port}/api/admin/version'");
    let canary = "canary-in-a-query";
    let with_query = address.replace("version'", &format!("version?token={canary}'"));
    let shown = r#"printf 'Authorization: Bearer %s\n' "$PREFECT_API_KEY" | curl --header @-"#;
    let answer = asks(&format!("{shown} --silent {with_query}")).await?;
    assert_eq!(answer, "\"3.8.8\"");
    asks(&format!("curl --silent {address}")).await?;
    window.until_shown(&["/api/admin/version", "200", "7 B", "Programs", "401", "Turned away", "2 requests"]).await?;

    window.find("//*[@role='row'][contains(., 'Programs')]").await?.click().await?;
    window.click("copy-curl").await?;
    let command = format!("{shown} {address}");
    until("the command on the clipboard", LIMIT, async || Ok((desktop.clipboard().await? == command).then_some(())))
        .await?;
    assert_eq!(asks(&command).await?, "\"3.8.8\"");
    window.until_shown(&["3 requests"]).await?;

    window.click("export").await?;
    let saved = window.find("//*[@id='saved']//code").await?.text().await?;
    let archive: serde_json::Value = serde_json::from_str(&fs::read_to_string(saved)?)?;
    let entries = archive["log"]["entries"].as_array().context("an archive has entries")?;
    let told: Vec<_> = entries.iter().map(|entry| (&entry["response"]["status"], &entry["_door"])).collect();
    let (ok, refused) = ((&200.into(), &"program".into()), (&401.into(), &"refused".into()));
    assert_eq!(told, [ok, refused, ok]);
    window.screenshot("manager-activity").await?;

    window.click("tab-overview").await?;
    window
        .until_shown(&["2 requests in the last 5 minutes", "Last faults", "lets in only those who prove themselves"])
        .await?;
    let sweep = Sweep::default().with_login("the server's password", &secured.login);
    let sweep = sweep.with("the local key", &key).with("a query", canary);
    assert_eq!(sweep.text("the window", window.text().await?), Vec::<String>::new());
    assert_eq!(sweep.files(desktop.scratch().path())?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_flood_of_requests_does_not_freeze_the_manager() -> anyhow::Result<()> {
    let answer = "default_type application/json; access_log off; keepalive_requests 1000000; return 200 '\"3.8.8\"';";
    let nginx =
        Nginx::configured(|port| format!("server {{ listen 127.0.0.1:{port}; location / {{ {answer} }} }}")).await?;
    let desktop = Desktop::start().await?;
    let port = free_port()?;
    desktop.write_profiles(&(profile("server", &nginx.origin(), port) + "local_programs = \"open\"\n"))?;
    let window = Window::start(&desktop, &[]).await?;
    window.until_shown(&["Connected"]).await?;
    window.click("tab-activity").await?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let over = Arc::<AtomicBool>::default();
    let asks: Vec<_> = (0..16)
        .map(|_| (client.clone(), Arc::clone(&over)))
        .map(|(client, over)| {
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let asked = client.get(format!("http://127.0.0.1:{port}/api/flows")).send();
                    asked.await?.error_for_status()?.bytes().await?;
                }
                anyhow::Ok(())
            })
        })
        .collect();
    window.until_shown(&["/api/flows", "2000 requests;"]).await?;
    let pressed = Instant::now();
    window.click("pause").await?;
    window.until_shown(&["What comes meanwhile is shown when you go on."]).await?;
    let answered = pressed.elapsed();
    let rows = window.driver().execute("return document.querySelectorAll('[role=row]').length", vec![]).await?;
    over.store(true, Ordering::Relaxed);
    for asked in asks {
        asked.await??;
    }
    assert!(answered < Duration::from_secs(10), "{answered:?} for a button");
    assert!(rows.as_u64().is_some_and(|rows| rows < 100), "{rows} rows are made");
    Ok(())
}

#[tokio::test]
async fn while_nobody_uses_it_next_to_nothing_wakes_it_up() -> anyhow::Result<()> {
    const STRETCH: Duration = Duration::from_secs(5);
    const FEW: u64 = 4;
    let answer = "default_type application/json; return 200 '\"3.8.8\"';";
    let nginx =
        Nginx::configured(|port| format!("server {{ listen 127.0.0.1:{port}; location / {{ {answer} }} }}")).await?;
    let desktop = Desktop::start().await?;
    let panel = Panel::start(&desktop).await?;
    desktop.write_profiles(&profile("server", &nginx.origin(), free_port()?))?;
    let mut postern = app::start(&desktop, &["--hidden"])?;
    let icon = panel.icon().await?;
    icon.until("a connected server", |menu| menu.contains("server — connected")).await?;
    let wakeups = || app::wakeups(postern.id()).values().map(|(_, count)| count).sum::<u64>();
    let (mut since, mut before, mut woke) = (Instant::now(), wakeups(), 0);
    let quiet = until("a quiet stretch", LIMIT, async || {
        if since.elapsed() < STRETCH {
            return Ok(None);
        }
        woke = wakeups().saturating_sub(before);
        (since, before) = (Instant::now(), wakeups());
        Ok((woke <= FEW).then_some(()))
    });
    quiet.await.with_context(|| format!("{woke} wake-ups in the last {STRETCH:?}"))?;
    icon.click(&["Quit"]).await?;
    postern.succeeds(LIMIT).await?;
    Ok(())
}

#[tokio::test]
async fn a_second_start_brings_the_first_to_the_front_and_ends_with_success() -> anyhow::Result<()> {
    let desktop = Desktop::start().await?;
    let panel = Panel::start(&desktop).await?;
    let dead = format!("http://127.0.0.1:{}", free_port()?);
    desktop.write_profiles(&format!("{}connect = \"on-demand\"\n", profile("server", &dead, free_port()?)))?;
    let mut first = app::start(&desktop, &["--hidden"])?;
    let icon = panel.icon().await?;
    assert_eq!(desktop.windows()?, []);

    let start = |arguments: &'static [&'static str]| app::start(&desktop, arguments);
    start(&["--hidden"])?.succeeds(LIMIT).await?;
    // What is asked for later has its effect later: when this has, a window would be there.
    icon.click(&["server", "Connect"]).await?;
    icon.until("the click's effect", |menu| menu.contains("server — not connected")).await?;
    assert_eq!(desktop.windows()?, []);
    start(&[])?.succeeds(LIMIT).await?;
    let manager = desktop.window("Postern").await?;

    // One with other profiles is another Postern.
    let elsewhere = desktop.scratch().join("elsewhere");
    let mut other = app::command(&desktop)?;
    other.arg("--config-dir").arg(&elsewhere);
    let mut other = Process::spawn("other", other, desktop.scratch())?;
    until("two windows", LIMIT, async || Ok((desktop.windows()?.len() == 2).then_some(()))).await?;
    assert_ne!(desktop.windows()?.first(), Some(&manager));
    start(&[])?.succeeds(LIMIT).await?;
    until("the first one on top", LIMIT, async || Ok((desktop.windows()?.first() == Some(&manager)).then_some(())))
        .await?;

    icon.click(&["Quit"]).await?;
    first.succeeds(LIMIT).await?;
    assert_eq!(other.exited()?, None);
    other.terminate(LIMIT).await?.success()?;
    Ok(())
}

#[tokio::test]
async fn without_a_tray_there_is_a_window_and_closing_it_ends_the_app() -> anyhow::Result<()> {
    let desktop = Desktop::start().await?;
    // Even one that is to stay hidden shows itself where nothing else does: without a panel, and with one that takes no
    // icon.
    for refuses in [false, true] {
        let _panel = if refuses { Some(Panel::refusing(&desktop).await?) } else { None };
        let mut postern = app::start(&desktop, &["--hidden"])?;
        let manager = desktop.window("Postern").await?;
        let family = app::family(postern.id());
        desktop.close(&manager)?;
        postern.succeeds(LIMIT).await?;
        until_gone(&family).await?;
    }

    // A panel that comes later is as good as one that was there before.
    let mut postern = app::start(&desktop, &[])?;
    let manager = desktop.window("Postern").await?;
    let panel = Panel::start(&desktop).await?;
    let icon = panel.icon().await?;
    desktop.close(&manager)?;
    desktop.until_closed("Postern").await?;
    icon.click(&["Add your first server"]).await?;
    desktop.window("Postern").await?;
    icon.click(&["Quit"]).await?;
    postern.succeeds(LIMIT).await?;
    drop((icon, panel));

    // With one that goes away goes the icon; one that comes again has it, be it that it takes none while it starts.
    for refuses in [false, true] {
        let panel = Panel::start(&desktop).await?;
        let mut postern = app::start(&desktop, &["--hidden"])?;
        drop((panel.icon().await?, panel));
        let manager = desktop.window("Postern").await?;
        let panel = if refuses { Panel::refusing(&desktop).await? } else { Panel::start(&desktop).await? };
        if refuses {
            panel.relent().await?;
        }
        let icon = panel.icon().await?;
        desktop.close(&manager)?;
        desktop.until_closed("Postern").await?;
        icon.click(&["Quit"]).await?;
        postern.succeeds(LIMIT).await?;
    }

    // One that answers nobody is none.
    let mut postern = app::start(&desktop, &[])?;
    let manager = desktop.window("Postern").await?;
    let _panel = Panel::hanging(&desktop).await?;
    desktop.close(&manager)?;
    postern.succeeds(LIMIT).await?;
    Ok(())
}

#[tokio::test]
async fn a_secret_that_came_in_a_variable_is_inherited_by_nobody() -> anyhow::Result<()> {
    let secured = Secured::shared().await?;
    let desktop = Desktop::start().await?;
    let panel = Panel::start(&desktop).await?;
    let login = format!("[profile.edge]\nkind = \"basic\"\nusername = \"{}\"\n", secured.login.username);
    desktop.write_profiles(&(profile("server", &secured.nginx.origin(), free_port()?) + &login))?;
    let mut postern = app::command(&desktop)?;
    postern.args(["--vault", "env", "--open", "server"]);
    postern.env("POSTERN_SECRET_SERVER_EDGE_PASSWORD", &secured.login.password);
    let mut postern = Process::spawn("postern-desktop", postern, desktop.scratch())?;
    let icon = panel.icon().await?;
    icon.until("a connected server", |menu| menu.contains("server — connected")).await?;
    desktop.window("server — Prefect").await?;
    let sweep = Sweep::default().with_login("the server's password", &secured.login);
    assert_eq!(sweep.environments(&[secured.prefect.id()])?, Vec::<String>::new());
    icon.click(&["Quit"]).await?;
    postern.succeeds(LIMIT).await?;
    Ok(())
}

#[tokio::test]
async fn a_signal_ends_it_as_quit_does() -> anyhow::Result<()> {
    let desktop = Desktop::start().await?;
    let postern = app::start(&desktop, &[])?;
    desktop.window("Postern").await?;
    let family = app::family(postern.id());
    postern.terminate(LIMIT).await?.success()?;
    until_gone(&family).await?;
    Ok(())
}

#[tokio::test]
async fn where_there_is_no_display_it_says_what_to_use_instead() -> anyhow::Result<()> {
    let desktop = Desktop::start().await?;
    let mut command = app::command(&desktop)?;
    command.env_remove("DISPLAY");
    let mut postern = Process::spawn("postern-desktop", command, desktop.scratch())?;
    assert_eq!(postern.wait(LIMIT).await?.code(), Some(1));
    assert!(postern.stderr().contains("postern serve"), "{}", postern.stderr());
    Ok(())
}

#[tokio::test]
async fn without_a_keychain_it_says_so_and_saves_nothing() -> anyhow::Result<()> {
    let desktop = Desktop::without_keychain().await?;
    let login = Login::unique("admin")?;
    let window = Window::start(&desktop, &[]).await?;
    window.click("by-hand").await?;
    window.type_into("field-url", "http://127.0.0.1:9").await?;
    window.type_into("field-edge-username", &login.username).await?;
    window.type_into("field-edge-password", &login.password).await?;
    window.click("save").await?;
    let said = window.find("//*[@id='form-error']").await?.text().await?;
    assert!(said.starts_with("This machine has no keychain service that answers"), "{said}");
    assert!(!desktop.profiles_file().exists());
    let sweep = Sweep::default().with_login("the password", &login);
    assert_eq!(sweep.files(desktop.scratch().path())?, Vec::<String>::new());
    held("H80");
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_opened_is_a_notice_with_its_reason() -> anyhow::Result<()> {
    let desktop = Desktop::start().await?;
    let panel = Panel::start(&desktop).await?;
    let taken = TcpListener::bind(("127.0.0.1", 0))?;
    let profile = profile("R&D_1 <x>", "http://127.0.0.1:9", taken.local_addr()?.port());
    desktop.write_profiles(&profile.replace("id = \"R&D_1 <x>\"", "id = \"rd\"\nconnect = \"on-demand\""))?;
    let mut postern = app::start(&desktop, &["--hidden"])?;
    let icon = panel.icon().await?;
    icon.until("the profile", |menu| menu.contains("R&D_1 <x> — off")).await?;
    // Where nobody takes notices, a window says it.
    icon.click(&["R&D", "Open"]).await?;
    let told = desktop.window("R&D_1 <x>").await?;
    desktop.close(&told)?;
    desktop.until_closed("R&D_1 <x>").await?;

    let notices = Notices::start(&desktop).await?;
    icon.click(&["R&D", "Open"]).await?;
    let about_it = |notices: &Notices| notices.seen().into_iter().find(|notice| notice.starts_with("R&D_1 <x>: "));
    let notice = until("a notice", LIMIT, async || Ok(about_it(&notices))).await?;
    assert!(notice.contains(&format!("port {}", taken.local_addr()?.port())), "{notice}");
    icon.click(&["Quit"]).await?;
    postern.succeeds(LIMIT).await?;
    Ok(())
}

#[tokio::test]
async fn the_menu_leads_to_a_diagnosis_and_a_form_and_hands_out_what_programs_need() -> anyhow::Result<()> {
    let answer = "default_type application/json; return 200 '\"3.8.8\"';";
    let nginx =
        Nginx::configured(|port| format!("server {{ listen 127.0.0.1:{port}; location / {{ {answer} }} }}")).await?;
    let desktop = Desktop::start().await?;
    let panel = Panel::start(&desktop).await?;
    let dead = format!("http://127.0.0.1:{}", free_port()?);
    let profiles = [profile("first", &nginx.origin(), free_port()?), profile("second", &dead, free_port()?)];
    desktop.write_profiles(&profiles.concat())?;
    let window = Window::start(&desktop, &[]).await?;
    let icon = panel.icon().await?;
    window.until_shown(&["first", "Connected"]).await?;
    icon.click(&["second", "Run diagnosis"]).await?;
    window.until_shown(&["cannot be reached", "Look for the cause again"]).await?;
    window.screenshot("manager-diagnosis").await?;
    icon.click(&["New server…"]).await?;
    window.until_shown(&["Add a server"]).await?;

    icon.click(&["first", "Copy as environment"]).await?;
    until("what programs need", LIMIT, async || {
        Ok(desktop.clipboard().await?.contains("PREFECT_API_URL").then_some(()))
    })
    .await?;
    let (copied, key) = (desktop.clipboard().await?, desktop.secret("first/local-key").await?);
    assert!(copied.starts_with("# Prefect through Postern, profile first."), "{} bytes", copied.len());
    assert!(copied.contains(&key.context("no local key in the keychain")?), "{} bytes", copied.len());
    assert!(desktop.clipboard_types().await?.contains("x-kde-passwordManagerHint"));

    // One click on the icon shows what was shown last.
    icon.click(&["first", "Open"]).await?;
    let dashboard = desktop.window("first — Prefect").await?;
    icon.until("the current one", |menu| menu.contains("first (current) — connected")).await?;
    desktop.close(&dashboard)?;
    desktop.until_closed(&dashboard.title).await?;
    icon.activate().await?;
    desktop.window("first — Prefect").await?;

    until("an empty clipboard", LIMIT * 2, async || Ok(desktop.clipboard().await?.is_empty().then_some(()))).await?;
    Ok(())
}

#[tokio::test]
async fn it_starts_with_the_session_where_that_is_wished_for() -> anyhow::Result<()> {
    let desktop = Desktop::start().await?;
    let panel = Panel::start(&desktop).await?;
    let mut postern = app::start(&desktop, &["--hidden"])?;
    let icon = panel.icon().await?;
    icon.click(&["Start at login"]).await?;
    icon.until("a mark", |menu| menu.contains("[x] Start at login")).await?;
    let entry = desktop.home().join(".config/autostart/postern.desktop");
    let mut validate = desktop.command("desktop-file-validate");
    validate.arg(&entry);
    run("desktop-file-validate", validate, "", desktop.scratch(), LIMIT).await?.success()?;
    icon.click(&["Quit"]).await?;
    postern.succeeds(LIMIT).await?;

    // As the session does it.
    drop((icon, panel));
    let panel = Panel::start(&desktop).await?;
    let launched = fs::read_to_string(&entry)?;
    let exec = launched.lines().find_map(|line| line.strip_prefix("Exec=")).context("no command line")?;
    let mut shell = desktop.command("sh");
    shell.args(["-c", exec]);
    let mut postern = Process::spawn("postern-desktop", shell, desktop.scratch())?;
    let icon = panel.icon().await?;
    icon.until("a mark", |menu| menu.contains("[x] Start at login")).await?;
    assert_eq!(desktop.windows()?, []);
    icon.click(&["Start at login"]).await?;
    icon.until("no mark", |menu| menu.contains("[ ] Start at login")).await?;
    assert!(!entry.exists());
    icon.click(&["Quit"]).await?;
    postern.succeeds(LIMIT).await?;
    Ok(())
}

#[tokio::test]
async fn that_it_stays_in_the_tray_is_told_when_its_last_window_is_closed_for_the_first_time() -> anyhow::Result<()> {
    let desktop = Desktop::start().await?;
    let panel = Panel::start(&desktop).await?;
    let notices = Notices::start(&desktop).await?;
    let mut postern = app::start(&desktop, &[])?;
    let icon = panel.icon().await?;
    let closes = async || {
        let manager = desktop.window("Postern").await?;
        desktop.close(&manager)?;
        desktop.until_closed("Postern").await
    };
    closes().await?;
    let notice = until("a notice", LIMIT, async || Ok(notices.seen().pop())).await?;
    assert!(notice.starts_with("Postern stays in the tray"), "{notice}");
    icon.click(&["Manage"]).await?;
    closes().await?;
    icon.click(&["Quit"]).await?;
    postern.succeeds(LIMIT).await?;
    assert_eq!(notices.seen().len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_server_that_goes_away_is_a_notice_unless_it_is_looked_at() -> anyhow::Result<()> {
    let answer = "default_type application/json; return 200 '\"3.8.8\"';";
    let server = |port| format!("server {{ listen 127.0.0.1:{port}; location / {{ {answer} }} }}");
    let (told, seen) = (Nginx::configured(server).await?, Nginx::configured(server).await?);
    let desktop = Desktop::start().await?;
    let notices = Notices::start(&desktop).await?;
    let machine = Machine::start(&desktop).await?;
    let panel = Panel::start(&desktop).await?;
    let profiles = [profile("told", &told.origin(), free_port()?), profile("seen", &seen.origin(), free_port()?)];
    desktop.write_profiles(&profiles.concat())?;
    let mut postern = app::start(&desktop, &["--open", "seen"])?;
    let icon = panel.icon().await?;
    let all = ["told — connected", "seen (current) — connected"];
    icon.until("both connected", |menu| all.iter().all(|line| menu.contains(line))).await?;
    desktop.focus(&desktop.window("seen — Prefect").await?)?;

    for (server, line) in [(seen, "seen (current) — not connected"), (told, "told — not connected")] {
        drop(server);
        // So that it is asked at once.
        machine.sleeps_and_wakes().await?;
        icon.until("one away", |menu| menu.contains(line)).await?;
    }
    until("a notice", LIMIT, async || Ok((!notices.seen().is_empty()).then_some(()))).await?;
    let notices = notices.seen();
    assert!(notices.iter().all(|notice| notice.starts_with("told is not connected: ")), "{notices:?}");
    icon.click(&["Quit"]).await?;
    postern.succeeds(LIMIT).await?;
    Ok(())
}

#[tokio::test]
async fn it_is_light_or_dark_as_the_desktop_is() -> anyhow::Result<()> {
    let desktop = Desktop::start().await?;
    // What GTK is set to, where nobody asks for one or the other.
    let gtk = desktop.home().join(".config/gtk-3.0");
    std::fs::create_dir_all(&gtk)?;
    std::fs::write(gtk.join("settings.ini"), "[Settings]\ngtk-application-prefer-dark-theme=1\n")?;
    let portal = Portal::start(&desktop, Scheme::Any).await?;
    let window = Window::start(&desktop, &[]).await?;
    let dark = "return matchMedia('(prefers-color-scheme: dark)').matches";
    let is = async |wanted: bool| {
        until(if wanted { "a dark page" } else { "a light page" }, LIMIT, async || {
            let is = window.driver().execute(dark, vec![]).await?;
            Ok((is.as_bool() == Some(wanted)).then_some(()))
        })
        .await
    };
    is(true).await?;
    window.until_shown(&["Add your first server"]).await?;
    window.screenshot("manager-dark").await?;
    for (scheme, dark) in [(Scheme::Light, false), (Scheme::Dark, true), (Scheme::Light, false), (Scheme::Any, true)] {
        portal.choose(scheme).await?;
        is(dark).await?;
    }
    Ok(())
}

#[tokio::test]
async fn which_notices_are_given_is_set_in_the_manager() -> anyhow::Result<()> {
    let desktop = Desktop::start().await?;
    desktop.write_profiles(&(profile("server", "http://127.0.0.1:9", free_port()?) + "connect = \"on-demand\"\n"))?;
    let window = Window::start(&desktop, &[]).await?;
    window.click("settings").await?;
    window.until_shown(&["Notices", "It is connected again"]).await?;
    window.click("field-notice-back").await?;
    let file = desktop.profiles_file().with_file_name("settings.toml");
    until("the setting", LIMIT, async || {
        Ok(fs::read_to_string(&file).is_ok_and(|text| text.contains("back = false")).then_some(()))
    })
    .await?;
    window.screenshot("manager-settings").await?;
    window.end().await?;
    let window = Window::start(&desktop, &[]).await?;
    window.click("settings").await?;
    for (kind, is_on) in [("lost", true), ("back", false)] {
        let switch = window.find(&format!("//*[@id='field-notice-{kind}']")).await?;
        assert_eq!(switch.is_selected().await?, is_on, "{kind}");
    }
    Ok(())
}

#[tokio::test]
async fn after_a_sleep_nothing_counts_but_what_servers_say_now() -> anyhow::Result<()> {
    const SOON: Duration = Duration::from_secs(5);
    let answer = "default_type application/json; keepalive_timeout 1h; return 200 '\"3.8.8\"';";
    let log = "log_format line '$connection'; access_log access.log line;";
    let server = format!("location / {{ {answer} }}");
    let nginx = Nginx::configured(|port| format!("{log} server {{ listen 127.0.0.1:{port}; {server} }}")).await?;
    let desktop = Desktop::start().await?;
    let panel = Panel::start(&desktop).await?;
    let machine = Machine::start(&desktop).await?;
    desktop.write_profiles(&profile("server", &nginx.origin(), free_port()?))?;
    let mut postern = app::start(&desktop, &["--hidden"])?;
    let icon = panel.icon().await?;
    icon.until("a connected server", |menu| menu.contains("server — connected")).await?;

    // It has gone away without a word, as things do in another network.
    let nginx_id = Pid::from_raw(nginx.id().try_into()?);
    kill(nginx_id, Signal::SIGSTOP)?;
    let woken = Instant::now();
    machine.sleeps_and_wakes().await?;
    icon.until("no word of what was", |menu| menu.contains("server — checking")).await?;
    assert!(woken.elapsed() < SOON, "{:?}", woken.elapsed());
    // It is there again, and so is the network.
    kill(nginx_id, Signal::SIGCONT)?;
    let woken = Instant::now();
    machine.sleeps_and_wakes().await?;
    icon.until("a connected server", |menu| menu.contains("server — connected")).await?;
    assert!(woken.elapsed() < SOON, "{:?}", woken.elapsed());
    let connections: BTreeSet<String> = nginx.requests()?.into_iter().collect();
    assert!(connections.len() >= 2, "{connections:?}");
    icon.click(&["Quit"]).await?;
    postern.succeeds(LIMIT).await?;
    held("G78");
    Ok(())
}

/// The port of the only profile.
fn port(desktop: &Desktop) -> anyhow::Result<u16> {
    let file = fs::read_to_string(desktop.profiles_file())?;
    let port = file.lines().find_map(|line| line.strip_prefix("port = ")).context("no port in profiles.toml")?;
    Ok(port.parse()?)
}

/// WebKit's processes end by themselves a moment after the app has.
async fn until_gone(family: &BTreeSet<u32>) -> anyhow::Result<()> {
    until("the end of all processes", LIMIT, async || Ok(app::alive(family).is_empty().then_some(()))).await
}

async fn until_closed(port: u16) -> anyhow::Result<()> {
    until("a closed port", LIMIT, async || Ok(TcpStream::connect(("127.0.0.1", port)).is_err().then_some(()))).await
}
