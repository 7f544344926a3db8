//! What a process does to itself, in one of its own.

#[cfg(unix)]
#[test]
fn a_process_that_holds_secrets_is_not_dumped_and_not_traced() {
    postern_control::process::keep_memory_private();
    assert_eq!(nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_CORE), Ok((0, 0)));
    #[cfg(target_os = "linux")]
    assert_eq!(nix::sys::prctl::get_dumpable(), Ok(false));
}
