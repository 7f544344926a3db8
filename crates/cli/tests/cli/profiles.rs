//! Adding, showing, changing and removing profiles.

use std::fs;
use std::process::Command;

use crate::place::{Place, run};

#[test]
fn a_profile_is_added_shown_changed_and_removed() {
    let place = Place::new();
    let none = format!("No profiles yet in {}. `postern add --url …` adds one.\n", place.dir().display());
    assert_eq!(place.done(&["list"]), none);
    let added = place.json(&[
        "add",
        "--url",
        "https://prefect.example.com/prefect/",
        "--name",
        "Production",
        "--id",
        "prod",
        "--port",
        "4311",
        "--color",
        "red",
        "--edge-username",
        "alice",
        "--prefect-username",
        "admin",
        "--header",
        "CF-Access-Client-Id",
        "--read-only",
        "--connect",
        "on-demand",
        "--ca-file",
        "corp-ca.pem",
    ]);
    insta::assert_snapshot!(added, @r#"{"added":"prod","port":4311,"local_api_url":"http://127.0.0.1:4311/api","secrets_missing":["edge-password","prefect-password","header-cf-access-client-id"]}"#);
    insta::assert_snapshot!(place.text(), @r#"
    version = 1

    [[profile]]
    id = "prod"
    name = "Production"
    url = "https://prefect.example.com/prefect"
    port = 4311
    color = "red"
    read_only = true
    connect = "on-demand"

    [profile.edge]
    kind = "basic"
    username = "alice"

    [profile.prefect]
    username = "admin"

    [[profile.header]]
    name = "cf-access-client-id"

    [profile.tls]
    ca_file = "corp-ca.pem"
    "#);
    insta::assert_snapshot!(place.done(&["list"]), @r"
    ID    NAME        URL                                  PORT  SECRETS
    prod  Production  https://prefect.example.com/prefect  4311  missing: edge-password, prefect-password, header-cf-access-client-id
    ");
    insta::assert_snapshot!(place.done(&["show", "prod"]), @r"
    Production (prod)
      address          https://prefect.example.com/prefect
      for programs     http://127.0.0.1:4311/api
      color            red
      read-only        yes
      connect          on-demand
      local programs   key
      edge             basic alice
      Prefect user     admin
      headers          cf-access-client-id
      CA file          corp-ca.pem
      secret           edge-password: missing
      secret           prefect-password: missing
      secret           header-cf-access-client-id: missing
    ");
    insta::assert_snapshot!(place.json(&["show", "prod"]), @r#"{"id":"prod","name":"Production","url":"https://prefect.example.com/prefect","api_url":null,"port":4311,"color":"red","read_only":true,"connect":"on-demand","local_programs":"key","edge":{"kind":"basic","username":"alice"},"prefect":{"username":"admin"},"headers":["cf-access-client-id"],"tls":{"ca_file":"corp-ca.pem","client_cert_file":null,"client_key_file":null,"verify":true},"proxy":"system","local_api_url":"http://127.0.0.1:4311/api","secrets":[{"slot":"edge-password","saved":false},{"slot":"prefect-password","saved":false},{"slot":"header-cf-access-client-id","saved":false}]}"#);

    place.done(&["edit", "prod", "--no-prefect", "--edge-token", "--remove-header", "cf-access-client-id"]);
    place.done(&["edit", "prod", "--read-only=false", "--color", "", "--ca-file", "", "--connect", "always"]);
    insta::assert_snapshot!(place.text(), @r#"
    version = 1

    [[profile]]
    id = "prod"
    name = "Production"
    url = "https://prefect.example.com/prefect"
    port = 4311

    [profile.edge]
    kind = "bearer"
    "#);
    let kept = place.dir().join("data/dashboards/profile-prod");
    let other = place.dir().join("data/dashboards/profile-other");
    for folder in [&kept, &other] {
        fs::create_dir_all(folder.join("storage")).unwrap();
    }
    place.done(&["remove", "prod"]);
    assert_eq!(place.text(), "version = 1\n");
    assert!(!kept.exists() && other.exists());
}

#[test]
fn an_id_and_a_port_are_chosen_where_none_are_given() {
    let place = Place::new();
    let first = place.json(&["add", "--url", "https://prefect.example.com"]);
    let second = place.json(&["add", "--url", "https://prefect.example.com"]);
    assert_eq!((&first["added"], &second["added"]), (&"prefect-example-com".into(), &"prefect-example-com-2".into()));
    assert!(second["port"].as_u64() > first["port"].as_u64());
}

#[test]
fn a_name_that_was_left_out_stays_the_hosts() {
    let place = Place::new();
    place.done(&["add", "--url", "https://old.example.com", "--id", "a"]);
    place.done(&["edit", "a", "--url", "https://new.example.com"]);
    assert_eq!(place.json(&["show", "a"])["name"], "new.example.com");
    place.done(&["edit", "a", "--name", "Mine"]);
    place.done(&["edit", "a", "--url", "https://other.example.com"]);
    assert_eq!(place.json(&["show", "a"])["name"], "Mine");
}

#[test]
fn files_are_named_from_where_the_person_is() {
    let place = Place::new();
    fs::create_dir(place.dir().join("elsewhere")).unwrap();
    let mut command: Command =
        place.command(&["add", "--url", "https://a.example.com", "--id", "a", "--ca-file", "ca.pem"]);
    let outcome = run(command.current_dir(place.dir().join("elsewhere")), "");
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert_eq!(place.json(&["show", "a"])["tls"]["ca_file"], "elsewhere/ca.pem", "beside profiles.toml: relative");
    place.done(&["edit", "a", "--ca-file", "/etc/ssl/ca.pem"]);
    assert_eq!(place.json(&["show", "a"])["tls"]["ca_file"], "/etc/ssl/ca.pem");
}

#[test]
fn what_is_allowed_but_should_be_seen_is_said() {
    let place = Place::new();
    let outcome = place.run(&["add", "--url", "http://prefect.example.com", "--id", "a", "--no-verify"]);
    assert_eq!(outcome.code, 0);
    assert!(outcome.err.contains("warning: a: url: Goes over plain http"), "{}", outcome.err);
    assert!(outcome.err.contains("warning: a: tls.verify: The server's certificate is not checked"), "{}", outcome.err);
    place.done(&["edit", "a", "--verify", "--url", "http://127.0.0.1:4200"]);
    assert_eq!(place.run(&["show", "a"]).err, "");
    assert!(place.done(&["edit", "a"]).starts_with("The profile a is as it was; its port is "));
    let outcome = place.run(&["edit", "a", "--ca-file", "/not/there.pem"]);
    assert_eq!(outcome.code, 0);
    assert!(
        outcome
            .err
            .contains("warning: a: tls.ca_file: The CA file of the profile a, /not/there.pem, cannot be read: No such"),
        "{}",
        outcome.err
    );
}
