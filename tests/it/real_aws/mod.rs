//! What bites on a real account: the local cloud answers as AWS does, and the deployer copes.

mod answers;
mod functions;
mod gateway;
mod rights;
mod tables;

use super::world::World;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use chatctl::aws::Clients;
use chatctl::config::ChatFlags;
use chatctl::deployer::Deployed;
use chatctl::engine::plan::Action;
use chatctl::error::Error;
use chatctl::prove::Client;
use chatctl_local_cloud::{Fault, FaultKind};
use std::time::Duration;

const NAME: &str = "chat-production";
const ROLE: &str = "chat-production-function";

/// A fault at every call of this operation, until all are cancelled.
fn always(world: &World, service: &str, operation: &str, kind: FaultKind) {
    world.cloud.inject(Fault {
        service: Some(service.into()),
        operation: (operation != "*").then(|| operation.into()),
        times: Fault::ALWAYS,
        ..Fault::new(kind)
    });
}

fn error(status: u16, code: &str, message: &str) -> FaultKind {
    FaultKind::ServiceError {
        status,
        code: code.into(),
        message: message.into(),
    }
}

/// The code of a refusal.
fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Option<&str> {
    error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code)
}

/// The binary deploys the real function and proves it.
async fn deploy_for_real(world: &World) {
    let deployed = world.run(&["deploy", "--yes"]).await;
    assert!(
        deployed.status.success(),
        "{}",
        super::world::text(&deployed)
    );
}

async fn api(clients: &Clients) -> String {
    let apis = clients.apigatewayv2.get_apis().send().await.unwrap();
    apis.items()[0].api_id().unwrap().to_owned()
}

/// One try after the other to use the chat, for `millis`.
async fn prove(world: &World, millis: u64) -> Result<(), Error> {
    let id = api(&world.clients).await;
    let host = world.cloud.addr();
    let url = format!("ws://{host}/_aws/execute-api/{id}/production");
    let (limit, flags) = (Duration::from_millis(millis), ChatFlags::default());
    let client = Client::default();
    let proof = chatctl::prove::prove_within(limit, &url, &client, &flags, |_| {});
    proof.await.map(drop)
}

/// What the plan of this deploy says of a resource: the action, and the fields that differ.
fn planned(deployed: &Deployed, id: &str) -> (Action, Vec<String>) {
    let mut all = deployed.plan.resources.iter();
    let one = all.find(|one| one.id.as_str() == id).unwrap();
    let fields = one.differences.iter().map(|field| field.path.clone());
    (one.action, fields.collect())
}
