//! The quick switcher: all servers in a small window, to type a few letters of one and be there.

use crate::controller::State;
use crate::profile::{Color, ProfileId};
use crate::view::label;

/// One server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The profile's id.
    pub id: ProfileId,
    /// What a person calls it.
    pub name: String,
    /// Where it is and how: `prefect.example.com, connected`.
    pub about: String,
    /// Its colour.
    pub color: Option<Color>,
}

/// All of them. The one that is shown already comes last: who switches wants another.
#[must_use]
pub fn switcher(state: &State) -> Vec<Line> {
    let mut lines: Vec<Line> = state
        .entries
        .iter()
        .map(|entry| {
            let host = entry.profile.url.host_str().unwrap_or_default();
            let about = format!("{host}, {}", label(&entry.connection).to_lowercase());
            Line { id: entry.profile.id.clone(), name: entry.profile.name.clone(), about, color: entry.profile.color }
        })
        .collect();
    lines.sort_by_key(|line| state.last.as_ref() == Some(&line.id));
    lines
}

impl Line {
    /// Whether each word that was typed is somewhere in it.
    #[must_use]
    pub fn matches(&self, typed: &str) -> bool {
        let text = format!("{} {} {}", self.name, self.id, self.about).to_lowercase();
        typed.to_lowercase().split_whitespace().all(|word| text.contains(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::fixture::{Stage, id, profile};
    use crate::controller::{AtStart, Event};

    fn ids(lines: &[Line], typed: &str) -> String {
        let ids: Vec<&str> = lines.iter().filter(|line| line.matches(typed)).map(|line| line.id.as_str()).collect();
        ids.join(" ")
    }

    #[test]
    fn a_few_letters_are_enough_and_the_one_that_is_shown_comes_last() {
        let profiles = [profile("prod", 4201), profile("stage", 4202), profile("preview", 4203)];
        let mut stage = Stage::with(AtStart::None, &profiles);
        stage.take(Event::Open(id("prod")));
        let lines = switcher(&stage.state);
        assert_eq!(ids(&lines, ""), "stage preview prod");
        for (typed, expected) in [
            ("PR", "preview prod"),
            ("pr ex off", "preview"),
            (" stage ", "stage"),
            ("off", "stage preview"),
            ("connecting", "prod"),
            ("prod off", ""),
        ] {
            assert_eq!(ids(&lines, typed), expected, "{typed}");
        }
    }
}
