//! What the manager is shown.

use std::collections::BTreeSet;

use insta::assert_snapshot;
use postern_gateway::{Fault, Secret, StartError};

use super::*;
use crate::controller::fixture::{Stage, failing, id, profile, trouble, unreachable, up, written};
use crate::controller::{AtStart, Failure, Ticket};
use crate::profile::Written;
use crate::resolve::ResolveError;
use crate::vault::{Kind, VaultError};

#[test]
fn a_server_is_shown_with_its_state_and_without_its_secrets() {
    let mut stage = Stage::with(AtStart::Always, &[profile("prod", 4201)]);
    stage.starts();
    stage.probed(up());
    let view = serde_json::to_string_pretty(&manager(&stage.state).servers).unwrap();
    assert_snapshot!(view, @r#"
    [
      {
        "id": "prod",
        "name": "prod.example.com",
        "url": "https://prod.example.com/prefect",
        "color": null,
        "readOnly": false,
        "unverified": false,
        "warnings": [],
        "connection": {
          "state": "up",
          "wanted": true,
          "label": "Connected",
          "version": "3.8.8",
          "latencyMs": 12,
          "trouble": null,
          "steps": [],
          "nextTryMs": null
        },
        "localApiUrl": "http://127.0.0.1:4201/api",
        "form": {
          "id": "prod",
          "name": "prod.example.com",
          "url": "https://prod.example.com/prefect",
          "apiUrl": "",
          "port": 4201,
          "color": null,
          "readOnly": false,
          "connect": "always",
          "localPrograms": "key",
          "edge": {
            "kind": "basic",
            "username": "alice",
            "password": "keep"
          },
          "prefect": {
            "kind": "none"
          },
          "headers": [],
          "caFile": "",
          "clientCertFile": "",
          "clientKeyFile": "",
          "clientKey": "keep",
          "clientKeyPassword": "keep",
          "verify": true,
          "proxy": "system"
        },
        "secrets": [
          {
            "slot": "edge-password",
            "saved": true
          }
        ],
        "look": null
      }
    ]
    "#);
}

#[test]
fn each_connection_has_its_picture_label_and_reason() {
    let shown = |stage: &Stage| {
        let view = &manager(&stage.state).servers[0].connection;
        let code = view.trouble.as_ref().map_or("-", |trouble| trouble.code.as_str());
        format!(
            "{:?} | {} | wanted: {} | {code} | again: {}",
            view.state,
            view.label,
            view.wanted,
            view.next_try_ms.is_some()
        )
    };
    let mut lines = Vec::new();
    let mut stage = Stage::with(AtStart::None, &[profile("prod", 4201)]);
    lines.push(shown(&stage));
    stage.take(Event::Connect(id("prod")));
    lines.push(shown(&stage));
    stage.start_fails(Failure::PortTaken(trouble("port_taken")));
    lines.push(shown(&stage));
    stage.time_passes();
    stage.starts();
    stage.probed(up());
    lines.push(shown(&stage));
    stage.take(Event::WorldChanged);
    lines.push(shown(&stage));
    stage.probed(failing(unreachable()));
    lines.push(shown(&stage));
    stage.time_passes();
    stage.probed(failing(Fault::SignInRequired { provider: "sso.example.com".to_owned() }));
    lines.push(shown(&stage));
    assert_snapshot!(lines.join("\n"), @r"
    Off | Off | wanted: false | - | again: false
    Starting | Connecting… | wanted: true | - | again: false
    Failing | Port taken | wanted: true | port_taken | again: false
    Up | Connected | wanted: true | - | again: false
    Starting | Checking… | wanted: true | - | again: false
    Failing | Not connected | wanted: true | server_unreachable | again: true
    SignIn | Sign-in required | wanted: true | sign_in_required | again: false
    ");
}

#[test]
fn what_is_loud_is_shown_loudly() {
    let risky = Written { url: "http://prefect.example.com".to_owned(), verify: false, ..written("prod", 4201) };
    let mut stage = Stage::with(AtStart::None, &[risky.check().unwrap()]);
    stage.take(Event::Loaded(Err(trouble("profiles_invalid"))));
    stage.take(Event::LookedUp { id: id("prod"), outcome: Err(trouble("vault_locked")) });
    let view = manager(&stage.state);
    assert!(view.servers[0].unverified);
    assert_eq!(view.servers[0].warnings.len(), 2, "{:?}", view.servers[0].warnings);
    assert!(!view.can_save);
    let codes: Vec<&str> = view.troubles.iter().map(|trouble| trouble.code.as_str()).collect();
    assert_eq!(codes, ["profiles_invalid", "vault_locked"]);
}

#[test]
fn no_view_and_no_log_line_holds_a_secret_that_was_typed() {
    let mut stage = Stage::with(AtStart::Always, &[profile("prod", 4201)]);
    let canary = |n: usize| SecretInput::Set(Secret::new(format!("canary-{n}")));
    let draft = Draft {
        edge: EdgeDraft::Basic { username: "alice".to_owned(), password: canary(1) },
        prefect: PrefectDraft::Own { username: "admin".to_owned(), password: canary(2) },
        headers: vec![HeaderDraft { name: "X-Key".to_owned(), value: canary(3) }],
        client_key: canary(4),
        client_key_password: canary(5),
        ..Draft::from(&profile("prod", 4201))
    };
    let json = serde_json::to_string(&draft).unwrap();
    let event = Event::Save { ticket: Ticket(1), draft: Box::new(draft) };
    let logged = format!("{event:?}");
    let effects = format!("{:?}", stage.take(event));
    let state = format!("{:?}", stage.state);
    let view = serde_json::to_string(&manager(&stage.state)).unwrap();
    for text in [json, logged, effects, state, view] {
        assert!(!text.contains("canary"), "{text}");
    }
}

#[test]
fn a_secret_that_comes_in_wrongly_is_not_repeated_in_the_error() {
    for wrong in [r#""canary""#, r#"{"set": ["canary"]}"#, r#"{"canary": "x"}"#, r#"{"set": "canary", "set": "x"}"#] {
        let error = serde_json::from_str::<SecretInput>(wrong).unwrap_err().to_string();
        assert!(!error.contains("canary"), "{error}");
        let nested = format!(r#"{{"kind": "bearer", "token": {wrong}}}"#);
        let error = serde_json::from_str::<EdgeDraft>(&nested).unwrap_err().to_string();
        assert!(!error.contains("canary"), "{error}");
    }
    assert_eq!(serde_json::from_str::<SecretInput>(r#""keep""#).unwrap(), SecretInput::Keep);
    let set = serde_json::from_str::<SecretInput>(r#"{"set": "x"}"#).unwrap();
    assert_eq!(set, SecretInput::Set(Secret::new("x")));
}

#[test]
fn each_cause_has_its_own_code_sentence_and_remedy() {
    let port_taken = |program: Option<&str>| StartError::PortTaken { port: 4201, program: program.map(str::to_owned) };
    let vault = |error: VaultError| ResolveError::Vault(error).trouble();
    let reason = || "the system's words".to_owned();
    let missing =
        ResolveError::SecretMissing { id: id("prod"), slot: crate::profile::Slot::EdgePassword, vault: Kind::Os };
    let troubles = [
        vault(VaultError::Absent { reason: reason() }),
        vault(VaultError::Locked),
        vault(VaultError::Refused { reason: reason() }),
        vault(VaultError::Failed { reason: reason() }),
        missing.trouble(),
        Trouble::from(&Fault::EdgeCredentialWrong),
        Trouble::from(&Fault::PrefectCredentialWrong),
        Trouble::from(&unreachable()),
        Trouble::from(&port_taken(Some("python3 (pid 42)"))),
        Trouble::from(&StartError::Listen { port: 4201, source: std::io::ErrorKind::PermissionDenied.into() }),
        Trouble::from(&StartError::Certificate { what: "CA file", reason: "it is not PEM".to_owned() }),
        Trouble::from(&StartError::Credential { what: "edge-password".to_owned(), reason: "it has a line break" }),
    ];
    for part in [|t: &Trouble| t.code.clone(), |t: &Trouble| t.sentence.clone(), |t: &Trouble| t.remedy.clone()] {
        let distinct: BTreeSet<String> = troubles.iter().map(part).collect();
        assert_eq!(distinct.len(), troubles.len(), "{distinct:#?}");
    }
    for ours in [None, Some("postern-desktop (pid 42)")].map(|program| Trouble::from(&port_taken(program))) {
        assert!(ours.remedy.contains("nothing to do"), "{ours:?}");
    }
    let told: Vec<String> =
        troubles.iter().map(|t| format!("{}: {} {} {:?}", t.code, t.sentence, t.remedy, Step::of(t))).collect();
    for trouble in &troubles {
        assert!(trouble.sentence.ends_with('.') && trouble.remedy.ends_with('.'), "{trouble:?}");
    }
    assert_snapshot!(told.join("\n"), @r"
    vault_absent: This machine has no keychain service that answers: the system's words. Install and start one (gnome-keyring, KWallet or KeePassXC with its Secret Service on); or keep secrets in memory for this session, in the manager; or, on a machine without a desktop, use `--vault env`. [KeepInMemory]
    vault_locked: The keychain is locked and waits to be unlocked. Unlock it: its window may be behind others. Then try again. []
    vault_refused: The keychain refused access: the system's words. Allow Postern to use it when the keychain asks, and try again. []
    vault_failed: The keychain failed: the system's words. Try again. If it stays so, restart the keychain service, or log out and in again. []
    secret_missing: The profile prod needs the secret edge-password, and the vault has none. Enter it in the manager, or run `postern secret set prod edge-password`. [EditSettings, FindCause]
    edge_credential_wrong: The server's edge refuses the profile's credential. Enter the edge's user name and password again. [EditSettings, FindCause]
    prefect_credential_wrong: Prefect refuses the profile's auth string. Enter Prefect's auth string again. [EditSettings, FindCause]
    server_unreachable: The server at prod.example.com:443 cannot be reached: connection refused. Check that the server runs, that address and port are right, and whether a VPN must be on. [FindCause]
    port_taken: python3 (pid 42) has port 4201 of this machine. End that program, or give the profile another port. [EditSettings]
    listen_failed: The system does not let Postern listen on port 4201: permission denied. Give the profile another port. [EditSettings]
    certificate_unusable: The profile's CA file cannot be used: it is not PEM. Give another file in the profile; it must be PEM. [EditSettings, FindCause]
    credential_unusable: The profile's secret edge-password cannot be sent in a header: it has a line break. Enter it again. [EditSettings, FindCause]
    ");
    let steps = [
        "gateway_broken",
        "internal",
        "no_random_numbers",
        "local_key_empty",
        "file_unreadable",
        "client_certificate_unusable",
        "proxy_unusable",
        "edge_credential_missing",
        "prefect_credential_missing",
        "authorization_conflict",
        "sign_in_required",
    ]
    .map(|code| format!("{code}: {:?}", Step::of(&trouble(code))));
    assert_snapshot!(steps.join("\n"), @r"
    gateway_broken: [SaveReport]
    internal: [SaveReport]
    no_random_numbers: []
    local_key_empty: [EditSettings]
    file_unreadable: [EditSettings, FindCause]
    client_certificate_unusable: [EditSettings, FindCause]
    proxy_unusable: [EditSettings, FindCause]
    edge_credential_missing: [EditSettings, FindCause]
    prefect_credential_missing: [EditSettings, FindCause]
    authorization_conflict: [EditSettings, FindCause]
    sign_in_required: [EditSettings, FindCause]
    ");
    assert_snapshot!(Trouble::from(&port_taken(None)).sentence, @"Another program has port 4201 of this machine.");
}

#[test]
fn an_action_of_the_page_is_an_event_or_nothing() {
    let event =
        |json: &str| serde_json::from_str::<ManagerAction>(json).ok().and_then(|action| Event::try_from(action).ok());
    for (json, expected) in [
        (r#"{"do": "connect", "id": "prod"}"#, Event::Connect(id("prod"))),
        (r#"{"do": "disconnect", "id": "prod"}"#, Event::Disconnect(id("prod"))),
        (r#"{"do": "open", "id": "prod"}"#, Event::Open(id("prod"))),
        (r#"{"do": "open-in-browser", "id": "prod"}"#, Event::OpenInBrowser(id("prod"))),
        (r#"{"do": "copy-api-url", "id": "prod"}"#, Event::CopyApiUrl(id("prod"))),
        (
            r#"{"do": "copy-as-curl", "id": "prod", "method": "GET", "path": "/api/flows"}"#,
            Event::CopyAsCurl { id: id("prod"), method: "GET".to_owned(), path: "/api/flows".to_owned() },
        ),
        (r#"{"do": "remove", "id": "prod"}"#, Event::Remove { ticket: None, id: id("prod") }),
    ] {
        assert_eq!(event(json), Some(expected), "{json}");
    }
    for json in [
        r#"{"do": "quit", "id": "prod"}"#,
        r#"{"do": "open", "id": "../x"}"#,
        r#"{"do": "open"}"#,
        r#"{"do": "open", "id": "a", "to": "b"}"#,
    ] {
        assert_eq!(event(json), None, "{json}");
    }
}
