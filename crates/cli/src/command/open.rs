//! `postern open`: a dashboard in the user's browser, through a gateway that runs already.

use postern_control::door;
use postern_control::profile::ProfileId;
use serde_json::json;

use super::Context;
use super::env::local_key;
use crate::browser;
use crate::failure::Failure;

pub(super) async fn open(context: &Context, id: &ProfileId, print: bool) -> Result<(), Failure> {
    let profile = context.profile(id)?;
    let url = door::pass(&profile, &local_key(context, id).await?).await?;
    if print {
        return context.output.result(&json!({"url": url.expose()}), || url.expose().to_owned());
    }
    browser::open(&url).await?;
    context.output.result(&json!({"opened": id}), || format!("Opened {id} in the browser."))
}
