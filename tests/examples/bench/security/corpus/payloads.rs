//! Smuggling payloads: requests that two readers may end at two places.

use super::Case;

/// The beginning of all of them.
const POST: &str = "POST /{id} HTTP/1.1\r\nHost: {host}\r\n{auth}";
/// A body that ends at once to who reads chunks, and holds a request to who reads a length.
const AFTER_LAST_CHUNK: &str = "0\r\n\r\n{inner}";
/// A body that is a request to who reads chunks, and begins one to who reads a short length.
const IN_CHUNK: &str = "{innerhex}\r\n{inner}\r\n0\r\n\r\n";

const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";
const LENGTH: &str = "Content-Length: {len}\r\n";

pub(super) fn all() -> Vec<Case> {
    let mut all = Vec::new();
    both(&mut all);
    codings(&mut all);
    coding_names(&mut all);
    lengths(&mut all);
    length_names(&mut all);
    chunks(&mut all);
    lines(&mut all);
    versions(&mut all);
    hop_by_hop(&mut all);
    upgrades(&mut all);
    all
}

fn post(lines: &[&str]) -> String {
    format!("{POST}{}\r\n", lines.concat())
}

/// A length and a coding, in both orders, believed by either side.
fn both(all: &mut Vec<Case>) {
    for (note, order) in [("length first", [LENGTH, CHUNKED]), ("coding first", [CHUNKED, LENGTH])] {
        let head = post(&order);
        all.push(Case::payload(
            "both",
            true,
            format!("{note}, a request after the last chunk"),
            &head,
            AFTER_LAST_CHUNK,
        ));
        all.push(Case::payload("both", true, format!("{note}, a request in a chunk"), &head, IN_CHUNK));
        let short = head.replace("{len}", "4");
        all.push(Case::payload("both", true, format!("{note}, a length of the first line only"), &short, IN_CHUNK));
        let none = head.replace("{len}", "0");
        all.push(Case::payload("both", true, format!("{note}, a length of nothing"), &none, IN_CHUNK));
        let old = head.replace("HTTP/1.1", "HTTP/1.0");
        all.push(Case::payload("both", true, format!("{note}, in HTTP/1.0"), &old, AFTER_LAST_CHUNK));
    }
}

/// Spellings of a coding that some take for `chunked`, beside a length.
fn codings(all: &mut Vec<Case>) {
    for value in [
        " xchunked",
        " chunkedx",
        " ,chunked",
        " chunked,",
        " chunked, identity",
        " identity, chunked",
        " chunked, chunked",
        " gzip, chunked",
        " identity",
        " chunked;q=1",
        " \"chunked\"",
        " 'chunked'",
        " chunked\u{b}",
        " \u{b}chunked",
        " chunked\0",
        " \u{c}chunked",
        " chun ked",
        " cow, chunked",
        "\tchunked",
        " ",
        " CHUNKED",
        " chunked ",
    ] {
        let coding = format!("Transfer-Encoding:{value}\r\n");
        all.push(Case::payload("coding", true, value, &post(&[LENGTH, &coding]), AFTER_LAST_CHUNK));
    }
    for (first, second) in
        [("chunked", "identity"), ("identity", "chunked"), ("chunked", "cow"), ("chunked", "chunked")]
    {
        let (one, two) = (format!("Transfer-Encoding: {first}\r\n"), format!("Transfer-Encoding: {second}\r\n"));
        let note = format!("two lines, {first} and {second}");
        all.push(Case::payload("coding", true, note, &post(&[LENGTH, &one, &two]), AFTER_LAST_CHUNK));
    }
    for value in ["xchunked", ",chunked", "gzip, chunked", "chunked, chunked", "identity"] {
        let coding = format!("Transfer-Encoding: {value}\r\n");
        all.push(Case::payload("coding", false, format!("{value}, no length"), &post(&[&coding]), AFTER_LAST_CHUNK));
    }
}

/// Spellings of the coding's name and of the line around it, beside a length.
fn coding_names(all: &mut Vec<Case>) {
    for line in [
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding\t: chunked\r\n",
        " Transfer-Encoding: chunked\r\n",
        "X: x\r\n Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
        "Transfer-Encoding\r\n : chunked\r\n",
        "\0Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding\0: chunked\r\n",
        "X: y\nTransfer-Encoding: chunked\r\n",
        "X: y\rTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\n",
        "Transfer-Encoding: chunked\r\r\n",
    ] {
        all.push(Case::payload("coding's name", true, line.trim_end(), &post(&[LENGTH, line]), AFTER_LAST_CHUNK));
    }
}

/// Spellings of a length.
fn lengths(all: &mut Vec<Case>) {
    for value in [
        "+{len}",
        "-{len}",
        "0x{len}",
        "0{len}",
        "{len}.0",
        "{len};",
        "{len},",
        "{len} {len}",
        "{len}, {len}",
        "{len}, 0",
        "0, {len}",
        "",
        "{len}\u{b}",
        "{len}\0",
        "1e1",
        "\"{len}\"",
        "18446744073709551616",
        "99999999999999999999",
    ] {
        let length = format!("Content-Length: {value}\r\n");
        all.push(Case::payload("length", true, value, &post(&[&length]), "{inner}"));
    }
    for (first, second) in [("{len}", "{len}"), ("0", "{len}"), ("{len}", "0"), ("{len}", "+{len}")] {
        let (one, two) = (format!("Content-Length: {first}\r\n"), format!("content-length: {second}\r\n"));
        all.push(Case::payload(
            "length",
            true,
            format!("two lines, {first} and {second}"),
            &post(&[&one, &two]),
            "{inner}",
        ));
    }
}

/// Spellings of the length's name and of the line around it.
fn length_names(all: &mut Vec<Case>) {
    for line in [
        "Content-Length : {len}\r\n",
        " Content-Length: {len}\r\n",
        "X: y\nContent-Length: {len}\r\n",
        "X: y\rContent-Length: {len}\r\n",
        "Content-Length:\r\n {len}\r\n",
        "Content-Length\0: {len}\r\n",
    ] {
        all.push(Case::payload("length's name", true, line.trim_end(), &post(&[line]), "{inner}"));
    }
}

/// Chunks that some read otherwise, or that are not as long as they say.
fn chunks(all: &mut Vec<Case>) {
    let head = post(&[CHUNKED]);
    for size in [
        "0x5",
        "+5",
        "-5",
        "5 ",
        " 5",
        "5\t",
        "0_5",
        "5g",
        "",
        "00000000000000005",
        "ffffffffffffffff5",
        "5;",
        "5;a=\"x",
        "5;\0",
        "5;a b",
        "5\u{b}",
    ] {
        let body = format!("{size}\r\nhello\r\n0\r\n\r\n");
        all.push(Case::payload("chunk's size", false, size, &head, &body));
    }
    for (note, body) in [
        ("LF after its size", "5\nhello\r\n0\r\n\r\n"),
        ("LF after its data", "5\r\nhello\n0\r\n\r\n"),
        ("CR in its extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"),
        ("LF in its extension", "5;a\nhello\r\n0\r\n\r\n{inner}"),
        ("longer than its size", "3\r\nhello\r\n0\r\n\r\n"),
        ("nothing after its data", "5\r\nhello0\r\n\r\n"),
        ("two bytes after its data", "5\r\nhelloXX0\r\n\r\n"),
        ("LF at the end", "5\r\nhello\r\n0\n\n{inner}"),
    ] {
        all.push(Case::payload("chunk", false, note, &head, body));
    }
    for trailer in
        ["Content-Length: 5", "Transfer-Encoding: chunked", "Host: evil.example", "X : y", " folded", "no colon"]
    {
        let body = format!("5\r\nhello\r\n0\r\n{trailer}\r\n\r\n");
        all.push(Case::payload("trailer", false, trailer, &head, &body));
    }
}

/// Ends of lines and odd lines, with a request behind.
fn lines(all: &mut Vec<Case>) {
    for (note, head) in [
        ("LF only", "POST /{id} HTTP/1.1\nHost: {host}\n{auth}Content-Length: {len}\n\n"),
        ("LF after the request line", "POST /{id} HTTP/1.1\nHost: {host}\r\n{auth}Content-Length: {len}\r\n\r\n"),
        ("CR only", "POST /{id} HTTP/1.1\rHost: {host}\r{auth}Content-Length: {len}\r\r"),
        ("NUL in a value", "POST /{id} HTTP/1.1\r\nHost: {host}\r\n{auth}X: a\0b\r\nContent-Length: {len}\r\n\r\n"),
        ("CR in a value", "POST /{id} HTTP/1.1\r\nHost: {host}\r\n{auth}X: a\rb\r\nContent-Length: {len}\r\n\r\n"),
        ("a folded line", "POST /{id} HTTP/1.1\r\nHost: {host}\r\n{auth}X: a\r\n b\r\nContent-Length: {len}\r\n\r\n"),
        ("no colon", "POST /{id} HTTP/1.1\r\nHost: {host}\r\n{auth}X\r\nContent-Length: {len}\r\n\r\n"),
        ("no name", "POST /{id} HTTP/1.1\r\nHost: {host}\r\n{auth}: x\r\nContent-Length: {len}\r\n\r\n"),
        ("a space in a name", "POST /{id} HTTP/1.1\r\nHost: {host}\r\n{auth}X Y: x\r\nContent-Length: {len}\r\n\r\n"),
        (
            "a space before the first line",
            "POST /{id} HTTP/1.1\r\n X: y\r\nHost: {host}\r\n{auth}Content-Length: {len}\r\n\r\n",
        ),
    ] {
        all.push(Case::payload("line", false, note, head, "{inner}"));
    }
}

fn versions(all: &mut Vec<Case>) {
    all.push(Case::payload(
        "version",
        true,
        "chunked in HTTP/1.0",
        &post(&[CHUNKED]).replace("1.1", "1.0"),
        AFTER_LAST_CHUNK,
    ));
    for version in
        ["HTTP/0.9", "HTTP/1.2", "HTTP/2.0", "HTTP/9.9", "HTTP/1.1 x", "HTTP/01.1", "HTTP/1,1", "http/1.1", ""]
    {
        let head = post(&[LENGTH]).replace(" HTTP/1.1", &format!(" {version}"));
        all.push(Case::payload("version", false, version, &head, "{inner}"));
    }
}

/// Headers that another one asks to be taken away.
fn hop_by_hop(all: &mut Vec<Case>) {
    for named in ["Content-Length", "Transfer-Encoding", "Host"] {
        let connection = format!("Connection: close, {named}\r\n");
        let framing = if named == "Transfer-Encoding" { CHUNKED } else { LENGTH };
        let body = if named == "Transfer-Encoding" { IN_CHUNK } else { "{inner}" };
        all.push(Case::payload("Connection", named != "Host", named, &post(&[&connection, framing]), body));
    }
}

/// Protocols that would carry requests past whoever judged the first one.
fn upgrades(all: &mut Vec<Case>) {
    for (note, lines) in [
        ("h2c", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"),
        ("h2c and a length", "Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: {len}\r\n"),
        ("websocket, version 777", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 777\r\n"),
        ("TLS/1.0", "Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n"),
    ] {
        all.push(Case::payload("upgrade", false, note, &post(&[lines]), "{inner}"));
    }
}
