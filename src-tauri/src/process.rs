//! What this process must be before anything else runs in it.
//!
//! 1. Its memory holds secrets: no core dump, and (Linux) no other process of this user may read or trace it.
//! 2. (Linux) WebKit shows blank windows with NVIDIA's own driver unless one of its renderers is off.
//!    WebKit reads that from the environment, which a program cannot safely change once threads run; so the
//!    program replaces itself by itself, once, with the variable set.

/// Applies the rules above. Failing to is no reason not to start: it is logged.
pub(crate) fn prepare() {
    #[cfg(unix)]
    if let Err(error) = nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0) {
        tracing::warn!(%error, "core dumps stay on");
    }
    #[cfg(target_os = "linux")]
    {
        linux::avoid_blank_windows();
        if let Err(error) = nix::sys::prctl::set_dumpable(false) {
            tracing::warn!(%error, "other programs may trace this process");
        }
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::os::unix::process::CommandExt as _;
    use std::path::Path;
    use std::process::Command;

    const VARIABLE: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";

    pub(super) fn avoid_blank_windows() {
        let nvidia = Path::new("/proc/driver/nvidia/version").exists();
        if !nvidia || std::env::var_os(VARIABLE).is_some() {
            return;
        }
        let error = match std::env::current_exe() {
            // Returns only when it fails.
            Ok(program) => Command::new(program)
                .arg0(std::env::args_os().next().unwrap_or_default())
                .args(std::env::args_os().skip(1))
                .env(VARIABLE, "1")
                .exec(),
            Err(error) => error,
        };
        tracing::warn!(%error, "cannot set {VARIABLE}; if windows stay blank, set it to 1 yourself");
    }
}
