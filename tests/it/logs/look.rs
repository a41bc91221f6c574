//! How lines look.

use super::Chat;

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_escape_sequences_stay_text() {
    let chat = Chat::with_groups().await;
    let evil = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\u{202e}evil";
    chat.write("function", &[(0, evil)]).await;
    chat.write(
        "access",
        &[(0, r#"{"status":"200","userAgent":"\u001b[31mred"}"#)],
    )
    .await;
    for color in ["never", "always"] {
        let said = chat.chatctl(&["logs", "--utc", "--color", color]);
        let plain = anstream::adapter::strip_str(&said.out).to_string();
        assert!(
            !plain.replace('\n', "").chars().any(char::is_control),
            "{plain:?}"
        );
        assert!(
            plain.contains(r"\x1b]0;owned\x07\x1b[2J\x9b31m\u{202e}evil"),
            "{plain}"
        );
        assert!(plain.contains(r"\x1b[31mred"), "{plain}");
    }
}

/// What a whole request leaves behind in the three logs.
async fn a_request(chat: &Chat) {
    let function = [
        (90, "START RequestId: 8f Version: $LATEST"),
        (
            80,
            r#"{"level":"WARN","message":"name taken","route":"setName","status":409}"#,
        ),
        (70, "END RequestId: 8f"),
        (
            70,
            "REPORT RequestId: 8f\tDuration: 5.56 ms\tBilled Duration: 6 ms\tMemory Size: 128 MB\t\
             Max Memory Used: 36 MB\tInit Duration: 110.10 ms\t",
        ),
    ];
    chat.write(
        "execution",
        &[(95, "(E=) Starting execution for request: E=")],
    )
    .await;
    chat.write("function", &function).await;
    chat.write(
        "access",
        &[(60, r#"{"routeKey":"setName","status":"200"}"#)],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_one_line_for_each_thing_that_happened() {
    let chat = Chat::with_groups().await;
    a_request(&chat).await;
    let said = chat.chatctl(&["logs", "--utc"]);
    let lines: Vec<_> = said.out.lines().map(without_time).collect();
    assert_eq!(
        lines,
        [
            "execution  (E=) Starting execution for request: E=",
            "function   WARN name taken route=setName status=409",
            "function   done in 5.56 ms, billed 6 ms, 36 of 128 MB, cold start 110.1 ms  8f",
            "access     routeKey=setName status=200",
        ]
    );
    let everything = chat.chatctl(&["logs", "-v"]).out;
    assert!(
        everything.contains("function   START RequestId: 8f"),
        "{everything}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_source_has_its_own_colour() {
    let chat = Chat::with_groups().await;
    a_request(&chat).await;
    let said = chat.chatctl(&["logs", "--color", "always"]).out;
    let colours: Vec<_> = said
        .lines()
        .map(|line| {
            let name = ["execution", "function", "access"]
                .into_iter()
                .find_map(|name| line.split_once(name))
                .unwrap();
            name.0.rsplit('\u{1b}').next().unwrap().to_owned()
        })
        .collect();
    assert_eq!(colours, ["[35m", "[36m", "[36m", "[34m"], "{said:?}");
    assert!(!chat.chatctl(&["logs"]).out.contains('\u{1b}'));
}

#[tokio::test(flavor = "multi_thread")]
async fn times_are_local_unless_utc_is_wished_for() {
    let chat = Chat::with_groups().await;
    chat.write("access", &[(0, "x")]).await;
    let shown = |flags: &[&str]| {
        let args = [&["logs"], flags].concat();
        let mut command = chat.command(&args);
        command.env("TZ", "XXX-9:30");
        tokio::task::block_in_place(|| crate::binary::run(&mut command)).out
    };
    let minute = |text: &str| {
        let clock = text.split('T').next_back().unwrap();
        let clock = clock.split(' ').find(|part| part.contains(':')).unwrap();
        let number = |range: std::ops::Range<usize>| clock[range].parse::<i64>().unwrap();
        number(0..2) * 60 + number(3..5)
    };
    let (local, utc) = (shown(&[]), shown(&["--utc"]));
    assert!(
        utc.contains("Z access") && !local.contains("Z access"),
        "{local}{utc}"
    );
    let ahead = (minute(&local) - minute(&utc)).rem_euclid(24 * 60);
    assert_eq!(ahead, 9 * 60 + 30, "{local}{utc}");
}

fn without_time(line: &str) -> &str {
    let at = ["execution", "function", "access"];
    let at = at.iter().filter_map(|name| line.find(name)).min().unwrap();
    &line[at..]
}
