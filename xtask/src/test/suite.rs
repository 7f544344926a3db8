//! A `cargo test` whose output streams through while its results are counted.

use std::io::{BufRead, BufReader, Write, stdout};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::Outcome;
use super::tally::Tally;
use crate::process::line;

pub(super) fn libtest(command: &mut Command) -> Result<Outcome> {
    let mut child = command.stdout(Stdio::piped()).spawn().context("cannot start cargo")?;
    let mut output = BufReader::new(child.stdout.take().context("cargo has no output")?);
    let mut tally = Tally::default();
    let mut bytes = Vec::new();
    // Bytes, not text: a test may print what it likes.
    while output.read_until(b'\n', &mut bytes)? > 0 {
        stdout().write_all(&bytes)?;
        if let Some(one) = Tally::from_libtest(&String::from_utf8_lossy(&bytes)) {
            tally = tally + one;
        }
        bytes.clear();
    }
    let status = child.wait()?;
    if !status.success() && tally.failed == 0 {
        bail!("{} ended with {status} after: {tally}", line(command));
    }
    Ok(Outcome::Counted(tally))
}
