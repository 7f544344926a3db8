//! What a window shows in place of a page that does not load: the gateway is off, or is just being started anew, or what it
//! hands on broke off.

/// A page of ours that a reload leads away from. `stands`: the gateway is there.
pub(super) fn page(stands: bool) -> String {
    let (title, code, says, then) = if stands {
        ("Not loaded", "page_broken", "This page did not load.", "Press Reload to try again.")
    } else {
        let then = "As soon as it is connected again, this window goes back to where it was.";
        ("Not connected", "gateway_off", "This server is not connected.", then)
    };
    // As the gateway's own pages look. It says that it is ours, as those do, so that a window that shows it is let in again.
    // What is wrong and what to do stands above it, and changes with the state.
    format!(
        "<!doctype html><html lang=\"en\" data-postern-fault=\"{code}\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <title>{title} \u{2014} Postern</title><style>\
         :root{{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}}\
         body{{margin:0;min-height:100vh;display:grid;place-items:center}}\
         main{{max-width:34rem;padding:2rem}}\
         h1{{font-size:1.4rem;line-height:1.3;margin:.5rem 0 1rem}}\
         .quiet{{opacity:.75;font-size:.9rem}}\
         </style></head><body><main><p class=\"quiet\">Postern</p><h1>{says}</h1><p>{then}</p>\
         <p class=\"quiet\">Code <code>{code}</code></p></main></body></html>"
    )
}
