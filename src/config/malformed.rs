//! What is wrong in `chatctl.toml`, in words: the file, the line and the key, never a value.
//!
//! serde says it in Rust's types ("invalid type: string, expected u32") and shows values, which may be
//! secrets.

use super::file::line_of;
use super::nearest::nearest;
use crate::error::Error;
use std::path::Path;

/// The error for a file that cannot be understood.
pub(super) fn malformed(text: &str, path: &Path, error: &toml::de::Error) -> Error {
    let start = error.span().map_or(0, |span| span.start);
    let line = line_of(text, start);
    let key = key_of(text.lines().nth(line - 1).unwrap_or_default());
    let said = error.message().replace('\n', ", ");
    let Complaint { message, hint } = Complaint::of(&said);
    let error = Error::usage(format!("{}:{line}: {message}", path.display())).at(path, line);
    let error = match key {
        Some(key) if !message.contains(&format!("`{key}`")) => {
            error.because_of(format!("it is the line of `{key}`"))
        }
        _ => error,
    };
    let error = match hint {
        Some(hint) => error.hint(hint),
        None => error,
    };
    error.hint("`chatctl init` writes a file with every key explained")
}

/// The key that a line sets. Its value may be a secret and is never shown.
fn key_of(line: &str) -> Option<&str> {
    let (key, value) = line.split_once('=')?;
    let (key, value) = (key.trim(), value.trim());
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '"');
    // The line may also be one of a text of several lines, and end like Base64.
    let is_key = !key.is_empty() && key.chars().all(plain);
    (is_key && !value.is_empty() && !value.starts_with('=')).then_some(key)
}

/// serde's message in plain words.
struct Complaint {
    message: String,
    hint: Option<String>,
}

impl Complaint {
    fn of(said: &str) -> Self {
        let (found, expected) = said.split_once(", expected ").unwrap_or((said, ""));
        let (kind, _) = found.split_once(['"', '`']).unwrap_or((found, ""));
        match kind.trim_end() {
            "unknown field" => Self::unknown_key(found, expected),
            "unknown variant" => Self::unknown_choice(found, expected),
            kind if kind.starts_with("invalid value") => Self::plain(wanted(expected)),
            kind if kind.starts_with("invalid type: ") => {
                let found = kind.trim_start_matches("invalid type: ");
                Self::plain(format!("{}, not {}", wanted(expected), given(found)))
            }
            _ => Self::plain(said.to_owned()),
        }
    }

    fn plain(message: String) -> Self {
        Self {
            message,
            hint: None,
        }
    }

    fn unknown_key(found: &str, expected: &str) -> Self {
        let key = quoted(found).first().copied().unwrap_or_default();
        let known = quoted(expected);
        Self {
            message: format!("unknown key `{key}`"),
            hint: Some(match nearest(key, &known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("here can stand {}", known.join(", ")),
            }),
        }
    }

    /// The choice itself is a value.
    fn unknown_choice(found: &str, expected: &str) -> Self {
        let known = quoted(expected);
        let typed = quoted(found).first().copied().unwrap_or_default();
        Self {
            message: format!("it must be one of {}", known.join(", ")),
            hint: nearest(typed, &known).map(|near| format!("did you mean {near:?}?")),
        }
    }
}

/// What stands between backquotes.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// What must stand there, from serde's name of a type.
fn wanted(expected: &str) -> String {
    let what = match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a string" | "path string" => "text in quotes",
        "a boolean" => "true or false",
        "a sequence" => "a list in brackets",
        "a map" => "a table",
        one if one.starts_with("struct") => "a table",
        one if one.contains("enum") || one.contains("variant") => "text in quotes",
        other => other,
    };
    format!("it must be {what}")
}

/// What stands there, from serde's name of its kind.
fn given(found: &str) -> &str {
    match found.trim() {
        "string" => "text",
        "integer" => "a whole number",
        "floating point" => "a number with a fraction",
        "boolean" => "true or false",
        "map" => "a table",
        "sequence" => "a list",
        "datetime" => "a date",
        other => other,
    }
}
