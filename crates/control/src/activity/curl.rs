//! A request as a command for a POSIX shell.
//!
//! It has no credential: where one is needed it names the variable that `postern env` sets. Queries and bodies are not
//! recorded, so it has none either.

use http::Method;
use http::uri::PathAndQuery;
use postern_gateway::LocalPrograms;

use crate::environment::quote;
use crate::profile::Profile;

/// The command; `None` for what is no request.
pub(crate) fn curl(profile: &Profile, method: &str, path: &str) -> Option<String> {
    let method: Method = method.parse().ok()?;
    let path: PathAndQuery = path.parse().ok().filter(|path: &PathAndQuery| path.query().is_none())?;
    let url = format!("{}{path}", profile.local_origin());
    let mut command = "curl".to_owned();
    match method {
        Method::GET => {}
        Method::HEAD => command.push_str(" --head"),
        method => {
            command.push_str(" --request ");
            command.push_str(&quote::bash(method.as_str()));
        }
    }
    // What curl would take for a pattern, or tidy away.
    if url.contains(['{', '}', '[', ']']) {
        command.push_str(" --globoff");
    }
    if url.contains("/.") {
        command.push_str(" --path-as-is");
    }
    if profile.local_programs != LocalPrograms::Open {
        command.push_str(r#" --user "$PREFECT_API_AUTH_STRING""#);
    }
    command.push(' ');
    command.push_str(&quote::bash(&url));
    Some(command)
}
