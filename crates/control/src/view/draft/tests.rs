//! From a form to a change, and what is in the way.

use insta::assert_snapshot;
use postern_gateway::Secret;
use proptest::prelude::*;

use super::*;
use crate::change::{Change, SecretChange};
use crate::controller::fixture::{profile, written};
use crate::profile::{ProfileId, Slot, WrittenEdge};

fn set(text: &str) -> SecretInput {
    SecretInput::Set(Secret::new(text))
}

fn basic(username: &str, password: SecretInput) -> EdgeDraft {
    EdgeDraft::Basic { username: username.to_owned(), password }
}

fn header(name: &str, value: SecretInput) -> HeaderDraft {
    HeaderDraft { name: name.to_owned(), value }
}

fn new_server() -> Draft {
    Draft { url: "https://prefect.example.com".to_owned(), edge: basic("alice", set("s3cret")), ..Draft::default() }
}

/// What is wrong, `field: message` by line.
fn wrong(draft: &Draft, profiles: &[&Profile]) -> String {
    let errors = prepare(draft, profiles).expect_err("something is wrong with it").errors;
    errors.iter().map(|error| format!("{}: {}\n", error.field, error.message)).collect()
}

fn changes(draft: &Draft, profiles: &[&Profile]) -> (Written, Vec<SecretChange>) {
    match prepare(draft, profiles).expect("nothing is wrong with it") {
        Change::Put { written, secrets, .. } => (*written, secrets),
        Change::Remove { .. } => panic!("a removal"),
    }
}

#[test]
fn a_form_that_is_not_touched_changes_nothing() {
    let full = Written {
        name: "Production".to_owned(),
        api_url: "https://api.example.com/api".to_owned(),
        color: "red".to_owned(),
        read_only: true,
        connect: "on-demand".to_owned(),
        local_programs: "off".to_owned(),
        prefect_username: Some("admin".to_owned()),
        headers: vec!["x-key".to_owned()],
        ca_file: "ca.pem".to_owned(),
        client_cert_file: "me.pem".to_owned(),
        verify: false,
        proxy: "socks5://127.0.0.1:1080".to_owned(),
        ..written("prod", 4201)
    };
    let bearer = Written { edge: Some(WrittenEdge::bearer()), ..written("prod", 4201) };
    let shared = Written { prefect_username: Some("alice".to_owned()), ..written("prod", 4201) };
    for written in [full, bearer, shared, Written { edge: None, ..written("prod", 4201) }] {
        let before = written.check().unwrap();
        let (after, secrets) = changes(&Draft::from(&before), &[&before]);
        assert_eq!(after.check().unwrap(), before);
        assert_eq!(secrets, []);
    }
}

#[test]
fn a_new_server_is_named_after_its_host_and_gets_its_port_from_the_store() {
    let (written, secrets) = changes(&new_server(), &[]);
    assert_eq!((written.id.as_str(), written.name.as_str(), written.port), ("prefect-example-com", "", None));
    assert_eq!(secrets, [SecretChange::Set(Slot::EdgePassword, Secret::new("s3cret"))]);
    let named = Draft { name: "Prod (EU)".to_owned(), port: Some(4300), ..new_server() };
    let taken = profile("prod-eu", 4201);
    let (written, _) = changes(&named, &[&taken]);
    assert_eq!((written.id.as_str(), written.port), ("prod-eu-2", Some(4300)));
}

#[test]
fn where_no_form_stands_around_it_an_error_names_its_field() {
    let draft = Draft { edge: basic("", set("s3cret")), ..new_server() };
    let errors = prepare(&draft, &[]).unwrap_err();
    assert_snapshot!(errors, @"edge.username: Is empty. Give the user name, without the password.");
    let trouble = Trouble::new("vault_locked", "The keychain is locked.", "Unlock it.");
    assert_snapshot!(SaveErrors::whole(&trouble), @"The keychain is locked. Unlock it.");
}

#[test]
fn every_field_says_what_is_wrong_with_it() {
    let draft = Draft {
        name: "two\nlines".to_owned(),
        url: "https://alice:hunter2@prefect.example.com".to_owned(),
        api_url: "ftp://x".to_owned(),
        port: Some(70_000),
        edge: basic("al:ice", SecretInput::Keep),
        prefect: PrefectDraft::Own { username: String::new(), password: set("") },
        headers: vec![
            header("X-Key", set("hunter2\r\nEvil: 1")),
            header("Host", set("x")),
            header("not a name", set("x")),
            header("x-key", set("hunter2\0")),
        ],
        client_cert_file: "me.pem".to_owned(),
        client_key: set("hunter2"),
        client_key_password: set("hunter2\n"),
        proxy: "gopher://x".to_owned(),
        ..Draft::default()
    };
    let wrong = wrong(&draft, &[]);
    assert!(!wrong.contains("hunter2"), "{wrong}");
    assert_snapshot!(wrong, @r#"
    url: Has a user name or password in it. Remove everything up to the @; user names have fields of their own, and passwords belong in the vault.
    apiUrl: Must begin with https:// or http://, not ftp://.
    name: Has a line break or another invisible control character in it. Type the name again.
    port: 70000 is not a port between 1024 and 65535. Choose one of those.
    edge.username: A user name cannot have a colon in it. Give the part before the colon here; the part after it is the password and belongs in the vault.
    prefect.username: Is empty. Give the user name, without the password.
    headers.1.name: host may not be set, because it belongs to each single request. Remove it from the profile.
    headers.2.name: Is no header name. Header names have letters, digits and hyphens, and no colon.
    headers.3.name: x-key is here twice. Remove one of them.
    proxy: Must be "system", "none", or a proxy like http://proxy.example.com:3128 or socks5://127.0.0.1:1080.
    edge.password: Nothing is saved here yet. Enter the value.
    prefect.password: Is empty. Enter the value.
    headers.0.value: Has a line break in it. Enter it again.
    headers.3.value: Has a control character in it. Enter it again.
    clientKey: Is not a private key in PEM form (`-----BEGIN PRIVATE KEY-----`). Enter it again.
    clientKeyPassword: Has a line break in it. Enter it again.
    "#);
}

#[test]
fn a_port_that_another_profile_has_is_refused() {
    let other = profile("other", 4201);
    assert_snapshot!(wrong(&Draft { port: Some(4201), ..new_server() }, &[&other]), @"port: The profile “other.example.com” has port 4201 already. Choose another.");
    let mine = profile("mine", 4202);
    let draft = Draft { port: Some(4201), ..Draft::from(&mine) };
    assert_snapshot!(wrong(&draft, &[&mine, &other]), @"port: The profile “other.example.com” has port 4201 already. Choose another.");
    // Left empty, it keeps the one it has.
    assert_eq!(changes(&Draft { port: None, ..Draft::from(&mine) }, &[&mine, &other]).0.port, Some(4202));
}

#[test]
fn a_profile_that_is_gone_is_not_saved_under_another_name() {
    assert_snapshot!(wrong(&Draft::from(&profile("gone", 4201)), &[]), @": There is no profile “gone” any more. Somebody removed it meanwhile; add it again if it is still needed.");
}

#[test]
fn the_edges_password_goes_to_prefect_too_where_they_are_the_same() {
    let shared = Draft { prefect: PrefectDraft::SameAsEdge, ..new_server() };
    let (written, secrets) = changes(&shared, &[]);
    assert_eq!(written.prefect_username.as_deref(), Some("alice"));
    let both = |password: &str| {
        [Slot::EdgePassword, Slot::PrefectPassword].map(|slot| SecretChange::Set(slot, Secret::new(password)))
    };
    assert_eq!(secrets, both("s3cret"));

    // It was the edge's alone, and stays the edge's: the vault copies it.
    let before = profile("prod", 4201);
    let draft = Draft { prefect: PrefectDraft::SameAsEdge, ..Draft::from(&before) };
    assert_eq!(changes(&draft, &[&before]).1, [SecretChange::Copy(Slot::EdgePassword, Slot::PrefectPassword)]);

    // A new user name with the password kept.
    let before = Written { prefect_username: Some("alice".to_owned()), ..written_of(&before) }.check().unwrap();
    let draft = Draft { edge: basic("bob", SecretInput::Keep), ..Draft::from(&before) };
    let (written, secrets) = changes(&draft, &[&before]);
    assert_eq!((written.prefect_username.as_deref(), secrets.len()), (Some("bob"), 0));

    // A new password.
    let draft = Draft { edge: basic("alice", set("new")), ..Draft::from(&before) };
    assert_eq!(changes(&draft, &[&before]).1, both("new"));

    for edge in [EdgeDraft::None, EdgeDraft::Bearer { token: set("x") }] {
        let draft = Draft { edge, ..shared.clone() };
        let message = "prefect: The edge has no user name and password to take over. Enter Prefect's own, or none.\n";
        assert_eq!(wrong(&draft, &[]), message);
    }
}

fn written_of(profile: &Profile) -> Written {
    Written::from(profile)
}

#[test]
fn what_was_never_saved_cannot_be_kept() {
    let before = profile("prod", 4201);
    let draft = Draft {
        edge: EdgeDraft::Bearer { token: SecretInput::Keep },
        prefect: PrefectDraft::Own { username: "admin".to_owned(), password: SecretInput::Keep },
        headers: vec![header("X-Key", SecretInput::Keep)],
        // Here the file may have the key in it.
        client_cert_file: "me.pem".to_owned(),
        ..Draft::from(&before)
    };
    assert_snapshot!(wrong(&draft, &[&before]), @r"
    edge.token: Nothing is saved here yet. Enter the value.
    prefect.password: Nothing is saved here yet. Enter the value.
    headers.0.value: Nothing is saved here yet. Enter the value.
    ");
}

fn secret_input() -> impl Strategy<Value = SecretInput> {
    prop_oneof![Just(SecretInput::Keep), ".{0,8}".prop_map(|text| set(&text))]
}

prop_compose! {
    fn any_draft()(
        id in prop_oneof![Just(None), Just(Some("prod".to_owned())), ".{0,4}".prop_map(Some)],
        name in ".{0,12}",
        url in prop_oneof![".{0,12}", Just("https://prefect.example.com/x".to_owned())],
        api_url in prop_oneof![Just(String::new()), ".{0,12}"],
        port in prop::option::of(any::<u32>()),
        edge in prop_oneof![
            Just(EdgeDraft::None),
            (".{0,6}", secret_input()).prop_map(|(username, password)| EdgeDraft::Basic { username, password }),
            secret_input().prop_map(|token| EdgeDraft::Bearer { token }),
        ],
        prefect in prop_oneof![
            Just(PrefectDraft::None),
            Just(PrefectDraft::SameAsEdge),
            (".{0,6}", secret_input()).prop_map(|(username, password)| PrefectDraft::Own { username, password }),
        ],
        headers in prop::collection::vec(("[a-zA-Z -]{0,6}", secret_input()), 0..3),
        client_cert_file in prop_oneof![Just(String::new()), ".{0,4}"],
        client_key in secret_input(),
        client_key_password in secret_input(),
        proxy in prop_oneof![Just("system".to_owned()), ".{0,12}"],
    ) -> Draft {
        let headers = headers.into_iter().map(|(name, value)| HeaderDraft { name, value }).collect();
        Draft { id, name, url, api_url, port, edge, prefect, headers, client_cert_file, client_key, client_key_password, proxy, ..Draft::default() }
    }
}

proptest! {
    #[test]
    fn whatever_is_typed_becomes_a_valid_profile_or_errors(draft in any_draft()) {
        let existing = profile("prod", 4201);
        match prepare(&draft, &[&existing]) {
            Ok(Change::Put { written, secrets, .. }) => {
                let complete = Written { port: written.port.or(Some(4999)), ..*written };
                let profile = complete.check();
                prop_assert!(profile.is_ok(), "{profile:?}");
                for change in secrets {
                    if let SecretChange::Set(slot, secret) = change {
                        prop_assert!(slot.check(&secret).is_ok() && profile.as_ref().unwrap().slots().contains(&slot));
                    }
                }
            }
            Ok(Change::Remove { .. }) => prop_assert!(false, "a removal"),
            Err(errors) => prop_assert!(!errors.errors.is_empty() && errors.errors.iter().all(|e| !e.message.is_empty())),
        }
    }
}

#[test]
fn ids_of_new_profiles_are_free() {
    let taken: Vec<Profile> = (0..3).map(|n| profile(["x", "x-2", "y"][n], 4201 + u16::try_from(n).unwrap())).collect();
    let taken: Vec<&Profile> = taken.iter().collect();
    let (written, _) = changes(&Draft { name: "X".to_owned(), ..new_server() }, &taken);
    assert_eq!(written.id.parse::<ProfileId>().unwrap().as_str(), "x-3");
}
