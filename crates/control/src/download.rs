//! Files that a dashboard's page has a person download: what they are called, and what is said of them.
//!
//! Names are the server's. A file is never called like one that is there, hides itself, or seems to be of another kind.

use std::path::{Path, PathBuf};

use crate::profile::ProfileId;

/// One that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Download {
    /// Whose dashboard's.
    pub id: ProfileId,
    /// Where it is, or would be.
    pub path: PathBuf,
    /// It is there, and whole.
    pub done: bool,
}

impl Download {
    /// A notice's title and text. `profile` is the profile's name.
    #[must_use]
    pub fn notice(&self, profile: &str) -> (String, String) {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        if self.done {
            let folder = self.path.parent().unwrap_or(Path::new("")).display();
            (format!("{profile}: downloaded"), format!("“{name}” is in {folder}."))
        } else {
            (format!("{profile}: not downloaded"), format!("“{name}” did not arrive whole. Download it again."))
        }
    }
}

/// A path in this folder for a file that is to be called so, and that neither there nor `taken` has.
#[must_use]
pub fn place(folder: &Path, suggested: &str, taken: impl Fn(&Path) -> bool) -> PathBuf {
    let name = clean(suggested);
    let (stem, kind) = match name.rsplit_once('.') {
        Some((stem, kind)) if !stem.is_empty() => (stem, format!(".{kind}")),
        _ => (name.as_str(), String::new()),
    };
    let names = std::iter::once(name.clone()).chain((1_u32..).map(|number| format!("{stem} ({number}){kind}")));
    // A link that leads nowhere is there as well.
    let free = |path: &PathBuf| !taken(path) && path.symlink_metadata().is_err();
    let mut paths = names.map(|name| folder.join(name));
    paths.find(free).unwrap_or_else(|| folder.join(name))
}

/// A name that is one in every file system, and looks like what it is.
fn clean(suggested: &str) -> String {
    /// Of most file systems it is 255 bytes, and a number may follow.
    const LONGEST: usize = 200;
    let strange = |c: char| {
        // What turns the direction of writing makes `fdp.exe` of `exe.pdf`.
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        c.is_control() || turns || r#"/\:*?"<>|"#.contains(c)
    };
    let name: String = suggested.chars().map(|c| if strange(c) { '_' } else { c }).collect();
    let name = name.trim_matches(|c: char| c == '.' || c.is_whitespace());
    let name = if name.is_empty() { "download" } else { name };
    // Its end tells what kind of file it is.
    let (stem, kind) = name.rsplit_once('.').filter(|(_, kind)| kind.len() <= 16).unwrap_or((name, ""));
    let dot = if kind.is_empty() { "" } else { "." };
    let room = LONGEST - kind.len() - dot.len();
    let end = stem.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= room).last().unwrap_or(0);
    format!("{}{dot}{kind}", stem.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::fixture::id;

    #[test]
    fn a_file_is_called_what_it_is_and_nothing_that_could_harm() {
        let folder = tempfile::tempdir().unwrap();
        for (suggested, expected) in [
            ("flows.csv", "flows.csv"),
            ("Läufe vom Montag.json", "Läufe vom Montag.json"),
            ("logs.tar.gz", "logs.tar.gz"),
            ("", "download"),
            ("...", "download"),
            (".bashrc", "bashrc"),
            ("../../.ssh/authorized_keys", "_.._.ssh_authorized_keys"),
            ("/etc/passwd", "_etc_passwd"),
            ("a\\b:c|d", "a_b_c_d"),
            ("a\nb\u{202e}fdp.exe", "a_b_fdp.exe"),
            ("name. ", "name"),
        ] {
            let path = place(folder.path(), suggested, |_| false);
            assert_eq!(path, folder.path().join(expected), "{suggested}");
        }
        let long = place(folder.path(), &format!("{}.json", "ü".repeat(300)), |_| false);
        let long = long.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(long.len() <= 200 && long.ends_with("ü.json"), "{long}");
    }

    #[test]
    fn a_file_takes_no_others_place() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.csv"), "mine").unwrap();
        std::fs::write(folder.path().join("b"), "mine").unwrap();
        let next = |name: &str| place(folder.path(), name, |path| path.ends_with("a (1).csv"));
        assert_eq!(next("a.csv"), folder.path().join("a (2).csv"));
        assert_eq!(next("b"), folder.path().join("b (1)"));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("/nowhere", folder.path().join("c.txt")).unwrap();
            assert_eq!(next("c.txt"), folder.path().join("c (1).txt"));
        }
    }

    #[test]
    fn the_end_of_a_download_is_told_with_its_name() {
        let mut download = Download { id: id("prod"), path: "/home/me/Downloads/a.csv".into(), done: true };
        assert_eq!(
            download.notice("Production"),
            ("Production: downloaded".to_owned(), "“a.csv” is in /home/me/Downloads.".to_owned())
        );
        download.done = false;
        assert!(download.notice("Production").1.starts_with("“a.csv” did not arrive whole"));
    }
}
