//! What a process that holds secrets must be, before it holds any.

/// Keeps this process's memory to itself: no core dump, and (Linux) no other process of this user may read or trace
/// it. Failing to is no reason not to start: it is logged.
pub fn keep_memory_private() {
    #[cfg(unix)]
    if let Err(error) = nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0) {
        tracing::warn!(%error, "core dumps stay on");
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = nix::sys::prctl::set_dumpable(false) {
        tracing::warn!(%error, "other programs may trace this process");
    }
}
