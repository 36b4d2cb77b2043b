//! Asking a running server: one short HTTP request at a time, with the operator's token.
//!
//! Knows how a server is found and what its refusals mean as exit codes; nothing of what is asked.

use std::{path::Path, time::Duration};

use http::{Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use syncline::LocalKey;
use tokio::{net::TcpStream, runtime::Runtime, time::timeout};

use crate::cli::{
    failure::{Exit, Failure},
    flags::AdminFlags,
};

/// How long one answer may take.
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// Largest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;
const PORT: u16 = 80;

/// Which server is asked, if any.
#[derive(Debug, clap::Args)]
pub(super) struct Where {
    /// Ask the server that has the data directory open
    #[arg(long)]
    online: bool,
    /// Ask the server at this address, such as http://127.0.0.1:8080, with [auth] admin_token
    #[arg(long, value_name = "URL", conflicts_with = "online")]
    url: Option<String>,
}

impl Where {
    /// Whether a server is asked.
    pub(super) fn is_remote(&self) -> bool {
        self.online || self.url.is_some()
    }

    /// The server that is asked.
    pub(super) fn server(&self, flags: &AdminFlags) -> Result<Remote, Failure> {
        let hint = "without --online the command works on the directory itself";
        ask_at(self.url.as_deref(), flags, hint)
    }
}

/// The server at this address, or the one that has the data directory open: for commands that need a
/// running one.
pub(super) fn running(url: Option<&str>, flags: &AdminFlags) -> Result<Remote, Failure> {
    ask_at(url, flags, "start it, or name its directory with --data-dir or its address with --url")
}

/// A name as it stands in a path or in a query.
pub(super) fn encoded(name: &str) -> String {
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string()
}

fn ask_at(url: Option<&str>, flags: &AdminFlags, hint: &str) -> Result<Remote, Failure> {
    let config = flags.load()?.config;
    match url {
        Some(url) => {
            let token = config.auth.admin_token.ok_or_else(|| {
                Failure::new(Exit::Unreachable, "no token to show").hint(
                    "name its file with --auth-admin-token-file FILE, \
                     or set SYNCLINE_AUTH_ADMIN_TOKEN",
                )
            })?;
            Remote::new(url, token)
        }
        None => {
            let key = find(&config.storage.dir, hint)?;
            Remote::new(&key.url, key.token)
        }
    }
}

fn find(dir: &Path, hint: &str) -> Result<LocalKey, Failure> {
    let shown = dir.display();
    match LocalKey::read(dir) {
        Ok(Some(key)) => Ok(key),
        Ok(None) if !dir.is_dir() => {
            Err(Failure::new(Exit::NotFound, format!("no data directory {shown}"))
                .hint("name it with --data-dir DIR"))
        }
        Ok(None) => {
            Err(Failure::new(Exit::Unreachable, format!("no server is running on {shown}"))
                .hint(hint))
        }
        Err(error) => Err(Failure::new(Exit::Unreachable, error).about(shown)),
    }
}

/// A server and what opens it.
#[derive(Debug)]
pub(super) struct Remote {
    url: Uri,
    token: String,
    runtime: Runtime,
}

impl Remote {
    fn new(url: &str, token: String) -> Result<Self, Failure> {
        let parsed = url.parse::<Uri>().ok().filter(|url| {
            url.scheme_str() == Some("http") && url.host().is_some() && url.path() == "/"
        });
        let url = parsed.ok_or_else(|| {
            Failure::new(
                Exit::Usage,
                format!("{url:?} is no address such as http://127.0.0.1:8080"),
            )
            .hint("TLS is not spoken here: run the command beside the server, or through a tunnel")
        })?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { url, token, runtime })
    }

    /// The answer to one request.
    pub(super) fn ask(&self, method: Method, path: &str) -> Result<Value, Failure> {
        let answer = self.runtime.block_on(async {
            match timeout(ANSWER_TIME, self.exchange(method, path)).await {
                Ok(answer) => answer,
                Err(_) => Err("it does not answer".into()),
            }
        });
        let (status, body) = answer.map_err(|error| {
            Failure::new(Exit::Unreachable, error)
                .about(self.url.authority().map_or("", |a| a.as_str()))
        })?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|_| {
                Failure::new(Exit::Unreachable, "what answers there is no server of ours")
            });
        }
        Err(refusal(status, &body))
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
    ) -> Result<(StatusCode, Bytes), Box<dyn std::error::Error + Send + Sync>> {
        let host = self.url.host().unwrap_or_default();
        let port = self.url.port_u16().unwrap_or(PORT);
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let socket = TcpStream::connect((bare, port)).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, format!("{host}:{port}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONNECTION, "close")
            .body(Empty::<Bytes>::new())?;
        // Ends with the connection; what it ends with shows in the answer.
        tokio::spawn(connection);
        let (parts, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await?.to_bytes();
        Ok((parts.status, body))
    }
}

/// What a refusal of the server is to a script.
fn refusal(status: StatusCode, body: &[u8]) -> Failure {
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    let detail = problem["detail"].as_str().unwrap_or("the server refused").to_owned();
    match status {
        StatusCode::UNAUTHORIZED => Failure::new(Exit::Unreachable, detail),
        StatusCode::NOT_FOUND => {
            Failure::new(Exit::Unreachable, "the server does not answer operators")
                .hint("set [auth] admin_token for it, or run the command beside it with --online")
        }
        StatusCode::BAD_REQUEST => Failure::new(Exit::Usage, detail),
        _ => Failure::new(Exit::Failed, detail),
    }
}
