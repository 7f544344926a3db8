//! Where Prefect looks, and in which order it believes what it finds.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use directories::BaseDirs;
use postern_gateway::Secret;
use zeroize::Zeroizing;

use super::candidate::{Candidate, Settings};
use super::settings::{self, Name, Named, Setting, Value};
use super::{Found, Spot};
use crate::text::capitalised;
use crate::view::Trouble;

/// What of a process Prefect looks at.
#[derive(Clone, Default)]
pub struct Surroundings {
    /// The current folder; `None` where there is none.
    pub folder: Option<PathBuf>,
    /// The user's home.
    pub home: Option<PathBuf>,
    /// `PREFECT_…`
    pub variables: Vec<(String, Secret)>,
}

impl Surroundings {
    /// This process's.
    #[must_use]
    pub fn here() -> Self {
        let prefects = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            let name = name.into_string().ok().filter(|name| name.to_ascii_uppercase().starts_with("PREFECT_"))?;
            Some((name, Secret::new(value.into_string().ok()?)))
        };
        Self {
            folder: std::env::current_dir().ok(),
            home: BaseDirs::new().map(|dirs| dirs.home_dir().to_owned()),
            variables: std::env::vars_os().filter_map(prefects).collect(),
        }
    }

    /// From the current folder, or from the home where it begins with `~`.
    pub(super) fn path(&self, text: &str) -> PathBuf {
        match (text.strip_prefix("~/"), &self.home, &self.folder) {
            (Some(rest), Some(home), _) => home.join(rest),
            (_, _, Some(folder)) => folder.join(text),
            (_, _, None) => PathBuf::from(text),
        }
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { folder, home, variables } = self;
        let names: Vec<&str> = variables.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Surroundings").field("folder", folder).field("home", home).field("variables", &names).finish()
    }
}

/// Reads all of it. Blocks.
#[must_use]
pub fn find(at: &Surroundings) -> Found {
    find_in(at, read)
}

/// The same, of what `read` says is in a file; `None` where there is none.
pub(super) fn find_in(at: &Surroundings, read: impl Fn(&Path) -> io::Result<Option<Zeroizing<String>>>) -> Found {
    let mut found = Found { places: vec!["variables named PREFECT_…".to_owned()], ..Found::default() };
    let open = |path: &Path, found: &mut Found| {
        found.places.push(path.display().to_string());
        read(path).unwrap_or_else(|error| {
            found.troubles.push(unreadable(path, &error));
            None
        })
    };

    let mut layers = vec![Layer { key: "environment", settings: settings::environment(&at.variables) }];
    if let Some(folder) = &at.folder {
        for key in [DOTENV, PREFECT, PYPROJECT] {
            let path = folder.join(key);
            let Some(text) = open(&path, &mut found) else { continue };
            let troubles = &mut found.troubles;
            let settings = match key {
                DOTENV => settings::dotenv(&path, &text, troubles),
                PREFECT => settings::table(&path, &text, &[], troubles),
                _ => settings::table(&path, &text, &["tool", "prefect"], troubles),
            };
            layers.push(Layer { key, settings });
        }
    }

    let (mut active, mut profiles) = (None, Vec::new());
    if let Some(path) = profiles_file(at, &layers)
        && let Some(text) = open(&path, &mut found)
    {
        (active, profiles) = settings::profiles(&path, &text, &mut found.troubles);
    }
    let variables: Vec<&Setting> = layers.iter().take(1).flat_map(|layer| &layer.settings).collect();
    let active = text_of(&variables, Name::Profile).or(active);
    found.candidates = candidates(at, &layers, &profiles, active.as_deref());
    found
}

const DOTENV: &str = ".env";
const PREFECT: &str = "prefect.toml";
const PYPROJECT: &str = "pyproject.toml";

/// One place's settings.
struct Layer {
    /// What a candidate from there is called.
    key: &'static str,
    settings: Vec<Setting>,
}

fn candidates(at: &Surroundings, layers: &[Layer], profiles: &[Named], active: Option<&str>) -> Vec<Candidate> {
    let active = profiles.iter().find(|profile| Some(profile.name.as_str()) == active);
    // As Prefect has it: what comes first counts.
    let places = layers.iter().map(|layer| &*layer.settings).chain(active.map(|profile| &*profile.settings));
    let used = places.clone().find_map(address_of);
    let elsewhere = |address: &Setting| used.is_some_and(|used| used.value != address.value);
    let together = places.filter(|place| !address_of(place).is_some_and(elsewhere));
    let together = together.flat_map(|place| {
        // A folder may be anybody's work: where it does not say which server is meant, no other is trusted for its sake.
        let of_folder = layers.iter().skip(1).any(|layer| std::ptr::eq(&*layer.settings, place));
        let vague = of_folder && address_of(place).is_none();
        place.iter().filter(move |setting| !(vague && matches!(setting.name, Name::CertFile | Name::SkipVerify)))
    });
    let together: Vec<&Setting> = together.collect();

    let mut candidates: Vec<Candidate> = Vec::new();
    let mut add = |key: &str, name: &str, own: &[Setting], spot: Spot| {
        let address = address_of(own);
        let in_use = address.is_some() && address == used;
        let settings = if in_use { together.clone() } else { own.iter().collect() };
        let spot = address.map_or(spot, |setting| setting.spot.clone());
        let mut candidate = Candidate::new(key, name, spot, in_use, &Settings { settings, at });
        candidate.note_same(&candidates);
        candidates.push(candidate);
    };
    for Layer { key, settings } in layers {
        if let Some(address) = address_of(settings) {
            add(key, "", settings, address.spot.clone());
        }
    }
    for Named { name, spot, settings } in profiles {
        let taken = layers.iter().any(|layer| layer.key == name);
        let key = if taken { format!("profile:{name}") } else { name.clone() };
        add(&key, name, settings, spot.clone());
    }
    candidates
}

fn address_of(settings: &[Setting]) -> Option<&Setting> {
    settings.iter().find(|setting| setting.name == Name::ApiUrl)
}

/// `PREFECT_PROFILES_PATH` from wherever it is set, else `profiles.toml` in Prefect's home.
fn profiles_file(at: &Surroundings, layers: &[Layer]) -> Option<PathBuf> {
    let all: Vec<&Setting> = layers.iter().flat_map(|layer| &layer.settings).collect();
    let variables: Vec<&Setting> = layers.iter().take(1).flat_map(|layer| &layer.settings).collect();
    if let Some(path) = text_of(&all, Name::ProfilesPath) {
        return Some(at.path(&path));
    }
    let home = match text_of(&variables, Name::Home) {
        Some(home) => at.path(&home),
        None => at.home.as_ref()?.join(".prefect"),
    };
    Some(home.join("profiles.toml"))
}

/// What is no secret.
fn text_of(settings: &[&Setting], name: Name) -> Option<String> {
    let setting = settings.iter().find(|setting| setting.name == name)?;
    match &setting.value {
        Value::Text(text) => Some(text.expose().to_owned()),
        Value::Pairs(_) => None,
    }
}

fn read(path: &Path) -> io::Result<Option<Zeroizing<String>>> {
    /// More than anyone's settings.
    const LARGEST: u64 = 1 << 20;
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return Err(io::Error::other("it is not a small plain file"));
    }
    // Large enough from the start: what is read leaves no copy behind.
    let mut text = Zeroizing::new(String::with_capacity(LARGEST as usize + 1));
    file.take(LARGEST).read_to_string(&mut text)?;
    Ok(Some(text))
}

fn unreadable(path: &Path, error: &io::Error) -> Trouble {
    let sentence = format!("{} cannot be read: {error}.", path.display());
    Trouble::new("settings_unreadable", capitalised(&sentence), "Make it readable and look again.")
}
