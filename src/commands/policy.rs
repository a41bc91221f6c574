//! `chatctl policy`: the least IAM policy for a task, or the role for a pipeline that does it.

use super::Context;
use crate::aws::{Clients, Place};
use crate::cli::{self, PipelineKind, Wanted};
use crate::config::Settings;
use crate::error::{Error, Result};
use crate::naming::Names;
use crate::naming::policy::GithubJobs;
use crate::naming::rights::Task;
use crate::report;
use crate::rights::{github_role, policy};
use std::process::ExitCode;

/// Runs the command.
///
/// # Errors
/// The account or the region is not known, or a name cannot be one of GitHub's.
pub(super) async fn run(context: &Context, args: &cli::Policy) -> Result<ExitCode> {
    let reporter = &context.reporter;
    let settings = context.settings(&Wanted::default())?;
    let place = place(&settings, args.account.as_deref()).await?;
    let names = Names::new(&settings, &place);
    let tasks = tasks(args);
    match (&args.role, &args.repo) {
        (Some(PipelineKind::Github), Some(repository)) => {
            let role = github_role(&names, &tasks, check_repository(repository)?, jobs(args)?);
            if reporter.is_json() {
                reporter.document(&role)?;
            } else {
                reporter.result(&report::rights::commands(&role))?;
                report::rights::how_to_use_role(reporter, &role, repository);
            }
        }
        _ => {
            let policy = policy(&names, &tasks);
            reporter.document(&policy)?;
            if !reporter.is_json() {
                report::rights::how_to_use(reporter, &settings.command("policy"));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn tasks(args: &cli::Policy) -> Vec<Task> {
    let mut tasks = args.tasks.clone();
    tasks.sort();
    tasks.dedup();
    if tasks.is_empty() {
        tasks.push(Task::Deploy);
    }
    tasks
}

/// The account that was named, else the one that AWS says.
async fn place(settings: &Settings, account: Option<&str>) -> Result<Place> {
    let named = account.or(settings.account.as_deref());
    if let Some(account) = named {
        return Place::named(settings, account).await;
    }
    let connected = Clients::connect(settings).await;
    let clients = connected.map_err(|error| {
        error.hint("or name the account: `--account 123456789012` needs no credentials")
    })?;
    Ok(clients.place)
}

fn jobs(args: &cli::Policy) -> Result<GithubJobs<'_>> {
    if let Some(environment) = &args.github_environment {
        check_name("--github-environment", environment, " ")?;
        return Ok(GithubJobs::OfEnvironment(environment));
    }
    check_name("--branch", &args.branch, "/")?;
    Ok(GithubJobs::OfBranch(&args.branch))
}

fn check_repository(text: &str) -> Result<&str> {
    let fine = |part: &str| !part.is_empty() && part.chars().all(|c| is_plain(c, ""));
    match text.split_once('/') {
        Some((owner, name)) if fine(owner) && fine(name) => Ok(text),
        _ => Err(
            Error::usage(format!("--repo: {text:?} is not a repository of GitHub"))
                .hint("OWNER/NAME, such as octocat/hello-world"),
        ),
    }
}

/// A wildcard would be taken literally, and let nobody in.
fn check_name(flag: &str, text: &str, also: &str) -> Result<()> {
    if !text.is_empty() && text.chars().all(|c| is_plain(c, also)) {
        return Ok(());
    }
    Err(
        Error::usage(format!("{flag}: {text:?} cannot be used in a trust policy"))
            .hint("the whole name, without wildcards: a-z, A-Z, 0-9, - _ and ."),
    )
}

fn is_plain(c: char, also: &str) -> bool {
    c.is_ascii_alphanumeric() || "-_.".contains(c) || also.contains(c)
}
