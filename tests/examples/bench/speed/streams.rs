//! One long body each way, over plain sockets: client and server do next to nothing but read and write.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use super::contender::Contender;

/// Where streams are.
pub(crate) const PATH: &str = "/stream";

const PIECE: usize = 256 * 1024;

/// A server that gives what it is asked for (`GET /stream?<length>`) and takes what it is sent, until this program ends.
/// Returns its address.
pub(crate) fn serve() -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Whoever breaks off is seen at the other end.
            thread::spawn(move || answer(stream).ok());
        }
    });
    Ok(address)
}

fn answer(mut stream: TcpStream) -> anyhow::Result<()> {
    let mut reader = BufReader::with_capacity(PIECE, stream.try_clone()?);
    let (line, length) = head(&mut reader)?;
    if let Some((_, asked)) = line.strip_prefix("GET ").and_then(|line| line.split_once('?')) {
        let length: u64 = asked.split(' ').next().context("a request has a version")?.parse()?;
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nConnection: close\r\n";
        write!(stream, "{head}Content-Length: {length}\r\n\r\n")?;
        give(&mut stream, length)?;
    } else {
        take(&mut reader, length)?;
        stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")?;
    }
    Ok(())
}

/// How long it took until all was here.
pub(crate) fn download(contender: &Contender, length: u64) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let (_, mut reader) = ask(contender, &format!("GET {PATH}?{length}"), 0)?;
    let (line, announced) = head(&mut reader)?;
    ensure!(line.contains(" 200 ") && announced == length, "{} answers a download with {line}", contender.name);
    take(&mut reader, length)?;
    Ok(began.elapsed())
}

/// How long it took until the server had said that all was there.
pub(crate) fn upload(contender: &Contender, length: u64) -> anyhow::Result<Duration> {
    let began = Instant::now();
    // PUT below no API: nothing that the gateway would look into.
    let (mut stream, mut reader) = ask(contender, &format!("PUT {PATH}"), length)?;
    give(&mut stream, length)?;
    let (line, _) = head(&mut reader)?;
    ensure!(line.contains(" 204 "), "{} answers an upload with {line}", contender.name);
    Ok(began.elapsed())
}

fn ask(contender: &Contender, line: &str, length: u64) -> anyhow::Result<(TcpStream, BufReader<TcpStream>)> {
    let mut stream = TcpStream::connect(&contender.streams)?;
    let mut head = format!("{line} HTTP/1.1\r\nHost: {}\r\nContent-Length: {length}\r\n", contender.streams);
    for (name, value) in &contender.headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += "\r\n";
    stream.write_all(head.as_bytes())?;
    let reader = BufReader::with_capacity(PIECE, stream.try_clone()?);
    Ok((stream, reader))
}

/// The first line of a head, and how long a body it announces.
fn head(reader: &mut BufReader<TcpStream>) -> anyhow::Result<(String, u64)> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        ensure!(reader.read_line(&mut line)? > 0, "a connection ended in the middle of a head");
        if line.trim_end().is_empty() {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let length = lines.iter().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    Ok((lines.into_iter().next().context("a head has a first line")?, length.unwrap_or(0)))
}

fn give(stream: &mut TcpStream, length: u64) -> anyhow::Result<()> {
    let piece = vec![b'x'; PIECE];
    let mut left = length;
    while left > 0 {
        let now = usize::try_from(left.min(PIECE as u64))?;
        stream.write_all(&piece[..now])?;
        left -= now as u64;
    }
    Ok(())
}

fn take(reader: &mut impl Read, length: u64) -> anyhow::Result<()> {
    let mut piece = vec![0; PIECE];
    let mut left = length;
    while left > 0 {
        match reader.read(&mut piece)? {
            0 => bail!("a stream ended {left} bytes early"),
            read => left = left.checked_sub(read as u64).context("a stream goes on after its end")?,
        }
    }
    Ok(())
}
