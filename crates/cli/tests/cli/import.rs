//! Servers that Prefect on this machine knows: listed, and added.

use std::fs;

use crate::place::{Place, refusal};

const PROFILES: &str = r#"
active = "plain"

[profiles.plain]
PREFECT_API_URL = "http://127.0.0.1:4200/api"

[profiles.prod]
PREFECT_API_URL = "https://prefect.example.com/p/api"
PREFECT_API_AUTH_STRING = "admin:canary"
PREFECT_CLIENT_CUSTOM_HEADERS = '{"X-Key": "canary", "Host": "canary"}'

[profiles.ephemeral]
PREFECT_SERVER_EPHEMERAL_ENABLED = "true"
"#;

/// A person with Prefect's profiles in their home, in a folder of their own.
fn place() -> Place {
    let mut place = Place::new();
    let home = place.dir().join("home");
    fs::create_dir_all(home.join(".prefect")).unwrap();
    fs::write(home.join(".prefect/profiles.toml"), PROFILES).unwrap();
    place.set("HOME", home.to_str().unwrap());
    place
}

/// Where tests lie is another place each time.
fn tidy(place: &Place, text: &str) -> String {
    let dir = place.dir();
    text.replace(dir.canonicalize().unwrap().to_str().unwrap(), "DIR").replace(dir.to_str().unwrap(), "DIR")
}

#[test]
fn what_there_is_is_listed_and_nothing_changed() {
    let mut place = place();
    place.set("PREFECT_API_KEY", "canary");
    insta::assert_snapshot!(tidy(&place, &place.done(&["prefect", "import"])), @r"
    plain, which Prefect uses now
      address   http://127.0.0.1:4200
      with      token
      from      DIR/home/.prefect/profiles.toml, line 5
    prod
      address   https://prefect.example.com/p
      with      auth string of admin, header X-Key
      from      DIR/home/.prefect/profiles.toml, line 8
      without   The custom header Host is left out, because it belongs to each single request (DIR/home/.prefect/profiles.toml, line 10).
    ephemeral
      from      DIR/home/.prefect/profiles.toml, line 12
      not here  It names no server: Prefect starts one of its own, or none.
    `postern prefect import NAME…` adds some, `--all` all that can be.
    ");
    insta::assert_snapshot!(tidy(&place, &place.json(&["prefect", "import"]).to_string()), @r#"{"found":[{"name":"plain","place":"DIR/home/.prefect/profiles.toml, line 5","in_use":true,"url":"http://127.0.0.1:4200","api_url":null,"edge":{"kind":"bearer","username":null},"prefect":null,"headers":[],"ca_file":null,"verify":true,"notes":[],"obstacle":null},{"name":"prod","place":"DIR/home/.prefect/profiles.toml, line 8","in_use":false,"url":"https://prefect.example.com/p","api_url":null,"edge":null,"prefect":{"username":"admin"},"headers":["X-Key"],"ca_file":null,"verify":true,"notes":["The custom header Host is left out, because it belongs to each single request (DIR/home/.prefect/profiles.toml, line 10)."],"obstacle":null},{"name":"ephemeral","place":"DIR/home/.prefect/profiles.toml, line 12","in_use":false,"url":null,"api_url":null,"edge":null,"prefect":null,"headers":[],"ca_file":null,"verify":true,"notes":[],"obstacle":{"code":"no_server_named","sentence":"It names no server: Prefect starts one of its own, or none.","remedy":"Where there is one all the same, add it by its address."}}],"troubles":[],"places":["variables named PREFECT_…","DIR/.env","DIR/prefect.toml","DIR/pyproject.toml","DIR/home/.prefect/profiles.toml"]}"#);
    assert!(!place.file().exists());

    fs::write(place.dir().join("prefect.toml"), "[api]\nurl = canary\n").unwrap();
    let outcome = place.run(&["prefect", "import"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.out.contains("prod\n"), "the others are listed all the same: {outcome:?}");
    assert!(outcome.err.contains("prefect.toml, line 2: not valid TOML"), "{outcome:?}");
}

#[test]
fn where_nothing_is_it_says_where_it_looked() {
    let mut place = Place::new();
    place.set("HOME", place.dir().to_str().unwrap());
    insta::assert_snapshot!(tidy(&place, &place.done(&["prefect", "import"])), @r"
    Prefect here knows no server. Looked for in:
      variables named PREFECT_…
      DIR/.env
      DIR/prefect.toml
      DIR/pyproject.toml
      DIR/.prefect/profiles.toml
    ");
    let all = place.done(&["prefect", "import", "--all"]);
    assert!(all.starts_with("There is nothing to import."), "{all}");
}

#[test]
fn those_that_are_named_are_added() {
    let place = place();
    let added = place.json(&["--vault", "memory", "prefect", "import", "prod"]);
    assert_eq!((&added["imported"][0]["id"], &added["failed"]), (&"prod".into(), &serde_json::json!([])));
    let left = added["imported"][0]["left"].as_str().unwrap();
    assert!(left.contains("home/.prefect/profiles.toml, line 9"), "{left}");
    insta::assert_snapshot!(place.text().lines().filter(|line| !line.starts_with("port")).collect::<Vec<_>>().join("\n"), @r#"
    version = 1

    [[profile]]
    id = "prod"
    name = "prod"
    url = "https://prefect.example.com/p"
    color = "red"

    [profile.prefect]
    username = "admin"

    [[profile.header]]
    name = "x-key"
    "#);

    let again = place.run(&["--vault", "memory", "prefect", "import", "prod"]);
    assert_eq!((again.code, again.err.as_str()), (1, ""), "{again:?}");
    insta::assert_snapshot!(again.out, @r"
    Not imported: prod. “prod” leads to this server already.
      Edit that one, where something differs. [already_there]
    ");
}

#[test]
fn all_that_can_be_is_added_and_a_vault_that_takes_nothing_is_told() {
    let place = place();
    let outcome = place.run(&["--json", "prefect", "import", "--all"]);
    assert_eq!((outcome.code, outcome.err.as_str()), (5, ""), "{outcome:?}");
    let told: serde_json::Value = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!((&told["imported"][0]["name"], &told["imported"][0]["left"]), (&"plain".into(), &().into()));
    assert_eq!((&told["failed"][0]["name"], &told["failed"][0]["code"]), (&"prod".into(), &"vault_read_only".into()));
    assert_eq!(place.json(&["list"]).as_array().unwrap().len(), 1);
}

#[test]
fn a_name_that_nobody_has_is_a_usage_error_and_nothing_is_added() {
    let place = place();
    let outcome = place.run(&["--json", "prefect", "import", "plain", "nobody"]);
    let (exit, code, message) = refusal(&outcome);
    assert_eq!((exit, code.as_str()), (2, "usage"));
    assert!(message.contains("nobody"), "{message}");
    assert!(!place.file().exists());
    assert_eq!(place.run(&["prefect", "import", "--all", "plain"]).code, 2);
}
