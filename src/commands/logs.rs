//! `chatctl logs`: the function's, the execution and the access log as one stream.

use super::Context;
use crate::aws::Clients;
use crate::cli::{Logs, Output};
use crate::config::{Settings, Target};
use crate::error::{Error, Result};
use crate::report::Reporter;
use crate::report::logs::{JsonLine, LogView, notice};
use crate::tail::live::{self, Live};
use crate::tail::select::{Line, Selection, Wishes, grep};
use crate::tail::story::Subject;
use crate::tail::{self, Notice, Options, Pacer, Said, Timing, groups, when};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;

/// Ctrl-C ends us between two lines; when stdout takes no more, it ends us anyway after this.
const GRACE: Duration = Duration::from_secs(1);
/// How often we look whether anybody still reads.
const LOOK: Duration = Duration::from_secs(1);

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
    let wishes = wishes(args)?;
    let options = options(args, settings)?;
    let clients = Clients::connect(settings).await?;
    let api = groups::find_api(&clients, settings).await?;
    let groups = groups::wanted(
        settings,
        &args.source,
        api.as_ref().and_then(|a| a.api_id()),
    );
    let stream = if args.live {
        context.reporter.note(live::PRICE);
        let live = Live {
            groups,
            arn_prefix: arn_prefix(&clients),
            plain_host: settings.target != Target::Aws,
        };
        live::start(clients.logs.clone(), live, options.clone())
    } else {
        let pacer = match settings.target {
            Target::Aws => Pacer::for_region(&clients.place.region),
            Target::Local(_) | Target::Endpoint(_) => Pacer::near(),
        };
        tail::start(
            clients.logs.clone(),
            groups,
            options.clone(),
            Arc::new(pacer),
        )
    };
    let mut desk = Desk {
        reporter: context.reporter,
        json: context.global.output == Output::Json,
        view: LogView::for_stdout(args.utc, context.reporter.verbosity() > 0),
        selection: Selection::new(wishes, options.follow),
        denied: false,
    };
    desk.serve(stream, interrupt).await
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

fn arn_prefix(clients: &Clients) -> String {
    let place = &clients.place;
    format!(
        "arn:{}:logs:{}:{}:log-group:",
        place.partition, place.region, place.account_id
    )
}

/// Where events are written down.
struct Desk {
    reporter: Reporter,
    json: bool,
    view: LogView,
    selection: Selection,
    denied: bool,
}

impl Desk {
    async fn serve(
        &mut self,
        mut stream: Receiver<Result<Said>>,
        mut interrupt: oneshot::Receiver<()>,
    ) -> Result<ExitCode> {
        let mut look = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                biased;
                _ = &mut interrupt => return Ok(ExitCode::from(130)),
                said = stream.recv() => match said {
                    Some(said) => self.take(said?)?,
                    None => break,
                },
                _ = look.tick() => if self.reporter.reader_is_gone() {
                    return Ok(ExitCode::SUCCESS);
                },
            }
        }
        let rest = self.selection.end();
        self.write(rest)?;
        Ok(if self.denied {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }

    fn take(&mut self, said: Said) -> Result<()> {
        match said {
            Said::Event(event) => {
                let lines = self.selection.next(event);
                self.write(lines)
            }
            Said::CaughtUp => {
                let lines = self.selection.caught_up();
                self.write(lines)
            }
            Said::Notice(what) => {
                self.denied |= matches!(what, Notice::Denied { .. });
                let (warning, text) = notice(&what);
                if warning {
                    self.reporter.warning(&text);
                } else {
                    self.reporter.note(&text);
                }
                Ok(())
            }
        }
    }

    fn write(&self, lines: Vec<Line>) -> Result<()> {
        for (event, facts) in lines {
            if self.json {
                self.reporter.line(&JsonLine::new(&event, &facts))?;
            } else if let Some(text) = self.view.text(&event, &facts) {
                self.reporter.result(&text)?;
            }
        }
        Ok(())
    }
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
