//! What is made of each kind of file, and of them together. The files are as Prefect's own commands and pages show them.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;

use postern_gateway::Secret;
use proptest::prelude::*;
use zeroize::Zeroizing;

use super::find::find_in;
use super::{Candidate, Found, Surroundings};
use crate::change::{Change, SecretChange};
use crate::controller::fixture::profile;
use crate::profile::{Profile, Slot, Written};

/// In every secret here.
const CANARY: &str = "canary";

fn surroundings(variables: &[(&str, &str)]) -> Surroundings {
    Surroundings {
        folder: Some(PathBuf::from("/work")),
        home: Some(PathBuf::from("/home/ada")),
        variables: variables.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect(),
    }
}

fn found(variables: &[(&str, &str)], files: &[(&str, &str)]) -> Found {
    let files: HashMap<PathBuf, &str> = files.iter().map(|(path, text)| (PathBuf::from(path), *text)).collect();
    let found =
        find_in(&surroundings(variables), |path| Ok(files.get(path).map(|text| Zeroizing::new((*text).to_owned()))));
    let shown = format!("{found:?}{}", shown(&found));
    assert!(!shown.contains(CANARY), "a secret is shown: {shown}");
    found
}

/// What a person is told.
fn shown(found: &Found) -> String {
    let mut lines = Vec::new();
    for candidate in &found.candidates {
        let Candidate { key, spot, in_use, draft, notes, .. } = candidate;
        let used = if *in_use { " (in use)" } else { "" };
        let api = if draft.api_url.is_empty() { String::new() } else { format!(" and {}", draft.api_url) };
        lines.push(format!("{key}{used}: {}{api}; {}; {spot}", draft.url, candidate.contents().join(", ")));
        lines.extend(notes.iter().map(|note| format!("  note: {note}")));
        lines.extend(candidate.obstacle(&[]).map(|trouble| format!("  not: {} {}", trouble.code, trouble.sentence)));
    }
    lines.extend(found.troubles.iter().map(|trouble| format!("trouble: {} {}", trouble.sentence, trouble.remedy)));
    lines.join("\n")
}

const PROFILES: &str = "/home/ada/.prefect/profiles.toml";

#[test]
fn profiles_of_every_prefect_are_found() {
    // 2.14's has no settings for auth strings; what 3.x starts with is 3.0's template.
    insta::assert_snapshot!(shown(&found(&[], &[(PROFILES, r#"
active = "prod"

[profiles.default]

[profiles.prod]
PREFECT_API_URL = "https://prefect.example.com/api"
PREFECT_API_KEY = "canary-token"
PREFECT_API_TLS_INSECURE_SKIP_VERIFY = "true"

[profiles.ephemeral]
PREFECT_SERVER_ALLOW_EPHEMERAL_MODE = "true"

[profiles.local]
PREFECT_API_URL = "http://127.0.0.1:4200/api"

[profiles.cloud]
PREFECT_API_URL = "https://api.prefect.cloud/api/accounts/a-1/workspaces/w-1"
PREFECT_API_KEY = "pnu_canary"

[profiles.staging]
PREFECT_API_URL = "https://staging.example.com/prefect/api/"
PREFECT_API_AUTH_STRING = "admin:canary:with-colon"
PREFECT_CLIENT_CUSTOM_HEADERS = '{"CF-Access-Client-Id": "canary-id", "CF-Access-Client-Secret": "canary", "User-Agent": "x"}'
PREFECT_API_SSL_CERT_FILE = "certs/corp.pem"
PREFECT_API_KEY = "canary"
"#)])), @r"
    default: ; ; /home/ada/.prefect/profiles.toml, line 4
      not: no_server_named It names no server: Prefect starts one of its own, or none.
    prod (in use): https://prefect.example.com; token, certificate not verified; /home/ada/.prefect/profiles.toml, line 7
    ephemeral: ; ; /home/ada/.prefect/profiles.toml, line 11
      not: no_server_named It names no server: Prefect starts one of its own, or none.
    local: http://127.0.0.1:4200; ; /home/ada/.prefect/profiles.toml, line 15
    cloud: ; ; /home/ada/.prefect/profiles.toml, line 18
      not: prefect_cloud This is Prefect Cloud, which has a login and a dashboard of its own.
    staging: https://staging.example.com/prefect; auth string of admin, header CF-Access-Client-Id, header CF-Access-Client-Secret, certificates in /work/certs/corp.pem; /home/ada/.prefect/profiles.toml, line 22
      note: The API key is left out: with an auth string nobody shows it (/home/ada/.prefect/profiles.toml, line 26).
      note: The custom header User-Agent is left out, because it is set by Prefect's own clients (/home/ada/.prefect/profiles.toml, line 24).
    ");
}

#[test]
fn settings_that_go_together_count_together() {
    // The address is the profile's, what to show is in the environment: as Prefect has it. Another profile gets none.
    // Whom to trust is not for a folder to say that names no server.
    insta::assert_snapshot!(shown(&found(
        &[("prefect_api_auth_string", "admin:canary"), ("OTHER", "x")],
        &[
            ("/work/.env", "PREFECT_PROFILES_PATH=/etc/prefect/all.toml\nPREFECT_API_AUTH_STRING=late:canary\n"),
            ("/work/prefect.toml", "[client]\ncustom_headers = { X-Key = \"canary\" }\n[api]\nssl_cert_file = \"anybodys.pem\"\n"),
            ("/etc/prefect/all.toml", "active = \"a\"\n[profiles.b]\nPREFECT_API_URL = \"https://b.example.com/api\"\n\
              [profiles.a]\nPREFECT_API_URL = \"https://a.example.com/api\"\nPREFECT_API_TLS_INSECURE_SKIP_VERIFY = true\n"),
        ],
    )), @r"
    b: https://b.example.com; ; /etc/prefect/all.toml, line 3
    a (in use): https://a.example.com; auth string of admin, header X-Key, certificate not verified; /etc/prefect/all.toml, line 5
    ");
    // The environment's address comes first; a profile's own settings stay with it.
    insta::assert_snapshot!(shown(&found(
        &[("PREFECT_API_URL", "https://env.example.com/api"), ("PREFECT_PROFILE", "a"), ("PREFECT_HOME", "~/p")],
        &[
            ("/work/.env", "PREFECT_API_URL=https://dotenv.example.com/api\nPREFECT_API_AUTH_STRING='u:canary'"),
            ("/work/prefect.toml", "ui_url = \"https://ui.example.com/p\"\n[api]\nurl = \"https://toml.example.com/x\"\nauth_string = \"t:canary\"\n"),
            ("/work/pyproject.toml", "[project]\nname = \"x\"\n[tool.prefect.api]\nurl = \"https://env.example.com/api\"\nkey = \"canary\"\n"),
            ("/home/ada/p/profiles.toml", "[profiles.a]\nPREFECT_API_URL = \"https://a.example.com/api\"\nPREFECT_API_SSL_CERT_FILE = \"/ca.pem\"\n[profiles.environment]\nPREFECT_API_URL = \"https://e.example.com/api\"\n"),
        ],
    )), @r"
    environment (in use): https://env.example.com; token; the variable PREFECT_API_URL
    .env: https://dotenv.example.com; auth string of u; /work/.env, line 1
    prefect.toml: https://ui.example.com/p and https://toml.example.com/x; auth string of t; /work/prefect.toml, line 3
    pyproject.toml: https://env.example.com; token; /work/pyproject.toml, line 4
      not: same_as_another It is the same as “environment”.
    a: https://a.example.com; certificates in /ca.pem; /home/ada/p/profiles.toml, line 2
    profile:environment: https://e.example.com; ; /home/ada/p/profiles.toml, line 5
    ");
}

#[test]
fn what_prefects_clients_show_goes_where_a_profile_has_it() {
    let basic = format!("Basic {}", base64::Engine::encode(&base64::prelude::BASE64_STANDARD, "eve:canary"));
    for (variables, expected) in [
        (&[("PREFECT_API_AUTH_STRING", "admin:canary")][..], "auth string of admin"),
        (&[("PREFECT_API_AUTH_STRING", "canary")], ""),
        (&[("PREFECT_API_KEY", "canary")], "token"),
        (&[("PREFECT_CLIENT_CUSTOM_HEADERS", r#"{"authorization": "Bearer canary"}"#)], "token"),
        (&[("PREFECT_CLIENT_CUSTOM_HEADERS", r#"{"Authorization": "Digest canary"}"#)], ""),
        (&[("PREFECT_CLIENT_CUSTOM_HEADERS", "{'X-Key': 'canary'}")], ""),
        (&[("PREFECT_CLIENT_CUSTOM_HEADERS", r#"{"X-Key": "canary", "X Y": "canary"}"#)], "header X-Key"),
        (
            &[
                ("PREFECT_CLIENT_CUSTOM_HEADERS", &format!(r#"{{"Authorization": "{basic}"}}"#)),
                ("PREFECT_API_AUTH_STRING", "admin:canary"),
                ("PREFECT_API_KEY", "canary"),
            ],
            "password of eve, auth string of admin",
        ),
        (&[("PREFECT_API_TLS_INSECURE_SKIP_VERIFY", "ON")], "certificate not verified"),
        (&[("PREFECT_API_TLS_INSECURE_SKIP_VERIFY", "0")], ""),
        // What this machine's server asks for is for that one alone.
        (&[("PREFECT_SERVER_API_AUTH_STRING", "admin:canary")], ""),
    ] {
        let variables = [&[("PREFECT_API_URL", "https://a.example.com/api")], variables].concat();
        let found = found(&variables, &[]);
        assert_eq!(found.candidates[0].contents().join(", "), expected, "{variables:?}");
    }
    let local = [("PREFECT_API_URL", "http://localhost:4200/api"), ("PREFECT_SERVER_API_AUTH_STRING", "admin:canary")];
    assert_eq!(found(&local, &[]).candidates[0].contents(), ["auth string of admin"]);
}

#[test]
fn an_address_leads_to_ui_and_api() {
    for (address, ui, expected) in [
        ("https://a.example.com/api", "", "https://a.example.com + "),
        ("https://a.example.com:8443/p/api/", "", "https://a.example.com:8443/p + "),
        ("https://api.example.com/v1", "", "https://api.example.com + https://api.example.com/v1"),
        (
            "https://api.example.com/api",
            "https://ui.example.com/",
            "https://ui.example.com + https://api.example.com/api",
        ),
        ("https://a.example.com/api", "https://a.example.com", "https://a.example.com + "),
        ("https://eve%40x:canary%2F@a.example.com/api", "", "https://a.example.com + "),
        ("ftp://a.example.com", "", "address_unusable"),
        ("a.example.com", "", "address_unusable"),
        ("https://app.prefect.cloud/x", "", "prefect_cloud"),
        ("https://notprefect.cloud/api", "", "https://notprefect.cloud + "),
        ("https://eu.example.com/api/accounts/1/workspaces/2", "", "prefect_cloud"),
    ] {
        let found = found(&[("PREFECT_API_URL", address), ("PREFECT_UI_URL", ui)], &[]);
        let candidate = &found.candidates[0];
        let seen = candidate
            .obstacle(&[])
            .map_or_else(|| format!("{} + {}", candidate.draft.url, candidate.draft.api_url), |trouble| trouble.code);
        assert_eq!(seen, expected, "{address}");
    }
    let found = found(&[("PREFECT_API_URL", "https://eve%40x:canary%2F@a.example.com/api")], &[]);
    assert_eq!(found.candidates[0].contents(), ["password of eve@x"]);
    let Ok(Change::Put { secrets, .. }) = found.candidates[0].change(&[]) else { panic!("not a profile") };
    assert_eq!(secrets, [SecretChange::Set(Slot::EdgePassword, Secret::new("canary/"))]);
}

#[test]
fn of_two_that_are_the_same_the_first_is_offered() {
    let profile = |name: &str, auth: &str| {
        let auth = if auth.is_empty() { String::new() } else { format!("PREFECT_API_AUTH_STRING = \"{auth}\"\n") };
        format!("[profiles.{name}]\nPREFECT_API_URL = \"https://a.example.com/api\"\n{auth}")
    };
    let file = [("a", ""), ("b", "x:canary"), ("c", "x:canary-2"), ("d", "x:canary")].map(|(n, auth)| profile(n, auth));
    let found = found(&[], &[(PROFILES, &file.concat())]);
    let said = found.candidates.iter().filter_map(|one| Some(format!("{}: {}", one.key, one.obstacle(&[])?.sentence)));
    assert_eq!(said.collect::<Vec<_>>(), ["d: It is the same as “b”."]);
}

#[test]
fn what_is_there_already_is_told_with_its_name() {
    let here = |url: &str, api_url: &str, port: i64| {
        let written = Written {
            id: "prod".to_owned(),
            name: "Production".to_owned(),
            url: url.to_owned(),
            api_url: api_url.to_owned(),
            port: Some(port),
            ..Written::default()
        };
        written.check().unwrap()
    };
    let prod = here("https://prefect.example.com/p/", "", 4201);
    let split = here("https://ui.example.com", "https://api.example.com/v1", 4201);
    for (address, profile, expected) in [
        ("https://prefect.example.com/p/api", &prod, Some("already_there")),
        ("https://PREFECT.example.com:443/p/api/", &prod, Some("already_there")),
        ("https://prefect.example.com/api", &prod, None),
        ("https://api.example.com/v1", &split, Some("already_there")),
        ("http://127.0.0.1:4201/api", &prod, Some("own_gateway")),
        ("http://prod.localhost:4201/api", &prod, Some("own_gateway")),
        ("http://127.0.0.1:4200/api", &prod, None),
        ("http://10.0.0.1:4201/api", &prod, None),
    ] {
        let found = found(&[("PREFECT_API_URL", address)], &[]);
        let trouble = found.candidates[0].obstacle(&[profile]);
        assert_eq!(trouble.as_ref().map(|trouble| trouble.code.as_str()), expected, "{address}");
        assert_eq!(found.candidates[0].change(&[profile]).err(), trouble);
        assert!(trouble.is_none_or(|trouble| trouble.sentence.contains("“Production”")));
    }
}

#[test]
fn a_broken_file_is_told_with_its_line_and_the_others_count() {
    insta::assert_snapshot!(shown(&found(
        &[("PREFECT_API_URL", "https://env.example.com/api")],
        &[
            ("/work/.env", "A=1\nPREFECT_API_AUTH_STRING=\"admin:canary\nPREFECT_API_KEY=${CANARY}\n"),
            ("/work/prefect.toml", "[api]\nauth_string = \"admin:canary\nurl = 1\n"),
            ("/work/pyproject.toml", "[tool]\nprefect = \"canary\"\n"),
            (PROFILES, "[profiles.a]\nPREFECT_API_URL = \"https://a.example.com/api\"\nPREFECT_API_URL = \"canary\"\n"),
        ],
    )), @r#"
    environment (in use): https://env.example.com; ; the variable PREFECT_API_URL
    trouble: /work/.env, line 2: PREFECT_API_AUTH_STRING has no closing quote. Correct it and look again; nothing of it was taken over.
    trouble: /work/.env, line 3: PREFECT_API_KEY has ${…} in it, which is not filled in here. Correct it and look again; nothing of it was taken over.
    trouble: /work/prefect.toml, line 2: not valid TOML: invalid basic string, expected `"`. Correct it and look again; nothing of it was taken over.
    trouble: /home/ada/.prefect/profiles.toml, line 3: not valid TOML: duplicate key. Correct it and look again; nothing of it was taken over.
    "#);
    let refusing = find_in(&surroundings(&[]), |path| {
        if path.ends_with("prefect.toml") { Err(io::Error::other("it is not a small plain file")) } else { Ok(None) }
    });
    insta::assert_snapshot!(shown(&refusing), @"trouble: /work/prefect.toml cannot be read: it is not a small plain file. Make it readable and look again.");
}

#[test]
fn where_was_looked_is_told_where_nothing_is() {
    insta::assert_snapshot!(found(&[], &[]).places.join("\n"), @r"
    variables named PREFECT_…
    /work/.env
    /work/prefect.toml
    /work/pyproject.toml
    /home/ada/.prefect/profiles.toml
    ");
    let nowhere = find_in(&Surroundings::default(), |_| Ok(None));
    assert_eq!(nowhere.places, ["variables named PREFECT_…"]);
}

#[test]
fn a_profile_keeps_its_name_and_its_secrets_go_to_the_vault() {
    let file = "[profiles.prod]\nPREFECT_API_URL = \"https://x.example.com/api\"\n\
                PREFECT_API_AUTH_STRING = \"admin:canary\"\nPREFECT_CLIENT_CUSTOM_HEADERS = '{\"X-Key\": \"canary-2\"}'\n";
    let found = found(&[], &[(PROFILES, file)]);
    let taken = profile("prod", 4201);
    let change = found.candidates[0].change(&[&taken]).unwrap();
    let Change::Put { before: None, written, secrets } = change else { panic!("not a new profile") };
    assert_eq!((written.name.as_str(), written.id.as_str(), written.color.as_str()), ("prod", "prod-2", "red"));
    let header = Slot::Header("x-key".parse().unwrap());
    assert_eq!(
        secrets,
        [
            SecretChange::Set(Slot::PrefectPassword, Secret::new("canary")),
            SecretChange::Set(header, Secret::new("canary-2")),
        ]
    );
    insta::assert_snapshot!(found.candidates[0].left_behind().unwrap(), @"Its secrets still stand where they were (/home/ada/.prefect/profiles.toml, line 3; /home/ada/.prefect/profiles.toml, line 4). They can be taken out there as soon as Prefect goes through Postern.");
}

/// What is found can be saved, or somebody is told why not.
fn holds(found: &Found, profiles: &[&Profile]) {
    for candidate in &found.candidates {
        match candidate.change(profiles) {
            Ok(Change::Put { written, .. }) => {
                Written { port: Some(4300), ..*written }.check().unwrap();
            }
            Ok(Change::Remove { .. }) => panic!("an import removes"),
            Err(trouble) => assert!(!trouble.sentence.contains(CANARY), "{trouble:?}"),
        }
    }
}

proptest! {
    #[test]
    fn no_text_breaks_the_search(
        texts in prop::collection::vec("(\\PC|\n|=|\"|'|\\[|\\]|PREFECT_API_URL|profiles|api|url|https://a/api){0,40}", 4),
        address in "\\PC{0,30}",
    ) {
        let paths = ["/work/.env", "/work/prefect.toml", "/work/pyproject.toml", PROFILES];
        let files: Vec<(&str, &str)> = paths.into_iter().zip(texts.iter().map(String::as_str)).collect();
        holds(&found(&[("PREFECT_API_URL", &address), ("PREFECT_API_AUTH_STRING", "a:canary")], &files), &[]);
    }
}
