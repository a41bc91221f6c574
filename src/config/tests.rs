//! The file, and the flags that a suggested command repeats.

use super::ChatFlags;
use super::file::parse;
use std::path::Path;

#[test]
fn the_configuration_file_is_named_in_a_suggested_command() {
    let flags = ChatFlags::default().with_config(Some(Path::new("it's mine.toml")));
    assert_eq!(
        flags.command("plan"),
        r"chatctl plan --config 'it'\''s mine.toml'"
    );
}

#[test]
fn relative_source_in_the_file_starts_at_the_file() {
    let loaded = parse(
        "[function]\nsource = \"lambda\"\n",
        Path::new("some/chatctl.toml"),
    )
    .unwrap();
    assert_eq!(loaded.folder, Path::new("some"));
}
