//! The environment, read once. Nothing else in the function looks at it.
//!
//! The first group is set by Lambda, the second by whoever deploys:
//!
//! | variable | meaning |
//! |---|---|
//! | `CHAT_TABLE` | the DynamoDB table, required |
//! | `CHAT_ALLOWED_ORIGINS` | pages that may open a chat, separated by commas; empty: any |
//! | `CHAT_CONNECTIONS_URL` | where to post to connections, with `{apiId}` and `{stage}` in it |
//! | `AWS_ENDPOINT_URL_DYNAMODB`, `AWS_ENDPOINT_URL` | another DynamoDB than Amazon's |
//! | `CHAT_DNS_SUFFIX` | what the hosts of this partition of AWS end in, default `amazonaws.com` |
//! | `CHAT_LOG_LEVEL` | `TRACE` to `FATAL`; without it `AWS_LAMBDA_LOG_LEVEL`, which Lambda sets, or `INFO` |

use crate::event::Place;
use crate::http::Endpoint;
use crate::log::Level;
use crate::sign::Credentials;

/// Everything the environment says.
#[derive(Clone, Debug)]
pub struct Config {
    /// Host and port of the Lambda Runtime API.
    pub runtime_api: String,
    /// The region to sign for.
    pub region: String,
    /// The function role's keys. They live as long as this process does.
    pub credentials: Credentials,
    /// The table's name.
    pub table: String,
    /// Where DynamoDB is.
    pub dynamodb: Endpoint,
    /// Where connections are.
    pub connections: Connections,
    /// Pages that may connect; empty means any.
    pub allowed_origins: Vec<String>,
    /// What to log.
    pub level: Level,
}

impl Config {
    /// Reads the configuration through `get`, which is the environment except in tests.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let get = |key: &str| get(key).filter(|value| !value.is_empty());
        let need = |key: &str| get(key).ok_or_else(|| format!("{key} is not set"));
        let region = need("AWS_REGION").or_else(|e| get("AWS_DEFAULT_REGION").ok_or(e))?;
        let custom = get("AWS_ENDPOINT_URL_DYNAMODB").or_else(|| get("AWS_ENDPOINT_URL"));
        let suffix = get("CHAT_DNS_SUFFIX").unwrap_or_else(|| dns_suffix(&region).into());
        let dynamodb = custom.unwrap_or_else(|| format!("https://dynamodb.{region}.{suffix}"));
        let level = get("CHAT_LOG_LEVEL").or_else(|| get("AWS_LAMBDA_LOG_LEVEL"));
        Ok(Self {
            runtime_api: need("AWS_LAMBDA_RUNTIME_API")?,
            credentials: Credentials {
                key_id: need("AWS_ACCESS_KEY_ID")?,
                secret: need("AWS_SECRET_ACCESS_KEY")?,
                token: get("AWS_SESSION_TOKEN"),
            },
            table: need("CHAT_TABLE")?,
            dynamodb: Endpoint::parse(&dynamodb)?,
            connections: Connections {
                template: get("CHAT_CONNECTIONS_URL"),
                region: region.clone(),
                suffix,
            },
            allowed_origins: origins(&get("CHAT_ALLOWED_ORIGINS").unwrap_or_default()),
            level: Level::parse(&level.unwrap_or_default()),
            region,
        })
    }
}

/// Knows where the connections of an API can be posted to.
#[derive(Clone, Debug)]
pub struct Connections {
    /// A URL with `{apiId}` and `{stage}`, for a cloud that is not Amazon's.
    pub template: Option<String>,
    /// The region of the API.
    pub region: String,
    /// What the hosts of the partition end in.
    pub suffix: String,
}

impl Connections {
    /// The management endpoint of this API and stage.
    ///
    /// A client that came through a custom domain makes an event with that domain, where the stage
    /// is not part of the path. The API's own host always works, so it is used for those.
    pub fn at(&self, place: &Place) -> Result<Endpoint, String> {
        let Place {
            api_id,
            stage,
            domain,
        } = place;
        if let Some(template) = &self.template {
            let url = template
                .replace("{apiId}", api_id)
                .replace("{stage}", stage);
            return Endpoint::parse(&url);
        }
        if !api_id.is_empty() && !domain.starts_with(api_id.as_str()) {
            let Self { region, suffix, .. } = self;
            let url = format!("https://{api_id}.execute-api.{region}.{suffix}/{stage}");
            return Endpoint::parse(&url);
        }
        Endpoint::parse(&format!("https://{domain}/{stage}"))
    }
}

/// For a function that was not told: whoever deploys it knows the partition.
fn dns_suffix(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    }
}

fn origins(list: &str) -> Vec<String> {
    list.split(',')
        .map(|origin| origin.trim().trim_end_matches('/').to_owned())
        .filter(|origin| !origin.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, String> {
        let base = [
            ("AWS_LAMBDA_RUNTIME_API", "169.254.100.1:9001"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "AKID"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("CHAT_TABLE", "chat"),
        ];
        Config::read(|key| {
            let own = pairs.iter().find(|(k, _)| *k == key);
            own.or_else(|| base.iter().find(|(k, _)| *k == key))
                .map(|(_, v)| (*v).to_owned())
        })
    }

    fn place(domain: &str) -> Place {
        Place {
            api_id: "abc".into(),
            stage: "production".into(),
            domain: domain.into(),
        }
    }

    #[test]
    fn the_endpoints_of_amazon_are_the_default() {
        let config = read(&[]).unwrap();
        assert_eq!(
            config.dynamodb.to_string(),
            "https://dynamodb.eu-west-1.amazonaws.com"
        );
        let china = read(&[("AWS_REGION", "cn-north-1")]).unwrap();
        assert_eq!(
            china.dynamodb.to_string(),
            "https://dynamodb.cn-north-1.amazonaws.com.cn"
        );
        let domain = "abc.execute-api.eu-west-1.amazonaws.com";
        let url = config.connections.at(&place(domain)).unwrap().to_string();
        assert_eq!(
            url,
            "https://abc.execute-api.eu-west-1.amazonaws.com/production"
        );
    }

    #[test]
    fn the_hosts_of_another_partition_end_as_the_deployer_says() {
        let sovereign = [
            ("AWS_REGION", "eusc-de-east-1"),
            ("CHAT_DNS_SUFFIX", "amazonaws.eu"),
        ];
        let config = read(&sovereign).unwrap();
        assert_eq!(
            config.dynamodb.to_string(),
            "https://dynamodb.eusc-de-east-1.amazonaws.eu"
        );
        let url = config.connections.at(&place("chat.example")).unwrap();
        assert_eq!(
            url.to_string(),
            "https://abc.execute-api.eusc-de-east-1.amazonaws.eu/production"
        );
    }

    #[test]
    fn the_deployers_level_goes_before_lambdas() {
        let level = |pairs: &[(&str, &str)]| read(pairs).unwrap().level;
        let lambdas = ("AWS_LAMBDA_LOG_LEVEL", "ERROR");
        assert_eq!(level(&[lambdas]), Level::Error);
        assert_eq!(level(&[lambdas, ("CHAT_LOG_LEVEL", "debug")]), Level::Debug);
    }

    #[test]
    fn a_custom_domain_is_bypassed_because_its_path_has_no_stage() {
        let url = read(&[])
            .unwrap()
            .connections
            .at(&place("chat.example"))
            .unwrap()
            .to_string();
        assert_eq!(
            url,
            "https://abc.execute-api.eu-west-1.amazonaws.com/production"
        );
    }

    #[test]
    fn another_cloud_can_be_named() {
        let config = read(&[
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:4510"),
            (
                "CHAT_CONNECTIONS_URL",
                "http://127.0.0.1:4510/_aws/execute-api/{apiId}/{stage}",
            ),
        ])
        .unwrap();
        assert_eq!(config.dynamodb.to_string(), "http://127.0.0.1:4510");
        let url = config.connections.at(&place("x")).unwrap().to_string();
        assert_eq!(url, "http://127.0.0.1:4510/_aws/execute-api/abc/production");
        let own = read(&[
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
            ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:2/x/"),
        ]);
        assert_eq!(own.unwrap().dynamodb.to_string(), "http://127.0.0.1:2/x");
    }

    #[test]
    fn what_is_missing_or_odd_is_named() {
        assert_eq!(
            read(&[("CHAT_TABLE", "")]).unwrap_err(),
            "CHAT_TABLE is not set"
        );
        let odd = read(&[("AWS_ENDPOINT_URL", "ftp://x")]).unwrap_err();
        assert!(odd.contains("ftp://x"), "{odd}");
    }

    #[test]
    fn origins_are_a_comma_list() {
        let config = read(&[("CHAT_ALLOWED_ORIGINS", " https://a.example/, ,http://b:1")]).unwrap();
        assert_eq!(config.allowed_origins, ["https://a.example", "http://b:1"]);
    }
}
