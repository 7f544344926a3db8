//! Secrets on their way in, and settings for local programs on their way out.

use std::fs;
use std::process::Command;

use crate::acceptance::held;
use crate::place::{Place, refusal};

fn place() -> Place {
    let place = Place::new();
    place.done(&[
        "add",
        "--url",
        "https://a.example.com",
        "--id",
        "a",
        "--port",
        "4312",
        "--edge-username",
        "alice",
        "--header",
        "X-Key",
    ]);
    place
}

#[test]
fn a_value_that_could_not_be_sent_is_refused_without_repeating_it() {
    let place = place();
    for (slot, value) in [
        ("header-x-key", "canary\r\nEvil: 1"),
        ("header-x-key", "canary\nmore"),
        ("header-x-key", "canary\0"),
        ("edge-password", "canary\u{1b}[31m"),
        ("edge-password", ""),
    ] {
        let outcome = place.run_with_input(&["--json", "--vault", "memory", "secret", "set", "a", slot], value);
        let (exit, code, message) = refusal(&outcome);
        assert_eq!((exit, code.as_str()), (2, "secret_unfit"), "{value:?}");
        assert!(message.contains(slot), "{message}");
        held("D50");
    }
    let lines = "edge-password=fine\nheader-x-key=canary\u{7}";
    let outcome = place.run_with_input(&["--json", "--vault", "memory", "edit", "a", "--secrets-from", "-"], lines);
    assert_eq!(refusal(&outcome).1, "secret_unfit");
    let saved = place.run_with_input(&["--vault", "memory", "secret", "set", "a", "edge-password"], "canary is fine\n");
    assert_eq!(saved.code, 0, "{saved:?}");
}

#[test]
fn a_secret_that_nobody_would_read_is_refused() {
    let place = place();
    let outcome =
        place.run_with_input(&["--json", "--vault", "memory", "secret", "set", "a", "prefect-password"], "canary");
    let (exit, code, message) = refusal(&outcome);
    assert_eq!((exit, code.as_str()), (2, "slot_not_needed"));
    assert!(message.contains("edge-password, header-x-key"), "{message}");
}

#[test]
fn adding_with_secrets_is_all_or_nothing() {
    let place = Place::new();
    let add = [
        "--json",
        "--vault",
        "memory",
        "add",
        "--url",
        "https://b.example.com",
        "--id",
        "b",
        "--edge-token",
        "--secrets-from",
        "-",
    ];
    for (lines, code) in [
        ("prefect-password=canary", "slot_not_needed"),
        ("edge-token=canary canary", "secret_unfit"),
        ("edge-token=canary\nedge-token=canary", "usage"),
        ("canary", "usage"),
    ] {
        assert_eq!(refusal(&place.run_with_input(&add, lines)).1, code, "{lines}");
        assert!(!place.file().exists());
    }
    // The environment takes no secrets: told before anything is added.
    let mut with_env = add.to_vec();
    with_env[2] = "env";
    assert_eq!(refusal(&place.run_with_input(&with_env, "edge-token=canary")).1, "vault_read_only");
    assert!(!place.file().exists());
    let added = place.run_with_input(&add, "edge-token=canary\n");
    assert_eq!(added.code, 0, "{added:?}");
    assert!(added.out.contains(r#""secrets_missing":[]"#), "{added:?}");
    assert!(!place.text().contains("canary"));
}

#[test]
fn the_environment_is_only_read_and_says_which_variable_to_set() {
    let mut place = place();
    let (exit, code, message) =
        refusal(&place.run_with_input(&["--json", "secret", "set", "a", "edge-password"], "canary"));
    assert_eq!((exit, code.as_str()), (5, "vault_read_only"));
    assert!(message.contains("POSTERN_SECRET_A_EDGE_PASSWORD"), "{message}");
    assert!(place.done(&["list"]).contains("missing: edge-password, header-x-key"));
    place.set("POSTERN_SECRET_A_EDGE_PASSWORD", "canary");
    assert!(place.done(&["list"]).contains("missing: header-x-key"));
    place.set("POSTERN_SECRET_A_HEADER_X_KEY", "canary");
    assert!(place.done(&["list"]).trim_end().ends_with("saved"));
    assert_eq!(place.refused(&["secret", "clear", "a", "edge-password"]).0, 5);
}

#[test]
fn an_empty_variable_is_no_secret_and_one_that_could_not_be_sent_is_refused_by_name() {
    let mut place = place();
    place.set("POSTERN_SECRET_A_EDGE_PASSWORD", "");
    place.set("POSTERN_SECRET_A_LOCAL_KEY", "");
    assert_eq!(place.refused(&["env", "a"]).1, "local_key_missing");
    // Whoever evaluates the output sees no exit code.
    assert_eq!(place.run(&["env", "a"]).out, "false\n");
    assert_eq!(place.run(&["env", "a", "--shell", "dotenv"]).out, "");
    assert_eq!(place.refused(&["serve", "a"]).1, "secret_missing");
    assert!(place.done(&["list"]).contains("missing: edge-password, header-x-key"));
    for (name, value) in [("EDGE_PASSWORD", "canary\nmore"), ("LOCAL_KEY", "canary\u{7}")] {
        place.set(&format!("POSTERN_SECRET_A_{name}"), value);
    }
    for command in ["serve", "env"] {
        let (exit, code, message) = place.refused(&[command, "a"]);
        assert_eq!((exit, code.as_str()), (5, "secret_unusable"), "{command}");
        let variable = if command == "env" { "POSTERN_SECRET_A_LOCAL_KEY" } else { "POSTERN_SECRET_A_EDGE_PASSWORD" };
        assert!(message.contains(variable), "{message}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_machine_without_a_keychain_says_so_and_keeps_no_secret_elsewhere() {
    let place = place();
    let before: Vec<_> = crate::place::names(place.dir());
    let outcome = place.run_with_input(&["--json", "--vault", "os", "secret", "set", "a", "edge-password"], "canary");
    let (exit, code, message) = refusal(&outcome);
    assert_eq!((exit, code.as_str()), (5, "vault_absent"), "{message}");
    assert!(message.contains("--vault env"), "{message}");
    assert_eq!(crate::place::names(place.dir()), before);
    let listed = place.run(&["--vault", "os", "list"]);
    assert_eq!(listed.code, 0, "profiles can be shown without it");
    assert!(listed.out.contains("unknown") && listed.err.contains("vault_absent"), "{listed:?}");
    held("H80");
}

#[test]
fn settings_for_local_programs_hold_the_local_key_and_nothing_of_the_servers() {
    let mut place = place();
    place.set("POSTERN_SECRET_A_EDGE_PASSWORD", "canary");
    assert_eq!(place.refused(&["env", "a"]).1, "local_key_missing");
    place.set("POSTERN_SECRET_A_LOCAL_KEY", "it's a key");
    let settings = place.done(&["env", "a"]);
    let script =
        format!("set -eu\n{settings}\nprintf '%s|' \"$PREFECT_API_URL\" \"$PREFECT_API_AUTH_STRING\" \"$NO_PROXY\"");
    let output =
        Command::new("bash").arg("-c").arg(script).env_clear().env("NO_PROXY", "corp.example.com").output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "http://127.0.0.1:4312/api|postern:it's a key|corp.example.com,127.0.0.1,localhost|"
    );
    assert_eq!(place.json(&["env", "a"])["PREFECT_API_AUTH_STRING"], "postern:it's a key");
    place.done(&["edit", "a", "--local-programs", "off"]);
    assert_eq!(place.refused(&["env", "a"]).1, "local_programs_off");
}

#[cfg(unix)]
#[test]
fn a_symlink_in_the_files_place_is_not_followed() {
    let place = Place::new();
    let elsewhere = place.dir().join("elsewhere.toml");
    fs::write(&elsewhere, "version = 1\n").unwrap();
    std::os::unix::fs::symlink(&elsewhere, place.file()).unwrap();
    assert_eq!(place.refused(&["add", "--url", "https://a.example.com"]).1, "profiles_unsafe");
    assert_eq!(fs::read_to_string(elsewhere).unwrap(), "version = 1\n");
    held("H80");
}
