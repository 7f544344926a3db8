//! The tray icon in a real panel, Xfce's: light and dark, a Postern for each picture that the icon has.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use postern_tests::desktop::{Desktop, app, panel, profile};
use postern_tests::nginx::Nginx;
use postern_tests::process::{Process, command, run as run_to_its_end};
use postern_tests::scratch::Scratch;
use postern_tests::wait::{free_port, until};

const LIMIT: Duration = Duration::from_secs(60);

pub(crate) async fn run(picture: &Path) -> anyhow::Result<()> {
    let answers = |answer: &'static str| {
        Nginx::configured(move |port| format!("server {{ listen 127.0.0.1:{port}; location / {{ {answer} }} }}"))
    };
    let well = answers("default_type application/json; return 200 '\"3.8.8\"';").await?;
    let guarded = answers("return 302 https://sso.example.com/authorize;").await?;
    let dead = format!("http://127.0.0.1:{}", free_port()?);
    let servers = [
        ("off", well.origin(), "connect = \"on-demand\"\n", "no server is connected"),
        ("on", well.origin(), "", "on is connected"),
        ("sign-in", guarded.origin(), "", "to sign in"),
        ("trouble", dead, "", "cannot be reached"),
    ];
    let scratch = Scratch::new("tray")?;
    let mut convert = command("convert");
    for dark in [false, true] {
        let desktop = Desktop::without_keychain().await?;
        let _panel = panel_of_xfce(&desktop, dark).await?;
        let mut posterns = Vec::new();
        // The panel puts the newest first.
        for (id, url, connect, says) in servers.iter().rev() {
            let home = format!("home/{id}");
            let profiles = format!("version = 1\n\n{}{connect}", profile(id, url, free_port()?));
            desktop.scratch().write(format!("{home}/profiles.toml"), profiles)?;
            let mut postern = app::command(&desktop)?;
            postern.args(["--hidden", "--vault", "memory", "--config-dir"]).arg(desktop.scratch().join(home));
            posterns.push(Process::spawn(id, postern, desktop.scratch())?);
            until(&format!("an icon that says “{says}”"), LIMIT, async || {
                for icon in panel::icons(desktop.bus()).await? {
                    if icon.tooltip().await?.contains(says) {
                        return Ok(Some(()));
                    }
                }
                Ok(None)
            })
            .await?;
        }
        let name = if dark { "tray-dark" } else { "tray-light" };
        convert.arg(desktop.screenshot(None, name).await?);
    }
    convert.args(["-gravity", "NorthEast", "-crop", "296x72+0+0", "+repage", "-append"]).arg(picture);
    run_to_its_end("convert", convert, "", &scratch, LIMIT).await?.success()?;
    println!("{}", picture.display());
    Ok(())
}

/// The panel, and what keeps its settings.
async fn panel_of_xfce(desktop: &Desktop, dark: bool) -> anyhow::Result<[Process; 2]> {
    desktop.scratch().write("home/.config/xfce4/xfconf/xfce-perchannel-xml/xfce4-panel.xml", settings(dark))?;
    // Nobody starts services by their names here.
    let service = fs::read_to_string("/usr/share/dbus-1/services/org.xfce.Xfconf.service").context("no Xfce")?;
    let program = service.lines().find_map(|line| line.strip_prefix("Exec=")).context("a service has a program")?;
    let kept = Process::spawn("xfconfd", desktop.command(program), desktop.scratch())?;
    until_named(desktop, "org.xfce.Xfconf").await?;
    let mut panel = desktop.command("xfce4-panel");
    // As on a screen with small pixels, and without a window manager.
    panel.arg("--disable-wm-check").env("GDK_SCALE", "2");
    let panel = Process::spawn("xfce4-panel", panel, desktop.scratch())?;
    until_named(desktop, "org.kde.StatusNotifierWatcher").await?;
    Ok([panel, kept])
}

async fn until_named(desktop: &Desktop, name: &'static str) -> anyhow::Result<()> {
    until(name, LIMIT, async || Ok(desktop.has_service(name).await?.then_some(()))).await
}

fn settings(dark: bool) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array">
    <value type="int" value="1"/>
    <property name="dark-mode" type="bool" value="{dark}"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=6;x=0;y=0"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="length" type="uint" value="100"/>
      <property name="size" type="uint" value="36"/>
      <property name="icon-size" type="uint" value="0"/>
      <property name="plugin-ids" type="array"><value type="int" value="1"/><value type="int" value="2"/></property>
    </property>
  </property>
  <property name="plugins" type="empty">
    <property name="plugin-1" type="string" value="separator">
      <property name="expand" type="bool" value="true"/>
      <property name="style" type="uint" value="0"/>
    </property>
    <property name="plugin-2" type="string" value="systray">
      <property name="square-icons" type="bool" value="true"/>
    </property>
  </property>
</channel>
"#
    )
}
