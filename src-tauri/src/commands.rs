//! What the manager's page may ask for: exactly these commands.
//!
//! Every command is refused unless a capability allows it (`build.rs` declares them so), and only the
//! manager's window has one. The list is written in three places that cannot share it; a test keeps them equal.

#![expect(clippy::let_underscore_must_use, reason = "written by tauri's macro for commands")]

use std::error::Error;
use std::path::PathBuf;
use std::time::SystemTime;

use postern_control::activity::{Activity, har};
use postern_control::controller::{Event, Handle};
use postern_control::folders::Folders;
use postern_control::profile::{InvalidId, Profile};
use postern_control::report::{self, Material, Names};
use postern_control::view::{
    self, ActivityView, Draft, ExchangeView, ManagerAction, ManagerView, SaveErrors, Trouble, UseView,
};
use tauri::async_runtime::spawn_blocking;
use tauri::ipc::Invoke;
use tauri::{AppHandle, Manager as _, State, Wry};

macro_rules! commands {
    ($($name:ident),+) => {
        /// Their names.
        #[cfg(test)]
        const NAMES: &[&str] = &[$(stringify!($name)),+];

        /// Runs them.
        pub(crate) fn handler() -> impl Fn(Invoke<Wry>) -> bool + Send + Sync + 'static {
            tauri::generate_handler![$($name),+]
        }
    };
}

commands!(
    manager_view,
    manager_act,
    manager_look,
    manager_save,
    manager_activity,
    manager_use,
    manager_export,
    manager_report
);

/// Everything the manager shows, now. Later views come as events.
#[tauri::command]
#[expect(clippy::needless_pass_by_value, reason = "tauri hands state over so")]
fn manager_view(controller: State<'_, Handle>) -> ManagerView {
    view::manager(&controller.state().borrow())
}

/// Carries out what a button asks for. What cannot be had later is said in the view, or as a notice.
#[tauri::command]
async fn manager_act(controller: State<'_, Handle>, action: ManagerAction) -> Result<(), Trouble> {
    let event = Event::try_from(action).map_err(|error| no_such_profile(&error))?;
    // The only one whose end the page waits for: it leaves the profile's page.
    if let Event::Remove { id, .. } = event {
        return controller.remove(id).await.map_err(|errors| not_removed(&errors));
    }
    controller.send(event);
    Ok(())
}

fn no_such_profile(error: &InvalidId) -> Trouble {
    Trouble::new("profile_unknown", format!("There is no such profile: {error}."), "Choose one of the list.")
}

fn not_removed(errors: &SaveErrors) -> Trouble {
    let sentences: Vec<&str> = errors.errors.iter().map(|error| error.message.as_str()).collect();
    Trouble::new("not_removed", sentences.join(" "), "Nothing was removed.")
}

/// Looks at what the form has, in place of what it had; what is seen comes with the views, under this number.
#[tauri::command]
#[expect(clippy::needless_pass_by_value, reason = "tauri hands state over so")]
fn manager_look(controller: State<'_, Handle>, number: u64, draft: Draft) {
    controller.send(Event::LookAtForm { number, draft: Box::new(draft) });
}

/// Saves a profile, and gives its id; or says what is wrong with which field, and nothing has changed.
#[tauri::command]
async fn manager_save(controller: State<'_, Handle>, draft: Draft) -> Result<String, SaveErrors> {
    Ok(controller.save(draft).await?.to_string())
}

/// What went through a gateway after the exchange with this number, as soon as there is something; all, without one.
#[tauri::command]
async fn manager_activity(
    controller: State<'_, Handle>,
    activity: State<'_, Activity>,
    id: String,
    after: Option<u64>,
) -> Result<ActivityView, Trouble> {
    let id = profile(&controller, &id)?.id;
    Ok(activity.since(&id, after).await)
}

/// Who uses a gateway, and what went wrong lately.
#[tauri::command]
#[expect(clippy::needless_pass_by_value, reason = "tauri hands state over so")]
fn manager_use(controller: State<'_, Handle>, activity: State<'_, Activity>, id: String) -> Result<UseView, Trouble> {
    Ok(activity.usage(&profile(&controller, &id)?.id, SystemTime::now()))
}

/// Writes what the page lists as an archive to the user's downloads, and says where.
#[tauri::command]
async fn manager_export(
    app: AppHandle,
    controller: State<'_, Handle>,
    id: String,
    exchanges: Vec<ExchangeView>,
) -> Result<String, Trouble> {
    let profile = profile(&controller, &id)?;
    let folder = downloads(&app)?;
    let saved = spawn_blocking(move || har::save(&folder, &profile, &har::archive(&profile, &exchanges))).await;
    let path = saved.map_err(|error| not_saved(&error))?.map_err(|error| not_saved(&error))?;
    Ok(path.display().to_string())
}

/// Writes a report to the user's downloads, and says where: with or without the names of servers, users and profiles.
#[tauri::command]
async fn manager_report(
    app: AppHandle,
    controller: State<'_, Handle>,
    folders: State<'_, Folders>,
    names: bool,
) -> Result<String, Trouble> {
    let path = report::place(&downloads(&app)?);
    let versions = vec![("WebView", tauri::webview_version().unwrap_or_default())];
    let material = Material::of(&controller.state().borrow(), &folders, versions);
    let names = if names { Names::Kept } else { Names::Removed };
    let saved = spawn_blocking(move || report::save(&material, names, &path).map(|()| path)).await;
    Ok(saved.map_err(|error| not_saved(&error))??.display().to_string())
}

/// Where the user finds what was saved. A desktop may name a folder that nobody has made.
fn downloads(app: &AppHandle) -> Result<PathBuf, Trouble> {
    let downloads = app.path().download_dir().ok().filter(|folder| folder.is_dir());
    downloads.map_or_else(|| app.path().home_dir(), Ok).map_err(|error| not_saved(&error))
}

fn not_saved(error: &dyn Error) -> Trouble {
    let sentence = format!("It cannot be written to your downloads: {error}.");
    Trouble::new("not_saved", sentence, "Make room or the folder writable, and try again.")
}

fn profile(controller: &Handle, id: &str) -> Result<Profile, Trouble> {
    let id = id.parse().map_err(|error| no_such_profile(&error))?;
    let state = controller.state();
    let found = state.borrow().entry(&id).map(|entry| entry.profile.clone());
    found
        .ok_or_else(|| Trouble::new("profile_unknown", format!("There is no profile {id}."), "Choose one of the list."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_handled_is_declared_and_allowed_and_nothing_else() {
        let capability: serde_json::Value = serde_json::from_str(include_str!("../capabilities/manager.json")).unwrap();
        let allowed: Vec<&str> =
            capability["permissions"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        let (core, own): (Vec<&str>, Vec<&str>) = allowed.into_iter().partition(|name| name.contains(':'));
        let expected: Vec<String> = NAMES.iter().map(|name| format!("allow-{}", name.replace('_', "-"))).collect();
        assert_eq!(own, expected, "capabilities/manager.json");
        assert_eq!(core, ["core:event:allow-listen", "core:event:allow-unlisten"]);
        assert_eq!(env!("POSTERN_COMMANDS").split(' ').collect::<Vec<_>>(), NAMES, "build.rs");
    }

    #[test]
    fn one_capability_for_one_window() {
        let files: Vec<_> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/capabilities"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(files, ["manager.json"]);
        let capability: serde_json::Value = serde_json::from_str(include_str!("../capabilities/manager.json")).unwrap();
        assert_eq!(capability["windows"], serde_json::json!([crate::manager::LABEL]));
        assert_eq!(capability.get("remote"), None);
    }
}
