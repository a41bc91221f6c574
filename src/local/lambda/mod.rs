//! Lambda's control plane.

use std::sync::Arc;

use super::Cloud;
use super::wire::{Request, Response};

/// Every function.
#[derive(Debug, Default)]
pub(crate) struct Functions {}

pub(crate) async fn serve(_cloud: &Arc<Cloud>, request: Request) -> Response {
    Response::not_here(&request)
}
