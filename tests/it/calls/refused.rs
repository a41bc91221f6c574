//! Settings that AWS would refuse: refused before any call, with the file, the line and the key, or
//! with the flag.

use crate::binary::{Said, chatctl, run};

/// A plan with this `chatctl.toml` and these flags; there is no cloud that it could ask.
fn plan(file: &str, flags: &[&str]) -> Said {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("chatctl.toml"), file).unwrap();
    let said = run(chatctl(folder.path())
        .args(["plan", "--local", "--port", "9"])
        .args(flags));
    assert_eq!(said.code, 64, "{file} {flags:?}: {}", said.err);
    said
}

#[test]
fn tag_keys_that_iam_takes_for_one_are_refused() {
    let same = "\"team\" and \"Team\" are one key to IAM, which ignores case";
    for (file, flags, place) in [
        (
            "[tags]\nTeam = 'a'\nteam = 'b'\n",
            &[][..],
            "chatctl.toml:3: tags.team: ",
        ),
        ("[tags]\nTeam = 'a'\n", &["--tag", "team=b"], "--tag: "),
        ("", &["--tag", "Team=a", "--tag", "team=b"], "--tag: "),
    ] {
        let said = plan(file, flags);
        let wanted = format!("error: {place}{same}");
        assert!(said.err.starts_with(&wanted), "{}", said.err);
    }
    let said = plan("[tags]\n'ChatCtl:Stack' = 'x'\n", &[]);
    let wanted = "chatctl.toml:2: tags.ChatCtl:Stack: the tag \"ChatCtl:Stack\" cannot be set";
    assert!(said.err.contains(wanted), "{}", said.err);
}

#[test]
fn a_comma_is_refused_in_every_name_and_tag() {
    for (file, place) in [
        ("name = 'a,b'\n", "chatctl.toml:1: name: "),
        ("stage = 'a,b'\n", "chatctl.toml:1: stage: "),
        (
            "[function]\nname = 'a,b'\n",
            "chatctl.toml:2: function.name: ",
        ),
        ("[table]\nname = 'a,b'\n", "chatctl.toml:2: table.name: "),
        ("[tags]\nteam = 'a,b'\n", "chatctl.toml:2: tags.team: "),
    ] {
        let said = plan(file, &[]);
        assert!(said.err.contains(place), "{file}: {}", said.err);
    }
}

#[test]
fn variables_that_lambda_keeps_for_itself_are_refused_with_their_key() {
    for key in [
        "AWS_REGION",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_SESSION_TOKEN",
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
    ] {
        let file = format!("[function.environment]\nGREETING = 'hello'\n{key} = 'x'\n");
        let said = plan(&file, &[]);
        let place = format!("chatctl.toml:3: function.environment.{key}: ");
        assert!(said.err.contains(&place), "{}", said.err);
    }
}
