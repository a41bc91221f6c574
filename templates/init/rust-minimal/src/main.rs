//! An echo. `$default` has a route response (see chatctl.toml), so the body that is returned goes back to the
//! client: no AWS API is called, and no right is needed.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Deserialize;
use serde_json::{Value, json};

/// An event of a WebSocket API; only what is read here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    request_context: RequestContext,
    body: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    route_key: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(answer)).await
}

async fn answer(event: LambdaEvent<Event>) -> Result<Value, Error> {
    let Event { request_context, body } = event.payload;
    Ok(match request_context.route_key.as_str() {
        // Another status, such as 403, would refuse the client.
        "$connect" | "$disconnect" => json!({ "statusCode": 200 }),
        _ => json!({ "statusCode": 200, "body": body }),
    })
}
