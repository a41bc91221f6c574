//! `chatctl logs`: the function's, the execution and the access log as one stream.

mod desk;
mod quiet;

use super::Context;
use crate::aws::Clients;
use crate::cli::Logs;
use crate::config::{Settings, Target};
use crate::error::{Error, Result};
use crate::naming::Names;
use crate::tail::live::{self, Live};
use crate::tail::select::{Wishes, grep};
use crate::tail::story::Subject;
use crate::tail::{self, Group, Options, Pacer, Said, Timing, groups, when};
use desk::Desk;
use quiet::Quiet;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;

/// Ctrl-C ends us between two lines; when stdout takes no more, it ends us anyway after this.
const GRACE: Duration = Duration::from_secs(1);

pub(super) async fn run(context: &Context, args: Logs) -> Result<ExitCode> {
    let settings = Settings::load(&context.global, &crate::cli::Wanted::default())?;
    follow(context, &settings, &args, interrupted()).await
}

/// Shows the logs that `args` ask for, until they end or `interrupt` comes.
pub(super) async fn follow(
    context: &Context,
    settings: &Settings,
    args: &Logs,
    interrupt: oneshot::Receiver<()>,
) -> Result<ExitCode> {
    let clients = Clients::connect(settings).await?;
    follow_with(context, settings, clients, args, interrupt).await
}

/// The same with clients that are there already.
pub(super) async fn follow_with(
    context: &Context,
    settings: &Settings,
    clients: Clients,
    args: &Logs,
    interrupt: oneshot::Receiver<()>,
) -> Result<ExitCode> {
    let wishes = wishes(args)?;
    let options = options(args, settings)?;
    let names = Names::new(settings, &clients.place);
    let groups = groups::wanted(&clients, &names, &args.source);
    let wanted = crate::doctor::wanted::wanted(settings, &names, &context.global);
    let quiet = Quiet::new(clients.clone(), wanted, args);
    if args.live {
        context.reporter.note(live::PRICE);
    }
    let stream = start(args, settings, &clients, groups, &options);
    Desk::new(context, args, wishes, options.follow, quiet)
        .serve(stream, interrupt)
        .await
}

fn start(
    args: &Logs,
    settings: &Settings,
    clients: &Clients,
    groups: Vec<Group>,
    options: &Options,
) -> Receiver<Result<Said>> {
    let (client, options) = (clients.logs.clone(), options.clone());
    let pacer = Arc::new(match settings.target {
        Target::Aws => Pacer::for_region(&clients.place.region),
        Target::Local(_) | Target::Endpoint(_) => Pacer::near(),
    });
    if !args.live {
        return tail::start(client, groups, options, pacer);
    }
    let place = &clients.place;
    let live = Live {
        groups,
        arn_prefix: format!(
            "arn:{}:logs:{}:{}:log-group:",
            place.partition, place.region, place.account_id
        ),
        plain_host: settings.target != Target::Aws,
    };
    live::start(client, live, options, pacer)
}

fn wishes(args: &Logs) -> Result<Wishes> {
    let request = args.request.clone().map(Subject::Request);
    let connection = args.connection.clone().map(Subject::Connection);
    Ok(Wishes {
        subject: request.or(connection),
        errors: args.errors,
        grep: args.grep.as_deref().map(grep).transpose()?,
        limit: args.limit,
    })
}

fn options(args: &Logs, settings: &Settings) -> Result<Options> {
    let now = tail::now();
    // The story of one request is usually asked for when it is already old news.
    let usual = if args.request.is_some() { "1h" } else { "10m" };
    let since = when::parse("--since", args.since.as_deref().unwrap_or(usual), now)?;
    let until = match &args.until {
        Some(until) => Some(when::parse("--until", until, now)?),
        None => None,
    };
    if until.is_some_and(|until| until < since) {
        return Err(Error::usage("--until lies before --since"));
    }
    Ok(Options {
        since,
        until,
        follow: args.follow || args.live,
        pattern: args.filter.clone(),
        timing: match settings.target {
            Target::Aws => Timing::AWS,
            Target::Local(_) | Target::Endpoint(_) => Timing::NEAR,
        },
    })
}

/// Ends when Ctrl-C is pressed. It waits in a task of its own: should stdout be stuck by then, with
/// us inside a write, the process ends without us.
fn interrupted() -> oneshot::Receiver<()> {
    let (tell, told) = oneshot::channel();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            let _ = tell.send(());
            tokio::time::sleep(GRACE).await;
            std::process::exit(130);
        }
        // No signals here: nothing to tell, ever.
        std::future::pending::<()>().await;
    });
    told
}
