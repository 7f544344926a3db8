//! A request as a command for a POSIX shell.
//!
//! It has no credential: where one is needed it names the variable that `postern env` sets, and hands its value over on
//! standard input, for everybody on the machine can read arguments. Queries and bodies are not recorded, so it has none
//! either.

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
    let mut command = match profile.local_programs {
        LocalPrograms::Open => "curl".to_owned(),
        // The shell's own printf: no process of that name.
        LocalPrograms::Key | LocalPrograms::Off => {
            r#"printf 'Authorization: Bearer %s\n' "$PREFECT_API_KEY" | curl --header @-"#.to_owned()
        }
    };
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
    command.push(' ');
    command.push_str(&quote::bash(&url));
    Some(command)
}
