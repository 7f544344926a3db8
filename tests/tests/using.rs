//! Dashboard windows as a person uses them: keys, the bar above the page, and what a window is like the next time.

use std::time::Duration;

use anyhow::Context as _;
use postern_tests::desktop::notices::Notices;
use postern_tests::desktop::panel::{Icon, Panel};
use postern_tests::desktop::reader::Reader;
use postern_tests::desktop::window::Window;
use postern_tests::desktop::{Area, Desktop, XWindow, app, profile};
use postern_tests::nginx::Nginx;
use postern_tests::process::Process;
use postern_tests::wait::{free_port, until};
use url::Url;

const LIMIT: Duration = Duration::from_secs(60);

/// How large the page is shown: the larger, the fewer of its own pixels fit into the window.
const RATIO: &str = "return outerWidth / innerWidth";

/// Two pages and an API, under a base path as a server may have one.
async fn server(also_at: Option<u16>) -> anyhow::Result<Nginx> {
    let page = |name: &str, more: &str| {
        format!("default_type text/html; return 200 '<title>{name}</title><h1>This is {name}</h1>{more}';")
    };
    let first = page(
        "page-one",
        "<p>larch larch oak</p><a id=next href=/team/v2/two>two</a>\
         <p><a id=report href=/team/report>report</a> <a id=slow href=/team/slow>slow</a>",
    );
    let second = page("page-two", "");
    let report = format!(
        "add_header Content-Disposition 'attachment; filename=\"report.csv\"'; default_type text/csv; return 200 '{}';",
        "larch,1;".repeat(375)
    );
    let api = "default_type application/json; return 200 '\"3.8.8\"';";
    let also = also_at.map_or_else(String::new, |port| format!("listen 127.0.0.1:{port};"));
    Nginx::configured(|port| {
        format!(
            "log_format line '$request'; access_log access.log line;
             server {{ listen 127.0.0.1:{port}; {also}
             location = /team/ {{ return 303 /team/v2/one; }}
             location /team/v2/one {{ {first} }}
             location /team/v2/two {{ {second} }}
             location = /team/report {{ {report} }}
             location = /team/slow {{ limit_rate 100; {report} }}
             location /team/api {{ {api} }} }}"
        )
    })
    .await
}

/// A dashboard that is open, and can be driven.
struct Scene {
    desktop: Desktop,
    panel: Panel,
    server: Nginx,
    window: Window,
}

impl Scene {
    async fn open(more: &str) -> anyhow::Result<Self> {
        let server = server(None).await?;
        let desktop = Desktop::start().await?;
        let panel = Panel::start(&desktop).await?;
        let url = format!("{}/team", server.origin());
        desktop.write_profiles(&(profile("prod", &url, free_port()?) + "color = \"red\"\n" + more))?;
        let window = Window::start(&desktop, &["--open", "prod"]).await?;
        window.until_shown(&["This is page-one"]).await?;
        Ok(Self { desktop, panel, server, window })
    }

    async fn dashboard(&self) -> anyhow::Result<XWindow> {
        self.desktop.window("prod — Prefect").await
    }

    async fn keys(&self, keys: &str) -> anyhow::Result<()> {
        self.desktop.focus(&self.dashboard().await?)?;
        self.desktop.press(keys).await
    }

    async fn says(&self, what: &str, script: &str, wanted: impl Fn(f64) -> bool) -> anyhow::Result<()> {
        let mut last = None;
        let found = until(what, LIMIT, async || {
            last = Some(self.window.number(script).await?);
            Ok(last.is_some_and(&wanted).then_some(()))
        })
        .await;
        found.with_context(|| format!("it is {last:?}"))
    }
}

#[tokio::test]
async fn a_page_is_led_by_the_keys_that_browsers_have() -> anyhow::Result<()> {
    let scene = Scene::open("").await?;
    let Scene { desktop, window, server, .. } = &scene;
    desktop.screenshot(Some(&scene.dashboard().await?), "dashboard-bar").await?;

    window.click("next").await?;
    window.until_shown(&["This is page-two"]).await?;
    for (keys, shows) in
        [("alt+Left", "This is page-one"), ("alt+Right", "This is page-two"), ("alt+Home", "This is page-one")]
    {
        scene.keys(keys).await?;
        window.until_shown(&[shows]).await.with_context(|| keys.to_owned())?;
    }
    for keys in ["ctrl+r", "F5"] {
        let before = server.requests()?.len();
        scene.keys(keys).await?;
        until("the page again", LIMIT, async || {
            Ok(server.requests()?[before..].iter().any(|line| line.contains("/team/v2/one")).then_some(()))
        })
        .await
        .with_context(|| keys.to_owned())?;
    }

    scene.says("the actual size", RATIO, |ratio| (0.98..1.02).contains(&ratio)).await?;
    scene.keys("ctrl+plus").await?;
    scene.keys("ctrl+plus").await?;
    scene.says("a larger page", RATIO, |ratio| (1.18..1.22).contains(&ratio)).await?;
    desktop.screenshot(Some(&scene.dashboard().await?), "dashboard-zoomed").await?;
    scene.keys("ctrl+minus").await?;
    scene.says("a smaller page", RATIO, |ratio| (1.08..1.12).contains(&ratio)).await?;
    scene.keys("ctrl+0").await?;
    scene.says("the actual size again", RATIO, |ratio| (0.98..1.02).contains(&ratio)).await?;

    scene.keys("ctrl+shift+c").await?;
    let link = format!("{}/team/v2/one", server.origin());
    until("the server's link", LIMIT, async || Ok((desktop.clipboard().await? == link).then_some(()))).await?;
    scene.keys("ctrl+shift+o").await?;
    let opened = until("an address for the browser", LIMIT, async || Ok(desktop.opened().pop())).await?;
    assert!(opened.contains("/.postern/enter?pass="), "{opened}");
    let browser = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
    let entered = browser.get(opened.replace("prod.localhost", "127.0.0.1")).header("host", host(&opened)?);
    let led = entered.send().await?.headers().get("location").cloned().context("it leads nowhere")?;
    assert_eq!(led, "/team/v2/one");

    // What is found is selected; Escape ends it, and the page has the keys again.
    let selected = "return getSelection().toString().toLowerCase() === 'larch' ? getSelection().anchorOffset : -1";
    scene.keys("ctrl+f").await?;
    desktop.type_text("LARCH").await?;
    scene.says("the first match", selected, |at| at == 0.0).await?;
    desktop.screenshot(Some(&scene.dashboard().await?), "dashboard-find").await?;
    scene.keys("Return").await?;
    scene.says("the next match", selected, |at| at == 6.0).await?;
    scene.keys("shift+Return").await?;
    scene.says("the match before", selected, |at| at == 0.0).await?;
    scene.keys("F3").await?;
    scene.says("the next match by another key", selected, |at| at == 6.0).await?;
    window.driver().execute("onkeydown = (event) => { window.last = event.key.charCodeAt(0) }", vec![]).await?;
    scene.keys("Escape").await?;
    scene.keys("x").await?;
    scene.says("a key for the page", "return window.last", |key| key == f64::from(b'x')).await?;

    // The same by the menu, without its keys, and by a click on the bar.
    scene.keys("alt+Home").await?;
    window.click("next").await?;
    window.until_shown(&["This is page-two"]).await?;
    scene.keys("F10").await?;
    desktop.screenshot(None, "dashboard-menu").await?;
    for keys in ["Up", "Up", "Return"] {
        desktop.press(keys).await?;
    }
    let link = format!("{}/team/v2/two", server.origin());
    until("the server's link", LIMIT, async || Ok((desktop.clipboard().await? == link).then_some(()))).await?;
    const BACK: (u32, u32) = (18, 20);
    desktop.click_at(&scene.dashboard().await?, BACK).await?;
    window.until_shown(&["This is page-one"]).await?;
    Ok(())
}

#[tokio::test]
async fn a_page_is_printed_as_a_person_says_and_nothing_waits_for_that() -> anyhow::Result<()> {
    let scene = Scene::open("").await?;
    let icon = scene.panel.icon().await?;
    let dialogs = || anyhow::Ok(scene.desktop.windows()?.iter().filter(|window| window.title == "Print").count());
    scene.keys("ctrl+p").await?;
    let print = scene.desktop.window("Print").await?;
    scene.desktop.screenshot(Some(&print), "dashboard-print").await?;
    icon.click(&["Manage"]).await?;
    scene.desktop.window("Postern").await?;
    scene.keys("ctrl+p").await?;
    assert_eq!(dialogs()?, 1);
    // There is no printer here, but what writes a file instead.
    const FIRST: (u32, u32) = (80, 86);
    scene.desktop.click_at(&print, FIRST).await?;
    scene.desktop.focus(&print)?;
    scene.desktop.press("Return").await?;
    scene.desktop.until_closed("Print").await?;
    let file = scene.desktop.home().join("output.pdf");
    let printed = async || Ok(std::fs::read(&file).ok().filter(|printed| printed.starts_with(b"%PDF")).map(drop));
    let log = || scene.window.log();
    until("what is printed", LIMIT, printed).await.with_context(log)?;

    scene.keys("ctrl+p").await?;
    scene.desktop.window("Print").await?;
    quit(&icon, scene.window).await
}

#[tokio::test]
async fn a_window_opens_as_and_where_it_was_and_nothing_of_a_secret_is_kept() -> anyhow::Result<()> {
    let Scene { desktop, panel, window, server: _server } = Scene::open("").await?;
    let icon = panel.icon().await?;
    let area = Area { x: 90, y: 70, width: 1000, height: 700 };
    let dashboard = desktop.window("prod — Prefect").await?;
    desktop.put(&dashboard, area)?;
    desktop.focus(&dashboard)?;
    desktop.press("ctrl+plus").await?;
    until("a larger page", LIMIT, async || Ok((window.number(RATIO).await? > 1.08).then_some(()))).await?;
    let origin = window.driver().current_url().await?.origin().ascii_serialization();
    let address = format!("{origin}/team/v2/two?token=canary-in-a-query&page=2#canary-in-a-fragment");
    window.driver().goto(&address).await?;
    window.until_shown(&["This is page-two"]).await?;
    let file = desktop.home().join(".local/share/postern/dashboards/profile-prod/window.toml");
    let kept = || std::fs::read_to_string(&file).unwrap_or_default();
    until("the page to be kept", LIMIT, async || Ok(kept().contains("/team/v2/two?page=2").then_some(()))).await?;
    quit(&icon, window).await?;
    assert!(!kept().contains("canary"), "{}", kept());

    drop((icon, panel));
    let panel = Panel::start(&desktop).await?;
    let window = Window::start(&desktop, &["--open", "prod"]).await?;
    window.until_shown(&["This is page-two"]).await?;
    assert_eq!(window.driver().current_url().await?.query(), Some("page=2"));
    let dashboard = desktop.window("prod — Prefect").await?;
    until("the place it had", LIMIT, async || Ok((desktop.area(&dashboard)? == area).then_some(()))).await?;
    until("the size it had", LIMIT, async || Ok((window.number(RATIO).await? > 1.08).then_some(()))).await?;
    // Closed and opened again, as well.
    let icon = panel.icon().await?;
    desktop.close(&dashboard)?;
    desktop.until_closed(&dashboard.title).await?;
    icon.click(&["prod", "Open"]).await?;
    let dashboard = desktop.window("prod — Prefect").await?;
    until("the place it had", LIMIT, async || Ok((desktop.area(&dashboard)? == area).then_some(()))).await?;
    quit(&icon, window).await?;

    // A screen that is no more: the size is the same, the place is one where it is seen.
    let away = kept().replace("x = 90", "x = 9000");
    std::fs::write(&file, &away)?;
    assert!(away.contains("x = 9000"), "{away}");
    let window = Window::start(&desktop, &["--open", "prod"]).await?;
    window.until_shown(&["This is page-two"]).await?;
    let dashboard = desktop.window("prod — Prefect").await?;
    let now = desktop.area(&dashboard)?;
    assert!(now.x < 1000 && (now.width, now.height) == (area.width, area.height), "{now:?}");
    Ok(())
}

#[tokio::test]
async fn what_is_downloaded_overwrites_nothing_and_its_end_is_told() -> anyhow::Result<()> {
    let Scene { desktop, panel: _panel, window, server } = Scene::open("").await?;
    let notices = Notices::start(&desktop).await?;
    let folder = desktop.home().join("Saved");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(desktop.home().join(".config/user-dirs.dirs"), "XDG_DOWNLOAD_DIR=\"$HOME/Saved\"\n")?;
    std::fs::write(folder.join("report.csv"), "mine")?;
    let told = async |wanted: &str| {
        let notice =
            until("a notice", LIMIT, async || Ok(notices.seen().into_iter().find(|notice| notice.contains(wanted))));
        notice.await.with_context(|| format!("{:?} {}", notices.seen(), window.log()))
    };
    window.click("report").await?;
    let notice = told("report (1).csv").await?;
    assert_eq!(notice, format!("prod: downloaded: “report (1).csv” is in {}.", folder.display()));
    assert_eq!(std::fs::read_to_string(folder.join("report (1).csv"))?.len(), 3000);

    // What the page itself makes.
    let makes = "const link = document.createElement('a');
        link.href = URL.createObjectURL(new Blob(['made here']));
        link.download = '../of the page.txt';
        link.click();";
    window.driver().execute(makes, vec![]).await?;
    let notice = told("of the page.txt").await?;
    let name = notice.split(['“', '”']).nth(1).context("a name")?;
    assert_eq!(std::fs::read_to_string(folder.join(name))?, "made here");

    window.click("slow").await?;
    until("a file that begins", LIMIT, async || Ok((std::fs::read_dir(&folder)?.count() > 3).then_some(()))).await?;
    drop(server);
    assert_eq!(
        told("did not arrive").await?,
        "prod: not downloaded: “report (2).csv” did not arrive whole. Download it again."
    );
    assert_eq!(std::fs::read_to_string(folder.join("report.csv"))?, "mine");
    Ok(())
}

#[tokio::test]
async fn a_window_whose_server_goes_says_so_and_comes_back_by_itself() -> anyhow::Result<()> {
    let Scene { desktop, panel, window, server } = Scene::open("").await?;
    let icon = panel.icon().await?;
    window.click("next").await?;
    window.until_shown(&["This is page-two"]).await?;
    let dashboard = desktop.window("prod — Prefect").await?;

    // Off: what is shown stays, and is said to be old. What is asked for is a page of ours.
    icon.click(&["prod", "Connect"]).await?;
    icon.until("a server that is off", |menu| menu.contains("— off")).await?;
    window.until_shown(&["This is page-two"]).await?;
    desktop.focus(&dashboard)?;
    desktop.press("ctrl+r").await?;
    window.until_shown(&["This server is not connected."]).await?;
    desktop.screenshot(Some(&dashboard), "dashboard-off").await?;
    const CONNECT: (u32, u32) = (1220, 62);
    desktop.click_at(&dashboard, CONNECT).await?;
    window.until_shown(&["This is page-two"]).await?;
    icon.until("a connected server", |menu| menu.contains("— connected")).await?;

    // Away: the gateway's page says so, and goes away by itself.
    let port = Url::parse(&server.origin())?.port();
    drop(server);
    desktop.press("ctrl+r").await?;
    window.until_shown(&["cannot be reached"]).await?;
    icon.until("a server that is away", |menu| menu.contains("— not connected")).await?;
    desktop.screenshot(Some(&dashboard), "dashboard-away").await?;
    const FIND_OUT_WHY: (u32, u32) = (1200, 62);
    desktop.click_at(&dashboard, FIND_OUT_WHY).await?;
    desktop.window("Postern").await?;
    let _server = self::server(port).await?;
    window.until_shown(&["This is page-two"]).await?;
    icon.until("a connected server", |menu| menu.contains("— connected")).await?;
    desktop.screenshot(Some(&dashboard), "dashboard-back").await?;
    Ok(())
}

#[tokio::test]
async fn a_read_only_window_writes_for_a_while_when_a_person_says_so_and_nobody_else_does() -> anyhow::Result<()> {
    let scene = Scene::open("read_only = true\nlocal_programs = \"open\"\n").await?;
    let Scene { desktop, window, .. } = &scene;
    let writes = "return fetch('/team/api/flows/1', {method: 'DELETE'}).then((answer) => answer.status)";
    let status = async || window.driver().execute(writes, vec![]).await.map(|status| status.as_u64().unwrap_or(0));
    assert_eq!(status().await?, 403);
    let dashboard = scene.dashboard().await?;
    desktop.screenshot(Some(&dashboard), "dashboard-read-only").await?;

    // The button in the bar asks; Enter means no.
    const BUTTON: (u32, u32) = (1060, 20);
    let asks = async || {
        desktop.click_at(&dashboard, BUTTON).await?;
        desktop.window("Allow changes").await
    };
    let question = asks().await?;
    desktop.screenshot(Some(&question), "dashboard-question").await?;
    desktop.focus(&question)?;
    desktop.press("Return").await?;
    desktop.until_closed("Allow changes").await?;
    assert_eq!(status().await?, 403);
    let question = asks().await?;
    desktop.focus(&question)?;
    desktop.press("Tab").await?;
    desktop.press("Return").await?;
    desktop.until_closed("Allow changes").await?;
    until("a write that passes", LIMIT, async || Ok((status().await? == 200).then_some(()))).await?;
    desktop.screenshot(Some(&dashboard), "dashboard-changes").await?;
    let origin = window.driver().current_url().await?.origin().ascii_serialization();
    let program = reqwest::Client::builder().no_proxy().build()?;
    let address = format!("{}/api/flows/1", origin.replace("prod.localhost", "127.0.0.1"));
    assert_eq!(program.delete(address).send().await?.status(), 403);

    desktop.click_at(&dashboard, BUTTON).await?;
    until("a write that does not", LIMIT, async || Ok((status().await? == 403).then_some(()))).await?;
    // It goes with its window.
    let question = asks().await?;
    desktop.focus(&question)?;
    desktop.press("Tab").await?;
    desktop.press("Return").await?;
    until("a write that passes", LIMIT, async || Ok((status().await? == 200).then_some(()))).await?;

    // Nobody is asked about what is no more.
    desktop.until_closed("Allow changes").await?;
    desktop.click_at(&dashboard, BUTTON).await?;
    until("a write that does not", LIMIT, async || Ok((status().await? == 403).then_some(()))).await?;
    asks().await?;
    scene.panel.icon().await?.click(&["prod", "Connect"]).await?;
    desktop.until_closed("Allow changes").await
}

#[tokio::test]
async fn a_few_letters_lead_to_another_server() -> anyhow::Result<()> {
    let server = server(None).await?;
    let url = format!("{}/team", server.origin());
    let desktop = Desktop::start().await?;
    let panel = Panel::start(&desktop).await?;
    let color = |color: &str| format!("color = \"{color}\"\n");
    let profiles = [("prod", "red"), ("preview", "green"), ("stage", "blue")];
    let profiles = profiles.map(|(id, named)| anyhow::Ok(profile(id, &url, free_port()?) + &color(named)));
    desktop.write_profiles(&profiles.into_iter().collect::<Result<Vec<_>, _>>()?.concat())?;
    let mut postern = app::start(&desktop, &["--open", "prod"])?;
    let icon = panel.icon().await?;
    let up = ["prod (current) — connected", "preview — connected", "stage — connected"];
    icon.until("all connected", |menu| up.iter().all(|line| menu.contains(line))).await?;
    desktop.window("prod — Prefect").await?;

    // The one that is shown is no choice: Enter leads to another.
    icon.click(&["Switch server…"]).await?;
    let switcher = desktop.window("Switch server").await?;
    desktop.focus(&switcher)?;
    desktop.screenshot(Some(&switcher), "switcher").await?;
    desktop.press("Return").await?;
    desktop.until_closed("Switch server").await?;
    desktop.window("preview — Prefect").await?;

    // A second start asks the first for it, as a key of the desktop's own may.
    app::start(&desktop, &["--switch"])?.succeeds(LIMIT).await?;
    desktop.focus(&desktop.window("Switch server").await?)?;
    desktop.type_text("sta").await?;
    desktop.press("Return").await?;
    desktop.until_closed("Switch server").await?;
    desktop.window("stage — Prefect").await?;

    // Up and Down choose, letters narrow it from there too, Escape leaves all as it is.
    icon.click(&["Switch server…"]).await?;
    let switcher = desktop.window("Switch server").await?;
    desktop.focus(&switcher)?;
    desktop.press("Down").await?;
    desktop.type_text("pr").await?;
    desktop.screenshot(Some(&switcher), "switcher-narrowed").await?;
    desktop.press("Escape").await?;
    desktop.until_closed("Switch server").await?;
    assert_eq!(desktop.windows()?.len(), 3);
    icon.click(&["Quit"]).await?;
    postern.succeeds(LIMIT).await
}

#[tokio::test]
async fn keys_that_are_set_call_the_switcher_from_anywhere_and_none_are_until_then() -> anyhow::Result<()> {
    let desktop = Desktop::start().await?;
    let panel = Panel::start(&desktop).await?;
    let idle = |id: &str| anyhow::Ok(profile(id, "http://127.0.0.1:9", free_port()?) + "connect = \"on-demand\"\n");
    desktop.write_profiles(&(idle("prod")? + &idle("stage")?))?;
    let window = Window::start(&desktop, &[]).await?;
    desktop.focus(&desktop.window("Postern").await?)?;
    let keys = async |before: &str, keys: &str| {
        window.click("settings").await?;
        // What the view brings later would take the place of what is typed.
        let field = window.find("//*[@id='field-shortcut']").await?;
        until("the keys of before", LIMIT, async || {
            Ok((field.prop("value").await?.as_deref() == Some(before)).then_some(()))
        })
        .await?;
        // Typed over: an empty field that is left is no shortcut, and saved so.
        let select = "document.getElementById('field-shortcut').select()";
        window.driver().execute(select, vec![]).await?;
        window.type_into("field-shortcut", keys).await?;
        window.click("settings-done").await
    };
    let file = desktop.profiles_file().with_file_name("settings.toml");
    let kept = async |text: &str| {
        until(text, LIMIT, async || {
            Ok(std::fs::read_to_string(&file).is_ok_and(|all| all.contains(text)).then_some(()))
        })
        .await
    };
    let calls = async |keys: &str| {
        // They are had a moment after the file says so.
        let called = until("the switcher", LIMIT, async || {
            desktop.press(keys).await?;
            // Each press calls it: one that comes late would do so once it is closed.
            let comes = tokio::time::timeout(Duration::from_secs(5), desktop.window("Switch server"));
            Ok(comes.await.is_ok_and(|window| window.is_ok()).then_some(()))
        });
        called.await.with_context(|| format!("{keys}: {}", window.log()))
    };
    // What another program has is refused, until that has it no more.
    desktop.hold_ctrl_alt(true)?;
    keys("", "Ctrl+Alt+P").await?;
    kept("shortcut = \"Ctrl+Alt+P\"").await?;
    window.click("settings").await?;
    window.until_shown(&["The system does not give Ctrl+Alt+P away", "Try again"]).await?;
    desktop.hold_ctrl_alt(false)?;
    window.click("shortcut-again").await?;
    window.click("settings-done").await?;
    calls("ctrl+alt+p").await?;
    desktop.focus(&desktop.window("Switch server").await?)?;
    desktop.press("Escape").await?;
    desktop.until_closed("Switch server").await?;

    // Others take the place of those; what is no shortcut changes nothing and is said.
    keys("Ctrl+Alt+P", "ctrl+shift+k").await?;
    kept("shortcut = \"Ctrl+Shift+K\"").await?;
    keys("Ctrl+Shift+K", "x").await?;
    window.click("settings").await?;
    window.until_shown(&["A shortcut needs Ctrl, Alt or Super"]).await?;
    window.screenshot("manager-shortcut").await?;
    calls("ctrl+shift+k").await?;
    desktop.focus(&desktop.window("Switch server").await?)?;
    desktop.press("Escape").await?;
    desktop.until_closed("Switch server").await?;
    desktop.press("ctrl+alt+p").await?;
    // One thing after the other: when the menu has had its effect, the keys before would have had theirs.
    panel.icon().await?.click(&["prod", "Copy API URL"]).await?;
    until("the address", LIMIT, async || Ok(desktop.clipboard().await?.contains("/api").then_some(()))).await?;
    assert_eq!(desktop.windows()?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_screen_reader_has_names_for_the_bar_and_the_switcher() -> anyhow::Result<()> {
    let server = server(None).await?;
    let url = format!("{}/team", server.origin());
    let desktop = Desktop::start().await?;
    let reader = Reader::start(&desktop).await?;
    let panel = Panel::start(&desktop).await?;
    let read_only = profile("prod", &url, free_port()?) + "read_only = true\n";
    desktop.write_profiles(&(read_only + &profile("stage", &url, free_port()?) + "connect = \"on-demand\"\n"))?;
    let mut postern = app::command(&desktop)?;
    postern.args(["--open", "prod"]).env_remove("NO_AT_BRIDGE");
    let mut postern = Process::spawn("postern-desktop", postern, desktop.scratch())?;
    let icon = panel.icon().await?;
    icon.until("a connected server", |menu| menu.contains("prod (current) — connected")).await?;
    desktop.window("prod — Prefect").await?;
    let reads = async |wanted: &[&str]| {
        let mut last = Vec::new();
        let read = until("what is read out", LIMIT, async || {
            last = reader.reads().await?;
            Ok(wanted.iter().all(|wanted| last.iter().any(|line| line == wanted)).then_some(()))
        })
        .await;
        read.with_context(|| format!("{last:#?}"))
    };
    let buttons = ["Back", "Forward", "Reload", "Find", "Copy the server’s link", "Open in browser", "Allow changes…"];
    let buttons = buttons.map(|name| format!("push button: {name}"));
    let mut wanted: Vec<&str> = buttons.iter().map(String::as_str).collect();
    wanted.extend(["frame: prod — Prefect", "toggle button: Menu", "label: Read-only"]);
    reads(&wanted).await?;
    icon.click(&["Switch server…"]).await?;
    desktop.window("Switch server").await?;
    reads(&["text: Search servers", "list box: Servers", "list item: stage, 127.0.0.1, off"]).await?;
    icon.click(&["Quit"]).await?;
    postern.succeeds(LIMIT).await
}

/// By the tray, and until it is gone.
async fn quit(icon: &Icon, window: Window) -> anyhow::Result<()> {
    icon.click(&["Quit"]).await?;
    until("the end", LIMIT, async || Ok(window.app().is_none().then_some(()))).await?;
    drop(window);
    Ok(())
}

/// Whom an address is for.
fn host(address: &str) -> anyhow::Result<String> {
    let url = Url::parse(address)?;
    Ok(format!("{}:{}", url.host_str().context("no host")?, url.port().context("no port")?))
}
