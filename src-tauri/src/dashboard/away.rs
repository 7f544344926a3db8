//! What a window shows where its gateway does not answer: it is off, or is just being started anew.

/// As the gateway's own pages look. It says that it is ours, as those do, so that a window that shows it is let in again.
/// What is wrong and what to do stands above it, and changes with the state.
pub(super) const PAGE: &str = "\
<!doctype html><html lang=\"en\" data-postern-fault=\"gateway_off\"><head><meta charset=\"utf-8\">\
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
<title>Not connected \u{2014} Postern</title><style>\
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}\
body{margin:0;min-height:100vh;display:grid;place-items:center}\
main{max-width:34rem;padding:2rem}\
h1{font-size:1.4rem;line-height:1.3;margin:.5rem 0 1rem}\
.quiet{opacity:.75;font-size:.9rem}\
</style></head><body><main><p class=\"quiet\">Postern</p><h1>This server is not connected.</h1>\
<p>As soon as it is connected again, this window goes back to where it was.</p>\
<p class=\"quiet\">Code <code>gateway_off</code></p></main></body></html>";
