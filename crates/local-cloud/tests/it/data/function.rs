//! The function that the tests deploy: this test binary itself, started by a small shell `bootstrap`.
//!
//! It does what the event tells it, so that a test reads in one place what is sent and what comes
//! back. CONNECT takes its orders from the query (`?do=status:403`), a message from its `do` member,
//! `$disconnect` from nobody, an authorizer from the query too (`?auth=deny`). Every event is also appended to the file `EVENTS`, one a line.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

/// An answer of one of the APIs that the function talks to.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// Not a test: the process behind every test function. Cargo never runs it by itself.
#[test]
#[ignore = "started by the local cloud as a function's bootstrap"]
fn bootstrap() {
    let Ok(api) = std::env::var("AWS_LAMBDA_RUNTIME_API") else {
        return;
    };
    match std::env::var("INIT").as_deref() {
        Ok("exit") => std::process::exit(1),
        Ok("error") => {
            let error = br#"{"errorMessage":"no luck","errorType":"Init.NoLuck"}"#;
            let header = [("lambda-runtime-function-error-type", "Init.NoLuck")];
            call(
                &api,
                "POST",
                "/2018-06-01/runtime/init/error",
                &header,
                error,
            );
            std::process::exit(1);
        }
        Ok("eat") => drop(eat(300)),
        Ok("hang") => std::thread::sleep(Duration::from_secs(3600)),
        _ => {}
    }
    if std::env::var("EXTENSION").is_ok() {
        extend(&api);
    }
    loop {
        let next = call(&api, "GET", "/2018-06-01/runtime/invocation/next", &[], b"");
        if next.status != 200 {
            return;
        }
        let id = &next.headers["lambda-runtime-aws-request-id"];
        let event: Value = serde_json::from_slice(&next.body).unwrap_or_default();
        record(&event);
        let (path, body) = match perform(&event) {
            _ if event["do"] == "invoked" => {
                let arn = &next.headers["lambda-runtime-invoked-function-arn"];
                ("response", json!({ "body": arn }).to_string())
            }
            Ok(answer) => ("response", answer),
            Err(error) => ("error", error),
        };
        let path = format!("/2018-06-01/runtime/invocation/{id}/{path}");
        call(&api, "POST", &path, &[], body.as_bytes());
    }
}

/// Registers an extension within the process, which hears of every invocation.
fn extend(api: &str) {
    let header = [("lambda-extension-name", "listener")];
    let path = "/2020-01-01/extension/register";
    let invoke = br#"{"events":["INVOKE"]}"#;
    let kind = |answer: Answer| {
        assert_eq!(answer.status, 403);
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        body["errorType"].as_str().unwrap().to_owned()
    };
    let refused = |header: &[_], body: &[u8]| kind(call(api, "POST", path, header, body));
    assert_eq!(refused(&[], invoke), "Extension.InvalidExtensionName");
    assert_eq!(refused(&header, b"{"), "InvalidRequestFormat");
    let shutdown = refused(&header, br#"{"events":["SHUTDOWN"]}"#);
    assert_eq!(shutdown, "Extension.InvalidEventType");
    let registered = call(api, "POST", path, &header, invoke);
    let body: Value = serde_json::from_slice(&registered.body).unwrap();
    assert_eq!(body["handler"], "bootstrap");
    assert!(
        body.get("accountId").is_none(),
        "only who asks for it hears it"
    );
    let id = registered.headers["lambda-extension-identifier"].clone();
    assert_eq!(refused(&header, invoke), "Extension.InvalidExtensionState");
    let next = "/2020-01-01/extension/event/next";
    let unnamed = kind(call(api, "GET", next, &[], b""));
    assert_eq!(unnamed, "Extension.MissingExtensionIdentifier");
    let unknown = "00000000-0000-4000-8000-000000000000";
    let header = [("lambda-extension-identifier", unknown)];
    let unknown = kind(call(api, "GET", next, &header, b""));
    assert_eq!(unknown, "Extension.UnknownExtensionIdentifier");
    if std::env::var("EXTENSION").as_deref() == Ok("fails") {
        let header = [
            ("lambda-extension-identifier", id.as_str()),
            ("lambda-extension-function-error-type", "Extension.NoLuck"),
        ];
        call(
            api,
            "POST",
            "/2020-01-01/extension/init/error",
            &header,
            b"{}",
        );
        std::thread::sleep(Duration::from_secs(3600));
    }
    let api = api.to_owned();
    std::thread::spawn(move || {
        loop {
            let header = [("lambda-extension-identifier", id.as_str())];
            let next = call(
                &api,
                "GET",
                "/2020-01-01/extension/event/next",
                &header,
                b"",
            );
            let Ok(event) = serde_json::from_slice(&next.body) else {
                return;
            };
            record(&event);
        }
    });
}

fn record(event: &Value) {
    let Ok(file) = std::env::var("EVENTS") else {
        return;
    };
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(file)
        .unwrap();
    file.write_all(format!("{event}\n").as_bytes()).unwrap();
}

fn perform(event: &Value) -> Result<String, String> {
    if event["type"] == "REQUEST" {
        return authorize(event);
    }
    let message: Value = event["body"]
        .as_str()
        .and_then(|body| serde_json::from_str(body).ok())
        .unwrap_or_default();
    let wanted = event["queryStringParameters"]["do"].as_str();
    let wanted = wanted
        .or(message["do"].as_str())
        .or(event["do"].as_str())
        .unwrap_or("ok");
    let (verb, argument) = wanted.split_once(':').unwrap_or((wanted, ""));
    match verb {
        "ok" => Ok(json!({ "statusCode": 200 }).to_string()),
        "status" => {
            let (status, body) = argument.split_once(',').unwrap_or((argument, "no"));
            Ok(json!({ "statusCode": status.parse::<u16>().unwrap(), "body": body }).to_string())
        }
        "echo" => Ok(json!({ "statusCode": 500, "body": event["body"] }).to_string()),
        "protocol" => {
            let headers = json!({ "Sec-WebSocket-Protocol": argument });
            Ok(json!({ "statusCode": 200, "headers": headers }).to_string())
        }
        "raw" => Ok(argument.to_owned()),
        "throw" => Err(json!({ "errorType": "Oops", "errorMessage": "thrown" }).to_string()),
        "exit" => std::process::exit(argument.parse().unwrap()),
        "say" => {
            std::io::stdout()
                .write_all(format!("{argument}\n").as_bytes())
                .unwrap();
            Ok(json!({ "statusCode": 200 }).to_string())
        }
        "sleep" => {
            std::thread::sleep(Duration::from_millis(argument.parse().unwrap()));
            Ok(json!({ "statusCode": 200, "body": "slept" }).to_string())
        }
        "env" => {
            let variables: HashMap<String, String> = std::env::vars().collect();
            Ok(json!({ "statusCode": 200, "body": json!(variables).to_string() }).to_string())
        }
        "pid" => {
            Ok(json!({ "statusCode": 200, "body": std::process::id().to_string() }).to_string())
        }
        "long" => {
            let body = "x".repeat(argument.parse().unwrap());
            Ok(json!({ "statusCode": 200, "body": body }).to_string())
        }
        "big" => Ok(json!({ "statusCode": 200, "body": "x".repeat(7_000_000) }).to_string()),
        "background" => {
            // Work that goes on after the answer: it must stand still while the process is frozen.
            let file = std::fs::OpenOptions::new()
                .append(true)
                .create(true)
                .open(argument);
            let mut file = file.unwrap();
            std::thread::spawn(move || {
                loop {
                    file.write_all(b"x").unwrap();
                    std::thread::sleep(Duration::from_millis(1));
                }
            });
            Ok(json!({ "statusCode": 200 }).to_string())
        }
        "invoked" => Ok(String::new()),
        "eat" | "again" | "register" => Ok(test_lambda(verb, argument, event)),
        "manage" => Ok(manage(event, &message, argument)),
        other => panic!("the test function does not know how to {other}"),
    }
}

/// What an authorizer answers.
fn authorize(event: &Value) -> Result<String, String> {
    let wanted = event["queryStringParameters"]["auth"].as_str();
    let (verb, argument) = wanted
        .and_then(|wanted| wanted.split_once(':'))
        .unwrap_or((wanted.unwrap_or("allow"), ""));
    let policy = |effect: &str, resource: &Value| {
        let statement =
            json!({ "Effect": effect, "Action": "execute-api:Invoke", "Resource": resource });
        let document = json!({ "Version": "2012-10-17", "Statement": [statement] });
        let context = json!({ "tenant": "t1", "level": 7, "flag": true, "nothing": null });
        json!({ "principalId": "alice", "policyDocument": document, "context": context })
    };
    match verb {
        "allow" => Ok(policy("Allow", &event["methodArn"]).to_string()),
        "deny" => Ok(policy("Deny", &json!("*")).to_string()),
        "elsewhere" => Ok(policy("Allow", &json!("arn:aws:execute-api:*:*:none/*")).to_string()),
        "large" => {
            let mut answer = policy("Allow", &json!("*"));
            answer["context"]["large"] = json!("x".repeat(8 * 1024));
            Ok(answer.to_string())
        }
        "raw" => Ok(argument.to_owned()),
        "throw" => Err(json!({ "errorType": "Error", "errorMessage": argument }).to_string()),
        other => panic!("the test function does not know how to {other}"),
    }
}

/// What a runtime does to Lambda itself: outgrows its memory, asks twice, registers too late.
fn test_lambda(verb: &str, argument: &str, event: &Value) -> String {
    let api = std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap();
    let body = match verb {
        "eat" => eat(argument.parse().unwrap()).to_string(),
        "again" => {
            let next = "/2018-06-01/runtime/invocation/next";
            let again = call(&api, "GET", next, &[], b"").body;
            let again: Value = serde_json::from_slice(&again).unwrap();
            let late = call(&api, "POST", "/2018-06-01/runtime/init/error", &[], b"{}");
            json!({ "same": again == *event, "late": late.status }).to_string()
        }
        _ => {
            let header = [("lambda-extension-name", "late")];
            let path = "/2020-01-01/extension/register";
            let answer = call(&api, "POST", path, &header, br#"{"events":["INVOKE"]}"#);
            String::from_utf8(answer.body).unwrap()
        }
    };
    json!({ "statusCode": 200, "body": body }).to_string()
}

/// Takes so many MB and gives them back; every page is written to, or it would be no memory at all.
fn eat(megabytes: usize) -> usize {
    let mut taken = Vec::new();
    for round in 0..megabytes {
        taken.push(vec![u8::try_from(round % 251).unwrap() + 1; 1 << 20]);
        // In steps that a look every few milliseconds can follow.
        std::thread::sleep(Duration::from_millis(1));
    }
    std::hint::black_box(&taken).len()
}

/// Posts to, looks at or deletes a connection; answers with what came back. On `$connect` the answer
/// is the handshake's body, elsewhere a reply.
fn manage(event: &Value, message: &Value, method: &str) -> String {
    let context = &event["requestContext"];
    let id = message["to"]
        .as_str()
        .or(context["connectionId"].as_str())
        .unwrap();
    let host = std::env::var("AWS_ENDPOINT_URL").unwrap();
    let host = host.strip_prefix("http://").unwrap();
    let (api, stage) = (
        context["apiId"].as_str().unwrap(),
        context["stage"].as_str().unwrap(),
    );
    let id = id.replace('=', "%3D");
    let path = format!("/_aws/execute-api/{api}/{stage}/@connections/{id}");
    let signature = signature(&std::env::var("AWS_ACCESS_KEY_ID").unwrap());
    let token = std::env::var("AWS_SESSION_TOKEN").unwrap();
    let headers = [
        ("authorization", signature.as_str()),
        ("x-amz-security-token", token.as_str()),
    ];
    let text = message["text"].as_str().unwrap_or("hello");
    let answer = call(host, method, &path, &headers, text.as_bytes());
    let kind = answer
        .headers
        .get("x-amzn-errortype")
        .cloned()
        .unwrap_or_default();
    let status = if context["eventType"] == "CONNECT" {
        400
    } else {
        200
    };
    json!({ "statusCode": status, "body": format!("{} {kind}", answer.status) }).to_string()
}

/// Enough of a SigV4 header: the local cloud reads who signed, and does not verify.
pub(crate) fn signature(access_key_id: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={access_key_id}/20260101/us-east-1/execute-api/aws4_request, SignedHeaders=host, Signature=00"
    )
}

/// A blocking HTTP/1.1 call on a connection of its own.
pub(crate) fn call(
    host: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let gone = Answer {
        status: 0,
        headers: HashMap::new(),
        body: Vec::new(),
    };
    let Ok(mut stream) = TcpStream::connect(host) else {
        return gone;
    };
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    let sent = stream
        .write_all(request.as_bytes())
        .and_then(|()| stream.write_all(body));
    if sent.is_err() {
        return gone;
    }
    read(stream).unwrap_or(gone)
}

fn read(stream: TcpStream) -> Option<Answer> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let status = line.split(' ').nth(1)?.parse().ok()?;
    let mut headers = HashMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let mut body = Vec::new();
    reader.read_to_end(&mut body).ok()?;
    Some(Answer {
        status,
        headers,
        body,
    })
}
