//! Environments: one request each, frozen in between, started anew after crashes and time-outs.
//! Fidelity checklist 13.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::LogType;
use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::Value;

use super::{World, bootstrap, calm, until, zip};

async fn functions() -> World {
    let world = World::bare(calm()).await;
    world.make_role().await;
    world
        .logs
        .create_log_group()
        .log_group_name("/aws/lambda/f")
        .send()
        .await
        .unwrap();
    world
}

fn body(payload: &str) -> String {
    let answer: Value = serde_json::from_str(payload).unwrap();
    answer["body"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_serves_one_request_at_a_time_and_is_used_again() {
    let world = functions().await;
    world.make_function("f", &[]).await;
    let first = world.invoke("f", r#"{"do":"pid"}"#).await.1;
    let second = world.invoke("f", r#"{"do":"pid"}"#).await.1;
    assert_eq!(first, second, "an idle environment is used again");
    let slow = world.invoke("f", r#"{"do":"sleep:2000"}"#);
    let quick = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        world.invoke("f", r#"{"do":"pid"}"#).await.1
    };
    let (_, quick) = tokio::join!(slow, quick);
    assert_ne!(first, quick, "a busy environment is not used twice at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_stands_still_between_invocations() {
    let world = functions().await;
    world.make_function("f", &[]).await;
    let file = world.folder.path().join("count");
    let wish = format!(r#"{{"do":"background:{}"}}"#, file.display());
    world.invoke("f", &wish).await;
    // It may run until it asks for the next event; after that the count must stand.
    let count = || std::fs::metadata(&file).map(|file| file.len()).ok();
    let mut last = count();
    until("the process to be frozen", || {
        std::thread::sleep(Duration::from_millis(50));
        let now = count();
        (std::mem::replace(&mut last, now) == now).then_some(())
    })
    .await;
    let frozen_at = count();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(count(), frozen_at);
    world.invoke("f", r#"{"do":"sleep:50"}"#).await;
    assert_ne!(count(), frozen_at, "it goes on with the next invocation");
}

#[tokio::test(flavor = "multi_thread")]
async fn start_end_and_report_lines_surround_what_the_function_says() {
    let world = functions().await;
    world.make_function("f", &[]).await;
    world.invoke("f", r#"{"do":"say:hello"}"#).await;
    world.invoke("f", r#"{"do":"say:again"}"#).await;
    let report = |line: &String| line.starts_with("REPORT");
    let lines = world
        .lines("/aws/lambda/f", |lines| {
            lines.iter().filter(|l| report(l)).count() == 2
        })
        .await;
    let lines: Vec<_> = lines
        .iter()
        .filter(|line| !line.starts_with("running"))
        .collect();
    assert!(
        lines[0].starts_with("INIT_START Runtime Version: "),
        "{lines:#?}"
    );
    let heads: Vec<_> = lines
        .iter()
        .map(|line| line.split([' ', '\n']).next().unwrap())
        .collect();
    let heads: Vec<_> = heads.into_iter().filter(|head| !head.is_empty()).collect();
    let wanted = [
        "INIT_START",
        "START",
        "hello",
        "END",
        "REPORT",
        "START",
        "again",
        "END",
        "REPORT",
    ];
    assert_eq!(heads, wanted);
    let reports: Vec<_> = lines.iter().filter(|line| report(line)).collect();
    assert!(reports[0].contains("\tInit Duration: ") && !reports[1].contains("Init Duration"));
    assert!(
        reports[0].contains("\tMemory Size: 128 MB\tMax Memory Used: ")
            && reports[0].ends_with('\n')
    );
    let memory = reports[0].split("Max Memory Used: ").nth(1).unwrap();
    let memory: u32 = memory.split(' ').next().unwrap().parse().unwrap();
    assert!(memory > 0, "the figure is measured");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_resets_the_process_and_says_so() {
    let world = functions().await;
    let zip = zip(&bootstrap(), 0o755);
    world
        .creation("f", &[], zip)
        .timeout(1)
        .send()
        .await
        .unwrap();
    let before = world.invoke("f", r#"{"do":"pid"}"#).await.1;
    let (error, payload) = world.invoke("f", r#"{"do":"sleep:60000"}"#).await;
    assert_eq!(error.as_deref(), Some("Unhandled"));
    let parsed: Value = serde_json::from_str(&payload).unwrap();
    assert_eq!(parsed["errorType"], "Sandbox.Timedout");
    let message = parsed["errorMessage"].as_str().unwrap();
    assert!(
        message.ends_with(" Error: Task timed out after 1.00 seconds"),
        "{message}"
    );
    let after = world.invoke("f", r#"{"do":"pid"}"#).await.1;
    assert_ne!(before, after);
    let timed_out =
        |line: &String| line.starts_with("REPORT") && line.contains("\tStatus: timeout");
    world
        .lines("/aws/lambda/f", |lines| lines.iter().any(timed_out))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_is_a_runtime_exit_error_and_the_next_invocation_works() {
    let world = functions().await;
    world.make_function("f", &[]).await;
    for (wish, reason) in [
        ("exit:1", "Runtime exited with error: exit status 1"),
        ("exit:0", "Runtime exited without providing a reason"),
    ] {
        let (error, payload) = world.invoke("f", &format!(r#"{{"do":"{wish}"}}"#)).await;
        assert_eq!(error.as_deref(), Some("Unhandled"));
        let parsed: Value = serde_json::from_str(&payload).unwrap();
        assert_eq!(parsed["errorType"], "Runtime.ExitError");
        assert!(
            parsed["errorMessage"].as_str().unwrap().ends_with(reason),
            "{payload}"
        );
    }
    assert_eq!(
        world.invoke("f", "{}").await,
        (None, r#"{"statusCode":200}"#.to_owned())
    );
    let failed = |line: &String| line.contains("Status: error\tError Type: Runtime.ExitError");
    world
        .lines("/aws/lambda/f", |lines| lines.iter().any(failed))
        .await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_outgrows_its_memory_is_killed_and_the_next_invocation_works() {
    let world = functions().await;
    let create = world.creation("f", &[], zip(&bootstrap(), 0o755));
    create.timeout(60).send().await.unwrap();
    let before = world.invoke("f", r#"{"do":"pid"}"#).await.1;
    let fits = world.invoke("f", r#"{"do":"eat:60"}"#).await;
    assert_eq!(fits.0, None, "60 of 128 MB are no problem: {}", fits.1);
    let (error, payload) = world.invoke("f", r#"{"do":"eat:300"}"#).await;
    assert_eq!(error.as_deref(), Some("Unhandled"));
    let parsed: Value = serde_json::from_str(&payload).unwrap();
    assert_eq!(parsed["errorType"], "Runtime.OutOfMemory");
    let words = parsed["errorMessage"].as_str().unwrap();
    assert!(
        words.starts_with("RequestId: ")
            && words.ends_with(" Error: Runtime exited with error: signal: killed"),
        "{words}"
    );
    assert_ne!(world.invoke("f", r#"{"do":"pid"}"#).await.1, before);
    let reports = |lines: &[String]| lines.iter().filter(|l| l.starts_with("REPORT")).count() == 4;
    let lines = world.lines("/aws/lambda/f", reports).await;
    let killed = "\tMemory Size: 128 MB\tMax Memory Used: 128 MB\tStatus: error\tError Type: Runtime.OutOfMemory\n";
    assert!(
        lines.iter().any(|line| line.ends_with(killed)),
        "{lines:#?}"
    );
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn children_of_a_bootstrap_count_and_so_does_its_init() {
    let world = functions().await;
    // The shell is small; its child holds a growing string.
    let script = "#!/bin/bash\nbash -c 'x=0123456789abcdef; while true; do x=$x$x; done'\n";
    let create = world.creation("f", &[], zip(script, 0o755));
    create.timeout(60).send().await.unwrap();
    let (_, payload) = world.invoke("f", "{}").await;
    assert!(payload.contains("Runtime.OutOfMemory"), "{payload}");

    let group = "/aws/lambda/g";
    let create = world.logs.create_log_group().log_group_name(group);
    create.send().await.unwrap();
    let create = world.creation("g", &[("INIT", "eat")], zip(&bootstrap(), 0o755));
    create.timeout(60).send().await.unwrap();
    let (_, payload) = world.invoke("g", "{}").await;
    assert!(payload.contains("signal: killed"), "{payload}");
    let failed = |lines: &[String], phase: &str| {
        let words = format!("Phase: {phase}\tStatus: error\tError Type: Runtime.OutOfMemory");
        let report = |line: &String| line.starts_with("INIT_REPORT") && line.contains(&words);
        lines.iter().any(report)
    };
    let both = |lines: &[String]| failed(lines, "init") && failed(lines, "invoke");
    world.lines(group, both).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_handler_reports_is_the_payload() {
    let world = functions().await;
    world.make_function("f", &[]).await;
    let (error, payload) = world.invoke("f", r#"{"do":"throw"}"#).await;
    assert_eq!(error.as_deref(), Some("Unhandled"));
    assert_eq!(payload, r#"{"errorType":"Oops","errorMessage":"thrown"}"#);
    let (_, payload) = world.invoke("f", r#"{"do":"big"}"#).await;
    assert!(
        payload.contains("Function.ResponseSizeTooLarge"),
        "{payload}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bootstrap_that_cannot_run_fails_at_the_invocation_in_aws_s_words() {
    let world = functions().await;
    let mut other = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    other
        .start_file("main", zip::write::SimpleFileOptions::default())
        .unwrap();
    let missing = other.finish().unwrap().into_inner();
    let cases = [
        (
            "missing",
            missing,
            "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]",
        ),
        (
            "mode",
            zip("#!/bin/sh\n", 0o644),
            "fork/exec /var/task/bootstrap: permission denied",
        ),
        (
            "format",
            zip("\u{1}\u{2}", 0o755),
            "fork/exec /var/task/bootstrap: exec format error",
        ),
        (
            "shebang",
            zip("#!/no/such\n", 0o755),
            "fork/exec /var/task/bootstrap: no such file or directory",
        ),
    ];
    for (name, zip, words) in cases {
        world.make_function_of(name, &[], zip).await;
        let (error, payload) = world.invoke(name, "{}").await;
        assert_eq!(error.as_deref(), Some("Unhandled"));
        let parsed: Value = serde_json::from_str(&payload).unwrap();
        assert_eq!(parsed["errorType"], "Runtime.InvalidEntrypoint");
        assert!(
            parsed["errorMessage"].as_str().unwrap().ends_with(words),
            "{payload}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_init_is_tried_again_by_the_first_invocation() {
    let world = functions().await;
    world.make_function("f", &[("INIT", "exit")]).await;
    let (_, payload) = world.invoke("f", "{}").await;
    assert!(payload.contains("Runtime.ExitError"), "{payload}");
    let both = |lines: &[String]| {
        let phase = |phase: &str| {
            lines
                .iter()
                .any(|line| line.starts_with("INIT_REPORT") && line.contains(phase))
        };
        phase("Phase: init\tStatus: error\tError Type: Runtime.ExitError") && phase("Phase: invoke")
    };
    world.lines("/aws/lambda/f", both).await;

    world.make_function("g", &[("INIT", "error")]).await;
    let (_, payload) = world.invoke("g", "{}").await;
    assert_eq!(
        payload,
        r#"{"errorMessage":"no luck","errorType":"Init.NoLuck"}"#
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_has_lambda_s_variables_and_the_function_s_own() {
    let world = functions().await;
    world.make_function("f", &[("MINE", "yes")]).await;
    let text = body(&world.invoke("f", r#"{"do":"env"}"#).await.1);
    let variables: HashMap<String, String> = serde_json::from_str(&text).unwrap();
    let is = |name: &str, value: &str| assert_eq!(variables[name], value, "{name}");
    is("MINE", "yes");
    is("_HANDLER", "bootstrap");
    is("AWS_REGION", "us-east-1");
    is("AWS_LAMBDA_FUNCTION_NAME", "f");
    is("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST");
    is("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128");
    is("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/f");
    is("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand");
    is("TZ", ":UTC");
    is("AWS_ENDPOINT_URL", world.cloud.endpoint());
    assert!(variables["AWS_ACCESS_KEY_ID"].starts_with("ASIA"));
    assert!(variables["AWS_LAMBDA_LOG_STREAM_NAME"].contains("/[$LATEST]"));
    assert!(
        !variables.contains_key("AWS_EXECUTION_ENV"),
        "an OS-only runtime has none"
    );
    assert!(
        !variables.contains_key("CARGO_MANIFEST_DIR"),
        "nothing of ours leaks in"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_comes_with_the_answer() {
    let world = functions().await;
    world.make_function("f", &[]).await;
    let invoke = world
        .lambda
        .invoke()
        .function_name("f")
        .log_type(LogType::Tail);
    let answer = invoke
        .payload(Blob::new(r#"{"do":"say:hello"}"#))
        .send()
        .await
        .unwrap();
    let log = BASE64_STANDARD
        .decode(answer.log_result().unwrap())
        .unwrap();
    let log = String::from_utf8(log).unwrap();
    assert!(
        log.contains("START RequestId: ") && log.contains("hello\n") && log.contains("REPORT ")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_script_is_a_function_too() {
    let world = functions().await;
    let script = r#"#!/bin/bash
host=${AWS_LAMBDA_RUNTIME_API%:*} port=${AWS_LAMBDA_RUNTIME_API#*:}
while true; do
  exec 3<>/dev/tcp/$host/$port
  printf 'GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n' >&3
  id=$(tr -d '\r' <&3 | sed -n 's/^lambda-runtime-aws-request-id: //p')
  exec 3>&-
  body='"from a shell"'
  exec 3<>/dev/tcp/$host/$port
  printf 'POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s' "$id" "${#body}" "$body" >&3
  cat <&3 >/dev/null
  exec 3>&-
done
"#;
    world.make_function_of("f", &[], zip(script, 0o755)).await;
    for _ in 0..3 {
        assert_eq!(
            world.invoke("f", "{}").await,
            (None, "\"from a shell\"".to_owned())
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_process_outlives_the_cloud() {
    let world = functions().await;
    world.make_function("f", &[]).await;
    let pid = body(&world.invoke("f", r#"{"do":"pid"}"#).await.1);
    let pid = rustix::process::Pid::from_raw(pid.parse().unwrap()).unwrap();
    assert!(rustix::process::test_kill_process(pid).is_ok());
    let folder = world.folder;
    world.cloud.stop().await;
    drop(folder);
    until("the process to end", || {
        rustix::process::test_kill_process(pid)
            .is_err()
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_within_the_process_hears_of_every_invocation() {
    let world = functions().await;
    world.make_function("f", &[("EXTENSION", "yes")]).await;
    for count in 1..=2 {
        world.invoke("f", "{}").await;
        let heard = until("the extension's events", || {
            let mut events = world.events();
            events.retain(|event| event["eventType"] == "INVOKE");
            (events.len() == count).then_some(events)
        });
        let event = heard.await.remove(count - 1);
        assert_eq!(
            event["invokedFunctionArn"],
            "arn:aws:lambda:us-east-1:000000000000:function:f"
        );
        assert!(event["deadlineMs"].is_u64() && event["requestId"].is_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_registers_during_init_only_and_ends_the_environment_when_it_fails() {
    let world = functions().await;
    world.make_function("f", &[]).await;
    let late = world.invoke("f", r#"{"do":"register"}"#).await.1;
    assert!(late.contains("Extension.RegistrationClosed"), "{late}");
    world.make_function("g", &[("EXTENSION", "fails")]).await;
    let (error, payload) = world.invoke("g", "{}").await;
    assert_eq!(error.as_deref(), Some("Unhandled"));
    assert!(payload.contains("Extension.InitError"), "{payload}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_that_asks_twice_gets_the_same_event_and_init_is_over_by_then() {
    let world = functions().await;
    world.make_function("f", &[]).await;
    let (error, payload) = world.invoke("f", r#"{"do":"again"}"#).await;
    assert_eq!(error, None, "{payload}");
    let said: Value = serde_json::from_str(&body(&payload)).unwrap();
    assert_eq!(said, serde_json::json!({ "same": true, "late": 403 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_has_lambda_s_number_of_descriptors() {
    let world = functions().await;
    let script = r#"#!/bin/bash
echo "descriptors $(ulimit -n)"
exit 1
"#;
    world.make_function_of("f", &[], zip(script, 0o755)).await;
    world.invoke("f", "{}").await;
    let said = |line: &String| line == "descriptors 1024\n";
    world
        .lines("/aws/lambda/f", |lines| lines.iter().any(said))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_logs_keep_what_their_levels_say() {
    let world = functions().await;
    let logging = aws_sdk_lambda::types::LoggingConfig::builder()
        .log_format(aws_sdk_lambda::types::LogFormat::Json)
        .application_log_level(aws_sdk_lambda::types::ApplicationLogLevel::Warn)
        .system_log_level(aws_sdk_lambda::types::SystemLogLevel::Warn)
        .build();
    let create = world.creation("f", &[], zip(&bootstrap(), 0o755));
    create.logging_config(logging).send().await.unwrap();
    world.invoke("f", r#"{"do":"say:quiet"}"#).await;
    let loud = r#"{\"level\":\"ERROR\",\"timestamp\":\"2026-01-01T00:00:00Z\"}"#;
    world
        .invoke("f", &format!(r#"{{"do":"say:{loud}"}}"#))
        .await;
    world.invoke("f", r#"{"do":"exit:1"}"#).await;
    let failed = |line: &String| line.contains(r#""type":"platform.report""#);
    let lines = world
        .lines("/aws/lambda/f", |lines| lines.iter().any(failed))
        .await;
    assert!(lines.iter().any(|line| line.contains(r#""level":"ERROR""#)));
    let below = ["quiet", "platform.start", "platform.initStart"];
    let kept = |words: &&str| lines.iter().any(|line| line.contains(*words));
    assert!(!below.iter().any(kept), "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn json_logs_have_platform_records() {
    let world = functions().await;
    let zip = zip(&bootstrap(), 0o755);
    let logging = aws_sdk_lambda::types::LoggingConfig::builder()
        .log_format(aws_sdk_lambda::types::LogFormat::Json)
        .build();
    let create = world.creation("f", &[], zip).logging_config(logging);
    create.send().await.unwrap();
    world.invoke("f", "{}").await;
    let report = |line: &String| line.contains(r#""type":"platform.report""#);
    let lines = world
        .lines("/aws/lambda/f", |lines| lines.iter().any(report))
        .await;
    let line = lines.iter().find(|line| report(line)).unwrap();
    let record: Value = serde_json::from_str(line).unwrap();
    assert_eq!(record["record"]["status"], "success");
    let metrics = &record["record"]["metrics"];
    assert!(metrics["initDurationMs"].as_f64().unwrap() > 0.0);
    assert_eq!(metrics["memorySizeMB"], 128);
    let text = body(&world.invoke("f", r#"{"do":"env"}"#).await.1);
    assert!(text.contains(r#""AWS_LAMBDA_LOG_FORMAT":"JSON""#), "{text}");
}
