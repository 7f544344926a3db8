//! `postern doctor`: a server, looked at layer by layer.

use postern_control::diagnosis::{Check, Given, Report, State, Subject, diagnose};
use postern_control::profile::ProfileId;
use postern_control::resolve;
use postern_control::view::Trouble;

use super::{Context, find};
use crate::failure::Failure;
use crate::input;

pub(super) async fn doctor(context: &Context, target: &str, secrets: bool, share: bool) -> Result<(), Failure> {
    let subject = subject(context, target, secrets).await?;
    let mut printed = Ok(());
    let report = diagnose(&subject, |check| {
        // What was not looked at is said once, below.
        if printed.is_ok() && check.state != State::Skipped {
            printed = context.output.line(&line(&if share { check.shareable(&subject) } else { check.clone() }));
        }
    });
    let report = report.await;
    printed?;
    let report = if share { report.shareable(&subject) } else { report };
    context.output.result(&report, || verdict(&report))?;
    if report.ok {
        return Ok(());
    }
    let Report { code, sentence, remedy, .. } = report;
    Err(Failure { trouble: Trouble { code, sentence, remedy }, told: true })
}

/// A profile, or what is told of a server without one.
async fn subject(context: &Context, target: &str, secrets: bool) -> Result<Subject, Failure> {
    let given = if secrets { input::given()? } else { Given::default() };
    match target.parse::<ProfileId>() {
        Ok(id) if target != "localhost" => {
            if secrets {
                return Err(Failure::new(
                    "usage",
                    "A profile has its own secrets; `--secrets-from` is for an address.",
                    "Leave it out, or change the profile's with `postern secret set`.",
                ));
            }
            saved(context, &id).await
        }
        Ok(_) | Err(_) => Subject::given(target, given).map_err(|remarks| {
            let said: Vec<String> =
                remarks.iter().map(|remark| format!("{}: {}", remark.field.in_file(), remark.message)).collect();
            Failure::new("usage", said.join("\n"), "Give the server's address as you have it in the browser.")
        }),
    }
}

/// A profile's server.
pub(super) async fn saved(context: &Context, id: &ProfileId) -> Result<Subject, Failure> {
    let profile = find(&context.store()?, id)?;
    context.warn_about(&profile);
    let remote = resolve::remote(&profile, &context.folders, &context.vault).await?;
    Ok(Subject { profile: Some(profile.id.to_string()), remote, thorough: true })
}

/// One check, as it has ended.
fn line(check: &Check) -> String {
    let mark = match check.state {
        State::Passed => "ok",
        State::Warned => "look",
        State::Failed => "FAIL",
        State::Skipped => "-",
    };
    let Check { layer, evidence, trouble, took, .. } = check;
    let took = format!("{} ms", took.as_millis());
    let mut line = format!("{mark:4}  {layer:9}  {took:>7}  {evidence}");
    // What failed is the verdict's to say.
    if let (State::Warned, Some(Trouble { code, sentence, remedy })) = (check.state, trouble) {
        line.push_str(&format!("\n{INDENT}{sentence}\n{INDENT}{remedy} [{code}]"));
    }
    line
}

const INDENT: &str = "                          ";

fn verdict(report: &Report) -> String {
    let Report { ok, code, sentence, remedy, layer, checks, .. } = report;
    let skipped: Vec<&Check> = checks.iter().filter(|check| check.state == State::Skipped).collect();
    let mut said = String::new();
    for run in skipped.chunk_by(|one, next| one.evidence == next.evidence) {
        let layers: Vec<&str> = run.iter().map(|check| check.layer.as_str()).collect();
        said.push_str(&format!("-     {}: {}\n", layers.join(", "), run[0].evidence));
    }
    let rest = if *ok { String::new() } else { format!("\n  {remedy} [{layer}: {code}]") };
    format!("{said}\n{sentence}{rest}")
}
