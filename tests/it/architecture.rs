//! The invariants of ARCHITECTURE.md, as far as the text of the source shows them.

use std::fs;
use std::path::{Path, PathBuf};

/// Every line of code below `folder`: place and text. Comments and unit tests are not meant.
fn lines(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut out = Vec::new();
    for path in sources(&root.join(folder)) {
        let name = path.strip_prefix(root).unwrap().display().to_string();
        let text = fs::read_to_string(&path).unwrap();
        for (n, line) in without_tests(&text).enumerate() {
            let line = line.trim();
            if !line.starts_with("//") {
                out.push((format!("{name}:{}", n + 1), line.to_owned()));
            }
        }
    }
    assert!(!out.is_empty(), "{folder} holds no code");
    out
}

/// Unit tests are the last part of a file.
fn without_tests(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .take_while(|line| line.trim() != "#[cfg(test)]")
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            out.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            out.push(path);
        }
    }
    out
}

/// No line below `folder` holds any of `words`, but for files whose path holds one of `except`.
fn nowhere(folder: &str, words: &[&str], except: &[&str]) {
    let found: Vec<_> = lines(folder)
        .into_iter()
        .filter(|(place, _)| !except.iter().any(|path| place.contains(path)))
        .filter(|(_, line)| words.iter().any(|word| line.contains(word)))
        .map(|(place, line)| format!("{place}: {line}"))
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_engine_knows_no_aws() {
    nowhere(
        "src/engine",
        &[
            "aws_",
            "crate::aws",
            "crate::naming",
            "crate::resources",
            "crate::stack",
        ],
        &[],
    );
}

#[test]
fn only_chatctl_local_knows_the_local_cloud() {
    nowhere("src", &["chatctl_local_cloud"], &["src/commands/local/"]);
}

/// Every module of `src/`, each of which may import only those above it.
const ORDER: [&str; 25] = [
    "error",
    "config",
    "signals",
    "network",
    "websocket",
    "aws",
    "engine",
    "naming",
    "chat_api",
    "package",
    "prove",
    "resources",
    "stack",
    "deployer",
    "tail",
    "doctor",
    "any_api",
    "rights",
    "chat_client",
    "page",
    "report",
    "cli",
    "commands",
    "lib",
    "main",
];

#[test]
fn data_flows_one_way() {
    let place = |module: &str| {
        let found = ORDER.iter().position(|one| *one == module);
        found.unwrap_or_else(|| panic!("{module} has no place in the order"))
    };
    let upward: Vec<_> = imports("src")
        .into_iter()
        .filter(|(_, from, to)| place(from) < place(to))
        .map(|(line, from, to)| format!("{line}: {from} imports {to}"))
        .collect();
    assert!(upward.is_empty(), "{}", upward.join("\n"));
}

/// Each use of `crate::module` below `folder`: its line, the module it stands in, and `module`.
fn imports(folder: &str) -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    for (place, line) in lines(folder) {
        if place.contains("tests.rs") {
            continue;
        }
        let path = place.split(':').next().unwrap().trim_start_matches("src/");
        let from = path
            .split('/')
            .next()
            .unwrap()
            .trim_end_matches(".rs")
            .to_owned();
        for rest in line.split("crate::").skip(1) {
            let to: String = rest
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            if !to.is_empty() && to != from {
                all.push((place.clone(), from.clone(), to));
            }
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn every_edge_names_a_part_of_the_stack() {
    use chatctl::engine::Resource;
    let mut world = super::world::World::empty().await;
    // With every part that a stack can have.
    world.settings.connect.authorization = chatctl::config::Authorization::Function;
    let ids = wanted_resources(&world).await;
    let edges = ids
        .iter()
        .flat_map(|one| [one.needs(), one.outlives()].concat());
    for edge in edges {
        let named = ids.iter().any(|one| edge.matches(&one.id()));
        assert!(named, "{} ({})", edge.on, edge.why);
    }
}

async fn wanted_resources(world: &super::world::World) -> Vec<chatctl::resources::Kind> {
    use chatctl::resources::{Observed, RunContext};
    use chatctl::stack::{Desired, Stack};
    let settings = &world.settings;
    let run = RunContext::new(world.clients.clone(), settings, false);
    let observed = Observed::read(std::sync::Arc::new(run)).await.unwrap();
    let desired = Desired {
        settings,
        digest: None,
        with_logging_role: true,
    };
    Stack::wanted(&desired, &observed).resources
}

#[test]
fn only_report_writes_to_the_terminal() {
    let writing = [
        "println!",
        "eprint",
        "io::stdout",
        "io::stderr",
        "anstream::",
    ];
    nowhere(
        "src",
        &writing,
        &["src/report/", "src/commands/mod.rs", "tests.rs", "/tests/"],
    );
}

#[test]
fn only_config_reads_the_environment() {
    nowhere(
        "src",
        &["env::var", "env::vars"],
        &["src/config/", "tests.rs", "/tests/"],
    );
}

#[test]
fn a_file_is_read_in_one_sitting() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let long: Vec<_> = ["src", "crates/local-cloud/src", "lambda/src"]
        .iter()
        .flat_map(|folder| sources(&root.join(folder)))
        .map(|path| {
            (
                without_tests(&fs::read_to_string(&path).unwrap()).count(),
                path,
            )
        })
        .filter(|(count, _)| *count > 600)
        .collect();
    assert!(long.is_empty(), "{long:?}");
}

#[test]
fn every_file_begins_by_saying_what_it_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let silent: Vec<_> = ["src", "crates/local-cloud/src"]
        .iter()
        .flat_map(|folder| sources(&root.join(folder)))
        .filter(|path| !path.to_string_lossy().ends_with("tests.rs") && !path.ends_with("fake.rs"))
        .filter(|path| !fs::read_to_string(path).unwrap().starts_with("//!"))
        .collect();
    assert!(silent.is_empty(), "{silent:?}");
}
