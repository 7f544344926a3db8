//! profiles.toml as text, to profiles. All that is wrong is told at once, with its line.

use std::collections::HashMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{FileRemark, clashes};
use crate::profile::{Field, Profile, Remark, Written, WrittenEdge};

/// The profiles, in the file's order, and warnings.
///
/// # Errors
/// Everything that is wrong, in the order of lines. Messages never repeat a value: it may be a password in
/// the wrong place.
pub fn parse(text: &str) -> Result<(Vec<Profile>, Vec<FileRemark>), Vec<FileRemark>> {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader { text, remarks: Vec::new() };
    if !errors.is_empty() {
        for error in errors {
            let message = format!("Is not valid TOML: {}.", error.message());
            reader.remark(error.span().unwrap_or_default(), "", message);
        }
        return Err(reader.finish());
    }
    let profiles = reader.document(document.get_ref());
    if !reader.remarks.is_empty() {
        return Err(reader.finish());
    }
    for entry in &profiles {
        if let Some(profile) = &entry.profile {
            for warning in profile.warnings() {
                reader.remark_on(entry, &warning);
            }
        }
    }
    let warnings = reader.finish();
    Ok((profiles.into_iter().filter_map(|entry| entry.profile).collect(), warnings))
}

/// One `[[profile]]` and where its fields are.
struct Entry {
    written: Written,
    profile: Option<Profile>,
    place: Range<usize>,
    fields: HashMap<Field, Range<usize>>,
}

struct Reader<'t> {
    text: &'t str,
    remarks: Vec<FileRemark>,
}

impl Reader<'_> {
    fn finish(self) -> Vec<FileRemark> {
        let mut remarks = self.remarks;
        remarks.sort();
        remarks.dedup();
        remarks
    }

    fn remark(&mut self, place: Range<usize>, field: &str, message: impl Into<String>) {
        let before = self.text.as_bytes().get(..place.start).unwrap_or_default();
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        self.remarks.push(FileRemark { line, field: field.to_owned(), message: message.into() });
    }

    fn remark_on(&mut self, entry: &Entry, remark: &Remark) {
        let place = entry.fields.get(&remark.field).unwrap_or(&entry.place);
        self.remark(place.clone(), remark.field.in_file(), &*remark.message);
    }

    fn document(&mut self, document: &DeTable<'_>) -> Vec<Entry> {
        self.refuse_unknown(document, "", &["version", "profile"]);
        let version = document.get("version");
        match version.map(|version| (version.span(), version.get_ref().as_integer().map(ToString::to_string))) {
            Some((_, Some(version))) if version == "1" => {}
            Some((place, _)) => {
                self.remark(place, "version", "Must be 1. A file with another version is for another Postern.");
                return Vec::new();
            }
            // An empty file is a new one.
            None if document.is_empty() => {}
            None => self.remark(0..0, "version", "Is missing. Write `version = 1` in the first line."),
        }
        let Some(profiles) = document.get("profile") else { return Vec::new() };
        let Some(list) = profiles.get_ref().as_array() else {
            self.remark(profiles.span(), "profile", "Must be a list. Write [[profile]], with two brackets.");
            return Vec::new();
        };
        let mut entries: Vec<Entry> = list.iter().filter_map(|value| self.profile(value)).collect();
        for (index, remark) in clashes(entries.iter().map(|entry| &entry.written)) {
            if let Some(entry) = entries.get_mut(index) {
                let place = entry.fields.get(&remark.field).unwrap_or(&entry.place).clone();
                self.remark(place, remark.field.in_file(), remark.message);
            }
        }
        entries
    }

    fn profile(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Entry> {
        let table = self.table(value, "profile")?;
        self.refuse_unknown(
            table,
            "",
            &[
                "id",
                "name",
                "url",
                "api_url",
                "port",
                "color",
                "read_only",
                "connect",
                "local_programs",
                "edge",
                "prefect",
                "header",
                "tls",
                "network",
            ],
        );
        let mut fields = Fields { places: HashMap::new(), wrong: Vec::new() };
        let mut written = Written {
            id: self.text(table, Field::Id, &mut fields),
            name: self.text(table, Field::Name, &mut fields),
            url: self.text(table, Field::Url, &mut fields),
            api_url: self.text(table, Field::ApiUrl, &mut fields),
            port: self.number(table, Field::Port, &mut fields),
            color: self.text(table, Field::Color, &mut fields),
            read_only: self.truth(table, Field::ReadOnly, &mut fields).unwrap_or_default(),
            connect: self.text(table, Field::Connect, &mut fields),
            local_programs: self.text(table, Field::LocalPrograms, &mut fields),
            ..Written::default()
        };
        if let Some(edge) = self.sub_table(table, "edge", &["kind", "username"]) {
            fields.at(Field::EdgeKind, edge.span());
            fields.at(Field::EdgeUsername, edge.span());
            written.edge = edge.get_ref().as_table().map(|edge| WrittenEdge {
                kind: self.text(edge, Field::EdgeKind, &mut fields),
                username: self.text(edge, Field::EdgeUsername, &mut fields),
            });
        }
        if let Some(prefect) = self.sub_table(table, "prefect", &["username"]) {
            fields.at(Field::PrefectUsername, prefect.span());
            written.prefect_username =
                prefect.get_ref().as_table().map(|prefect| self.text(prefect, Field::PrefectUsername, &mut fields));
        }
        if let Some(tls) = self.sub_table(table, "tls", &["ca_file", "client_cert_file", "client_key_file", "verify"])
            && let Some(tls) = tls.get_ref().as_table()
        {
            written.ca_file = self.text(tls, Field::CaFile, &mut fields);
            written.client_cert_file = self.text(tls, Field::ClientCertFile, &mut fields);
            written.client_key_file = self.text(tls, Field::ClientKeyFile, &mut fields);
            written.verify = self.truth(tls, Field::Verify, &mut fields).unwrap_or(true);
        }
        if let Some(network) = self.sub_table(table, "network", &["proxy"])
            && let Some(network) = network.get_ref().as_table()
        {
            written.proxy = self.text(network, Field::Proxy, &mut fields);
        }
        written.headers = self.headers(table, &mut fields);

        let mut entry = Entry { profile: None, written, place: value.span(), fields: fields.places };
        match entry.written.check() {
            Ok(profile) => entry.profile = Some(profile),
            Err(remarks) => {
                for remark in remarks.iter().filter(|remark| !fields.wrong.contains(&remark.field)) {
                    self.remark_on(&entry, remark);
                }
            }
        }
        Some(entry)
    }

    fn headers(&mut self, table: &DeTable<'_>, fields: &mut Fields) -> Vec<String> {
        let Some(value) = table.get("header") else { return Vec::new() };
        let Some(list) = value.get_ref().as_array() else {
            self.remark(value.span(), "header", "Must be a list. Write [[profile.header]], with two brackets.");
            return Vec::new();
        };
        let mut names = Vec::new();
        for value in list.iter() {
            let field = Field::Header(names.len());
            fields.at(field, value.span());
            if let Some(header) = self.table(value, "header") {
                self.refuse_unknown(header, "header.", &["name"]);
                names.push(self.text(header, field, fields));
            }
        }
        names
    }

    /// A table within a profile, with nothing in it that is not known.
    fn sub_table<'v, 'i>(
        &mut self,
        table: &'v DeTable<'i>,
        key: &str,
        known: &[&str],
    ) -> Option<&'v Spanned<DeValue<'i>>> {
        let value = table.get(key)?;
        let inner = self.table(value, key)?;
        self.refuse_unknown(inner, &format!("{key}."), known);
        Some(value)
    }

    fn table<'v, 'i>(&mut self, value: &'v Spanned<DeValue<'i>>, path: &str) -> Option<&'v DeTable<'i>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.remark(value.span(), path, format!("Must be a table, not {}.", value.get_ref().type_str()));
        }
        table
    }

    fn refuse_unknown(&mut self, table: &DeTable<'_>, path: &str, known: &[&str]) {
        for key in table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let name = key.get_ref().as_ref();
            let message = if is_for_a_secret(name) {
                "Secrets are not kept in this file. Remove the line, and save the value with `postern secret set` or \
                 in the manager."
                    .to_owned()
            } else {
                format!("Is unknown. Known here: {}.", known.join(", "))
            };
            self.remark(key.span(), &format!("{path}{}", name.escape_debug()), message);
        }
    }

    fn text(&mut self, table: &DeTable<'_>, field: Field, fields: &mut Fields) -> String {
        self.value(table, field, fields, "text in quotes", |value| value.as_str().map(str::to_owned))
            .unwrap_or_default()
    }

    fn truth(&mut self, table: &DeTable<'_>, field: Field, fields: &mut Fields) -> Option<bool> {
        self.value(table, field, fields, "true or false", |value| match value {
            DeValue::Boolean(truth) => Some(*truth),
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => None,
        })
    }

    fn number(&mut self, table: &DeTable<'_>, field: Field, fields: &mut Fields) -> Option<i64> {
        self.value(table, field, fields, "a whole number", |value| {
            let number = value.as_integer()?;
            i64::from_str_radix(number.as_str(), number.radix()).ok()
        })
    }

    fn value<T>(
        &mut self,
        table: &DeTable<'_>,
        field: Field,
        fields: &mut Fields,
        what: &str,
        read: impl FnOnce(&DeValue<'_>) -> Option<T>,
    ) -> Option<T> {
        let path = field.in_file();
        let key = path.rsplit('.').next().unwrap_or(path);
        let value = table.get(key)?;
        fields.at(field, value.span());
        let read = read(value.get_ref());
        if read.is_none() {
            fields.wrong.push(field);
            self.remark(value.span(), path, format!("Must be {what}."));
        }
        read
    }
}

/// Where a profile's fields are, and which are of a wrong type, which is told already.
struct Fields {
    places: HashMap<Field, Range<usize>>,
    wrong: Vec<Field>,
}

impl Fields {
    fn at(&mut self, field: Field, place: Range<usize>) {
        self.places.insert(field, place);
    }
}

fn is_for_a_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["password", "token", "secret", "auth_string", "client_key", "value", "api_key"]
        .iter()
        .any(|word| key.contains(word))
}
