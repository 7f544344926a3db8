//! A change to profiles, into the text of profiles.toml. Only what changed is touched: comments, order and
//! formatting of everything else stay.

use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value, value};
use url::Url;

use crate::profile::{Field, Profile, Written};

/// The text with `after` in it, where it had `before`.
///
/// The caller reads it back before it is saved: a file written in an unusual way may not take the change.
pub fn edit(text: &str, before: &[Profile], after: &[Profile]) -> String {
    let Ok(mut document) = text.parse::<DocumentMut>() else { return text.to_owned() };
    if !document.contains_key("version") {
        document.insert("version", value(1));
    }
    let mut list = match document.remove("profile").map(Item::into_array_of_tables) {
        Some(Ok(list)) => list,
        // Not a list: reading it back finds that out.
        Some(Err(_)) => return text.to_owned(),
        None => ArrayOfTables::new(),
    };
    let id = |table: &Table| table.get("id").and_then(Item::as_str).unwrap_or_default().to_owned();
    list.retain(|table| after.iter().any(|profile| profile.id.as_str() == id(table)));
    for profile in after {
        let old = before.iter().find(|old| old.id == profile.id);
        let table = list.iter_mut().find(|table| id(table) == profile.id.as_str());
        match (table, old) {
            (Some(table), Some(old)) => put(table, &Written::from(old), &Written::from(profile)),
            (Some(_), None) => {}
            (None, _) => {
                let mut table = Table::new();
                table.decor_mut().set_prefix("\n");
                put(&mut table, &Written::default(), &Written::from(profile));
                list.push(table);
            }
        }
    }
    if !list.is_empty() {
        document.insert("profile", Item::ArrayOfTables(list));
    }
    document.to_string()
}

/// Writes the fields that differ, new ones in the order of the documentation.
fn put(table: &mut Table, old: &Written, new: &Written) {
    let mut old = old.clone();
    if !table.contains_key("name") {
        // Left out, the name is the host's: it has to be written when that changes and the name does not.
        old.name = host(&new.url);
    }
    let (old_headers, new_headers) = (&old.headers, &new.headers);
    for ((field, old), (_, new)) in values(&old).into_iter().zip(values(new)) {
        let differs = old.map(|value| value.to_string()) != new.as_ref().map(ToString::to_string);
        if differs {
            put_field(table, field, new);
        }
        if field == Field::PrefectUsername && old_headers != new_headers {
            put_headers(table, new_headers);
        }
    }
}

/// The fields as they are written; `None` where the default is said by leaving it out.
fn values(written: &Written) -> [(Field, Option<Value>); 17] {
    let text = |value: &str| (!value.is_empty()).then(|| Value::from(value));
    let unless = |default: &str, value: &str| if value == default { None } else { text(value) };
    let edge = written.edge.as_ref();
    [
        (Field::Id, text(&written.id)),
        (Field::Name, text(&written.name)),
        (Field::Url, text(&written.url)),
        (Field::ApiUrl, text(&written.api_url)),
        (Field::Port, written.port.map(Value::from)),
        (Field::Color, text(&written.color)),
        (Field::ReadOnly, written.read_only.then(|| Value::from(true))),
        (Field::Connect, unless("always", &written.connect)),
        (Field::LocalPrograms, unless("key", &written.local_programs)),
        (Field::EdgeKind, edge.and_then(|edge| text(&edge.kind))),
        (Field::EdgeUsername, edge.and_then(|edge| text(&edge.username))),
        (Field::PrefectUsername, written.prefect_username.as_deref().and_then(text)),
        (Field::CaFile, text(&written.ca_file)),
        (Field::ClientCertFile, text(&written.client_cert_file)),
        (Field::ClientKeyFile, text(&written.client_key_file)),
        (Field::Verify, (!written.verify).then(|| Value::from(false))),
        (Field::Proxy, unless("system", &written.proxy)),
    ]
}

fn host(url: &str) -> String {
    Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

/// Sets or removes one field, with the table it is in: made with its first field, gone with its last.
fn put_field(profile: &mut Table, field: Field, new: Option<Value>) {
    match field.in_file().split_once('.') {
        None => put_value(profile, field.in_file(), new),
        Some((section, key)) => {
            if new.is_some() && !profile.contains_key(section) {
                profile.insert(section, Item::Table(Table::new()));
            }
            let Some(inner) = profile.get_mut(section).and_then(Item::as_table_like_mut) else { return };
            put_value(inner, key, new);
            if inner.is_empty() {
                profile.remove(section);
            }
        }
    }
}

fn put_value(table: &mut dyn TableLike, key: &str, new: Option<Value>) {
    let Some(mut new) = new else {
        table.remove(key);
        return;
    };
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(place) => {
            // The comment behind the value stays.
            *new.decor_mut() = place.decor().clone();
            *place = new;
        }
        None => {
            table.insert(key, Item::Value(new));
        }
    }
}

/// Names are compared as HTTP does, so that a name written with capitals stays as it is.
fn put_headers(profile: &mut Table, names: &[String]) {
    let wanted =
        |name: Option<&str>| names.iter().any(|wanted| name.is_some_and(|name| wanted.eq_ignore_ascii_case(name)));
    let mut there = Vec::new();
    match profile.get_mut("header") {
        Some(Item::ArrayOfTables(list)) => {
            list.retain(|table| wanted(table.get("name").and_then(Item::as_str)));
            there.extend(list.iter().filter_map(|table| table.get("name")?.as_str().map(str::to_owned)));
        }
        Some(Item::Value(Value::Array(list))) => {
            let name = |value: &Value| value.as_inline_table()?.get("name")?.as_str().map(str::to_owned);
            list.retain(|value| wanted(name(value).as_deref()));
            there.extend(list.iter().filter_map(name));
        }
        Some(_) | None => {}
    }
    let missing = names.iter().filter(|name| !there.iter().any(|there| there.eq_ignore_ascii_case(name)));
    for name in missing {
        add_header(profile, name);
    }
    let is_empty = match profile.get("header") {
        Some(Item::ArrayOfTables(list)) => list.is_empty(),
        Some(Item::Value(Value::Array(list))) => Array::is_empty(list),
        Some(_) | None => false,
    };
    if is_empty {
        profile.remove("header");
    }
}

fn add_header(profile: &mut Table, name: &str) {
    match profile.entry("header").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new())) {
        Item::ArrayOfTables(list) => {
            let mut table = Table::new();
            table.insert("name", value(name));
            list.push(table);
        }
        Item::Value(Value::Array(list)) => {
            let mut table = InlineTable::new();
            table.insert("name", name.into());
            list.push(table);
        }
        // Any other form is no list, and was refused when it was read.
        Item::None | Item::Value(_) | Item::Table(_) => {}
    }
}
