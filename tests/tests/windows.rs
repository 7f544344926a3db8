//! Dashboard windows: what their pages may do, and how they follow their profile.

use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use anyhow::Context as _;
use postern_tests::acceptance::held;
use postern_tests::canary::Sweep;
use postern_tests::desktop::hostile::{ELSEWHERE, Hostile};
use postern_tests::desktop::panel::Panel;
use postern_tests::desktop::window::Window;
use postern_tests::desktop::{Desktop, app, profile};
use postern_tests::wait::{free_port, until};

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn the_dashboards_page_reaches_neither_the_app_nor_anything_else_of_this_machine() -> anyhow::Result<()> {
    let server = Hostile::start().await?;
    let desktop = Desktop::start().await?;
    let panel = Panel::start(&desktop).await?;
    desktop.write_profiles(&profile("hostile", &server.origin(), free_port()?))?;
    let window = Window::start(&desktop, &["--open", "hostile"]).await?;
    until("the end of the page's attempts", LIMIT, async || Ok(server.reports().remove("done"))).await?;
    assert_eq!(desktop.opened(), Vec::<String>::new(), "opened with nobody having asked for it");
    let home = window.driver().current_url().await?;

    for (id, opened) in [
        ("link", Some("https://docs.example/from-a-link")),
        ("window", Some("https://docs.example/in-a-new-window")),
        ("mail", Some("mailto:help@example.com")),
        ("away", Some(ELSEWHERE)),
        ("file", None),
        ("file-window", None),
        ("blank-window", None),
        ("app", None),
        ("data", None),
    ] {
        let before = desktop.opened().len();
        window.click(id).await?;
        match opened {
            Some(address) => {
                let last = async || Ok(desktop.opened().into_iter().nth(before));
                let opened = until("an address for the browser", LIMIT, last).await;
                assert_eq!(opened.with_context(|| format!("{id}: {}", window.log()))?, address);
            }
            // What is not opened cannot be waited for; the next click comes after it.
            None => assert_eq!(window.driver().current_url().await?, home, "{id}"),
        }
        assert_eq!(window.driver().current_url().await?, home, "{id}");
    }
    window.click("script").await?;
    until("the script's report", LIMIT, async || Ok(server.reports().remove("script"))).await?;
    window.click("own-window").await?;
    until("the page's other path", LIMIT, async || Ok(server.reports().remove("doors at /second-page"))).await?;
    assert_eq!(desktop.opened().len(), 4, "{:?}", desktop.opened());
    assert_eq!(desktop.windows()?.len(), 1);

    window.click("flood").await?;
    until("the end of the flood", LIMIT, async || Ok(server.reports().remove("flood"))).await?;
    let flood = desktop.opened().iter().filter(|address| address.starts_with("https://flood.example/")).count();
    assert!((1..=5).contains(&flood), "{flood} addresses were opened");

    let reports: Vec<String> = server.reports().iter().map(|(name, outcome)| format!("{name}: {outcome}")).collect();
    insta::assert_snapshot!(reports.join("\n"), @r"
    done: yes
    doors at /: none
    doors at /in-a-frame in a frame: none
    doors at /second-page: none
    doors in a written frame: none
    doors in an empty frame: none
    fetch asset://localhost/etc/passwd: refused: TypeError
    fetch file:///etc/passwd: refused: TypeError
    fetch http://ipc.localhost/manager_view: refused: TypeError
    fetch ipc://localhost/manager_view: refused: TypeError
    fetch tauri://localhost/index.html: refused: TypeError
    flood: over
    frame file:///etc/passwd: refused: TypeError
    frame tauri://localhost/index.html: refused: TypeError
    invoke: refused: TypeError
    message handler: refused: TypeError
    navigation to file:///etc/passwd: stayed at /
    navigation to tauri://localhost/index.html: stayed at /
    print: over
    script: ran in http:
    window: refused: TypeError
    ");
    held("H82");
    held("H83");
    drop(panel);
    Ok(())
}

#[tokio::test]
async fn a_page_that_does_not_want_to_be_left_is_left() -> anyhow::Result<()> {
    let server = Hostile::start().await?;
    let desktop = Desktop::start().await?;
    desktop.write_profiles(&profile("hostile", &server.origin(), free_port()?))?;
    let window = Window::start(&desktop, &["postern://hostile/restless"]).await?;
    // What is there, not what is to come.
    let shows = async |title: &str| {
        until(title, LIMIT, async || Ok((window.driver().title().await? == title).then_some(()))).await
    };
    shows("Restless").await?;
    app::start(&desktop, &["postern://hostile/late"])?.succeeds(LIMIT).await?;
    shows("Late").await.with_context(|| window.log())?;
    window.end().await
}

#[tokio::test]
async fn a_page_that_prints_by_itself_holds_nothing_up() -> anyhow::Result<()> {
    let server = Hostile::start().await?;
    let desktop = Desktop::start().await?;
    let panel = Panel::start(&desktop).await?;
    desktop.write_profiles(&profile("hostile", &server.origin(), free_port()?))?;
    // Not driven: of a page that is, WebKit prints nothing by itself.
    let mut postern = app::start(&desktop, &["--open", "hostile"])?;
    let icon = panel.icon().await?;
    until("the end of its printing", LIMIT, async || Ok(server.reports().remove("print"))).await?;
    let windows = desktop.windows()?;
    assert!(!windows.iter().any(|window| window.title == "Print"), "{windows:?}");
    icon.click(&["Manage"]).await?;
    desktop.window("Postern").await?;
    icon.click(&["Quit"]).await?;
    postern.succeeds(LIMIT).await
}

#[tokio::test]
async fn a_page_that_closes_itself_takes_its_window_along() -> anyhow::Result<()> {
    let server = Hostile::start().await?;
    let desktop = Desktop::start().await?;
    let panel = Panel::start(&desktop).await?;
    desktop.write_profiles(&profile("hostile", &server.origin(), free_port()?))?;
    let window = Window::start(&desktop, &["--open", "hostile"]).await?;
    let icon = panel.icon().await?;
    window.click("close").await?;
    desktop.until_closed("hostile — Prefect").await?;
    icon.click(&["hostile", "Open"]).await?;
    desktop.window("hostile — Prefect").await?;
    Ok(())
}

#[tokio::test]
async fn a_page_that_breaks_off_is_none_of_a_server_that_is_off_and_can_be_loaded_again() -> anyhow::Result<()> {
    let server = Hostile::start().await?;
    let desktop = Desktop::start().await?;
    let _panel = Panel::start(&desktop).await?;
    desktop.write_profiles(&profile("hostile", &server.origin(), free_port()?))?;
    let window = Window::start(&desktop, &["--open", "hostile"]).await?;
    until("the end of the page's attempts", LIMIT, async || Ok(server.reports().remove("done"))).await?;
    window.driver().execute("location.href = '/broken'", vec![]).await?;
    window.until_shown(&["This page did not load."]).await?;
    let dashboard = desktop.window("hostile — Prefect").await?;
    desktop.screenshot(Some(&dashboard), "dashboard-broken").await?;
    desktop.focus(&dashboard)?;
    desktop.press("ctrl+r").await?;
    window.until_shown(&["Not your dashboard"]).await?;
    assert_eq!(window.driver().current_url().await?.path(), "/broken");
    Ok(())
}

#[tokio::test]
async fn a_window_that_shows_a_page_of_ours_is_let_in_again_and_any_other_stays_as_it_is() -> anyhow::Result<()> {
    let server = Hostile::start().await?;
    let desktop = Desktop::start().await?;
    let panel = Panel::start(&desktop).await?;
    desktop.write_profiles(&profile("server", &server.origin(), free_port()?))?;
    let window = Window::start(&desktop, &["--open", "server"]).await?;
    let icon = panel.icon().await?;
    window.until_shown(&["Not your dashboard"]).await?;
    let home = window.driver().current_url().await?;

    window.driver().goto(home.join("/some/page")?.as_str()).await?;
    icon.click(&["server", "Open"]).await?;
    // One thing after the other: when the manager is there, the click before has had its effect.
    icon.click(&["Manage"]).await?;
    desktop.window("Postern").await?;
    assert_eq!(window.driver().current_url().await?.path(), "/some/page");

    window.driver().goto(home.join("/.postern/enter?pass=stale")?.as_str()).await?;
    window.until_shown(&["pass_stale"]).await?;
    icon.click(&["server", "Open"]).await?;
    window.until_shown(&["Not your dashboard"]).await
}

#[tokio::test]
async fn an_open_dashboard_follows_its_profile_to_another_port_and_name_and_goes_with_it() -> anyhow::Result<()> {
    let server = Hostile::start().await?;
    let desktop = Desktop::start().await?;
    let panel = Panel::start(&desktop).await?;
    let old = free_port()?;
    desktop.write_profiles(&profile("server", &server.origin(), old))?;
    let window = Window::start(&desktop, &[]).await?;
    let icon = panel.icon().await?;
    icon.click(&["server", "Open"]).await?;
    until("the dashboard", LIMIT, async || Ok((server.loads() > 0).then_some(()))).await?;
    let before = server.loads();

    let new = free_port()?.to_string();
    window.click("edit").await?;
    window.click("tab-advanced").await?;
    for (field, text) in [("field-name", "Renamed"), ("field-port", new.as_str())] {
        window.find(&format!("//*[@id='{field}']")).await?.clear().await?;
        window.type_into(field, text).await?;
    }
    window.click("save").await?;
    until_closed(old).await?;
    until("the dashboard at its new port", LIMIT, async || Ok((server.loads() > before).then_some(()))).await?;
    icon.until("the new name", |menu| menu.contains("Renamed — connected")).await?;
    icon.click(&["Renamed", "Open"]).await?;
    desktop.window("Renamed — Prefect").await?;
    assert_eq!(desktop.windows()?.len(), 2);
    assert_eq!(desktop.opened(), Vec::<String>::new());

    let kept = desktop.home().join(".local/share/postern/dashboards/profile-server");
    assert!(kept.is_dir());
    let data = std::fs::metadata(desktop.home().join(".local/share/postern"))?;
    assert_eq!(data.permissions().mode() & 0o777, 0o700, "others may look in");
    window.click("remove").await?;
    window.click("dialog-confirm").await?;
    desktop.until_closed("Renamed — Prefect").await?;
    until("the end of what it kept", LIMIT, async || Ok((!kept.exists()).then_some(()))).await?;
    until("an empty keychain", LIMIT, async || Ok(desktop.secret("server/local-key").await?.is_none().then_some(())))
        .await?;
    Ok(())
}

#[tokio::test]
async fn what_a_dashboard_keeps_is_kept_for_its_profile_alone() -> anyhow::Result<()> {
    let server = Hostile::start().await?;
    let desktop = Desktop::start().await?;
    let panel = Panel::start(&desktop).await?;
    let profiles = [profile("one", &server.origin(), free_port()?), profile("two", &server.origin(), free_port()?)];
    desktop.write_profiles(&profiles.concat())?;
    let mut postern = app::start(&desktop, &["--hidden"])?;
    let icon = panel.icon().await?;
    for id in ["one", "two"] {
        icon.click(&[id, "Open"]).await?;
        desktop.window(&format!("{id} — Prefect")).await?;
    }
    let kept = desktop.home().join(".local/share/postern/dashboards");
    let holds = |profile: &str, of: &str| {
        let mark = Sweep::default().with("mark", &format!("kept-for-{of}.localhost"));
        let folder = kept.join(format!("profile-{profile}"));
        anyhow::Ok(folder.is_dir() && !mark.files(&folder)?.is_empty())
    };
    until("both marks", LIMIT, async || Ok((holds("one", "one")? && holds("two", "two")?).then_some(()))).await?;
    assert!(!holds("one", "two")? && !holds("two", "one")?);
    icon.click(&["Quit"]).await?;
    postern.succeeds(LIMIT).await
}

async fn until_closed(port: u16) -> anyhow::Result<()> {
    until("a closed port", LIMIT, async || Ok(TcpStream::connect(("127.0.0.1", port)).is_err().then_some(()))).await
}
