//! RFC probes: what RFC 9110 and 9112 say of one request, good or bad.

use super::Expect::{Answers, Passed, Refused, Status, With, Without};
use super::{Case, Expect};

const BAD: &[u16] = &[400];

pub(super) fn all() -> Vec<Case> {
    let mut all = Vec::new();
    hosts(&mut all);
    targets(&mut all);
    methods(&mut all);
    request_lines(&mut all);
    fields(&mut all);
    bodies(&mut all);
    hop_by_hop(&mut all);
    connections(&mut all);
    limits(&mut all);
    all
}

fn get(lines: &str) -> String {
    format!("GET /{{id}} HTTP/1.1\r\nHost: {{host}}\r\n{{auth}}{lines}\r\n")
}

/// RFC 9112, section 3.2: exactly one, and a valid one.
fn hosts(all: &mut Vec<Case>) {
    for (lines, expect) in [
        ("", Status(BAD)),
        ("Host: {host}\r\nHost: {host}\r\n", Status(BAD)),
        ("Host: {host}\r\nHost: evil.example\r\n", Status(BAD)),
        ("Host: {host}, evil.example\r\n", Status(BAD)),
        ("Host: user@{host}\r\n", Status(BAD)),
        ("Host: {host}/x\r\n", Status(BAD)),
        ("Host: {host}?x\r\n", Status(BAD)),
        ("Host: {host}#x\r\n", Status(BAD)),
        ("Host: ex ample\r\n", Status(BAD)),
        ("Host: {host}\\x\r\n", Status(BAD)),
        ("Host: 127.0.0.1:port\r\n", Refused),
        ("Host: 127.0.0.1:99999999\r\n", Refused),
        ("Host : {host}\r\n", Status(BAD)),
        (" Host: {host}\r\n", Status(BAD)),
        ("Host:{host}\r\n", Passed),
        ("hOST: {host}\r\n", Passed),
        ("Host: \t {host} \t\r\n", Passed),
    ] {
        let head = format!("GET /{{id}} HTTP/1.1\r\n{lines}{{auth}}\r\n");
        all.push(Case::probe("host", lines.trim_end(), expect, &head, ""));
    }
}

/// RFC 9112, section 3.2; RFC 9110, section 4.2.
fn targets(all: &mut Vec<Case>) {
    for (target, expect) in [
        ("/{id}", Passed),
        ("/{id}?a=b&c", With("?a=b&c")),
        ("/{id}?", Passed),
        ("/{id}/%2e%2e%2f", Expect::Unambiguous),
        ("/{id}%20x", With("%20x")),
        ("/{id};a=b", With(";a=b")),
        ("//{id}", Passed),
        ("http://{host}/{id}", Passed),
        ("http://{host}/{id}?q", With("?q")),
        ("HTTP://{host}/{id}", Passed),
        ("{id}", Status(BAD)),
        ("*", Status(BAD)),
        ("?{id}", Status(BAD)),
        ("/{id}#fragment", Status(BAD)),
        ("/{id} x", Status(BAD)),
        ("/{id}\tx", Status(BAD)),
        ("/{id}\0", Status(BAD)),
        ("/{id}\u{7f}", Status(BAD)),
        ("/{id}\u{1}", Status(BAD)),
        ("http://", Status(BAD)),
        ("http:///{id}", Status(BAD)),
        ("ftp://{host}/{id}", Refused),
        ("!{id}", Status(BAD)),
        ("{host}", Status(BAD)),
    ] {
        let head = get("").replace("/{id} ", &format!("{target} "));
        all.push(Case::probe("target", target, expect, &head, ""));
    }
}

/// RFC 9110, section 9.
fn methods(all: &mut Vec<Case>) {
    for (method, expect) in [
        ("GET", Passed),
        ("HEAD", Passed),
        ("OPTIONS", Passed),
        ("DELETE", Passed),
        ("PATCH", Passed),
        ("PROPFIND", Passed),
        ("get", Expect::Unambiguous),
        ("TRACE", Refused),
        ("TRACK", Refused),
        ("CONNECT", Refused),
        ("G@T", Status(BAD)),
        ("GE(T", Status(BAD)),
        ("G\0ET", Status(BAD)),
        ("", Status(BAD)),
        ("\u{e9}", Status(BAD)),
    ] {
        all.push(Case::probe("method", method, expect, &get("").replacen("GET", method, 1), ""));
    }
}

/// RFC 9112, sections 2.2, 2.3 and 3.
fn request_lines(all: &mut Vec<Case>) {
    for (line, expect) in [
        ("GET  /{id} HTTP/1.1", Status(BAD)),
        ("GET /{id}  HTTP/1.1", Status(BAD)),
        ("GET\t/{id}\tHTTP/1.1", Status(BAD)),
        (" GET /{id} HTTP/1.1", Status(BAD)),
        ("GET /{id} HTTP/1.1 ", Status(BAD)),
        ("GET /{id}", Refused),
        ("GET /{id} HTTP/1", Status(BAD)),
        ("GET /{id} HTTP/1.", Status(BAD)),
        ("GET /{id} HTTP/11.1", Status(&[400, 505])),
        ("GET /{id} HTTP/1.10", Status(&[400, 505])),
        ("GET /{id} HTTP/2.0", Status(&[400, 505])),
        ("GET /{id} HTTP/3.0", Status(&[400, 505])),
        ("GET /{id} HTTP/0.9", Status(&[400, 505])),
        ("GET /{id} http/1.1", Status(BAD)),
        ("GET /{id} HTTPS/1.1", Status(BAD)),
        ("GET /{id} XTTP/1.1", Status(BAD)),
        ("GET /{id} HTTP/1.1\r", Status(BAD)),
        ("GET /{id}\r HTTP/1.1", Status(BAD)),
        ("GET /{id} HTTP/1.0", Passed),
        ("\r\nGET /{id} HTTP/1.1", Passed),
    ] {
        let head = format!("{line}\r\nHost: {{host}}\r\n{{auth}}\r\n");
        all.push(Case::probe("request line", line, expect, &head, ""));
    }
}

/// RFC 9110, section 5; RFC 9112, section 5.
fn fields(all: &mut Vec<Case>) {
    for (line, expect) in [
        ("X-Probe: value", With("x-probe: value")),
        ("X-Probe:value", With("value")),
        ("X-Probe:", Passed),
        ("X-Probe: a\tb", With("a\tb")),
        ("X-Probe: caf\u{e9}", With("caf")),
        ("!#$%&'*+-.^_`|~9: token", Expect::Unambiguous),
        ("X-Probe : value", Status(BAD)),
        ("X-Probe\t: value", Status(BAD)),
        ("X Probe: value", Status(BAD)),
        ("X(Probe): value", Refused),
        ("X@Probe: value", Refused),
        ("X\u{e9}Probe: value", Refused),
        ("\"X\": value", Refused),
        (": value", Status(BAD)),
        ("X-Probe", Status(BAD)),
        ("X-Probe: a\r\n b", Without("\r\n b")),
        ("X-Probe: a\r\n\tb", Without("\r\n\tb")),
        ("X-Probe: a\0b", Status(BAD)),
        ("X-Probe: a\rb", Status(BAD)),
        ("X-Probe: a\u{1}b", Refused),
        ("X-Probe: a\u{7f}b", Refused),
        ("X-Probe: a\nX-Other: b", Without("a\nX-Other")),
    ] {
        all.push(Case::probe("field", line, expect, &get(&format!("{line}\r\n")), ""));
    }
}

/// RFC 9112, sections 6 and 7.
fn bodies(all: &mut Vec<Case>) {
    let post = |lines: &str| get(lines).replacen("GET", "POST", 1);
    for (note, lines, body, expect) in [
        ("a length", "Content-Length: {len}\r\n", "hello", With("hello")),
        ("a length of nothing", "Content-Length: 0\r\n", "", Passed),
        ("neither length nor coding", "", "", Passed),
        ("chunks", "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n", With("hello")),
        ("chunks, in capitals", "Transfer-Encoding: Chunked\r\n", "5\r\nhello\r\n0\r\n\r\n", With("hello")),
        ("several chunks", "Transfer-Encoding: chunked\r\n", "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", With("llo")),
        ("a size in capitals", "Transfer-Encoding: chunked\r\n", "A\r\nhellohello\r\n0\r\n\r\n", With("hello")),
        ("a size with zeros", "Transfer-Encoding: chunked\r\n", "005\r\nhello\r\n0\r\n\r\n", With("hello")),
        ("an extension", "Transfer-Encoding: chunked\r\n", "5;a=b\r\nhello\r\n0\r\n\r\n", With("hello")),
        ("an extension in quotes", "Transfer-Encoding: chunked\r\n", "5;a=\"b\"\r\nhello\r\n0\r\n\r\n", With("hello")),
        ("a trailer", "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\nX-T: y\r\n\r\n", With("hello")),
        (
            "a trailer named Authorization",
            "Transfer-Encoding: chunked\r\n",
            "0\r\nAuthorization: evil\r\n\r\n",
            Without("evil"),
        ),
        ("a trailer named Host", "Transfer-Encoding: chunked\r\n", "0\r\nHost: evil\r\n\r\n", Without("evil")),
        ("both", "Content-Length: {len}\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n", Status(BAD)),
        ("lengths that differ", "Content-Length: 5\r\nContent-Length: 6\r\n", "hello", Status(BAD)),
        ("a list of lengths that differ", "Content-Length: 5, 6\r\n", "hello", Status(BAD)),
        ("no number", "Content-Length: x\r\n", "hello", Status(BAD)),
        ("a sign", "Content-Length: +5\r\n", "hello", Status(BAD)),
        ("below nothing", "Content-Length: -1\r\n", "hello", Status(BAD)),
        ("hexadecimal", "Content-Length: 0x5\r\n", "hello", Status(BAD)),
        ("too many digits", "Content-Length: 99999999999999999999\r\n", "hello", Status(&[400, 413])),
        ("a coding that nobody knows", "Transfer-Encoding: cow\r\n", "hello", Status(&[400, 501])),
        ("chunked and not last", "Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n", Status(&[400, 501])),
        ("no size", "Transfer-Encoding: chunked\r\n", "\r\nhello\r\n0\r\n\r\n", Refused),
        ("a size that is none", "Transfer-Encoding: chunked\r\n", "x\r\nhello\r\n0\r\n\r\n", Refused),
    ] {
        all.push(Case::probe("body", note, expect, &post(lines), body));
    }
    for method in ["GET", "HEAD", "DELETE", "OPTIONS"] {
        let head = get("Content-Length: {len}\r\n").replacen("GET", method, 1);
        all.push(Case::probe("body", format!("of a {method}"), Expect::Unambiguous, &head, "{inner}"));
    }
}

/// RFC 9110, section 7.6.1: what is meant for one connection goes no further.
fn hop_by_hop(all: &mut Vec<Case>) {
    for (lines, without) in [
        ("Connection: x-secret\r\nX-Secret: hidden\r\n", "hidden"),
        ("Connection: close\r\nConnection: x-secret\r\nX-Secret: hidden\r\n", "hidden"),
        ("Connection: close, , X-Secret\r\nX-Secret: hidden\r\n", "hidden"),
        ("Keep-Alive: timeout=hidden\r\n", "hidden"),
        ("Proxy-Connection: hidden\r\n", "hidden"),
        ("Proxy-Authorization: Basic hidden\r\n", "hidden"),
        ("TE: hidden\r\n", "hidden"),
        ("Connection: TE\r\nTE: hidden\r\n", "hidden"),
        ("Connection: Upgrade\r\nUpgrade: hidden\r\n", "hidden"),
        ("Upgrade: hidden\r\n", "hidden"),
        ("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: hidden\r\n", "hidden"),
    ] {
        all.push(Case::probe("hop by hop", lines.trim_end(), Without(without), &get(lines), ""));
    }
}

/// RFC 9112, section 9; RFC 9110, section 10.1.1.
fn connections(all: &mut Vec<Case>) {
    let two = |between: &str| format!("{}{between}{}", get(""), get("Connection: close\r\n"));
    all.push(Case::probe("connection", "two requests at once", Answers(2), &two(""), ""));
    all.push(Case::probe("connection", "an empty line between two", Answers(2), &two("\r\n"), ""));
    let closed = format!("{}{}", get("Connection: close\r\n"), get(""));
    all.push(Case::probe("connection", "a request after the last", Answers(1), &closed, ""));
    let closed = closed.replace("Connection: close", "Connection: keep-alive, Close");
    all.push(Case::probe("connection", "close among others", Answers(1), &closed, ""));
    let old = two("").replace("HTTP/1.1", "HTTP/1.0");
    all.push(Case::probe("connection", "two of HTTP/1.0", Answers(1), &old, ""));
    for (expectation, expect) in [("100-continue", With("hello")), ("200-ok", Status(&[417])), ("x", Status(&[417]))] {
        let head = get(&format!("Expect: {expectation}\r\nContent-Length: {{len}}\r\n")).replacen("GET", "POST", 1);
        all.push(Case::probe("connection", format!("expects {expectation}"), expect, &head, "hello"));
    }
}

/// RFC 9110, section 15.5.15; RFC 6585, section 5.
fn limits(all: &mut Vec<Case>) {
    let long = |length: usize| "a".repeat(length);
    for (note, head, expect) in [
        ("a target of 4,000", get("").replace("/{id}", &format!("/{{id}}?{}", long(4000))), Passed),
        ("a target of 100,000", get("").replace("/{id}", &format!("/{{id}}?{}", long(100_000))), Status(&[414])),
        ("a header of 4,000", get(&format!("X-Long: {}\r\n", long(4000))), Passed),
        ("a header of 100,000", get(&format!("X-Long: {}\r\n", long(100_000))), Status(&[400, 431])),
        ("50 headers", get(&(0..50).map(|n| format!("X-{n}: y\r\n")).collect::<String>()), Passed),
        ("5,000 headers", get(&(0..5000).map(|n| format!("X-{n}: y\r\n")).collect::<String>()), Status(&[400, 431])),
    ] {
        all.push(Case::probe("limit", note, expect, &head, ""));
    }
}
