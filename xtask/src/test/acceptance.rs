//! The list of adversaries, `docs/adversaries.md`, against the cases that tests noted as held.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::process::root;

/// Where tests note their cases, a line each.
pub(super) const VARIABLE: &str = "POSTERN_ACCEPTANCE";

pub(super) fn notes() -> PathBuf {
    root().join("target/acceptance")
}

/// How many cases of how many lines held.
///
/// # Errors
/// When a line of the list has none, or a test notes a line that is not there.
pub(super) fn count() -> Result<String> {
    let list = fs::read_to_string(root().join("docs/adversaries.md")).context("cannot read docs/adversaries.md")?;
    let noted = fs::read_to_string(notes()).context("no test has noted a case")?;
    compare(&list, &noted)
}

fn compare(list: &str, noted: &str) -> Result<String> {
    let mut cases: BTreeMap<&str, usize> = lines(list).map(|(name, _)| (name, 0)).collect();
    for line in noted.lines() {
        *cases.get_mut(line).with_context(|| format!("{line} is not in docs/adversaries.md"))? += 1;
    }
    let without: Vec<&str> = lines(list).filter(|(name, _)| cases[name] == 0).map(|(name, _)| name).collect();
    let not_yet: Vec<&str> =
        lines(list).filter(|(_, text)| text.ends_with(". Not yet")).map(|(name, _)| name).collect();
    if without != not_yet {
        bail!("without a case that held: {}; expected without: {}", without.join(" "), not_yet.join(" "));
    }
    let (held, all) = (cases.len() - without.len(), cases.values().sum::<usize>());
    Ok(format!("{all} cases of {held} lines held; not yet: {}", not_yet.join(" ")))
}

/// `- **C26** what it says` as `("C26", "what it says")`.
fn lines(list: &str) -> impl Iterator<Item = (&str, &str)> {
    list.lines().filter_map(|line| line.strip_prefix("- **")?.split_once("** "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_needs_a_case_unless_it_says_not_yet() {
        const LIST: &str = "# List\n- **A1** one\n- **A2** two\n- **B3** three. Not yet\n";
        let outcome = |noted| compare(LIST, noted).map_err(|error| error.to_string());
        assert_eq!(outcome("A1\nA2\nA1\n").as_deref(), Ok("3 cases of 2 lines held; not yet: B3"));
        assert!(outcome("A1\n").unwrap_err().starts_with("without a case that held: A2 B3;"));
        assert!(outcome("A1\nA2\nB3\n").unwrap_err().ends_with("expected without: B3"));
        assert_eq!(outcome("A1\nA9\n").unwrap_err(), "A9 is not in docs/adversaries.md");
    }
}
