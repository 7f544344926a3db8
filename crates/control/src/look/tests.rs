//! From a form to the places that are looked at, and from what is found to what is asked.

use insta::assert_snapshot;

use super::*;
use crate::controller::fixture::profile;
use crate::diagnosis::Server;
use crate::view::SecretInput;

fn at(url: &str) -> Draft {
    Draft { url: url.to_owned(), ..Draft::default() }
}

fn places(draft: &Draft, profiles: &[&Profile]) -> Vec<String> {
    plans(draft, profiles).unwrap().iter().map(|plan| plan.profile.url.to_string()).collect()
}

#[test]
fn without_a_credential_every_place_is_tried_that_the_address_may_mean() {
    let both = ["http://prefect.lan/", "https://prefect.lan/"];
    assert_eq!(places(&at("prefect.lan/dashboard"), &[]), both);
    assert_eq!(places(&at("https://prefect.lan/api"), &[]), both[1..]);
}

#[test]
fn a_credential_is_shown_at_one_place_alone() {
    let secret = || SecretInput::Set(Secret::new("s3cret"));
    let edge = EdgeDraft::Basic { username: "alice".to_owned(), password: secret() };
    let prefect = PrefectDraft::Own { username: "admin".to_owned(), password: secret() };
    let headers = vec![crate::view::HeaderDraft { name: "x-key".to_owned(), value: secret() }];
    for draft in [
        Draft { edge, ..at("prefect.lan") },
        Draft { prefect, ..at("prefect.lan") },
        Draft { headers, ..at("prefect.lan") },
        Draft { client_cert_file: "me.p12".to_owned(), ..at("prefect.lan") },
    ] {
        assert_eq!(places(&draft, &[]), ["http://prefect.lan/"]);
    }
}

#[test]
fn a_saved_address_is_taken_as_it_is() {
    let saved = profile("prod", 4201);
    let draft = Draft { url: "https://prod.example.com/runs".to_owned(), ..Draft::from(&saved) };
    assert_eq!(places(&draft, &[&saved]), ["https://prod.example.com/runs"]);
}

#[test]
fn what_cannot_be_saved_is_not_looked_at() {
    let edge = EdgeDraft::Basic { username: String::new(), password: SecretInput::Keep };
    let errors = plans(&Draft { edge, ..at("ftp://x") }, &[]).unwrap_err();
    assert_snapshot!(errors, @"url: Must begin with https:// or http://, not ftp://. edge.username: Is empty. Give the user name, without the password. edge.password: Nothing is saved here yet. Enter the value.");
}

#[tokio::test]
async fn a_file_that_is_not_there_is_said_at_its_field() {
    let folder = tempfile::tempdir().unwrap();
    let folders = Folders::at(folder.path()).unwrap();
    let draft = Draft { ca_file: "none.pem".to_owned(), ..at("https://127.0.0.1:9") };
    let end = look(plans(&draft, &[]).unwrap(), &folders, &Vault::memory(), |_| ()).await;
    let End::Unfit(errors) = end else { panic!("{end:?}") };
    assert_snapshot!(errors, @"caFile: Cannot be read: No such file or directory (os error 2). Correct the path in the profile (a relative one starts where profiles.toml is), or put the file there.");
}

#[test]
fn a_server_is_asked_about_only_what_it_asks_for() {
    use Ask as A;
    for (code, layer, edge, expected) in [
        ("edge_credential_missing", Layer::Edge, Some("nginx"), &[A::Edge][..]),
        ("edge_credential_wrong", Layer::Edge, None, &[A::Edge]),
        ("prefect_credential_missing", Layer::Auth, None, &[A::Prefect]),
        ("authorization_conflict", Layer::Auth, None, &[A::Edge, A::Prefect]),
        ("sign_in_required", Layer::Edge, Some("Cloudflare Access"), &[A::Headers]),
        ("sign_in_required", Layer::Edge, Some("oauth2-proxy"), &[A::Edge, A::Headers]),
        ("unknown_ca", Layer::Tls, None, &[A::Ca]),
        ("certificate_refused", Layer::Tls, None, &[]),
        ("client_certificate_missing", Layer::Tls, None, &[A::ClientCertificate]),
        ("proxy_failed", Layer::Proxy, None, &[A::Proxy]),
        ("name_not_found", Layer::Name, None, &[]),
        ("ok", Layer::None, Some("nginx"), &[]),
    ] {
        let report = Report {
            ok: code == "ok",
            layer,
            code: code.to_owned(),
            sentence: String::new(),
            remedy: String::new(),
            found_at: None,
            wants_ca: code == "unknown_ca",
            server: Server { edge: edge.map(str::to_owned), ..Server::default() },
            checks: Vec::new(),
            latency: None,
        };
        assert_eq!(Ask::of(&report), expected, "{code}");
    }
}
