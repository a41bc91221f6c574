//! Filter patterns, which FilterLogEvents and StartLiveTail share. Each language has its file:
//!
//! - `ERROR timeout`, `"two words"`, `?a ?b`, `-c`, or one regular expression, `%ERR[0-9]+%`;
//! - `{ $.level = "ERROR" && ($.code >= 500 || $.path = "/api*") }` for messages of JSON;
//! - `[time, id, level = ERROR, ...]` for messages of fields.

mod condition;
mod fields;
mod json;
mod lexer;
mod path;
mod terms;

use self::fields::FieldTests;
use self::json::Expression;
use self::lexer::refused;
use self::terms::Unstructured;
use super::call::constraint;
use crate::wire::ServiceError;

const LENGTH: usize = 1024;

/// A parsed pattern.
#[derive(Debug, Clone)]
pub(super) struct Pattern(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Everything,
    Unstructured(Unstructured),
    Json(Expression),
    Fields(FieldTests),
}

impl Pattern {
    /// Parses the pattern in the member of this name, or refuses it in AWS's words.
    pub(super) fn parse(member: &str, text: &str) -> Result<Self, ServiceError> {
        if text.chars().count() > LENGTH {
            return Err(constraint(
                &format!("Value '{text}' at '{member}'"),
                &format!("Member must have length less than or equal to {LENGTH}"),
            ));
        }
        Kind::parse(text.trim()).map(Self)
    }

    /// Whether a message matches.
    pub(super) fn matches(&self, message: &str) -> bool {
        match &self.0 {
            Kind::Everything => true,
            Kind::Unstructured(Unstructured::Regex(regex)) => regex.is_match(message),
            Kind::Unstructured(Unstructured::Terms(terms)) => terms.matches(message),
            Kind::Json(expression) => expression.matches(message),
            Kind::Fields(fields) => fields.matches(message),
        }
    }
}

impl Kind {
    fn parse(text: &str) -> Result<Self, ServiceError> {
        let inside = |open, close| text.strip_prefix(open)?.strip_suffix(close);
        if text.is_empty() {
            Ok(Self::Everything)
        } else if let Some(inside) = inside('{', '}') {
            json::parse(inside).map(Self::Json)
        } else if let Some(inside) = inside('[', ']') {
            fields::parse(inside).map(Self::Fields)
        } else if text.starts_with(['{', '[']) {
            Err(refused())
        } else {
            terms::parse(text).map(Self::Unstructured)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pattern: &str) -> Result<Pattern, ServiceError> {
        Pattern::parse("filterPattern", pattern)
    }

    fn matches(pattern: &str, message: &str) -> bool {
        parse(pattern).unwrap().matches(message)
    }

    /// Those of the messages that match.
    fn found<'a>(pattern: &str, messages: &[&'a str]) -> Vec<&'a str> {
        let pattern = parse(pattern).unwrap();
        let found = messages.iter().filter(|message| pattern.matches(message));
        found.copied().collect()
    }

    #[test]
    fn every_term_must_occur_and_excluded_ones_must_not() {
        assert!(matches("ERROR time", "ERROR: a time-out"));
        assert!(!matches("ERROR time", "ERROR: refused"));
        assert!(!matches("ERROR -refused", "ERROR: refused"));
        assert!(!matches("error", "ERROR"));
        assert!(matches("", "anything"));
    }

    #[test]
    fn either_of_optional_terms_is_enough() {
        assert!(matches("?ERROR ?WARN", "WARN: low"));
        assert!(!matches("?ERROR ?WARN", "INFO: fine"));
    }

    #[test]
    fn beside_other_terms_optional_ones_do_not_count() {
        assert!(matches("?ERROR ?WARN slow", "INFO slow"));
        assert!(matches("?ERROR ?WARN -slow", "INFO quick"));
        assert!(!matches("?ERROR ?WARN -slow", "ERROR slow"));
    }

    #[test]
    fn a_phrase_keeps_its_spaces_and_signs() {
        assert!(matches("\"in - time\"", "just in - time"));
        assert!(!matches("\"in time\"", "time in"));
        assert!(matches("-\"not this\" yes", "yes"));
        assert!(matches(
            r#""a \"word\" \\ n""#,
            r#"it is a "word" \ no more"#
        ));
        assert!(matches("\" \"", "two words"));
        assert!(!matches("\" \"", "one"));
    }

    #[test]
    fn a_regular_expression_stands_between_percent_signs() {
        assert!(matches("%ERRO?R?:?\\s%", "an ERROR: there"));
        assert!(matches("%WARN|ERR%", "an ERROR: there"));
        assert!(!matches("%^ERR%", "an ERROR"));
        assert!(matches("%\\x21$%", "oh!"));
    }

    #[test]
    fn json_selectors_reach_into_objects_and_lists() {
        let message =
            r#"{"level":"ERROR","code":503,"a":{"b":[{"c":"x"},{"c":"yes"}]},"ok":true,"n":null}"#;
        assert!(matches(
            r#"{ $.level = "ERROR" && $.code >= 500 }"#,
            message
        ));
        assert!(matches("{ $.level = ERR* }", message));
        assert!(matches(
            "{ ($.code = 1 || $.a.b[1].c = \"yes\") && $.ok IS TRUE }",
            message
        ));
        assert!(matches("{ $.a.b[*].c = x }", message));
        assert!(matches("{ $.n IS NULL && $.missing NOT EXISTS }", message));
        assert!(!matches("{ $.missing = 1 }", message));
        assert!(!matches("{ $.level != ERROR }", message));
        assert!(!matches("{ $.code = 503 }", "no json at all"));
    }

    #[test]
    fn only_a_whole_json_object_can_match_a_json_pattern() {
        for message in ["no", "{broken", r#"[{"a":1}]"#, r#"INFO {"b":1}"#] {
            assert!(!matches("{ $.a NOT EXISTS }", message), "{message}");
        }
        assert!(matches("{ $.a NOT EXISTS }", " {}\n"));
    }

    #[test]
    fn a_star_in_a_selector_is_every_item_and_every_member() {
        let in_list = r#"{"a":["x","yes"]}"#;
        let in_object = r#"{"a":{"k":"yes"}}"#;
        let alone = r#"{"a":"yes"}"#;
        let deeper = r#"{"a":[["yes"]],"b.c":1}"#;
        let all = [in_list, in_object, alone, deeper];
        assert_eq!(found("{ $.a[*] = yes }", &all), [in_list, in_object]);
        assert_eq!(found("{ $.* = yes }", &all), [alone]);
        assert_eq!(found("{ $.['b.c'] = 1 }", &all), [deeper]);
        assert_eq!(found("{ $.a[0][0] = yes }", &all), [deeper]);
    }

    /// The values `2`, `2.0` and so on as the member `v` of a message.
    fn values(pattern: &str) -> Vec<&'static str> {
        let values = [
            "2", "2.0", "2e0", "-2", "30", "\"2\"", "\"2.0\"", "\"two\"", "\"\"", "true",
            "\"true\"", "null", "[]", "[2,null]", "{}",
        ];
        let pattern = parse(pattern).unwrap();
        let with = |value: &str| pattern.matches(&format!("{{\"v\":{value}}}"));
        values.into_iter().filter(|value| with(value)).collect()
    }

    #[test]
    fn json_values_compare_by_their_type() {
        let texts = ["\"2\"", "\"2.0\"", "\"two\"", "\"\"", "\"true\""];
        let numbers = ["2", "2.0", "2e0", "-2", "30"];
        assert_eq!(values("{ $.v = 2 }"), ["2", "2.0", "2e0", "\"2\""]);
        assert_eq!(values("{ $.v = 2e+0 }"), ["2", "2.0", "2e0"]);
        assert_eq!(values("{ $.v = \"2\" }"), ["2", "\"2\""]);
        assert_eq!(
            values("{ $.v != 2 }"),
            ["-2", "30", "\"2.0\"", "\"two\"", "\"\"", "\"true\""]
        );
        assert_eq!(values("{ $.v > 2 }"), ["30"]);
        assert_eq!(values("{ $.v <= 2 }"), ["2", "2.0", "2e0", "-2"]);
        assert_eq!(values("{ $.v = * }"), [&numbers[..], &texts].concat());
        assert_eq!(values("{ $.v != two }").len(), 9);
        assert_eq!(values("{ $.v = \"\" }"), ["\"\""]);
        assert_eq!(values("{ $.v = %^t% }"), ["\"two\"", "\"true\""]);
        assert_eq!(values("{ $.v = true }"), ["\"true\""]);
        assert_eq!(values("{ $.v IS TRUE }"), ["true"]);
        assert_eq!(values("{ $.v IS NULL }"), ["null", "[2,null]"]);
        assert_eq!(values("{ $.v NOT EXISTS }"), [""; 0]);
    }

    #[test]
    fn fields_are_words_quotes_and_brackets() {
        let line =
            r#"127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index HTTP/1.0" 404 1534"#;
        assert!(matches(
            "[ip, user, name, time, request = GET*, status = 4*, bytes > 1000]",
            line
        ));
        assert!(matches("[..., status = 404, bytes]", line));
        assert!(!matches("[ip, status = 404]", line));
        assert!(matches("[ip = 127* || ip = 10*, ...]", line));
        assert!(matches("[ip, ..., status = 404, bytes = %^1%]", line));
        assert!(!matches(
            "[ip, user, name, time, request, status, bytes, more]",
            line
        ));
    }

    #[test]
    fn the_last_field_has_the_rest_of_the_message() {
        let lines = [
            "ERROR",
            "ERROR disk",
            "ERROR disk is  full",
            "ERROR \"disk is  full\"",
            "INFO disk",
        ];
        assert_eq!(found("[level = ERROR, what]", &lines), lines[1..4]);
        assert_eq!(
            found("[level, what = \"disk is  full\"]", &lines),
            lines[2..4]
        );
        assert_eq!(found("[level, what = disk]", &lines), [lines[1], lines[4]]);
        assert_eq!(found("[..., what = disk]", &lines), [lines[1], lines[4]]);
        assert_eq!(
            found("[level != ERROR && level != WARN, ...]", &lines),
            lines[4..]
        );
        assert_eq!(found("[]", &lines), lines);
    }

    #[test]
    fn broken_patterns_are_refused() {
        for pattern in [
            "{ $.a = ",
            "[a",
            "{ $.a EXISTS }",
            "{ $.a IS NOT NULL }",
            "{ $.a == 1 }",
            "{ $.a = null }",
            "{ $.a > 1 AND $.b = 2 }",
            "{ $.a = 1 $.b = 2 }",
            "{ a = 1 }",
            "[a = 1 && b = 2]",
        ] {
            assert_eq!(
                parse(pattern).unwrap_err().message,
                "Invalid filter pattern",
                "{pattern}"
            );
        }
    }

    #[test]
    fn what_cannot_be_read_is_quoted_as_aws_quotes_it() {
        for (pattern, term) in [
            ("ERR*", "*"),
            ("a(b", "("),
            ("?Status: late", ":"),
            ("user@host", "@"),
            ("one-two", "-"),
            ("\"open", "\"open"),
            ("\"\"", "\"\""),
            ("%^(a|b)%", "%^("),
            ("%oh!%", "%oh!"),
            ("%naïve%", "%naï"),
            ("%open", "%open"),
            ("{ !($.a = 1) }", "!("),
            ("{ \"a\": [1] }", ":"),
            ("{ $.a > \"b\" }", "\"b\""),
            ("{ $.a >= b }", "b"),
            ("{ $..a = 1 }", "$.."),
            ("{ $.\"a\" = 1 }", "$.\""),
            ("{ $.a[-1] = 1 }", "[-"),
            ("{ $.a[0:2] = 1 }", "[0:"),
            ("[...rest, status = 1]", "...rest"),
        ] {
            assert_eq!(
                parse(pattern).unwrap_err().message,
                format!("Invalid character(s) in term '{term}'"),
                "{pattern}"
            );
        }
    }

    #[test]
    fn the_limits_of_a_pattern_hold() {
        for (pattern, words) in [
            (
                "{ $.a[*].* = 1 }",
                "Your filter pattern has a JSON path selector that exceeds the maximum of 1 wildcard allowed per json selector.",
            ),
            (
                "{ $.a[*] = 1 || $.b[*] = 1 || $.c.* = 1 || $.* = 1 }",
                "Your input has exceeded the maximum of 3 JSON wildcard selectors allowed per filter pattern.",
            ),
            (
                "{ $.a = %1% || $.a = %2% || $.a = %3% }",
                "Your input has exceeded the maximum of 2 regular expressions per filter pattern.",
            ),
            (
                "[a = %1%, b = %2% || b = %3%]",
                "Your input has exceeded the maximum of 2 regular expressions per filter pattern.",
            ),
            ("[..., a, ...]", "Duplicate field '...'"),
            ("[a, b, a]", "Duplicate field 'a'"),
            ("%[a%", "Failed to compile regular expression."),
        ] {
            assert_eq!(parse(pattern).unwrap_err().message, words);
        }
        assert!(matches(
            "{ $.a[*] = 1 || $.b[*] = 1 || $.c.* = 1 }",
            r#"{"c":{"d":1}}"#
        ));
        assert!(parse(&"a".repeat(1024)).is_ok());
        let long = parse(&"a".repeat(1025)).unwrap_err().message;
        assert!(long.ends_with("at 'filterPattern' failed to satisfy constraint: Member must have length less than or equal to 1024"), "{long}");
    }

    #[test]
    fn what_nobody_has_recorded_is_refused_by_name() {
        for pattern in ["%a% b", "-%a%", "?%a% ?b"] {
            let error = parse(pattern).unwrap_err();
            assert_eq!(error.status, 501);
            assert!(
                error
                    .message
                    .contains("a regular expression beside other terms")
            );
        }
    }
}
