//! What this process must be before anything else runs in it.
//!
//! 1. Its memory holds secrets, and is nobody else's.
//! 2. (Unix) No secret stays in its environment, which the browser and every web view's process inherit.
//! 3. (Linux) WebKit shows blank windows with NVIDIA's own driver unless one of its renderers is off, which it
//!    reads from the environment.
//!
//! A program cannot safely change its own environment once threads run; so where 2 or 3 wants that, the program
//! replaces itself by itself, once, and hands the secrets to itself through a pipe.

use postern_control::process::keep_memory_private;
use postern_control::vault::Variables;

/// Applies the rules above, and returns the secrets that came in the environment. Failing to apply one is no
/// reason not to start: it is logged.
pub(crate) fn prepare() -> Variables {
    #[cfg(unix)]
    let variables = unix::start_anew_or_go_on();
    #[cfg(not(unix))]
    let variables = Variables::inherited();
    // Last: a program that replaces itself starts out as others may look into it.
    keep_memory_private();
    variables
}

#[cfg(unix)]
mod unix {
    use std::env;
    use std::ffi::OsString;
    use std::io::{self, Read as _, Write as _};
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    use std::os::unix::process::CommandExt as _;
    use std::process::Command;

    use postern_control::vault::Variables;

    /// Says which process finds its secrets on standard input: replacing itself, it keeps its id.
    const HANDED_OVER: &str = "POSTERN_HANDED_OVER";

    pub(super) fn start_anew_or_go_on() -> Variables {
        let me = std::process::id().to_string();
        if env::var_os(HANDED_OVER).is_some_and(|whose| *whose == *me) {
            return receive().unwrap_or_else(|error| {
                tracing::error!(%error, "the secrets of the environment did not arrive");
                Variables::default()
            });
        }
        let variables = Variables::inherited();
        if variables.is_empty() && !renderer_must_go() {
            return variables;
        }
        let error = match start_anew(&variables, &me) {
            Ok(never) => match never {},
            Err(error) => error,
        };
        tracing::warn!(%error, "cannot start with another environment: programs started from here inherit it");
        variables
    }

    /// Returns only when it fails.
    fn start_anew(variables: &Variables, me: &str) -> io::Result<std::convert::Infallible> {
        let mut command = Command::new(env::current_exe()?);
        command.arg0(env::args_os().next().unwrap_or_default()).args(env::args_os().skip(1));
        let mut secrets = Vec::new();
        for (name, value) in variables.iter() {
            command.env_remove(name);
            secrets.extend([name.as_bytes(), b"=", value.as_bytes(), b"\0"].concat());
        }
        // What a pipe takes while nobody reads from it.
        if secrets.len() > 60_000 {
            return Err(io::Error::other("the secrets are too long"));
        }
        let (reader, mut writer) = io::pipe()?;
        writer.write_all(&secrets)?;
        drop(writer);
        if renderer_must_go() {
            command.env(RENDERER, "1");
        }
        Err(command.stdin(reader).env(HANDED_OVER, me).exec())
    }

    fn receive() -> io::Result<Variables> {
        let mut secrets = Vec::new();
        io::stdin().lock().read_to_end(&mut secrets)?;
        Ok(parse(&secrets))
    }

    fn parse(secrets: &[u8]) -> Variables {
        let entries = secrets.split(|byte| *byte == 0);
        entries
            .filter_map(|entry| {
                let at = entry.iter().position(|byte| *byte == b'=')?;
                let name = String::from_utf8(entry[..at].to_vec()).ok()?;
                Some((name, OsString::from_vec(entry[at + 1..].to_vec())))
            })
            .collect()
    }

    const RENDERER: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";

    fn renderer_must_go() -> bool {
        cfg!(target_os = "linux")
            && std::path::Path::new("/proc/driver/nvidia/version").exists()
            && env::var_os(RENDERER).is_none()
    }
}
