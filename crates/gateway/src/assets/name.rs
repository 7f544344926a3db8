//! What an asset's name promises: that its content never changes, and of which type it is.

use http::header::{CONTENT_TYPE, HeaderMap};

/// `…/assets/index-BxJ1c2d3.js`: the name changes when the content does.
///
/// Rollup's names: any, hyphen, hash, extension. The hash is eight characters of base64url, which may hold hyphens
/// themselves, or (up to Rollup 3) of hex. What could be a word is none: a few hashes in a hundred look so too, and
/// are merely fetched again.
pub(crate) fn is_content_hashed(path: &str) -> bool {
    let Some((_, below)) = path.rsplit_once("/assets/") else { return false };
    let name = below.rsplit('/').next().unwrap_or(below);
    let stem = name.strip_suffix(".map").unwrap_or(name).rsplit_once('.').map_or("", |(stem, _)| stem);
    stem.as_bytes().split_last_chunk::<9>().is_some_and(|(_, [hyphen, hash @ ..])| *hyphen == b'-' && is_hash(*hash))
}

fn is_hash(hash: [u8; 8]) -> bool {
    let any = |of: fn(&u8) -> bool| hash.iter().any(of);
    let hex = hash.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if hex {
        return any(u8::is_ascii_digit) && any(u8::is_ascii_lowercase);
    }
    hash.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        && any(u8::is_ascii_uppercase)
        && any(u8::is_ascii_lowercase)
        && !is_words(&hash)
}

/// `Settings`, `darkMode`, `LogView2`: words of three letters or more, perhaps with a number.
fn is_words(text: &[u8]) -> bool {
    let letters = text.iter().rposition(|b| !b.is_ascii_digit()).map_or(&[][..], |last| &text[..=last]);
    let mut word = 0;
    letters.iter().enumerate().all(|(at, letter)| {
        let begins = letter.is_ascii_uppercase() && (at == 0 || word >= 3);
        word = if begins { 1 } else { word + 1 };
        begins || letter.is_ascii_lowercase()
    }) && word >= 3
}

/// Whether the type is the one that the name's extension stands for: a page that says “not found” or “sign in” with
/// status 200 is no script. What browsers load otherwise is not known here, and `false`.
pub(super) fn fits_type(path: &str, headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match path.rsplit('.').next().unwrap_or_default() {
        "js" | "mjs" => matches!(&*media_type, "text/javascript" | "application/javascript"),
        "css" => media_type == "text/css",
        "wasm" => media_type == "application/wasm",
        "woff" | "woff2" | "ttf" | "otf" => media_type.starts_with("font/"),
        "svg" | "png" | "jpg" | "jpeg" | "gif" | "webp" | "avif" | "ico" => media_type.starts_with("image/"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_carry_a_hash_never_change() {
        for (path, expected) in [
            ("/assets/index-BxJ1c2d3.js", true),
            ("/prefect/assets/deep/a-b-_xJ1-2d3.css", true),
            ("/v2/assets/index-BxJ1c2d3.js.map", true),
            // Prefect 3.8.8.
            ("/assets/index-BD_kIOMy-DbSivZUD.js", true),
            ("/assets/index-CnmqbumH.css", true),
            ("/v2/assets/artifact._id-BQ8PdDur.js", true),
            ("/v2/assets/work-pool_._workPoolName.edit--e_U5HTD.js", true),
            ("/v2/assets/architecture-7GRP2DOG-CDA-5Zif.js", true),
            // Rollup 3.
            ("/assets/index-0e3c6c1f.js", true),
            ("/assets/logo.svg", false),
            ("/assets/index-short.js", false),
            ("/assets/index-settings.js", false),
            ("/assets/index-Settings.js", false),
            ("/assets/use-darkMode.js", false),
            ("/assets/my-TaskRuns.js", false),
            ("/assets/my-LogView2.js", false),
            ("/assets/table-version2.js", false),
            ("/assets/my-wide_one.js", false),
            ("/assets/my-CHAPTER1.js", false),
            ("/assets/photo-20231105.png", false),
            ("/assets/get-together.png", false),
            ("/assets/BxJ1c2d3.js", false),
            ("/assets/index-BxJ1c2d3", false),
            ("/assets/\u{e9}-BxJ1c2d\u{e9}.js", false),
            ("/index-BxJ1c2d3.js", false),
            ("/assets/", false),
        ] {
            assert_eq!(is_content_hashed(path), expected, "{path}");
        }
    }
}
