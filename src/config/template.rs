//! Values with `${…}` in them: `${env:NAME}` is filled in when the file is read, `${stack.…}` when the
//! stack is planned.

use super::environment;
use std::fmt::Write as _;

/// Something of the stack that a value may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StackValue {
    /// `${stack.table}`: name of the table.
    Table,
    /// `${stack.url}`: where clients connect.
    Url,
    /// `${stack.connections}`: where the function posts to connections.
    Connections,
}

impl StackValue {
    /// Every one, with the name that it has in the file.
    const ALL: [(&'static str, Self); 3] = [
        ("stack.table", Self::Table),
        ("stack.url", Self::Url),
        ("stack.connections", Self::Connections),
    ];
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Stack(StackValue),
}

/// A value, ready to be filled in with what is known of the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

impl Template {
    /// Reads `text`; `$${` stands for `${` itself.
    ///
    /// # Errors
    /// What is wrong with it, in words that show nothing but the name between the braces.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            let (before, after) = rest.split_at(start);
            if let Some(escaped) = before.strip_suffix('$') {
                parts.push(Part::Text(format!("{escaped}${{")));
                rest = after.get(2..).unwrap_or_default();
                continue;
            }
            let inner = after.get(2..).unwrap_or_default();
            let (name, after) = inner
                .split_once('}')
                .ok_or("a ${ has no } behind it; $${ stands for ${ itself")?;
            parts.push(Part::Text(before.to_owned()));
            parts.push(named(name)?);
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    /// It names this.
    pub fn uses(&self, value: StackValue) -> bool {
        self.0.contains(&Part::Stack(value))
    }

    /// It names something that has the API's id in it.
    pub fn uses_api(&self) -> bool {
        self.uses(StackValue::Url) || self.uses(StackValue::Connections)
    }

    /// The value, with what `stack` says.
    pub fn filled(&self, stack: impl Fn(StackValue) -> String) -> String {
        self.0.iter().fold(String::new(), |mut text, part| {
            let _ = match part {
                Part::Text(part) => write!(text, "{part}"),
                Part::Stack(value) => write!(text, "{}", stack(*value)),
            };
            text
        })
    }
}

/// As it is written, but for the variables of the environment, which are filled in.
impl std::fmt::Display for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = |value| {
            let mut all = StackValue::ALL.iter();
            let found = all.find(|(_, one)| *one == value);
            format!("${{{}}}", found.map_or("", |(name, _)| name))
        };
        f.write_str(&self.filled(name))
    }
}

fn named(name: &str) -> Result<Part, String> {
    if let Some(variable) = name.strip_prefix("env:") {
        let value = environment::value_of(variable);
        return value
            .map(Part::Text)
            .ok_or_else(|| format!("the environment variable {variable} is not set"));
    }
    let known = StackValue::ALL.iter().find(|(known, _)| *known == name);
    known.map(|(_, value)| Part::Stack(*value)).ok_or_else(|| {
        format!("${{{name}}} means nothing here; there are ${{stack.table}}, ${{stack.url}}, ${{stack.connections}} and ${{env:NAME}}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> String {
        let known = |value| match value {
            StackValue::Table => "chat".to_owned(),
            StackValue::Url => "wss://x".to_owned(),
            StackValue::Connections => "https://x".to_owned(),
        };
        Template::parse(text).unwrap().filled(known)
    }

    #[test]
    fn what_is_named_is_filled_in() {
        assert_eq!(filled("a ${stack.table}, ${stack.url}"), "a chat, wss://x");
        assert_eq!(filled("$5 and {braces} and $"), "$5 and {braces} and $");
        assert_eq!(filled("$${stack.table}"), "${stack.table}");
        assert_eq!(filled("${stack.connections}/$"), "https://x/$");
    }

    #[test]
    fn what_cannot_be_filled_in_is_named() {
        for (text, words) in [
            ("${stack.tabel}", "${stack.tabel} means nothing"),
            (
                "${env:CHATCTL_NOT_SET_ANYWHERE}",
                "CHATCTL_NOT_SET_ANYWHERE is not set",
            ),
            ("secret ${", "no }"),
        ] {
            let said = Template::parse(text).unwrap_err();
            assert!(said.contains(words) && !said.contains("secret"), "{said}");
        }
    }

    #[test]
    fn a_template_shows_what_stands_in_the_file() {
        let text = "${stack.url}?table=${stack.table}";
        assert_eq!(Template::parse(text).unwrap().to_string(), text);
    }
}
