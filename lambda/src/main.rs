//! The `bootstrap` of the function: creates what all events share, then handles events in a loop.
//!
//! One thread, because Lambda sends one event at a time and a small function has a fraction of one
//! processor. What is made before the first `next` belongs to the init phase, where Lambda gives the
//! whole processor.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use chat_lambda::clock::Millis;
use chat_lambda::config::Config;
use chat_lambda::event::{self, Event};
use chat_lambda::http::Http;
use chat_lambda::log::{Level, Log};
use chat_lambda::outcome::Outcome;
use chat_lambda::push::gateway::Gateway;
use chat_lambda::room::Room;
use chat_lambda::runtime::{Invocation, Runtime};
use chat_lambda::sign::Signer;
use chat_lambda::store::dynamo::Table;
use chat_lambda::store::wire::Dynamo;
use serde_json::json;

#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// Kept back from Lambda's deadline, so that a slow event still gets an answer and a log line.
const RESERVE_MS: u64 = 250;

fn main() -> ExitCode {
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build();
    let ended = match tokio {
        Ok(tokio) => tokio.block_on(start()),
        Err(e) => Err(format!("no event loop: {e}")),
    };
    let Err(why) = ended;
    Log::new(Level::Fatal, Box::new(std::io::stdout())).line(Level::Fatal, None, &why);
    ExitCode::FAILURE
}

/// Never returns but for a reason to end the process.
async fn start() -> Result<std::convert::Infallible, String> {
    let http = Http::new()?;
    let config = match Config::read(|key| std::env::var(key).ok()) {
        Ok(config) => config,
        Err(why) => return Err(tell_lambda(http, why).await),
    };
    let log = Log::new(config.level, Box::new(std::io::stdout()));
    let runtime = Runtime::new(http.clone(), &config.runtime_api);
    let room = room(http, config)?;
    loop {
        let invocation = runtime.next().await?;
        handle(&runtime, &room, &log, &invocation).await?;
    }
}

fn room(http: Http, config: Config) -> Result<Room<Table, Gateway>, String> {
    let signer = |service| Signer::new(config.credentials.clone(), &config.region, service);
    let dynamo = Dynamo::new(http.clone(), config.dynamodb, signer("dynamodb")?);
    let push = Gateway::new(http, signer("execute-api")?, config.connections);
    Ok(Room {
        store: Table::new(dynamo, config.table),
        push,
        allowed_origins: config.allowed_origins,
    })
}

/// A function that cannot start says so to Lambda, which puts it into the result of the invocation.
async fn tell_lambda(http: Http, why: String) -> String {
    let why = format!("the chat function cannot start: {why}");
    if let Ok(address) = std::env::var("AWS_LAMBDA_RUNTIME_API") {
        // The log line that follows says the same, should this fail.
        let _ = Runtime::new(http, &address).init_error(&why).await;
    }
    why
}

async fn handle(
    runtime: &Runtime,
    room: &Room<Table, Gateway>,
    log: &Log,
    invocation: &Invocation,
) -> Result<(), String> {
    let began = Instant::now();
    let event = match event::parse(&invocation.event) {
        Ok(event) => event,
        Err(why) => {
            log.line(Level::Error, Some(&invocation.request_id), why);
            return runtime.fail(invocation, "NotAWebSocketEvent", why).await;
        }
    };
    let outcome = in_time(room, &event, invocation.deadline).await;
    log.outcome(&invocation.request_id, &event, &outcome, began.elapsed());
    runtime.respond(invocation, answer(&event, &outcome)).await
}

async fn in_time(room: &Room<Table, Gateway>, event: &Event, deadline: Millis) -> Outcome {
    let now = Millis::now();
    let left = deadline
        .0
        .saturating_sub(now.0)
        .saturating_sub(RESERVE_MS)
        .max(1);
    let left = Duration::from_millis(left.min(15 * 60 * 1000));
    match tokio::time::timeout(left, room.handle(event, now)).await {
        Ok(outcome) => outcome,
        Err(_) => Outcome {
            trouble: Some("the function's time was up before everybody was told".into()),
            ..Outcome::new("out_of_time", 504)
        },
    }
}

/// The proxy answer. API Gateway takes these keys and no others. A body is given only where the
/// client may see it, which is a refused handshake.
fn answer(event: &Event, outcome: &Outcome) -> String {
    let mut answer = json!({ "statusCode": outcome.status });
    if let Some(protocol) = outcome.protocol {
        answer["headers"] = json!({ "Sec-WebSocket-Protocol": protocol });
    }
    if let Some(reason) = &outcome.reason {
        answer["headers"] = json!({ "Content-Type": "application/json" });
        let id = &event.connection_id;
        answer["body"] = json!({ "message": reason, "connectionId": id })
            .to_string()
            .into();
    }
    answer.to_string()
}
