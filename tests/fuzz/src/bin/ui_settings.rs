//! `/ui-settings`: what is handed on is JSON that names our API, with every other field as it was, in its order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern_gateway::fuzzing::ui_settings;
use serde_json::{Map, Value};

const OURS: &str = "http://prod.localhost:4201";
const ENCODINGS: [&str; 10] =
    ["", "identity", "gzip", "deflate", "br", "gzip, br", "br,deflate", "gzip, gzip", "br, br, br", "zstd"];

fuzz_target!(|input: (u8, bool, &[u8])| {
    let (encoding, hold, body) = input;
    let encoding = ENCODINGS[usize::from(encoding) % ENCODINGS.len()];
    let before =
        serde_json::from_slice::<Map<String, Value>>(body).ok().filter(|fields| fields.contains_key("api_url"));
    let rewritten = ui_settings(encoding.as_bytes(), body, OURS, hold);
    if matches!(encoding, "" | "identity") {
        assert_eq!(rewritten.is_ok(), before.is_some());
    }
    let Ok(rewritten) = rewritten else { return };
    let mut after: Map<String, Value> = serde_json::from_slice(&rewritten).expect("no JSON");
    assert_eq!(after["api_url"], format!("{OURS}/api"));
    assert!(!hold || after.get("auth").is_none_or(Value::is_null));
    assert_eq!(ui_settings(b"", &rewritten, OURS, hold).as_deref(), Ok(&rewritten[..]));
    if let Some(mut before) = before.filter(|_| matches!(encoding, "" | "identity")) {
        for fields in [&mut before, &mut after] {
            fields["api_url"] = Value::Null;
            if let Some(auth) = fields.get_mut("auth").filter(|_| hold) {
                *auth = Value::Null;
            }
        }
        assert_eq!(serde_json::to_string(&before).ok(), serde_json::to_string(&after).ok());
    }
});
