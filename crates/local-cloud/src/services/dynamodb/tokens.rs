//! The tokens of an expression: enough to check operands and function names, not to evaluate.

/// The tokens of an expression, in order; white space is left out.
pub(super) fn words(expression: &str) -> Vec<&str> {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '#' | ':' | '.');
    let mut found = Vec::new();
    let mut rest = expression.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if is_word(first) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else if rest.starts_with("<=") || rest.starts_with(">=") || rest.starts_with("<>") {
            2
        } else {
            first.len_utf8()
        };
        found.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    found
}

/// Names that stand before an opening parenthesis.
pub(super) fn functions(expression: &str) -> Vec<&str> {
    let words = words(expression);
    let pairs = words.windows(2);
    let called = pairs.filter(|pair| pair[1] == "(" && pair[0].starts_with(char::is_alphabetic));
    called.map(|pair| pair[0]).collect()
}

/// The operands of every BETWEEN, from and to.
pub(super) fn ranges(expression: &str) -> Vec<[&str; 2]> {
    let words = words(expression);
    let at = words.windows(4).filter(|four| {
        four[0].eq_ignore_ascii_case("between") && four[2].eq_ignore_ascii_case("and")
    });
    at.map(|four| [four[1], four[3]]).collect()
}

/// Conditions of the form `name operator operand`, as in key conditions.
pub(super) fn comparisons(expression: &str) -> Vec<[&str; 3]> {
    let words = words(expression);
    let at = words
        .windows(3)
        .filter(|three| matches!(three[1], "=" | "<" | "<=" | ">" | ">="));
    at.map(|three| [three[0], three[1], three[2]]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_taken_apart() {
        let text = "#n = :v AND(begins_with (sk,:s) or a.b[0]<=:x)";
        let wanted = [
            "#n",
            "=",
            ":v",
            "AND",
            "(",
            "begins_with",
            "(",
            "sk",
            ",",
            ":s",
            ")",
            "or",
            "a.b",
            "[",
            "0",
            "]",
            "<=",
            ":x",
            ")",
        ];
        assert_eq!(words(text), wanted);
        assert_eq!(functions(text), ["AND", "begins_with"]);
        assert_eq!(comparisons(text), [["#n", "=", ":v"], ["]", "<=", ":x"]]);
        assert_eq!(ranges("a between :lo AnD :hi"), [[":lo", ":hi"]]);
    }
}
