//! Each check against healthy facts with one thing broken.

#![expect(
    clippy::too_many_lines,
    clippy::semicolon_if_nothing_returned,
    reason = "tables of facts and of ways to break them"
)]

use super::*;
use crate::doctor::facts::*;
use crate::tail::LogSource;
use serde_json::{Value, json};

const ARN: &str = "arn:aws:lambda:eu-central-1:000000000000:function:chat-production";
const EXECUTE: &str = "arn:aws:execute-api:eu-central-1:000000000000:";
const TABLE: &str = "arn:aws:dynamodb:eu-central-1:000000000000:table/chat-production";
const GROUP: &str = "arn:aws:logs:eu-central-1:000000000000:log-group:/aws/lambda/chat-production";

fn expected() -> Expected {
    Expected {
        stack: "chat".into(),
        stage: "production".into(),
        region: "eu-central-1".into(),
        caller: "arn:aws:iam::000000000000:root".into(),
        function: "chat-production".into(),
        function_arn: ARN.into(),
        live_arn: format!("{ARN}:live"),
        role: "chat-production-function".into(),
        function_group_arn: GROUP.into(),
        table: Some(ExpectedTable {
            name: "chat-production".into(),
            arn: TABLE.into(),
            keys: vec!["pk".into(), "sk".into()],
            ttl: Some("expires".into()),
        }),
        execute_arn: EXECUTE.into(),
        routes: [
            "$connect",
            "$disconnect",
            "$default",
            "setName",
            "sendPublic",
            "sendPrivate",
        ]
        .map(str::to_owned)
        .to_vec(),
        digest: Some("d1".into()),
        ..Expected::default()
    }
}

fn trust(service: &str) -> Value {
    json!({"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}]})
}

fn rights() -> Value {
    json!({"Statement": [
        {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": format!("{GROUP}:*")},
        {"Effect": "Allow", "Action": "dynamodb:*", "Resource": TABLE},
        {"Effect": "Allow", "Action": "execute-api:ManageConnections",
            "Resource": format!("{EXECUTE}a1/production/*/@connections/*")},
    ]})
}

fn permission(api: &str) -> Value {
    json!({"Statement": [{"Effect": "Allow", "Action": "lambda:InvokeFunction",
        "Principal": {"Service": "apigateway.amazonaws.com"},
        "Condition": {"ArnLike": {"AWS:SourceArn": format!("{EXECUTE}{api}/production/*")}}}]})
}

fn groups() -> Vec<Group> {
    [LogSource::Function, LogSource::Execution, LogSource::Access]
        .map(|source| Group {
            source,
            name: format!("/g/{source:?}"),
            look: Look::There(GroupState {
                retention: Some(14),
                last_event: Some(1),
            }),
        })
        .to_vec()
}

/// A chat in which nothing is wrong.
pub(crate) fn healthy() -> Facts {
    let expected = expected();
    let route = |key: &String| Route {
        key: key.clone(),
        target: Some("integrations/i1".into()),
        authorization: "NONE".into(),
        ..Route::default()
    };
    Facts {
        routes: Look::There(expected.routes.iter().map(route).collect()),
        api: Look::There(Api {
            id: "a1".into(),
            protocol: "WEBSOCKET".into(),
            selection: "$request.body.action".into(),
            duplicates: Vec::new(),
        }),
        stage: Look::There(Stage {
            deployment: Some("d".into()),
            logging: "INFO".into(),
            access_group: Some("arn:g".into()),
            rate: Some(500.0),
            burst: Some(1000),
            ..Stage::default()
        }),
        integrations: Look::There(vec![Integration {
            id: "i1".into(),
            kind: "AWS_PROXY".into(),
            uri: format!(
                "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/{ARN}:live/invocations"
            ),
            ..Integration::default()
        }]),
        deployment: Look::There(Deployment {
            id: "d".into(),
            status: "DEPLOYED".into(),
            digest: Some("d1".into()),
        }),
        account_role: Look::There(AccountRole {
            arn: "arn:aws:iam::000000000000:role/logger".into(),
            role: Look::There(Role {
                name: "logger".into(),
                trust: trust("apigateway.amazonaws.com"),
                inline: Vec::new(),
                attached: vec![
                    "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
                        .into(),
                ],
                boundary: None,
            }),
        }),
        function: Look::There(Function {
            state: "Active".into(),
            role: "arn:aws:iam::000000000000:role/chat-production-function".into(),
            table: Some("chat-production".into()),
            is_ours: true,
            ..Function::default()
        }),
        live: Look::There(Live {
            version: "7".into(),
            weights: None,
        }),
        concurrency: Look::There(1000),
        permission: Look::There(permission("a1")),
        own_policy: Look::Missing,
        function_role: Look::There(Role {
            name: "chat-production-function".into(),
            trust: trust("lambda.amazonaws.com"),
            inline: vec![rights()],
            attached: Vec::new(),
            boundary: None,
        }),
        table: Look::There(Table {
            status: "ACTIVE".into(),
            keys: vec!["pk".into(), "sk".into()],
            ttl: Some("expires".into()),
        }),
        groups: groups(),
        probe: Look::There(Probe::Answered {
            connect: 30,
            answer: 20,
        }),
        expected,
    }
}

fn there<T>(look: &mut Look<T>) -> &mut T {
    match look {
        Look::There(thing) => thing,
        _ => panic!("not there"),
    }
}

/// What is not good once `break_it` was done.
fn bad(break_it: impl FnOnce(&mut Facts)) -> Vec<(&'static str, Verdict)> {
    let mut facts = healthy();
    break_it(&mut facts);
    all(&facts)
        .into_iter()
        .filter(|finding| finding.verdict != Verdict::Good)
        .map(|finding| {
            let explained = finding.why.is_some() && finding.mend.is_some();
            assert!(
                explained || finding.verdict == Verdict::Skipped,
                "{finding:?}"
            );
            (finding.check, finding.verdict)
        })
        .collect()
}

#[test]
fn a_healthy_chat_has_nothing_to_say() {
    assert_eq!(bad(|_| {}), []);
}

#[test]
fn every_finding_bears_the_name_of_its_check() {
    let facts = healthy();
    for (name, judge) in ALL {
        assert_eq!(judge(&facts).check, name);
    }
}

#[test]
fn each_broken_thing_fails_its_own_check() {
    use Verdict::{Failure, Warning};
    type Break = fn(&mut Facts);
    let cases: [(&str, Verdict, Break); 39] = [
        ("api", Failure, |f| {
            there(&mut f.api).protocol = "HTTP".into()
        }),
        ("api", Failure, |f| {
            there(&mut f.api).selection = "$request.body.type".into()
        }),
        ("api", Warning, |f| {
            there(&mut f.api).duplicates.push("a2".into())
        }),
        ("stage", Failure, |f| there(&mut f.stage).deployment = None),
        ("routes", Failure, |f| {
            there(&mut f.routes).retain(|r| r.key != "sendPublic")
        }),
        ("routes", Failure, |f| there(&mut f.routes)[0].target = None),
        ("routes", Warning, |f| {
            there(&mut f.routes)[0].authorization = "AWS_IAM".into()
        }),
        ("routes", Warning, |f| {
            let mut more = there(&mut f.routes)[0].clone();
            more.key = "shout".into();
            there(&mut f.routes).push(more);
        }),
        ("integration", Failure, |f| {
            there(&mut f.integrations).clear()
        }),
        ("integration", Failure, |f| {
            there(&mut f.integrations)[0].kind = "MOCK".into()
        }),
        ("integration", Failure, |f| {
            there(&mut f.integrations)[0].uri = format!("{ARN}-2/invocations")
        }),
        ("deployment", Failure, |f| {
            there(&mut f.deployment).digest = Some("d0".into())
        }),
        ("deployment", Failure, |f| {
            there(&mut f.deployment).status = "FAILED".into()
        }),
        ("deployment", Warning, |f| {
            there(&mut f.deployment).digest = None
        }),
        ("throttles", Failure, |f| {
            there(&mut f.stage).rate = Some(0.0)
        }),
        ("throttles", Failure, |f| {
            there(&mut f.stage).burst = Some(0)
        }),
        ("throttles", Failure, |f| {
            there(&mut f.stage)
                .overrides
                .push(("setName".into(), None, Some(0)));
        }),
        ("function", Failure, |f| {
            there(&mut f.function).state = "Failed".into()
        }),
        ("function", Failure, |f| {
            there(&mut f.function).reserved = Some(0)
        }),
        ("function", Failure, |f| {
            there(&mut f.function).last_update = Some("Failed".into())
        }),
        ("function", Failure, |f| there(&mut f.function).table = None),
        ("function", Warning, |f| {
            there(&mut f.function).is_ours = false
        }),
        ("live-version", Warning, |f| f.live = Look::Missing),
        ("live-version", Warning, |f| {
            there(&mut f.live).weights = Some("6: 0.1".into())
        }),
        ("integration", Warning, |f| {
            let integration = &mut there(&mut f.integrations)[0];
            integration.uri = integration.uri.replace(":live", "");
        }),
        ("permission", Failure, |f| f.permission = Look::Missing),
        ("permission", Failure, |f| {
            f.permission = Look::There(permission("old"))
        }),
        ("function-policy", Warning, |f| {
            let open = json!({"Sid": "open", "Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction"});
            let statements = there(&mut f.permission)["Statement"].as_array_mut();
            statements.unwrap().push(open)
        }),
        ("function-role", Failure, |f| {
            there(&mut f.function_role).trust = trust("ec2.amazonaws.com")
        }),
        ("function-role", Failure, |f| {
            there(&mut f.function).role = "arn:aws:iam::0:role/other".into()
        }),
        ("table", Failure, |f| {
            there(&mut f.table).status = "CREATING".into()
        }),
        ("table", Failure, |f| {
            there(&mut f.table).keys = vec!["id".into()]
        }),
        ("table", Warning, |f| there(&mut f.table).ttl = None),
        ("account-logging", Failure, |f| {
            f.account_role = Look::Missing
        }),
        ("account-logging", Failure, |f| {
            there(&mut f.account_role).role = Look::Missing
        }),
        ("account-logging", Failure, |f| {
            there(&mut there(&mut f.account_role).role).trust = trust("lambda.amazonaws.com");
        }),
        ("account-logging", Failure, |f| {
            there(&mut there(&mut f.account_role).role).attached.clear()
        }),
        ("execution-log", Failure, |f| {
            there(&mut f.stage).logging = "OFF".into()
        }),
        ("execution-log", Warning, |f| {
            there(&mut f.stage).data_trace = true
        }),
    ];
    for (index, (check, verdict, break_it)) in cases.into_iter().enumerate() {
        assert_eq!(bad(break_it), [(check, verdict)], "case {index}");
    }
}

#[test]
fn the_logs_and_the_probe_fail_alone_too() {
    use Verdict::{Failure, Warning};
    assert_eq!(
        bad(|f| there(&mut f.stage).access_group = None),
        [("access-log", Failure)]
    );
    assert_eq!(
        bad(|f| f.groups[1].look = Look::Missing),
        [("log-groups", Failure)]
    );
    assert_eq!(
        bad(|f| there(&mut f.groups[0].look).retention = None),
        [("log-groups", Warning)]
    );
    for probe in [
        Probe::Refused {
            status: 500,
            said: String::new(),
        },
        Probe::Error {
            said: "Internal server error".into(),
        },
        Probe::Silent,
        Probe::Unreachable {
            said: "refused".into(),
        },
    ] {
        assert_eq!(bad(|f| f.probe = Look::There(probe)), [("probe", Failure)]);
    }
}

#[test]
fn each_missing_right_is_named() {
    for (index, action) in [
        (0, "logs:CreateLogStream"),
        (1, "dynamodb:GetItem"),
        (2, "execute-api:ManageConnections"),
    ] {
        let mut facts = healthy();
        let statements = there(&mut facts.function_role).inline[0]["Statement"]
            .as_array_mut()
            .unwrap();
        statements.remove(index);
        let finding = function::rights(&facts);
        assert_eq!(finding.verdict, Verdict::Failure);
        assert!(finding.what.contains(action), "{}", finding.what);
    }
}

#[test]
fn a_policy_that_cannot_be_read_is_not_called_a_failure() {
    let found = bad(|f| {
        there(&mut f.function_role)
            .attached
            .push("arn:aws:iam::1:policy/ours".into())
    });
    assert_eq!(found, [("function-rights", Verdict::Skipped)]);
}

#[test]
fn a_condition_that_only_aws_can_judge_is_neither_well_nor_a_failure() {
    let vpc = json!({"StringEquals": {"aws:SourceVpc": "v"}});
    let found =
        bad(|f| there(&mut f.function_role).trust["Statement"][0]["Condition"] = vpc.clone());
    assert_eq!(found, [("function-role", Verdict::Skipped)]);
    let found = bad(|f| {
        there(&mut f.function_role).inline[0]["Statement"][1]["Condition"] = vpc.clone();
    });
    assert_eq!(found, [("function-rights", Verdict::Skipped)]);
    let found = bad(|f| there(&mut f.permission)["Statement"][0]["Condition"] = vpc.clone());
    assert_eq!(found, [("permission", Verdict::Skipped)]);
    let found = bad(|f| {
        let role = there(&mut there(&mut f.account_role).role);
        role.trust["Statement"][0]["Condition"] = vpc;
    });
    assert_eq!(found, [("account-logging", Verdict::Skipped)]);
}

#[test]
fn a_condition_that_fails_for_sure_is_a_failure() {
    let elsewhere = json!({"StringEquals": {"aws:RequestedRegion": "us-east-1"}});
    let found = bad(|f| {
        there(&mut f.function_role).inline[0]["Statement"][1]["Condition"] = elsewhere;
    });
    assert_eq!(found, [("function-rights", Verdict::Failure)]);
}

#[test]
fn a_boundary_is_said_not_to_be_read() {
    let found = bad(|f| there(&mut f.function_role).boundary = Some("arn:b".into()));
    assert_eq!(found, [("function-rights", Verdict::Skipped)]);
}

#[test]
fn logging_that_was_turned_off_on_purpose_is_well() {
    assert_eq!(
        bad(|f| {
            there(&mut f.stage).logging = "OFF".into();
            f.expected.logging_off = true;
        }),
        []
    );
}

#[test]
fn what_cannot_be_looked_at_is_skipped_not_failed() {
    let found = bad(|f| f.table = Look::Unseen("AccessDeniedException".into()));
    assert_eq!(found, [("table", Verdict::Skipped)]);
}

#[test]
fn without_an_api_one_thing_is_missing_and_the_rest_is_skipped() {
    let found = bad(|f| {
        f.api = Look::Missing;
        f.stage = Look::Unasked;
        f.routes = Look::Unasked;
        f.integrations = Look::Unasked;
        f.deployment = Look::Unasked;
        f.probe = Look::Unasked;
    });
    let failures: Vec<_> = found
        .iter()
        .filter(|(_, verdict)| *verdict == Verdict::Failure)
        .collect();
    assert_eq!(failures, [&("api", Verdict::Failure)]);
}

#[test]
fn what_was_never_deployed_is_one_finding() {
    let found = bad(|f| {
        f.api = Look::Missing;
        f.function = Look::Missing;
        f.table = Look::Missing;
    });
    assert_eq!(found, [("deployed", Verdict::Failure)]);
}

#[test]
fn an_account_with_few_functions_at_once_is_warned_of_unless_some_are_reserved() {
    let few = |facts: &mut Facts| facts.concurrency = Look::There(10);
    assert_eq!(bad(few), [("concurrency", Verdict::Warning)]);
    let reserved = |facts: &mut Facts| {
        few(facts);
        there(&mut facts.function).reserved = Some(5);
    };
    assert_eq!(bad(reserved), []);
    let unseen = |facts: &mut Facts| facts.concurrency = Look::Unseen("denied".into());
    assert_eq!(bad(unseen), [("concurrency", Verdict::Skipped)]);
}
