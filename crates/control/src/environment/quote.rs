//! Quoting, so that a value is a value in every shell, whatever is in it.

use super::Shell;

/// One line that sets and exports a variable.
pub(super) fn assign(shell: Shell, name: &str, value: &str) -> String {
    match shell {
        Shell::Bash => format!("export {name}={}\n", bash(value)),
        Shell::Fish => format!("set -gx {name} {}\n", fish(value)),
        Shell::PowerShell => format!("$env:{name} = {}\n", powershell(value)),
        Shell::Dotenv => format!("{name}={}\n", dotenv(value)),
    }
}

/// Within single quotes nothing is special but the quote itself (POSIX, section 2.2.2).
pub(crate) fn bash(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// Within single quotes, `\\` and `\'` are the only escapes.
fn fish(value: &str) -> String {
    format!("'{}'", value.replace('\\', r"\\").replace('\'', r"\'"))
}

/// A doubled quote is a quote. The typographic ones end a string too.
fn powershell(value: &str) -> String {
    let mut quoted = String::from("'");
    for c in value.chars() {
        if matches!(c, '\'' | '\u{2018}'..='\u{201b}') {
            quoted.push(c);
        }
        quoted.push(c);
    }
    quoted.push('\'');
    quoted
}

/// Bare where it can be: Docker's env files take quotes for part of the value.
fn dotenv(value: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || "-_.:/,*@%+~".contains(c);
    if value.chars().all(bare) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\\', r"\\").replace('\'', r"\'"))
    }
}
