//! A bad version: nobody meets it.

use super::{Client, World, answers, done, fails, live, published};
use crate::world::{OPTIONS, Tiny, quiet, text};
use chatctl::deployer::{self, DeployOptions, Deployed};
use chatctl::error::Result;
use chatctl_local_cloud::{Fault, FaultKind};
use std::fs;

/// Deploys a function that ends as soon as it is started, and has it proved.
pub async fn deploy_what_crashes(world: &World) -> Result<Deployed> {
    own_source(world).await;
    let source = world.folder.path().join("lambda");
    let main = source.join("src/main.rs");
    let other = fs::read_to_string(&main).unwrap() + "\n// Another source.\n";
    fs::write(&main, other).unwrap();
    let settings = world.settings(&["--lambda", source.to_str().unwrap()]);
    let options = DeployOptions {
        no_prove: false,
        ..OPTIONS
    };
    let (clients, ui) = (world.clients.clone(), quiet());
    deployer::deploy(clients, &settings, &Tiny, options, &ui).await
}

/// The bundled source, written out as a user would have it.
async fn own_source(world: &World) {
    let written = world.run(&["init", "--lambda"]).await;
    assert!(written.status.success(), "{}", text(&written));
    // It names the source; here every deploy does that itself.
    let _ = fs::remove_file(world.folder.path().join("chatctl.toml"));
}

/// The chat's source, changed so that it connects and answers nothing.
async fn silent_source(world: &World) {
    own_source(world).await;
    let room = world.folder.path().join("lambda/src/room.rs");
    let source = fs::read_to_string(&room).unwrap();
    let answer = "self.answer(vec![self.stamp.pong(&self.event.connection_id)])";
    let (before, after) = source
        .split_once(answer)
        .expect("the answer to a heartbeat");
    let after = after.trim_start().trim_start_matches(".await;");
    fs::write(&room, [before, after].concat()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_answers_nothing_is_refused_with_its_own_log() {
    let world = World::empty().await;
    let first = done(&world, &["deploy", "--yes"]).await;
    let mut alice = Client::connect(first["url"].as_str().unwrap()).await;
    silent_source(&world).await;
    let said = fails(&world, &["deploy", "--yes", "--lambda", "lambda"]).await;
    for words in [
        "version 2 of the function does not work",
        "posts no answer to a message",
        "its log: {",
        "nobody met it: the version before it stays live",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(live(&world).await.0, "1");
    answers(&mut alice).await;
    let mut bob = Client::connect(first["url"].as_str().unwrap()).await;
    answers(&mut bob).await;

    // The good source again: what is live is that already.
    let mended = done(&world, &["deploy", "--yes"]).await;
    assert_eq!(mended["version"], "1");
    assert_eq!(published(&world).await, ["1", "2"]);

    // Who does not want the check gets what was built.
    let forced = ["deploy", "--yes", "--lambda", "lambda", "--no-prove"];
    done(&world, &forced).await;
    assert_eq!(live(&world).await.0, "2");
    // The way back needs no live version that works; the way to a bad one is closed.
    done(&world, &["rollback"]).await;
    let said = fails(&world, &["rollback", "--to", "2"]).await;
    assert!(
        said.contains("version 2 of the function does not work"),
        "{said}"
    );
    assert_eq!(live(&world).await.0, "1");
    answers(&mut alice).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_crashes_is_refused_in_lambdas_words() {
    let world = World::empty().await;
    let first = done(&world, &["deploy", "--yes"]).await;
    let mut alice = Client::connect(first["url"].as_str().unwrap()).await;
    let error = deploy_what_crashes(&world).await.unwrap_err();
    assert_eq!(error.message(), "version 2 of the function does not work");
    let hints = error.hints().join("\n");
    assert!(
        hints.contains("mend it, then run `chatctl deploy"),
        "{hints}"
    );
    assert!(!hints.contains("goes on from here"), "{hints}");
    let why = &error.causes()[0];
    assert!(
        why.contains("when a client connects: Runtime.ExitError"),
        "{why}"
    );
    assert_eq!(live(&world).await.0, "1");
    answers(&mut alice).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_fails_behind_the_api_goes_back_by_itself() {
    let world = World::empty().await;
    done(&world, &["deploy", "--yes"]).await;
    // The probe comes in; after it nobody does.
    world.cloud.inject(Fault {
        service: Some("execute-api".into()),
        operation: Some("Connect".into()),
        nth: 2,
        times: Fault::ALWAYS,
        ..Fault::new(FaultKind::Error(500))
    });
    let said = fails(&world, &["deploy", "--yes", "--memory", "300"]).await;
    let words = "version 2 did not answer through the API: version 1 is live again";
    assert!(said.contains(words), "{said}");
    assert_eq!(
        live(&world).await,
        ("1".into(), "chatctl: the first version".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_version_that_does_not_work_keeps_no_better_one_out() {
    let world = World::empty().await;
    done(&world, &["deploy", "--yes"]).await;
    silent_source(&world).await;
    let forced = ["deploy", "--yes", "--lambda", "lambda", "--no-prove"];
    done(&world, &forced).await;
    let mended = done(&world, &["deploy", "--yes"]).await;
    assert_eq!(mended["version"], "3");
    assert!(mended["provedInSeconds"].is_number(), "{mended}");
}
