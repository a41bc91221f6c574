//! What loses data is not done by mistake, and not in another account.

use super::binary::{chatctl, run};
use super::world::{FOR_SURE, OPTIONS, World, quiet};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
    ScalarAttributeType, Tag,
};
use chatctl::config::Settings;
use chatctl::deployer::{self, DeployOptions, TeardownOptions};
use chatctl::error::ErrorKind;
use std::fs;

const NAME: &str = "chat-production";

/// A table with our name, other keys than ours and one item; ours if it has the tags.
async fn table_with_other_keys(world: &World, tags: bool) {
    let dynamodb = &world.clients.dynamodb;
    let key = KeySchemaElement::builder().attribute_name("id");
    let attribute = AttributeDefinition::builder().attribute_name("id");
    let attribute = attribute.attribute_type(ScalarAttributeType::S);
    let tag = |(key, value)| Tag::builder().key(key).value(value).build().unwrap();
    let ours = [
        ("chatctl:stack", "chat"),
        ("chatctl:stage", "production"),
        ("chatctl:id", "table"),
    ];
    dynamodb
        .create_table()
        .table_name(NAME)
        .billing_mode(BillingMode::PayPerRequest)
        .key_schema(key.key_type(KeyType::Hash).build().unwrap())
        .attribute_definitions(attribute.build().unwrap())
        .set_tags(tags.then(|| ours.map(tag).into()))
        .send()
        .await
        .unwrap();
    let item = dynamodb.put_item().table_name(NAME);
    let item = item.item("id", AttributeValue::S("precious".into()));
    item.send().await.unwrap();
}

async fn has_the_item(world: &World) -> bool {
    let get = world.clients.dynamodb.get_item().table_name(NAME);
    let get = get.key("id", AttributeValue::S("precious".into()));
    get.send().await.is_ok_and(|got| got.item.is_some())
}

fn protected(world: &World) -> Settings {
    let mut settings = world.settings.clone();
    settings.protect = true;
    settings
}

fn forced(name: &str) -> DeployOptions<'_> {
    DeployOptions {
        force: Some(name),
        ..OPTIONS
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protected_chat_is_torn_down_only_by_its_name() {
    let world = World::deployed().await;
    let settings = protected(&world);
    let teardown = async |options| {
        deployer::teardown(world.clients.clone(), &settings, options, &quiet()).await
    };
    let before = world.snapshot().await;
    let error = teardown(FOR_SURE).await.unwrap_err();
    assert_eq!(
        error.message(),
        "chat/production is protected: nothing was deleted"
    );
    let lost = error.causes().join("\n");
    assert!(
        lost.contains("table chat-production would be lost with"),
        "{lost}"
    );
    let hint = error.hints().join("\n");
    assert!(hint.contains("teardown --force chat "), "{hint}");
    let force = |name| TeardownOptions {
        force: Some(name),
        ..FOR_SURE
    };
    let other = teardown(force("other")).await.unwrap_err();
    assert_eq!(other.kind(), ErrorKind::Usage);
    assert_eq!(world.snapshot().await, before);
    teardown(force("chat")).await.unwrap();
    assert!(
        !world
            .deploy_as(&settings)
            .await
            .unwrap()
            .plan
            .resources
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protected_table_is_replaced_only_by_the_chats_name() {
    let world = World::empty().await;
    table_with_other_keys(&world, true).await;
    let settings = protected(&world);
    let error = world.deploy_as(&settings).await.unwrap_err();
    assert_eq!(
        error.message(),
        "chat/production is protected, and the plan loses data"
    );
    let causes = error.causes().join("\n");
    assert!(
        causes.contains("table chat-production would be lost with"),
        "{causes}"
    );
    assert!(has_the_item(&world).await);
    world.deploy_how(&settings, forced("chat")).await.unwrap();
    assert!(!has_the_item(&world).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_somebody_else_is_replaced_only_by_the_chats_name() {
    let world = World::empty().await;
    table_with_other_keys(&world, false).await;
    let adopting = DeployOptions {
        adopt: true,
        ..OPTIONS
    };
    let error = world
        .deploy_how(&world.settings, adopting)
        .await
        .unwrap_err();
    assert_eq!(
        error.message(),
        "the plan replaces what is not ours, with its data"
    );
    let hint = error.hints().join("\n");
    assert!(hint.contains("deploy --adopt --force chat "), "{hint}");
    assert!(has_the_item(&world).await);
    let both = DeployOptions {
        adopt: true,
        ..forced("chat")
    };
    let deployed = world.deploy_how(&world.settings, both).await.unwrap();
    let table = deployed.plan.resources.iter();
    let table = table
        .clone()
        .find(|one| one.id.as_str() == "table")
        .unwrap();
    assert!(table.loses.is_some());
    assert!(!has_the_item(&world).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn taking_over_a_table_with_other_keys_needs_more_than_a_yes() {
    let world = World::empty().await;
    table_with_other_keys(&world, false).await;
    let deploy = async |flags: &[&str]| {
        let said = world.run(&[&["deploy", "--adopt"], flags].concat()).await;
        assert!(!said.status.success());
        String::from_utf8_lossy(&said.stderr).into_owned()
    };
    let refused = deploy(&["--yes"]).await;
    for words in [
        "error: the plan replaces what is not ours, with its data",
        "because table chat-production would be lost with about 1 item",
        "deploy --adopt --force chat ",
    ] {
        assert!(refused.contains(words), "{words}: {refused}");
    }
    let other = deploy(&["--yes", "--force", "other"]).await;
    assert!(other.contains("--force names \"other\""), "{other}");
    // Without a yes the question names what is lost.
    let asked = deploy(&["--force", "chat"]).await;
    let question = "1 to replace. This loses table chat-production with about 1 item. Go ahead?";
    assert!(asked.contains(question), "{asked}");
    let planned = world.run(&["plan", "--adopt"]).await;
    let planned = String::from_utf8_lossy(&planned.stdout).into_owned();
    assert!(
        planned
            .contains("keySchema cannot be changed; it loses about 1 item, and so needs --force"),
        "{planned}"
    );
    assert!(has_the_item(&world).await);
    assert_eq!(world.writes_since(0).len(), 2, "the table and its item");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_and_its_question_say_what_is_lost() {
    let world = World::empty().await;
    table_with_other_keys(&world, true).await;
    let plan = world.run(&["plan"]).await;
    let plan = String::from_utf8_lossy(&plan.stdout).into_owned();
    let lines: Vec<_> = plan.lines().map(str::trim).collect();
    let table = lines.iter().position(|line| line.starts_with("± table"));
    assert!(lines[table.unwrap() + 1].starts_with("loses "), "{plan}");
    let asked = world.run(&["teardown"]).await;
    let asked = String::from_utf8_lossy(&asked.stderr).into_owned();
    assert!(
        asked.contains("This loses table chat-production with"),
        "{asked}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_account_than_the_files_is_refused() {
    let world = World::empty().await;
    let file = world.folder.path().join("chatctl.toml");
    let said = |args: &[&str]| {
        let mut command = chatctl(world.folder.path());
        command
            .args(args)
            .args(["--endpoint-url", world.cloud.endpoint()]);
        tokio::task::block_in_place(|| run(&mut command))
    };
    fs::write(&file, "account = \"123456789012\"\n").unwrap();
    for command in [
        &["deploy", "--yes"][..],
        &["teardown", "--yes"],
        &["status"],
    ] {
        let said = said(command);
        assert_eq!(said.code, 1, "{}", said.err);
        let words = "these credentials are of account 000000000000, and this chat belongs to account 123456789012";
        assert!(said.err.contains(words), "{}", said.err);
    }
    assert_eq!(world.writes_since(0).len(), 0);
    fs::write(&file, "account = \"000000000000\"\n").unwrap();
    assert_eq!(said(&["status"]).code, 0);
    fs::write(&file, "account = \"1234\"\n").unwrap();
    let bad = said(&["status"]);
    assert!(
        bad.code == 64 && bad.err.contains("chatctl.toml:1: account: "),
        "{}",
        bad.err
    );
}
