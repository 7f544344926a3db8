//! What is wrong is refused, says where and what to do, and nothing is lost.

use std::fs;

use crate::place::{Place, names};

const GOOD: &str = "version = 1\n\n[[profile]]\nid = \"a\"\nurl = \"https://a.example.com\"\nport = 4301\n";

#[test]
fn a_broken_file_is_told_with_line_and_field_by_every_command_and_never_touched() {
    for (text, wanted) in [
        ("version = 1\n[[profile]\n", "profiles.toml:2: Is not valid TOML"),
        ("version = 2\n", "profiles.toml:1: version: Must be 1"),
        (&format!("{GOOD}color = \"pink\"\n"), "profiles.toml:7: color: Must be one of"),
        (&format!("{GOOD}surprise = 1\n"), "profiles.toml:7: surprise: Is unknown"),
        (&GOOD.replace("https://", "https://alice:canary@"), "profiles.toml:5: url: Has a user name or password in it"),
        (&format!("{GOOD}password = \"canary\"\n"), "profiles.toml:7: password: Secrets are not kept in this file"),
        (&format!("{GOOD}[[profile.header]]\nname = \"Host\"\n"), "profiles.toml:8: header.name: host may not be set"),
        (
            &format!("{GOOD}[[profile]]\nid = \"b\"\nurl = \"https://b.example.com\"\nport = 4301\n"),
            "profiles.toml:10: port: The profile “a” has port 4301 already",
        ),
        (
            &format!("{GOOD}[[profile]]\nid = \"a\"\nurl = \"https://b.example.com\"\nport = 4302\n"),
            "profiles.toml:8: id: The profile “a” has the id a already",
        ),
    ] {
        let place = Place::with(text);
        for arguments in [
            &["list"][..],
            &["show", "a"],
            &["add", "--url", "https://new.example.com"],
            &["edit", "a", "--name", "x"],
            &["remove", "a"],
            &["env", "a"],
            &["open", "a"],
            &["serve"],
            &["secret", "clear", "a", "edge-password"],
        ] {
            let (exit, code, message) = place.refused(arguments);
            assert_eq!((exit, code.as_str()), (1, "profiles_invalid"), "{arguments:?}");
            assert!(message.contains(wanted), "{arguments:?}: {message}");
            assert_eq!(fs::read(place.file()).unwrap(), text.as_bytes(), "{arguments:?} changed the file");
            assert_eq!(names(place.dir()), ["profiles.toml"]);
        }
    }
}

#[test]
fn all_that_is_wrong_with_a_file_is_told_at_once() {
    let place = Place::with("version = 1\n[[profile]]\nid = \"A\"\nurl = \"a.example.com\"\nport = 1\n");
    let outcome = place.run(&["list"]);
    let told = outcome.err.replace(&place.dir().display().to_string(), "…");
    insta::assert_snapshot!(told, @r"
    postern: …/profiles.toml:3: id: An id has 1 to 32 of a-z, 0-9 and hyphens, with no hyphen at either end.
    …/profiles.toml:4: url: Is no web address. Begin it with https:// (or http:// where the server has no TLS).
    …/profiles.toml:5: port: 1 is not a port between 1024 and 65535. Choose one of those.
      Correct the file; until then Postern runs without it and does not write to it. [profiles_invalid]
    ");
}

#[test]
fn a_bad_option_is_told_by_its_name_and_changes_nothing() {
    let place = Place::with(GOOD);
    for (options, wanted) in [
        (&["--url", "https://alice:canary@b.example.com"][..], "--url: Has a user name or password in it"),
        (&["--url", "https://b.example.com?key=canary"], "--url: Has a ? or # part"),
        (&["--url", "b.example.com"], "--url: Is no web address"),
        (&["--api-url", "ftp://b.example.com"], "--api-url: Must begin with https://"),
        (&["--header", "Host"], "--header: host may not be set"),
        (&["--header", "Sec-WebSocket-Key"], "--header: sec-websocket-key may not be set"),
        (&["--header", "User-Agent"], "--header: user-agent may not be set"),
        (&["--header", "two words"], "--header: Is no header name"),
        (&["--edge-token", "--header", "Authorization"], "--header: authorization may not be set"),
        (&["--edge-username", "alice:canary"], "--edge-username: A user name cannot have a colon"),
        (&["--prefect-username", "a\nb"], "--prefect-username: Has a control character"),
        (&["--port", "80"], "--port: 80 is not a port between"),
        (&["--port", "6000"], "--port: Browsers refuse to open port 6000"),
        (&["--proxy", "http://me:canary@proxy:3128"], "--proxy: Has a user name or password in it"),
        (&["--proxy", "ftp://proxy"], "--proxy: Must be"),
        (&["--client-key-file", "key.pem"], "--client-key-file: There is a client key but no client certificate"),
        (&["--name", "one\ntwo"], "--name: Has a line break"),
    ] {
        let base: &[&str] = if options[0] == "--url" { &["add"] } else { &["add", "--url", "https://b.example.com"] };
        let (exit, code, message) = place.refused(&[base, options].concat());
        assert_eq!((exit, code.as_str()), (2, "profile_invalid"), "{options:?}: {message}");
        assert!(message.contains(wanted), "{options:?}: {message}");
        let (exit, ..) = place.refused(&[&["edit", "a"], options].concat());
        assert_eq!(exit, 2, "{options:?}");
        assert_eq!(place.text(), GOOD);
    }
    let (exit, code, message) = place.refused(&["add", "--url", "https://b.example.com", "--port", "4301"]);
    assert_eq!((exit, code.as_str()), (2, "profile_invalid"));
    assert!(message.contains("--port: The profile “a.example.com” has port 4301 already"), "{message}");
    assert_eq!(place.text(), GOOD);
}

#[test]
fn a_usage_error_names_all_that_it_is_about() {
    let place = Place::new();
    for (arguments, sentence) in [
        (&["add"][..], "the following required arguments were not provided: --url <URL> "),
        (&["secret", "set"], "the following required arguments were not provided: <ID>, <SLOT> "),
        (&["serve", "--foo"], "unexpected argument '--foo' found "),
    ] {
        let (_, _, message) = place.refused(arguments);
        assert!(message.starts_with(sentence), "{message}");
        assert!(!message.contains("Usage"), "{message}");
    }
}

#[test]
fn what_cannot_be_understood_is_a_usage_error_in_the_form_asked_for() {
    let place = Place::with(GOOD);
    for arguments in [
        &["fly"][..],
        &["show"],
        &["show", "No Id"],
        &["add"],
        &["add", "--url", "https://b.example.com", "--color", "pink"],
        &["secret", "set", "a", "no-slot"],
        &["--vault", "paper", "list"],
        &["env", "a", "--shell", "tcsh"],
    ] {
        let (exit, code, _) = place.refused(arguments);
        assert_eq!((exit, code.as_str()), (2, "usage"), "{arguments:?}");
        assert_eq!(place.run(arguments).code, 2);
    }
    assert_eq!(place.run(&["--version"]).code, 0);
    assert!(place.done(&["--help"]).contains("serve"));
}

#[test]
fn a_profile_that_is_not_there_is_told() {
    let place = Place::with(GOOD);
    for arguments in [
        &["show", "b"][..],
        &["edit", "b", "--name", "x"],
        &["remove", "b"],
        &["env", "b"],
        &["open", "b"],
        &["serve", "a", "b"],
        &["secret", "clear", "b", "edge-password"],
    ] {
        let (exit, code, message) = place.refused(arguments);
        assert_eq!((exit, code.as_str()), (1, "no_such_profile"), "{arguments:?}");
        assert!(message.contains("postern list"), "{message}");
    }
}
