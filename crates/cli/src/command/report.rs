//! `postern report`: one archive for whoever is to find out what is wrong.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use postern_control::diagnosis::diagnose;
use postern_control::profile::ProfileId;
use postern_control::report::{Material, Names, place, save};
use serde_json::json;

use super::{Context, doctor, find};
use crate::failure::Failure;

pub(super) async fn report(
    context: &Context,
    output: Option<PathBuf>,
    looked_at: &[ProfileId],
    share: bool,
) -> Result<(), Failure> {
    let mut material = Material::at_rest(&context.folders);
    for id in looked_at.iter().collect::<BTreeSet<_>>() {
        find(&context.store()?, id)?;
        context.output.note(&format!("Looking at {id}…"));
        match doctor::saved(context, id).await {
            Ok(subject) => material.add(id.to_string(), diagnose(&subject, |_| {}).await),
            // It belongs into the report, too.
            Err(failure) => material.add_trouble(id, &failure.trouble),
        }
    }
    let path = std::path::absolute(output.unwrap_or_else(|| place(Path::new("")))).map_err(Failure::system)?;
    save(&material, if share { Names::Removed } else { Names::Kept }, &path)?;
    context.output.result(&json!({ "file": path }), || {
        format!("{}\nRead it before you send it: README.txt in it says what there is.", path.display())
    })
}
