//! An app's files, at every path that is nothing else: what a single-page app needs and no more.
//!
//! tower-http reads files and guards its directory. Here are the rules on top: no dot files, the
//! app's page where a path names no file, and nothing but GET and HEAD.

use std::{
    path::Path,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use hyper::body::Body as _;
use tower_http::services::{ServeDir, fs::ServeFileSystemResponseBody};
use tower_service::Service;

use super::{
    answer::{Answer, wrong_method},
    body::{Aborted, Body, Pieces},
    gzip, target,
};

/// The page of the app.
const PAGE: &str = "/index.html";
/// Types that are worth encoding, as they begin.
const TEXTS: [&str; 6] = [
    "text/",
    "application/javascript",
    "application/json",
    "application/manifest",
    "application/wasm",
    "image/svg",
];

/// The files of one app.
#[derive(Clone, Debug)]
pub(super) struct App {
    files: ServeDir,
}

impl App {
    /// The app in a directory, which is looked into at each request.
    pub(super) fn new(dir: &Path) -> Self {
        Self { files: ServeDir::new(dir).ignore_multi_range_requests(true) }
    }

    /// Answers a request for a file, or with the app's page.
    pub(super) async fn respond<B>(&self, request: &Request<B>) -> Answer {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return wrong_method("files answer GET and HEAD", "GET, HEAD");
        }
        let path = request.uri().path();
        let Some(names_file) = judge(path) else { return super::nothing() };
        let mut answer = self.file(path, request).await;
        if answer.status() == StatusCode::NOT_FOUND && !names_file {
            answer = self.file(PAGE, request).await;
        }
        if answer.status() == StatusCode::NOT_FOUND { super::nothing() } else { answer }
    }

    async fn file<B>(&self, path: &str, request: &Request<B>) -> Answer {
        let mut wanted = Request::new(http_body_util::Empty::<Bytes>::new());
        *wanted.method_mut() = request.method().clone();
        wanted.headers_mut().clone_from(request.headers());
        match path.parse() {
            Ok(uri) => *wanted.uri_mut() = uri,
            Err(_) => return super::nothing(),
        }
        let Ok(file) = self.files.clone().call(wanted).await;
        let is_empty = file.body().size_hint().exact() == Some(0);
        let mut answer =
            file.map(|body| if is_empty { Body::default() } else { Body::pieces(File(body)) });
        let headers = answer.headers_mut();
        // May be kept, and is asked for again: a new version is seen at once.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if answer.status() == StatusCode::OK && is_text(answer.headers()) {
            return gzip::encode_for(request.headers(), answer);
        }
        answer
    }
}

/// Whether the path names a file rather than a place in the app; `None` for what is never shown.
fn judge(path: &str) -> Option<bool> {
    let path = target::decoded(path)?;
    let hidden = path.split(['/', '\\']).any(|segment| segment.starts_with('.'));
    let last = path.rsplit('/').next().unwrap_or_default();
    (!hidden && !path.contains('\0')).then(|| last.contains('.'))
}

fn is_text(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| TEXTS.iter().any(|text| kind.starts_with(text)))
}

/// A file, as it is read.
struct File(ServeFileSystemResponseBody);

impl Pieces for File {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Aborted>>> {
        loop {
            let piece = match ready!(Pin::new(&mut self.0).poll_frame(cx)) {
                None => return Poll::Ready(None),
                Some(Ok(frame)) => frame.into_data(),
                Some(Err(error)) => {
                    tracing::warn!(%error, "a file of the app cannot be read");
                    return Poll::Ready(Some(Err(Aborted)));
                }
            };
            if let Ok(piece) = piece
                && !piece.is_empty()
            {
                return Poll::Ready(Some(Ok(piece)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn a_place_in_the_app_is_told_from_a_file_and_dots_are_hidden() {
        for place in ["/", "/lists/l-1", "/a.b/c"] {
            assert_eq!(judge(place), Some(false), "{place}");
        }
        assert_eq!(judge("/assets/app.js"), Some(true));
        for hidden in
            ["/.env", "/.git/config", "/a/%2eenv", "/..%2f..%2fetc/passwd", "/a/..", "/%00", "/%ff"]
        {
            assert_eq!(judge(hidden), None, "{hidden}");
        }
    }
}
