//! The address: what people paste, and what a profile says.

use postern_gateway::{EdgeCredential, Remote, Secret, UserPassword};
use url::Url;

use super::finding::Finding;
use super::{Case, Outcome, Subject, shown};
use crate::profile::{Field, Remark, Slot, Written, WrittenEdge, is_near};

/// The first words of paths below which Prefect's own pages and API are: what comes before is the base.
const PREFECTS_OWN: [&str; 22] = [
    "api",
    "artifacts",
    "automations",
    "blocks",
    "concurrency-limits",
    "dashboard",
    "deployments",
    "docs",
    "events",
    "flow-runs",
    "flows",
    "login",
    "notifications",
    "queues",
    "runs",
    "settings",
    "task-runs",
    "ui-settings",
    "v2",
    "variables",
    "work-pools",
    "work-queues",
];

/// What there is to show a server that has no profile.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// Goes with `edge-password`.
    pub edge_username: Option<String>,
    /// Goes with `prefect-password`.
    pub prefect_username: Option<String>,
    /// `edge-password`, `edge-token`, `prefect-password` and headers; others have no use here.
    pub secrets: Vec<(Slot, Secret)>,
}

impl Subject {
    /// A server without a profile, at an address as people have it: of the UI, of one of its pages, of the API, or
    /// `host:port`.
    ///
    /// # Errors
    /// What is wrong with each of them.
    pub fn given(address: &str, given: Given) -> Result<Self, Vec<Remark>> {
        let Given { edge_username, prefect_username, secrets } = given;
        let mut written =
            Written { id: "server".to_owned(), url: tidy(address), port: Some(1024), ..Written::default() };
        let secret = |wanted: &Slot| secrets.iter().find(|(slot, _)| slot == wanted).map(|(_, secret)| secret.clone());
        let pair = |username: Option<String>, slot: Slot, field| match (username, secret(&slot)) {
            (Some(username), Some(password)) => Ok(Some(UserPassword { username, password })),
            (None, None) => Ok(None),
            (Some(_), None) => Err(vec![Remark::new(field, format!("Has no {slot} with it. Give both."))]),
            (None, Some(_)) => Err(vec![Remark::new(field, format!("Is missing, and {slot} is there. Give both."))]),
        };
        let prefect = pair(prefect_username, Slot::PrefectPassword, Field::PrefectUsername)?;
        let edge_pair = pair(edge_username, Slot::EdgePassword, Field::EdgeUsername)?;
        let edge = match (edge_pair, secret(&Slot::EdgeToken)) {
            (Some(pair), _) => Some(EdgeCredential::Basic(pair)),
            (None, token) => token.map(EdgeCredential::Bearer),
        };
        written.edge = edge.as_ref().map(|edge| match edge {
            EdgeCredential::Basic(pair) => WrittenEdge::basic(&pair.username),
            EdgeCredential::Bearer(_) => WrittenEdge::bearer(),
        });
        written.prefect_username = prefect.as_ref().map(|pair| pair.username.clone());
        let header = |(slot, _): &(Slot, Secret)| {
            if let Slot::Header(name) = slot { Some(name.to_string()) } else { None }
        };
        written.headers = secrets.iter().filter_map(header).collect();
        let profile = written.check()?;
        let headers =
            profile.headers.iter().filter_map(|name| Some((name.clone(), secret(&Slot::Header(name.clone()))?)));
        let remote = Remote { edge, prefect, headers: headers.collect(), ..Remote::at(profile.url) };
        Ok(Self { profile: None, remote, thorough: true })
    }
}

/// The address of the UI, of what people paste. What it cannot make sense of, it leaves as it is.
pub(crate) fn tidy(pasted: &str) -> String {
    let pasted = pasted.trim().trim_matches(['"', '\'', '<', '>']);
    let with_scheme = if pasted.contains("://") { pasted.to_owned() } else { format!("https://{pasted}") };
    let Ok(mut url) = Url::parse(&with_scheme) else { return pasted.to_owned() };
    // Prefect itself speaks no TLS: what is as near as that is asked without, where nothing else is said.
    if !pasted.contains("://") && is_near(&url) && url.set_scheme("http").is_err() {
        return pasted.to_owned();
    }
    url.set_query(None);
    url.set_fragment(None);
    let segments: Vec<&str> = url.path_segments().into_iter().flatten().collect();
    let base = segments.iter().take_while(|segment| !PREFECTS_OWN.contains(segment));
    let path = base.map(|segment| format!("/{segment}")).collect::<String>();
    url.set_path(path.trim_end_matches('/'));
    shown(&url)
}

pub(super) fn check(case: &Case<'_>) -> Outcome {
    let remote = &case.subject.remote;
    let mut evidence = format!("UI at {}, API at {}", shown(&case.ui), shown(&case.api_url));
    let shows_something = remote.edge.is_some() || remote.prefect.is_some() || !remote.headers.is_empty();
    if shows_something && case.places().iter().any(|place| place.scheme() == "http" && !is_near(place)) {
        evidence += "; over plain http";
        return Outcome::Warned(evidence, Finding::PlainHttp);
    }
    Outcome::Passed(evidence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_address_of_a_server_leads_to_its_ui() {
        for (pasted, expected) in [
            ("https://prefect.example.com", "https://prefect.example.com"),
            (" https://prefect.example.com/prefect/ ", "https://prefect.example.com/prefect"),
            ("https://prefect.example.com/prefect/api", "https://prefect.example.com/prefect"),
            ("https://prefect.example.com/v2/runs/flow-run/1?tab=logs#x", "https://prefect.example.com"),
            ("https://prefect.example.com/p/flow-runs?page=2", "https://prefect.example.com/p"),
            ("\"http://127.0.0.1:4200/api\"", "http://127.0.0.1:4200"),
            ("prefect.example.com:8443", "https://prefect.example.com:8443"),
            ("prefect.example.com/dashboard", "https://prefect.example.com"),
            ("localhost:4200", "http://localhost:4200"),
            ("10.0.0.5:4200/api", "http://10.0.0.5:4200"),
            ("[::1]:4200", "http://[::1]:4200"),
            ("not an address", "not an address"),
        ] {
            assert_eq!(tidy(pasted), expected, "{pasted}");
        }
    }

    #[test]
    fn what_cannot_be_looked_at_is_said_by_field() {
        for address in ["", "ftp://example.com", "https://user:canary@example.com", "not an address"] {
            let remarks = Subject::given(address, Given::default()).unwrap_err();
            assert!(remarks.iter().all(|remark| !remark.message.contains("canary")), "{address}");
        }
        let secrets = vec![(Slot::EdgePassword, Secret::new("canary"))];
        let remarks = Subject::given("https://example.com", Given { secrets, ..Given::default() }).unwrap_err();
        assert_eq!(remarks.iter().map(|remark| remark.field).collect::<Vec<_>>(), [Field::EdgeUsername]);
    }
}
