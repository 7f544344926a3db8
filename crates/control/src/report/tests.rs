use std::collections::BTreeMap;
use std::io::Read as _;

use insta::assert_snapshot;

use super::*;
use crate::controller::AtStart;
use crate::controller::fixture::{Stage, failing, unreachable};
use crate::profile::{Written, WrittenEdge};

/// What is in the archive, in its order.
fn unpacked(path: &Path) -> (Vec<String>, BTreeMap<String, String>) {
    let mut archive = zip::ZipArchive::new(File::open(path).unwrap()).unwrap();
    let (mut names, mut texts) = (Vec::new(), BTreeMap::new());
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        let name = file.name().unwrap().into_owned();
        names.push(name.clone());
        texts.insert(name, text);
    }
    (names, texts)
}

struct Scene {
    folder: tempfile::TempDir,
    material: Material,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::at(folder.path()).unwrap();
        let written = Written {
            id: "acme-prod".to_owned(),
            name: "Acme’s own".to_owned(),
            url: "https://prefect.acme.example/base".to_owned(),
            port: Some(4201),
            edge: Some(WrittenEdge::basic("ROAD\\wile coyote")),
            headers: vec!["X-Token".to_owned()],
            proxy: "socks5://gate:1080".to_owned(),
            ca_file: "/srv/coyote-works/ca.pem".to_owned(),
            ..Written::default()
        };
        let mut stage = Stage::with(AtStart::Always, &[written.check().unwrap()]);
        stage.starts();
        stage.probed(failing(unreachable()));
        fs::create_dir_all(folders.logs()).unwrap();
        let line = "INFO profile=acme-prod “Acme’s own” at prefect.acme.example:443 for ROAD\\wile coyote, \
                    by gate:1080; src/shell.rs:12:3 /data/dashboards/profile-acme-prod of Acme’s ownership\n";
        fs::write(folders.logs().join("postern.log"), line).unwrap();
        let mut material = Material::of(&stage.state, &folders, vec![("WebKit", "2.50.1".to_owned())]);
        let report = diagnosis::Report {
            ok: false,
            layer: diagnosis::Layer::Tcp,
            code: "server_unreachable".to_owned(),
            sentence: "The server at prefect.acme.example:443 cannot be reached.".to_owned(),
            remedy: "Run `postern doctor acme-prod`.".to_owned(),
            found_at: None,
            wants_ca: false,
            server: diagnosis::Server::default(),
            checks: Vec::new(),
            latency: None,
        };
        material.add("acme-prod".to_owned(), report);
        Self { folder, material }
    }

    fn saved(&self, names: Names) -> (Vec<String>, BTreeMap<String, String>) {
        let path = self.folder.path().join(format!("{names:?}.zip"));
        save(&self.material, names, &path).unwrap();
        unpacked(&path)
    }
}

#[test]
fn a_report_says_first_what_is_in_it() {
    let (names, texts) = Scene::new().saved(Names::Kept);
    assert_snapshot!(names.join("\n"), @r"
    README.txt
    versions.txt
    state.txt
    profiles.toml
    settings.toml
    diagnosis/acme-prod.json
    log/postern.log
    ");
    let readme = &texts["README.txt"];
    assert!(readme.contains("Read it before you send it"), "{readme}");
    for (name, text) in texts.iter().filter(|(name, _)| *name != "README.txt") {
        let listed =
            readme.lines().any(|line| line.contains(name.as_str()) && line.ends_with(&format!("{} bytes", text.len())));
        assert!(listed, "{name} in {readme}");
    }
    assert!(texts["versions.txt"].contains("WebKit: 2.50.1\n"), "{}", texts["versions.txt"]);
    assert!(texts["state.txt"].starts_with("acme-prod: Not connected: "), "{}", texts["state.txt"]);
    assert!(texts["settings.toml"].contains("log = \"info\""));
    assert!(texts["log/postern.log"].contains("ROAD\\wile coyote"));
}

#[test]
fn names_are_removed_everywhere_and_what_is_said_about_them_stays() {
    let (names, texts) = Scene::new().saved(Names::Removed);
    for (name, text) in &texts {
        for private in ["acme.example", "acme-prod", "Acme’s own”", "coyote", "gate"] {
            assert!(!name.contains(private) && !text.contains(private), "{private} in {name}: {text}");
        }
    }
    assert!(names.contains(&"diagnosis/ID-1.json".to_owned()), "{names:?}");
    assert_snapshot!(texts["log/postern.log"], @"INFO profile=ID-1 “NAME-1” at HOST-1:443 for USER-1, by PROXY-1:1080; src/shell.rs:12:3 /data/dashboards/profile-ID-1 of Acme’s ownership");
    assert_snapshot!(texts["profiles.toml"], @r#"
    version = 1

    [[profile]]
    id = "ID-1"
    name = "NAME-1"
    url = "https://HOST-1/base"
    port = 4201

    [profile.edge]
    kind = "basic"
    username = 'USER-1'

    [[profile.header]]
    name = "x-token"

    [profile.tls]
    ca_file = "FILE-1"

    [profile.network]
    proxy = "socks5://PROXY-1:1080"
    "#);
}

#[test]
fn a_report_is_its_owners_alone_and_writes_over_nothing() {
    let scene = Scene::new();
    scene.saved(Names::Kept);
    let path = scene.folder.path().join("Kept.zip");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let before = fs::read(&path).unwrap();
    let files = || fs::read_dir(scene.folder.path()).unwrap().count();
    let count = files();
    let trouble = save(&scene.material, Names::Removed, &path).unwrap_err();
    assert_eq!(trouble.code, "not_saved");
    assert_eq!(fs::read(&path).unwrap(), before);
    let nowhere = scene.folder.path().join("no-such-folder/report.zip");
    assert_eq!(save(&scene.material, Names::Kept, &nowhere).unwrap_err().code, "not_saved");
    assert_eq!(files(), count, "something half-written is left");
}

#[test]
fn words_are_replaced_where_they_stand_for_themselves() {
    for (text, expected) in [("prod, “prod” product prod", "X, “X” product X"), ("reprod", "reprod"), ("", "")]
    {
        assert_eq!(replace_words(text, "prod", "X"), expected);
    }
    assert_eq!(replace_words("as it is", "", "X"), "as it is");
}
