//! Integrations without a function: `MOCK`, `HTTP_PROXY` and `HTTP`.

use std::sync::{Arc, Mutex};

use aws_sdk_apigatewayv2::operation::create_integration::builders::CreateIntegrationFluentBuilder;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;

use super::{World, calm};

/// What a server was asked: method, address, the header `connection-id`, body.
type Heard = Arc<Mutex<Vec<(String, String, String, String)>>>;

/// An HTTP server that answers 201 and what it heard, or 418 to `/teapot`.
async fn server() -> (String, Heard) {
    let heard = Heard::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new()
        .fallback(answer)
        .with_state(Arc::clone(&heard));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, heard)
}

async fn answer(State(heard): State<Heard>, request: Request) -> impl IntoResponse {
    let (parts, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    let id = parts.headers.get("connection-id");
    let id = id.map_or("", |id| id.to_str().unwrap()).to_owned();
    let status = if parts.uri.path() == "/teapot" {
        418
    } else {
        201
    };
    let answer = format!("heard {body}");
    let asked = (parts.method.to_string(), parts.uri.to_string(), id, body);
    heard.lock().unwrap().push(asked);
    (StatusCode::from_u16(status).unwrap(), answer)
}

/// An API whose routes all lead to an integration of that kind, with route responses.
async fn world(
    kind: &str,
    routes: &[&str],
    shape: impl FnOnce(CreateIntegrationFluentBuilder) -> CreateIntegrationFluentBuilder,
) -> World {
    let mut world = World::bare(calm()).await;
    world.make_role().await;
    world.make_function("chat", &[]).await;
    world.make_api(&[]).await;
    let made = world
        .gateway
        .create_integration()
        .api_id(&world.api_id)
        .integration_type(kind.into());
    let made = shape(made).send().await.unwrap();
    made.integration_id()
        .unwrap()
        .clone_into(&mut world.integration);
    for key in routes {
        let route = world.make_route(key).await;
        let response = world.gateway.create_route_response().api_id(&world.api_id);
        let response = response.route_id(route).route_response_key("$default");
        response.send().await.unwrap();
    }
    world
}

async fn add_response(world: &World, key: &str, text: &str) {
    let response = world
        .gateway
        .create_integration_response()
        .api_id(&world.api_id)
        .integration_id(&world.integration);
    let response = response
        .integration_response_key(key)
        .template_selection_expression("\\$default");
    let response = response.response_templates("$default", text);
    response.send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mock_accepts_connections_and_answers_by_itself() {
    let world = world("MOCK", &["$connect", "$default"], |made| {
        made.template_selection_expression("200")
            .request_templates("200", r#"{"statusCode":200}"#)
    })
    .await;
    add_response(&world, "$default", r#"{"fine":true}"#).await;
    world.deploy().await;
    let mut client = world.connect().await;
    client.send("anything").await;
    assert_eq!(client.text().await, r#"{"fine":true}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mock_s_status_decides_the_handshake_and_without_one_there_is_none() {
    let refusing = world("MOCK", &["$connect"], |made| {
        made.template_selection_expression("no")
            .request_templates("no", r#"{"statusCode":403}"#)
    })
    .await;
    refusing.deploy().await;
    assert_eq!(refusing.try_connect("").await.unwrap_err().0, 403);
    let broken = world("MOCK", &["$connect"], |made| made).await;
    broken.deploy().await;
    assert_eq!(broken.try_connect("").await.unwrap_err().0, 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http_proxy_gets_messages_as_they_are_and_learns_the_connection() {
    let (address, heard) = server().await;
    let world = world(
        "HTTP_PROXY",
        &["$connect", "$disconnect", "$default"],
        |made| {
            made.integration_method("PUT")
                .integration_uri(format!("{address}/hook"))
                .request_parameters(
                    "integration.request.header.connection-id",
                    "context.connectionId",
                )
        },
    )
    .await;
    world.deploy().await;
    let mut socket = world.try_connect("?room=a").await.unwrap();
    let asked = heard.lock().unwrap()[0].clone();
    assert_eq!(
        (asked.0.as_str(), asked.1.as_str()),
        ("PUT", "/hook?room=a")
    );
    assert!(asked.2.ends_with("=="), "{asked:?}");
    let mut client = super::Client { socket };
    client.send(r#"{"any":1}"#).await;
    assert_eq!(client.text().await, r#"heard {"any":1}"#);
    socket = client.socket;
    socket.close(None).await.unwrap();
    let ids = super::until("the end", || {
        let heard = heard.lock().unwrap();
        (heard.len() == 3).then(|| {
            heard
                .iter()
                .map(|asked| asked.2.clone())
                .collect::<Vec<_>>()
        })
    })
    .await;
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_http_an_integration_response_brings_the_body_back() {
    let (address, _) = server().await;
    let world = world("HTTP", &["$default"], |made| {
        made.integration_method("POST")
            .integration_uri(format!("{address}/teapot"))
    })
    .await;
    world.deploy().await;
    let mut client = world.connect().await;
    client.send("one").await;
    add_response(&world, "/4\\d\\d/", "a teapot").await;
    world.deploy().await;
    client.send("two").await;
    assert_eq!(client.text().await, "a teapot", "the first had no answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_a_502_and_an_error_frame() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let world = world("HTTP_PROXY", &["$connect", "$default"], |made| {
        made.integration_method("POST")
            .integration_uri(format!("http://{address}/"))
    })
    .await;
    world.deploy().await;
    assert_eq!(world.try_connect("").await.unwrap_err().0, 502);
}
