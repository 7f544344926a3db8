//! `postern env`: what sends local Prefect programs through a profile's gateway.

use std::collections::BTreeMap;

use postern_control::environment::{Environment, Shell};
use postern_control::profile::{ProfileId, Slot};
use postern_control::vault::{Kind, variable};
use postern_gateway::{LocalPrograms, Secret};

use super::Context;
use crate::failure::Failure;

pub(super) async fn env(context: &Context, id: &ProfileId, shell: Shell) -> Result<(), Failure> {
    let outcome = print(context, id, shell).await;
    // `eval "$(postern env …)"` sees no exit code: without this a script would go on, and Prefect's programs would
    // start a server of their own.
    if let (Err(_), Some(stop)) = (&outcome, shell.failure()) {
        context.output.line(stop)?;
    }
    outcome
}

async fn print(context: &Context, id: &ProfileId, shell: Shell) -> Result<(), Failure> {
    let profile = context.profile(id)?;
    let key = if profile.local_programs == LocalPrograms::Off { None } else { Some(local_key(context, id).await?) };
    let environment = Environment::of(&profile, &key.unwrap_or_default())?;
    let no_proxy = ["no_proxy", "NO_PROXY"].into_iter().find_map(|name| std::env::var(name).ok());
    let values: BTreeMap<&str, &str> = environment.variables().map(|(name, value)| (name, value.expose())).collect();
    context.output.result(&values, || environment.render(shell, no_proxy.as_deref()).expose().to_owned())
}

/// The key that the gateway has as well. It is in another process: a key that this one made up and could not
/// save opens nothing.
pub(super) async fn local_key(context: &Context, id: &ProfileId) -> Result<Secret, Failure> {
    match context.vault.kind() {
        Kind::Os => Ok(context.vault.local_key(id, context.folders.config()).await?),
        Kind::Memory | Kind::Env => context.vault.get(id, &Slot::LocalKey).await?.ok_or_else(|| {
            Failure::new(
                "local_key_missing",
                format!("Without the keychain, this command cannot know the local key of the running gateway of {id}."),
                format!(
                    "With `--vault env`, set {} to the same random text here and where `postern serve` is started.",
                    variable(id, &Slot::LocalKey)
                ),
            )
        }),
    }
}
