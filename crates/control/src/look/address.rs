//! The address, as people paste it.

use crate::diagnosis::tidy;

/// The addresses of a server's UI that what was pasted may mean, the likeliest first; never none. What it cannot make
/// sense of, it leaves as it is.
///
/// A deep link and the API's address lead to the UI. Where the scheme was left out, a server nearby may speak either;
/// one far away is asked over https alone, so that nobody on the way can have its password by refusing that.
pub(crate) fn candidates(pasted: &str) -> Vec<String> {
    let first = tidy(pasted);
    let plain = if pasted.contains("://") { None } else { first.strip_prefix("http://") };
    let other = plain.map(|rest| format!("https://{rest}"));
    std::iter::once(first).chain(other).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pasted_address_leads_to_where_the_ui_may_be() {
        for (pasted, expected) in [
            ("https://prefect.example.com", &["https://prefect.example.com"][..]),
            ("https://prefect.example.com/p/v2/runs/flow-run/1?tab=logs#x", &["https://prefect.example.com/p"]),
            ("http://prefect.example.com:4200/api/", &["http://prefect.example.com:4200"]),
            ("\"https://prefect.example.com/api\"", &["https://prefect.example.com"]),
            ("prefect.example.com", &["https://prefect.example.com"]),
            ("prefect.example.com:8443/x", &["https://prefect.example.com:8443/x"]),
            ("localhost:4200", &["http://localhost:4200", "https://localhost:4200"]),
            (" 10.0.0.5:4200/dashboard ", &["http://10.0.0.5:4200", "https://10.0.0.5:4200"]),
            ("[::1]:4200", &["http://[::1]:4200", "https://[::1]:4200"]),
            ("not an address", &["not an address"]),
            ("", &[""]),
        ] {
            assert_eq!(candidates(pasted), expected, "{pasted}");
        }
    }
}
