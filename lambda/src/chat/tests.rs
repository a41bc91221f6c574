use super::*;
use crate::event::{Place, parse};

fn event(route: Route, body: &str) -> Event {
    Event {
        route,
        connection_id: "c".into(),
        request_id: "r".into(),
        message_id: None,
        connected_at: 0,
        place: Place::default(),
        body: Some(body.into()),
        origin: None,
        protocols: Vec::new(),
    }
}

fn alice() -> Member {
    Member {
        name: Name::parse("Alice").ok(),
        count: 1,
        ..Member::default()
    }
}

fn refused(route: Route, body: &str, sender: &Member) -> Refusal {
    match decide(&event(route, body), sender, Millis(0)) {
        Decision::Refuse(refusal) => refusal,
        other => panic!("{body}: {other:?}"),
    }
}

#[test]
fn the_three_actions_are_understood() {
    let now = Millis(0);
    let name = |text| Name::parse(text).unwrap();
    assert_eq!(
        decide(&event(Route::SetName, r#"{"name":" Bea "}"#), &alice(), now),
        Decision::Claim {
            name: name("Bea"),
            old: Some(name("Alice"))
        }
    );
    assert_eq!(
        decide(
            &event(Route::SendPublic, r#"{"message":"hi","from":"Eve"}"#),
            &alice(),
            now
        ),
        Decision::Say {
            from: name("Alice"),
            text: "hi".into()
        }
    );
    assert_eq!(
        decide(
            &event(Route::SendPrivate, r#"{"to":"BEA","message":"hi"}"#),
            &alice(),
            now
        ),
        Decision::Whisper {
            from: name("Alice"),
            to: Some("bea".into()),
            text: "hi".into()
        }
    );
}

#[test]
fn setting_the_same_name_again_troubles_nobody() {
    let again = event(Route::SetName, r#"{"name":"Alice"}"#);
    assert_eq!(decide(&again, &alice(), Millis(0)), Decision::List);
    let louder = event(Route::SetName, r#"{"name":"ALICE"}"#);
    assert!(matches!(
        decide(&louder, &alice(), Millis(0)),
        Decision::Claim { .. }
    ));
}

#[test]
fn every_malformed_message_has_its_own_refusal() {
    let a = alice();
    for body in ["", "hi", "[]", "7", "null", "{"] {
        assert_eq!(
            refused(Route::SendPublic, body, &a),
            Refusal::NotJson,
            "{body}"
        );
    }
    assert_eq!(refused(Route::SendPublic, "{}", &a), Refusal::NoMessage);
    assert_eq!(
        refused(Route::SendPublic, r#"{"message":7}"#, &a),
        Refusal::NoMessage
    );
    assert_eq!(
        refused(Route::SendPublic, r#"{"message":" \n"}"#, &a),
        Refusal::NoMessage
    );
    assert_eq!(
        refused(Route::SendPrivate, r#"{"message":"x"}"#, &a),
        Refusal::NoReceiver
    );
    assert!(matches!(
        refused(Route::SetName, r#"{"name":7}"#, &a),
        Refusal::BadName(_)
    ));
    assert!(matches!(
        refused(Route::SetName, r#"{"name":"a:b"}"#, &a),
        Refusal::BadName(_)
    ));
    let nobody = Member {
        count: 1,
        ..Member::default()
    };
    assert_eq!(
        refused(Route::SendPublic, r#"{"message":"x"}"#, &nobody),
        Refusal::NameRequired
    );
    assert_eq!(
        refused(Route::SendPrivate, r#"{"message":"x"}"#, &nobody),
        Refusal::NameRequired
    );
}

#[test]
fn text_is_limited_in_bytes() {
    let body = |n: usize| format!(r#"{{"message":"{}"}}"#, "é".repeat(n / 2));
    let fits = event(Route::SendPublic, &body(MAX_TEXT));
    assert!(matches!(
        decide(&fits, &alice(), Millis(0)),
        Decision::Say { .. }
    ));
    assert_eq!(
        refused(Route::SendPublic, &body(MAX_TEXT + 2), &alice()),
        Refusal::TooLong
    );
}

#[test]
fn an_unknown_action_is_told_what_was_probably_meant() {
    for (sent, meant) in [
        ("$sendPublic", Some("sendPublic")),
        ("sendpublic", Some("sendPublic")),
        ("send_private", Some("sendPrivate")),
        ("setname", Some("setName")),
        ("setNmae", Some("setName")),
        ("Ping", Some("ping")),
        ("dance", None),
        ("", None),
        ("x", None),
    ] {
        let body = serde_json::json!({ "action": sent }).to_string();
        assert_eq!(
            refused(Route::Default, &body, &alice()),
            Refusal::UnknownAction(meant),
            "{sent}"
        );
    }
    assert_eq!(
        refused(Route::Default, "{}", &alice()),
        Refusal::UnknownAction(None)
    );
    assert_eq!(
        refused(Route::Default, r#"{"action":7}"#, &alice()),
        Refusal::UnknownAction(None)
    );
    let message = Refusal::UnknownAction(Some("sendPublic")).message();
    assert!(
        message.contains("did you mean sendPublic?") && message.contains("setName"),
        "{message}"
    );
}

#[test]
fn a_heartbeat_needs_no_name() {
    let ping = event(Route::Default, r#"{"action":"ping"}"#);
    assert_eq!(decide(&ping, &Member::default(), Millis(0)), Decision::Pong);
}

#[test]
fn every_message_from_the_eleventh_on_is_refused_and_the_third_window_in_a_row_closes() {
    let say = event(Route::SendPublic, r#"{"message":"x"}"#);
    let at = |count, strikes, struck_at, now| {
        decide(
            &say,
            &Member {
                count,
                strikes,
                struck_at,
                ..alice()
            },
            Millis(now),
        )
    };
    assert!(matches!(at(RATE_LIMIT, 2, 0, 0), Decision::Say { .. }));
    assert_eq!(at(RATE_LIMIT + 1, 0, 0, 5), Decision::Strike(1));
    assert_eq!(
        at(RATE_LIMIT + 2, 1, 0, 5),
        Decision::Refuse(Refusal::RateLimited)
    );
    assert_eq!(at(RATE_LIMIT + 1, 1, 0, 20_000), Decision::Strike(2));
    assert_eq!(at(RATE_LIMIT + 1, 2, 20_000, 40_000), Decision::Close);
    assert_eq!(
        at(RATE_LIMIT + 1, 2, 20_000, 20_000 + STRIKE_MEMORY_MS + 1),
        Decision::Strike(1)
    );
}

#[test]
fn only_listed_pages_and_programs_are_admitted() {
    let from = |origin: Option<&str>| Event {
        origin: origin.map(str::to_owned),
        protocols: vec!["x".into(), PROTOCOL.into()],
        ..event(Route::Connect, "")
    };
    let allowed = ["https://chat.example".to_owned()];
    assert_eq!(
        admit(&from(Some("https://chat.example")), &allowed),
        Ok(Some(PROTOCOL))
    );
    assert_eq!(
        admit(&from(Some("HTTPS://Chat.Example")), &allowed),
        Ok(Some(PROTOCOL))
    );
    assert_eq!(admit(&from(None), &allowed), Ok(Some(PROTOCOL)));
    for origin in [
        "https://evil.example",
        "null",
        "",
        "https://chat.example.evil",
        "http://chat.example",
    ] {
        assert_eq!(
            admit(&from(Some(origin)), &allowed),
            Err(Refusal::OriginNotAllowed),
            "{origin}"
        );
    }
    assert!(admit(&from(Some("https://anything.example")), &[]).is_ok());
    assert_eq!(admit(&event(Route::Connect, ""), &[]), Ok(None));
}

#[test]
fn a_row_ends_two_hours_and_ten_minutes_after_the_connection_whatever_the_event_says() {
    let now = Millis(1_700_000_000_000);
    let at = |connected_at| {
        expiry(
            &Event {
                connected_at,
                ..event(Route::SetName, "")
            },
            now,
        )
    };
    let now_secs = now.secs();
    assert_eq!(at(now.0 - 60_000), now_secs - 60 + 7800);
    assert_eq!(at(0), now_secs - 7200 + 7800);
    assert_eq!(at(u64::MAX), now_secs + 7800);
}

#[test]
fn a_whole_event_goes_through_from_bytes_to_decision() {
    let bytes = serde_json::json!({
        "requestContext": {"routeKey": "sendPublic", "connectionId": "c"},
        "body": r#"{"action":"sendPublic","message":"hi"}"#,
    });
    let event = parse(bytes.to_string().as_bytes()).unwrap();
    assert!(matches!(
        decide(&event, &alice(), Millis(0)),
        Decision::Say { .. }
    ));
}
