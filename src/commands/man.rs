//! `chatctl man [DIR]`: the manual pages, one for each command.

use super::Context;
use crate::cli::Cli;
use crate::error::{Error, Result};
use clap::CommandFactory;
use clap_mangen::Man;
use std::path::Path;
use std::process::ExitCode;

/// Writes every page to `dir`, or the main page to stdout.
///
/// # Errors
/// A page is there already, or cannot be written.
pub(super) fn run(context: &Context, dir: Option<&Path>) -> Result<ExitCode> {
    let pages = pages()?;
    let Some(dir) = dir else {
        let (_, main) = &pages[0];
        context.reporter.raw(&String::from_utf8_lossy(main))?;
        return Ok(ExitCode::SUCCESS);
    };
    super::write::new_files(dir, &pages)?;
    context
        .reporter
        .note(&format!("{} pages in {}", pages.len(), dir.display()));
    context
        .reporter
        .hint(&format!("man -l {}", dir.join("chatctl.1").display()));
    Ok(ExitCode::SUCCESS)
}

/// File name and text of the main page, then of one page for each command.
fn pages() -> Result<Vec<(String, Vec<u8>)>> {
    let mut program = Cli::command();
    program.build();
    let commands = program
        .get_subcommands()
        .filter(|command| command.get_name() != "help")
        .cloned();
    let mut pages = vec![page(program.clone(), "chatctl")?];
    for command in commands {
        let name = format!("chatctl-{}", command.get_name());
        pages.push(page(command.display_name(name.clone()), &name)?);
    }
    Ok(pages)
}

fn page(command: clap::Command, name: &str) -> Result<(String, Vec<u8>)> {
    let mut text = Vec::new();
    Man::new(command)
        .title(name.to_uppercase())
        .render(&mut text)
        .map_err(|error| Error::failed(format!("the page {name} cannot be made")).because(error))?;
    Ok((format!("{name}.1"), text))
}
