//! The query protocol's forms, and percent-encoding.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::ServiceError;

/// The unreserved characters of RFC 3986; IAM escapes policy documents so.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// A decoded form with the query protocol's lists (`Tags.member.1.Key`).
#[derive(Debug, Clone, Default)]
pub(crate) struct Form {
    pairs: Vec<(String, String)>,
}

impl Form {
    /// From decoded pairs.
    pub(super) fn of(pairs: Vec<(String, String)>) -> Self {
        Self { pairs }
    }

    /// One parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A parameter that must be there and not empty.
    pub(crate) fn required(&self, name: &str) -> Result<&str, ServiceError> {
        self.get(name).filter(|value| !value.is_empty()).ok_or_else(|| {
            let field = lower_first(name);
            ServiceError::new(
                400,
                "ValidationError",
                format!(
                    "1 validation error detected: Value null at '{field}' failed to satisfy constraint: Member must not be null"
                ),
            )
        })
    }

    /// `name.member.1`, `name.member.2`, …
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        (1..)
            .map_while(|index| self.get(&format!("{name}.member.{index}")))
            .map(str::to_owned)
            .collect()
    }

    /// `name.member.N.Key` and `name.member.N.Value`, as tags are sent.
    pub(crate) fn tags(&self, name: &str) -> Vec<(String, String)> {
        (1..)
            .map_while(|index| {
                let key = self.get(&format!("{name}.member.{index}.Key"))?;
                let value = self
                    .get(&format!("{name}.member.{index}.Value"))
                    .unwrap_or_default();
                Some((key.to_owned(), value.to_owned()))
            })
            .collect()
    }
}

/// Splits and decodes `a=b&c=d`; a plus is a space.
pub(crate) fn parse_form(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (
                decode(&key.replace('+', " ")),
                decode(&value.replace('+', " ")),
            )
        })
        .collect()
}

/// Percent-decoding; what is not UTF-8 becomes the replacement character.
pub(crate) fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Percent-encoding of everything that RFC 3986 does not leave free.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

fn lower_first(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_ascii_lowercase().to_string() + characters.as_str()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_have_lists_and_tags() {
        let form = Form::of(parse_form(
            "Names.member.1=a+b&Names.member.2=c&Tags.member.1.Key=k&Tags.member.1.Value=%26",
        ));
        assert_eq!(form.list("Names"), ["a b", "c"]);
        assert_eq!(form.tags("Tags"), [("k".to_owned(), "&".to_owned())]);
        let missing = form.required("RoleName").unwrap_err();
        assert!(missing.message.contains("'roleName'"));
    }
}
