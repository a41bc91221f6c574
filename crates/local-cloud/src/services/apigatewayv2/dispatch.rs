//! API Gateway v2's REST-JSON: which function answers which method and path.

use http::Method;

use crate::wire::{Request, Response};

use super::call::{ApiCall, ApiResult};
use super::{Apis, apis, authorizers, deployments, integrations, responses, routes, stages, tags};

impl Apis {
    /// Answers a request.
    pub(crate) async fn serve(&self, request: &Request) -> Response {
        let response = match self.answer(request).await {
            Ok((status, body)) => Response::rest(status, &body),
            Err(mut error) => {
                if error.code == "AccessDeniedException" {
                    error.status = 403;
                }
                error.rest()
            }
        };
        response.identified(&request.request_id)
    }

    async fn answer(&self, request: &Request) -> ApiResult {
        let caller = self.iam.admit(request)?;
        let segments = request.segments();
        let path: Vec<&str> = segments.iter().skip(1).map(String::as_str).collect();
        let resource = format!(
            "arn:aws:apigateway:{}::/{}",
            self.shared.region,
            path.join("/")
        );
        let action = format!("apigateway:{}", request.method);
        self.iam.authorize(&caller, &action, &resource, &[])?;
        let deploys = request.method == Method::POST && path.get(2) == Some(&"deployments");
        let own_rate = deploys.then_some(("CreateDeployment", 0.2));
        self.account.rates.take(&self.shared, own_rate)?;
        let call = ApiCall {
            apis: self,
            method: &request.method,
            body: request.json()?,
            request,
        };
        dispatch(&call, &path).await
    }
}

async fn dispatch(call: &ApiCall<'_>, path: &[&str]) -> ApiResult {
    match path {
        ["apis"] => apis::all(call),
        ["apis", api] => apis::one(call, api).await,
        ["apis", api, "routes", id, "routeresponses", rest @ ..] => {
            responses::of_route(call, api, id, rest).await
        }
        ["apis", api, "routes", rest @ ..] => routes::routes(call, api, rest).await,
        [
            "apis",
            api,
            "integrations",
            id,
            "integrationresponses",
            rest @ ..,
        ] => responses::of_integration(call, api, id, rest).await,
        ["apis", api, "integrations", rest @ ..] => {
            integrations::integrations(call, api, rest).await
        }
        ["apis", api, "authorizers", rest @ ..] => authorizers::authorizers(call, api, rest).await,
        ["apis", api, "deployments", rest @ ..] => deployments::deployments(call, api, rest).await,
        ["apis", api, "stages", rest @ ..] => stages::stages(call, api, rest).await,
        ["tags", arn @ ..] => tags::tags(call, &arn.join("/")),
        _ => Err(call.not_here()),
    }
}
