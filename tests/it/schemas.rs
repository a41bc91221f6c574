//! Every JSON document that a test makes the program write is checked against its schema in `schemas/`.

use jsonschema::Validator;
use serde_json::{Deserializer, Value};
use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::LazyLock;

static SCHEMAS: LazyLock<HashMap<String, Validator>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    files
        .map(|path| {
            let schema = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, jsonschema::validator_for(&schema).unwrap())
        })
        .collect()
});

/// Checks what a command wrote, if it was told to write JSON.
pub fn check(command: &Command, output: &Output) {
    let args: Vec<_> = command
        .get_args()
        .map(|arg| arg.to_string_lossy())
        .collect();
    let is_json = args.windows(2).any(|pair| pair == ["--output", "json"])
        || args.iter().any(|arg| arg == "--output=json");
    if !is_json || args.iter().any(|arg| arg == "--help") {
        return;
    }
    let has = |name: &str| args.iter().any(|arg| arg == name);
    // What `chat` writes is the chat's own protocol, and what `policy` writes without a role is IAM's.
    if has("chat") || (has("policy") && !has("--role")) || has("completions") || has("man") {
        return;
    }
    for document in Deserializer::from_slice(&output.stdout).into_iter() {
        let document: Value = document.unwrap();
        valid(schema_of(&document, &has), &document);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    for event in said
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
    {
        valid("event", &event);
    }
}

/// The schema of a document on stdout of the command with these arguments.
fn schema_of<'a>(document: &Value, has: &impl Fn(&str) -> bool) -> &'a str {
    if document.get("failure").is_some() {
        return "failure";
    }
    if has("logs") || (has("local") && document.get("message").is_some()) {
        return "log-line";
    }
    if has("policy") {
        return "policy-role";
    }
    if has("status") && has("--api") {
        return "api-status";
    }
    let commands = [
        "deploy", "doctor", "init", "list", "local", "open", "plan", "rollback", "status",
        "teardown",
    ];
    let command = commands.into_iter().find(|name| has(name));
    command.unwrap_or_else(|| panic!("no command writes {document}"))
}

/// The document is what the schema says.
pub fn valid(schema: &str, document: &Value) {
    if let Err(error) = SCHEMAS[schema].validate(document) {
        panic!(
            "{schema}: {error} at {}: {document:#}",
            error.instance_path()
        );
    }
}

#[test]
#[should_panic(expected = "\"exitCode\" is a required property")]
fn a_document_without_a_key_is_found() {
    let failure = serde_json::json!({"kind": "usage", "message": "", "causes": [], "hints": []});
    valid("failure", &serde_json::json!({ "failure": failure }));
}
