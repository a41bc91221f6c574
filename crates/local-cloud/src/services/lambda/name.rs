//! How a function is named: by its name, a part of its ARN or the whole ARN, with or without a
//! qualifier, which may also come as a parameter of its own.

use super::{invalid, missing, user_error, validation};
use crate::shared::Shared;
use crate::wire::{Request, ServiceError};

const NAME: &str = "Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?(function:)?([a-zA-Z0-9-_\\.]+)(:(\\$LATEST(\\.PUBLISHED)?|[a-zA-Z0-9-_]+))?";
const QUALIFIER: &str =
    "Member must satisfy regular expression pattern: \\$(LATEST(\\.PUBLISHED)?)|[a-zA-Z0-9-_$]+";

/// A function's name and qualifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) function: String,
    pub(super) qualifier: Option<String>,
}

/// The parts of a name as they were given.
struct Parts<'a> {
    region: Option<&'a str>,
    account: Option<&'a str>,
    function: &'a str,
    qualifier: Option<&'a str>,
}

impl Name {
    /// Reads `name`, `name:qualifier`, `account:function:name` or a full ARN.
    pub(super) fn parse(
        shared: &Shared,
        text: &str,
        qualifier: Option<String>,
    ) -> Result<Self, ServiceError> {
        let parts = Parts::read(text).ok_or_else(|| validation("functionName", text, NAME))?;
        if let Some(qualifier) = &qualifier {
            check_qualifier(qualifier)?;
        }
        if let Some(region) = parts.region.filter(|region| *region != shared.region) {
            return Err(missing(format!(
                "Functions from '{region}' are not reachable in this region ('{}')",
                shared.region
            )));
        }
        if parts
            .account
            .is_some_and(|account| account != shared.account_id)
        {
            return Err(ServiceError::new(403, "AccessDeniedException", ""));
        }
        let own = parts.qualifier.map(str::to_owned);
        if own.is_some() && qualifier.is_some() && own != qualifier {
            return Err(invalid(
                "The derived qualifier from the function name does not match the specified qualifier.",
            ));
        }
        Ok(Self {
            function: parts.function.to_owned(),
            qualifier: qualifier.or(own),
        })
    }

    /// From the third segment of the path, which is where every operation has it.
    pub(super) fn of(shared: &Shared, request: &Request) -> Result<Self, ServiceError> {
        let segments = request.segments();
        let text = segments.get(2).map(String::as_str).unwrap_or_default();
        Self::parse(shared, text, request.param("Qualifier"))
    }

    /// The ARN, with the qualifier if there is one.
    pub(super) fn arn(&self, shared: &Shared) -> String {
        let arn = function_arn(shared, &self.function);
        match &self.qualifier {
            Some(qualifier) => format!("{arn}:{qualifier}"),
            None => arn,
        }
    }

    /// For a function that is about to be made.
    pub(super) fn new(shared: &Shared, text: &str) -> Result<Self, ServiceError> {
        if text.len() > 140 {
            let rule = "Member must have length less than or equal to 140";
            return Err(validation("functionName", text, rule));
        }
        let name = Self::parse(shared, text, None)?;
        if name.function.contains('.') || name.qualifier.is_some() {
            return Err(validation(
                "functionName",
                text,
                &NAME.replace("\\.]+", "]+"),
            ));
        }
        if name.function.len() > 64 {
            let rule = "Member must have length less than or equal to 64";
            let words = validation("functionName", text, rule).message;
            return Err(user_error(400, "InvalidParameterValueException", words));
        }
        Ok(name)
    }
}

impl<'a> Parts<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let all: Vec<&str> = text.split(':').collect();
        let mut rest = match all.as_slice() {
            ["arn", partition, "lambda", rest @ ..] if partition.starts_with("aws") => rest,
            rest => rest,
        };
        let mut take = |fits: &dyn Fn(&str) -> bool| match rest {
            [first, more @ ..] if !more.is_empty() && fits(first) => {
                rest = more;
                Some(*first)
            }
            _ => None,
        };
        let region = take(&is_region);
        let account = take(&|text| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()));
        take(&|text| text == "function");
        let (function, qualifier) = match rest {
            [function] => (*function, None),
            [function, qualifier] => (*function, Some(*qualifier)),
            _ => return None,
        };
        let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let is_version = |text: &str| {
            matches!(text, "$LATEST" | "$LATEST.PUBLISHED")
                || !text.is_empty() && text.chars().all(fine)
        };
        let named = !function.is_empty() && function.chars().all(|c| fine(c) || c == '.');
        (named && qualifier.is_none_or(is_version)).then_some(Self {
            region,
            account,
            function,
            qualifier,
        })
    }
}

/// Such as `eu-central-1`.
fn is_region(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    let letters = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    let number = |part: &&str| part.len() == 1 && part.bytes().all(|b| b.is_ascii_digit());
    parts.len() >= 3
        && parts[0].len() == 2
        && parts[..parts.len() - 1].iter().all(letters)
        && parts.last().is_some_and(number)
}

fn check_qualifier(qualifier: &str) -> Result<(), ServiceError> {
    if qualifier.len() > 128 {
        let rule = "Member must have length less than or equal to 128";
        return Err(validation("qualifier", qualifier, rule));
    }
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '$');
    if qualifier == "$LATEST.PUBLISHED" || !qualifier.is_empty() && qualifier.chars().all(fine) {
        return Ok(());
    }
    Err(validation("qualifier", qualifier, QUALIFIER))
}

/// The unqualified ARN of a function.
pub(super) fn function_arn(shared: &Shared, name: &str) -> String {
    let (region, account_id) = (&shared.region, &shared.account_id);
    format!("arn:aws:lambda:{region}:{account_id}:function:{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(&str, Option<&str>)> {
        Parts::read(text).map(|parts| (parts.function, parts.qualifier))
    }

    #[test]
    fn a_function_may_be_named_by_name_by_part_of_an_arn_or_by_all_of_it() {
        for plain in [
            "chat",
            "function:chat",
            "000000000000:chat",
            "000000000000:function:chat",
            "us-east-1:000000000000:function:chat",
            "arn:aws:lambda:us-east-1:000000000000:function:chat",
        ] {
            assert_eq!(read(plain), Some(("chat", None)), "{plain}");
            let qualified = format!("{plain}:3");
            assert_eq!(read(&qualified), Some(("chat", Some("3"))), "{qualified}");
        }
        assert_eq!(read("chat:$LATEST"), Some(("chat", Some("$LATEST"))));
    }

    #[test]
    fn what_is_no_name_is_none() {
        for wrong in [
            "",
            "*",
            "a b",
            "my-function!",
            "my-function:$LATES",
            "invalid-account:function:my-function",
            "arn:aws:lambda:us-east-1::function:my-function",
            "arn:aws:lambda:invalid-region:111111111111:function:my-function",
            "arn:aws:ec2:us-east-1:111111111111:instance:i-1",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
