//! `chatctl logs`: the function's, the execution and the access log as one stream.

mod log_output;
mod silence_explainer;

use super::Context;
use crate::any_api::{self, ApiFacts};
use crate::aws::Clients;
use crate::cli::Logs;
use crate::config::{ChatFlags, Settings, Target};
use crate::error::{Error, Result};
use crate::naming::Names;
use crate::report::logs::silence;
use crate::signals::{self, Handler};
use crate::tail::correlator::Subject;
use crate::tail::live::{self, LiveOptions};
use crate::tail::select::{LogFilter, grep};
use crate::tail::{self, Group, LogSource, Pacer, TailItem, TailOptions, Timing, groups, when};
use log_output::LogOutput;
use silence_explainer::{LogsOf, SilenceExplainer};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;

/// A signal ends it between two lines. If stdout takes no more by then, and a write waits for ever, the
/// process ends all the same after this.
const GRACE: Duration = Duration::from_secs(1);

pub(super) async fn run(context: &Context, args: Logs) -> Result<ExitCode> {
    let settings = context.settings(&crate::cli::Wanted::default())?;
    let clients = Clients::connect(&settings).await?;
    let signals = signals::handle(1);
    signals.end_after(GRACE);
    follow(context, &settings, clients, &args, &signals).await
}

/// Shows the logs that `args` ask for, until they end or a signal comes.
pub(super) async fn follow(
    context: &Context,
    settings: &Settings,
    clients: Clients,
    args: &Logs,
    signals: &Handler,
) -> Result<ExitCode> {
    let filter = filter(args)?;
    let options = options(args, settings)?;
    let names = Names::new(settings, &clients.place);
    let (groups, logs_of, flags) = match args.any_api.named(context, settings, &clients) {
        Some(api) => {
            let facts = api.read_one_stage().await?;
            let groups = of_api(context, &facts, args)?;
            (groups, LogsOf::Api(Box::new(api)), facts.flags)
        }
        None => {
            let groups = groups::wanted(&clients, &names, &args.source);
            let logs_of = LogsOf::Chat(Box::new(settings.clone()));
            (groups, logs_of, settings.chat_flags())
        }
    };
    let functions = groups
        .iter()
        .filter(|group| group.source == LogSource::Function);
    let several = functions.count() > 1;
    let silence = SilenceExplainer::new(clients.clone(), logs_of, args);
    if args.live {
        context.reporter.note(live::PRICE);
    }
    let stream = start(args, settings, &clients, groups, &options, &flags);
    LogOutput::new(context, args, filter, silence, flags)
        .naming_functions(several)
        .write_all(stream, signals)
        .await
}

/// So many groups CloudWatch takes for one live session.
const LIVE_GROUPS: usize = 10;

/// The groups of any API. What of its logs is off is said before anything is read.
fn of_api(context: &Context, facts: &ApiFacts, args: &Logs) -> Result<Vec<Group>> {
    silence::switched_off(&context.reporter, &any_api::silence::switched_off(facts));
    let groups = any_api::log_groups::wanted(facts, &args.source);
    let (id, name) = (&facts.api.id, &facts.api.name);
    if groups.is_empty() {
        let doctor = facts.command("doctor");
        return Err(
            Error::failed(format!("the API {id} ({name}) has no such log"))
                .hint(format!("`{doctor}` says what is missing")),
        );
    }
    if args.live && groups.len() > LIVE_GROUPS {
        let count = groups.len();
        return Err(Error::usage(format!(
            "the API {id} ({name}) has {count} log groups, and --live follows {LIVE_GROUPS} at most"
        ))
        .hint("--source leaves some out; --follow without --live follows any number"));
    }
    Ok(groups)
}

fn start(
    args: &Logs,
    settings: &Settings,
    clients: &Clients,
    groups: Vec<Group>,
    options: &TailOptions,
    flags: &ChatFlags,
) -> Receiver<Result<TailItem>> {
    let (client, options) = (clients.logs.clone(), options.clone());
    let pacer = Arc::new(match settings.target {
        Target::Aws => Pacer::for_region(&clients.place.region),
        Target::Local(_) | Target::Endpoint(_) => Pacer::near(),
    });
    if !args.live {
        return tail::start(client, groups, options, pacer);
    }
    let place = &clients.place;
    let live = LiveOptions {
        groups,
        arn_prefix: format!(
            "arn:{}:logs:{}:{}:log-group:",
            place.partition, place.region, place.account_id
        ),
        plain_host: settings.target != Target::Aws,
        flags: flags.clone(),
    };
    live::start(client, live, options, pacer)
}

fn filter(args: &Logs) -> Result<LogFilter> {
    let request = args.request.clone().map(Subject::Request);
    let connection = args.connection.clone().map(Subject::Connection);
    Ok(LogFilter {
        subject: request.or(connection),
        errors: args.errors,
        grep: args.grep.as_deref().map(grep).transpose()?,
        limit: args.limit,
    })
}

fn options(args: &Logs, settings: &Settings) -> Result<TailOptions> {
    let now = tail::now();
    // A request is usually looked up some time after it happened.
    let usual = if args.request.is_some() { "1h" } else { "10m" };
    let since = when::parse("--since", args.since.as_deref().unwrap_or(usual), now)?;
    let until = match &args.until {
        Some(until) => Some(when::parse("--until", until, now)?),
        None => None,
    };
    if until.is_some_and(|until| until < since) {
        return Err(Error::usage("--until lies before --since"));
    }
    Ok(TailOptions {
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
