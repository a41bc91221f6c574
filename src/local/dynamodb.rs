//! DynamoDB.

use std::sync::Arc;

use super::Cloud;
use super::wire::{Request, Response};

/// The room's state.
#[derive(Debug, Default)]
pub(crate) struct Tables {}

pub(crate) async fn serve(_cloud: &Arc<Cloud>, request: Request) -> Response {
    Response::not_here(&request)
}
