//! Counts the cases of `docs/adversaries.md` that held: `cargo xtask test` names a file, adds up what stands in it,
//! and fails where a line has no case. Also part of the gateway's and the command line's tests, by path.

use std::fs::OpenOptions;
use std::io::Write as _;

/// A case of this line of the list, such as `C26`, has held.
///
/// # Panics
/// When the file that `POSTERN_ACCEPTANCE` names cannot be written.
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
pub fn held(line: &str) {
    let Some(path) = std::env::var_os("POSTERN_ACCEPTANCE") else { return };
    let file = OpenOptions::new().create(true).append(true).open(path);
    // In one write: tests of several programs note theirs at once.
    file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes())).expect("the case can be noted");
}
