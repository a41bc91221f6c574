//! From what Lambda says of a function to the fields that are compared.

use super::{Configuration, Function, GrantedRole};
use crate::naming::tags::{CODE, DIGEST, ROLE_ID};
use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
use aws_sdk_lambda::types::{FunctionConfiguration, State};

/// The function as found; `wanted` says which tags count.
pub(super) fn found(wanted: &Function, answer: &GetFunctionOutput) -> Option<Function> {
    let now = answer.configuration()?;
    let all = wanted.tags.seen(answer.tags().cloned().unwrap_or_default());
    let recorded = (all.get(DIGEST), all.get(CODE));
    Some(Function {
        name: wanted.name.clone(),
        code: code(recorded, now.code_sha256().unwrap_or_default()),
        configuration: Configuration::found(now),
        state: state(now),
        granted_role: all.get(ROLE_ID).map(|id| GrantedRole::Recorded(id.into())),
        reserved_concurrency: concurrency(answer).filter(|reserved| *reserved == 0),
        tags: all.without(DIGEST).without(CODE).without(ROLE_ID),
        role_id: wanted.role_id.clone(),
        artifact: wanted.artifact.clone(),
        api: wanted.api.clone(),
    })
}

fn concurrency(answer: &GetFunctionOutput) -> Option<i32> {
    answer.concurrency()?.reserved_concurrent_executions()
}

/// The recorded digest, as long as the code is still the one it was recorded for.
fn code((digest, sha): (Option<&str>, Option<&str>), live: &str) -> String {
    match (digest, sha) {
        (Some(digest), Some(sha)) if sha == live => digest.to_owned(),
        (Some(digest), _) => format!("{live} (not what was built from {digest})"),
        _ => format!("{live} (of unknown source)"),
    }
}

/// An idle function is as good as an active one.
fn state(now: &FunctionConfiguration) -> String {
    match now.state() {
        None | Some(State::Active | State::Inactive) => "Active".into(),
        Some(state) => state.as_str().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::code;

    #[test]
    fn recorded_code_is_told_by_its_digest() {
        assert_eq!(code((Some("d1"), Some("s1")), "s1"), "d1");
    }

    #[test]
    fn code_that_was_changed_by_hand_is_not_ours() {
        assert_eq!(
            code((Some("d1"), Some("s1")), "s2"),
            "s2 (not what was built from d1)"
        );
        assert_eq!(code((None, None), "s2"), "s2 (of unknown source)");
    }
}
