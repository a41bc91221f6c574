//! Each check against an API in which nothing is wrong, with one thing broken.

#![expect(
    clippy::too_many_lines,
    clippy::semicolon_if_nothing_returned,
    reason = "a table of ways to break an API"
)]

use super::*;
use crate::any_api::facts::{Api, Deployment, Function, Group, RoleRights};
use crate::any_api::{AwsCli, called::FunctionRef};
use crate::aws::Place;
use crate::config::ChatFlags;
use crate::doctor::facts::{self, AccountRole, GroupState, Integration, Role, Route};
use crate::doctor::{Look, Verdict};
use crate::tail::LogSource;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const ARN: &str = "arn:aws:lambda:eu-west-1:123456789012:function:talk";
const ROLE: &str = "arn:aws:iam::123456789012:role/talk";

fn trust(service: &str) -> Value {
    json!({"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}]})
}

fn anything() -> Value {
    json!({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
}

fn place() -> Place {
    Place {
        region: "eu-west-1".into(),
        account_id: "123456789012".into(),
        partition: "aws".into(),
        dns_suffix: "amazonaws.com".into(),
        endpoint_url: None,
        caller_arn: "arn:aws:iam::123456789012:root".into(),
    }
}

fn stage() -> Stage {
    Stage {
        name: "live".into(),
        settings: facts::Stage {
            deployment: Some("d1".into()),
            logging: "INFO".into(),
            access_group: Some("arn:aws:logs:eu-west-1:123456789012:log-group:/access:*".into()),
            rate: Some(100.0),
            burst: Some(200),
            ..facts::Stage::default()
        },
        ..Stage::default()
    }
}

fn function() -> Function {
    let policy = json!({"Statement": [{"Effect": "Allow", "Action": "lambda:InvokeFunction",
        "Principal": {"Service": "apigateway.amazonaws.com"},
        "Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:execute-api:eu-west-1:123456789012:a1/*"}}}]});
    Function {
        called: FunctionRef {
            arn: ARN.into(),
            region: "eu-west-1".into(),
            account: "123456789012".into(),
            name: "talk".into(),
            qualifier: None,
        },
        look: Look::There(facts::Function {
            state: "Active".into(),
            role: ROLE.into(),
            ..facts::Function::default()
        }),
        policy: Look::There(policy),
    }
}

fn rights() -> RoleRights {
    RoleRights {
        role: Role {
            name: "talk".into(),
            trust: trust("lambda.amazonaws.com"),
            inline: vec![anything()],
            ..Role::default()
        },
        attached: Look::There(Vec::new()),
    }
}

fn healthy() -> ApiFacts {
    let uri =
        format!("arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/{ARN}/invocations");
    let logger = Role {
        name: "logger".into(),
        trust: trust("apigateway.amazonaws.com"),
        inline: vec![anything()],
        ..Role::default()
    };
    let group = |source, name: &str| Group {
        source,
        of: "live".into(),
        name: name.into(),
        look: Look::There(GroupState {
            retention: Some(7),
            last_event: None,
        }),
    };
    ApiFacts {
        place: place(),
        aws: AwsCli::default(),
        flags: ChatFlags::default().of_api("a1"),
        api: Api {
            id: "a1".into(),
            name: "arcade".into(),
            ..Api::default()
        },
        stages: Look::There(vec![stage()]),
        routes: Look::There(vec![Route {
            id: "r1".into(),
            key: "$default".into(),
            target: Some("integrations/i1".into()),
            ..Route::default()
        }]),
        integrations: Look::There(vec![Integration {
            id: "i1".into(),
            kind: "AWS_PROXY".into(),
            uri,
            credentials: None,
        }]),
        authorizers: Look::There(Vec::new()),
        deployments: Look::There(vec![Deployment {
            id: "d1".into(),
            status: "DEPLOYED".into(),
            ..Deployment::default()
        }]),
        functions: vec![function()],
        roles: BTreeMap::from([(ROLE.to_owned(), Look::There(rights()))]),
        account_role: Look::There(AccountRole {
            arn: "arn:aws:iam::123456789012:role/logger".into(),
            role: Look::There(logger),
        }),
        concurrency: Look::There(1000),
        groups: vec![
            group(LogSource::Function, "/aws/lambda/talk"),
            group(LogSource::Execution, "/aws/apigateway/a1/live"),
            group(LogSource::Access, "/access"),
        ],
    }
}

/// A thing to break.
type Break = fn(&mut ApiFacts);

fn the_stage(facts: &mut ApiFacts) -> &mut Stage {
    match &mut facts.stages {
        Look::There(stages) => &mut stages[0],
        other => panic!("{other:?}"),
    }
}

fn the_function(facts: &mut ApiFacts) -> &mut facts::Function {
    match &mut facts.functions[0].look {
        Look::There(function) => function,
        other => panic!("{other:?}"),
    }
}

fn the_rights(facts: &mut ApiFacts) -> &mut RoleRights {
    match facts.roles.get_mut(ROLE) {
        Some(Look::There(rights)) => rights,
        other => panic!("{other:?}"),
    }
}

fn bad(facts: &ApiFacts) -> Vec<Finding> {
    let all = all(facts).into_iter();
    all.filter(|one| one.verdict != Verdict::Good).collect()
}

#[test]
fn in_a_healthy_api_every_check_is_good() {
    assert_eq!(bad(&healthy()), []);
}

#[test]
fn each_thing_that_is_broken_alone_is_found_alone() {
    use Verdict::{Failure, Skipped, Warning};
    let rows: [(&str, Verdict, &str, Break); 17] = [
        ("api", Warning, "update-api", |facts| {
            facts.api.url_is_off = true
        }),
        ("routes", Failure, "create-route", |facts| {
            facts.routes = Look::There(Vec::new());
            facts.functions.clear();
        }),
        ("deployment", Failure, "create-deployment", |facts| {
            facts.deployments = Look::There(vec![Deployment {
                id: "d1".into(),
                status: "FAILED".into(),
                ..Deployment::default()
            }]);
        }),
        ("throttles", Failure, "delete-route-settings", |facts| {
            let closed = ("$default".to_owned(), Some(0.0), None);
            the_stage(facts).settings.overrides = vec![closed];
        }),
        ("function", Warning, "lambda wait", |facts| {
            the_function(facts).state = "Pending".into()
        }),
        ("function", Warning, "lambda invoke", |facts| {
            the_function(facts).state = "Inactive".into()
        }),
        ("function", Failure, "update-function-code", |facts| {
            the_function(facts).state = "Failed".into()
        }),
        ("function", Warning, "LastUpdateStatusReason", |facts| {
            the_function(facts).last_update = Some("Failed".into());
        }),
        ("permission", Failure, "add-permission", |facts| {
            facts.functions[0].policy = Look::There(json!({}))
        }),
        ("function-policy", Warning, "remove-permission", |facts| {
            let open = json!({"Sid": "open", "Effect": "Allow", "Action": "lambda:InvokeFunction", "Principal": "*"});
            let Look::There(policy) = &mut facts.functions[0].policy else {
                return;
            };
            policy["Statement"].as_array_mut().unwrap().push(open);
        }),
        (
            "function-role",
            Failure,
            "update-assume-role-policy",
            |facts| {
                the_rights(facts).role.trust = trust("ec2.amazonaws.com");
            },
        ),
        ("function-rights", Skipped, "", |facts| {
            the_rights(facts).role.boundary = Some("arn:b".into())
        }),
        ("function-rights", Skipped, "", |facts| {
            the_rights(facts).attached = Look::Unseen("no".into())
        }),
        ("concurrency", Warning, "service-quotas", |facts| {
            facts.concurrency = Look::There(10)
        }),
        ("account-logging", Failure, "update-account", |facts| {
            facts.account_role = Look::Missing
        }),
        ("data-trace", Warning, "DataTraceEnabled=false", |facts| {
            the_stage(facts).settings.data_trace = true
        }),
        ("log-retention", Warning, "put-retention-policy", |facts| {
            facts.groups[0].look = Look::There(GroupState::default());
        }),
    ];
    for (check, verdict, mend, breaks) in rows {
        let mut facts = healthy();
        breaks(&mut facts);
        let found = bad(&facts);
        let [one] = found.as_slice() else {
            panic!("{check}: {found:#?}")
        };
        assert_eq!((one.check, one.verdict), (check, verdict), "{one:?}");
        assert!(
            one.mend.clone().unwrap_or_default().contains(mend),
            "{one:?}"
        );
    }
}

#[test]
fn what_is_called_with_a_role_needs_no_permission() {
    let mut facts = healthy();
    facts.functions[0].policy = Look::Missing;
    assert_eq!(bad(&facts)[0].check, "permission");
    if let Look::There(integrations) = &mut facts.integrations {
        integrations[0].credentials = Some("arn:aws:iam::123456789012:role/caller".into());
    }
    assert_eq!(bad(&facts), []);
}

#[test]
fn what_may_not_be_read_is_said_and_is_no_failure() {
    let mut facts = healthy();
    let denied = || "AccessDeniedException: no".to_owned();
    facts.stages = Look::Unseen(denied());
    facts.routes = Look::Unseen(denied());
    facts.integrations = Look::Unseen(denied());
    facts.functions[0].look = Look::Unseen(denied());
    facts.functions[0].policy = Look::Unseen(denied());
    facts.account_role = Look::Unseen(denied());
    facts.groups[0].look = Look::Unseen(denied());
    let found = bad(&facts);
    assert!(
        found.iter().all(|one| one.verdict == Verdict::Skipped),
        "{found:#?}"
    );
    assert!(found.len() >= 6, "{found:#?}");
}
