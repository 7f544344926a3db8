//! `postern secret set` and `clear`. The value comes on standard input, never in an argument.

use postern_control::profile::{Profile, ProfileId, Slot};
use postern_control::vault::Kind;
use serde_json::json;

use super::Context;
use crate::failure::Failure;
use crate::input;

pub(super) async fn set(context: &Context, id: &ProfileId, slot: &Slot) -> Result<(), Failure> {
    let profile = context.profile(id)?;
    if *slot != Slot::LocalKey && !profile.slots().contains(slot) {
        return Err(not_needed(&profile, slot));
    }
    context.vault.set(id, slot, input::secret(id, slot)?).await?;
    context.output.result(&json!({"saved": {"profile": id, "slot": slot.to_string()}}), || {
        if context.vault.kind() == Kind::Memory {
            return format!("{slot} of {id} is fit for use; `--vault memory` keeps it no longer than this command.");
        }
        format!("Saved {slot} for {id}. A gateway that is connected takes it up when it is connected anew.")
    })
}

pub(super) async fn clear(context: &Context, id: &ProfileId, slot: &Slot) -> Result<(), Failure> {
    let profile = context.profile(id)?;
    let was_there = context.vault.clear(&profile.id, slot).await?;
    let value = json!({"cleared": {"profile": id, "slot": slot.to_string(), "was_saved": was_there}});
    context
        .output
        .result(&value, || if was_there { format!("Cleared {slot} of {id}.") } else { format!("{id} had no {slot}.") })
}

/// A secret nobody would ever read.
pub(super) fn not_needed(profile: &Profile, slot: &Slot) -> Failure {
    let slots: Vec<String> = profile.slots().iter().map(ToString::to_string).collect();
    let needed = if slots.is_empty() { "no secret".to_owned() } else { slots.join(", ") };
    Failure::new(
        "slot_not_needed",
        format!("The profile {} does not use {slot}; it needs {needed}.", profile.name),
        "Say first what the server asks for, with `postern edit` (`--edge-username`, `--edge-token`, \
         `--prefect-username`, `--header`, `--client-cert-file`).",
    )
}
