//! What a person sends to whoever is to find out what went wrong: one archive, which says itself what is in it.
//!
//! 1. No secret is in it, for none is in what it is made of: profiles and settings as they are understood (never the
//!    files' own text, into which anybody may have typed anything), the log, and what looks at servers came to.
//! 2. Names of hosts, users and profiles are kept or removed, as its person likes: as in the diagnosis's report.
//! 3. It is written whole or not at all, over nothing, for its owner alone. Its person reads it before anybody else.

use std::cmp::Reverse;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use postern_gateway::Proxy;
use time::OffsetDateTime;
use time::macros::format_description;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::controller::State;
use crate::crash::Crash;
use crate::diagnosis::{self, installed, mask};
use crate::download;
use crate::folders::Folders;
use crate::log;
use crate::look::{End, Look};
use crate::profile::{Edge, Profile, ProfileId, file};
use crate::settings::Settings;
use crate::store::Store;
use crate::view::{Trouble, label};

/// Whether it says whom it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// As they are.
    Kept,
    /// Others stand in their place: for a ticket that everybody can read.
    Removed,
}

/// What a report is made of.
#[derive(Debug)]
pub struct Material {
    logs: PathBuf,
    versions: Vec<(&'static str, String)>,
    profiles: Vec<Profile>,
    settings: Option<Settings>,
    /// How each server is, and what is wrong beside.
    lines: Vec<String>,
    looks: Vec<(String, diagnosis::Report)>,
}

impl Material {
    /// Of a running Postern. `versions` are those of what it runs on.
    #[must_use]
    pub fn of(state: &State, folders: &Folders, versions: Vec<(&'static str, String)>) -> Self {
        let looks = state.entries.iter().filter_map(|entry| {
            let Some(Look { end: Some(End::Seen { report, .. }), .. }) = &entry.look else { return None };
            Some((entry.profile.id.to_string(), (**report).clone()))
        });
        let crash = state.crash.as_ref().map(Crash::trouble);
        let troubles = [&state.file_trouble, &state.settings_trouble, &state.vault_trouble, &crash]
            .into_iter()
            .flatten()
            .map(said);
        let servers = state.entries.iter().map(|entry| {
            let connection = &entry.connection;
            let trouble = connection.trouble().map(|trouble| format!(": {}", said(trouble))).unwrap_or_default();
            format!("{}: {}{trouble}", entry.profile.id, label(connection))
        });
        Self {
            logs: folders.logs(),
            versions,
            profiles: state.profiles().into_iter().cloned().collect(),
            settings: state.settings_trouble.is_none().then_some(state.settings),
            looks: looks.collect(),
            lines: troubles.chain(servers).collect(),
        }
    }

    /// Of what is on the disk, where Postern does not run.
    #[must_use]
    pub fn at_rest(folders: &Folders) -> Self {
        let store = Store::load(folders.clone());
        let settings = Settings::load(folders);
        Self {
            logs: folders.logs(),
            versions: Vec::new(),
            profiles: store.profiles().to_vec(),
            lines: store.trouble().into_iter().chain(settings.as_ref().err()).map(said).collect(),
            settings: settings.ok(),
            looks: Vec::new(),
        }
    }

    /// Adds why the server of this profile could not be looked at.
    pub fn add_trouble(&mut self, id: &ProfileId, trouble: &Trouble) {
        self.lines.push(format!("{id}: {}", said(trouble)));
    }

    /// Adds what a look at the profile of this id came to.
    pub fn add(&mut self, id: String, report: diagnosis::Report) {
        self.looks.push((id, report));
    }

    /// The archive's files: their names, what they are, and their texts; as they are read.
    fn files(&self) -> Vec<(String, &'static str, String)> {
        let mut files = vec![("versions.txt".to_owned(), "what runs here", self.versions())];
        let mut add = |name: &str, what, text: String| files.push((name.to_owned(), what, text));
        if !self.lines.is_empty() {
            add("state.txt", "how each server is, and what is wrong", self.lines.join("\n") + "\n");
        }
        if !self.profiles.is_empty() {
            add("profiles.toml", "the servers' settings: no passwords, no tokens", file::edit("", &[], &self.profiles));
        }
        if let Some(text) = self.settings.as_ref().and_then(|settings| toml::to_string(settings).ok()) {
            add("settings.toml", "Postern's own settings", text);
        }
        for (id, report) in &self.looks {
            let text = serde_json::to_string_pretty(report).unwrap_or_default();
            add(&format!("diagnosis/{id}.json"), "what the last look at this server came to", text + "\n");
        }
        for name in log::NAMES {
            if let Ok(bytes) = fs::read(self.logs.join(name)) {
                add(&format!("log/{name}"), "what happened", String::from_utf8_lossy(&bytes).into_owned());
            }
        }
        files
    }

    fn versions(&self) -> String {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let release = read("/etc/os-release");
        let release = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or_default();
        let variable = |name| std::env::var(name).unwrap_or_default();
        let here = [
            ("Postern", env!("CARGO_PKG_VERSION").to_owned()),
            ("System", format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)),
            ("Release", release.trim_matches('"').to_owned()),
            ("Kernel", read("/proc/sys/kernel/osrelease").trim().to_owned()),
            ("Desktop", variable("XDG_CURRENT_DESKTOP")),
            ("Session", variable("XDG_SESSION_TYPE")),
            ("Prefect on PATH", installed().unwrap_or_default()),
        ];
        let mut text = String::new();
        for (what, version) in here.iter().chain(&self.versions).filter(|(_, version)| !version.is_empty()) {
            text.push_str(&format!("{what}: {version}\n"));
        }
        text
    }

    /// What may tell whom it is about, and what stands in its place.
    fn private(&self) -> Vec<(String, String)> {
        let mut private = Vec::new();
        for (number, profile) in (1..).zip(&self.profiles) {
            let mut add = |text: Option<&str>, stand_in: &str| {
                private.extend(
                    text.filter(|text| !text.is_empty()).map(|text| (text.to_owned(), format!("{stand_in}-{number}"))),
                );
            };
            add(profile.url.host_str(), "HOST");
            add(profile.api_url.as_ref().and_then(|url| url.host_str()), "HOST");
            if let Proxy::Via(uri) = &profile.proxy {
                add(uri.host(), "PROXY");
            }
            add(Some(profile.id.as_str()), "ID");
            // Its folders' name.
            private.push((format!("profile-{}", profile.id), format!("profile-ID-{number}")));
        }
        private
    }

    fn without_names(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let mut files = Vec::new();
        for (number, profile) in (1..).zip(&self.profiles) {
            let tls = &profile.tls;
            for path in [&tls.ca, &tls.client_cert, &tls.client_key].into_iter().flatten() {
                if path.is_absolute() && path.file_name().is_some() {
                    files.push((path.to_string_lossy(), number));
                }
            }
        }
        // The longest first: one may begin another.
        files.sort_by_key(|(path, _)| Reverse(path.len()));
        for (path, number) in files {
            let escaped = serde_json::to_string(&path).unwrap_or_default();
            for path in [&*path, escaped.trim_matches('"')] {
                text = text.replace(path, &format!("FILE-{number}"));
            }
        }
        if let Some(home) = directories::UserDirs::new() {
            text = text.replace(&*home.home_dir().to_string_lossy(), "~");
        }
        // Where it is the id, that stands in its place.
        let named = |(_, profile): &(i32, &Profile)| profile.name != profile.id.as_str();
        for (number, profile) in (1..).zip(&self.profiles).filter(named) {
            text = replace_words(&text, &profile.name, &format!("NAME-{number}"));
        }
        // A user's name may be more than a word, and is written otherwise in TOML and JSON.
        for (number, profile) in (1..).zip(&self.profiles) {
            let edge = if let Some(Edge::Basic { username }) = &profile.edge { Some(username) } else { None };
            for name in edge.into_iter().chain(&profile.prefect_username) {
                let escaped = serde_json::to_string(name).unwrap_or_default();
                for name in [name, escaped.trim_matches('"')] {
                    text = replace_words(&text, name, &format!("USER-{number}"));
                }
            }
        }
        mask(&text, &self.private())
    }
}

/// A trouble on one line.
fn said(trouble: &Trouble) -> String {
    format!("{} {} [{}]", trouble.sentence, trouble.remedy, trouble.code)
}

/// Where they stand for themselves, not within a longer word.
fn replace_words(text: &str, words: &str, with: &str) -> String {
    let inside = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let mut replaced = String::with_capacity(text.len());
    let mut done = 0;
    for (start, found) in text.match_indices(words).filter(|(_, found)| !found.is_empty()) {
        let end = start + found.len();
        if !inside(text[..start].chars().next_back()) && !inside(text[end..].chars().next()) {
            replaced.push_str(&text[done..start]);
            replaced.push_str(with);
            done = end;
        }
    }
    replaced + &text[done..]
}

/// Where a report of this moment goes in this folder: beside what is there.
#[must_use]
pub fn place(folder: &Path) -> PathBuf {
    let form = format_description!("[year][month][day]T[hour][minute][second]Z");
    let now = OffsetDateTime::from(SystemTime::now()).format(form).unwrap_or_default();
    download::place(folder, &format!("postern-report-{now}.zip"), |_| false)
}

/// Writes the report to a new file at `path`.
///
/// # Errors
/// When the system does not let us, and where there is such a file already; then nothing is written.
pub fn save(material: &Material, names: Names, path: &Path) -> Result<(), Trouble> {
    write(material, names, path).map_err(|error| {
        let sentence = format!("The report cannot be written to {}: {error}.", path.display());
        Trouble::new("not_saved", sentence, "Make room or the folder writable, or name another file, and try again.")
    })
}

fn write(material: &Material, names: Names, path: &Path) -> io::Result<()> {
    let mut files = material.files();
    if names == Names::Removed {
        for (name, _, text) in &mut files {
            *name = name
                .split('/')
                .map(|part| match part.strip_suffix(".json") {
                    Some(id) => format!("{}.json", material.without_names(id)),
                    None => part.to_owned(),
                })
                .collect::<Vec<_>>()
                .join("/");
            *text = material.without_names(text);
        }
    }
    let folder = std::path::absolute(path)?.parent().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    // Created for its owner alone (0600).
    let new = tempfile::Builder::new().prefix(".postern-report").tempfile_in(folder)?;
    let mut archive = ZipWriter::new(new.as_file());
    put(&mut archive, "README.txt", &readme(&files, names))?;
    for (name, _, text) in &files {
        put(&mut archive, name, text)?;
    }
    archive.finish()?.sync_all()?;
    new.persist_noclobber(path).map_err(|refused| refused.error)?;
    Ok(())
}

fn put(archive: &mut ZipWriter<&File>, name: &str, text: &str) -> io::Result<()> {
    archive.start_file(name, SimpleFileOptions::default().unix_permissions(0o600))?;
    archive.write_all(text.as_bytes())
}

fn readme(files: &[(String, &'static str, String)], names: Names) -> String {
    let names = match names {
        Names::Kept => "Names of servers, users and profiles are in it.",
        Names::Removed => {
            "Names of servers, users and profiles were removed, as far as Postern knows them: HOST-1, USER-1, ID-1, \
             NAME-1 and FILE-1 belong to the same profile. What a server calls by other names may still be there."
        }
    };
    let mut text = format!(
        "A report of Postern, for whoever is to find out what went wrong.\n\n\
         Read it before you send it: nobody has seen it but you.\n\
         No password, token or key is in it. {names}\n\nWhat is in it:\n\n"
    );
    let width = files.iter().map(|(name, ..)| name.len()).max().unwrap_or_default();
    for (name, what, content) in files {
        text.push_str(&format!("  {name:width$}  {what}, {} bytes\n", content.len()));
    }
    if !files.iter().any(|(name, ..)| name.starts_with("diagnosis/")) {
        text.push_str("\nNo server has been looked at since Postern was started: `postern doctor ID` does that.\n");
    }
    text
}

#[cfg(test)]
mod tests;
