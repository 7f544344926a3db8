//! `postern add`, `edit` and `remove`: a change is made as a whole, secrets included, or not at all.

use std::ffi::OsStr;

use postern_control::change::{Change, Files, SecretChange, Stored};
use postern_control::profile::{Profile, ProfileId, Slot, Written, WrittenEdge};
use postern_control::resolve::unreadable;
use postern_control::store::{Store, StoreError};
use postern_control::vault::Kind;
use postern_gateway::Secret;
use serde_json::json;

use super::{Context, find};
use crate::failure::Failure;
use crate::input;
use crate::options::{Add, Edit, Fields};

pub(super) async fn add(context: &Context, add: Add) -> Result<(), Failure> {
    let store = context.store()?;
    let mut written = Written { url: add.url, ..Written::default() };
    written.id = add.id.map(|id| id.to_string()).unwrap_or_default();
    let secrets = put(&mut written, add.fields, context)?;
    let stored = make(save(None, written, secrets), store, context).await?;
    let profile = saved(&stored)?;
    // What an earlier profile of the same id left behind is removed where the vault answers. Whether it does is no
    // condition for adding.
    let missing = match context.vault.kind() {
        // Empty but for what was just saved; it is not asked again, as it may be waiting to be unlocked.
        Kind::Os => required(profile).filter(|slot| !stored.secrets.contains(slot)).collect(),
        Kind::Memory | Kind::Env => missing(context, profile).await,
    };
    done(context, profile, ("added", "added"), &missing).await
}

pub(super) async fn edit(context: &Context, edit: Edit) -> Result<(), Failure> {
    let store = context.store()?;
    let before = find(&store, &edit.id)?;
    let mut written = Written::from(&before);
    // Left out, the name is the host's, and stays so.
    if before.url.host_str() == Some(&*before.name) {
        written.name.clear();
    }
    if let Some(url) = edit.url {
        written.url = url;
    }
    let secrets = put(&mut written, edit.fields, context)?;
    let stored = make(save(Some(before.clone()), written, secrets), store, context).await?;
    let after = saved(&stored)?;
    if let Some(trouble) = stored.vault_trouble.clone() {
        return Err(trouble.into());
    }
    if before.url.origin() != after.url.origin() && !after.slots().is_empty() {
        let server = after.url.origin().ascii_serialization();
        context.output.note(&format!("postern: the saved secrets of {} go to {server} from now on.", after.id));
    }
    let said = if *after == before && stored.secrets.is_empty() { "as it was" } else { "changed" };
    done(context, after, ("changed", said), &missing(context, after).await).await
}

pub(super) async fn remove(context: &Context, id: &ProfileId) -> Result<(), Failure> {
    let stored = make(Change::Remove { id: id.clone() }, context.store()?, context).await?;
    let deleted = context.folders.delete_dashboard(id);
    if let Some(trouble) = stored.vault_trouble {
        return Err(trouble.into());
    }
    deleted.map_err(|error| {
        Failure::new(
            "dashboard_not_deleted",
            format!("{id} and its secrets are removed, but what its dashboard kept could not be deleted: {error}."),
            format!("Delete the folder {} yourself.", context.folders.dashboard(id).display()),
        )
    })?;
    context
        .output
        .result(&json!({"removed": id}), || format!("Removed {id}, its secrets, and what its dashboard kept."))
}

async fn make(change: Change, store: Store, context: &Context) -> Result<Stored, Failure> {
    Ok(change.make(&Files::new(store), &context.vault).await?)
}

fn save(before: Option<Profile>, written: Written, secrets: Vec<(Slot, Secret)>) -> Change {
    let secrets = secrets.into_iter().map(|(slot, secret)| SecretChange::Set(slot, secret)).collect();
    Change::Put { before: before.map(Box::new), written: Box::new(written), secrets }
}

/// The profile as it is now.
fn saved(stored: &Stored) -> Result<&Profile, Failure> {
    let profile = stored.profiles.iter().find(|profile| profile.id == stored.id);
    profile.ok_or_else(|| StoreError::NoSuchProfile(stored.id.to_string()).into())
}

/// Puts the options into the profile; the secrets on standard input, each of which it must need.
fn put(written: &mut Written, fields: Fields, context: &Context) -> Result<Vec<(Slot, Secret)>, Failure> {
    let set = |place: &mut String, option: Option<String>| {
        if let Some(value) = option {
            *place = value;
        }
    };
    set(&mut written.name, fields.name);
    set(&mut written.api_url, fields.api_url);
    set(&mut written.color, fields.color);
    set(&mut written.connect, fields.connect);
    set(&mut written.local_programs, fields.local_programs);
    set(&mut written.proxy, fields.proxy);
    set(&mut written.ca_file, fields.ca_file.map(|path| file(&path, context)).transpose()?);
    set(&mut written.client_cert_file, fields.client_cert_file.map(|path| file(&path, context)).transpose()?);
    set(&mut written.client_key_file, fields.client_key_file.map(|path| file(&path, context)).transpose()?);
    written.port = fields.port.map(i64::from).or(written.port);
    written.read_only = fields.read_only.unwrap_or(written.read_only);
    if fields.no_verify || fields.verify {
        written.verify = fields.verify;
    }
    if let Some(username) = &fields.edge_username {
        written.edge = Some(WrittenEdge::basic(username));
    } else if fields.edge_token {
        written.edge = Some(WrittenEdge::bearer());
    } else if fields.no_edge {
        written.edge = None;
    }
    if fields.prefect_username.is_some() || fields.no_prefect {
        written.prefect_username = fields.prefect_username;
    }
    for name in fields.remove_header {
        let before = written.headers.len();
        written.headers.retain(|header| !header.eq_ignore_ascii_case(&name));
        if written.headers.len() == before {
            return Err(Failure::new(
                "usage",
                format!("The profile has no header {name}."),
                "`postern show ID` lists its headers.",
            ));
        }
    }
    for name in fields.header {
        if !written.headers.iter().any(|header| header.eq_ignore_ascii_case(&name)) {
            written.headers.push(name);
        }
    }
    if fields.secrets_from.is_none() {
        return Ok(Vec::new());
    }
    let secrets = input::secrets()?;
    refuse_unfit(written, &secrets, context)?;
    Ok(secrets)
}

/// Refuses what could not be saved, before anything is.
fn refuse_unfit(written: &Written, secrets: &[(Slot, Secret)], context: &Context) -> Result<(), Failure> {
    if context.vault.kind() == Kind::Env {
        return Err(Failure::new(
            "vault_read_only",
            "With `--vault env`, secrets are only read from the environment.",
            "Leave `--secrets-from` out, and set the variables where Postern is started.",
        ));
    }
    // What is wrong with the profile itself is told when it is saved.
    let stand_in = Written { id: "new".to_owned(), port: Some(i64::from(u16::MAX)), ..written.clone() };
    let Ok(profile) = stand_in.check() else { return Ok(()) };
    for (slot, secret) in secrets {
        if !profile.slots().contains(slot) {
            return Err(super::secret::not_needed(&profile, slot));
        }
        slot.check(secret)?;
    }
    Ok(())
}

/// A path as the person who types it means it, from the folder they are in; as it is written when it lies
/// beside profiles.toml. Empty takes it out.
fn file(path: &OsStr, context: &Context) -> Result<String, Failure> {
    if path.is_empty() {
        return Ok(String::new());
    }
    let path = std::path::absolute(path).map_err(Failure::system)?;
    let path = path.strip_prefix(context.folders.config()).unwrap_or(&path);
    path.to_str().map(str::to_owned).ok_or_else(|| {
        Failure::new(
            "usage",
            format!("The path {} is not valid UTF-8, which profiles.toml must be.", path.display()),
            "Rename the file or folder.",
        )
    })
}

/// The slots that must not stay empty.
fn required(profile: &Profile) -> impl Iterator<Item = Slot> {
    profile.slots().into_iter().filter(|slot| !slot.is_optional())
}

/// The slots still to be filled. Whether the vault answers is no condition for what is done already.
async fn missing(context: &Context, profile: &Profile) -> Vec<Slot> {
    let filled = context.vault.filled(profile).await.unwrap_or_default();
    required(profile).filter(|slot| !filled.contains(&(slot.clone(), true))).collect()
}

/// Says what happened, in JSON's word and a person's, and what is still to do.
async fn done(
    context: &Context,
    profile: &Profile,
    (what, said): (&str, &str),
    missing: &[Slot],
) -> Result<(), Failure> {
    let Profile { id, port, .. } = profile;
    let slots: Vec<String> = missing.iter().map(ToString::to_string).collect();
    let value = json!({what: id, "port": port, "local_api_url": profile.local_api_url(), "secrets_missing": slots});
    context.output.result(&value, || {
        let mut text = format!("The profile {id} is {said}; its port is {port}.\n");
        for slot in missing {
            text.push_str(&match context.vault.kind() {
                Kind::Env => format!("  still to set: {}\n", postern_control::vault::variable(id, slot)),
                Kind::Os | Kind::Memory => format!("  still to save: postern secret set {id} {slot}\n"),
            });
        }
        text
    })?;
    context.warn_about(profile);
    for (field, error) in unreadable(profile, &context.folders).await {
        context.output.warning(id.as_str(), field.in_file(), &error.to_string());
    }
    Ok(())
}
