//! A zip, a folder, and a command that makes one of them.

use super::super::world::{World, text};
use super::{FUNCTION, configured, write};
use chatctl::package::code_sha256;
use std::io::{Cursor, Write};

fn zipped(contents: &str) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    zip.start_file("index.mjs", options).unwrap();
    zip.write_all(contents.as_bytes()).unwrap();
    zip.finish().unwrap().into_inner()
}

/// The exit code of `plan --exit-code`.
async fn planned(world: &World) -> Option<i32> {
    world.run(&["plan", "--exit-code"]).await.status.code()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zip_is_uploaded_as_it_is_and_again_when_it_is_another() {
    let world = World::empty().await;
    let first = zipped("1");
    write(&world, "dist/function.zip", &first);
    configured(
        &world,
        "[function]\nzip = \"dist/function.zip\"\nruntime = \"nodejs22.x\"\n",
    );
    let deployed = world.run(&["deploy", "--yes", "--no-prove"]).await;
    assert!(deployed.status.success(), "{}", text(&deployed));
    let call = world.clients.lambda.get_function_configuration();
    let live = call.function_name("chat-production").send().await.unwrap();
    assert_eq!(live.code_sha256(), Some(code_sha256(&first).as_str()));
    assert_eq!(planned(&world).await, Some(0));
    write(&world, "dist/function.zip", zipped("2"));
    assert_eq!(planned(&world).await, Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_build_makes_is_deployed_and_is_no_change_by_itself() {
    let world = World::empty().await;
    write(&world, "function/.gitignore", "dist\n");
    let build = "build = \"mkdir -p dist && cp index.mjs dist/app.mjs\"\n";
    configured(
        &world,
        &format!("{FUNCTION}{build}handler = \"dist/app.handler\"\n"),
    );
    let deployed = world.run(&["deploy", "--yes", "--no-prove"]).await;
    assert!(deployed.status.success(), "{}", text(&deployed));
    assert_eq!(planned(&world).await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_fails_shows_its_words_and_changes_nothing() {
    let world = World::empty().await;
    let build = "build = \"echo first words; echo a complaint >&2; exit 3\"\n";
    configured(&world, &format!("{FUNCTION}{build}"));
    let refused = world.run(&["deploy", "--yes", "--no-prove"]).await;
    let said = text(&refused);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    for words in ["first words", "a complaint", "exit status: 3"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(world.writes_since(0), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_without_its_file_is_told_before_anything_changes() {
    let world = World::empty().await;
    configured(&world, &format!("{FUNCTION}handler = \"app.handler\"\n"));
    let refused = world.run(&["deploy", "--yes", "--no-prove"]).await;
    let said = text(&refused);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(
        said.contains("app.mjs") && said.contains("index.mjs"),
        "{said}"
    );
    assert_eq!(world.writes_since(0), []);
}
