//! API Gateway v2's REST-JSON: which function answers which method and path.

use http::Method;

use serde_json::{Map, Value};

use crate::wire::{Request, Response, encode, has_tags};

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
        let body = request.json()?;
        for (action, resource) in needs(request, &path, &body) {
            let resource = format!("arn:aws:apigateway:{}::/{resource}", self.shared.region);
            self.iam.authorize(&caller, &action, &resource, &[])?;
        }
        let deploys = request.method == Method::POST && path.get(2) == Some(&"deployments");
        let own_rate = deploys.then_some(("CreateDeployment", 0.2));
        self.account.rates.take(&self.shared, own_rate)?;
        let call = ApiCall {
            apis: self,
            method: &request.method,
            body,
            request,
        };
        dispatch(&call, &path).await
    }
}

/// The actions that the caller must be allowed, each with the path of the resource. An action is the HTTP
/// method; the ARN in the path of a call on tags stays encoded (Service Authorization Reference, `Tags`).
///
/// A stage that is made with tags needs `apigateway:TagResource` on the API's stages too, which the reference does
/// not list (aws-amplify/amplify-cli#12316 quotes the refusal). Uncertain: no refusal of an API that is made with
/// tags is recorded, nor one of TagResource by that name.
fn needs(request: &Request, path: &[&str], body: &Map<String, Value>) -> Vec<(String, String)> {
    let resource = match path {
        ["tags", arn @ ..] => format!("tags/{}", encode(&arn.join("/"))),
        _ => path.join("/"),
    };
    let mut all = vec![(format!("apigateway:{}", request.method), resource.clone())];
    if request.operation == "CreateStage" && has_tags(body.get("tags")) {
        all.push(("apigateway:TagResource".to_owned(), resource));
    }
    all
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
