//! A person's desktop on a screen of its own, with profiles where Postern looks for them and passwords in the
//! keychain.

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
    /// A home with these profiles.
    pub(crate) async fn new(profiles: &str) -> anyhow::Result<Self> {
        println!("starting a desktop: X server, session bus, keychain");
        let desktop = Desktop::start().await?;
        desktop.scratch().write("home/.config/postern/profiles.toml", format!("version = 1\n{profiles}"))?;
        let panel = Panel::start(&desktop).await?;
        Ok(Self { desktop, _panel: panel })
    }

    /// Saves a profile's secret, as a person at a terminal does.
    pub(crate) async fn save(&self, id: &str, slot: &str, secret: &str) -> anyhow::Result<()> {
        let mut postern = self.desktop.command(app::binary()?.with_file_name("postern"));
        postern.args(["secret", "set", id, slot]);
        run("postern", postern, secret, self.desktop.scratch(), LIMIT).await?.success()?;
        Ok(())
    }
}
