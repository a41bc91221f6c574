//! How a value of a request is compared with one of a policy.

/// One comparison. An unknown operator is false, so that nothing is allowed by mistake.
pub(super) fn compare(operator: &str, wanted: &str, actual: &str) -> bool {
    match operator {
        "StringEquals" | "BinaryEquals" => wanted == actual,
        "StringEqualsIgnoreCase" => wanted.eq_ignore_ascii_case(actual),
        "StringLike" => glob(wanted, actual),
        "ArnEquals" | "ArnLike" => arn_like(wanted, actual),
        "Bool" => wanted.eq_ignore_ascii_case(actual),
        "IpAddress" => in_network(wanted, actual),
        _ => match operator.strip_prefix("Numeric") {
            Some(order) => ordered(order, number(actual), number(wanted)),
            None => operator
                .strip_prefix("Date")
                .is_some_and(|order| ordered(order, moment(actual), moment(wanted))),
        },
    }
}

fn ordered(order: &str, actual: Option<f64>, wanted: Option<f64>) -> bool {
    let (Some(actual), Some(wanted)) = (actual, wanted) else {
        return false;
    };
    match order {
        "Equals" => (actual - wanted).abs() < f64::EPSILON,
        "LessThan" => actual < wanted,
        "LessThanEquals" => actual <= wanted,
        "GreaterThan" => actual > wanted,
        "GreaterThanEquals" => actual >= wanted,
        _ => false,
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// A date is ISO 8601 or seconds of the epoch.
fn moment(text: &str) -> Option<f64> {
    let parsed = text.parse::<jiff::Timestamp>().ok();
    parsed.map_or_else(
        || number(text),
        |time| Some(time.as_duration().as_secs_f64()),
    )
}

/// ARNs are compared part by part, so that a `*` in one part does not match the next.
pub(crate) fn arn_like(wanted: &str, actual: &str) -> bool {
    let (wanted, actual): (Vec<_>, Vec<_>) = (
        wanted.splitn(6, ':').collect(),
        actual.splitn(6, ':').collect(),
    );
    wanted.len() == actual.len() && wanted.iter().zip(&actual).all(|(w, a)| glob(w, a))
}

fn in_network(network: &str, address: &str) -> bool {
    let (base, bits) = network.split_once('/').unwrap_or((network, ""));
    match (base.parse(), address.parse()) {
        (Ok(std::net::IpAddr::V4(base)), Ok(std::net::IpAddr::V4(address))) => {
            let bits = bits.parse::<u32>().unwrap_or(32).min(32);
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            u32::from(base) & mask == u32::from(address) & mask
        }
        (Ok(std::net::IpAddr::V6(base)), Ok(std::net::IpAddr::V6(address))) => {
            let bits = bits.parse::<u32>().unwrap_or(128).min(128);
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            u128::from(base) & mask == u128::from(address) & mask
        }
        _ => false,
    }
}

/// Shell-like matching: `*` is any run, `?` is any one character.
pub(super) fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some('?') => (p, t) = (p + 1, t + 1),
            Some(character) if *character == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star {
                Some((star_p, star_t)) => {
                    star = Some((star_p, star_t + 1));
                    (p, t) = (star_p + 1, star_t + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|character| *character == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_in_one_part_of_an_arn_stays_in_it() {
        assert!(arn_like(
            "arn:aws:execute-api:*:0:api/*/*",
            "arn:aws:execute-api:eu:0:api/s/$connect"
        ));
        assert!(!arn_like(
            "arn:aws:*:0:api/*",
            "arn:aws:execute-api:eu:0:api/s"
        ));
    }

    #[test]
    fn globs_backtrack() {
        assert!(glob("*a*b?", "xxaxxabbc"));
        assert!(!glob("a*b", "abc"));
        assert!(glob("*", ""));
        assert!(!glob("?", ""));
    }
}
