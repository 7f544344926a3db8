//! The manager's types as TypeScript. `cargo xtask bindings` writes them to `ui/src/bindings.ts`, and a test
//! fails when that file is not what this module makes.

use std::collections::BTreeMap;

use ts_rs::{Config, TS, TypeVisitor};

use super::{ActivityView, ManagerAction, ManagerView, SaveErrors, UseView};

const HEADER: &str = "\
// The manager's types, made from crates/control/src/view.rs by `cargo xtask bindings`. Do not edit.
";

/// The whole file. The types named here are what crosses to the page and back; what they consist of follows.
#[must_use]
pub fn bindings() -> String {
    let config = Config::default();
    let mut types = Types { config: &config, found: BTreeMap::new() };
    types.visit::<ManagerView>();
    types.visit::<ManagerAction>();
    types.visit::<SaveErrors>();
    types.visit::<ActivityView>();
    types.visit::<UseView>();
    let mut text = HEADER.to_owned();
    for declaration in types.found.into_values() {
        text.push('\n');
        text.push_str(&declaration);
    }
    text
}

/// Types by name, each with what it consists of.
struct Types<'c> {
    config: &'c Config,
    found: BTreeMap<String, String>,
}

impl TypeVisitor for Types<'_> {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        // What has no file of its own is the language's, or generic.
        if T::output_path().is_none() {
            return;
        }
        let name = T::ident(self.config);
        if self.found.contains_key(&name) {
            return;
        }
        let docs = T::docs().unwrap_or_default();
        self.found.insert(name, tidy(&format!("{docs}export {}", T::decl(self.config))));
        T::visit_dependencies(self);
    }
}

/// A line for each field and a line for each comment, as a person would write it.
fn tidy(declaration: &str) -> String {
    let declaration = declaration.replace("/**\n * ", "/** ").replace("\n */", " */").replace(", };", ",\n};");
    let mut text = String::new();
    let mut inside = false;
    for line in declaration.lines().map(str::trim_end) {
        inside &= line != "};";
        text.push_str(if inside { "  " } else { "" });
        text.push_str(line);
        text.push('\n');
        inside |= line.starts_with("export") && !line.ends_with(';');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_that_crosses_is_there_once_and_nothing_is_of_no_type() {
        let text = bindings();
        for name in [
            "ActivityView",
            "Ask",
            "CandidateView",
            "CheckState",
            "CheckView",
            "Color",
            "Connect",
            "ConnectionState",
            "ConnectionView",
            "CrashView",
            "DoorUse",
            "DoorView",
            "Draft",
            "EdgeDraft",
            "ExchangeView",
            "FieldError",
            "FoundView",
            "HeaderDraft",
            "ImportState",
            "ImportView",
            "LastFault",
            "LocalProgramsChoice",
            "LogLevel",
            "LookView",
            "ManagerAction",
            "ManagerView",
            "PrefectDraft",
            "SaveErrors",
            "SecretInput",
            "SecretView",
            "ServerView",
            "Step",
            "Trouble",
            "UseView",
            "VaultView",
        ] {
            assert_eq!(text.matches(&format!("export type {name} =")).count(), 1, "{name} in:\n{text}");
        }
        for wrong in ["bigint", "any", "unknown", "undefined"] {
            assert!(!text.contains(&format!(": {wrong}")), "{text}");
        }
    }

    #[test]
    fn the_file_reads_as_if_written_by_hand() {
        let text = bindings();
        let shown = |name: &str| {
            let start = text.find(&format!("export type {name} ="))?;
            text.get(start..)?.split("\n\n").next()
        };
        insta::assert_snapshot!(shown("FieldError").unwrap(), @r"
        export type FieldError = {
          /** The field's path, or empty. */
          field: string,
          /** What happened and what to do. */
          message: string,
        };
        ");
        insta::assert_snapshot!(shown("EdgeDraft").unwrap(), @r#"
        export type EdgeDraft = { "kind": "none" } | { "kind": "basic",
          /** No colon. */
          username: string,
          /** Vault slot `edge-password`. */
          password: SecretInput, } | { "kind": "bearer",
          /** Vault slot `edge-token`. */
          token: SecretInput,
        };
        "#);
        insta::assert_snapshot!(shown("SecretInput").unwrap(), @r#"export type SecretInput = "keep" | { set: string };"#);
        insta::assert_snapshot!(shown("Connect").unwrap(), @r#"export type Connect = "always" | "on-demand";"#);
    }
}
