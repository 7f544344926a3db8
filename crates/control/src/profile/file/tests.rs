//! Reading and editing profiles.toml.

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;
use crate::profile::{Profile, ProfileId, WrittenEdge};

/// Every field there is, commented as a person would.
const FULL: &str = r##"# My servers.
version = 1

# Careful here!
[[profile]]
id = "prod"                          # used everywhere
name = "Production"
url = "https://prefect.example.com/prefect"
api_url = "https://api.example.com/api"
port = 4201
color = "red"
read_only = true
connect = "on-demand"
local_programs = "open"

[profile.edge]
kind = "basic"
username = "alice"   # not Alice

[profile.prefect]
username = "admin"

[[profile.header]]
name = "CF-Access-Client-Id"   # from the Access page
[[profile.header]]
name = "CF-Access-Client-Secret"

[profile.tls]
ca_file = "corp-ca.pem"
client_cert_file = "me.pem"
verify = false

[profile.network]
proxy = "socks5://127.0.0.1:1080"

# The other one.
[[profile]]
id = "staging"
url = "http://10.0.0.7:4200"
port = 4202
"##;

fn errors(text: &str) -> String {
    let errors = parse(text).expect_err("a bad file was accepted");
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn profiles(text: &str) -> Vec<Profile> {
    parse(text).unwrap().0
}

/// The lines that differ.
fn difference(old: &str, new: &str) -> String {
    let lines = |text: &str, other: &str, sign: char| {
        let other: Vec<String> = other.lines().map(str::to_owned).collect();
        let only = text.lines().filter(|line| !other.iter().any(|other| other == line));
        only.map(|line| format!("{sign} {line}")).collect::<Vec<_>>()
    };
    [lines(old, new, '-'), lines(new, old, '+')].concat().join("\n")
}

#[test]
fn a_full_file_is_read_field_by_field() {
    let [prod, staging] = &profiles(FULL)[..] else { panic!("not two profiles") };
    insta::assert_debug_snapshot!(Written::from(prod), @r#"
    Written {
        id: "prod",
        name: "Production",
        url: "https://prefect.example.com/prefect",
        api_url: "https://api.example.com/api",
        port: Some(
            4201,
        ),
        color: "red",
        read_only: true,
        connect: "on-demand",
        local_programs: "open",
        edge: Some(
            WrittenEdge {
                kind: "basic",
                username: "alice",
            },
        ),
        prefect_username: Some(
            "admin",
        ),
        headers: [
            "cf-access-client-id",
            "cf-access-client-secret",
        ],
        ca_file: "corp-ca.pem",
        client_cert_file: "me.pem",
        client_key_file: "",
        verify: false,
        proxy: "socks5://127.0.0.1:1080",
    }
    "#);
    assert_eq!(staging.name, "10.0.0.7", "the host, where there is no name");
    let slots: Vec<String> = prod.slots().iter().map(ToString::to_string).collect();
    assert_snapshot!(slots.join(" "), @"edge-password prefect-password client-key client-key-password header-cf-access-client-id header-cf-access-client-secret");
}

#[test]
fn what_is_allowed_but_should_be_seen_is_told_with_its_line() {
    let warnings = parse(FULL).unwrap().1;
    assert_snapshot!(warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"), @"31: tls.verify: The server's certificate is not checked: anyone on the way can pose as the server and take the password. Give the certificate's CA as tls.ca_file instead.");
}

#[test]
fn an_empty_file_is_a_new_one() {
    assert_eq!(parse(""), Ok((Vec::new(), Vec::new())));
    assert_eq!(parse("# nothing yet\n"), Ok((Vec::new(), Vec::new())));
}

#[test]
fn all_that_is_wrong_is_told_at_once_with_line_and_field() {
    assert_snapshot!(errors(r#"
version = 1
theme = "dark"

[[profile]]
id = "Prod"
url = "https://alice:canary@prefect.example.com"
port = 80
colour = "red"
password = "canary"
connect = "sometimes"

[profile.edge]
kind = "digest"

[[profile.header]]
name = "Host"
[[profile.header]]
name = "Sec-WebSocket-Key"
value = "canary"

[[profile]]
id = "a"
url = "prefect.example.com"
port = "4201"
read_only = "yes"
[profile.tls]
client_key_file = "key.pem"

[[profile]]
id = "a"
url = "https://b.example.com/?x=1"
port = 4203
edge = "basic"
[profile.prefect]
username = "admin:canary"

[[profile]]
id = "c"
url = "ftp://c.example.com"
port = 4203
[profile.network]
proxy = "http://me:canary@proxy:3128"
[[profile.header]]
name = "X-One"
[[profile.header]]
name = "x-one"
"#), @r#"
    3: theme: Is unknown. Known here: version, profile.
    6: id: An id has 1 to 32 of a-z, 0-9 and hyphens, with no hyphen at either end.
    7: url: Has a user name or password in it. Remove everything up to the @; user names have fields of their own, and passwords belong in the vault.
    8: port: 80 is not a port between 1024 and 65535. Choose one of those.
    9: colour: Is unknown. Known here: id, name, url, api_url, port, color, read_only, connect, local_programs, edge, prefect, header, tls, network.
    10: password: Secrets are not kept in this file. Remove the line, and save the value with `postern secret set` or in the manager.
    11: connect: Must be one of "always", "on-demand".
    14: edge.kind: Must be "basic" or "bearer".
    17: header.name: host may not be set, because it belongs to each single request. Remove it from the profile.
    19: header.name: sec-websocket-key may not be set, because it is set by browsers and WebSocket clients only. Remove it from the profile.
    20: header.value: Secrets are not kept in this file. Remove the line, and save the value with `postern secret set` or in the manager.
    24: url: Is no web address. Begin it with https:// (or http:// where the server has no TLS).
    25: port: Must be a whole number.
    26: read_only: Must be true or false.
    28: tls.client_key_file: There is a client key but no client certificate. Give the certificate's file as well.
    31: id: The profile “a” has the id a already. Choose another.
    32: url: Has a ? or # part. Remove it; give only the address under which the server's pages begin.
    34: edge: Must be a table, not string.
    36: prefect.username: A user name cannot have a colon in it. Give the part before the colon here; the part after it is the password and belongs in the vault.
    40: url: Must begin with https:// or http://, not ftp://.
    41: port: The profile “a” has port 4203 already. Choose another.
    43: network.proxy: Has a user name or password in it, which there is no place for. Remove everything up to the @, and use a proxy that lets this machine in without.
    47: header.name: x-one is here twice. Remove one of them.
    "#);
}

#[test]
fn a_file_that_is_no_toml_is_told_with_its_line_and_without_its_text() {
    assert_snapshot!(errors("version = 1\n[[profile]]\npassword = canary\nname = \"x\n"), @r#"
    3: Is not valid TOML: string values must be quoted, expected literal string.
    4: Is not valid TOML: invalid basic string, expected `"`.
    "#);
}

#[test]
fn the_version_decides_before_anything_else() {
    for (text, line) in [
        ("version = 2\n[[profile]]\nnew = true\n", "1: version: "),
        ("version = \"1\"\n", "1: version: "),
        ("[[profile]]\nid = \"a\"\nurl = \"https://a.example.com\"\nport = 4201\n", "1: version: "),
    ] {
        let errors = errors(text);
        assert!(errors.starts_with(line) && errors.lines().count() == 1, "{errors}");
    }
}

#[test]
fn addresses_of_servers() {
    let read = |url: &str| {
        let text = format!("version = 1\n[[profile]]\nid = \"a\"\nport = 4201\nurl = '{url}'\n");
        match parse(&text) {
            Ok((profiles, warnings)) => {
                let plain = if warnings.is_empty() { "" } else { " (warned)" };
                format!("{}{plain}", profiles[0].url)
            }
            Err(errors) => errors[0].message.clone(),
        }
    };
    let addresses = [
        "https://prefect.example.com",
        "https://prefect.example.com/base/",
        "HTTPS://Prefect.Example.com:8443/base",
        "http://prefect.example.com",
        "http://8.8.8.8:4200",
        "http://localhost:4200",
        "http://127.0.0.1:4200",
        "http://10.1.2.3",
        "http://100.64.1.2",
        "http://[::1]:4200",
        "http://[fd00::1]:4200",
        "http://[2001:db8::1]:4200",
        "http://prefect:4200",
        "http://prefect.internal",
        "http://evillocalhost.com",
        "https://alice:canary@prefect.example.com",
        "https://canary@prefect.example.com",
        "https://@prefect.example.com",
        "https:\\\\canary@prefect.example.com",
        "https://prefect.example.com?token=canary",
        "https://prefect.example.com/#/runs",
        "https://prefect.example.com/@team",
        "prefect.example.com",
        "prefect.example.com:4200",
        "localhost:4200",
        "ftp://prefect.example.com",
        "javascript:alert(1)",
        "https://",
        "https://pre fect.example.com",
        "https://prefect.example.com:99999",
        "https://prefect.example.com:0",
        "",
    ];
    let table: Vec<String> = addresses.iter().map(|url| format!("{url:45} {}", read(url))).collect();
    assert_snapshot!(table.join("\n"), @r"
    https://prefect.example.com                   https://prefect.example.com/
    https://prefect.example.com/base/             https://prefect.example.com/base
    HTTPS://Prefect.Example.com:8443/base         https://prefect.example.com:8443/base
    http://prefect.example.com                    http://prefect.example.com/ (warned)
    http://8.8.8.8:4200                           http://8.8.8.8:4200/ (warned)
    http://localhost:4200                         http://localhost:4200/
    http://127.0.0.1:4200                         http://127.0.0.1:4200/
    http://10.1.2.3                               http://10.1.2.3/
    http://100.64.1.2                             http://100.64.1.2/
    http://[::1]:4200                             http://[::1]:4200/
    http://[fd00::1]:4200                         http://[fd00::1]:4200/
    http://[2001:db8::1]:4200                     http://[2001:db8::1]:4200/ (warned)
    http://prefect:4200                           http://prefect:4200/
    http://prefect.internal                       http://prefect.internal/
    http://evillocalhost.com                      http://evillocalhost.com/ (warned)
    https://alice:canary@prefect.example.com      Has a user name or password in it. Remove everything up to the @; user names have fields of their own, and passwords belong in the vault.
    https://canary@prefect.example.com            Has a user name or password in it. Remove everything up to the @; user names have fields of their own, and passwords belong in the vault.
    https://@prefect.example.com                  Has a user name or password in it. Remove everything up to the @; user names have fields of their own, and passwords belong in the vault.
    https:\\canary@prefect.example.com            Has a user name or password in it. Remove everything up to the @; user names have fields of their own, and passwords belong in the vault.
    https://prefect.example.com?token=canary      Has a ? or # part. Remove it; give only the address under which the server's pages begin.
    https://prefect.example.com/#/runs            Has a ? or # part. Remove it; give only the address under which the server's pages begin.
    https://prefect.example.com/@team             https://prefect.example.com/@team
    prefect.example.com                           Is no web address. Begin it with https:// (or http:// where the server has no TLS).
    prefect.example.com:4200                      Is no web address. Begin it with https:// (or http:// where the server has no TLS).
    localhost:4200                                Is no web address. Begin it with https:// (or http:// where the server has no TLS).
    ftp://prefect.example.com                     Must begin with https:// or http://, not ftp://.
    javascript:alert(1)                           Is no web address. Begin it with https:// (or http:// where the server has no TLS).
    https://                                      Is no web address: empty host. Type it again.
    https://pre fect.example.com                  Is no web address: invalid international domain name. Type it again.
    https://prefect.example.com:99999             Is no web address: invalid port number. Type it again.
    https://prefect.example.com:0                 Has port 0, on which nothing can listen. Give the server's port.
                                                  Is empty. Give the address of the Prefect UI, like https://prefect.example.com.
    ");
}

#[test]
fn an_edit_touches_what_changed_and_nothing_else() {
    let before = profiles(FULL);
    let mut after = before.clone();
    after[0].name = "Prod \"1\"".to_owned();
    after[0].read_only = false;
    after[0].edge = Some(crate::profile::Edge::Bearer);
    after[0].prefect_username = None;
    after[0].headers.remove(0);
    after[0].headers.push("x-new".parse().unwrap());
    after[0].tls.verify = true;
    after[1].color = Some(crate::profile::Color::Teal);
    after[1].headers.push("x-key".parse().unwrap());
    let text = edit(FULL, &before, &after);
    assert_eq!(profiles(&text), after, "{text}");
    assert_snapshot!(difference(FULL, &text), @r#"
    - name = "Production"
    - read_only = true
    - kind = "basic"
    - username = "alice"   # not Alice
    - [profile.prefect]
    - username = "admin"
    - name = "CF-Access-Client-Id"   # from the Access page
    - verify = false
    + name = 'Prod "1"'
    + kind = "bearer"
    + name = "x-new"
    + color = "teal"
    + name = "x-key"
    "#);
}

#[test]
fn profiles_written_in_other_ways_are_edited_in_their_way() {
    let text = r#"version = 1
[[profile]]
id = "a"
url = "https://a.example.com"
port = 4201
edge = { kind = "basic", username = "bob" } # inline
prefect.username = "admin"
header = [{ name = "X-One" }, { name = "X-Two" }]
"#;
    let before = profiles(text);
    let mut after = before.clone();
    after[0].edge = Some(crate::profile::Edge::Basic { username: "alice".to_owned() });
    after[0].prefect_username = Some("root".to_owned());
    after[0].headers[0] = "x-three".parse().unwrap();
    let edited = edit(text, &before, &after);
    assert_eq!(profiles(&edited), after, "{edited}");
    assert_snapshot!(edited, @r#"
    version = 1
    [[profile]]
    id = "a"
    url = "https://a.example.com"
    port = 4201
    edge = { kind = "basic", username = "alice" } # inline
    prefect.username = "root"
    header = [ { name = "X-Two" }, { name = "x-three" }]
    "#);
}

#[test]
fn removing_and_adding_leave_the_others_as_they_are() {
    let before = profiles(FULL);
    let mut new = before[1].clone();
    new.id = ProfileId::parse("new").unwrap();
    new.port = 4203;
    let after = vec![before[1].clone(), new];
    let text = edit(FULL, &before, &after);
    assert_eq!(profiles(&text), after, "{text}");
    assert_snapshot!(text, @r#"
    # My servers.
    version = 1

    # The other one.
    [[profile]]
    id = "staging"
    url = "http://10.0.0.7:4200"
    port = 4202

    [[profile]]
    id = "new"
    url = "http://10.0.0.7:4200"
    port = 4203
    "#);
    let none = edit(&text, &after, &[]);
    assert_eq!(profiles(&none), []);
}

fn written() -> impl Strategy<Value = Written> {
    let text = || prop::option::of("[ -~äπ\u{1f6aa}]{1,12}").prop_map(Option::unwrap_or_default);
    let edge = prop_oneof![
        Just(None),
        Just(Some(WrittenEdge::bearer())),
        "[!-9;-~ü]{1,8}".prop_map(|username| Some(WrittenEdge::basic(&username))),
    ];
    let url = prop::sample::select(vec!["https://a.example.com/base", "http://10.0.0.1:4200"]);
    let first = (text(), url, prop::sample::select(vec!["", "red", "teal"]), any::<bool>(), edge);
    let second = (
        prop::option::of("[!-9;-~]{1,8}"),
        prop::collection::btree_set("x-[a-z]{1,4}", 0..4),
        text(),
        any::<bool>(),
        prop::sample::select(vec!["", "none", "http://proxy:3128", "socks5://[::1]:1080"]),
    );
    (first, second).prop_map(
        |((name, url, color, read_only, edge), (prefect_username, headers, ca_file, verify, proxy))| Written {
            name,
            url: url.to_owned(),
            color: color.to_owned(),
            read_only,
            edge,
            prefect_username,
            headers: headers.into_iter().collect(),
            ca_file,
            verify,
            proxy: proxy.to_owned(),
            ..Written::default()
        },
    )
}

/// Valid profiles with ids and ports of their own.
fn some_profiles() -> impl Strategy<Value = Vec<Profile>> {
    prop::collection::btree_map("[a-f]", written(), 0..5).prop_map(|profiles| {
        let number = |(port, (id, written)): (i64, (String, Written))| {
            Written { id, port: Some(port), ..written }.check().unwrap()
        };
        (4201..).zip(profiles).map(number).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_written_is_read_back(before in some_profiles(), after in some_profiles()) {
        let first = edit("", &[], &before);
        prop_assert_eq!(parse(&first).map(|(profiles, _)| profiles), Ok(before.clone()));
        // Kept ones in the file's order, new ones behind them.
        let mut after = after;
        after.sort_by_key(|profile| !before.iter().any(|old| old.id == profile.id));
        let second = edit(&first, &before, &after);
        prop_assert_eq!(parse(&second).map(|(profiles, _)| profiles), Ok(after), "{}", second);
    }

    #[test]
    fn no_text_panics_or_is_repeated_in_errors(text in "(version = 1\n)?(\\[\\[profile\\]\\]\n)?(.{0,20}canary.{0,20}\n){0,3}") {
        if let Err(errors) = parse(&text) {
            for error in errors {
                prop_assert!(!error.message.contains("canary"), "{}", error);
            }
        }
    }
}
