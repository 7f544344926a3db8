//! The scene of most tests: a Prefect server with an auth string and CSRF protection, and in front of it
//! an nginx that asks for the same credential. One for each test binary, started by its first test.

use tokio::sync::OnceCell;

use crate::nginx::{Nginx, Site};
use crate::prefect::{Login, Options, Prefect};

/// What the things put onto the server are named after; see [`crate::prefect::Api::seed`].
pub const LABEL: &str = "larch";

/// The scene.
#[derive(Debug)]
pub struct Secured {
    /// Of the edge and of Prefect.
    pub login: Login,
    /// The server.
    pub prefect: Prefect,
    /// Its edge.
    pub nginx: Nginx,
}

impl Secured {
    /// The one of this process.
    ///
    /// # Errors
    /// When a part does not start.
    pub async fn shared() -> anyhow::Result<&'static Self> {
        static SHARED: OnceCell<Secured> = OnceCell::const_new();
        SHARED.get_or_try_init(Self::start).await
    }

    async fn start() -> anyhow::Result<Self> {
        let login = Login::unique("admin")?;
        let options = Options { auth: Some(login.clone()), csrf: true, ..Options::default() };
        let prefect = Prefect::start(options).await?;
        prefect.api()?.seed(LABEL).await?;
        let site = Site { upstream: prefect.origin(), basic: Some(login.clone()), websockets: true };
        let nginx = Nginx::start(site).await?;
        Ok(Self { login, prefect, nginx })
    }
}
