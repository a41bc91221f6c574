//! Lambda's managed runtimes for Node.js and Python: this machine's own `node` or `python3`, with a small program
//! that speaks the Runtime API and calls the handler.
//!
//! A runtime is run by an interpreter of its own version if there is one, or else by the one that is there. The log
//! of the function says so, once for each revision.
//!
//! Nearly every published handler builds the address of the management API from the event: `https://{domainName}/
//! {stage}`. That is a host of AWS, so the programs lead what the SDKs send there to this cloud instead.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::Mutex;

use super::process::{Program, StartFailure};
use super::{FunctionSpec, Host};

const NODE: &str = include_str!("node.mjs");
const PYTHON: &str = include_str!("python.py");
/// How long an interpreter may take to tell its version.
const PROBE_LIMIT: Duration = Duration::from_secs(20);

/// The managed runtimes that are here.
pub(crate) const RUNTIMES: [&str; 10] = [
    "nodejs18.x",
    "nodejs20.x",
    "nodejs22.x",
    "nodejs24.x",
    "python3.9",
    "python3.10",
    "python3.11",
    "python3.12",
    "python3.13",
    "python3.14",
];

/// A managed runtime: its language and version.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Runtime {
    language: Language,
    /// `22` or `3.12`.
    version: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Node,
    Python,
}

/// An interpreter of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Interpreter {
    path: PathBuf,
    version: String,
}

/// Finds interpreters, and remembers those that it found.
#[derive(Debug, Default)]
pub(super) struct Interpreters {
    found: Mutex<Vec<(String, Interpreter)>>,
}

/// What runs a function of a managed runtime, and what its log should say about it.
pub(super) struct Managed {
    pub(super) program: Program,
    pub(super) warning: Option<String>,
}

impl Interpreters {
    /// What runs functions of this runtime; `None` for a runtime that is not managed.
    pub(super) async fn program(
        &self,
        spec: &FunctionSpec,
        host: &Host,
        endpoint: &str,
    ) -> Result<Option<Managed>, StartFailure> {
        let runtime = spec.runtime.as_str();
        let Some(known) = Runtime::of(runtime) else {
            return Ok(None);
        };
        let interpreter = self.interpreter(runtime, &known, &host.search_path).await?;
        let script = known.language.script(&host.state_dir);
        let script = script.map_err(|error| StartFailure::Other(error.to_string()))?;
        let mut args = known.language.arguments(spec.memory);
        args.extend([script.display().to_string(), endpoint.to_owned()]);
        let warning = known.warning(runtime, &interpreter);
        let path = interpreter.path;
        let program = Program { path, args };
        Ok(Some(Managed { program, warning }))
    }

    async fn interpreter(
        &self,
        runtime: &str,
        known: &Runtime,
        search_path: &str,
    ) -> Result<Interpreter, StartFailure> {
        let mut found = self.found.lock().await;
        if let Some((_, one)) = found.iter().find(|(name, _)| name == runtime) {
            return Ok(one.clone());
        }
        for name in known.programs() {
            for folder in std::env::split_paths(search_path) {
                let path = folder.join(&name);
                if !path.is_file() {
                    continue;
                }
                if let Some(one) = known.language.probe(&path, search_path).await {
                    found.push((runtime.to_owned(), one.clone()));
                    return Ok(one);
                }
            }
        }
        let program = known.language.program();
        Err(StartFailure::NoRuntime(format!(
            "the runtime {runtime} needs the program `{program}`, which is not in the PATH of the local cloud: install it"
        )))
    }
}

impl Runtime {
    fn of(name: &str) -> Option<Self> {
        if !RUNTIMES.contains(&name) {
            return None;
        }
        let node = name.strip_prefix("nodejs").map(|version| Self {
            language: Language::Node,
            version: version.trim_end_matches(".x").to_owned(),
        });
        node.or_else(|| {
            Some(Self {
                language: Language::Python,
                version: name.strip_prefix("python")?.to_owned(),
            })
        })
    }

    /// Names of programs that may run it, the best first.
    fn programs(&self) -> Vec<String> {
        let any = self.language.program().to_owned();
        match self.language {
            Language::Node => vec![any],
            Language::Python => vec![format!("python{}", self.version), any],
        }
    }

    fn warning(&self, runtime: &str, interpreter: &Interpreter) -> Option<String> {
        let Interpreter { path, version } = interpreter;
        let fits = *version == self.version || version.starts_with(&format!("{}.", self.version));
        let path = path.display();
        (!fits).then(|| {
            format!("[WARNING] the local cloud runs {runtime} by version {version} of {path}: install the version of the runtime to be sure\n")
        })
    }
}

impl Language {
    fn program(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Python => "python3",
        }
    }

    /// Node gets its share of the memory, as on Lambda. Python writes nothing beside the code, which all
    /// environments share.
    fn arguments(self, memory_mb: u32) -> Vec<String> {
        match self {
            Self::Node => vec![
                format!("--max-old-space-size={}", memory_mb - memory_mb / 10),
                format!("--max-semi-space-size={}", (memory_mb / 20).max(1)),
            ],
            Self::Python => vec!["-u".to_owned(), "-B".to_owned()],
        }
    }

    /// Asks for the real path, because a version manager's program is a script, and for the version.
    async fn probe(self, path: &Path, search_path: &str) -> Option<Interpreter> {
        let mut command = Command::new(path);
        match self {
            Self::Node => {
                command.args(["-p", "process.execPath + '\\n' + process.version.slice(1)"])
            }
            Self::Python => command.args([
                "-c",
                "import sys; print(sys.executable, '%d.%d.%d' % sys.version_info[:3], sep='\\n')",
            ]),
        };
        command.env("PATH", search_path).kill_on_drop(true);
        let asked = tokio::time::timeout(PROBE_LIMIT, command.output()).await;
        let answer = asked.ok()?.ok().filter(|answer| answer.status.success())?;
        let text = String::from_utf8(answer.stdout).ok()?;
        let (path, version) = text.trim().split_once('\n')?;
        Some(Interpreter {
            path: path.into(),
            version: version.to_owned(),
        })
    }

    /// The program that calls the handler, as a file.
    fn script(self, folder: &Path) -> std::io::Result<PathBuf> {
        let (name, text) = match self {
            Self::Node => ("node.mjs", NODE),
            Self::Python => ("python.py", PYTHON),
        };
        let folder = folder.join("runtimes");
        let file = folder.join(name);
        if fs_err::read_to_string(&file).is_ok_and(|there| there == text) {
            return Ok(file);
        }
        fs_err::create_dir_all(&folder)?;
        let beside = folder.join(format!("{name}.part{:08x}", fastrand::u32(..)));
        fs_err::write(&beside, text)?;
        fs_err::rename(&beside, &file)?;
        Ok(file)
    }
}

/// The runtime's version as INIT_START shows it, such as `nodejs:22.v1`.
pub(super) fn shown_version(runtime: &str) -> String {
    let name = match Runtime::of(runtime) {
        Some(Runtime {
            language: Language::Node,
            version,
        }) => format!("nodejs:{version}"),
        Some(Runtime { version, .. }) => format!("python:{version}"),
        None => runtime.replacen('.', ":", 1),
    };
    format!("{name}.v1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interpreter(version: &str) -> Interpreter {
        Interpreter {
            path: "/bin/x".into(),
            version: version.to_owned(),
        }
    }

    #[test]
    fn an_interpreter_of_another_version_is_told() {
        let warned = |runtime: &str, version: &str| {
            let known = Runtime::of(runtime).unwrap();
            known.warning(runtime, &interpreter(version)).is_some()
        };
        assert!(!warned("nodejs22.x", "22.11.0"));
        assert!(warned("nodejs22.x", "20.20.2"));
        assert!(!warned("python3.12", "3.12.1"));
        assert!(warned("python3.12", "3.1.2"));
        assert!(warned("python3.9", "3.11.7"));
    }

    #[test]
    fn versions_are_shown_as_lambda_does() {
        assert_eq!(shown_version("nodejs22.x"), "nodejs:22.v1");
        assert_eq!(shown_version("python3.12"), "python:3.12.v1");
        assert_eq!(shown_version("provided.al2023"), "provided:al2023.v1");
    }

    #[tokio::test]
    async fn an_interpreter_that_is_missing_is_named() {
        let known = Runtime::of("nodejs22.x").unwrap();
        let interpreters = Interpreters::default();
        let asked = interpreters.interpreter("nodejs22.x", &known, "/nonexistent");
        let Err(failure) = asked.await else {
            panic!("nothing can be found there")
        };
        let words = failure.message();
        assert!(
            words.contains("nodejs22.x needs the program `node`"),
            "{words}"
        );
    }
}
