//! `plan --out` and `deploy --plan`: what was reviewed is what is done, or nothing is.

use super::world::{OPTIONS, World, text};
use chatctl::aws::Place;
use chatctl::config::Settings;
use chatctl::deployer::{DeployOptions, Deployed, SavedPlan};
use chatctl::error::{Error, ErrorKind};
use std::path::{Path, PathBuf};

const FILE: &str = "plan.json";

fn path(world: &World) -> PathBuf {
    world.folder.path().join(FILE)
}

/// Plans to the file, with these flags.
async fn plan(world: &World, flags: &[&str]) -> SavedPlan {
    let output = world.run(&[&["plan", "--out", FILE], flags].concat()).await;
    assert!(output.status.success(), "{}", text(&output));
    let written = std::fs::read_to_string(path(world)).unwrap();
    SavedPlan::from_text(&written, Path::new(FILE)).unwrap()
}

async fn apply(world: &World, settings: &Settings, saved: &SavedPlan) -> Result<Deployed, Error> {
    let options = DeployOptions {
        plan: Some(saved),
        yes: false,
        ..OPTIONS
    };
    world.deploy_how(settings, options).await
}

/// Deploys the plan of the file with the binary: it is refused, and nothing is written.
async fn refused(world: &World, flags: &[&str]) -> String {
    let before = world.cloud.calls().len();
    let args = [&["deploy", "--plan", FILE], flags].concat();
    let output = world.run(&args).await;
    let said = text(&output);
    assert!(!output.status.success(), "{said}");
    assert_eq!(world.writes_since(before), []);
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn is_applied_without_a_question_and_once_only() {
    let world = World::empty().await;
    let saved = plan(&world, &[]).await;
    let first = apply(&world, &world.settings, &saved).await.unwrap();
    assert!(first.changed);
    let before = world.cloud.calls().len();
    let second = apply(&world, &world.settings, &saved).await.unwrap();
    assert!(!second.changed, "it was applied already");
    assert_eq!(world.writes_since(before), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn is_refused_when_a_resource_drifted_and_says_which_field() {
    let world = World::deployed().await;
    plan(&world, &["--memory", "512"]).await;
    let group = "/aws/lambda/chat-production";
    let call = world.clients.logs.put_retention_policy();
    let call = call.log_group_name(group).retention_in_days(1);
    call.send().await.unwrap();
    let said = refused(&world, &["--memory", "512"]).await;
    assert!(
        said.contains("what was planned is not what would be done now"),
        "{said}"
    );
    assert!(
        said.contains(
            "log-group/function: updating would be done, keeping was planned (retentionInDays)"
        ),
        "{said}"
    );
    assert!(said.contains("plan --out FILE"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn is_refused_when_what_it_changes_is_not_what_it_was() {
    let world = World::deployed().await;
    plan(&world, &["--memory", "512"]).await;
    world
        .deploy_as(&world.settings(&["--memory", "128"]))
        .await
        .unwrap();
    let said = refused(&world, &["--memory", "512"]).await;
    assert!(
        said.contains("function: it was changed on AWS (memorySize)"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn is_refused_when_a_setting_is_another() {
    let world = World::deployed().await;
    plan(&world, &["--memory", "512", "--tag", "team=blue"]).await;
    let said = refused(&world, &["--memory", "1024"]).await;
    for moved in [
        "function.memory is 1024, was 512",
        "tags.team is not set, was \"blue\"",
    ] {
        assert!(said.contains(moved), "{said}");
    }
}

/// Also when the stack is as the new settings want it: then the plan was not carried out.
#[tokio::test(flavor = "multi_thread")]
async fn is_refused_after_a_deploy_of_other_settings() {
    let world = World::deployed().await;
    plan(&world, &["--memory", "512"]).await;
    let said = refused(&world, &[]).await;
    assert!(said.contains("function.memory is 256, was 512"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn is_refused_when_the_source_is_another() {
    let world = World::empty().await;
    let source = world.folder.path().join("lambda");
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join("Cargo.toml"), "[package]").unwrap();
    plan(&world, &["--lambda", "lambda"]).await;
    std::fs::write(source.join("main.rs"), "fn main() {}").unwrap();
    let said = refused(&world, &["--lambda", "lambda"]).await;
    assert!(said.contains("the function's source is another"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_no_secret_and_is_its_owners_only() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::deployed().await;
    let secret = |value: &str| {
        let toml = format!("[function.environment]\nTOKEN = \"{value}\"\n");
        std::fs::write(world.folder.path().join("chatctl.toml"), toml).unwrap();
    };
    secret("hunter2");
    std::fs::write(path(&world), "open to all").unwrap();
    plan(&world, &[]).await;
    let written = std::fs::read_to_string(path(&world)).unwrap();
    assert!(written.contains("environment.TOKEN"), "{written}");
    assert!(!written.contains("hunter2"), "{written}");
    let mode = std::fs::metadata(path(&world)).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    plan(&world, &[]).await;
    let other = std::fs::read_to_string(path(&world)).unwrap();
    assert_ne!(written, other, "equal secrets have other digests");

    secret("hunter3");
    let said = refused(&world, &[]).await;
    assert!(
        said.contains("function.environment.TOKEN is another (values hidden)"),
        "{said}"
    );
    assert!(!said.contains("hunter"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sees_a_hidden_value_that_somebody_else_changed() {
    let world = World::empty().await;
    let settings = |value: &str| {
        let file = world.folder.path().join("chatctl.toml");
        let toml = format!("[function.environment]\nTOKEN = \"{value}\"\n");
        std::fs::write(&file, toml).unwrap();
        world.settings(&["--config", file.to_str().unwrap()])
    };
    world.deploy_as(&settings("one")).await.unwrap();
    let third = settings("three");
    let saved = plan(&world, &[]).await;
    world.deploy_as(&settings("two")).await.unwrap();
    let error = apply(&world, &third, &saved).await.unwrap_err();
    let moved = [
        "alias: it was changed on AWS (version)",
        "function: it was changed on AWS",
    ];
    assert_eq!(error.causes(), moved);
}

#[tokio::test(flavor = "multi_thread")]
async fn is_refused_for_another_chat_region_or_account() {
    let world = World::empty().await;
    let saved = plan(&world, &[]).await;
    for other in [["--name", "other"], ["--stage", "test"]] {
        let said = refused(&world, &other).await;
        assert!(
            said.contains("the plan is for chat/production in us-east-1, account"),
            "{said}"
        );
    }
    let here = &world.clients.place;
    let account = Place {
        account_id: "999999999999".into(),
        ..here.clone()
    };
    let region = Place {
        region: "eu-central-1".into(),
        ..here.clone()
    };
    for (place, named) in [(account, "account 999999999999"), (region, "eu-central-1")] {
        let error = saved.require_target(&world.settings, &place).unwrap_err();
        assert!(error.to_string().contains(named), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_plan_is_refused() {
    let world = World::empty().await;
    plan(&world, &[]).await;
    let written = std::fs::read_to_string(path(&world)).unwrap();
    let edited = written.replace("\"create\"", "\"keep\"");
    assert_ne!(edited, written);
    let cut = &written[..written.len() / 2];
    let future = written.replace("\"format\": 1", "\"format\": 2");
    for (contents, why) in [
        (edited.as_str(), "was changed after it was written"),
        (&future, "the plan has format 2, and this chatctl reads"),
        (cut, "this is not a plan that chatctl wrote"),
        ("{}", "this is not a plan that chatctl wrote"),
        ("\u{0}", "this is not a plan that chatctl wrote"),
    ] {
        std::fs::write(path(&world), contents).unwrap();
        let said = refused(&world, &[]).await;
        assert!(said.contains(&format!("{FILE}: ")), "{said}");
        assert!(said.contains(why), "{said}");
        assert!(said.contains("exit status: 64"), "{said}");
    }
    std::fs::remove_file(path(&world)).unwrap();
    let said = refused(&world, &[]).await;
    assert!(said.contains("the plan cannot be read"), "{said}");
    let error = SavedPlan::from_text("", Path::new("x")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
}

#[tokio::test(flavor = "multi_thread")]
async fn that_takes_over_does_so_when_it_is_applied() {
    let world = World::empty().await;
    let group = "/aws/lambda/chat-production";
    let call = world.clients.logs.create_log_group().log_group_name(group);
    call.send().await.unwrap();
    let saved = plan(&world, &["--adopt"]).await;
    assert!(saved.adopts());
    assert!(
        apply(&world, &world.settings, &saved)
            .await
            .unwrap()
            .changed
    );
}
