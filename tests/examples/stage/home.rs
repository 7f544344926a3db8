//! A person's desktop on a screen of its own, where Postern is a program among others: its profiles and secrets
//! lie where it looks for them by itself.

use std::path::PathBuf;
use std::time::Duration;

use postern_tests::desktop::panel::Panel;
use postern_tests::desktop::{Desktop, app};
use postern_tests::process::run;

const LIMIT: Duration = Duration::from_secs(20);

/// The desktop, with the panel that shows the tray icon.
pub(crate) struct Home {
    pub(crate) desktop: Desktop,
    _panel: Panel,
}

impl Home {
    pub(crate) async fn new() -> anyhow::Result<Self> {
        println!("starting a desktop: X server, session bus, keychain");
        let desktop = Desktop::start().await?;
        let panel = Panel::start(&desktop).await?;
        Ok(Self { desktop, _panel: panel })
    }

    /// Adds a profile and saves its secrets, as a person at a terminal does.
    pub(crate) async fn add(&self, arguments: &[&str], secrets: &[(&str, &str)]) -> anyhow::Result<()> {
        let mut postern = self.desktop.command(program()?);
        postern.args(arguments).args(["--secrets-from", "-"]);
        let lines: String = secrets.iter().map(|(slot, secret)| format!("{slot}={secret}\n")).collect();
        run("postern", postern, &lines, self.desktop.scratch(), LIMIT).await?.success()?;
        Ok(())
    }
}

/// The command line, which is built beside the app.
pub(crate) fn program() -> anyhow::Result<PathBuf> {
    Ok(app::binary()?.with_file_name("postern"))
}

/// What the title bar of a profile's dashboard says.
pub(crate) fn title(name: &str) -> String {
    format!("{name} — Prefect")
}
