//! What the tray shows in each state.

use insta::assert_snapshot;
use postern_gateway::Fault;
use proptest::prelude::*;

use super::{Action, Icon, Item, Tray, shorten, tray};
use crate::controller::fixture::{Stage, at, failing, id, profile, secret_missing, trouble, unreachable, up, written};
use crate::controller::{AtStart, Effect, Event, Failure, Focus, Screen};
use crate::profile::{Color, Profile, ProfileId, Written};

/// As a person would see it.
fn drawn(tray: &Tray) -> String {
    let mut lines = vec![format!("({:?}) {}", tray.icon, tray.tooltip)];
    draw(&tray.menu, "", &mut lines);
    lines.join("\n")
}

fn draw(items: &[Item], indent: &str, lines: &mut Vec<String>) {
    for item in items {
        match item {
            Item::Entry { label, action, checked } => {
                let mark = match checked {
                    None => "",
                    Some(true) => "[x] ",
                    Some(false) => "[ ] ",
                };
                let action = action.as_ref().map_or("(grey)".to_owned(), |action| format!("-> {}", action.to_id()));
                lines.push(format!("{indent}{mark}{label} {action}"));
            }
            Item::Profile { label, color, items, .. } => {
                lines.push(format!("{indent}{label}{}", color.map(|c| format!(" ({c:?})")).unwrap_or_default()));
                draw(items, &format!("{indent}    "), lines);
            }
            Item::Separator => lines.push(format!("{indent}----")),
        }
    }
}

fn one() -> Stage {
    let production = Profile { name: "Production".to_owned(), color: Some(Color::Red), ..profile("prod", 4201) };
    Stage::with(AtStart::Always, &[production])
}

#[test]
fn without_a_server_the_menu_invites_to_add_one() {
    assert_snapshot!(drawn(&tray(&Stage::with(AtStart::Always, &[]).state)), @r"
    (Off) Postern: no servers yet
    No servers yet (grey)
    ----
    Add your first server… -> add
    Manage… -> manage
    Quit -> quit
    ");
}

#[test]
fn a_profile_shows_its_state_in_its_title() {
    let mut stage = one();
    assert_snapshot!(drawn(&tray(&stage.state)), @r"
    (Off) Postern: connecting to Production…
    Production — connecting… (Red)
        [x] Connect -> toggle:prod
        Open -> open:prod
        Open in browser -> browser:prod
        ----
        Copy API URL -> copy-api-url:prod
        Copy as environment -> copy-environment:prod
        Run diagnosis -> diagnose:prod
    ----
    New server… -> add
    Manage… -> manage
    Quit -> quit
    ");
    stage.starts();
    stage.probed(up());
    assert_snapshot!(drawn(&tray(&stage.state)), @r"
    (On) Postern: Production is connected
    Production — connected, 12 ms (Red)
        [x] Connect -> toggle:prod
        Open -> open:prod
        Open in browser -> browser:prod
        ----
        Copy API URL -> copy-api-url:prod
        Copy as environment -> copy-environment:prod
        Run diagnosis -> diagnose:prod
    ----
    New server… -> add
    Manage… -> manage
    Quit -> quit
    ");
    stage.take(Event::WorldChanged);
    assert_eq!(tray(&stage.state).tooltip, "Postern: checking Production…");
    stage.take(Event::Toggle(id("prod")));
    assert_snapshot!(drawn(&tray(&stage.state)), @r"
    (Off) Postern: no server is connected
    Production — off (Red)
        [ ] Connect -> toggle:prod
        Open -> open:prod
        Open in browser -> browser:prod
        ----
        Copy API URL -> copy-api-url:prod
        Copy as environment -> copy-environment:prod
        Run diagnosis -> diagnose:prod
    ----
    New server… -> add
    Manage… -> manage
    Quit -> quit
    ");
}

#[test]
fn trouble_is_told_in_the_menu_the_tooltip_and_the_picture() {
    let first = |stage: &Stage| {
        let tray = tray(&stage.state);
        let Some(Item::Profile { label, items, .. }) = tray.menu.first() else { panic!("no profile: {tray:?}") };
        let Some(Item::Entry { label: line, action: None, .. }) = items.first() else { panic!("no reason: {items:?}") };
        format!("({:?}) {} | {label} | {line}", tray.icon, tray.tooltip)
    };
    let mut lines = Vec::new();
    for fault in [
        unreachable(),
        Fault::EdgeCredentialWrong,
        Fault::PrefectCredentialWrong,
        Fault::SignInRequired { provider: "sso.example.com".to_owned() },
    ] {
        let mut stage = one();
        stage.starts();
        stage.probed(failing(fault));
        lines.push(first(&stage));
    }
    for failure in [Failure::PortTaken(trouble("port_taken")), secret_missing()] {
        let mut stage = one();
        stage.start_fails(failure);
        lines.push(first(&stage));
    }
    assert_snapshot!(lines.join("\n"), @r"
    (Trouble) Postern: Production: The server at prod.example.com:443 cannot be reached: connection refused. | Production — not connected | The server at prod.example.com:443 cannot be reached: connection refused.
    (Trouble) Postern: Production: The server's edge refuses the profile's credential. | Production — not connected | The server's edge refuses the profile's credential.
    (Trouble) Postern: Production: Prefect refuses the profile's auth string. | Production — not connected | Prefect refuses the profile's auth string.
    (SignIn) Postern: Production: The server's edge sends you to sso.example.com to sign in. | Production — sign-in required | The server's edge sends you to sso.example.com to sign in.
    (Trouble) Postern: Production: The sentence of port_taken. | Production — port taken | The sentence of port_taken.
    (Trouble) Postern: Production: The sentence of secret_missing. | Production — not connected | The sentence of secret_missing.
    ");
}

#[test]
fn of_several_the_one_that_was_opened_last_is_the_current_one() {
    let programs_off = Written { local_programs: "off".to_owned(), ..written("b", 4202) }.check().unwrap();
    let mut stage = Stage::with(AtStart::None, &[profile("a", 4201), programs_off]);
    stage.take(Event::StartsAtLogin(Some(true)));
    stage.take(Event::Open(id("b")));
    assert_snapshot!(drawn(&tray(&stage.state)), @r"
    (Off) Postern: connecting to b.example.com…
    a.example.com — off
        [ ] Connect -> toggle:a
        Open -> open:a
        Open in browser -> browser:a
        ----
        Copy API URL -> copy-api-url:a
        Copy as environment -> copy-environment:a
        Run diagnosis -> diagnose:a
    b.example.com (current) — connecting…
        [x] Connect -> toggle:b
        Open -> open:b
        Open in browser -> browser:b
        ----
        Copy API URL -> copy-api-url:b
        Run diagnosis -> diagnose:b
    ----
    Switch server… -> switch
    New server… -> add
    Manage… -> manage
    [x] Start at login -> start-at-login
    Quit -> quit
    ");
    // Looked at counts as well as opened.
    let focus = Some(Focus::Dashboard(id("a")));
    stage.take(Event::Screen(Screen { focus, ..Screen::default() }));
    let lines = drawn(&tray(&stage.state));
    assert!(lines.contains("a.example.com (current) — off") && lines.contains("b.example.com — connecting"), "{lines}");
}

#[test]
fn the_picture_is_the_gravest_of_several() {
    let mut stage = Stage::with(AtStart::Always, &[profile("a", 4201), profile("b", 4202), profile("c", 4203)]);
    let starts: Vec<_> = stage.effects.clone();
    let mut pictures = vec![tray(&stage.state).icon];
    let sign_in = Fault::SignInRequired { provider: "sso.example.com".to_owned() };
    for (start, status) in starts.into_iter().zip([up(), failing(sign_in), failing(unreachable())]) {
        let Effect::Start { generation, .. } = start else { panic!("not started") };
        stage.take(Event::Started(generation));
        stage.take(Event::Probed { generation, status, used: true, at: at(0) });
        pictures.push(tray(&stage.state).icon);
    }
    assert_eq!(pictures, [Icon::Off, Icon::On, Icon::SignIn, Icon::Trouble]);
}

#[test]
fn several_servers_are_summed_up() {
    let profiles = [profile("a", 4201), profile("b", 4202)];
    let tooltip = |stage: &Stage| {
        let tray = tray(&stage.state);
        format!("({:?}) {}", tray.icon, tray.tooltip)
    };
    let mut stage = Stage::with(AtStart::Only(vec![id("a")]), &profiles);
    stage.starts();
    stage.probed(up());
    assert_eq!(tooltip(&stage), "(On) Postern: a.example.com is connected");
    stage.take(Event::Connect(id("b")));
    assert_eq!(tooltip(&stage), "(On) Postern: a.example.com is connected");
    stage.starts();
    stage.probed(up());
    assert_eq!(tooltip(&stage), "(On) Postern: 2 servers are connected");
    stage.time_passes();
    stage.probed(failing(unreachable()));
    assert_eq!(
        tooltip(&stage),
        "(Trouble) Postern: b.example.com: The server at prod.example.com:443 cannot be reached: connection refused."
    );
}

#[test]
fn a_file_that_cannot_be_read_is_the_first_line() {
    let mut stage = Stage::with(AtStart::Always, &[]);
    stage.take(Event::Loaded(Err(trouble("profiles_invalid"))));
    assert_snapshot!(drawn(&tray(&stage.state)), @r"
    (Trouble) Postern: The sentence of profiles_invalid.
    The sentence of profiles_invalid. (grey)
    ----
    Manage… -> manage
    Quit -> quit
    ");
    assert_eq!(tray(&stage.state).icon, Icon::Trouble);
}

#[test]
fn long_texts_end_after_a_word_and_on_the_first_line() {
    for (text, short) in [
        ("short", "short"),
        ("one line\nanother", "one line"),
        ("a sentence with some words", "a sentence with…"),
        ("a sentence, with, some words", "a sentence, with…"),
        ("anuninterruptedlongword", "anuninterruptedlongw…"),
        ("ünïcödé ünïcödé ünïcödé", "ünïcödé ünïcödé…"),
        ("", ""),
    ] {
        assert_eq!(shorten(text, 20), short, "{text:?}");
    }
}

fn any_action() -> impl Strategy<Value = Action> {
    let about = prop_oneof![
        Just(Action::Toggle as fn(ProfileId) -> Action),
        Just(Action::Open as fn(ProfileId) -> Action),
        Just(Action::OpenInBrowser as fn(ProfileId) -> Action),
        Just(Action::CopyApiUrl as fn(ProfileId) -> Action),
        Just(Action::CopyEnvironment as fn(ProfileId) -> Action),
        Just(Action::Diagnose as fn(ProfileId) -> Action),
    ];
    let id = "[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?".prop_map(|text| id(&text));
    let alone = prop_oneof![
        Just(Action::Activate),
        Just(Action::Switch),
        Just(Action::Add),
        Just(Action::Manage),
        Just(Action::StartAtLogin),
        Just(Action::Quit)
    ];
    prop_oneof![8 => (about, id).prop_map(|(about, id)| about(id)), 5 => alone]
}

proptest! {
    #[test]
    fn an_action_is_read_back_from_its_id(action in any_action()) {
        prop_assert_eq!(Action::from_id(&action.to_id()), Some(action));
    }

    #[test]
    fn an_id_is_an_action_only_as_that_action_writes_it(text in "(toggle|open|browser|copy-api-url|copy-environment|diagnose|activate|add|manage|start-at-login|quit|)[:]?.{0,6}") {
        if let Some(action) = Action::from_id(&text) {
            prop_assert_eq!(action.to_id(), text);
        }
    }
}

#[test]
fn nothing_else_is_an_action() {
    for text in
        ["", "quit:", "quit:prod", "manage:prod", "open", "open:", "open:Prod", "open:a:b", "Open:prod", " quit"]
    {
        assert_eq!(Action::from_id(text), None, "{text:?}");
    }
}
