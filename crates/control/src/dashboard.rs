//! What a dashboard's window shows beside its page, and what of it is kept between runs.
//!
//! 1. What is kept is a zoom, a place on the screen, and a path of the UI: [`page`] leaves out what may be a secret. It
//!    lies with the window's own storage, and goes with it when the profile is removed.
//! 2. A file that cannot be read is as good as none: it says nothing that a person has set.

use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use url::{Url, form_urlencoded};

use crate::controller::{ALLOWED, Connection, State};
use crate::profile::{Color, Profile, ProfileId};
use crate::store::disk;
use crate::view::Trouble;

/// What a window shows beside the server's page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dashboard {
    /// The profile's name.
    pub name: String,
    /// The profile's colour.
    pub color: Option<Color>,
    /// Its gateway is there: where a page does not load, that is not why.
    pub stands: bool,
    /// What a person should know before they trust what the page shows.
    pub notice: Option<Notice>,
    /// Whether what is done in the window changes the server; `None` where nothing keeps it from that.
    pub changes: Option<Changes>,
}

/// Whether a read-only profile's window may write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changes {
    /// It may not.
    Refused {
        /// What a person is asked who wants to; `None` while there is no gateway to let anything through.
        question: Option<Question>,
    },
    /// For a while it may.
    Allowed {
        /// By the clock on the wall.
        until: SystemTime,
    },
}

/// What a person is asked before a read-only profile's window may write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// In a sentence.
    pub title: String,
    /// What that means.
    pub text: String,
    /// The server that it is about.
    pub server: Url,
}

/// How long changes are still allowed, in words; `None` when that is over.
#[must_use]
pub fn left(until: SystemTime, now: SystemTime) -> Option<String> {
    let left = until.duration_since(now).ok().filter(|left| !left.is_zero())?;
    // One that has begun counts.
    Some(format!("Changes allowed: {} min left", left.as_secs().div_ceil(60).max(1)))
}

/// Why the page may be out of date, or not there at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What is wrong, and what to do about it.
    pub text: String,
    /// What the notice's button says, where it has one: it connects the profile.
    pub connect: Option<&'static str>,
}

/// Computes it from the state; `None` for a profile that is not there.
#[must_use]
pub fn dashboard(state: &State, id: &ProfileId) -> Option<Dashboard> {
    let entry = state.entry(id)?;
    let profile = &entry.profile;
    let notice = match &entry.connection {
        Connection::Up { .. } => None,
        Connection::Off => Some(Notice {
            text: format!("{} is disconnected. What you see may be out of date.", profile.name),
            connect: Some("Connect"),
        }),
        Connection::Starting => Some(Notice { text: format!("Connecting to {}…", profile.name), connect: None }),
        Connection::Unlocking => {
            let text = format!("{} waits for your keychain to be unlocked.", profile.name);
            Some(Notice { text, connect: None })
        }
        Connection::Checking => {
            Some(Notice { text: format!("Checking whether {} still answers…", profile.name), connect: None })
        }
        Connection::Failing { trouble, .. }
        | Connection::SignInRequired { trouble }
        | Connection::PortTaken { trouble } => {
            Some(Notice { text: format!("{} {}", trouble.sentence, trouble.remedy), connect: Some("Try again") })
        }
    };
    let changes = profile.read_only.then(|| match entry.changes {
        Some(changes) => Changes::Allowed { until: changes.until },
        None => Changes::Refused { question: entry.is_listening().then(|| question(profile)) },
    });
    let stands = entry.is_listening();
    Some(Dashboard { name: profile.name.clone(), color: profile.color, stands, notice, changes })
}

fn question(profile: &Profile) -> Question {
    let (name, minutes) = (&profile.name, ALLOWED.as_secs() / 60);
    let host = profile.url.host_str().unwrap_or_default();
    Question {
        title: format!("Allow changes to {name} for {minutes} minutes?"),
        text: format!(
            "What you do in this window then changes {host}: runs start and stop, what you delete is gone, and the \
             secrets of blocks can be read. Programs and your browser stay read-only. After {minutes} minutes, or when you close the window, it is read-only again."
        ),
        server: profile.url.clone(),
    }
}

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

/// How large a page is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Zoom(u16);

/// Where a window is, in pixels of a screen whose scale is 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Of the left edge; to the left of the first screen it is negative.
    pub x: f64,
    /// Of the upper edge.
    pub y: f64,
    /// Without the frame.
    pub width: f64,
    /// Without the frame.
    pub height: f64,
    /// It fills its screen; what else is said here holds when it does so no more.
    #[serde(default)]
    pub maximized: bool,
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

impl Default for Zoom {
    fn default() -> Self {
        Self(100)
    }
}

impl Zoom {
    /// As browsers have them, in percent.
    const STEPS: [u16; 14] = [30, 50, 67, 80, 90, 100, 110, 120, 133, 150, 170, 200, 240, 300];

    /// One step larger, up to the largest.
    #[must_use]
    pub fn larger(self) -> Self {
        Self::STEPS.into_iter().find(|step| *step > self.0).map_or(self.bounded(), Self)
    }

    /// One step smaller, down to the smallest.
    #[must_use]
    pub fn smaller(self) -> Self {
        Self::STEPS.into_iter().rev().find(|step| *step < self.0).map_or(self.bounded(), Self)
    }

    /// In percent.
    #[must_use]
    pub fn percent(self) -> u16 {
        self.bounded().0
    }

    /// 1 for 100 %.
    #[must_use]
    pub fn factor(self) -> f64 {
        f64::from(self.percent()) / 100.0
    }

    /// A file may say anything.
    fn bounded(self) -> Self {
        let [smallest, .., largest] = Self::STEPS;
        Self(self.0.clamp(smallest, largest))
    }
}

/// A screen, in the same pixels as a [`Place`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Screen {
    /// Of its left edge.
    pub x: f64,
    /// Of its upper edge.
    pub y: f64,
    /// Its width.
    pub width: f64,
    /// Its height.
    pub height: f64,
}

impl Place {
    /// Whether a person finds the window again on these screens: so much of its upper edge is on one of them that it can be
    /// taken hold of. A screen may have been unplugged since.
    #[must_use]
    pub fn is_on(&self, screens: &[Screen]) -> bool {
        const HOLD: (f64, f64) = (120.0, 40.0);
        screens.iter().any(|screen| {
            let seen = (self.x + self.width).min(screen.x + screen.width) - self.x.max(screen.x);
            let (top, bottom) = (screen.y, screen.y + screen.height);
            seen >= HOLD.0 && self.y >= top && self.y + HOLD.1 <= bottom
        })
    }

    /// The same place, no larger than the largest of these screens: a file may say anything. `None` for what is none at
    /// all.
    #[must_use]
    pub fn bounded(self, screens: &[Screen]) -> Option<Self> {
        let largest = |side: fn(&Screen) -> f64| screens.iter().map(side).reduce(f64::max);
        let (width, height) = (largest(|screen| screen.width)?, largest(|screen| screen.height)?);
        let finite = [self.x, self.y, self.width, self.height].into_iter().all(f64::is_finite);
        finite.then(|| Self { width: self.width.clamp(0.0, width), height: self.height.clamp(0.0, height), ..self })
    }
}

/// What of a page's path is kept: the path, and of its query what does not look like a secret. `None` for what is no page
/// of the UI's.
#[must_use]
pub fn page(path: &str) -> Option<String> {
    /// More than any page of Prefect's has.
    const LONGEST: usize = 2048;
    let url = Url::parse("http://localhost").ok()?.join(path).ok()?;
    let first = url.path_segments()?.next().unwrap_or_default();
    if !path.starts_with('/') || path.starts_with("//") || matches!(first, ".postern" | "api") {
        return None;
    }
    let query = url.query().and_then(harmless).map_or_else(String::new, |query| format!("?{query}"));
    let page = format!("{}{query}", url.path());
    (page.len() <= LONGEST).then_some(page)
}

/// Those fields of a query, or of a fragment that is like one, that do not look like secrets; as they are written.
fn harmless(fields: &str) -> Option<String> {
    let hides = |field: &&str| form_urlencoded::parse(field.as_bytes()).any(|(key, _)| is_secret(&key));
    let harmless: Vec<&str> = fields.split('&').filter(|field| !hides(field)).collect();
    Some(harmless.join("&")).filter(|fields| !fields.is_empty())
}

/// Whether a field of this name may hold a secret, such as a sign-in's answer.
fn is_secret(key: &str) -> bool {
    const PARTS: &str = "assertion auth code credential jwt key otp pass saml secret session sig ticket token";
    let key = key.to_ascii_lowercase();
    PARTS.split(' ').any(|part| key.contains(part))
}

/// Where colleagues find the page that is at this address of the profile's gateway: the server's own address, without
/// anything of ours, and without what looks like a secret. A page of the gateway's own leads to the server's first page.
#[must_use]
pub fn server_link(profile: &Profile, address: &Url) -> Url {
    let mut link = profile.url.clone();
    let base = profile.url.path().trim_end_matches('/');
    let path = address.path();
    let below = path.strip_prefix(base).filter(|below| below.is_empty() || below.starts_with('/')).unwrap_or(path);
    if below.split('/').nth(1) != Some(".postern") {
        link.set_path(&format!("{base}{below}"));
        link.set_query(address.query().and_then(harmless).as_deref());
        link.set_fragment(address.fragment().and_then(harmless).as_deref());
    }
    link
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use postern_gateway::Fault;

    use super::*;
    use crate::controller::fixture::{Stage, at, failing, id, profile, unreachable, up, written};
    use crate::controller::{AtStart, Event};

    #[test]
    fn a_window_says_what_keeps_its_page_from_being_true() {
        let mut stage = Stage::with(AtStart::None, &[profile("prod", 4201)]);
        let mut said = Vec::new();
        let mut look = |stage: &Stage, when: &str| {
            let notice = dashboard(&stage.state, &id("prod")).unwrap().notice;
            let notice = notice.map(|Notice { text, connect }| format!("{text} [{}]", connect.unwrap_or_default()));
            said.push(format!("{when}: {}", notice.unwrap_or_default()));
        };
        look(&stage, "off");
        stage.take(Event::Connect(id("prod")));
        look(&stage, "starting");
        stage.starts();
        stage.probed(up());
        look(&stage, "up");
        stage.take(Event::WorldChanged);
        look(&stage, "checking");
        stage.probed(up());
        stage.probed(failing(unreachable()));
        look(&stage, "away");
        stage.probed(failing(Fault::SignInRequired { provider: "sso.example.com".to_owned() }));
        look(&stage, "sign-in");
        stage.take(Event::Disconnect(id("prod")));
        look(&stage, "off");
        assert_snapshot!(said.join("\n"), @r"
        off: prod.example.com is disconnected. What you see may be out of date. [Connect]
        starting: Connecting to prod.example.com… []
        up: 
        checking: Checking whether prod.example.com still answers… []
        away: The server at prod.example.com:443 cannot be reached: connection refused. Check that the server runs, that address and port are right, and whether a VPN must be on. [Try again]
        sign-in: The server's edge sends you to sso.example.com to sign in. Ask who runs the server for a service token, and add its headers to the profile. [Try again]
        off: prod.example.com is disconnected. What you see may be out of date. [Connect]
        ");
        assert_eq!(dashboard(&stage.state, &id("gone")), None);
    }

    #[test]
    fn a_read_only_profiles_window_asks_with_the_servers_name_and_says_how_long_changes_are_allowed() {
        let read_only = crate::profile::Written { read_only: true, ..written("prod", 4201) }.check().unwrap();
        let mut stage = Stage::with(AtStart::None, &[read_only, profile("free", 4202)]);
        let changes = |stage: &Stage, name: &str| dashboard(&stage.state, &id(name)).unwrap().changes;
        assert_eq!(changes(&stage, "free"), None);
        assert_eq!(changes(&stage, "prod"), Some(Changes::Refused { question: None }));
        stage.take(Event::Connect(id("prod")));
        stage.starts();
        let Some(Changes::Refused { question: Some(Question { title, text, server }) }) = changes(&stage, "prod")
        else {
            panic!("nothing is asked")
        };
        assert_eq!(title, "Allow changes to prod.example.com for 15 minutes?");
        assert!(text.contains("changes prod.example.com: "), "{text}");
        stage.take(Event::AllowChanges { id: id("prod"), server, at: at(0) });
        assert_eq!(changes(&stage, "prod"), Some(Changes::Allowed { until: at(900) }));
        for (now, said) in [
            (0, Some("Changes allowed: 15 min left")),
            (1, Some("Changes allowed: 15 min left")),
            (60, Some("Changes allowed: 14 min left")),
            (899, Some("Changes allowed: 1 min left")),
            (900, None),
            (5000, None),
        ] {
            assert_eq!(left(at(900), at(now)).as_deref(), said, "{now}");
        }
    }

    #[test]
    fn what_is_kept_of_a_page_is_a_path_of_the_uis_and_no_secret() {
        for (path, expected) in [
            ("/", Some("/")),
            ("/v2/runs?state=failed&tab=logs#top", Some("/v2/runs?state=failed&tab=logs")),
            ("/prefect/v2/flows/1", Some("/prefect/v2/flows/1")),
            ("/v2/runs?q=%26%3D", Some("/v2/runs?q=%26%3D")),
            ("/v2/x?token=canary&page=2&API_KEY=canary&X-Auth=canary&passwd=canary", Some("/v2/x?page=2")),
            ("/v2/x?code=canary&session_id=canary&signature=canary", Some("/v2/x")),
            ("/v2/x?jwt=canary&ticket=canary&otp=canary&client_assertion=canary&SAMLResponse=canary", Some("/v2/x")),
            ("/v2/x?%74oken=canary&a+b=c&tags[]=x", Some("/v2/x?a+b=c&tags[]=x")),
            ("/v2/x#access_token=canary", Some("/v2/x")),
            ("/.postern/enter?pass=canary", None),
            ("/api/admin/version", None),
            ("//evil.example/x", None),
            ("https://evil.example/x", None),
            ("v2", None),
            ("", None),
        ] {
            assert_eq!(page(path).as_deref(), expected, "{path}");
            // What is kept once is kept as it is.
            assert_eq!(page(path).and_then(|page| super::page(&page)), page(path), "{path}");
        }
        assert_eq!(page(&format!("/{}", "a".repeat(3000))), None);
    }

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

    #[test]
    fn zoom_goes_in_steps_and_ends_somewhere() {
        let steps = |step: fn(Zoom) -> Zoom| {
            let zooms = std::iter::successors(Some(Zoom::default()), |zoom| Some(step(*zoom)));
            zooms.map(Zoom::percent).take(10).collect::<Vec<_>>()
        };
        assert_eq!(steps(Zoom::larger), [100, 110, 120, 133, 150, 170, 200, 240, 300, 300]);
        assert_eq!(steps(Zoom::smaller), [100, 90, 80, 67, 50, 30, 30, 30, 30, 30]);
        assert_eq!((Zoom(105).larger().percent(), Zoom(105).smaller().percent()), (110, 100));
    }

    #[test]
    fn a_place_counts_only_where_the_window_can_be_taken_hold_of() {
        let left = Screen { x: 0.0, y: 0.0, width: 1440.0, height: 900.0 };
        let right = Screen { x: 1440.0, y: -180.0, width: 1920.0, height: 1080.0 };
        for (x, y, screens, expected) in [
            (100.0, 100.0, &[left][..], true),
            (1400.0, 100.0, &[left], false),
            (1400.0, 100.0, &[left, right], true),
            (2000.0, -180.0, &[left, right], true),
            (2000.0, -180.0, &[left], false),
            (-700.0, 10.0, &[left], false),
            (-600.0, 10.0, &[left], true),
            (100.0, -300.0, &[left], false),
            (100.0, 880.0, &[left], false),
            (100.0, 100.0, &[], false),
        ] {
            let place = Place { x, y, width: 800.0, height: 600.0, maximized: false };
            assert_eq!(place.is_on(screens), expected, "{x} {y} {screens:?}");
        }
    }

    #[test]
    fn a_window_is_no_larger_than_a_screen_and_has_a_size_at_all() {
        let wide = Screen { x: 0.0, y: 0.0, width: 1920.0, height: 1080.0 };
        let tall = Screen { x: 1920.0, y: 0.0, width: 1080.0, height: 1920.0 };
        for (width, height, screens, expected) in [
            (800.0, 600.0, &[wide][..], Some((800.0, 600.0))),
            (1e300, 600.0, &[wide], Some((1920.0, 600.0))),
            (5000.0, 5000.0, &[wide, tall], Some((1920.0, 1920.0))),
            (-5.0, 600.0, &[wide], Some((0.0, 600.0))),
            (f64::NAN, 600.0, &[wide], None),
            (800.0, f64::INFINITY, &[wide], None),
            (800.0, 600.0, &[], None),
        ] {
            let place = Place { x: 0.0, y: 0.0, width, height, maximized: false };
            let bounded = place.bounded(screens).map(|place| (place.width, place.height));
            assert_eq!(bounded, expected, "{width} {height} {screens:?}");
        }
        let nowhere = Place { x: f64::NAN, y: 0.0, width: 800.0, height: 600.0, maximized: false };
        assert_eq!(nowhere.bounded(&[wide]).map(|place| place.width), None);
    }

    #[test]
    fn a_copied_link_is_one_that_a_colleague_can_open() {
        let at = |url: &str| {
            let url = url.to_owned();
            crate::profile::Written { url, ..written("prod", 4201) }.check().unwrap()
        };
        for (server, address, expected) in [
            (
                "https://s.example.com",
                "http://prod.localhost:4201/v2/runs?x=1#top",
                "https://s.example.com/v2/runs?x=1#top",
            ),
            (
                "https://s.example.com/prefect",
                "http://prod.localhost:4201/prefect/v2/runs",
                "https://s.example.com/prefect/v2/runs",
            ),
            (
                "https://s.example.com/prefect",
                "http://prod.localhost:4201/v2/runs",
                "https://s.example.com/prefect/v2/runs",
            ),
            (
                "https://s.example.com/prefect",
                "http://prod.localhost:4201/prefecture",
                "https://s.example.com/prefect/prefecture",
            ),
            ("https://s.example.com:8443/p/", "http://prod.localhost:4201/", "https://s.example.com:8443/p/"),
            (
                "https://s.example.com/p",
                "http://prod.localhost:4201/.postern/enter?pass=canary",
                "https://s.example.com/p",
            ),
            (
                "https://s.example.com",
                "http://prod.localhost:4201//evil.example/x",
                "https://s.example.com//evil.example/x",
            ),
            (
                "https://s.example.com",
                "http://prod.localhost:4201/v2/x?tags[]=a%20b&token=canary#access_token=canary&state=open",
                "https://s.example.com/v2/x?tags[]=a%20b#state=open",
            ),
            (
                "https://s.example.com",
                "http://prod.localhost:4201/v2/x?jwt=canary#id_token=canary",
                "https://s.example.com/v2/x",
            ),
        ] {
            assert_eq!(server_link(&at(server), &address.parse().unwrap()).as_str(), expected, "{address}");
        }
    }
}
