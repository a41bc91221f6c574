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
        None,
    )
    .unwrap();
    assert_eq!(loaded.folder, Path::new("some"));
}

#[test]
fn a_value_of_the_file_is_never_shown() {
    let secrets = [
        "[function.environment]\nDB_PASSWORD = hunter2\n",
        "[function.environment]\nDB_PASSWORD = \"hunter2\n",
        "[function]\nmemory = \"hunter2\"\n",
        "[function.environment]\nKEY = \"\"\"\nhunter2==\n",
        "name = \"hunter2\" \"\n",
    ];
    for text in secrets {
        let path = std::path::Path::new("chatctl.toml");
        let error = super::file::parse(text, path, None).map(drop).unwrap_err();
        assert!(!format!("{error:?} {error}").contains("hunter2"), "{error}");
        assert!(error.message().starts_with("chatctl.toml:"), "{error}");
    }
}
