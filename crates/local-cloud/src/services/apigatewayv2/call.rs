//! One call of API Gateway v2: what an operation gets, and what all of them share: lists in pages, writes one
//! at a time, ids and quotas.

use http::Method;
use serde_json::{Map, Value, json};

use crate::wire::{Request, ServiceError, iso8601, random_id};

use super::fields::bad;
use super::view::View;
use super::{Api, Apis};

const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// Status and body of an answer.
pub(super) type ApiResult = Result<(u16, Value), ServiceError>;

/// One call, taken apart.
#[derive(Debug)]
pub(super) struct ApiCall<'a> {
    pub(super) apis: &'a Apis,
    pub(super) method: &'a Method,
    pub(super) body: Map<String, Value>,
    pub(super) request: &'a Request,
}

impl ApiCall<'_> {
    /// The answer to an operation that the local cloud does not have.
    pub(super) fn not_here(&self) -> ServiceError {
        ServiceError::not_here(self.request.service, &self.request.operation)
    }

    /// The answer to a member that the local cloud does not support.
    pub(super) fn without(&self, what: &str) -> ServiceError {
        let operation = format!("{} with {what}", self.request.operation);
        ServiceError::not_here("apigatewayv2", &operation)
    }

    /// One page of an API's routes, stages and so on.
    pub(super) fn list(&self, api: &str, items: impl FnOnce(&Api) -> Vec<Value>) -> ApiResult {
        let items = self.apis.with(api, |api| Ok(items(api)))?;
        self.page(items)
    }

    /// One route, stage and so on of an API.
    pub(super) fn look(
        &self,
        api: &str,
        work: impl FnOnce(&Api) -> Result<View, ServiceError>,
    ) -> ApiResult {
        self.apis.with(api, |api| Ok((200, work(api)?.into())))
    }

    /// A change of something that is deployed.
    pub(super) async fn change(
        &self,
        api_id: &str,
        work: impl FnOnce(&mut Api) -> ApiResult,
    ) -> ApiResult {
        let _writing = self.apis.write(api_id).await?;
        self.apis.change(api_id, true, work)
    }

    /// ISO 8601, now.
    pub(super) fn now(&self) -> String {
        iso8601(self.apis.shared.clock.now_ms())
    }

    /// One page of a list: `maxResults` items after `nextToken`.
    ///
    /// Uncertain: AWS does not document the default size; 25 is that of v1's lists, and small enough to
    /// find clients that ignore `nextToken`.
    pub(super) fn page(&self, items: Vec<Value>) -> ApiResult {
        let limit = match self
            .request
            .param("maxResults")
            .map(|text| text.parse::<usize>())
        {
            None => 25,
            Some(Ok(limit @ 1..=500)) => limit,
            Some(_) => {
                return Err(bad(
                    "Invalid value for maxResults: it must be between 1 and 500",
                ));
            }
        };
        let start = match self.request.param("nextToken") {
            None => 0,
            Some(token) => offset(&token, items.len()).ok_or_else(|| bad("Invalid nextToken"))?,
        };
        let end = items.len().min(start + limit);
        let mut body = json!({ "items": items[start..end] });
        if end < items.len() {
            body["nextToken"] = format!("page{end:06}").into();
        }
        Ok((200, body))
    }
}

fn offset(token: &str, length: usize) -> Option<usize> {
    token
        .strip_prefix("page")?
        .parse()
        .ok()
        .filter(|start| *start <= length)
}

/// A fresh id of `count` characters that `taken` does not hold.
pub(super) fn fresh_id(count: usize, taken: impl Fn(&str) -> bool) -> String {
    loop {
        let id = random_id(LOWER, count);
        if !taken(&id) {
            return id;
        }
    }
}

/// AWS carries a full quota as a `ConflictException` on status 429.
///
/// Uncertain: the message is recorded for authorizers; with other nouns it is assumed.
pub(super) fn quota(what: &str) -> ServiceError {
    let words = format!(
        "Maximum number of {what} for this API has been reached. Please contact AWS if you need additional {what}."
    );
    ServiceError::new(429, "ConflictException", words)
}
