//! The flags of `chatctl local` about weather, and what the switchboard says about them.

use crate::binary::{chatctl, run};
use crate::running::{Client, Running};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

fn empty(dir: &tempfile::TempDir, flags: &[&str]) -> Running {
    Running::start(dir.path(), &[&["--no-deploy"], flags].concat())
}

#[test]
fn flags_and_file_make_the_weather_of_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let file = r#"{"latencyMillis":30,"propagationMillis":70,"faults":["iam:CreateRole=throttle*2"],
                   "controlPlane":{"mutationMillis":9}}"#;
    std::fs::write(dir.path().join("storm.json"), file).unwrap();
    let local = empty(
        &dir,
        &[
            "--weather",
            "storm.json",
            "--latency",
            "5",
            "--strict-rates",
            "--seed",
            "42",
            "--fault",
            "logs=error:503@20%",
            "--fault",
            "lambda:CreateFunction=lost-answer",
            "--clock-offset",
            "2h",
            "--clock-speed",
            "10",
        ],
    );
    let (_, weather) = local.control("GET", "weather", "");
    assert_eq!(weather["latencyMillis"], 5, "the flag wins over the file");
    assert_eq!(weather["propagationMillis"], 70);
    assert_eq!(weather["seed"], 42);
    assert_eq!(weather["controlPlane"]["mutationMillis"], 9);
    assert_eq!(weather["controlPlane"]["controlRates"], true);
    let (_, faults) = local.control("GET", "faults", "");
    let kinds: Vec<_> = faults
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| &fault["kind"])
        .collect();
    assert_eq!(
        kinds,
        [
            &json!("throttle"),
            &json!({"error": 503}),
            &json!("lostAnswer")
        ]
    );
    assert_eq!(faults[1]["probability"], 0.2);
    let (_, clock) = local.control("GET", "clock", "");
    assert!(
        clock["aheadMillis"].as_i64().unwrap() >= 7_200_000,
        "{clock}"
    );
    assert_eq!(clock["speed"], 10.0);
    assert_eq!(local.interrupt(), 0);
}

#[test]
fn the_switchboard_gives_back_what_it_shows_and_refuses_what_it_does_not_know() {
    let dir = tempfile::tempdir().unwrap();
    let local = empty(&dir, &["--latency", "3", "--fault", "iam=throttle"]);
    let (_, before) = local.control("GET", "weather", "");

    let (status, changed) =
        local.control("PATCH", "weather", r#"{"propagationMillis":1,"faults":[]}"#);
    assert_eq!((status, &changed["latencyMillis"]), (200, &json!(3)));
    assert_eq!(changed["faults"], json!([]));
    let (_, planned) = local.control("POST", "faults", r#""logs=reset@50%""#);
    assert_eq!(planned[0]["times"], "always");
    let two = r#"[{"kind":"throttle","service":"sts","nth":4},"dynamodb=delay:2s*3"]"#;
    let (_, planned) = local.control("POST", "faults", two);
    assert_eq!(planned.as_array().unwrap().len(), 3);
    let (_, left) = local.control("DELETE", &format!("faults/{}", planned[1]["id"]), "");
    assert_eq!(left.as_array().unwrap().len(), 2);
    assert_eq!(local.control("DELETE", "faults/99", "").0, 404);

    let (_, shown) = local.control("GET", "weather", "");
    assert_eq!(
        local.control("PATCH", "weather", &shown.to_string()).1,
        shown
    );
    let (_, again) = local.control("DELETE", "weather", "");
    assert_eq!(
        (
            &again["latencyMillis"],
            &again["propagationMillis"],
            &again["faults"]
        ),
        (
            &before["latencyMillis"],
            &before["propagationMillis"],
            &before["faults"]
        ),
        "back to the weather of the start"
    );

    assert_eq!(local.interrupt(), 0);
}

#[test]
fn what_the_switchboard_cannot_use_is_named_and_nothing_of_it_happens() {
    let dir = tempfile::tempdir().unwrap();
    let local = empty(&dir, &["--fault", "iam=throttle"]);
    let (_, before) = local.control("GET", "weather", "");
    for (method, path, body, wanted) in [
        (
            "PATCH",
            "weather",
            r#"{"latency":1}"#,
            "unknown field `latency`",
        ),
        (
            "PATCH",
            "weather",
            r#"{"latencyMillis":"x"}"#,
            "latencyMillis: invalid type",
        ),
        ("PATCH", "weather", "[]", "a JSON object"),
        ("PATCH", "weather", "{", "not JSON"),
        (
            "POST",
            "faults",
            r#"{"kind":"reset","servise":"iam"}"#,
            "unknown field `servise`",
        ),
        (
            "POST",
            "faults",
            r#"["iam=reset","iam=boom"]"#,
            "faults[1]: there is no fault `boom`",
        ),
        ("POST", "faults", "7", "a fault is an object"),
        ("PATCH", "clock", r#"{"turn":1}"#, "unknown field `turn`"),
        ("PATCH", "clock", "{}", "say turnMillis, speed, or both"),
        ("PATCH", "clock", r#"{"speed":0}"#, "speed: 0 is not from"),
        (
            "PATCH",
            "clock",
            r#"{"turnMillis":18446744073709551615,"speed":60}"#,
            "turnMillis: 18446744073709551615 is not from 0 to",
        ),
        ("DELETE", "connections?why=x", "", "unknown field `why`"),
        (
            "DELETE",
            "connections?code=1005",
            "",
            "1005 cannot stand in a close frame",
        ),
        (
            "DELETE",
            "connections?reason=x",
            "",
            "a reason needs a code",
        ),
        (
            "DELETE",
            "connections/abc",
            "",
            "there is no connection abc",
        ),
        ("PUT", "weather", "{}", "there is no PUT /_chatctl/weather"),
        ("GET", "wether", "", "there is no GET /_chatctl/wether"),
    ] {
        let (status, said) = local.control(method, path, body);
        assert!(
            matches!(status, 400 | 404),
            "{method} {path} {body}: {status}"
        );
        let words = said["message"].as_str().unwrap();
        assert!(words.contains(wanted), "{method} {path} {body}: {words}");
    }
    let (_, after) = local.control("GET", "weather", "");
    assert_eq!(after, before, "nothing of what was refused has happened");
    let (_, clock) = local.control("GET", "clock", "");
    assert_eq!(clock["speed"], 1.0, "{clock}");
    assert!(clock["aheadMillis"].as_i64().unwrap() < 1000, "{clock}");
    assert_eq!(local.interrupt(), 0);
}

#[test]
fn flags_that_cannot_be_used_are_refused_before_anything_starts() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("bad.json"),
        r#"{"faults":["iam=reset","x"]}"#,
    )
    .unwrap();
    for (flag, value, wanted) in [
        (
            "--fault",
            "logs=boom",
            "--fault: \"logs=boom\" cannot be used: there is no fault `boom`",
        ),
        ("--fault", "lgos=reset", "there is no service `lgos`"),
        ("--fault", "iam=reset@200%", "at most 1"),
        (
            "--weather",
            "bad.json",
            "bad.json cannot be used: faults[1]",
        ),
        ("--weather", "none.json", "none.json"),
        ("--conditions", "none.json", "none.json"),
        (
            "--clock-offset",
            "later",
            "--clock-offset: \"later\" is not a time",
        ),
        ("--clock-speed", "0", "--clock-speed: 0 is not from"),
        ("--seed", "x", "--seed"),
    ] {
        let said =
            run(chatctl(dir.path()).args(["local", "--no-deploy", "--port", "0", flag, value]));
        assert_eq!(said.code, 64, "{flag} {value}: {}", said.err);
        assert!(said.err.contains(wanted), "{flag} {value}: {}", said.err);
        assert!(
            said.err.contains("hint: ") || flag == "--seed" || value == "none.json",
            "{}",
            said.err
        );
    }
}

/// The first deploy meets the faults of the flags, and gets over them; the log window does not use
/// them up, and neither slows it down.
#[tokio::test(flavor = "multi_thread")]
async fn a_chat_is_deployed_and_used_in_bad_weather() {
    let dir = tempfile::tempdir().unwrap();
    let flags = [
        "--fault",
        "lambda:CreateFunction=error:503",
        "--fault",
        "apigatewayv2=throttle@10%",
        "--fault",
        "dynamodb:PutItem=delay:50@50%",
        "--seed",
        "11",
    ];
    let local = Running::start(dir.path(), &flags);
    let (_, calls) = local.control("GET", "calls", "");
    let creates: Vec<_> = calls
        .as_array()
        .unwrap()
        .iter()
        .filter(|call| call["operation"] == "CreateFunction")
        .map(|call| call["status"].clone())
        .collect();
    assert_eq!(creates, [json!(503), json!(201)]);

    local.control("POST", "faults", r#""throttle""#);
    let mut alice = Client::connect(&local.text("url")).await;
    alice
        .send(json!({"action": "setName", "name": "Alice"}))
        .await;
    alice.expect("systemMessage").await;
    local.line(|line| line["source"] == "function" && line.to_string().contains("setName"));
    let (_, calls) = local.control("GET", "calls", "");
    let reads = calls.as_array().unwrap().iter();
    assert_eq!(
        reads
            .filter(|call| call["operation"] == "FilterLogEvents")
            .count(),
        0,
        "the log window is not observed"
    );
    assert_eq!(local.interrupt(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_are_listed_dropped_and_closed_from_the_switchboard() {
    let dir = tempfile::tempdir().unwrap();
    let local = Running::start(dir.path(), &[]);
    let mut alice = Client::connect(&local.text("url")).await;
    alice
        .send(json!({"action": "setName", "name": "Alice"}))
        .await;
    alice.expect("members").await;
    let (_, open) = local.control("GET", "connections", "");
    assert_eq!(open.as_array().unwrap().len(), 1, "{open}");
    assert_eq!(open[0]["stage"], "production");

    let mut bob = Client::connect(&local.text("url")).await;
    bob.send(json!({"action": "setName", "name": "Bob"})).await;
    alice.expect("systemMessage").await;
    let id = open[0]["connectionId"].as_str().unwrap().to_owned();
    assert_eq!(
        local.control("DELETE", &format!("connections/{id}"), "").0,
        200
    );
    alice.ended().await;
    // The function was told, so the others hear of it.
    let mut left = bob.expect("systemMessage").await;
    while left != "Alice has left the chat" {
        left = bob.expect("systemMessage").await;
    }
    assert_eq!(
        local.control("GET", &format!("connections/{id}"), "").0,
        404
    );

    local.control("DELETE", "connections?code=4001&reason=maintenance", "");
    let close = loop {
        if let Message::Close(frame) = bob.0.next().await.unwrap().unwrap() {
            break frame.unwrap();
        }
    };
    assert_eq!(
        (u16::from(close.code), close.reason.as_str()),
        (4001, "maintenance")
    );
    let now: Value = local.control("GET", "connections", "").1;
    assert_eq!(now, json!([]));
    assert_eq!(local.interrupt(), 0);
}
