//! What the deployer shows and asks, in words: plans, questions, progress, results.

use super::building::Building;
use super::{Reporter, Style, escape, plan, progress};
use crate::deployer::{
    Deployed, Gone, Notice, Proposal, Purpose, RolledBack, Status, Ui, VersionView,
};
use crate::engine::event::Event;
use crate::error::Result;
use crate::package;
use std::future::Future;
use tokio::sync::mpsc::UnboundedReceiver;

impl Ui for Reporter {
    fn show(&self, proposal: &Proposal<'_>) {
        if !self.is_json() {
            let every_field = proposal.purpose == Purpose::Deploy && self.verbosity() > 0;
            let _group = self.group(&format!("Plan: {}", plan::summary(proposal.plan.summary)));
            self.note(&plan::text(proposal.plan, every_field));
        }
    }

    fn confirm(&self, proposal: &Proposal<'_>) -> Result<bool> {
        let summary = plan::summary(proposal.plan.summary);
        let (name, stage) = (proposal.name, proposal.stage);
        let (region, account) = (&proposal.place.region, &proposal.place.account_id);
        let losses = match plan::losses(proposal.plan).as_str() {
            "" => String::new(),
            losses => format!(" {losses}"),
        };
        self.ask(&format!(
            "{name}/{stage} in {region}, account {account}: {summary}.{losses} Go ahead?"
        ))
    }

    fn building(&self) -> impl Fn(&package::Step<'_>) + Send + Sync {
        let building = Building::new(*self);
        move |step: &package::Step<'_>| building.step(step)
    }

    fn follow(
        &self,
        events: UnboundedReceiver<Event>,
    ) -> impl Future<Output = ()> + Send + 'static {
        progress::follow(*self, events)
    }

    fn notice(&self, notice: Notice<'_>) {
        match notice {
            Notice::AlsoFailed(error) => self.error(error),
            Notice::SameCause(count) => {
                self.note(&format!("{count} more steps failed for the same reason"));
            }
            Notice::Skipped(count) => {
                self.note(&format!("{count} steps that needed it were skipped"));
            }
            Notice::NotLiveYet(text) => {
                self.note(&Style::Faint.paint(&format!("  … {text}")));
            }
            Notice::WatchingLogGroups(time) if time.as_secs() == 0 => {}
            Notice::WatchingLogGroups(time) => {
                let seconds = time.as_secs();
                let text = format!("  … watching {seconds} s for late log lines");
                self.note(&Style::Faint.paint(&text));
            }
            Notice::LogGroupDeletedAgain(name) => self.note(&format!(
                "  - {name} was written to once more, and deleted once more"
            )),
        }
    }
}

/// What is live after a deploy.
pub fn deployed(deployed: &Deployed) -> String {
    let who = format!("{}/{}", deployed.name, deployed.stage);
    let seconds = format!("{:.1} s", deployed.seconds);
    let what = match (deployed.changed, deployed.proved_in_seconds) {
        (false, _) => format!("{who} is up to date: nothing was changed ({seconds})"),
        (true, Some(_)) => format!("{who} is live and answers ({seconds})"),
        (true, None) => format!("{who} is deployed ({seconds})"),
    };
    format!("{what}\n{}", Style::Strong.paint(&deployed.url))
}

/// What is deployed.
pub fn status(status: &Status) -> String {
    let (who, region) = (format!("{}/{}", status.name, status.stage), &status.region);
    let place = format!("{region}, account {}", status.account);
    let head = match (&status.url, status.up_to_date) {
        (Some(url), true) => {
            format!("{who} is deployed in {place}\n{}", Style::Strong.paint(url))
        }
        (Some(url), false) => {
            let drift = Style::Warning.paint("it differs from the settings");
            let url = Style::Strong.paint(url);
            format!("{who} is deployed in {place}; {drift}\n{url}")
        }
        (None, _) if status.resources.summary.keep + status.resources.summary.update > 0 => {
            format!("{who} is deployed only in part in {place}")
        }
        (None, _) => return format!("{who} is not deployed in {place}"),
    };
    let versions: Vec<_> = status.versions.iter().map(version).collect();
    let versions = match versions.as_slice() {
        [] => String::new(),
        all => format!("\nVersions of the function:\n{}", all.join("\n")),
    };
    format!("{head}\n{}{versions}", plan::text(&status.resources, false))
}

fn version(one: &VersionView) -> String {
    let state = match (one.live, one.former) {
        (true, _) => Style::Strong.paint("live  "),
        (_, true) => "before".to_owned(),
        _ => "      ".to_owned(),
    };
    // So much of a digest tells two sources apart; the document has all of it.
    let source: String = one.source.chars().take(12).collect();
    let (number, source) = (one.version, escape(&source));
    let at = escape(one.published.get(..19).unwrap_or(&one.published));
    let by = match &one.by {
        Some(who) => format!("by {}", escape(who)),
        None => "not published by chatctl".to_owned(),
    };
    format!("  {number:>4}  {state}  source {source}  {at}Z  {by}")
}

/// What a rollback did.
pub fn rolled_back(done: &RolledBack) -> String {
    let who = format!("{}/{}", done.name, done.stage);
    let (version, left) = (done.version, escape(&done.left));
    let what = match (done.changed, done.proved_in_seconds) {
        (false, _) => return format!("{who}: version {version} is live already"),
        (true, Some(_)) => "is live again and answers",
        (true, None) => "is live again",
    };
    let (seconds, url) = (done.seconds, Style::Strong.paint(&done.url));
    format!("{who}: version {version} {what}, in place of version {left} ({seconds:.1} s)\n{url}")
}

/// What was looked for after a teardown.
pub fn gone(gone: &Gone) -> String {
    let who = format!("{}/{}", gone.name, gone.stage);
    let mut lines = Vec::new();
    for one in &gone.checked {
        let (id, name) = (escape(one.id.as_str()), escape(&one.name));
        let line = format!("  ✓ {id:20}  {name} is not there");
        lines.push(Style::Faint.paint(&line));
    }
    for one in &gone.stayed {
        let why = one.why.as_deref().unwrap_or_default();
        let (id, name) = (escape(one.id.as_str()), escape(&one.name));
        lines.push(format!("  = {id:20}  {name} stays: {}", escape(why)));
    }
    let changed = gone.plan.summary.delete > 0;
    let head = if changed { "is gone" } else { "is not there" };
    let (count, region) = (gone.checked.len(), &gone.region);
    lines.push(format!(
        "{who} {head}: {count} things looked for in {region}, none left"
    ));
    lines.join("\n")
}
