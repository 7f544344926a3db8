//! `postern open`: a dashboard in the user's browser, through a gateway that runs already.

use postern_control::door;
use postern_control::link::{InvalidLink, Lead, Link};
use postern_control::profile::{Profile, ProfileId};
use postern_control::store::StoreError;
use serde_json::json;

use super::env::local_key;
use super::{Context, find};
use crate::browser;
use crate::failure::Failure;

pub(super) async fn open(context: &Context, target: &str, print: bool) -> Result<(), Failure> {
    let (profile, to) = page(context, target)?;
    let id = &profile.id;
    let url = door::pass(&profile, &local_key(context, id).await?, &to).await?;
    if print {
        return context.output.result(&json!({"url": url.expose()}), || url.expose().to_owned());
    }
    browser::open(&url).await?;
    context.output.result(&json!({"opened": id}), || format!("Opened {id} in the browser."))
}

/// The profile, and which of its pages.
fn page(context: &Context, target: &str) -> Result<(Profile, String), Failure> {
    let store = context.store()?;
    if let Ok(id) = target.parse::<ProfileId>() {
        return Ok((find(&store, &id)?, "/".to_owned()));
    }
    match Link::parse(target)?.lead(&store.profiles().iter().collect::<Vec<_>>()) {
        Lead::Page { id, to } => Ok((find(&store, &id)?, to)),
        Lead::Gone(id) => Err(StoreError::NoSuchProfile(id.to_string()).into()),
        Lead::Unknown(url) => {
            let server = url.origin().ascii_serialization();
            Err(Failure::new(
                "no_profile_there",
                format!("No profile leads to a page at {server}."),
                format!("Add the server with `postern add --url {server}`, or its base path behind it."),
            ))
        }
    }
}

impl From<InvalidLink> for Failure {
    fn from(invalid: InvalidLink) -> Self {
        Self::new("link_refused", invalid.to_string(), invalid.remedy())
    }
}
