//! Where secrets live: the operating system's keychain, or memory, or (read-only) the environment.
