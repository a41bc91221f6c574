//! Calls that are never answered, and calls that take long.

use crate::world::{OPTIONS, Tiny, World, attempts};
use aws_config::timeout::TimeoutConfig;
use chatctl::aws::{Clients, SlowCalls};
use chatctl::deployer::{self, Notice, Proposal, Ui};
use chatctl::engine::event::{Event, EventKind};
use chatctl::error::Result;
use chatctl_local_cloud::{Fault, FaultKind};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;

/// Ends with the test, for all that matters.
const NEVER: FaultKind = FaultKind::Delay(3_600_000);

fn at(operation: &str, kind: FaultKind) -> Fault {
    Fault {
        operation: Some(operation.into()),
        ..Fault::new(kind)
    }
}

/// The same clients, less patient.
fn impatient(clients: &Clients) -> Clients {
    let mut clients = attempts(clients, 2);
    let config = clients.apigatewayv2.config().to_builder().timeout_config(
        TimeoutConfig::builder()
            .operation_attempt_timeout(Duration::from_millis(500))
            .build(),
    );
    clients.apigatewayv2 = aws_sdk_apigatewayv2::Client::from_conf(config.build());
    clients
}

#[tokio::test(flavor = "multi_thread")]
async fn no_client_waits_for_ever() {
    let clients = World::empty().await.clients;
    macro_rules! bounded {
        ($($service:ident),*) => {$(
            let limits = clients.$service.config().timeout_config().unwrap();
            assert!(limits.connect_timeout() <= Some(Duration::from_secs(10)));
            for limit in [limits.connect_timeout(), limits.read_timeout(),
                limits.operation_attempt_timeout(), limits.operation_timeout()] {
                assert!(limit.is_some(), "{}: {limits:?}", stringify!($service));
            }
        )*};
    }
    bounded!(apigatewayv2, apigateway, lambda, iam, logs, dynamodb, sts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_is_never_answered_ends_and_is_named() {
    let mut world = World::empty().await;
    world.cloud.inject(Fault {
        times: Fault::ALWAYS,
        ..at("GetApis", NEVER)
    });
    world.clients = impatient(&world.clients);
    let error = world.deploy().await.unwrap_err();
    let cause = "GetApis was not answered in time";
    assert!(error.causes().iter().any(|one| one == cause), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_is_never_answered_is_looked_for_before_it_is_sent_again() {
    let mut world = World::empty().await;
    world.cloud.inject(at("CreateApi", NEVER));
    world.clients = impatient(&world.clients);
    world.deploy().await.unwrap();
    let calls: Vec<String> = world
        .cloud
        .calls()
        .into_iter()
        .map(|call| call.operation)
        .filter(|name| name == "CreateApi" || name == "GetApis")
        .collect();
    let first = calls.iter().position(|name| name == "CreateApi").unwrap();
    assert_eq!(
        calls[first + 1..first + 3],
        ["GetApis", "CreateApi"],
        "{calls:?}"
    );
    assert_eq!(calls.iter().filter(|name| *name == "CreateApi").count(), 2);
    let apis = world.clients.apigatewayv2.get_apis().send().await.unwrap();
    assert_eq!(apis.items().len(), 1);
}

/// Remembers the notes of the steps.
#[derive(Default, Clone)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Ui for Notes {
    fn show(&self, _: &Proposal<'_>) {}

    fn confirm(&self, _: &Proposal<'_>) -> Result<bool> {
        Ok(true)
    }

    fn building(&self) -> impl Fn(&chatctl::package::Step<'_>) + Send + Sync {
        |_: &chatctl::package::Step<'_>| {}
    }

    fn follow(
        &self,
        mut events: UnboundedReceiver<Event>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let notes = self.clone();
        async move {
            while let Some(event) = events.recv().await {
                if let EventKind::Note { id, text } = event.kind {
                    notes.0.lock().unwrap().push(format!("{id}: {text}"));
                }
            }
        }
    }

    fn notice(&self, _: Notice<'_>) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_takes_long_is_named_while_it_is_waited_for() {
    let world = World::empty().await;
    for operation in ["DescribeTable", "CreateApi"] {
        let slow = FaultKind::Delay(5_500);
        world.cloud.inject(at(operation, slow));
    }
    let (notes, heard) = (Notes::default(), Arc::<Mutex<Vec<String>>>::default());
    let list = Arc::clone(&heard);
    let hear = move |operation: &str| list.lock().unwrap().push(operation.to_owned());
    let clients = world.clients.clone();
    let deploy = deployer::deploy(clients, &world.settings, &Tiny, OPTIONS, &notes);
    SlowCalls::new(hear).during(deploy).await.unwrap();
    assert_eq!(*heard.lock().unwrap(), ["DescribeTable"]);
    let notes = notes.0.lock().unwrap().clone();
    assert!(
        notes.contains(&"api: waiting for AWS: CreateApi".to_owned()),
        "{notes:?}"
    );
}
