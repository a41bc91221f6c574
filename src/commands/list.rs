//! `chatctl list`: every chat of a region, or of all regions.

use super::Context;
use crate::aws::{self, Clients};
use crate::cli;
use crate::config::Settings;
use crate::deployer::{Listing, list};
use crate::error::Result;
use crate::report;
use std::process::ExitCode;

/// Runs the command.
///
/// # Errors
/// No region can be read.
pub(super) async fn run(context: &Context, args: &cli::List) -> Result<ExitCode> {
    let reporter = &context.reporter;
    let input = context.global.input(&cli::Wanted::default());
    let settings = Settings::load(&input)?;
    let known = match args.drift {
        true => Some(Settings::load_all(&input)?),
        false => None,
    };
    let clients = Clients::connect(&settings).await?;
    let listing = list(&clients, &regions(&clients, args), known.as_deref()).await?;
    if reporter.is_json() {
        reporter.document(&listing)?;
    } else {
        reporter.result(&report::list::table(&listing))?;
        report::list::notes(reporter, &listing);
    }
    Ok(exit_code(&listing))
}

/// An emulator is one region.
fn regions(clients: &Clients, args: &cli::List) -> Vec<String> {
    let place = &clients.place;
    match args.all_regions && place.endpoint_url.is_none() {
        true => aws::regions(&place.partition, &place.region),
        false => vec![place.region.clone()],
    }
}

/// What could not be read is missing in the list.
fn exit_code(listing: &Listing) -> ExitCode {
    match listing.unread.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
