//! `.env` as python-dotenv reads it, which is what Prefect has: `$NAME` means itself, where shells and the crates for
//! this fill something in. `${NAME}` is filled in there, and told here.

use postern_gateway::Secret;

/// One line, or several where quotes go on.
pub(super) struct Entry<'t> {
    /// From 1.
    pub(super) line: usize,
    /// Before the `=`.
    pub(super) key: &'t str,
    /// After it, or what is wrong with it.
    pub(super) value: Result<Secret, &'static str>,
}

/// All that assign something.
pub(super) fn entries(text: &str) -> Vec<Entry<'_>> {
    let mut entries = Vec::new();
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    while !rest.is_empty() {
        let line = text.len().checked_sub(rest.len()).and_then(|begun| text.get(..begun)).map_or(1, lines);
        let (head, tail) = rest.split_at(rest.find('\n').unwrap_or(rest.len()));
        rest = tail.trim_start();
        if head.starts_with('#') {
            continue;
        }
        let Some((key, after)) = head.split_once('=') else { continue };
        let key = key.trim_end();
        let key = key.strip_prefix("export").filter(|key| key.starts_with([' ', '\t'])).unwrap_or(key).trim();
        let key = key.strip_prefix('\'').and_then(|key| key.strip_suffix('\'')).unwrap_or(key);
        let begun = after.trim_start();
        let value = match begun.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                // It may go on in further lines.
                let (_, whole) = text.split_at(text.len() - tail.len() - begun.len() + quote.len_utf8());
                quoted(whole, quote).map(|(value, tail)| {
                    rest = tail.trim_start();
                    value
                })
            }
            Some('#') if begun.len() < after.len() => Ok(Secret::new("")),
            _ => Ok(Secret::new(uncommented(begun))),
        };
        let value = value.and_then(|value| {
            if value.expose().contains("${") { Err("has ${…} in it, which is not filled in here") } else { Ok(value) }
        });
        entries.push(Entry { line, key, value });
    }
    entries
}

/// Up to ` #`.
fn uncommented(value: &str) -> &str {
    let comment = value.char_indices().find(|(at, c)| *c == '#' && value[..*at].ends_with(char::is_whitespace));
    comment.map_or(value, |(at, _)| &value[..at]).trim_end()
}

/// The value up to its closing quote, and what follows its line.
fn quoted(text: &str, quote: char) -> Result<(Secret, &str), &'static str> {
    // As long as what it is made of, so that nothing is left behind where it grows.
    let mut value = zeroize::Zeroizing::new(String::with_capacity(text.len()));
    let mut letters = text.char_indices();
    while let Some((at, c)) = letters.next() {
        match c {
            '\\' => {
                let Some((_, escaped)) = letters.next() else { break };
                match unescaped(escaped, quote) {
                    Some(c) => value.push(c),
                    None => value.extend(['\\', escaped]),
                }
            }
            c if c == quote => {
                let after = &text[at + c.len_utf8()..];
                let (line, tail) = after.split_at(after.find('\n').unwrap_or(after.len()));
                let line = line.trim();
                return if line.is_empty() || line.starts_with('#') {
                    Ok((Secret::new(std::mem::take(&mut *value)), tail))
                } else {
                    Err("has something behind its closing quote")
                };
            }
            c => value.push(c),
        }
    }
    Err("has no closing quote")
}

fn unescaped(escaped: char, quote: char) -> Option<char> {
    Some(match escaped {
        '\\' | '\'' => escaped,
        _ if quote == '\'' => return None,
        '"' => '"',
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        _ => return None,
    })
}

/// The number of the line that follows this text.
fn lines(before: &str) -> usize {
    before.matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_what_python_dotenv_makes_of_them() {
        for (text, expected) in [
            ("A=b", "1 A b"),
            ("\u{feff}A=b\r\nB = c \r\n", "1 A b|2 B c"),
            ("# A=b\n\n  export A=b # comment\n", "3 A b"),
            ("A=b#c", "1 A b#c"),
            ("A=#c", "1 A #c"),
            ("A= # c", "1 A "),
            ("A=\nB=c", "1 A |2 B c"),
            ("'A'='a # b' # c", "1 A a # b"),
            ("A=\"x\\\"y\\n\\q\"", "1 A x\"y\n\\q"),
            ("A='x\\'y\\n'", "1 A x'y\\n"),
            ("A=\"one\ntwo\"\nB=c", "1 A one\ntwo|3 B c"),
            ("A=admin:pa$word$1", "1 A admin:pa$word$1"),
            ("A=${B}:c", "1 A ! has ${…} in it, which is not filled in here"),
            ("A=\"b\nC=d", "1 A ! has no closing quote|2 C d"),
            ("A='b' c\nC=d", "1 A ! has something behind its closing quote|2 C d"),
            ("nothing\nexport\nA=b", "3 A b"),
        ] {
            let shown = |entry: &Entry<'_>| {
                let value = match &entry.value {
                    Ok(value) => value.expose().to_owned(),
                    Err(problem) => format!("! {problem}"),
                };
                format!("{} {} {value}", entry.line, entry.key)
            };
            let entries: Vec<String> = entries(text).iter().map(shown).collect();
            assert_eq!(entries.join("|"), expected, "{text:?}");
        }
    }
}
