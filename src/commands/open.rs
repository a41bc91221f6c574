//! `chatctl open`: serves the chat page for a deployed chat until a signal ends it.

use super::{Context, chat_url};
use crate::cli::Open;
use crate::error::Result;
use crate::page;
use crate::report::Style;
use crate::report::documents::OpenDocument;
use crate::signals;
use std::process::ExitCode;

/// Serves the page until the user stops it.
///
/// # Errors
/// There is no such chat, or the port is taken.
pub(super) async fn run(context: &Context, flags: Open) -> Result<ExitCode> {
    let chat = chat_url::find(context, flags.url).await?;
    let signals = signals::handle(1);
    let server = page::serve(flags.page_port.unwrap_or(0), chat.url.clone()).await?;
    let reporter = context.reporter;
    if reporter.is_json() {
        reporter.document(&OpenDocument {
            page: &server.url(),
            endpoint: &chat.url,
        })?;
    } else {
        reporter.result(&Style::Strong.paint(&server.url()))?;
    }
    warn_of_origins(context, &server.url(), &chat.allowed_origins);
    reporter.note("open it in a browser; Ctrl-C stops serving it");
    signals.stopped().await;
    server.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// The chat may admit only some pages, and this one is new to it.
fn warn_of_origins(context: &Context, page: &str, allowed: &[String]) {
    let origin = page.trim_end_matches('/');
    if allowed.is_empty() || allowed.iter().any(|allowed| allowed == origin) {
        return;
    }
    context.reporter.warning(&format!(
        "the chat admits only {}; it will refuse this page",
        allowed.join(", ")
    ));
    context.reporter.hint(&format!(
        "deploy with --allow-origin {origin} too, and open with the same --page-port"
    ));
}
