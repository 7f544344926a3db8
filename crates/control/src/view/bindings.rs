//! The manager's types as TypeScript. `cargo xtask bindings` writes them to `ui/src/bindings.ts`, and a test
//! fails when that file is not what this module makes.

use std::collections::BTreeMap;

use ts_rs::{Config, TS, TypeVisitor};

use super::{ManagerAction, ManagerView, SaveErrors};

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
        self.found.insert(name, format!("{docs}export {}\n", T::decl(self.config)));
        T::visit_dependencies(self);
    }
}
