//! Secrets on their way in: from standard input, without showing them on a terminal.

use std::io::{self, IsTerminal as _, Read as _};

use postern_control::diagnosis::Given;
use postern_control::profile::{ProfileId, Slot};
use postern_gateway::Secret;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// More than any secret.
const LARGEST: u64 = 256 * 1024;

/// One secret: what a person types without seeing it, or all of standard input.
pub(crate) fn secret(id: &ProfileId, slot: &Slot) -> Result<Secret, Failure> {
    let multi_line = matches!(slot, Slot::ClientKey);
    if !io::stdin().is_terminal() {
        let mut text = read()?;
        if !multi_line {
            // The line's end is the pipe's, not the secret's.
            let length =
                text.strip_suffix('\n').map_or(text.len(), |line| line.strip_suffix('\r').unwrap_or(line).len());
            text.truncate(length);
        }
        return Ok(Secret::new(std::mem::take(&mut *text)));
    }
    if multi_line {
        return Err(Failure::new(
            "usage",
            "A client key has several lines, which cannot be typed without showing them.",
            format!("Read it from its file: `postern secret set {id} client-key < key.pem`."),
        ));
    }
    rpassword::prompt_password(format!("{slot} of {id}: ")).map(Secret::new).map_err(Failure::system)
}

/// `slot=value` lines from standard input.
pub(crate) fn secrets() -> Result<Vec<(Slot, Secret)>, Failure> {
    parse(&lines()?)
}

/// The same, for a server without a profile: `edge-username` and `prefect-username` are no secrets, and stand with
/// them.
pub(crate) fn given() -> Result<Given, Failure> {
    let text = lines()?;
    let mut given = Given::default();
    let mut secrets = Zeroizing::new(String::with_capacity(text.len() + 1));
    for line in text.lines() {
        match line.split_once('=') {
            Some(("edge-username", name)) => given.edge_username = Some(name.to_owned()),
            Some(("prefect-username", name)) => given.prefect_username = Some(name.to_owned()),
            _ => {
                secrets.push_str(line);
                secrets.push('\n');
            }
        }
    }
    given.secrets = parse(&secrets)?;
    Ok(given)
}

fn lines() -> Result<Zeroizing<String>, Failure> {
    if io::stdin().is_terminal() {
        return Err(Failure::new(
            "usage",
            "`--secrets-from -` reads from a pipe or file; a terminal would show what you type.",
            "Leave it out, and use `postern secret set` afterwards.",
        ));
    }
    read()
}

fn parse(text: &str) -> Result<Vec<(Slot, Secret)>, Failure> {
    let mut secrets: Vec<(Slot, Secret)> = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.is_empty()) {
        let wrong = |what: &str| {
            Err(Failure::new(
                "usage",
                format!("Line {number} on standard input {what}."),
                "Each line is slot=value, like `edge-password=…`.",
            ))
        };
        let Some((slot, value)) = line.split_once('=') else { return wrong("has no = in it") };
        let Ok(slot) = slot.trim().parse::<Slot>() else { return wrong("does not begin with the name of a slot") };
        if secrets.iter().any(|(other, _)| *other == slot) {
            return wrong(&format!("gives {slot} a second time"));
        }
        secrets.push((slot, Secret::new(value)));
    }
    Ok(secrets)
}

fn read() -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::new());
    io::stdin().lock().take(LARGEST).read_to_string(&mut text).map_err(Failure::system)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_slots_and_values_and_errors_repeat_no_value() {
        let secrets = parse("edge-password=a=b c\r\n\nheader-X-Key= x \n").unwrap();
        let shown: Vec<String> = secrets.iter().map(|(slot, secret)| format!("{slot}:{:?}", secret.expose())).collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        edge-password:"a=b c"
        header-x-key:" x "
        "#);
        for bad in ["canary", "canary=x", "edge-password=canary\nedge-password=canary"] {
            let failure = parse(bad).unwrap_err();
            assert!(!failure.trouble.sentence.contains("canary"), "{}", failure.trouble.sentence);
        }
    }
}
