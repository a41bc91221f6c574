//! The names that AWS's models give to REST requests: method and path to operation.
//!
//! Needed for three things: rooms dispatch by name, faults and the call list speak of names, and a
//! request that the local cloud does not know can still be answered with what it was.

use http::Method;

/// Method, path pattern (`{}` is one segment) and name.
type Row = (&'static str, &'static str, &'static str);

const LAMBDA: &[Row] = &[
    ("POST", "2015-03-31/functions", "CreateFunction"),
    ("GET", "2015-03-31/functions", "ListFunctions"),
    ("GET", "2015-03-31/functions/{}", "GetFunction"),
    ("DELETE", "2015-03-31/functions/{}", "DeleteFunction"),
    (
        "GET",
        "2015-03-31/functions/{}/configuration",
        "GetFunctionConfiguration",
    ),
    (
        "PUT",
        "2015-03-31/functions/{}/configuration",
        "UpdateFunctionConfiguration",
    ),
    ("PUT", "2015-03-31/functions/{}/code", "UpdateFunctionCode"),
    ("POST", "2015-03-31/functions/{}/policy", "AddPermission"),
    ("GET", "2015-03-31/functions/{}/policy", "GetPolicy"),
    (
        "DELETE",
        "2015-03-31/functions/{}/policy/{}",
        "RemovePermission",
    ),
    ("POST", "2015-03-31/functions/{}/invocations", "Invoke"),
    (
        "POST",
        "2014-11-13/functions/{}/invoke-async",
        "InvokeAsync",
    ),
    ("POST", "2015-03-31/functions/{}/versions", "PublishVersion"),
    (
        "GET",
        "2015-03-31/functions/{}/versions",
        "ListVersionsByFunction",
    ),
    ("POST", "2015-03-31/functions/{}/aliases", "CreateAlias"),
    ("GET", "2015-03-31/functions/{}/aliases", "ListAliases"),
    ("GET", "2015-03-31/functions/{}/aliases/{}", "GetAlias"),
    ("PUT", "2015-03-31/functions/{}/aliases/{}", "UpdateAlias"),
    (
        "DELETE",
        "2015-03-31/functions/{}/aliases/{}",
        "DeleteAlias",
    ),
    (
        "GET",
        "2015-03-31/event-source-mappings",
        "ListEventSourceMappings",
    ),
    (
        "POST",
        "2015-03-31/event-source-mappings",
        "CreateEventSourceMapping",
    ),
    ("GET", "2016-08-19/account-settings", "GetAccountSettings"),
    ("GET", "2017-03-31/tags/{}", "ListTags"),
    ("POST", "2017-03-31/tags/{}", "TagResource"),
    ("DELETE", "2017-03-31/tags/{}", "UntagResource"),
    (
        "PUT",
        "2017-10-31/functions/{}/concurrency",
        "PutFunctionConcurrency",
    ),
    (
        "DELETE",
        "2017-10-31/functions/{}/concurrency",
        "DeleteFunctionConcurrency",
    ),
    (
        "GET",
        "2019-09-30/functions/{}/concurrency",
        "GetFunctionConcurrency",
    ),
    ("GET", "2018-10-31/layers", "ListLayers"),
    (
        "GET",
        "2020-06-30/functions/{}/code-signing-config",
        "GetFunctionCodeSigningConfig",
    ),
    (
        "GET",
        "2021-07-20/functions/{}/runtime-management-config",
        "GetRuntimeManagementConfig",
    ),
    ("GET", "2021-10-31/functions/{}/url", "GetFunctionUrlConfig"),
    (
        "POST",
        "2021-10-31/functions/{}/url",
        "CreateFunctionUrlConfig",
    ),
    (
        "GET",
        "2024-08-31/functions/{}/recursion-config",
        "GetFunctionRecursionConfig",
    ),
];

const APIGATEWAYV2: &[Row] = &[
    ("POST", "v2/apis", "CreateApi"),
    ("GET", "v2/apis", "GetApis"),
    ("PUT", "v2/apis", "ImportApi"),
    ("GET", "v2/apis/{}", "GetApi"),
    ("PATCH", "v2/apis/{}", "UpdateApi"),
    ("PUT", "v2/apis/{}", "ReimportApi"),
    ("DELETE", "v2/apis/{}", "DeleteApi"),
    ("DELETE", "v2/apis/{}/cors", "DeleteCorsConfiguration"),
    ("GET", "v2/apis/{}/exports/{}", "ExportApi"),
    ("POST", "v2/apis/{}/routes", "CreateRoute"),
    ("GET", "v2/apis/{}/routes", "GetRoutes"),
    ("GET", "v2/apis/{}/routes/{}", "GetRoute"),
    ("PATCH", "v2/apis/{}/routes/{}", "UpdateRoute"),
    ("DELETE", "v2/apis/{}/routes/{}", "DeleteRoute"),
    (
        "DELETE",
        "v2/apis/{}/routes/{}/requestparameters/{}",
        "DeleteRouteRequestParameter",
    ),
    (
        "POST",
        "v2/apis/{}/routes/{}/routeresponses",
        "CreateRouteResponse",
    ),
    (
        "GET",
        "v2/apis/{}/routes/{}/routeresponses",
        "GetRouteResponses",
    ),
    (
        "GET",
        "v2/apis/{}/routes/{}/routeresponses/{}",
        "GetRouteResponse",
    ),
    (
        "PATCH",
        "v2/apis/{}/routes/{}/routeresponses/{}",
        "UpdateRouteResponse",
    ),
    (
        "DELETE",
        "v2/apis/{}/routes/{}/routeresponses/{}",
        "DeleteRouteResponse",
    ),
    ("POST", "v2/apis/{}/integrations", "CreateIntegration"),
    ("GET", "v2/apis/{}/integrations", "GetIntegrations"),
    ("GET", "v2/apis/{}/integrations/{}", "GetIntegration"),
    ("PATCH", "v2/apis/{}/integrations/{}", "UpdateIntegration"),
    ("DELETE", "v2/apis/{}/integrations/{}", "DeleteIntegration"),
    (
        "POST",
        "v2/apis/{}/integrations/{}/integrationresponses",
        "CreateIntegrationResponse",
    ),
    (
        "GET",
        "v2/apis/{}/integrations/{}/integrationresponses",
        "GetIntegrationResponses",
    ),
    (
        "GET",
        "v2/apis/{}/integrations/{}/integrationresponses/{}",
        "GetIntegrationResponse",
    ),
    (
        "PATCH",
        "v2/apis/{}/integrations/{}/integrationresponses/{}",
        "UpdateIntegrationResponse",
    ),
    (
        "DELETE",
        "v2/apis/{}/integrations/{}/integrationresponses/{}",
        "DeleteIntegrationResponse",
    ),
    ("POST", "v2/apis/{}/deployments", "CreateDeployment"),
    ("GET", "v2/apis/{}/deployments", "GetDeployments"),
    ("GET", "v2/apis/{}/deployments/{}", "GetDeployment"),
    ("PATCH", "v2/apis/{}/deployments/{}", "UpdateDeployment"),
    ("DELETE", "v2/apis/{}/deployments/{}", "DeleteDeployment"),
    ("POST", "v2/apis/{}/stages", "CreateStage"),
    ("GET", "v2/apis/{}/stages", "GetStages"),
    ("GET", "v2/apis/{}/stages/{}", "GetStage"),
    ("PATCH", "v2/apis/{}/stages/{}", "UpdateStage"),
    ("DELETE", "v2/apis/{}/stages/{}", "DeleteStage"),
    (
        "DELETE",
        "v2/apis/{}/stages/{}/accesslogsettings",
        "DeleteAccessLogSettings",
    ),
    (
        "DELETE",
        "v2/apis/{}/stages/{}/routesettings/{}",
        "DeleteRouteSettings",
    ),
    (
        "DELETE",
        "v2/apis/{}/stages/{}/cache/authorizers",
        "ResetAuthorizersCache",
    ),
    ("POST", "v2/apis/{}/authorizers", "CreateAuthorizer"),
    ("GET", "v2/apis/{}/authorizers", "GetAuthorizers"),
    ("GET", "v2/apis/{}/authorizers/{}", "GetAuthorizer"),
    ("PATCH", "v2/apis/{}/authorizers/{}", "UpdateAuthorizer"),
    ("DELETE", "v2/apis/{}/authorizers/{}", "DeleteAuthorizer"),
    ("POST", "v2/apis/{}/models", "CreateModel"),
    ("GET", "v2/apis/{}/models", "GetModels"),
    ("GET", "v2/apis/{}/models/{}", "GetModel"),
    ("PATCH", "v2/apis/{}/models/{}", "UpdateModel"),
    ("DELETE", "v2/apis/{}/models/{}", "DeleteModel"),
    ("GET", "v2/apis/{}/models/{}/template", "GetModelTemplate"),
    ("GET", "v2/tags/{}", "GetTags"),
    ("POST", "v2/tags/{}", "TagResource"),
    ("DELETE", "v2/tags/{}", "UntagResource"),
    ("GET", "v2/domainnames", "GetDomainNames"),
    ("POST", "v2/domainnames", "CreateDomainName"),
    ("GET", "v2/vpclinks", "GetVpcLinks"),
    ("POST", "v2/vpclinks", "CreateVpcLink"),
];

/// The service and operation of a REST request, if a table has it.
pub(crate) fn rest(method: &Method, path: &str) -> Option<(&'static str, &'static str)> {
    let tables = [("lambda", LAMBDA), ("apigatewayv2", APIGATEWAYV2)];
    tables.into_iter().find_map(|(service, rows)| {
        let row = rows
            .iter()
            .find(|row| row.0 == method.as_str() && fits(row.1, path))?;
        Some((service, row.2))
    })
}

/// The service that a path belongs to, even if its operation is not in a table.
pub(crate) fn service(path: &str) -> Option<&'static str> {
    let dated =
        |part: &str| part.len() == 10 && part.starts_with("20") && part.as_bytes()[4] == b'-';
    match path.trim_start_matches('/').split('/').next()? {
        "v2" => Some("apigatewayv2"),
        "account" | "restapis" | "apikeys" | "usageplans" | "domainnames" | "tags" => {
            Some("apigateway")
        }
        part if dated(part) => Some("lambda"),
        _ => None,
    }
}

fn fits(pattern: &str, path: &str) -> bool {
    let path = path.trim_start_matches('/');
    let path = path.strip_suffix('/').unwrap_or(path);
    let (mut patterns, mut parts) = (pattern.split('/'), path.split('/'));
    loop {
        match (patterns.next(), parts.next()) {
            (None, None) => return true,
            (Some(pattern), Some(part)) if pattern == part => {}
            (Some("{}"), Some(part)) if !part.is_empty() => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rest_requests_have_the_names_of_the_models() {
        let name = |method: Method, path| rest(&method, path).map(|found| found.1);
        assert_eq!(name(Method::POST, "/v2/apis"), Some("CreateApi"));
        assert_eq!(
            name(Method::PATCH, "/v2/apis/a1/stages/prod"),
            Some("UpdateStage")
        );
        assert_eq!(
            name(Method::GET, "/2015-03-31/functions/"),
            Some("ListFunctions")
        );
        let policy = "/2015-03-31/functions/chat/policy/s1";
        assert_eq!(name(Method::DELETE, policy), Some("RemovePermission"));
        let tags = "/v2/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapis%2Fa1";
        assert_eq!(name(Method::GET, tags), Some("GetTags"));
        assert_eq!(name(Method::GET, "/nothing"), None);
    }
}
