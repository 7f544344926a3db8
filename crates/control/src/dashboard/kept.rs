//! What is kept of a window between runs: a zoom, a place on the screen, and a path of the UI.
//!
//! 1. [`page`] leaves out what may be a secret. It lies with the window's own storage, and goes with it when the profile is
//!    removed.
//! 2. A file that cannot be read is as good as none: it says nothing that a person has set.

use std::path::Path;

use serde::{Deserialize, Serialize};
use url::Url;

use super::{Place, Zoom};
use crate::link::harmless::page;
use crate::store::disk;
use crate::view::Trouble;

/// What is kept of one profile's window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    /// Percent.
    pub zoom: Zoom,
    /// The path of the page that was shown, as [`page`] makes it.
    page: Option<String>,
    /// Where the window was.
    pub place: Option<Place>,
}

impl Kept {
    const FILE: &str = "window.toml";

    /// Reads what is kept in a window's folder.
    #[must_use]
    pub fn load(folder: &Path) -> Self {
        let path = folder.join(Self::FILE);
        let read = disk::read(&path).map_err(|trouble| trouble.sentence);
        let kept = read.and_then(|text| toml::from_str(&text.unwrap_or_default()).map_err(|error| error.to_string()));
        kept.unwrap_or_else(|error| {
            tracing::warn!(path = %path.display(), error, "what a dashboard's window was like is forgotten");
            Self::default()
        })
    }

    /// Writes it there, whole or not at all. Waits for the disk.
    ///
    /// # Errors
    /// Why it stays as it was.
    pub fn save(&self, folder: &Path) -> Result<(), Trouble> {
        let failed = |error: &dyn std::error::Error| {
            Trouble::new("window_not_kept", format!("{}: {error}.", folder.display()), "Make the folder writable.")
        };
        let text = toml::to_string(self).map_err(|error| failed(&error))?;
        std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
        disk::write(&folder.join(Self::FILE), &text)
    }

    /// The page to open again: a local path.
    #[must_use]
    pub fn page(&self) -> &str {
        // The file may be anybody's by now.
        self.page.as_deref().filter(|page| self::page(page).as_deref() == Some(*page)).unwrap_or("/")
    }

    /// Keeps the page that is at this address of the gateway's, where it is one of the UI's.
    pub fn set_page(&mut self, address: &Url) {
        if let Some(page) = page(&address[url::Position::BeforePath..]) {
            self.page = Some(page);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_back_and_a_broken_file_is_as_good_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("profile-prod");
        assert_eq!(Kept::load(&dir), Kept::default());
        let place = Some(Place { x: -8.0, y: 20.0, width: 800.0, height: 600.0, maximized: true });
        let mut kept = Kept { zoom: Zoom::default().larger(), place, ..Kept::default() };
        for page in ["/v2/runs?token=canary&page=2", "/.postern/enter?pass=canary"] {
            kept.set_page(&format!("http://prod.localhost:4201{page}").parse().unwrap());
        }
        kept.save(&dir).unwrap();
        assert_eq!(Kept::load(&dir), kept);
        assert_eq!(kept.page(), "/v2/runs?page=2");
        let file = dir.join("window.toml");
        assert!(!std::fs::read_to_string(&file).unwrap().contains("canary"));
        for (text, zoom, page) in [
            ("zoom = \"large\"", 100, "/"),
            ("zoom = 9999", 300, "/"),
            ("zoom = 1\npage = \"//evil.example\"", 30, "/"),
            ("page = \"/x?token=canary\"", 100, "/"),
            ("later = true\npage = \"/v2\"", 100, "/v2"),
            ("[", 100, "/"),
        ] {
            std::fs::write(&file, text).unwrap();
            let kept = Kept::load(&dir);
            assert_eq!((kept.zoom.percent(), kept.page()), (zoom, page), "{text}");
        }
    }
}
