//! What each event leads to, one case after the other. `model.rs` tries the combinations.

use insta::assert_snapshot;
use postern_gateway::Fault;

use super::fixture::{Stage, at, failing, id, profile, said, secret_missing, trouble, unreachable, up, written};
use super::{AtStart, Connection, Effect, Event, Failure, Lead, Phase, Screen, ShellRequest, Sight, Ticket};
use crate::change::{Change, Stored};
use crate::diagnosis::{Layer, Report, Server};
use crate::look::{End, News};
use crate::profile::{Color, Connect, Profile, Slot, Written};
use crate::settings::{Settings, Switcher};
use crate::view::{Draft, SaveErrors, SecretInput, manager};

fn one() -> Stage {
    Stage::with(AtStart::Always, &[profile("prod", 4201)])
}

fn one_up() -> Stage {
    let mut stage = one();
    stage.starts();
    stage.probed(up());
    stage
}

#[test]
fn a_profile_is_started_then_probed_then_up() {
    let mut stage = one();
    assert_snapshot!(said(&stage.effects), @"start prod");
    assert_eq!(*stage.connection("prod"), Connection::Starting);
    assert_snapshot!(said(&stage.starts()), @"probe");
    assert_eq!(*stage.connection("prod"), Connection::Starting);
    assert_snapshot!(said(&stage.probed(up())), @"wake after about 27 s");
    assert!(matches!(stage.connection("prod"), Connection::Up { version: Some(version), .. } if version == "3.8.8"));
    assert_snapshot!(said(&stage.time_passes()), @"probe");
}

#[test]
fn a_refused_credential_is_tried_rarely_and_at_once_when_a_person_asks() {
    let mut stage = one_up();
    stage.time_passes();
    assert_snapshot!(said(&stage.probed(failing(Fault::EdgeCredentialWrong))), @"wake after about 56 s");
    assert_snapshot!(said(&stage.take(Event::Connect(id("prod")))), @"stop");
    assert_snapshot!(said(&stage.ends()), @"start prod");
}

#[test]
fn an_outage_makes_no_refusal_wait_longer_and_is_no_reason_to_try_a_credential_more_often() {
    let mut stage = one();
    stage.starts();
    let mut fails = |fault: Fault| {
        let waits = said(&stage.probed(failing(fault)));
        stage.time_passes();
        waits
    };
    for _ in 0..9 {
        fails(unreachable());
    }
    let refused = Fault::EdgeCredentialWrong;
    let waits = [refused.clone(), refused.clone(), unreachable(), refused].map(fails);
    assert_snapshot!(waits.join("\n"), @r"
    wake after about 57 s
    wake after about 102 s
    wake after about 20 s
    wake after about 207 s
    ");
}

#[test]
fn what_nobody_would_see_is_asked_rarely_and_at_once_when_somebody_looks() {
    let screen = |manager| Event::Screen(Screen { manager, ..Screen::default() });
    let mut stage = one();
    stage.take(Event::Screen(Screen { dashboards: vec![id("prod")], ..Screen::default() }));
    stage.starts();
    let probed = Event::Probed { generation: stage.generation(), status: up(), used: false, at: at(0) };
    assert_eq!(said(&stage.take(probed)), "wake after about 27 s");
    for (used, manager, saving, waits) in [
        (true, false, false, "wake after about 27 s"),
        (false, true, false, "wake after about 27 s"),
        (false, false, false, "wake after about 107 s"),
        (true, true, true, "wake after about 107 s"),
    ] {
        let mut stage = one();
        stage.take(screen(manager));
        stage.take(Event::Saving(saving));
        stage.starts();
        let probed = Event::Probed { generation: stage.generation(), status: up(), used, at: at(0) };
        assert_eq!(said(&stage.take(probed)), waits, "used: {used}, manager: {manager}, saving: {saving}");
        let looks = if manager || used { "" } else { "probe" };
        assert_eq!(said(&stage.take(screen(true))), looks, "used: {used}, manager: {manager}, saving: {saving}");
    }
}

#[test]
fn what_was_heard_before_the_world_changed_is_true_no_more() {
    let mut stage = one_up();
    let generation = stage.generation();
    assert_snapshot!(said(&stage.take(Event::WorldChanged)), @r"
    renew
    probe
    ");
    assert_eq!(*stage.connection("prod"), Connection::Checking);
    // What an answer of the old connection says, and what the probe that was on its way when it changed again found.
    stage.take(Event::Status { generation, status: up(), at: at(1) });
    assert_eq!(*stage.connection("prod"), Connection::Checking);
    assert_snapshot!(said(&stage.take(Event::WorldChanged)), @"renew");
    assert_snapshot!(said(&stage.probed(up())), @"probe");
    assert_eq!(*stage.connection("prod"), Connection::Checking);
    assert_snapshot!(said(&stage.probed(up())), @"wake after about 28 s");
    assert!(matches!(stage.connection("prod"), Connection::Up { .. }));
}

#[test]
fn what_failed_is_tried_at_once_when_the_world_changes_and_what_asks_a_person_is_not() {
    let mut stage = one();
    stage.starts();
    stage.probed(failing(unreachable()));
    assert_snapshot!(said(&stage.take(Event::WorldChanged)), @r"
    renew
    probe
    ");
    assert!(matches!(stage.connection("prod"), Connection::Failing { next_try: None, .. }));
    // One refusal may be a captive portal's; each further try of the same credential counts towards a lock-out.
    let mut stage = one();
    stage.starts();
    for tried in ["renew\nprobe", "renew", "renew"] {
        stage.probed(failing(Fault::EdgeCredentialWrong));
        assert_eq!(said(&stage.take(Event::WorldChanged)), tried);
        if tried == "renew" {
            stage.time_passes();
        }
    }
    let vault = |ask_again| Failure::Vault { trouble: trouble("vault"), ask_again };
    for (failure, tried) in [(vault(true), "start prod"), (vault(false), "")] {
        let mut stage = one();
        stage.start_fails(failure);
        assert_eq!(said(&stage.take(Event::WorldChanged)), tried);
    }
    let mut stage = Stage::with(AtStart::None, &[profile("prod", 4201)]);
    assert_eq!(said(&stage.take(Event::WorldChanged)), "");
}

#[test]
fn at_the_start_only_those_are_connected_that_should_be() {
    let on_demand = Written { connect: "on-demand".to_owned(), ..written("dev", 4202) }.check().unwrap();
    let profiles = [profile("prod", 4201), on_demand];
    for (at_start, started) in [
        (AtStart::Always, "start prod"),
        (AtStart::Only(vec![id("dev")]), "start dev"),
        (AtStart::Only(vec![id("other")]), ""),
        (AtStart::None, ""),
    ] {
        assert_eq!(said(&Stage::with(at_start.clone(), &profiles).effects), started, "{at_start:?}");
    }
}

#[test]
fn a_server_that_is_down_is_asked_again_later_and_later() {
    let mut stage = one();
    stage.starts();
    let mut delays = Vec::new();
    for _ in 0..7 {
        delays.push(said(&stage.probed(failing(unreachable()))));
        let Connection::Failing { trouble, next_try: Some(next_try) } = stage.connection("prod") else {
            panic!("not failing: {:?}", stage.connection("prod"));
        };
        assert_eq!(trouble.code, "server_unreachable");
        assert!(*next_try > at(0));
        assert_eq!(said(&stage.time_passes()), "probe");
        assert!(matches!(stage.connection("prod"), Connection::Failing { next_try: None, .. }));
    }
    assert_snapshot!(delays.join("\n"), @r"
    wake after about 2 s
    wake after about 6 s
    wake after about 16 s
    wake after about 15 s
    wake after about 15 s
    wake after about 24 s
    wake after about 27 s
    ");
    stage.probed(up());
    stage.time_passes();
    assert_eq!(said(&stage.probed(failing(unreachable()))), "wake after about 1 s");
}

#[test]
fn traffic_that_fails_is_looked_into_at_once_and_traffic_that_works_ends_the_trouble() {
    let mut stage = one_up();
    let generation = stage.generation();
    let status = |status| Event::Status { generation, status, at: at(5) };
    assert_snapshot!(said(&stage.take(status(failing(unreachable())))), @"wake after about 3 s");
    assert!(matches!(stage.connection("prod"), Connection::Failing { next_try: Some(_), .. }));
    // The same trouble again sets no second timer.
    assert_eq!(said(&stage.take(status(failing(Fault::EdgeCredentialWrong)))), "");
    assert!(
        matches!(stage.connection("prod"), Connection::Failing { trouble, next_try: Some(_) } if trouble.code == "edge_credential_wrong")
    );
    assert_snapshot!(said(&stage.take(status(up()))), @"wake after about 30 s");
    assert!(matches!(stage.connection("prod"), Connection::Up { .. }));
}

#[test]
fn each_cause_is_its_own_state_and_is_tried_again_where_that_can_help() {
    let sign_in = Fault::SignInRequired { provider: "accounts.example.com".to_owned() };
    let mut stage = one();
    stage.starts();
    assert_eq!(said(&stage.probed(failing(sign_in))), "wake after about 27 s");
    assert!(
        matches!(stage.connection("prod"), Connection::SignInRequired { trouble } if trouble.code == "sign_in_required")
    );

    let vault = |code, ask_again| Failure::Vault { trouble: trouble(code), ask_again };
    for (failure, code, after) in [
        (Failure::PortTaken(trouble("port_taken")), "port_taken", "wake after about 2 s"),
        (secret_missing(), "secret_missing", "wake after about 2 s"),
        (vault("vault_absent", true), "vault_absent", "wake after about 2 s"),
        (vault("vault_locked", false), "vault_locked", ""),
        (Failure::Other(trouble("certificate_unusable")), "certificate_unusable", "wake after about 2 s"),
    ] {
        let mut stage = one();
        let is_vault = matches!(failure, Failure::Vault { .. });
        let is_port = matches!(failure, Failure::PortTaken(_));
        assert_eq!(said(&stage.start_fails(failure)), after, "{code}");
        assert_eq!(stage.connection("prod").trouble().unwrap().code, code);
        assert_eq!(matches!(stage.connection("prod"), Connection::PortTaken { .. }), is_port);
        assert_eq!(stage.state.vault_trouble.is_some(), is_vault, "{code}");
        if after.is_empty() {
            assert!(matches!(stage.connection("prod"), Connection::Failing { next_try: None, .. }));
        } else {
            assert_eq!(said(&stage.time_passes()), "start prod", "{code}");
        }
        // A person who asks is obeyed at once.
        stage.take(Event::Connect(id("prod")));
        assert_eq!(*stage.connection("prod"), Connection::Starting, "{code}");
    }
}

#[test]
fn a_probe_without_an_answer_is_a_failure_that_says_so() {
    let mut stage = one();
    stage.starts();
    let status = postern_gateway::Status { health: postern_gateway::Health::Unknown, ..up() };
    stage.probed(status);
    assert_eq!(stage.connection("prod").trouble().unwrap().code, "no_answer");
}

#[test]
fn disconnecting_stops_and_connecting_again_waits_for_the_end() {
    let mut stage = one_up();
    let first = stage.generation();
    assert_snapshot!(said(&stage.take(Event::Toggle(id("prod")))), @"stop");
    assert_eq!(*stage.connection("prod"), Connection::Off);
    assert_eq!(said(&stage.take(Event::Toggle(id("prod")))), "");
    assert_eq!(*stage.connection("prod"), Connection::Starting);
    assert_snapshot!(said(&stage.take(Event::Ended { generation: first, at: at(1) })), @"start prod");
    // What the first one still had to say is too late.
    for late in [
        Event::Started(first),
        Event::Status { generation: first, status: up(), at: at(2) },
        Event::Probed { generation: first, status: up(), used: true, at: at(2) },
        Event::StartFailed { generation: first, failure: secret_missing(), at: at(2) },
        Event::Ended { generation: first, at: at(2) },
    ] {
        let before = stage.state.clone();
        assert_eq!(said(&stage.take(late)), "");
        assert_eq!(stage.state, before);
    }
}

#[test]
fn trying_again_by_hand_starts_anew_because_a_secret_may_have_changed() {
    let mut stage = one();
    stage.starts();
    stage.probed(failing(Fault::EdgeCredentialWrong));
    assert_snapshot!(said(&stage.take(Event::Connect(id("prod")))), @"stop");
    assert_eq!(*stage.connection("prod"), Connection::Starting);
    assert_snapshot!(said(&stage.ends()), @"start prod");
}

#[test]
fn who_has_one_server_only_is_asked_for_no_choice() {
    assert_snapshot!(said(&one_up().take(Event::Switch)), @"open prod in Dashboard");
    let mut two = Stage::with(AtStart::None, &[profile("prod", 4201), profile("stage", 4202)]);
    assert_snapshot!(said(&two.take(Event::Switch)), @"shell ShowSwitcher");
}

#[test]
fn a_shortcut_that_cannot_be_had_is_told_until_another_is_set() {
    let mut stage = one();
    let told = |stage: &Stage| manager(&stage.state).shortcut.trouble.map(|trouble| trouble.code);
    assert_eq!(said(&stage.take(Event::SetShortcut("P".parse().map(Some)))), "");
    assert_eq!(told(&stage).as_deref(), Some("shortcut_invalid"));
    let shortcut = Some("Ctrl+P".parse().unwrap());
    stage.take(Event::SetShortcut(Ok(shortcut)));
    assert_eq!(told(&stage), None);
    stage.take(Event::Settled(Ok(Settings { switcher: Switcher { shortcut }, ..Settings::default() })));
    stage.take(Event::ShortcutTaken(Err(trouble("shortcut_taken"))));
    assert_eq!(told(&stage).as_deref(), Some("shortcut_taken"));
    stage.take(Event::ShortcutTaken(Ok(())));
    assert_eq!(told(&stage), None);
    // That answer comes after none was wanted any more.
    stage.take(Event::Settled(Ok(Settings::default())));
    stage.take(Event::ShortcutTaken(Err(trouble("shortcut_taken"))));
    assert_eq!(told(&stage), None);
}

#[test]
fn a_shortcut_that_is_refused_is_asked_for_again_when_it_is_chosen_again_and_when_the_world_has_changed() {
    let mut stage = one();
    let shortcut = Some("Ctrl+P".parse().unwrap());
    let mut asked = |event| {
        let effects = stage.take(event).into_iter();
        effects.filter(|effect| *effect == Effect::Shell(ShellRequest::TakeShortcut(shortcut))).count()
    };
    let kept = Settings { switcher: Switcher { shortcut }, ..Settings::default() };
    assert_eq!(asked(Event::SetShortcut(Ok(shortcut))), 0, "not before it is saved");
    assert_eq!(asked(Event::Settled(Ok(kept))), 1);
    assert_eq!(asked(Event::Settled(Ok(kept))), 0);
    assert_eq!(asked(Event::WorldChanged), 0);
    asked(Event::ShortcutTaken(Err(trouble("shortcut_refused"))));
    assert_eq!(asked(Event::WorldChanged), 1);
    assert_eq!(asked(Event::SetShortcut(Ok(shortcut))), 1);
}

#[test]
fn opening_connects_first_and_opens_as_soon_as_the_listener_stands() {
    let mut stage = Stage::with(AtStart::None, &[profile("prod", 4201)]);
    assert_snapshot!(said(&stage.take(Event::Open(id("prod")))), @"start prod");
    assert_eq!(said(&stage.take(Event::Open(id("prod")))), "");
    assert_eq!(said(&stage.take(Event::OpenInBrowser(id("prod")))), "");
    assert_snapshot!(said(&stage.starts()), @r#"
    open prod in Dashboard
    open prod in Browser("/")
    probe
    "#);
    // Failing too: the gateway's own page explains, and goes on by itself.
    stage.probed(failing(unreachable()));
    assert_snapshot!(said(&stage.take(Event::Open(id("prod")))), @"open prod in Dashboard");
}

#[test]
fn what_cannot_be_opened_is_said() {
    let mut stage = Stage::with(AtStart::None, &[profile("prod", 4201)]);
    stage.take(Event::Open(id("prod")));
    assert_snapshot!(said(&stage.start_fails(Failure::PortTaken(trouble("port_taken")))), @r#"
    wake after about 2 s
    shell ShowTrouble { name: Some("prod.example.com"), trouble: Trouble { code: "port_taken", sentence: "The sentence of port_taken.", remedy: "The remedy of port_taken." } }
    "#);
    // Once: the next failure was nobody's wish.
    stage.time_passes();
    assert_eq!(said(&stage.start_fails(Failure::PortTaken(trouble("port_taken")))), "wake after about 6 s");
}

#[test]
fn a_window_that_is_open_is_let_in_again_after_a_restart() {
    let mut stage = one_up();
    stage.take(Event::Toggle(id("prod")));
    stage.ends();
    stage.take(Event::Toggle(id("prod")));
    assert_snapshot!(said(&stage.starts()), @r"
    open prod in DashboardIfOpen
    probe
    ");
}

#[test]
fn a_window_that_stayed_open_while_off_is_let_in_again_when_it_is_asked_for() {
    let mut stage = one_up();
    stage.take(Event::Open(id("prod")));
    stage.take(Event::Toggle(id("prod")));
    stage.ends();
    stage.take(Event::Open(id("prod")));
    assert_snapshot!(said(&stage.starts()), @r"
    open prod in DashboardIfOpen
    open prod in Dashboard
    probe
    ");
}

#[test]
fn the_clipboard_gets_the_address_for_programs() {
    let mut stage = Stage::with(AtStart::None, &[profile("prod", 4201)]);
    assert_snapshot!(said(&stage.take(Event::CopyApiUrl(id("prod")))), @r#"shell Copy { text: "http://127.0.0.1:4201/api" }"#);
}

#[test]
fn a_copied_link_is_nothing_for_a_log() {
    let mut stage = Stage::with(AtStart::None, &[profile("prod", 4201)]);
    let address = "http://prod.localhost:4201/v2/runs?q=canary".parse().unwrap();
    let effects = stage.take(Event::CopyLink { id: id("prod"), address });
    assert_snapshot!(said(&effects), @r#"shell CopyLink { id: ProfileId("prod"), link: **** }"#);
}

#[test]
fn a_click_on_the_icon_shows_what_was_shown_last() {
    let mut stage = Stage::with(AtStart::None, &[profile("a", 4201), profile("b", 4202)]);
    assert_snapshot!(said(&stage.take(Event::Activate)), @r"
    shell ShowManager
    look up a
    look up b
    ");
    stage.take(Event::OpenInBrowser(id("b")));
    stage.starts();
    assert_snapshot!(said(&stage.take(Event::Activate)), @"open b in Dashboard");
    stage.take(Event::Loaded(Ok(vec![profile("a", 4201)])));
    // The only one that is left.
    assert_snapshot!(said(&stage.take(Event::Activate)), @"start a");
}

#[test]
fn the_manager_leads_where_it_is_asked_to_and_each_time_once() {
    let mut stage = Stage::with(AtStart::None, &[profile("a", 4201)]);
    let lead = |stage: &Stage| stage.state.lead.clone();
    stage.take(Event::Manage);
    assert_eq!(lead(&stage), None);
    assert_snapshot!(said(&stage.take(Event::Diagnose(id("a")))), @r"
    shell ShowManager
    look up a
    look at a, 1 times at most
    ");
    let (number, to) = lead(&stage).unwrap();
    assert_eq!(to, Lead::To(id("a")));
    stage.take(Event::Add);
    let (another, to) = lead(&stage).unwrap();
    assert_eq!(to, Lead::New(None));
    assert_ne!(number, another);
    // Whoever opens it next has not asked for that.
    stage.take(Event::Screen(Screen { manager: true, ..Screen::default() }));
    assert!(lead(&stage).is_some());
    stage.take(Event::Screen(Screen::default()));
    assert_eq!(lead(&stage), None);
}

#[test]
fn starting_at_login_is_turned_into_what_it_is_not() {
    let mut stage = Stage::with(AtStart::None, &[]);
    for (starts, wanted) in [(None, true), (Some(false), true), (Some(true), false)] {
        stage.take(Event::StartsAtLogin(starts));
        let asked = stage.take(Event::ToggleStartAtLogin);
        assert_eq!(asked, [Effect::Shell(ShellRequest::StartAtLogin(wanted))]);
    }
}

#[test]
fn the_manager_shows_which_secrets_are_there() {
    let mut stage = Stage::with(AtStart::None, &[profile("prod", 4201)]);
    assert_snapshot!(said(&stage.take(Event::Manage)), @r"
    shell ShowManager
    look up prod
    ");
    stage.take(Event::LookedUp { id: id("prod"), outcome: Ok(vec![(Slot::EdgePassword, false)]) });
    assert_eq!(stage.state.entries[0].slots, [(Slot::EdgePassword, Some(false))]);
    // Known: not asked again.
    assert_snapshot!(said(&stage.take(Event::Manage)), @"shell ShowManager");
    stage.take(Event::LookedUp { id: id("prod"), outcome: Err(trouble("vault_locked")) });
    assert_eq!(stage.state.vault_trouble.as_ref().unwrap().code, "vault_locked");
}

#[test]
fn a_gateway_that_breaks_down_fails_its_profile_alone_and_is_started_again() {
    let mut stage = Stage::with(AtStart::Always, &[profile("prod", 4201), profile("dev", 4202)]);
    let Some(Effect::Start { generation, .. }) = stage.effects.first().cloned() else { panic!("not started") };
    stage.take(Event::Started(generation));
    assert_snapshot!(said(&stage.take(Event::Ended { generation, at: at(0) })), @"wake after about 2 s");
    assert_eq!(stage.connection("prod").trouble().unwrap().code, "gateway_broken");
    assert_eq!(*stage.connection("dev"), Connection::Starting);
    assert_snapshot!(said(&stage.time_passes()), @"start prod");
}

#[test]
fn a_file_that_cannot_be_read_stops_nothing_and_is_not_written() {
    let mut stage = one_up();
    assert_eq!(said(&stage.take(Event::Loaded(Err(trouble("profiles_invalid"))))), "");
    assert!(matches!(stage.connection("prod"), Connection::Up { .. }));
    let draft = Box::new(Draft::from(&profile("prod", 4201)));
    assert_snapshot!(said(&stage.take(Event::Save { ticket: Ticket(1), draft })), @r#"answer Err(SaveErrors { errors: [FieldError { field: "", message: "The sentence of profiles_invalid. The remedy of profiles_invalid." }] })"#);
    stage.take(Event::Loaded(Ok(vec![profile("prod", 4201)])));
    assert_eq!(stage.state.file_trouble, None);
    assert!(matches!(stage.connection("prod"), Connection::Up { .. }));
}

#[test]
fn a_file_edited_elsewhere_changes_only_what_differs() {
    let mut stage = Stage::with(AtStart::Always, &[profile("prod", 4201), profile("dev", 4202), profile("old", 4203)]);
    for effect in stage.effects.clone() {
        let Effect::Start { generation, .. } = effect else { continue };
        stage.take(Event::Started(generation));
    }
    let painted = Profile { color: Some(Color::Red), connect: Connect::OnDemand, ..profile("prod", 4201) };
    let read_only = Profile { read_only: true, ..profile("dev", 4202) };
    assert_snapshot!(said(&stage.take(Event::Loaded(Ok(vec![profile("new", 4204), read_only, painted])))), @r"
    stop
    stop
    close the dashboard of old
    start new
    ");
    let order: Vec<&str> = stage.state.entries.iter().map(|entry| entry.profile.id.as_str()).collect();
    assert_eq!(order, ["new", "dev", "prod"]);
}

#[test]
fn ports_that_are_swapped_wait_for_each_other() {
    let mut stage = Stage::with(AtStart::Always, &[profile("a", 4201), profile("b", 4202)]);
    let starts: Vec<_> = stage.effects.clone();
    let [Effect::Start { generation: a, .. }, Effect::Start { generation: b, .. }] = starts.as_slice() else {
        panic!("not started")
    };
    assert_snapshot!(said(&stage.take(Event::Loaded(Ok(vec![profile("a", 4202), profile("b", 4201)])))), @r"
    stop
    stop
    ");
    assert_eq!(said(&stage.take(Event::Ended { generation: *a, at: at(0) })), "");
    assert_snapshot!(said(&stage.take(Event::Ended { generation: *b, at: at(0) })), @r"
    start a
    start b
    ");
}

#[test]
fn a_save_changes_memory_only_when_it_is_done() {
    let mut stage = one_up();
    let draft = Draft { name: "Production".to_owned(), ..Draft::from(&profile("prod", 4201)) };
    let effects = stage.take(Event::Save { ticket: Ticket(1), draft: Box::new(draft) });
    let [Effect::Store(Change::Put { before: Some(_), written, secrets })] = effects.as_slice() else {
        panic!("not stored: {effects:?}")
    };
    assert!(secrets.is_empty());
    let after = written.check().unwrap();
    assert_eq!(stage.state.entries[0].profile.name, "prod.example.com");
    // A second save waits for the first.
    let second = Box::new(Draft { url: "https://x.example.com".to_owned(), ..Draft::default() });
    assert_eq!(said(&stage.take(Event::Save { ticket: Ticket(2), draft: second })), "");
    let stored = Stored { id: id("prod"), profiles: vec![after], secrets: Vec::new(), vault_trouble: None };
    assert_snapshot!(said(&stage.take(Event::Stored(Ok(stored)))), @r#"
    stop
    answer Ok(ProfileId("prod"))
    store
    "#);
    assert_eq!(stage.state.entries[0].profile.name, "Production");
    assert_eq!(*stage.connection("prod"), Connection::Starting);

    let refused = SaveErrors::whole(&trouble("vault_locked"));
    assert_snapshot!(said(&stage.take(Event::Stored(Err(refused)))), @r#"answer Err(SaveErrors { errors: [FieldError { field: "", message: "The sentence of vault_locked. The remedy of vault_locked." }] })"#);
    assert_eq!(stage.state.entries.len(), 1);
}

#[test]
fn a_new_secret_alone_starts_the_gateway_anew() {
    let mut stage = one_up();
    let mut draft = Draft::from(&profile("prod", 4201));
    let crate::view::EdgeDraft::Basic { password, .. } = &mut draft.edge else { panic!("no password") };
    *password = SecretInput::Set(postern_gateway::Secret::new("new"));
    stage.take(Event::Save { ticket: Ticket(1), draft: Box::new(draft) });
    let profiles = vec![profile("prod", 4201)];
    let stored = Stored { id: id("prod"), profiles, secrets: vec![Slot::EdgePassword], vault_trouble: None };
    assert_snapshot!(said(&stage.take(Event::Stored(Ok(stored)))), @r#"
    stop
    answer Ok(ProfileId("prod"))
    "#);
    assert_snapshot!(said(&stage.ends()), @"start prod");
}

#[test]
fn removing_stops_the_gateway_once_the_file_is_saved_and_says_what_stayed_behind() {
    let mut stage = one_up();
    assert_snapshot!(said(&stage.take(Event::Remove { ticket: None, id: id("prod") })), @"store");
    assert!(matches!(stage.connection("prod"), Connection::Up { .. }));
    let stored =
        Stored { id: id("prod"), profiles: vec![], secrets: vec![], vault_trouble: Some(trouble("vault_locked")) };
    assert_snapshot!(said(&stage.take(Event::Stored(Ok(stored)))), @r#"
    stop
    remove the dashboard of prod
    shell ShowTrouble { name: None, trouble: Trouble { code: "vault_locked", sentence: "The sentence of vault_locked.", remedy: "The remedy of vault_locked." } }
    "#);
    assert!(stage.state.entries.is_empty());
    // Added again under the same name while the old gateway is still closing.
    assert_eq!(said(&stage.take(Event::Loaded(Ok(vec![profile("prod", 4205)])))), "");
    assert_snapshot!(said(&stage.ends()), @"start prod");
}

#[test]
fn quitting_stops_all_then_exits_once() {
    let mut stage = Stage::with(AtStart::Always, &[profile("a", 4201), profile("b", 4202)]);
    let generations: Vec<_> = stage
        .effects
        .iter()
        .filter_map(|effect| if let Effect::Start { generation, .. } = effect { Some(*generation) } else { None })
        .collect();
    stage.take(Event::Started(generations[0]));
    assert_snapshot!(said(&stage.take(Event::Quit)), @r"
    stop
    stop
    ");
    assert_eq!(said(&stage.take(Event::Connect(id("a")))), "");
    assert_eq!(said(&stage.take(Event::Open(id("a")))), "");
    assert_eq!(said(&stage.take(Event::Ended { generation: generations[0], at: at(0) })), "");
    let failed = Event::StartFailed { generation: generations[1], failure: secret_missing(), at: at(0) };
    assert_snapshot!(said(&stage.take(failed)), @"shell Exit");
    assert_eq!(stage.state.phase, Phase::Ended);
    assert_eq!(said(&stage.take(Event::Quit)), "");
}

#[test]
fn quitting_waits_for_the_save_under_way_and_refuses_those_that_wait() {
    let mut stage = Stage::with(AtStart::None, &[profile("a", 4201)]);
    stage.take(Event::Remove { ticket: Some(Ticket(1)), id: id("a") });
    stage.take(Event::Remove { ticket: Some(Ticket(2)), id: id("a") });
    assert_eq!(said(&stage.take(Event::Quit)), "");
    let stored = Stored { id: id("a"), profiles: vec![], secrets: vec![], vault_trouble: None };
    assert_snapshot!(said(&stage.take(Event::Stored(Ok(stored)))), @r#"
    remove the dashboard of a
    answer Ok(ProfileId("a"))
    answer Err(SaveErrors { errors: [FieldError { field: "", message: "Postern is about to end; nothing was saved. Start it again and repeat the change." }] })
    shell Exit
    "#);
}

fn look_at_form(number: u64, url: &str) -> Event {
    Event::LookAtForm { number, draft: Box::new(Draft { url: url.to_owned(), ..Draft::default() }) }
}

#[test]
fn a_form_is_looked_at_in_place_of_what_it_had_before() {
    let mut stage = one();
    assert_snapshot!(said(&stage.take(look_at_form(1, "prefect.lan"))), @"look at the form, 2 times at most");
    assert_snapshot!(said(&stage.take(look_at_form(2, "https://prefect.example.com/x"))), @"look at the form, 1 times at most");
    // The first one's last word comes too late.
    let unfit = |code: &str| End::Unfit(SaveErrors::whole(&trouble(code)));
    for (number, code) in [(1, "late"), (2, "now")] {
        stage.take(Event::Looked { sight: Sight::Form, number, news: News::End(unfit(code)) });
    }
    assert_eq!(stage.state.look.as_ref().and_then(|look| look.end.clone()), Some(unfit("now")));
    // What cannot be looked at ends the look before it.
    assert_snapshot!(said(&stage.take(look_at_form(3, "ftp://x"))), @"look away from the form");
    assert_snapshot!(said(&stage.take(Event::LookAway)), @"look away from the form");
    assert_eq!(stage.state.look, None);
    stage.take(Event::Looked { sight: Sight::Form, number: 2, news: News::Again });
    assert_eq!(stage.state.look, None);
    stage.take(Event::Quit);
    assert_snapshot!(said(&stage.take(look_at_form(4, "prefect.example.com"))), @"");
}

#[test]
fn a_keychain_that_waits_is_said_and_who_gives_up_can_try_again() {
    let mut stage = Stage::with(AtStart::Always, &[profile("prod", 4201), profile("other", 4202)]);
    stage.take(Event::VaultWaits(true));
    for name in ["prod", "other"] {
        assert_eq!(stage.connection(name), &Connection::Unlocking);
    }
    assert_snapshot!(said(&stage.take(Event::GiveUpUnlocking)), @"give up unlocking");
    stage.start_fails(Failure::Vault { trouble: trouble("vault_locked"), ask_again: false });
    stage.take(Event::VaultWaits(false));
    assert_eq!(stage.connection("prod"), &Connection::Starting);
    assert_eq!(stage.connection("other").trouble().unwrap().code, "vault_locked");
    assert_snapshot!(said(&stage.take(Event::Connect(id("other")))), @"start other");
    assert_eq!(stage.connection("other"), &Connection::Starting);
    stage.take(Event::VaultWaits(true));
    // What stands has its secrets, and what starts now waits as well.
    stage.starts();
    assert_eq!(stage.connection("other"), &Connection::Starting);
    stage.take(Event::Disconnect(id("other")));
    stage.ends();
    stage.take(Event::Connect(id("other")));
    assert_eq!(stage.connection("other"), &Connection::Unlocking);
    // A save may wait too: it is not waited for at the end.
    assert!(said(&stage.take(Event::Quit)).contains("give up unlocking"));
}

#[test]
fn once_the_keychain_gives_a_secret_what_it_refused_is_tried_again() {
    let mut stage = Stage::with(AtStart::Always, &[profile("prod", 4201), profile("other", 4202)]);
    stage.start_fails(Failure::Vault { trouble: trouble("vault_refused"), ask_again: false });
    assert_eq!(stage.connection("other").trouble().unwrap().code, "vault_refused");
    let prod = stage.state.entry(&id("prod")).unwrap().life.listener.held().unwrap().generation;
    assert!(said(&stage.take(Event::Started(prod))).contains("start other"));
    assert_eq!(stage.state.vault_trouble, None);
}

#[test]
fn without_a_keychain_memory_is_offered_and_what_failed_for_it_starts_anew() {
    let mut stage = Stage::with(AtStart::Always, &[profile("up", 4201), profile("prod", 4202)]);
    assert_eq!(stage.take(Event::KeepInMemory), [], "nobody has offered that");
    stage.start_fails(Failure::Vault { trouble: trouble("vault_absent"), ask_again: true });
    assert!(stage.state.offers_memory());
    assert_snapshot!(said(&stage.take(Event::KeepInMemory)), @"
    keep in memory
    look up up
    look up prod
    start prod
    ");
    assert!(stage.state.in_memory && !stage.state.offers_memory());
    assert_eq!(stage.state.vault_trouble, None);
}

#[test]
fn who_opens_the_first_form_is_told_that_there_is_no_keychain() {
    let mut stage = Stage::with(AtStart::Always, &[]);
    assert_snapshot!(said(&stage.take(Event::Manage)), @"
    shell ShowManager
    see the vault
    ");
    stage.take(Event::VaultSeen(Err(trouble("vault_absent"))));
    assert!(stage.state.offers_memory());
    stage.take(Event::VaultSeen(Ok(())));
    assert_eq!(stage.state.vault_trouble, None);
}

#[test]
fn what_a_look_has_found_is_said_by_the_gateway_that_stands() {
    let mut stage = one_up();
    let mut looked = |code: &str, number| {
        let report = Report {
            ok: code == "ok",
            layer: Layer::Edge,
            code: code.to_owned(),
            sentence: String::new(),
            remedy: String::new(),
            found_at: None,
            wants_ca: false,
            server: Server::default(),
            checks: Vec::new(),
            latency: None,
        };
        let end = End::Seen { url: "https://prod.example.com".parse().unwrap(), report: Box::new(report) };
        stage.take(Event::Look(id("prod")));
        let current = stage.state.entry(&id("prod")).unwrap().look.as_ref().unwrap().number;
        let news = News::End(end);
        said(&stage.take(Event::Looked { sight: Sight::Saved(id("prod")), number: current + number, news }))
    };
    assert_snapshot!(looked("server_down", 0), @r#"advise Some("server_down")"#);
    assert_snapshot!(looked("server_down", 1), @"");
    assert_snapshot!(looked("ok", 0), @"advise None");
}

#[test]
fn a_profile_is_looked_at_once_at_a_time_and_what_was_seen_goes_with_what_it_was() {
    let mut stage = one();
    let look = || Event::Look(id("prod"));
    assert_snapshot!(said(&stage.take(look())), @"look at prod, 1 times at most");
    assert_snapshot!(said(&stage.take(look())), @"");
    let number = stage.state.entry(&id("prod")).unwrap().look.as_ref().unwrap().number;
    let end = End::Unfit(SaveErrors::whole(&trouble("secret_missing")));
    stage.take(Event::Looked { sight: Sight::Saved(id("prod")), number, news: News::End(end) });
    assert_snapshot!(said(&stage.take(look())), @"look at prod, 1 times at most");
    let elsewhere = Written { url: "https://elsewhere.example.com".to_owned(), ..written("prod", 4201) };
    let effects = stage.take(Event::Loaded(Ok(vec![elsewhere.check().unwrap()])));
    assert!(said(&effects).contains("look away from"), "{effects:?}");
    assert_eq!(stage.state.entry(&id("prod")).unwrap().look, None);
}
