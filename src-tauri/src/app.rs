//! Puts the parts together and runs the event loop.
//!
//! Nothing is started before it is certain that this is the only Postern ([`crate::instance`]).

use std::error::Error;
use std::fs::DirBuilder;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use postern_control::activity::Activity;
use postern_control::controller::{AtStart, Controller, Event, Options as Control, Phase, ShellRequest, State};
use postern_control::crash::{Crash, Run};
use postern_control::folders::Folders;
use postern_control::import::Surroundings;
use postern_control::vault::{self, Variables, Vault};
use tauri::Manager as _;
use tauri::async_runtime::{self, block_on};
use tokio::sync::{mpsc, watch};

use crate::inbox::{Message, Outbox, inbox};
use crate::instance::Instance;
use crate::log::Log;
use crate::options::Options;
use crate::shell::Shell;
use crate::{commands, log, login, signals};

/// Runs until the end. A failure before the event loop starts is an error; nothing else ends the program.
pub(crate) fn run(options: &Options, variables: Variables, mut log: Log) -> Result<ExitCode, Box<dyn Error>> {
    // Only the one that starts without being told anything can be started with the session.
    let can_start_at_login = options.config_dir.is_none();
    let folders = match &options.config_dir {
        Some(dir) => Folders::at(dir)?,
        None => Folders::system().ok_or("this user has no home folder; say where with --config-dir")?,
    };
    let context = tauri::generate_context!();
    let instance = Instance::of(&folders, context.config());
    if instance.hand_over()? {
        return Ok(ExitCode::SUCCESS);
    }
    #[cfg(target_os = "linux")]
    gtk::init().map_err(|_| "there is no display here; on a machine without one, use `postern serve`")?;
    let app = tauri::Builder::default()
        .plugin(instance.plugin())
        .plugin(tauri_plugin_shell::init())
        .invoke_handler(commands::handler())
        .build(context)?;

    let data = folders.data().to_owned();
    make_private(&data).map_err(|error| format!("cannot make {}: {error}", data.display()))?;
    let (run, crash) = begin(&folders);
    log.open(&folders.logs());
    let vault = match options.vault {
        vault::Kind::Env => Vault::env(variables),
        // Its person sees that it waits, and can end that.
        vault::Kind::Os => Vault::os(Vault::PATIENCE),
        vault::Kind::Memory => Vault::memory(),
    };
    let activity = Activity::default();
    let surroundings = Surroundings::here();
    app.manage(folders.clone());
    let control = Control { folders, vault, at_start: AtStart::Always, activity: Some(activity.clone()), surroundings };
    let (controller, requests) = block_on(async { Controller::start(control) });
    log.set(controller.state().borrow().settings.log);
    app.manage(controller.clone());
    app.manage(activity);
    let (outbox, inbox) = inbox(app.handle());
    async_runtime::spawn(pass_on(controller.state(), requests, outbox.clone(), run.clone()));
    #[cfg(target_os = "linux")]
    async_runtime::spawn(crate::appearance::watch(outbox.clone()));
    signals::watch(&controller);

    let mut shell = Shell::new(app.handle(), (outbox, inbox), controller.clone(), data, log);
    if can_start_at_login {
        controller.send(Event::StartsAtLogin(login::starts(app.handle()).ok()));
    }
    if let Some(crash) = crash {
        controller.send(Event::Crashed(crash));
    }
    options.wish().grant(&controller);
    shell.be_seen();
    let code = app.run_return(move |app, event| shell.on_event(app, event));
    if let Some(Err(error)) = run.map(|run| run.end()) {
        tracing::warn!(%error, "the next start will take this end for a crash");
    }
    Ok(u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// What windows keep of a server is for nobody else on this machine to read.
fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// Notes that this run has begun, and how the one before ended. Without a note, nothing is told of its end.
fn begin(folders: &Folders) -> (Option<Arc<Run>>, Option<Crash>) {
    let (run, crash) = match Run::begin(folders) {
        Ok(Some((run, crash))) => (Arc::new(run), crash),
        Ok(None) => return (None, None),
        Err(error) => {
            tracing::warn!(%error, "the next start will not know how this run ended");
            return (None, None);
        }
    };
    log::note_mistakes(Arc::clone(&run));
    (Some(run), crash)
}

/// Brings to the shell what the controller says; and its end, which comes before the program's only by a mistake.
async fn pass_on(
    mut state: watch::Receiver<Arc<State>>,
    mut requests: mpsc::UnboundedReceiver<ShellRequest>,
    outbox: Outbox,
    run: Option<Arc<Run>>,
) {
    // The last request comes after the last state: one of them ending must not end the other.
    loop {
        let message = tokio::select! {
            Some(request) = requests.recv() => Message::Requested(request),
            Ok(()) = state.changed() => Message::Changed,
            else => break,
        };
        outbox.post(message);
    }
    if state.borrow().phase != Phase::Ended {
        if let Some(run) = run {
            run.mistake("its controller");
        }
        outbox.post(Message::Broken);
    }
}
