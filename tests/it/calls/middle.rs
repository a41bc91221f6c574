//! A server between chatctl and its cloud: it answers some calls itself and passes the others on.

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::header::HOST;
use axum::http::{Response, Uri};
use axum::response::IntoResponse;
use chatctl::aws::Clients;
use chatctl::config::{Settings, Target};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use std::net::SocketAddr;
use std::sync::Arc;

/// What it says itself: status, headers and body.
pub type Answer = (u16, &'static [(&'static str, &'static str)], &'static str);

/// Starts it; `answer` looks at method, path and body of a call. Its address.
pub async fn start(
    to: SocketAddr,
    answer: impl Fn(&str, &str, &str) -> Option<Answer> + Send + Sync + 'static,
) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    let handle = move |request: Request| {
        let answer = Arc::clone(&answer);
        async move {
            let (head, body) = request.into_parts();
            let body = to_bytes(body, usize::MAX).await.unwrap();
            let text = String::from_utf8_lossy(&body);
            match answer(head.method.as_str(), head.uri.path(), &text) {
                Some(own) => said(own),
                None => passed_on(to, Request::from_parts(head, body)).await,
            }
        }
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(handle)).await });
    addr
}

fn said((status, headers, body): Answer) -> Response<Body> {
    let mut answer = Response::builder().status(status);
    for (name, value) in headers {
        answer = answer.header(*name, *value);
    }
    answer.body(Body::from(body)).unwrap()
}

async fn passed_on(to: SocketAddr, mut request: axum::http::Request<Bytes>) -> Response<Body> {
    let path = request.uri().path_and_query().unwrap().clone();
    request.headers_mut().remove(HOST);
    *request.uri_mut() = format!("http://{to}{path}").parse::<Uri>().unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let answer = client.request(request.map(Body::from)).await.unwrap();
    answer.map(Body::new).into_response()
}

/// The clients that reach their cloud through it.
pub async fn clients(settings: &Settings, addr: SocketAddr) -> Clients {
    let through = settings.clone().with_target(Target::Local(addr.port()));
    Clients::connect(&through).await.unwrap()
}
