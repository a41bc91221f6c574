//! `chatctl doctor`: checks every part of the chat, or of any API, and shows what to do.

use super::{Context, any_api};
use crate::any_api::checks as any_checks;
use crate::aws::Clients;
use crate::cli::{AnyApi, Wanted};
use crate::config::Settings;
use crate::doctor::expected::expected;
use crate::doctor::{Finding, Look, checks, look, probe};
use crate::error::Result;
use crate::naming::Names;
use crate::prove::Client;
use crate::report::doctor::show;
use std::process::ExitCode;

pub(super) async fn run(context: &Context, args: &AnyApi) -> Result<ExitCode> {
    let settings = context.settings(&Wanted::default())?;
    let findings = match Clients::connect(&settings).await {
        Ok(clients) => match args.named(context, &settings, &clients) {
            Some(api) => any_checks::all(&api.read().await?),
            None => examine(context, &settings, &clients).await,
        },
        Err(error) => vec![Finding::not_connected(
            &error,
            settings.command("doctor -v"),
        )],
    };
    let healthy = !checks::any_failure(&findings);
    show(&context.reporter, &findings, healthy)?;
    Ok(if healthy {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn examine(context: &Context, settings: &Settings, clients: &Clients) -> Vec<Finding> {
    let names = Names::new(settings, &clients.place);
    let mut expected = expected(settings, &names);
    expected.digest = Some(crate::stack::routes_digest(settings, &names));
    let mut facts = look::all(clients, expected).await;
    if let (Some(api), Some(_)) = (facts.api.there(), facts.stage.there()) {
        let url = names.socket_url(&api.id);
        context.reporter.detail(&format!("a client goes to {url}"));
        facts.probe = Look::There(probe::probe(&url, &Client::of(settings, clients)).await);
    }
    let mut findings = checks::all(&facts);
    if facts.nothing_there() {
        findings.extend(any_api::instead(clients, settings, "doctor").await);
    }
    findings
}
