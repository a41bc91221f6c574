//! Runs the user's own build command.

use crate::error::{Error, Result};
use crate::package::processes::ProcessGroup;
use crate::package::{Progress, Step};
use std::path::Path;
use std::process::Stdio;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};

/// So many lines of its output are shown when it fails.
const LINES: usize = 40;

/// Runs `command` with the shell in `folder`, with the environment of chatctl.
///
/// # Errors
/// It ends with an error; its own output is the cause.
pub(in crate::package) async fn run(
    command: &str,
    folder: &Path,
    progress: Progress<'_>,
) -> Result<()> {
    progress(&Step::Begun {
        what: &format!("building the function: {command}"),
    });
    let failed = || Error::failed(format!("the function's build failed: `{command}`"));
    let (mut child, mut output) = start(command, folder).map_err(|e| failed().because(e))?;
    let _group = ProcessGroup::of(&child);
    let mut said = Vec::new();
    output.read_to_end(&mut said).await?;
    let status = child.wait().await?;
    if status.success() {
        return Ok(());
    }
    Err(failed()
        .because_of(format!(
            "it ran in {} and ended with {status}",
            folder.display()
        ))
        .because_of(format!("it says:\n{}", last_lines(&said)))
        .hint("nothing was deployed; function.build in chatctl.toml names the command"))
}

/// Both its outputs go into one pipe, so that they stay in order.
fn start(command: &str, folder: &Path) -> std::io::Result<(Child, Receiver)> {
    let (reader, writer) = std::io::pipe()?;
    let child = Command::new("sh")
        .args(["-c", command])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    Ok((child, Receiver::from_owned_fd(reader.into())?))
}

fn last_lines(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<_> = text.trim_end().lines().collect();
    let first = lines.len().saturating_sub(LINES);
    let left_out = (first > 0).then(|| format!("({first} lines before)"));
    let shown = lines.iter().skip(first).map(|&line| line.to_owned());
    left_out
        .into_iter()
        .chain(shown)
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ran(command: &str) -> Result<()> {
        let dir = tempfile::tempdir().unwrap();
        run(command, dir.path(), &|_| {}).await
    }

    #[tokio::test]
    async fn a_command_that_fails_is_quoted() {
        let error = ran("echo from; echo both >&2; exit 3").await.unwrap_err();
        let text = format!("{error:?}");
        assert!(
            text.contains("from\\nboth") && text.contains("status: 3"),
            "{text}"
        );
        ran("true").await.unwrap();
    }

    #[test]
    fn only_the_last_lines_are_shown() {
        let many: String = (1..=50).map(|n| format!("line {n}\n")).collect();
        let shown = last_lines(many.as_bytes());
        assert!(shown.starts_with("(10 lines before)\nline 11\n"), "{shown}");
        assert!(shown.ends_with("line 50"), "{shown}");
    }
}
