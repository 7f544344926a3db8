//! This machine's clock beside the server's: tokens and certificates hold for a time only.

use std::time::{Duration, SystemTime};

use http::header::DATE;

use super::finding::Finding;
use super::{Case, Outcome};

/// `Date` has whole seconds, and answers take some; what tokens allow for is a minute or more.
const ALLOWED: Duration = Duration::from_secs(60);

pub(super) fn check(case: &Case<'_>) -> Outcome {
    let told = case.api.as_ref().map(|answer| (answer.header(DATE), answer.at));
    told.map_or_else(|| Outcome::Skipped("not looked at: there was no answer".to_owned()), |(date, at)| judge(date, at))
}

fn judge(date: &str, here: SystemTime) -> Outcome {
    let Ok(there) = httpdate::parse_http_date(date) else {
        return Outcome::Skipped("the server does not say what time it is".to_owned());
    };
    let (apart, word) = match here.duration_since(there) {
        Ok(apart) => (apart, "ahead of"),
        Err(error) => (error.duration(), "behind"),
    };
    if apart <= ALLOWED {
        return Outcome::Passed("within a minute of the server's".to_owned());
    }
    let seconds = apart.as_secs();
    Outcome::Warned(format!("{seconds} s {word} the server's"), Finding::ClockSkew { seconds, word })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_are_more_than_a_minute_apart_are_told() {
        let here = httpdate::parse_http_date("Sun, 22 Nov 2026 04:00:00 GMT").unwrap();
        let said = |date: &str| match judge(date, here) {
            Outcome::Passed(evidence) => format!("passed: {evidence}"),
            Outcome::Warned(evidence, _) => format!("warned: {evidence}"),
            Outcome::Failed(evidence, _) => format!("failed: {evidence}"),
            Outcome::Skipped(evidence) => format!("skipped: {evidence}"),
        };
        insta::assert_snapshot!(
            [
                "Sun, 22 Nov 2026 03:59:01 GMT",
                "Sun, 22 Nov 2026 03:50:00 GMT",
                "Sun, 22 Nov 2026 04:01:01 GMT",
                "yesterday",
            ].map(said).join("\n"),
            @r"
        passed: within a minute of the server's
        warned: 600 s ahead of the server's
        warned: 61 s behind the server's
        skipped: the server does not say what time it is
        "
        );
    }
}
