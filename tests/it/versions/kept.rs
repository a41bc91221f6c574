//! Which versions stay.

use super::{World, live, published};

async fn deploy_with(world: &World, memory: u32) {
    let settings = world.settings(&["--memory", &memory.to_string()]);
    world.deploy_as(&settings).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn five_versions_stay_unless_the_file_says_otherwise() {
    let world = World::deployed().await;
    for memory in 301..=307 {
        deploy_with(&world, memory).await;
    }
    assert_eq!(live(&world).await.0, "8");
    assert_eq!(published(&world).await, ["4", "5", "6", "7", "8"]);
    let file = world.folder.path().join("chatctl.toml");
    std::fs::write(&file, "[function]\nkeep-versions = 2\nmemory = 307\n").unwrap();
    let settings = world.settings(&["--config", file.to_str().unwrap()]);
    world.deploy_as(&settings).await.unwrap();
    assert_eq!(published(&world).await, ["7", "8"]);
    assert!(!world.deploy_as(&settings).await.unwrap().changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_published_or_uses_stays() {
    let world = World::deployed().await;
    let lambda = &world.clients.lambda;
    let alias = lambda.create_alias().function_name(super::NAME);
    let alias = alias.name("theirs").function_version("1");
    alias.send().await.unwrap();
    let change = lambda.update_function_configuration();
    let change = change.function_name(super::NAME).description("mine");
    change.send().await.unwrap();
    let theirs = lambda.publish_version().function_name(super::NAME);
    theirs.send().await.unwrap();
    for memory in 301..=306 {
        deploy_with(&world, memory).await;
    }
    let kept = published(&world).await;
    assert_eq!(kept, ["1", "2", "4", "5", "6", "7", "8"]);
}
