//! CloudWatch Logs.

use std::sync::Arc;

use super::Cloud;
use super::wire::{Request, Response};

/// Every log group.
#[derive(Debug, Default)]
pub(crate) struct Logs {}

impl Logs {
    /// Whether the group exists.
    pub(crate) fn has_group(&self, _group: &str) -> bool {
        false
    }

    /// Makes the group as a service does it: without retention and tags. No error if it is there.
    pub(crate) fn ensure_group(&self, _cloud: &Cloud, _group: &str) {}

    /// Appends lines (milliseconds, text) to a stream, which is made if it is missing. Lines for a
    /// group that does not exist are dropped.
    pub(crate) fn put(
        &self,
        _cloud: &Cloud,
        _group: &str,
        _stream: &str,
        _lines: Vec<(i64, String)>,
    ) {
    }
}

pub(crate) async fn serve(_cloud: &Arc<Cloud>, request: Request) -> Response {
    Response::not_here(&request)
}
