//! The store against a real folder.

use std::fs;
use std::net::TcpListener;

use tempfile::TempDir;

use super::*;

struct Place {
    _dir: TempDir,
    folders: Folders,
}

impl Place {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let folders = Folders::at(&dir.path().join("config")).unwrap();
        Self { _dir: dir, folders }
    }

    fn with(text: &str) -> Self {
        let place = Self::new();
        fs::create_dir_all(place.folders.config()).unwrap();
        fs::write(place.folders.profiles_file(), text).unwrap();
        place
    }

    fn store(&self) -> Store {
        Store::load(self.folders.clone())
    }

    fn text(&self) -> String {
        fs::read_to_string(self.folders.profiles_file()).unwrap()
    }

    /// What stands in the folder, besides the lock.
    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.folders.config())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "profiles.lock")
            .collect();
        names.sort();
        names
    }
}

fn server(name: &str) -> Written {
    Written { name: name.to_owned(), url: format!("https://{name}.example.com"), ..Written::default() }
}

const TWO: &str = "# mine\nversion = 1\n[[profile]]\nid = \"a\"\nurl = \"https://a.example.com\"\nport = 4301 # fixed\n\n\
                   [[profile]]\nid = \"b\"\nurl = \"https://b.example.com\"\nport = 4302\n";

#[test]
fn the_first_profile_makes_the_file_for_its_owner_alone() {
    let place = Place::new();
    let mut store = place.store();
    assert_eq!(store.trouble(), None);
    let added = store.add(server("Prod")).unwrap();
    assert_eq!(added.id.as_str(), "prod");
    assert!(added.port >= 4201);
    assert_eq!(store.profiles(), std::slice::from_ref(&added));
    assert_eq!(place.store().profiles(), [added]);
    assert_eq!(place.files(), ["profiles.toml"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(place.folders.config()), 0o700);
        assert_eq!(mode(&place.folders.profiles_file()), 0o600);
    }
}

#[test]
fn a_port_is_assigned_that_no_profile_has_and_nobody_listens_on() {
    let place = Place::new();
    let mut store = place.store();
    let first = store.add(server("a")).unwrap();
    let second = store.add(server("b")).unwrap();
    assert!(second.port > first.port, "taken by the first profile, though nobody listens");

    let next = port::free(store.profiles()).unwrap();
    let listener = TcpListener::bind(("127.0.0.1", next));
    let third = store.add(server("c")).unwrap();
    assert_ne!(third.port, next, "somebody listens there");
    drop(listener);
    assert_eq!(place.store().profiles()[2].port, third.port, "kept");
}

#[test]
fn a_profile_that_is_not_valid_or_clashes_changes_nothing() {
    let place = Place::with(TWO);
    let mut store = place.store();
    for written in [
        Written { url: "https://alice:canary@c.example.com".to_owned(), ..server("c") },
        Written { port: Some(4301), ..server("c") },
        Written { id: "a".to_owned(), ..server("c") },
        Written { headers: vec!["Host".to_owned()], ..server("c") },
    ] {
        let error = store.add(written.clone()).unwrap_err();
        assert!(matches!(error, StoreError::Invalid(_)), "{error}");
        assert!(!error.to_string().contains("canary"));
        let before = store.profiles()[1].clone();
        if written.id.is_empty() {
            assert!(matches!(store.replace(&before, written), Err(StoreError::Invalid(_))));
        }
        assert_eq!(place.text(), TWO);
        assert_eq!(store.profiles().len(), 2);
    }
}

#[test]
fn an_edit_keeps_id_port_comments_and_the_other_profiles() {
    let place = Place::with(TWO);
    let mut store = place.store();
    let before = store.profiles()[0].clone();
    let after = store.replace(&before, server("Moved")).unwrap();
    assert_eq!((after.id.as_str(), after.port), ("a", 4301));
    insta::assert_snapshot!(place.text(), @r#"
    # mine
    version = 1
    [[profile]]
    id = "a"
    url = "https://moved.example.com"
    port = 4301 # fixed
    name = "Moved"

    [[profile]]
    id = "b"
    url = "https://b.example.com"
    port = 4302
    "#);
    store.remove(&after.id).unwrap();
    assert_eq!(store.remove(&after.id), Err(StoreError::NoSuchProfile("a".to_owned())));
    assert_eq!(place.store().profiles().iter().map(|profile| profile.id.as_str()).collect::<Vec<_>>(), ["b"]);
}

#[test]
fn nothing_is_written_when_nothing_changes() {
    let place = Place::with(TWO);
    let mut store = place.store();
    let before = store.profiles()[0].clone();
    let modified = || fs::metadata(place.folders.profiles_file()).unwrap().modified().unwrap();
    let then = modified();
    store.replace(&before, Written::from(&before)).unwrap();
    assert_eq!((place.text().as_str(), modified()), (TWO, then));
}

#[test]
fn a_file_that_cannot_be_read_is_told_and_never_overwritten() {
    for (text, code) in [
        ("version = 1\n[[profile]\n".as_bytes(), "profiles_invalid"),
        (b"version = 9\n", "profiles_invalid"),
        (
            b"version = 1\n[[profile]]\nid = \"a\"\nurl = \"https://u:canary@a.example.com\"\nport = 4301\n",
            "profiles_invalid",
        ),
        (b"version = 1 # \xff\n", "profiles_unreadable"),
    ] {
        let place = Place::new();
        let path = place.folders.profiles_file();
        fs::create_dir_all(place.folders.config()).unwrap();
        fs::write(&path, text).unwrap();
        let mut store = place.store();
        let trouble = store.trouble().unwrap().clone();
        assert_eq!(trouble.code, code);
        assert!(trouble.sentence.contains(&path.display().to_string()), "{}", trouble.sentence);
        assert!(!trouble.sentence.contains("canary"), "{}", trouble.sentence);
        assert_eq!(store.add(server("new")), Err(StoreError::File(trouble)));
        assert_eq!(fs::read(&path).unwrap(), text);
        assert_eq!(place.files(), ["profiles.toml"]);
    }
}

#[test]
fn a_file_that_breaks_while_running_leaves_the_profiles_in_memory() {
    let place = Place::with(TWO);
    let mut store = place.store();
    assert!(!store.reload());
    fs::write(place.folders.profiles_file(), "version = ").unwrap();
    let before = store.profiles()[0].clone();
    assert!(matches!(store.replace(&before, server("x")), Err(StoreError::File(_))));
    assert!(store.trouble().is_some());
    assert_eq!(store.profiles().len(), 2);
    fs::write(place.folders.profiles_file(), TWO).unwrap();
    assert!(store.reload());
    assert_eq!(store.trouble(), None);
}

#[test]
fn a_file_that_is_replaced_is_saved_even_if_its_folder_cannot_be_synced() {
    let place = Place::with(TWO);
    let path = place.folders.profiles_file();
    let written = disk::write_then(&path, "version = 1\n", |_| Err(std::io::Error::other("no such promise")));
    assert_eq!((written, place.text().as_str()), (Ok(()), "version = 1\n"));
}

#[test]
fn a_file_that_vanishes_while_running_is_told_and_the_profiles_stay() {
    let place = Place::with(TWO);
    let mut store = place.store();
    let path = place.folders.profiles_file();
    for vanish in [|path: &Path| fs::write(path, " \n").unwrap(), |path: &Path| fs::remove_file(path).unwrap()] {
        vanish(&path);
        let error = store.add(server("x")).unwrap_err();
        assert_eq!(error.code(), "profiles_vanished");
        assert_eq!(store.profiles().len(), 2);
        assert!(!store.reload(), "told once");
        fs::write(&path, TWO).unwrap();
        assert!(store.reload());
        assert_eq!(store.trouble(), None);
    }
    fs::write(&path, "version = 1\n").unwrap();
    assert!(store.reload());
    assert_eq!((store.trouble(), store.profiles()), (None, &[][..]));
}

#[cfg(unix)]
#[test]
fn what_others_could_have_put_there_is_not_used() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let place = Place::with(TWO);
    let path = place.folders.profiles_file();
    let elsewhere = place.folders.config().join("elsewhere.toml");
    fs::rename(&path, &elsewhere).unwrap();
    symlink(&elsewhere, &path).unwrap();
    let mut store = place.store();
    assert_eq!(store.trouble().unwrap().code, "profiles_unsafe");
    assert!(store.profiles().is_empty());
    assert!(store.add(server("x")).is_err());
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), TWO);

    fs::remove_file(&path).unwrap();
    fs::rename(&elsewhere, &path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    assert!(store.reload());
    assert_eq!(store.trouble().unwrap().code, "profiles_unsafe");

    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(store.reload());
    assert_eq!(store.trouble().unwrap().code, "profiles_unsafe");
}

#[test]
fn two_processes_lose_nothing_of_each_other() {
    let place = Place::with(TWO);
    let (mut app, mut terminal) = (place.store(), place.store());
    let seen = app.profiles()[0].clone();
    terminal.add(server("from-terminal")).unwrap();
    app.add(server("from-app")).unwrap();
    let names: Vec<String> = place.store().profiles().iter().map(|profile| profile.id.to_string()).collect();
    assert_eq!(names, ["a", "b", "from-terminal", "from-app"]);

    terminal.replace(&seen, server("renamed")).unwrap();
    assert_eq!(app.replace(&seen, server("mine")), Err(StoreError::ChangedMeanwhile(seen.id.clone())));
    assert_eq!(app.profiles()[0].name, "renamed", "seen now");

    std::thread::scope(|scope| {
        for number in 0..8 {
            let mut store = place.store();
            scope.spawn(move || store.add(server(&format!("thread-{number}"))).unwrap());
        }
    });
    assert_eq!(place.store().profiles().len(), 12);
}
