//! What the command prints.

use crate::binary::{Said, chatctl, run};
use serde_json::{Value, json};

fn policy(args: &[&str]) -> Said {
    let folder = tempfile::tempdir().unwrap();
    run(chatctl(folder.path()).arg("policy").args(args))
}

fn document(args: &[&str]) -> Value {
    let place = ["--account", "123456789012", "--region", "eu-central-1"];
    let said = policy(&[args, &place, &["--output", "json"]].concat());
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    serde_json::from_str(&said.out).unwrap()
}

#[test]
fn everything_but_lists_is_limited_to_the_chat() {
    for task in ["deploy", "status", "logs", "teardown"] {
        for statement in document(&[task])["Statement"].as_array().unwrap() {
            for resource in statement["Resource"].as_array().unwrap() {
                let lists = ["logs:DescribeLogGroups", "lambda:GetAccountSettings"];
                let actions = statement["Action"].as_array().unwrap();
                let only_lists = || actions.iter().all(|a| lists.contains(&a.as_str().unwrap()));
                assert!(resource != "*" || only_lists(), "{statement}");
            }
        }
    }
}

#[test]
fn the_policies_fit_into_a_role() {
    let all = document(&["deploy", "status", "logs", "teardown"]);
    // A managed policy may have 6,144 characters, the inline policies of a role 10,240.
    assert!(all.to_string().len() < 6_144, "{}", all.to_string().len());
}

#[test]
fn partitions_have_their_own_arns() {
    let all = policy(&["--account", "123456789012", "--region", "cn-north-1", "-q"]);
    assert_eq!(all.code, 0, "{}", all.err);
    assert!(!all.out.contains("arn:aws:") && all.out.contains("arn:aws-cn:iam::123456789012:"));
}

#[test]
fn a_role_for_github_trusts_one_branch_of_one_repository() {
    let role = document(&["--role", "github", "--repo", "octo/chat"]);
    assert_eq!(role["roleName"], "chat-production-deploy");
    assert_eq!(role["policy"], document(&["deploy"]));
    let statement = &role["trustPolicy"]["Statement"][0];
    assert_eq!(
        statement["Principal"],
        json!({"Federated": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"})
    );
    assert_eq!(
        statement["Condition"],
        json!({"StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": "repo:octo/chat:ref:refs/heads/main",
        }})
    );
    let role = document(&[
        "status",
        "--role",
        "github",
        "--repo",
        "octo/chat",
        "--github-environment",
        "production",
    ]);
    assert_eq!(role["roleName"], "chat-production-status");
    let condition = &role["trustPolicy"]["Statement"][0]["Condition"]["StringEquals"];
    assert_eq!(
        condition["token.actions.githubusercontent.com:sub"],
        "repo:octo/chat:environment:production"
    );
}

#[test]
fn what_cannot_be_a_name_of_github_is_refused() {
    for (flag, value) in [
        ("--repo", "octo"),
        ("--repo", "octo/*"),
        ("--branch", "release-*"),
        ("--github-environment", "it's"),
    ] {
        let repository = ["--role", "github", "--repo", "octo/chat"];
        let args = match flag {
            "--repo" => vec!["--role", "github", flag, value],
            _ => [&repository[..], &[flag, value]].concat(),
        };
        let place = ["--account", "123456789012", "--region", "eu-central-1"];
        let said = policy(&[&args[..], &place].concat());
        assert_eq!((said.code, said.out.as_str()), (64, ""), "{value}");
        assert!(said.err.contains(flag), "{}", said.err);
    }
}

#[test]
fn without_credentials_and_account_it_says_how_to_name_the_account() {
    let said = policy(&["--region", "eu-central-1"]);
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    assert!(said.err.contains("--account 123456789012"), "{}", said.err);
}
