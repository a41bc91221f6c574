//! Lines and notices as people see them.

use super::*;
use crate::config::ChatFlags;
use crate::tail::classify::classify;
use crate::tail::{LiveNotice, TailNotice};

const NOON: i64 = 1_772_366_400_000;

fn event(source: LogSource, message: &str) -> LogEvent {
    LogEvent {
        id: Some("1".into()),
        source,
        group: "/g".into(),
        stream: "s".into(),
        timestamp: NOON + 7_120,
        ingested: NOON + 8_000,
        message: message.into(),
        late: false,
    }
}

fn view(width: Option<usize>, everything: bool) -> LogView {
    let now = Timestamp::from_millisecond(NOON).unwrap();
    LogView::new(TimeZone::UTC, true, width, everything, now)
}

fn plain_text(view: &LogView, event: &LogEvent) -> Option<String> {
    let painted = view.text(event, &classify(event))?;
    Some(anstream::adapter::strip_str(&painted).to_string())
}

fn shown(source: LogSource, message: &str) -> String {
    plain_text(&view(None, false), &event(source, message)).unwrap_or_default()
}

#[test]
fn the_three_lines_of_an_invocation_become_one() {
    assert_eq!(
        shown(
            LogSource::Function,
            "START RequestId: 8f Version: $LATEST\n"
        ),
        ""
    );
    assert_eq!(shown(LogSource::Function, "END RequestId: 8f\n"), "");
    insta::assert_snapshot!(
        shown(LogSource::Function, "REPORT RequestId: 8f\tDuration: 5.56 ms\tBilled Duration: 6 ms\t\
            Memory Size: 128 MB\tMax Memory Used: 36 MB\tInit Duration: 110.10 ms\t\n"),
        @"12:00:07.120Z function   done in 5.56 ms, billed 6 ms, 36 of 128 MB, cold start 110.1 ms  8f"
    );
    insta::assert_snapshot!(
        shown(LogSource::Function, "REPORT RequestId: 8f\tDuration: 3000.00 ms\tStatus: timeout"),
        @"12:00:07.120Z function   failed (timeout) after 3000 ms  8f"
    );
}

#[test]
fn nothing_is_folded_when_everything_is_asked_for() {
    let line = plain_text(
        &view(None, true),
        &event(LogSource::Function, "END RequestId: 8f\n"),
    );
    assert_eq!(
        line.as_deref(),
        Some("12:00:07.120Z function   END RequestId: 8f")
    );
}

#[test]
fn json_is_shown_as_fields() {
    insta::assert_snapshot!(
        shown(LogSource::Function, r#"{"level":"WARN","message":"name taken","route":"setName","connectionId":"gbg==","gone":0,"note":"two words","timestamp":"2026"}"#),
        @r#"12:00:07.120Z function   WARN name taken route=setName gone=0 note="two words" connectionId=gbg=="#
    );
    insta::assert_snapshot!(
        shown(LogSource::Function, r#"{"timestamp":"t","level":"INFO","fields":{"message":"hi","n":1},"target":"chat"}"#),
        @"12:00:07.120Z function   INFO hi target=chat n=1"
    );
    insta::assert_snapshot!(
        shown(LogSource::Access, r#"{"requestId":"E=","routeKey":"$connect","status":"200","error":"-"}"#),
        @"12:00:07.120Z access     routeKey=$connect status=200 requestId=E="
    );
}

#[test]
fn a_strangers_text_cannot_drive_the_terminal() {
    for message in [
        "\u{1b}[2Jhi",
        r#"{"message":"\u001b[2Jhi","\u001b[1m":"\u009b0m"}"#,
    ] {
        let line = shown(LogSource::Function, message);
        assert!(!line.chars().any(char::is_control), "{line}");
        assert!(line.contains(r"\x1b"), "{line}");
    }
}

#[test]
fn an_event_of_many_lines_stays_one() {
    assert_eq!(
        shown(LogSource::Function, "thread 'main' panicked\n  at x\n"),
        "12:00:07.120Z function   thread 'main' panicked ⏎   at x"
    );
}

#[test]
fn long_and_wide_text_goes_on_under_its_own_column() {
    let text = "你好".repeat(20);
    let line = plain_text(&view(Some(60), false), &event(LogSource::Access, &text)).unwrap();
    let lines: Vec<_> = line.lines().collect();
    assert!(lines.len() > 1);
    for (index, line) in lines.iter().enumerate() {
        assert!(unicode_width::UnicodeWidthStr::width(*line) <= 60, "{line}");
        assert!(index == 0 || line.starts_with(&" ".repeat(25)), "{line}");
    }
}

#[test]
fn words_stay_whole_on_a_narrow_terminal() {
    let id = "e4b239b-9327-4ebb-820b-c7f61f61c3ad";
    let text = format!("the request {id} came and went with {id}");
    let line = plain_text(&view(Some(80), false), &event(LogSource::Access, &text)).unwrap();
    let expected = [
        "12:00:07.120Z access     the request e4b239b-9327-4ebb-820b-c7f61f61c3ad came",
        "                         and went with e4b239b-9327-4ebb-820b-c7f61f61c3ad",
    ];
    assert_eq!(line.lines().collect::<Vec<_>>(), expected);
    let long = "x".repeat(200);
    let line = plain_text(&view(Some(80), false), &event(LogSource::Access, &long)).unwrap();
    assert!(line.lines().all(|line| line.len() <= 80), "{line}");
    assert_eq!(line.matches('x').count(), 200);
}

#[test]
fn a_zone_without_utc_shows_its_own_time() {
    let zone = TimeZone::fixed(jiff::tz::offset(5));
    let now = Timestamp::from_millisecond(NOON).unwrap();
    let view = LogView::new(zone, false, None, false, now);
    assert_eq!(
        plain_text(&view, &event(LogSource::Access, "x")).as_deref(),
        Some("17:00:07.120 access     x")
    );
}

#[test]
fn each_source_and_each_level_has_its_colour() {
    let painted = |source, message: &str| {
        let event = event(source, message);
        view(None, false).text(&event, &classify(&event)).unwrap()
    };
    assert!(painted(LogSource::Function, "x").contains("\u{1b}[36mfunction"));
    assert!(painted(LogSource::Execution, "x").contains("\u{1b}[35mexecution"));
    assert!(painted(LogSource::Access, "x").contains("\u{1b}[34maccess"));
    let warning = painted(LogSource::Function, r#"{"level":"WARN","message":"m"}"#);
    assert!(warning.contains("\u{1b}[33mWARN"), "{warning:?}");
}

#[test]
fn what_is_said_about_the_reading_names_the_log_and_the_bound() {
    let NoticeText { is_warning, text } = notice(
        &TailNotice::LeftBehind {
            source: LogSource::Access,
            after: std::time::Duration::from_secs(30),
        },
        true,
        &ChatFlags::default(),
    );
    assert!(is_warning);
    insta::assert_snapshot!(text, @"the access log could not be read for 30 s: the other logs go on without it, and what it still shows comes late");
    let NoticeText { text, .. } = notice(
        &TailNotice::Live(LiveNotice::SampledNoMore {
            after: std::time::Duration::from_millis(2500),
        }),
        true,
        &ChatFlags::default(),
    );
    insta::assert_snapshot!(text, @"all events are shown again after 3 s; `chatctl logs --since 63s` shows what was left out");
}

#[test]
fn another_day_shows_its_date_and_late_events_say_so() {
    let mut old = event(LogSource::Access, "x");
    old.timestamp -= 86_400_000;
    old.late = true;
    assert_eq!(
        plain_text(&view(None, false), &old).as_deref(),
        Some("2026-02-28T12:00:07.120Z access     x  (late)")
    );
}

#[test]
fn json_lines_keep_the_event_whole() {
    let event = event(LogSource::Function, "{\"requestId\":\"8f\"}\n");
    let facts = classify(&event);
    insta::assert_snapshot!(
        serde_json::to_string(&JsonLine::new(&event, &facts)).unwrap(),
        @r#"{"time":"2026-03-01T12:00:07.120Z","timestamp":1772366407120,"ingested":1772366408000,"source":"function","group":"/g","stream":"s","id":"1","level":"info","message":"{\"requestId\":\"8f\"}","fields":{"requestId":"8f"},"requests":["8f"]}"#
    );
}
