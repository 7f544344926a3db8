//! Draws every icon size from the SVGs in `icons/`. The results are committed: building Postern needs none
//! of this.
//!
//! `rsvg-convert` (Debian: `librsvg2-bin`) draws the PNGs. Windows' `.ico` and macOS's `.icns` are plain
//! containers around PNGs, written here.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::process::{find, output, program, root};

/// File, source, edge in pixels.
const PNGS: &[(&str, &str, u32)] = &[
    ("16x16.png", SMALL, 16),
    ("24x24.png", SMALL, 24),
    ("32x32.png", SMALL, 32),
    ("48x48.png", SMALL, 48),
    ("64x64.png", LARGE, 64),
    ("128x128.png", LARGE, 128),
    ("128x128@2x.png", LARGE, 256),
    ("icon.png", LARGE, 512),
    ("tray-off.png", "tray-off.svg", 22),
    ("tray-off@2x.png", "tray-off.svg", 44),
    ("tray-on.png", "tray-on.svg", 22),
    ("tray-on@2x.png", "tray-on.svg", 44),
    ("tray-sign-in.png", "tray-sign-in.svg", 22),
    ("tray-sign-in@2x.png", "tray-sign-in.svg", 44),
    ("tray-trouble.png", "tray-trouble.svg", 22),
    ("tray-trouble@2x.png", "tray-trouble.svg", 44),
];

/// 32 first: it is the one Windows shows most, and what tools that read one entry take.
const ICO: &[(&str, u32)] = &[(SMALL, 32), (SMALL, 16), (SMALL, 24), (SMALL, 48), (LARGE, 64), (LARGE, 256)];

/// Type code of each entry, by Apple's list of icon types that hold a PNG.
const ICNS: &[(&[u8; 4], &str, u32)] = &[
    (b"icp4", SMALL, 16),
    (b"ic11", SMALL, 32),
    (b"icp5", SMALL, 32),
    (b"ic12", LARGE, 64),
    (b"ic07", LARGE, 128),
    (b"ic13", LARGE, 256),
    (b"ic08", LARGE, 256),
    (b"ic14", LARGE, 512),
    (b"ic09", LARGE, 512),
    (b"ic10", LARGE, 1024),
];

/// On a 16 px grid, without masonry.
const SMALL: &str = "icon-small.svg";
const LARGE: &str = "icon.svg";

pub(crate) fn run() -> Result<()> {
    if find("rsvg-convert").is_none() {
        bail!("rsvg-convert is missing; on Debian: apt-get install librsvg2-bin");
    }
    let icons = root().join("icons");
    for &(file, source, edge) in PNGS {
        write(&icons.join(file), &draw(&icons, source, edge)?)?;
    }
    let mut entries = Vec::new();
    for &(source, edge) in ICO {
        entries.push((edge, draw(&icons, source, edge)?));
    }
    write(&icons.join("icon.ico"), &ico(&entries)?)?;
    let mut entries = Vec::new();
    for &(kind, source, edge) in ICNS {
        entries.push((kind, draw(&icons, source, edge)?));
    }
    write(&icons.join("icon.icns"), &icns(&entries)?)
}

fn draw(icons: &Path, source: &str, edge: u32) -> Result<Vec<u8>> {
    let edge = edge.to_string();
    output(program("rsvg-convert").args(["--width", &edge, "--height", &edge]).arg(icons.join(source)))
}

/// A directory of 16-byte entries, then the pictures. An edge of 256 is written as 0.
fn ico(pictures: &[(u32, Vec<u8>)]) -> Result<Vec<u8>> {
    let mut file = Vec::from([0, 0, 1, 0]);
    file.extend(u16::try_from(pictures.len())?.to_le_bytes());
    let mut offset = u32::try_from(6 + 16 * pictures.len())?;
    for (edge, png) in pictures {
        let edge = u8::try_from(*edge % 256)?;
        let length = u32::try_from(png.len())?;
        // Width, height, no palette, reserved, one plane, 32 bits a pixel.
        file.extend([edge, edge, 0, 0, 1, 0, 32, 0]);
        file.extend(length.to_le_bytes());
        file.extend(offset.to_le_bytes());
        offset += length;
    }
    file.extend(pictures.iter().flat_map(|(_, png)| png));
    Ok(file)
}

/// `icns` and the file's length, then each picture after its type and length; lengths count their own header.
fn icns(pictures: &[(&[u8; 4], Vec<u8>)]) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    for (kind, png) in pictures {
        body.extend_from_slice(*kind);
        body.extend(u32::try_from(png.len() + 8)?.to_be_bytes());
        body.extend_from_slice(png);
    }
    let mut file = Vec::from(*b"icns");
    file.extend(u32::try_from(body.len() + 8)?.to_be_bytes());
    file.extend(body);
    Ok(file)
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_of_an_ico_leads_to_its_picture() {
        let file = ico(&[(32, b"small".to_vec()), (256, b"larger".to_vec())]).unwrap();
        let number = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
        assert_eq!(file[..6], [0, 0, 1, 0, 2, 0]);
        for (entry, edge, picture) in [(6, 32, &b"small"[..]), (22, 0, b"larger")] {
            let (length, offset) = (number(entry + 8), number(entry + 12));
            assert_eq!(file[entry..entry + 2], [edge, edge]);
            assert_eq!(&file[offset..offset + length], picture);
        }
    }

    #[test]
    fn an_icns_says_how_long_it_and_each_of_its_pictures_is() {
        let file = icns(&[(b"ic07", b"abc".to_vec()), (b"ic08", b"defgh".to_vec())]).unwrap();
        assert_eq!(file, b"icns\0\0\0\x20ic07\0\0\0\x0babcic08\0\0\0\x0ddefgh");
    }
}
