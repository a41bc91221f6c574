//! The two managed policies of AWS that functions and API Gateway's logging role attach.

/// A policy that AWS owns.
#[derive(Debug)]
pub(crate) struct Managed {
    /// The last part of its ARN.
    pub(crate) name: &'static str,
    /// Its id.
    pub(crate) id: &'static str,
    /// When it was made.
    pub(crate) created: &'static str,
    /// What it is for, in AWS's words.
    pub(crate) description: &'static str,
    /// The default version's document.
    pub(crate) document: &'static str,
}

/// Both live under the path `service-role/`.
const POLICIES: [Managed; 2] = [
    Managed {
        name: "AWSLambdaBasicExecutionRole",
        id: "ANPAJNCQGXC42545SKXIK",
        created: "2015-04-09T15:03:43Z",
        description: "Provides write permissions to CloudWatch Logs.",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"}]}"#,
    },
    Managed {
        name: "AmazonAPIGatewayPushToCloudWatchLogs",
        id: "ANPAIK4GFO7HLKYN64ASK",
        created: "2015-11-11T23:41:46Z",
        description: "Allows API Gateway to push logs to user's account.",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:DescribeLogGroups","logs:DescribeLogStreams","logs:PutLogEvents","logs:GetLogEvents","logs:FilterLogEvents"],"Resource":"*"}]}"#,
    },
];

/// Finds a managed policy by its ARN; AWS's own have `aws` in the place of the account.
pub(crate) fn find(arn: &str) -> Option<&'static Managed> {
    let name = arn.strip_prefix("arn:aws:iam::aws:policy/service-role/")?;
    POLICIES.iter().find(|policy| policy.name == name)
}
