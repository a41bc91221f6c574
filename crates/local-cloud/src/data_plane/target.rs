//! Which stage of which API an address means: `/_aws/execute-api/{api}/{stage}`, or any path under a `Host` of
//! `{api}.execute-api.…`.

use http::HeaderMap;

use crate::wire::decode;

/// Which stage of which API an address means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) api_id: String,
    pub(crate) stage: String,
    /// What follows the stage: empty for the WebSocket endpoint.
    pub(crate) rest: String,
}

impl Target {
    /// The stage that an address means, if it is one of the data plane.
    pub(crate) fn of(headers: &HeaderMap, path: &str) -> Option<Self> {
        let host = headers
            .get(http::header::HOST)
            .and_then(|host| host.to_str().ok());
        let by_host = host
            .and_then(|host| host.split_once(".execute-api."))
            .map(|(api, _)| api);
        let (api_id, rest) = match path.strip_prefix("/_aws/execute-api/") {
            Some(rest) => rest.split_once('/').unwrap_or((rest, "")),
            None => (by_host?, path.trim_start_matches('/')),
        };
        // A slash after the stage is not a path.
        let (stage, rest) = rest.split_once('/').unwrap_or((rest, ""));
        Some(Self {
            api_id: api_id.to_owned(),
            stage: decode(stage),
            rest: rest.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(host: &str, path: &str) -> Option<(String, String, String)> {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::HOST, host.parse().unwrap());
        Target::of(&headers, path).map(|target| (target.api_id, target.stage, target.rest))
    }

    #[test]
    fn a_stage_is_found_by_path_and_by_host() {
        let want = |rest: &str| Some(("a1".to_owned(), "prod".to_owned(), rest.to_owned()));
        assert_eq!(found("127.0.0.1:1", "/_aws/execute-api/a1/prod"), want(""));
        assert_eq!(
            found("127.0.0.1:1", "/_aws/execute-api/a1/prod/@connections/x%3D"),
            want("@connections/x%3D")
        );
        assert_eq!(found("a1.execute-api.localhost:1", "/prod"), want(""));
        assert_eq!(found("127.0.0.1:1", "/prod"), None);
    }
}
