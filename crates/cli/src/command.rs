//! The commands.

mod change;
mod doctor;
mod env;
mod open;
mod papers;
mod prefect;
mod report;
mod secret;
mod serve;
mod show;

use postern_control::folders::Folders;
use postern_control::profile::{Profile, ProfileId};
use postern_control::store::{Store, StoreError};
use postern_control::vault::Vault;

use crate::failure::Failure;
use crate::options::{Command, PrefectCommand, SecretCommand};
use crate::output::Output;

/// What every command works with.
pub(crate) struct Context {
    pub(crate) folders: Folders,
    pub(crate) vault: Vault,
    pub(crate) output: Output,
}

impl Context {
    /// profiles.toml, which must be fit for use.
    fn store(&self) -> Result<Store, Failure> {
        let store = Store::load(self.folders.clone());
        store.trouble().cloned().map_or(Ok(store), |trouble| Err(trouble.into()))
    }

    /// One profile of it.
    fn profile(&self, id: &ProfileId) -> Result<Profile, Failure> {
        find(&self.store()?, id)
    }

    /// What is allowed but should be seen.
    fn warn_about(&self, profile: &Profile) {
        for warning in profile.warnings() {
            self.output.warning(profile.id.as_str(), warning.field.in_file(), &warning.message);
        }
    }
}

fn find(store: &Store, id: &ProfileId) -> Result<Profile, Failure> {
    let profile = store.profiles().iter().find(|profile| profile.id == *id);
    profile.cloned().ok_or_else(|| StoreError::NoSuchProfile(id.to_string()).into())
}

/// Carries out a command.
pub(crate) async fn run(command: Command, context: &Context) -> Result<(), Failure> {
    match command {
        Command::List => show::list(context).await,
        Command::Show { id } => show::show(context, &id).await,
        Command::Add(add) => change::add(context, *add).await,
        Command::Edit(edit) => change::edit(context, *edit).await,
        Command::Remove { id } => change::remove(context, &id).await,
        Command::Secret(SecretCommand::Set { id, slot }) => secret::set(context, &id, &slot).await,
        Command::Secret(SecretCommand::Clear { id, slot }) => secret::clear(context, &id, &slot).await,
        Command::Doctor { target, secrets_from, share } => {
            doctor::doctor(context, &target, secrets_from.is_some(), share).await
        }
        Command::Report { output, doctor, share } => report::report(context, output, &doctor, share).await,
        Command::Serve { ids } => serve::serve(context, ids).await,
        Command::Open { target, print } => open::open(context, &target, print).await,
        Command::Env { id, shell } => env::env(context, &id, shell).await,
        Command::Prefect(PrefectCommand::Import { names, all }) => prefect::import(context, &names, all).await,
        Command::Completions { shell } => papers::completions(context, shell),
        Command::Man { folder } => papers::man(&folder),
    }
}
