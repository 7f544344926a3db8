//! Asking a running gateway, in whatever process it is, to let the user's browser in.

use std::time::Duration;

use postern_gateway::{LOCAL_USER, Secret};
use reqwest::StatusCode;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::profile::Profile;
use crate::view::Trouble;

/// Why there is no pass.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DoorError {
    /// Nothing listens on the profile's port.
    #[error("The gateway of the profile {id} does not run: nothing answers on 127.0.0.1:{port}.")]
    NotRunning {
        /// Whose.
        id: String,
        /// Where it should be.
        port: u16,
    },
    /// The gateway does not know the key.
    #[error("The gateway on 127.0.0.1:{port} does not accept the local key of the profile {id}.")]
    KeyRefused {
        /// Whose.
        id: String,
        /// Where it is.
        port: u16,
    },
    /// Something else has the port.
    #[error("What answers on 127.0.0.1:{port} is not the gateway of the profile {id}.")]
    Stranger {
        /// Whose.
        id: String,
        /// Where it should be.
        port: u16,
    },
}

impl DoorError {
    /// A stable name for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotRunning { .. } => "gateway_not_running",
            Self::KeyRefused { .. } => "local_key_wrong",
            Self::Stranger { .. } => "gateway_is_a_stranger",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::NotRunning { id, .. } => {
                format!("Connect the profile in Postern's tray menu, or run `postern serve {id}` and leave it running.")
            }
            Self::KeyRefused { .. } => {
                "It was started with another vault or configuration folder: use the same here, or start it anew."
                    .to_owned()
            }
            Self::Stranger { id, .. } => {
                format!(
                    "End the program that has the port, or give the profile another: `postern edit {id} --port PORT`."
                )
            }
        }
    }

    /// The same, to be shown.
    #[must_use]
    pub fn trouble(&self) -> Trouble {
        Trouble { code: self.code().to_owned(), sentence: self.to_string(), remedy: self.remedy() }
    }
}

/// A one-time address that lets a browser in, from the gateway that runs for the profile. `to` is the page that it
/// leads to: below the UI's base, `/` at its beginning.
///
/// # Errors
/// See [`DoorError`].
pub async fn pass(profile: &Profile, local_key: &Secret, to: &str) -> Result<Secret, DoorError> {
    #[derive(Deserialize)]
    struct Given {
        url: String,
    }

    /// Loopback: what takes longer is not a gateway.
    const PATIENCE: Duration = Duration::from_secs(5);
    /// Nor what says more, in bytes.
    const LONGEST: usize = 4096;

    let (id, port) = (profile.id.to_string(), profile.port);
    let stranger = || DoorError::Stranger { id: id.clone(), port };
    // No proxy: the environment's is for other addresses. No redirects: the key goes nowhere else.
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .build()
        .map_err(|_| stranger())?;
    let mut answer = client
        .post(format!("{}/.postern/pass", profile.local_origin()))
        .basic_auth(LOCAL_USER, Some(local_key.expose()))
        .body(serde_json::json!({ "to": to }).to_string())
        .send()
        .await
        .map_err(
            |error| {
                if error.is_connect() { DoorError::NotRunning { id: id.clone(), port } } else { stranger() }
            },
        )?;
    match answer.status() {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED if answer.headers().contains_key("postern-fault") => {
            return Err(DoorError::KeyRefused { id, port });
        }
        _ => return Err(stranger()),
    }
    let mut body = Zeroizing::new(Vec::new());
    while let Some(chunk) = answer.chunk().await.map_err(|_| stranger())? {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST {
            return Err(stranger());
        }
    }
    let given: Given = serde_json::from_slice(&body).map_err(|_| stranger())?;
    let url = Secret::new(given.url);
    // Whatever else a stranger would have us open is not opened.
    let ours = [profile.browser_origin(), profile.local_origin()];
    if ours.iter().any(|origin| url.expose().starts_with(&format!("{origin}/.postern/enter?"))) {
        Ok(url)
    } else {
        Err(stranger())
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::profile::Written;

    fn profile(port: u16) -> Profile {
        Written {
            id: "prod".to_owned(),
            url: "https://prefect.example.com".to_owned(),
            port: Some(port.into()),
            ..Written::default()
        }
        .check()
        .unwrap()
    }

    /// Asks for a pass where a program gives this one answer.
    async fn asked(answer: impl FnOnce(u16) -> String + Send + 'static) -> Result<Secret, DoorError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let program = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap();
            let head = String::from_utf8_lossy(&request[..length]).to_lowercase();
            assert!(head.starts_with("post /.postern/pass http/1.1\r\n"), "{head}");
            assert!(head.contains("authorization: basic "), "{head}");
            stream.write_all(answer(port).as_bytes()).await.unwrap();
        };
        let profile = profile(port);
        let key = Secret::new("key");
        tokio::join!(program, pass(&profile, &key, "/flows")).1
    }

    fn json(status: &str, body: &str) -> String {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
    }

    #[tokio::test]
    async fn a_pass_is_an_address_of_that_gateway_and_nothing_else() {
        let enter = |port: u16| format!("{}/.postern/enter?pass=x", profile(port).browser_origin());
        let given = asked(move |port| json("200 OK", &format!(r#"{{"url":"{}"}}"#, enter(port)))).await;
        assert!(given.is_ok());
        for strange in
            ["https://evil.example.com/", "http://prod.localhost:1/.postern/enter?pass=x", "file:///etc/passwd"]
        {
            let given = asked(move |_| json("200 OK", &format!(r#"{{"url":"{strange}"}}"#))).await;
            assert!(matches!(given, Err(DoorError::Stranger { .. })), "{strange}");
        }
    }

    #[tokio::test]
    async fn who_else_answers_is_told_apart() {
        let refused = "HTTP/1.1 401 Unauthorized\r\nPostern-Fault: local_key_wrong\r\nContent-Length: 0\r\n\r\n";
        assert!(matches!(asked(|_| refused.to_owned()).await, Err(DoorError::KeyRefused { .. })));
        for answer in
            [json("401 Unauthorized", ""), json("302 Found", ""), json("200 OK", "<html>"), "SSH-2.0-x\r\n".into()]
        {
            assert!(matches!(asked(move |_| answer).await, Err(DoorError::Stranger { .. })));
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let nobody = pass(&profile(port), &Secret::new("key"), "/").await;
        assert!(matches!(nobody, Err(DoorError::NotRunning { .. })), "{nobody:?}");
    }
}
