//! The chat page on a loopback port: `/`, its assets, and `/get-ws-endpoint`.
//!
//! It shows untrusted text in a browser, so it is restrictive: it listens on 127.0.0.1 only, answers
//! only to its own host names (against DNS rebinding), and its
//! Content-Security-Policy allows this page's files and the one WebSocket, nothing else.

use crate::error::{Error, Result};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;
use std::net::Ipv4Addr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Path, type and text of every file of the page.
const FILES: [(&str, &str, &str); 9] = [
    (
        "/",
        "text/html; charset=utf-8",
        include_str!("../templates/page/index.html"),
    ),
    (
        "/app.js",
        "text/javascript; charset=utf-8",
        include_str!("../templates/page/app.js"),
    ),
    (
        "/connection.js",
        "text/javascript; charset=utf-8",
        include_str!("../templates/page/connection.js"),
    ),
    (
        "/log.js",
        "text/javascript; charset=utf-8",
        include_str!("../templates/page/log.js"),
    ),
    (
        "/notify.js",
        "text/javascript; charset=utf-8",
        include_str!("../templates/page/notify.js"),
    ),
    (
        "/outbox.js",
        "text/javascript; charset=utf-8",
        include_str!("../templates/page/outbox.js"),
    ),
    (
        "/members.js",
        "text/javascript; charset=utf-8",
        include_str!("../templates/page/members.js"),
    ),
    (
        "/style.css",
        "text/css; charset=utf-8",
        include_str!("../templates/page/style.css"),
    ),
    (
        "/icon.svg",
        "image/svg+xml",
        include_str!("../templates/page/icon.svg"),
    ),
];

/// Says where the chat is now, if it is anywhere.
type Find = Box<dyn Fn() -> Option<String> + Send + Sync>;

/// The state of the server.
struct Page {
    port: u16,
    /// Lets the page go to the chat's server and nowhere else. A browser reads it when it loads the
    /// page, so it does not change when the chat moves within its server.
    policy: HeaderValue,
    find: Find,
}

impl Page {
    fn new(port: u16, ws_url: &str, find: Find) -> Result<Self> {
        let policy = policy(ws_url)?;
        Ok(Self { port, policy, find })
    }
}

fn policy(ws_url: &str) -> Result<HeaderValue> {
    let origin = websocket_origin(ws_url)?;
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         connect-src 'self' {origin}; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    );
    HeaderValue::from_str(&policy).map_err(|error| unusable(ws_url).because(error))
}

/// The page, served until [`PageServer::stop`] or until it is dropped.
pub struct PageServer {
    page: Arc<Page>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

/// Serves the page on `127.0.0.1:port` (0: a free port) for the chat at `ws_url`.
///
/// # Errors
/// An error if the port cannot be had, or if `ws_url` is no WebSocket URL.
pub async fn serve(port: u16, ws_url: String) -> Result<PageServer> {
    let here = ws_url.clone();
    serve_moving(port, &ws_url, move || Some(here.clone())).await
}

/// The same for a chat that can move, or be gone for a while: `find` is asked whenever a page wants to
/// connect. All its answers are on the server of `ws_url`.
///
/// # Errors
/// An error if the port cannot be had, or if `ws_url` is no WebSocket URL.
pub async fn serve_moving(
    port: u16,
    ws_url: &str,
    find: impl Fn() -> Option<String> + Send + Sync + 'static,
) -> Result<PageServer> {
    policy(ws_url)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .map_err(|error| port_refused(port, error))?;
    let port = listener.local_addr()?.port();
    let page = Arc::new(Page::new(port, ws_url, Box::new(find))?);
    let (stop, stopped) = oneshot::channel();
    let router = router(Arc::clone(&page));
    let task = tokio::spawn(async move {
        let until = async {
            let _ = stopped.await;
        };
        // It ends only when told to; a listener that breaks ends the page and nothing more.
        let _ = axum::serve(listener, router)
            .with_graceful_shutdown(until)
            .await;
    });
    Ok(PageServer {
        page,
        stop: Some(stop),
        task,
    })
}

impl PageServer {
    /// The address to open in a browser.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.page.port)
    }

    /// Stops serving. Connections that a browser keeps open are cut, not waited for.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        let limit = std::time::Duration::from_millis(200);
        if tokio::time::timeout(limit, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

impl Drop for PageServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn router(page: Arc<Page>) -> Router {
    let files = FILES
        .iter()
        .fold(Router::new(), |router, (path, kind, text)| {
            router.route(
                path,
                get(move || async move { ([(header::CONTENT_TYPE, *kind)], *text) }),
            )
        });
    files
        .route("/get-ws-endpoint", get(endpoint))
        .fallback(|| async { (StatusCode::NOT_FOUND, "There is no such page here.\n") })
        .layer(middleware::from_fn_with_state(Arc::clone(&page), guard))
        .with_state(page)
}

async fn endpoint(State(page): State<Arc<Page>>) -> impl IntoResponse {
    let (status, answer) = match (page.find)() {
        Some(ws_url) => (StatusCode::OK, json!({ "endpoint": ws_url })),
        None => (
            StatusCode::SERVICE_UNAVAILABLE,
            json!({ "error": "no chat is deployed here at the moment" }),
        ),
    };
    let headers = [(header::CONTENT_TYPE, "application/json")];
    (status, headers, answer.to_string())
}

/// Every answer goes through here: foreign hosts are refused, the rest gets the security headers.
async fn guard(State(page): State<Arc<Page>>, request: Request, next: Next) -> Response {
    let mut response = if is_our_host(request.headers(), page.port) {
        next.run(request).await
    } else {
        let words = "This page answers only at its own address on this machine.\n";
        (StatusCode::MISDIRECTED_REQUEST, words).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, page.policy.clone());
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn is_our_host(headers: &HeaderMap, port: u16) -> bool {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let Some((name, said)) = host.rsplit_once(':') else {
        return port == 80 && is_our_name(host);
    };
    said.parse() == Ok(port) && is_our_name(name)
}

fn is_our_name(name: &str) -> bool {
    name == "127.0.0.1" || name.eq_ignore_ascii_case("localhost")
}

/// `ws://host:port` of a WebSocket URL: what the policy names. Host and port are checked to be
/// plain, because a `;` or a space would write into the policy.
fn websocket_origin(ws_url: &str) -> Result<String> {
    let uri: http::Uri = ws_url
        .parse()
        .map_err(|error| unusable(ws_url).because(error))?;
    let plain = |authority: &str| {
        authority
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || ".-:[]".contains(c))
    };
    match (uri.scheme_str(), uri.authority()) {
        (Some(scheme @ ("ws" | "wss")), Some(authority)) if plain(authority.as_str()) => {
            Ok(format!("{scheme}://{authority}"))
        }
        _ => Err(unusable(ws_url)),
    }
}

fn unusable(ws_url: &str) -> Error {
    Error::usage(format!("{ws_url:?} is not the URL of a WebSocket"))
        .hint("it looks like wss://abc123.execute-api.eu-central-1.amazonaws.com/production")
}

fn port_refused(port: u16, error: std::io::Error) -> Error {
    let message = format!("cannot serve the chat page on port {port} of 127.0.0.1");
    let hint = match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            "another program has it; choose one with --page-port, or leave that out for a free one"
        }
        std::io::ErrorKind::PermissionDenied => {
            "ports below 1024 are kept for the system; choose a higher one with --page-port"
        }
        _ => "choose another one with --page-port",
    };
    Error::failed(message).because(error).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(host: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::HOST, HeaderValue::from_str(host).unwrap())])
    }

    #[test]
    fn only_the_pages_own_address_is_its_host() {
        for (host, ours) in [
            ("127.0.0.1:4511", true),
            ("localhost:4511", true),
            ("LocalHost:4511", true),
            ("127.0.0.1:4512", false),
            ("127.0.0.1", false),
            ("chat.example.com:4511", false),
            ("127.0.0.1.example.com:4511", false),
            ("", false),
        ] {
            assert_eq!(is_our_host(&headers(host), 4511), ours, "{host}");
        }
        assert!(!is_our_host(&HeaderMap::new(), 4511));
    }

    #[test]
    fn the_policy_names_the_websocket_and_nothing_else_outside() {
        let policy = policy("wss://abc.execute-api.eu-central-1.amazonaws.com/production").unwrap();
        let policy = policy.to_str().unwrap();
        assert!(
            policy.contains("connect-src 'self' wss://abc.execute-api.eu-central-1.amazonaws.com;")
        );
        assert_eq!(policy.matches("//").count(), 1, "{policy}");
    }

    #[test]
    fn what_is_no_websocket_url_is_refused() {
        for url in [
            "",
            "http://127.0.0.1/x",
            "ws:",
            "ws://a;script-src */x",
            "ws://a b/x",
            "ws://u:p@host/",
        ] {
            assert!(policy(url).is_err(), "{url}");
        }
    }
}
