//! Calls in the crate go in one direction: no two modules import each other, directly or by way of others.
//!
//! The lock order of the services follows from this: whoever holds a lock calls only what lies further down,
//! and nothing further down can call back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

type Graph = BTreeMap<String, BTreeSet<String>>;

/// Every source file of the crate, with the path of its module: `["services", "iam", "policy"]`.
fn modules() -> Vec<(Vec<String>, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut out = Vec::new();
    for path in sources(&root) {
        let name = path.strip_prefix(&root).unwrap().with_extension("");
        let mut module: Vec<String> = name
            .iter()
            .map(|part| part.to_string_lossy().into_owned())
            .collect();
        if module
            .last()
            .is_some_and(|last| last == "mod" || last == "lib")
        {
            module.pop();
        }
        out.push((module, code(&fs::read_to_string(&path).unwrap())));
    }
    assert!(out.len() > 50, "the sources were not found");
    out
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

/// Without comments and unit tests, which are the last part of a file.
fn code(text: &str) -> String {
    let lines = text
        .lines()
        .take_while(|line| !line.starts_with("#[cfg(test)]"));
    let code = lines.map(|line| line.split("//").next().unwrap_or_default());
    code.collect::<Vec<_>>().join("\n")
}

/// Every path that begins with `crate::` or `super::`, as a path from the crate's root. `{a, b::c}` are two.
fn paths(module: &[String], code: &str) -> Vec<Vec<String>> {
    let mut out = Vec::new();
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().last();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let (mut base, mut rest) = (module.to_vec(), &code[at..]);
            while let Some(after) = rest.strip_prefix("super::") {
                base.pop();
                rest = after;
            }
            if let Some(after) = rest.strip_prefix("crate::") {
                (base, rest) = (Vec::new(), after);
            }
            expand(&base, rest, &mut out);
        }
    }
    out
}

/// The path, or the paths in braces, that `rest` begins with.
fn expand(base: &[String], rest: &str, out: &mut Vec<Vec<String>>) {
    let rest = rest.trim_start();
    if let Some(group) = rest.strip_prefix('{') {
        for part in parts(group) {
            expand(base, part, out);
        }
        return;
    }
    let end = rest
        .find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(rest.len());
    let mut path = base.to_vec();
    if end > 0 && &rest[..end] != "self" {
        path.push(rest[..end].to_owned());
    }
    match rest[end..].strip_prefix("::") {
        Some(after) if end > 0 => expand(&path, after, out),
        _ => out.push(path),
    }
}

/// What stands between the commas of a group, up to the brace that closes it.
fn parts(group: &str) -> Vec<&str> {
    let (mut out, mut depth, mut from) = (Vec::new(), 0, 0);
    for (at, sign) in group.char_indices() {
        match sign {
            '{' => depth += 1,
            '}' if depth == 0 => {
                out.push(&group[from..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                out.push(&group[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    out.retain(|part| !part.trim().is_empty());
    out
}

/// The modules of the crate's first level, and every service by itself. `lib.rs` is the facade over all of
/// them and imported by none.
fn unit(path: &[String]) -> Option<String> {
    match path {
        [services, service, ..] if services == "services" => Some(format!("services/{service}")),
        [first, ..] if first.starts_with(|c: char| c.is_lowercase()) => Some(first.clone()),
        _ => None,
    }
}

/// Who imports whom, by `name`; what has no name is left out.
fn graph(name: impl Fn(&[String]) -> Option<String>) -> Graph {
    let mut graph = Graph::new();
    for (module, code) in modules() {
        let Some(from) = name(&module) else { continue };
        let named = paths(&module, &code);
        let named = named.iter().filter_map(|path| name(path));
        let to = named.filter(|to| *to != from);
        graph.entry(from.clone()).or_default().extend(to);
    }
    graph
}

/// A way from a module back to itself, if there is one.
fn cycle(graph: &Graph) -> Option<Vec<String>> {
    graph.keys().find_map(|start| {
        let mut seen = BTreeSet::new();
        let mut ways = vec![vec![start.clone()]];
        while let Some(way) = ways.pop() {
            for next in graph.get(way.last()?).into_iter().flatten() {
                let longer = [way.as_slice(), std::slice::from_ref(next)].concat();
                if next == start {
                    return Some(longer);
                }
                if seen.insert(next.clone()) {
                    ways.push(longer);
                }
            }
        }
        None
    })
}

#[test]
fn modules_import_each_other_in_one_direction() {
    let graph = graph(unit);
    assert!(graph["router"].contains("services/iam") || graph["router"].contains("state"));
    assert!(graph["services/lambda"].contains("runtime"), "{graph:#?}");
    assert_eq!(cycle(&graph), None);
}

/// The files within a folder too. A folder's `mod.rs` is left out: it names its files, and holds what they
/// share.
#[test]
fn files_of_one_folder_import_each_other_in_one_direction() {
    let folders: BTreeSet<Vec<String>> = modules()
        .into_iter()
        .filter_map(|(module, _)| Some(module.split_last()?.1.to_vec()))
        .filter(|folder| !folder.is_empty())
        .collect();
    assert!(folders.len() > 8);
    for folder in folders {
        let files: BTreeSet<String> = modules()
            .into_iter()
            .filter_map(|(module, _)| {
                Some(module.strip_prefix(folder.as_slice())?.first()?.clone())
            })
            .collect();
        let file = |path: &[String]| {
            let name = path.strip_prefix(folder.as_slice())?.first()?;
            files.contains(name).then(|| name.clone())
        };
        assert_eq!(cycle(&graph(file)), None, "in {folder:?}");
    }
}

/// The facade's names would hide a cycle: `crate::Clock` is `crate::clock::Clock` to anything within.
#[test]
fn nothing_imports_the_facade() {
    let is_name = |path: &[String]| {
        let first = path.first()?;
        first
            .starts_with(|c: char| c.is_uppercase())
            .then(|| first.clone())
    };
    let within = modules()
        .into_iter()
        .filter(|(module, _)| !module.is_empty());
    for (module, code) in within {
        let names: Vec<_> = paths(&module, &code)
            .iter()
            .filter_map(|path| is_name(path))
            .collect();
        assert_eq!(names, [""; 0], "in {module:?}");
    }
}

/// Every service reads the clock and the conditions, often under its own lock. Neither knows any service, so
/// they cannot wait for one.
#[test]
fn clock_and_conditions_know_no_service() {
    let graph = graph(unit);
    assert_eq!(graph["clock"], BTreeSet::new());
    assert_eq!(graph["conditions"], BTreeSet::new());
    let shared: Vec<_> = graph["shared"].iter().map(String::as_str).collect();
    assert_eq!(shared, ["clock", "conditions", "persist"]);
}

#[test]
fn a_cycle_is_found() {
    let edges = [("a", "b"), ("b", "c"), ("c", "b"), ("d", "a")];
    let mut graph = Graph::new();
    for (from, to) in edges {
        graph
            .entry(from.to_owned())
            .or_default()
            .insert(to.to_owned());
    }
    assert_eq!(cycle(&graph).unwrap().len(), 3);
    graph.get_mut("c").unwrap().clear();
    assert_eq!(cycle(&graph), None);
}

#[test]
fn paths_are_read_from_the_text() {
    let module = ["services", "iam", "roles"].map(str::to_owned);
    let code = "use crate::{wire, services::logs::{Logs, self}};\nuse super::{Iam, tags};\nsuper::super::sts::a();";
    let found: Vec<_> = paths(&module, code)
        .iter()
        .map(|path| path.join("/"))
        .collect();
    assert_eq!(
        found,
        [
            "wire",
            "services/logs/Logs",
            "services/logs",
            "services/iam/Iam",
            "services/iam/tags",
            "services/sts/a",
        ]
    );
}
