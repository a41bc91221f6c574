//! The Lambda Runtime API: ask for the next event, answer it, for ever.
//!
//! The official runtime crate is made for any function; it brings tower layers, tracing, streaming
//! answers and serde derives, which cost build time, size and start time. The protocol itself is four
//! plain HTTP calls, and here they are.

use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::Full;
use serde_json::json;

use crate::clock::Millis;
use crate::http::Http;

const VERSION: &str = "2018-06-01";
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// One thing to do.
#[derive(Debug)]
pub struct Invocation {
    /// Lambda's id of it, the one in START, END and REPORT.
    pub request_id: String,
    /// When Lambda will stop the function.
    pub deadline: Millis,
    /// Set by newer runtimes; sent back, so that late answers can be told apart.
    pub invocation_id: Option<String>,
    /// The event as it came.
    pub event: Bytes,
}

/// The other side of `AWS_LAMBDA_RUNTIME_API`.
#[derive(Debug)]
pub struct Runtime {
    http: Http,
    address: String,
    base: String,
}

impl Runtime {
    /// Speaks to the API at `host:port`.
    pub fn new(http: Http, address: &str) -> Self {
        let base = format!("http://{address}/{VERSION}/runtime");
        let address = address.to_owned();
        Self {
            http,
            address,
            base,
        }
    }

    /// Waits for the next event. The process is frozen in here, perhaps for hours, so there is no
    /// time-out. An error is final: without the API the process has no purpose.
    pub async fn next(&self) -> Result<Invocation, String> {
        let request = self.request(Method::GET, "/invocation/next", None, Bytes::new())?;
        let (parts, event) = self
            .http
            .exchange(request)
            .await
            .map_err(|e| e.to_string())?;
        if parts.status != StatusCode::OK {
            return Err(format!(
                "the Runtime API answered {} to next",
                parts.status.as_u16()
            ));
        }
        let header = |name| header(&parts.headers, name);
        let deadline = header("lambda-runtime-deadline-ms").and_then(|ms| ms.parse().ok());
        Ok(Invocation {
            request_id: header("lambda-runtime-aws-request-id")
                .ok_or("the Runtime API gave no request id")?,
            deadline: Millis(deadline.unwrap_or(u64::MAX)),
            invocation_id: header("lambda-runtime-invocation-id"),
            event,
        })
    }

    /// Hands back the function's answer.
    pub async fn respond(&self, to: &Invocation, answer: String) -> Result<(), String> {
        self.post(
            &format!("/invocation/{}/response", to.request_id),
            to,
            answer,
        )
        .await
    }

    /// Says that this event could not be handled at all.
    pub async fn fail(&self, to: &Invocation, kind: &str, message: &str) -> Result<(), String> {
        let error = json!({ "errorType": kind, "errorMessage": message }).to_string();
        self.post(&format!("/invocation/{}/error", to.request_id), to, error)
            .await
    }

    /// Says that the function cannot start.
    pub async fn init_error(&self, message: &str) -> Result<(), String> {
        let error = json!({ "errorType": "Config", "errorMessage": message }).to_string();
        let request = self.request(Method::POST, "/init/error", None, error.into())?;
        self.http
            .send(request, ANSWER_LIMIT)
            .await
            .map(|_| ())
            .map_err(|e| e.to_string())
    }

    /// An answer that is refused (the invocation timed out meanwhile) is no reason to stop.
    async fn post(&self, path: &str, to: &Invocation, body: String) -> Result<(), String> {
        let echo = to.invocation_id.as_deref();
        let request = self.request(Method::POST, path, echo, body.into())?;
        let (status, _) = self
            .http
            .send(request, ANSWER_LIMIT)
            .await
            .map_err(|e| e.to_string())?;
        if status.is_server_error() {
            return Err(format!(
                "the Runtime API answered {} to {path}",
                status.as_u16()
            ));
        }
        Ok(())
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        echo: Option<&str>,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, String> {
        let url = format!("{}{path}", self.base);
        let mut request = Request::builder()
            .method(method)
            .uri(url)
            .header(HOST, &self.address);
        if let Some(id) = echo {
            request = request.header("lambda-runtime-invocation-id", id);
        }
        request
            .body(Full::new(body))
            .map_err(|e| format!("{}{path}: {e}", self.base))
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}
