//! Sessions with a clock of their own.

use super::super::typed::Typed;
use super::*;
use serde_json::json;

/// A session with a clock of its own.
struct At {
    session: Session,
    now: Instant,
    ids: Vec<Value>,
}

impl At {
    fn new(name: Option<&str>, scripted: bool) -> Self {
        Self {
            session: Session::new(name.map(str::to_owned), scripted),
            now: Instant::now(),
            ids: Vec::new(),
        }
    }

    fn opened(&mut self) -> Vec<Do> {
        let todo = self.session.opened(self.now);
        self.without_ids(todo)
    }

    fn typed(&mut self, line: &str) -> Vec<Do> {
        let todo = self.session.typed(Typed::parse(line), self.now);
        self.without_ids(todo)
    }

    fn frame(&mut self, frame: &str) -> Vec<Do> {
        let todo = self.session.frame(&Frame::parse(frame), self.now);
        self.without_ids(todo)
    }

    fn after(&mut self, seconds: u64) -> Vec<Do> {
        self.now += Duration::from_secs(seconds);
        let todo = self.session.tick(self.now);
        self.without_ids(todo)
    }

    /// The ids at a prompt are random: they are kept in `ids`.
    fn without_ids(&mut self, mut todo: Vec<Do>) -> Vec<Do> {
        for one in &mut todo {
            if let Do::Send(message) = one
                && message["id"].is_string()
            {
                let id = message.as_object_mut().unwrap().remove("id");
                self.ids.extend(id);
            }
        }
        todo
    }
}

fn set_name(name: &str) -> Do {
    Do::Send(json!({"action": "setName", "name": name}))
}

fn public(message: &str) -> Do {
    Do::Send(json!({"action": "sendPublic", "message": message}))
}

/// What a script sends has an id.
fn with_id(todo: Do, id: u64) -> Do {
    let Do::Send(mut message) = todo else {
        return todo;
    };
    message["id"] = id.into();
    Do::Send(message)
}

/// A script that has come as far as its first line, which has the id 2.
fn script(lines: &[&str]) -> At {
    let mut at = At::new(Some("Alice"), true);
    for line in lines.iter().chain(&["/quit"]) {
        at.typed(line);
    }
    at.opened();
    at.frame(r#"{"members":["Alice"]}"#);
    at
}

fn quits(todo: &[Do]) -> bool {
    todo.last() == Some(&Do::Quit)
}

#[test]
fn a_message_typed_after_a_name_waits_until_the_name_is_taken() {
    let mut at = At::new(Some("Alice"), false);
    assert_eq!(at.opened(), [set_name("Alice")]);
    assert_eq!(at.typed("hi"), []);
    assert_eq!(
        at.frame(r#"{"systemMessage":"Bob has joined the chat","joined":["Bob"]}"#),
        []
    );
    assert_eq!(
        at.frame(r#"{"systemMessage":"Alice has joined the chat"}"#),
        [public("hi")]
    );
    assert_eq!(at.session.name(), Some("Alice"));
}

#[test]
fn a_refused_name_lets_the_rest_go_on() {
    let mut at = At::new(Some("a:b"), false);
    at.opened();
    at.typed("hi");
    assert_eq!(
        at.frame(r#"{"error":{"code":"bad_name","message":"no"}}"#),
        [public("hi")]
    );
    assert_eq!(at.session.name(), None);
}

#[test]
fn silence_about_a_name_ends_the_waiting_after_ten_seconds() {
    let mut at = At::new(Some("Alice"), false);
    at.opened();
    at.typed("hi");
    assert_eq!(at.after(9), []);
    assert_eq!(at.after(2), [public("hi")]);
}

#[test]
fn a_name_that_the_chat_writes_plainer_is_still_ours() {
    let mut at = At::new(Some(" Ａｌｉｃｅ "), false);
    at.opened();
    at.frame(r#"{"members":["Alice"]}"#);
    assert_eq!(at.session.name(), Some("Alice"));
}

#[test]
fn after_a_reconnect_the_name_is_asked_for_until_it_is_free() {
    let mut at = At::new(Some("Alice"), false);
    at.opened();
    at.frame(r#"{"members":["Alice"]}"#);
    at.session.lost();
    assert!(matches!(at.typed("kept")[..], [Do::Note(_)]));
    assert_eq!(at.opened(), [set_name("Alice")]);
    assert!(matches!(
        at.frame(r#"{"error":{"code":"name_taken","message":"no"}}"#)[..],
        [Do::Note(_)]
    ));
    assert_eq!(at.after(8), [set_name("Alice")]);
    assert_eq!(at.frame(r#"{"members":["Alice"]}"#), [public("kept")]);
}

#[test]
fn a_name_that_somebody_else_has_is_not_asked_for_again() {
    let mut at = At::new(Some("Alice"), false);
    at.opened();
    assert_eq!(
        at.frame(r#"{"error":{"code":"name_taken","message":"no"}}"#),
        []
    );
    assert_eq!(at.after(60), []);
    assert_eq!(at.typed("/name Bea"), [set_name("Bea")]);
}

#[test]
fn a_script_waits_for_each_echo_and_for_the_last_delivery() {
    let mut at = At::new(Some("Alice"), true);
    for line in ["one", "two", "/msg Bob three", "/quit"] {
        at.typed(line);
    }
    at.opened();
    assert_eq!(
        at.frame(r#"{"members":["Alice"]}"#),
        [with_id(public("one"), 2)]
    );
    assert_eq!(at.frame(r#"{"publicMessage":"Alicent: one"}"#), []);
    assert_eq!(
        at.frame(r#"{"publicMessage":"Alice: one"}"#),
        [with_id(public("two"), 3)]
    );
    let private = Do::Send(json!({"action": "sendPrivate", "to": "Bob", "message": "three"}));
    let shown = Do::ShowSent {
        to: Some("Bob".into()),
        text: "three".into(),
    };
    assert_eq!(
        at.frame(r#"{"publicMessage":"Alice: two"}"#),
        [with_id(private, 4), shown]
    );
    assert_eq!(at.frame(r#"{"pong":1}"#), []);
    assert_eq!(at.frame(r#"{"delivered":{"id":3}}"#), []);
    assert_eq!(at.frame(r#"{"delivered":{"id":4}}"#), [Do::Quit]);
    assert_eq!(at.session.failures(), 0);
}

#[test]
fn a_refusal_ends_the_wait_for_the_message_that_it_names_alone() {
    let mut at = script(&["/msg Nobody one", "two"]);
    let refusal = |id: u64| json!({"error": {"code": "no_such_member", "id": id}}).to_string();
    assert_eq!(
        at.frame(&refusal(2)),
        [with_id(public("two"), 3)],
        "the next is sent"
    );
    assert_eq!(at.frame(&refusal(2)), [], "and waits for its own answer");
    assert!(quits(&at.frame(r#"{"publicMessage":"Alice: two"}"#)));
    assert_eq!(at.session.failures(), 1);
}

#[test]
fn a_refusal_without_an_id_is_that_of_the_last_message() {
    for refusal in [
        r#"{"error":{"code":"rate_limited"}}"#,
        r#"{"message":"Internal server error","connectionId":"c=","requestId":"r="}"#,
    ] {
        for line in ["/msg Bob one", "one"] {
            let mut at = script(&[line]);
            assert!(quits(&at.frame(refusal)), "{refusal}");
            assert_eq!(at.session.failures(), 1, "{refusal}");
        }
    }
}

#[test]
fn a_name_that_is_refused_or_not_answered_is_a_failure_of_the_script() {
    for refusal in [
        r#"{"error":{"code":"bad_name","id":1}}"#,
        r#"{"error":{"code":"rate_limited","id":1}}"#,
        r#"{"message":"Internal server error","connectionId":"c=","requestId":"r="}"#,
    ] {
        let mut at = At::new(Some("a:b"), true);
        at.typed("/quit");
        at.opened();
        assert!(quits(&at.frame(refusal)), "{refusal}");
        assert_eq!(at.session.failures(), 1, "{refusal}");
    }
    let mut at = At::new(Some("Alice"), true);
    at.typed("/quit");
    at.opened();
    assert!(quits(&at.after(11)));
    assert_eq!(at.session.failures(), 1);
}

#[test]
fn a_message_of_a_script_without_an_answer_is_a_failure_after_ten_seconds() {
    for line in ["hi", "/msg Bob hi"] {
        let mut at = script(&[line]);
        assert_eq!(at.after(9), []);
        let todo = at.after(2);
        assert!(matches!(&todo[0], Do::Note(why) if why.contains("did not answer")));
        assert!(quits(&todo));
        assert_eq!(at.session.failures(), 1);
    }
}

#[test]
fn a_message_whose_answer_was_lost_with_the_connection_is_a_failure() {
    let mut at = script(&["hi"]);
    at.session.lost();
    let todo = at.opened();
    assert!(matches!(&todo[0], Do::Note(why) if why.contains("connection ended")));
    assert!(quits(&at.frame(r#"{"members":["Alice"]}"#)));
    assert_eq!(at.session.failures(), 1);
}

#[test]
fn a_message_that_is_too_large_to_be_sent_is_a_failure_and_the_next_one_goes_on() {
    let mut at = script(&["large", "small"]);
    let todo = at.session.not_sent("too large", at.now);
    let wanted = [Do::Note("too large".into()), with_id(public("small"), 3)];
    assert_eq!(todo, wanted);
    assert_eq!(at.session.failures(), 1);
}

#[test]
fn a_wrong_line_is_a_failure_of_a_script_and_not_at_a_prompt() {
    for (scripted, failures) in [(true, 1), (false, 0)] {
        let mut at = At::new(None, scripted);
        at.opened();
        assert!(matches!(at.typed("/nmae x")[..], [Do::Note(_)]));
        assert_eq!(at.session.failures(), failures);
    }
}

#[test]
fn nothing_at_a_prompt_is_a_failure() {
    let mut at = At::new(Some("Alice"), false);
    at.opened();
    at.frame(r#"{"error":{"code":"bad_name"}}"#);
    at.typed("hi");
    at.frame(r#"{"error":{"code":"name_required"}}"#);
    at.session.not_sent("too large", at.now);
    at.typed("/name Bea");
    at.after(11);
    assert_eq!(at.session.failures(), 0);
}

#[test]
fn a_script_stays_below_the_rate_that_the_chat_refuses() {
    let mut at = At::new(None, true);
    at.opened();
    let mut sent = Vec::new();
    let mut notes = Vec::new();
    for n in 0..30 {
        at.typed(&format!("/msg Bob {n}"));
    }
    sent.push(at.now);
    let mut todo = at.frame(r#"{"delivered":{"id":1}}"#);
    loop {
        for one in todo {
            match one {
                Do::Send(_) => sent.push(at.now),
                Do::Note(text) => notes.push(text),
                _ => {}
            }
        }
        todo = if at.session.is_free() {
            let Some(wake) = at.session.deadline() else {
                break;
            };
            at.now = wake;
            at.session.tick(at.now)
        } else {
            at.frame(&format!(r#"{{"delivered":{{"id":{}}}}}"#, sent.len()))
        };
    }
    assert_eq!(sent.len(), 30);
    for window in sent.windows(11) {
        assert!(window[10] - window[0] > Duration::from_secs(10));
    }
    assert_eq!(sent[29] - sent[0], 3 * pace::WINDOW, "and no slower");
    assert_eq!(notes.len(), 1, "it says so once: {notes:?}");
    assert!(notes[0].contains("10 messages in 10 s"), "{notes:?}");
}

#[test]
fn the_end_of_a_script_does_not_wait_for_the_pace() {
    let mut at = At::new(None, true);
    at.opened();
    for n in 1..=9 {
        at.typed("/msg Bob hi");
        at.frame(&format!(r#"{{"delivered":{{"id":{n}}}}}"#));
    }
    assert!(quits(&at.typed("/quit")));
    assert_eq!(at.session.failures(), 0);
}

#[test]
fn members_follow_lists_pages_joins_leaves_and_renames() {
    let mut at = At::new(None, false);
    at.opened();
    at.frame(r#"{"members":["Bob"],"page":1,"pages":2,"id":"m1"}"#);
    at.frame(r#"{"members":["alice"],"page":2,"pages":2,"id":"m1"}"#);
    at.frame(r#"{"systemMessage":"x","joined":["Cy"]}"#);
    at.frame(r#"{"systemMessage":"x","left":["Bob"]}"#);
    at.frame(r#"{"systemMessage":"x","renamed":{"from":"Cy","to":"Dee"}}"#);
    let names = ["alice", "Dee"].map(str::to_owned).to_vec();
    assert_eq!(at.typed("/members"), [Do::ShowMembers(names)]);
}

#[test]
fn a_frame_delivered_twice_is_new_once() {
    let mut at = At::new(None, false);
    let frame = Frame::parse(r#"{"publicMessage":"A: hi","id":"m1"}"#);
    assert!(at.session.is_new(&frame));
    assert!(!at.session.is_new(&frame));
}

/// At a prompt, with a name, against a chat that numbers its frames.
fn at_the_prompt() -> At {
    let mut at = At::new(Some("Alice"), false);
    at.opened();
    at.frame(r#"{"members":["Alice"],"id":"m"}"#);
    at
}

fn private(to: &str, message: &str) -> Do {
    Do::Send(json!({"action": "sendPrivate", "to": to, "message": message}))
}

fn noted<'a>(todo: &'a [Do], words: &str) -> &'a [Do] {
    assert!(
        matches!(&todo[0], Do::Note(text) if text.contains(words)),
        "{todo:?}"
    );
    &todo[1..]
}

const GATEWAYS_ERRORS: [&str; 3] = [
    r#"{"message":"Internal server error","connectionId":"c=","requestId":"r="}"#,
    r#"{"message":"Too Many Requests","connectionId":"c=","requestId":"r="}"#,
    r#"{"message":"Endpoint request timed out","connectionId":"c=","requestId":"r="}"#,
];

#[test]
fn messages_at_the_prompt_go_one_after_the_other_so_an_error_of_the_gateway_has_an_owner() {
    for error in GATEWAYS_ERRORS {
        let mut at = at_the_prompt();
        assert_eq!(at.typed("one"), [public("one")]);
        assert_eq!(at.typed("two"), [], "it waits for the answer");
        let todo = at.frame(error);
        assert_eq!(noted(&todo, "“one” was not sent"), [public("two")]);
        let echo = json!({"publicMessage": "Alice: two", "clientId": at.ids[1], "id": "m2"});
        assert_eq!(at.frame(&echo.to_string()), []);
        assert_eq!(at.typed(""), [public("one")], "Enter sends it again");
        assert_eq!(at.ids[2], at.ids[0], "with the same id");
    }
}

#[test]
fn a_message_without_an_answer_is_kept_and_an_answer_that_comes_late_still_counts() {
    let mut at = at_the_prompt();
    at.typed("hi");
    noted(
        &at.after(11),
        "“hi” may not have been sent: the chat did not answer within 10 s",
    );
    let echo = json!({"publicMessage": "Alice: hi", "clientId": at.ids[0], "id": "m2"});
    assert_eq!(at.frame(&echo.to_string()), []);
    assert_eq!(at.typed(""), [], "there is nothing to send again");
}

#[test]
fn a_message_under_way_on_a_lost_connection_is_said_at_once_and_kept() {
    let mut at = at_the_prompt();
    at.typed("hi");
    let todo = at.session.lost();
    assert_eq!(
        noted(&todo, "“hi” may not have been sent: the connection ended"),
        []
    );
    assert_eq!(
        at.typed(""),
        [Do::Note(
            "not connected; it is sent as soon as the connection is back".into()
        )]
    );
    at.opened();
    assert_eq!(
        at.frame(r#"{"members":["Alice"],"id":"m2"}"#),
        [public("hi")]
    );
    let known = json!({"delivered": {"id": at.ids[0]}, "id": "m3"});
    let sent = Do::ShowSent {
        to: None,
        text: "hi".into(),
    };
    assert_eq!(
        at.frame(&known.to_string()),
        [sent],
        "it had arrived, and we had not seen it"
    );
}

#[test]
fn a_private_message_is_shown_when_it_is_delivered_and_not_before() {
    let mut at = at_the_prompt();
    assert_eq!(at.typed("/msg Bob psst"), [private("Bob", "psst")]);
    let delivered = json!({"delivered": {"id": at.ids[0]}, "id": "m2"});
    let shown = Do::ShowSent {
        to: Some("Bob".into()),
        text: "psst".into(),
    };
    assert_eq!(at.frame(&delivered.to_string()), [shown]);
    at.typed("/msg Bob again");
    let refused = json!({"error": {"code": "no_such_member", "id": at.ids[1]}, "id": "m3"});
    noted(&at.frame(&refused.to_string()), "“again” was not sent");
}

#[test]
fn a_chat_of_the_first_protocol_acknowledges_nothing_private() {
    let mut at = At::new(Some("Alice"), false);
    at.opened();
    at.frame(r#"{"members":["Alice"]}"#);
    let shown = Do::ShowSent {
        to: Some("Bob".into()),
        text: "psst".into(),
    };
    assert_eq!(at.typed("/msg Bob psst"), [private("Bob", "psst"), shown]);
    assert_eq!(at.typed("hi"), [public("hi")]);
    assert_eq!(at.frame(r#"{"publicMessage":"Alice: hi"}"#), []);
}

#[test]
fn the_prompt_says_each_time_that_messages_wait_for_the_pace() {
    let mut at = at_the_prompt();
    for round in 0..2 {
        let mut notes = 0;
        for n in 0..12 {
            for one in at.typed(&n.to_string()) {
                notes += usize::from(matches!(one, Do::Note(_)));
            }
            while at.session.awaited.is_some() {
                let echo =
                    json!({"publicMessage": "Alice: n", "clientId": at.ids.last(), "id": "m"});
                let todo = at.frame(&echo.to_string());
                notes += todo.iter().filter(|one| matches!(one, Do::Note(_))).count();
            }
        }
        assert_eq!(notes, 1, "round {round}");
        while let Some(wake) = at.session.deadline() {
            at.now = wake.max(at.now);
            at.after(0);
            let echo = json!({"publicMessage": "Alice: n", "clientId": at.ids.last(), "id": "m"});
            at.frame(&echo.to_string());
        }
        at.now += pace::WINDOW;
    }
}

#[test]
fn leaving_says_what_may_not_have_been_sent() {
    let mut at = at_the_prompt();
    assert_eq!(at.typed("/quit"), [Do::Quit]);
    at.typed("one");
    at.typed("two");
    assert_eq!(noted(&at.typed("/quit"), "2 messages"), [Do::Quit]);
}
