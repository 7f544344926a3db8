//! A server that looks like Prefect behind an edge with Basic auth: just enough for a gateway to call it up.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

/// `alice:canary`
const CREDENTIAL: &str = "authorization: basic ywxpy2u6y2fuyxj5";

/// Serves on this port, or for 0 on one that is free, until the test ends: on which.
pub(crate) fn serve(port: u16) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream));
        }
    });
    port
}

fn answer(stream: TcpStream) -> Option<()> {
    let mut requests = BufReader::new(stream.try_clone().ok()?);
    let mut stream = stream;
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if requests.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let let_in = head.to_lowercase().contains(CREDENTIAL);
        let (status, more, body) = if let_in {
            ("200 OK", "Content-Type: application/json\r\n", "\"3.8.8\"")
        } else {
            ("401 Unauthorized", "WWW-Authenticate: Basic realm=\"edge\"\r\nContent-Type: text/html\r\n", "<html>")
        };
        let length = body.len();
        write!(stream, "HTTP/1.1 {status}\r\n{more}Content-Length: {length}\r\n\r\n{body}").ok()?;
    }
}

/// A plain request without keep-alive: the whole answer.
pub(crate) fn ask(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "{request}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
