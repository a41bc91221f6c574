//! `chatctl status --api ID`.

use super::Theirs;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn it_shows_what_the_api_is_made_of() {
    let theirs = Theirs::new().await;
    theirs.logged("live").await;
    theirs.route("lost", None).await;
    let status = theirs.document(&["status"]);
    let (api, endpoint) = (&theirs.api, theirs.world.cloud.endpoint());
    assert_eq!(status["apiId"], json!(api));
    assert_eq!(status["routeSelectionExpression"], "$request.body.do");
    assert!(status.get("chat").is_none(), "{status}");
    let stage = &status["stages"][0];
    let url = format!(
        "{}/_aws/execute-api/{api}/live",
        endpoint.replace("http", "ws")
    );
    assert_eq!(
        (&stage["name"], &stage["url"]),
        (&json!("live"), &json!(url))
    );
    assert_eq!(
        (&stage["logLevel"], &stage["throttleRate"]),
        (&json!("INFO"), &json!(100.0))
    );
    let leads = |key: &str| {
        let routes = status["routes"].as_array().unwrap();
        let route = routes.iter().find(|route| route["key"] == key).unwrap();
        route["functions"].clone()
    };
    let arn = |name: &str| {
        json!([format!(
            "arn:aws:lambda:us-east-1:000000000000:function:{name}"
        )])
    };
    assert_eq!(leads("$connect"), arn("talk"));
    assert_eq!(leads("say"), arn("talk"));
    assert_eq!(leads("$default"), arn("watch"));
    assert_eq!(leads("lost"), json!([]));
    let functions = status["functions"].as_array().unwrap();
    let functions: Vec<_> = functions
        .iter()
        .map(|one| (&one["name"], &one["state"]))
        .collect();
    let active = json!("Active");
    assert_eq!(
        functions,
        [(&json!("talk"), &active), (&json!("watch"), &active)]
    );
    let groups = status["logGroups"].as_array().unwrap();
    assert_eq!(groups.len(), 4, "{status}");
    assert!(
        groups.iter().all(|group| group["exists"] == true),
        "{status}"
    );
    assert_eq!(status["logging"]["works"], true);
    assert_eq!(status["unread"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_logs_it_says_so_in_words() {
    let theirs = Theirs::new().await;
    theirs.stage("test").await;
    let said = theirs.chatctl(&["status", "--api", &theirs.api]);
    let head = format!("arcade ({}) is a WebSocket API in us-east-1", theirs.api);
    assert!(said.out.starts_with(&head), "{}", said.out);
    for words in [
        "not made by chatctl",
        "execution log OFF, access log off",
        "/aws/lambda/talk",
        "does not exist",
        "Logging: API Gateway has no CloudWatch Logs role in this account and region",
    ] {
        assert!(said.out.contains(words), "{words}: {}", said.out);
    }
    let stages = said.out.matches("/_aws/execute-api/").count();
    assert_eq!(stages, 2, "{}", said.out);
    let one = theirs.document(&["status", "--stage", "test"]);
    assert_eq!(one["stages"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_without_anything_in_it_is_shown_too() {
    let theirs = Theirs::bare().await;
    let said = theirs.chatctl(&["status", "--api", &theirs.api]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        said.out.contains("Stages: no stage: no client can connect"),
        "{}",
        said.out
    );
    assert!(said.out.contains("Routes: no route"), "{}", said.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_chatctl_made_is_read_in_the_same_way() {
    let theirs = Theirs::bare().await;
    let deployed = theirs.world.deploy().await.unwrap();
    let said = theirs.chatctl(&["status", "--api", &deployed.api_id]);
    assert!(
        said.out.contains("made by chatctl for chat/production"),
        "{}",
        said.out
    );
    assert!(said.out.contains("→ chat-production:live"), "{}", said.out);
    let doctor = theirs.chatctl(&["doctor", "--api", &deployed.api_id]);
    assert_eq!(doctor.code, 0, "{}{}", doctor.out, doctor.err);
}
