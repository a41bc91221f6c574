//! `chatctl status`: the URL, every resource, and what drifted from the settings.

use super::Context;
use super::survey::Survey;
use crate::aws::Clients;
use crate::cli;
use crate::config::Settings;
use crate::engine::plan::Action;
use crate::error::Result;
use crate::package;
use crate::report::Style;
use crate::report::plan::PlanView;
use serde::Serialize;
use std::process::ExitCode;

/// What `status` says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    name: String,
    stage: String,
    region: String,
    account: String,
    deployed: bool,
    up_to_date: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    resources: PlanView,
}

/// Runs the command.
///
/// # Errors
/// What is there cannot be read.
pub async fn run(context: &Context) -> Result<ExitCode> {
    let reporter = &context.reporter;
    let settings = context.settings(&cli::Wanted::default())?;
    let status = status(&settings).await?;
    if reporter.is_json() {
        reporter.document(&status)?;
        return Ok(ExitCode::SUCCESS);
    }
    reporter.result(&status.text())?;
    if !status.deployed {
        reporter.hint(
            "`chatctl deploy` deploys it; --name, --stage and --region say which chat is meant",
        );
    } else if !status.up_to_date {
        reporter.hint("`chatctl deploy` puts right what differs (~) or is missing (+)");
    }
    Ok(ExitCode::SUCCESS)
}

async fn status(settings: &Settings) -> Result<Status> {
    let digest = package::digest(settings)?;
    let clients = Clients::connect(settings).await?;
    let Survey { world, plan } = Survey::converge(settings, clients, &digest, false).await?;
    let ours = |action: Action| action != Action::Create;
    let parts = ["api", "function", "stage"];
    let deployed = parts.iter().all(|id| {
        plan.step(id)
            .is_some_and(|step| ours(step.action) && step.foreign.is_none())
    });
    let place = world.names.place();
    Ok(Status {
        name: settings.name.clone(),
        stage: settings.stage.clone(),
        region: place.region.clone(),
        account: place.account_id.clone(),
        up_to_date: plan.is_empty(),
        url: world
            .api()
            .filter(|_| deployed)
            .map(|api| world.names.socket_url(&api)),
        resources: PlanView::of(&plan),
        deployed,
    })
}

impl Status {
    fn text(&self) -> String {
        let (who, region) = (format!("{}/{}", self.name, self.stage), &self.region);
        let place = format!("{region}, account {}", self.account);
        let head = match (&self.url, self.up_to_date) {
            (Some(url), true) => {
                format!("{who} is deployed in {place}\n{}", Style::Strong.paint(url))
            }
            (Some(url), false) => {
                let drift = Style::Warning.paint("it differs from the settings");
                format!(
                    "{who} is deployed in {place}; {drift}\n{}",
                    Style::Strong.paint(url)
                )
            }
            (None, _) if self.resources.summary.keep + self.resources.summary.update > 0 => {
                format!("{who} is deployed only in part in {place}")
            }
            (None, _) => return format!("{who} is not deployed in {place}"),
        };
        format!("{head}\n{}", self.resources.text(false))
    }
}
