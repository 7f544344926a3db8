//! The server's cookies: each goes back only where it may, and what a page sets is passed on.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern_gateway::fuzzing::Cookies;
use url::Url;

const PLACES: [&str; 6] = [
    "https://s.example.com/prefect/api/flows",
    "https://api.example.com/x/api/flows",
    "http://s.example.com/",
    "https://elsewhere.org/prefect/api/flows",
    "http://10.0.0.1:4200/api/flows",
    "https://sub.s.example.com/prefect/api/flows",
];

fuzz_target!(|input: (u8, &[u8])| {
    let (from, bytes) = input;
    let from = PLACES[usize::from(from) % PLACES.len()];
    let cookies = Cookies::default();
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    for line in &lines {
        cookies.keep(from, line);
    }
    let (home, text) = (Url::parse(from).expect("a place"), String::from_utf8_lossy(bytes).to_ascii_lowercase());
    for place in PLACES {
        let there = Url::parse(place).expect("a place");
        let page = b"page=1; caf\xc3\xa9=2";
        let alone = cookies.sent(place, None);
        let Some(sent) = &alone else {
            assert_eq!(cookies.sent(place, Some(page)).as_deref(), Some(&page[..]));
            continue;
        };
        // Bounded: 50 cookies, 16 KiB, and what joins them.
        assert!(sent.len() <= 16 * 1024 + 50 * 3);
        let sent = std::str::from_utf8(sent).expect("text");
        for pair in sent.split("; ") {
            assert!(!pair.contains(|c: char| c == ';' || (c.is_ascii_control() && c != '\t')));
            assert!(lines.iter().any(|line| {
                let line = String::from_utf8_lossy(line);
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                line.contains(name) && line.contains(value)
            }));
        }
        if there.host() != home.host() {
            // Only a name above both leads from one to the other.
            assert!(text.contains("domain"), "{sent} from {from} to {place}");
            let (Some(here), Some(other)) = (home.domain(), there.domain()) else { panic!("an address has no others") };
            assert!(here.ends_with("example.com") && other.ends_with("example.com"), "{sent} from {from} to {place}");
        }
        let both = cookies.sent(place, Some(page)).expect("cookies");
        assert!(both.ends_with(sent.as_bytes()));
    }
});
