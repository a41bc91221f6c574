//! `chatctl logs --api ID`.

use super::Theirs;
use crate::logs::Tail;
use crate::world::until;
use serde_json::Value;

impl Theirs {
    /// The messages that `logs` shows, in order, each behind its source.
    fn lines(&self, flags: &[&str]) -> Vec<String> {
        let args = [&["logs", "--api", &self.api, "--output", "json"], flags].concat();
        let said = self.chatctl(&args);
        assert_eq!(said.code, 0, "{}", said.err);
        let line = |line: &str| {
            let line: Value = serde_json::from_str(line).unwrap();
            let word = |key: &str| line[key].as_str().unwrap().to_owned();
            format!("{} {}", word("source"), word("message"))
        };
        let mut lines: Vec<_> = said.out.lines().map(line).collect();
        lines.sort();
        lines
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_logs_of_all_functions_and_of_the_stage_are_one_stream() {
    let theirs = Theirs::new().await;
    theirs.logged("live").await;
    let execution = format!("/aws/apigateway/{}/live", theirs.api);
    for (group, message) in [
        ("/aws/lambda/talk", "talked"),
        ("/aws/lambda/watch", "watched"),
        (execution.as_str(), "executed"),
        ("/arcade/access", "accessed"),
    ] {
        theirs.write(group, message).await;
    }
    let all = [
        "access accessed",
        "execution executed",
        "function talked",
        "function watched",
    ];
    assert_eq!(theirs.lines(&[]), all);
    assert_eq!(theirs.lines(&["--source", "access"]), ["access accessed"]);
    // With several functions a line says whose it is.
    let said = theirs.chatctl(&["logs", "--api", &theirs.api]);
    assert!(said.out.contains("function   talk: talked"), "{}", said.out);
    assert!(
        said.out.contains("function   watch: watched"),
        "{}",
        said.out
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_stages_one_is_named() {
    let theirs = Theirs::new().await;
    theirs.logged("live").await;
    theirs.stage("test").await;
    let said = theirs.chatctl(&["logs", "--api", &theirs.api]);
    assert_eq!(said.code, 64, "{}", said.err);
    let words = "--stage says which one is meant; its stages: live, test";
    assert!(said.err.contains(words), "{}", said.err);
    theirs.write("/arcade/access", "accessed").await;
    assert_eq!(theirs.lines(&["--stage", "live"]), ["access accessed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_off_and_what_is_missing_is_said() {
    let theirs = Theirs::new().await;
    let said = theirs.chatctl(&["logs", "--api", &theirs.api]);
    assert_eq!((said.code, said.out.as_str()), (0, ""), "{}", said.err);
    for words in [
        "warning: API Gateway has no CloudWatch Logs role in this account and region",
        "warning: execution logging is off on the stage live",
        "hint: aws apigatewayv2 update-stage",
        "the function log group /aws/lambda/talk does not exist",
    ] {
        assert!(said.err.contains(words), "{words}: {}", said.err);
    }
    let off = said.err.matches("execution logging is off").count();
    assert_eq!(off, 1, "{}", said.err);
    let none = theirs.chatctl(&["logs", "--api", &theirs.api, "--source", "access"]);
    assert_eq!(none.code, 1, "{}", none.err);
    assert!(none.err.contains("has no such log"), "{}", none.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_nobody_came_that_is_said() {
    let theirs = Theirs::new().await;
    theirs.logged("live").await;
    let said = theirs.chatctl(&["logs", "--api", &theirs.api]);
    assert!(
        said.err.contains("nobody has used the API in this time"),
        "{}",
        said.err
    );
    let way = format!(
        "hint: chatctl logs --since 1d --endpoint-url {}",
        theirs.world.cloud.endpoint()
    );
    let way = way.replace("1d", &format!("1d --api {}", theirs.api));
    assert!(said.err.contains(&way), "{way}: {}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_begins_to_log_is_followed_from_then_on() {
    let theirs = Theirs::new().await;
    theirs.group("/aws/lambda/talk").await;
    for flags in [&["--follow"][..], &["--live"]] {
        let args = [&["logs", "--api", &theirs.api, "--output", "json"], flags].concat();
        let tail = Tail::start(&mut theirs.command(&args));
        tail.note("the function log group /aws/lambda/watch does not exist");
        let is_live = flags == ["--live"];
        let sessions = usize::from(is_live);
        until("it reads", || theirs.world.cloud.live_tails() == sessions).await;
        theirs.write("/aws/lambda/talk", "talked").await;
        assert_eq!(tail.messages(1), ["talked"], "{flags:?}");
        theirs.group("/aws/lambda/watch").await;
        theirs.write("/aws/lambda/watch", "watched").await;
        assert_eq!(tail.messages(1), ["watched"], "{flags:?}");
        drop(tail);
        for group in ["/aws/lambda/watch", "/aws/lambda/talk"] {
            let delete = theirs.world.clients.logs.delete_log_group();
            delete.log_group_name(group).send().await.unwrap();
        }
        theirs.group("/aws/lambda/talk").await;
        until("the session ends", || theirs.world.cloud.live_tails() == 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_groups_than_a_live_session_takes_are_refused() {
    let theirs = Theirs::new().await;
    theirs.logged("live").await;
    for n in 0..7 {
        let name = format!("more-{n}");
        theirs.function(&name).await;
        let integration = theirs.integration(&name).await;
        theirs.route(&name, Some(&integration)).await;
    }
    let said = theirs.chatctl(&["logs", "--live", "--api", &theirs.api]);
    assert_eq!(said.code, 64, "{}", said.err);
    let words = "has 11 log groups, and --live follows 10 at most";
    assert!(said.err.contains(words), "{}", said.err);
}
