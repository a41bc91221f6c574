//! / chatctl/: weather, faults, calls and the clock.

use std::sync::Arc;

use super::Cloud;
use super::wire::{Request, Response};

pub(crate) async fn serve(_cloud: &Arc<Cloud>, request: Request) -> Response {
    Response::not_here(&request)
}
