//! StartLiveTail: an event stream that sends what comes in, once a second, even when nothing did.

use super::super::Cloud;
use super::super::wire::{Fault, Request, Response};

pub(super) fn start(_cloud: &Cloud, request: &Request) -> Result<Response, Fault> {
    Err(Fault::not_here(request.service, &request.operation))
}
