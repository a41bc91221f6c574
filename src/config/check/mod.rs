//! Every value is checked before anything starts: AWS would refuse it later, half-way through.

mod function;
mod parts;

use super::file::Loaded;
use super::settings::Settings;
use crate::error::{Error, Result};
use std::collections::BTreeMap;

/// CloudWatch Logs takes only these (PutRetentionPolicy).
pub(crate) const RETENTION_STEPS: [u32; 22] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
];

/// A value that cannot be used: its key in the file, the flag that also sets it, and why.
#[derive(Debug)]
pub(super) struct Problem {
    key: Vec<String>,
    flag: &'static str,
    message: String,
    hint: String,
}

impl Problem {
    /// A problem with one entry of a table in the file.
    fn of_entry(mut self, entry: &str) -> Self {
        self.key.push(entry.to_owned());
        self
    }

    /// Points at the file's line if the file sets the key, else at the flag.
    pub(super) fn located(self, file: &Loaded) -> Error {
        let key = self.key.join(".");
        let line = file.line_of(&self.key);
        let place = match line {
            Some(line) => format!("{}:{line}: {key}", file.path.display()),
            None if self.flag.is_empty() => key,
            None => self.flag.to_owned(),
        };
        let error = Error::usage(format!("{place}: {}", self.message)).hint(self.hint);
        match line {
            Some(line) => error.at(&file.path, line),
            None => error,
        }
    }
}

type Checked = std::result::Result<(), Problem>;

fn ensure(
    fine: bool,
    key: &'static str,
    flag: &'static str,
    message: impl FnOnce() -> String,
    hint: &str,
) -> Checked {
    if fine {
        return Ok(());
    }
    Err(Problem {
        key: key.split('.').map(str::to_owned).collect(),
        flag,
        message: message(),
        hint: hint.to_owned(),
    })
}

/// Checks every value of the settings.
pub(super) fn settings(s: &Settings) -> Checked {
    names(s)?;
    region(s.region.as_deref())?;
    account(s.account.as_deref())?;
    function::check(&s.function)?;
    parts::check(s)?;
    gateway(s)?;
    ensure(
        RETENTION_STEPS.contains(&s.retention_days),
        "logs.retention-days",
        "--retention",
        || {
            format!(
                "{} days is not a retention that CloudWatch Logs offers",
                s.retention_days
            )
        },
        &format!(
            "one of {}",
            RETENTION_STEPS.map(|step| step.to_string()).join(", ")
        ),
    )?;
    tags(s)
}

fn names(s: &Settings) -> Checked {
    let name_fine = s.name.starts_with(|c: char| c.is_ascii_lowercase())
        && s.name.len() <= 32
        && s.name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    ensure(
        name_fine,
        "name",
        "--name",
        || {
            format!(
                "{:?} cannot be part of every resource's name on AWS",
                s.name
            )
        },
        "1 to 32 of a-z, 0-9 and -, beginning with a letter",
    )?;
    let stage_fine = !s.stage.is_empty()
        && s.stage.len() <= 32
        && s.stage
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    ensure(
        stage_fine,
        "stage",
        "--stage",
        || format!("{:?} is not a stage name that API Gateway takes", s.stage),
        "1 to 32 of a-z, A-Z, 0-9, - and _",
    )
}

/// The shape of a region, and the endpoint prefixes that AWS has: new regions need no release of
/// ours, typing errors such as `eu-cenral-1` are still caught.
fn region(region: Option<&str>) -> Checked {
    const AREAS: [&str; 16] = [
        "us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx", "cn", "us-gov", "eusc", "us-iso",
        "us-isob", "us-isof", "eu-isoe",
    ];
    const PLACES: [&str; 10] = [
        "north",
        "south",
        "east",
        "west",
        "central",
        "northeast",
        "northwest",
        "southeast",
        "southwest",
        "de-east",
    ];
    let Some(region) = region else { return Ok(()) };
    let known = region.rsplit_once('-').is_some_and(|(front, number)| {
        number.parse::<u8>().is_ok_and(|n| (1..=9).contains(&n))
            && AREAS.iter().any(|area| {
                front
                    .strip_prefix(area)
                    .and_then(|rest| rest.strip_prefix('-'))
                    .is_some_and(|place| PLACES.contains(&place))
            })
    });
    ensure(
        known,
        "region",
        "--region",
        || format!("{region:?} is not an AWS region"),
        "a region looks like eu-central-1 or us-east-1",
    )
}

/// Twelve digits.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn account(account: Option<&str>) -> Checked {
    ensure(
        account.is_none_or(is_account),
        "account",
        "",
        || {
            format!(
                "{:?} is not the id of an AWS account",
                account.unwrap_or_default()
            )
        },
        "twelve digits in quotes; `aws sts get-caller-identity` shows yours",
    )
}

fn gateway(s: &Settings) -> Checked {
    let g = &s.gateway;
    ensure(
        g.throttle_rate.is_finite() && g.throttle_rate >= 1.0 && g.throttle_rate <= 100_000.0,
        "gateway.throttle-rate",
        "--throttle-rate",
        || format!("{} requests a second would let nobody in", g.throttle_rate),
        "1 or more; a limit of 0 answers every connection with 429",
    )?;
    ensure(
        (1..=100_000).contains(&g.throttle_burst),
        "gateway.throttle-burst",
        "--throttle-burst",
        || format!("a burst of {} would let nobody in", g.throttle_burst),
        "1 or more; a limit of 0 answers every connection with 429",
    )
}

fn tags(s: &Settings) -> Checked {
    let mut seen = BTreeMap::new();
    for (key, value) in &s.tags {
        tag(key, value).map_err(|problem| problem.of_entry(key))?;
        let other = seen.insert(key.to_lowercase(), key);
        same_key(other, key).map_err(|problem| problem.of_entry(key))?;
    }
    Ok(())
}

fn tag(key: &str, value: &str) -> Checked {
    let lower = key.to_ascii_lowercase();
    let ours = lower.starts_with("chatctl:") || lower.starts_with("aws:");
    let shape = (1..=128).contains(&key.chars().count())
        && value.chars().count() <= 256
        && [key, value].iter().all(|text| {
            text.chars()
                .all(|c| c.is_alphanumeric() || " _.:/=+-@".contains(c))
        });
    ensure(
        !ours && shape,
        "tags",
        "--tag",
        || format!("the tag {key:?} cannot be set"),
        "letters, digits, spaces and _ . : / = + - @; keys up to 128, values up to 256; \
         aws: and chatctl: are taken",
    )
}

/// IAM ignores the case of a tag's key: "Duplicate tag keys found. Please note that Tag keys are case
/// insensitive." (aws-cdk#26253).
fn same_key(other: Option<&String>, key: &str) -> Checked {
    let Some(other) = other else { return Ok(()) };
    let message = || format!("{key:?} and {other:?} are one key to IAM, which ignores case");
    ensure(false, "tags", "--tag", message, "leave one of them out")
}

/// An endpoint is `http(s)://host[:port][/path]`.
pub(super) fn endpoint(origin: &str, url: &str) -> Result<()> {
    let fine = url.parse::<http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some()
            && uri.query().is_none()
    });
    if fine {
        return Ok(());
    }
    Err(
        Error::usage(format!("{origin}: {url:?} is not an http or https URL"))
            .hint("such as http://127.0.0.1:4566; for the local cloud use --local"),
    )
}
