//! Step 4: a read-only profile refuses what writes.
//!
//! Rules as read from Prefect 3.8.8's OpenAPI (149 paths). Refused is whatever is not known to read: an
//! unknown POST writes, and so does an unknown socket.

use http::Method;

use crate::fault::Fault;
use crate::guard::upgrade::Socket;
use crate::route::Target;
use crate::upstream::Upstream;

/// A POST reads when its path ends in one of these.
const READING_POSTS: [&str; 7] =
    ["/filter", "/count", "/history", "/paginate", "/lateness", "/validate", "/concurrency_status"];

/// Sockets that only receive.
const READING_SOCKETS: [&str; 2] = ["/events/out", "/logs/out"];

pub(crate) fn check(
    method: &Method,
    target: &Target,
    socket: Option<Socket>,
    upstream: &Upstream,
) -> Result<(), Fault> {
    if !upstream.read_only || reads(method, target.api_path.as_deref(), socket.is_some()) {
        return Ok(());
    }
    Err(Fault::ReadOnly { profile: upstream.name.clone() })
}

fn reads(method: &Method, api_path: Option<&str>, socket: bool) -> bool {
    if socket {
        return api_path.is_some_and(|path| READING_SOCKETS.contains(&path.trim_end_matches('/')));
    }
    match *method {
        Method::GET | Method::HEAD | Method::OPTIONS => true,
        Method::POST => api_path.map(|path| path.trim_end_matches('/')).is_some_and(|path| {
            READING_POSTS.iter().any(|end| path.ends_with(end))
                || path.starts_with("/ui/")
                || path.strip_prefix("/events/count-by/").is_some_and(|by| !by.is_empty() && !by.contains('/'))
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_pass_and_writes_do_not() {
        for (method, path, expected) in [
            (Method::GET, Some("/flows/1"), true),
            (Method::GET, None, true),
            (Method::POST, Some("/flows/filter"), true),
            (Method::POST, Some("/flow_runs/count/"), true),
            (Method::POST, Some("/ui/schemas/validate"), true),
            (Method::POST, Some("/events/count-by/day"), true),
            (Method::POST, Some("/events/count-by/"), false),
            (Method::POST, Some("/flows/"), false),
            (Method::POST, Some("/filter_flows"), false),
            (Method::POST, Some("/something/new"), false),
            (Method::POST, None, false),
            (Method::PUT, Some("/variables/filter"), false),
            (Method::PATCH, Some("/flows/1"), false),
            (Method::DELETE, Some("/flows/1"), false),
            (Method::from_bytes(b"PURGE").unwrap(), Some("/flows/1"), false),
        ] {
            assert_eq!(reads(&method, path, false), expected, "{method} {path:?}");
        }
    }

    #[test]
    fn sockets_that_write_are_refused() {
        for (path, expected) in [
            ("/events/out", true),
            ("/logs/out", true),
            ("/events/in", false),
            ("/task_runs/subscriptions/scheduled", false),
            ("/workers/channel", false),
        ] {
            assert_eq!(reads(&Method::GET, Some(path), true), expected, "{path}");
        }
    }
}
