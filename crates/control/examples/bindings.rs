//! Prints the manager's TypeScript types: what `cargo xtask bindings` writes.

use std::io::{self, Write as _};

fn main() -> io::Result<()> {
    io::stdout().write_all(postern_control::view::bindings::bindings().as_bytes())
}
