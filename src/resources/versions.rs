//! The function's published versions, and the alias that the API calls: as found, read once.
//!
//! ListVersionsByFunction, ListAliases.
//!
//! A version never changes, and neither does its description: there a deploy writes which source the
//! code was built from and who published it. The alias's description says which version was live
//! before. An alias whose description is not one of ours is somebody else's.

use super::function::{Configuration, Function};
use super::retry::listed;
use crate::aws::Clients;
use crate::engine::Ownership;
use crate::error::{Error, Result};
use crate::naming::names::{LIVE, Names};
use crate::naming::tags::{CODE, DIGEST};
use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
use aws_sdk_lambda::types::{AliasConfiguration, FunctionConfiguration};
use serde_json::Value;
use std::collections::BTreeSet;

/// The longest description that Lambda takes.
const LONGEST_DESCRIPTION: usize = 256;
/// What the description of our alias begins with.
const OURS: &str = "chatctl: ";

/// The published versions and the live one.
#[derive(Debug, Clone, Default)]
pub struct Versions {
    /// Every published version, the oldest first.
    pub published: Vec<Published>,
    /// The alias `live`, if it is there.
    pub live: Option<Live>,
    /// The versions that aliases of somebody else point to.
    pub in_use: BTreeSet<u64>,
}

/// One published version.
#[derive(Debug, Clone)]
pub struct Published {
    /// Its number; later ones are larger.
    pub number: u64,
    /// The digest of the source that its code was built from, or what is known of strange code.
    pub code: String,
    /// Lambda's hash of its code.
    pub code_sha256: String,
    /// How it runs, for comparison; never shown.
    pub configuration: Value,
    /// When it was published, as Lambda writes it.
    pub at: String,
    /// Who published it, if a deploy did.
    pub by: Option<String>,
}

/// The alias that the API calls.
#[derive(Debug, Clone)]
pub struct Live {
    /// The version that it points to.
    pub version: String,
    /// What was live before.
    pub before: Option<Before>,
    /// Versions that get a part of the calls, with their weights; none is wanted.
    pub weights: Option<String>,
}

/// How the live version came to be live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// Nothing was live before.
    Nothing,
    /// A deploy put it in the place of this version.
    Replaced(u64),
    /// A rollback left this version.
    RolledBack(u64),
}

impl Before {
    /// As the alias's description says it.
    pub fn describe(self) -> String {
        match self {
            Self::Nothing => format!("{OURS}the first version"),
            Self::Replaced(version) => format!("{OURS}replaced version {version}"),
            Self::RolledBack(version) => format!("{OURS}rolled back from version {version}"),
        }
    }

    fn parse(description: &str) -> Option<Self> {
        let says = description.strip_prefix(OURS)?;
        let number = |prefix: &str| says.strip_prefix(prefix)?.parse().ok();
        let replaced = || number("replaced version ").map(Self::Replaced);
        let rolled_back = || number("rolled back from version ").map(Self::RolledBack);
        match says {
            "the first version" => Some(Self::Nothing),
            _ => replaced().or_else(rolled_back),
        }
    }

    /// The version that was live before.
    pub fn version(self) -> Option<u64> {
        match self {
            Self::Nothing => None,
            Self::Replaced(version) | Self::RolledBack(version) => Some(version),
        }
    }
}

impl Versions {
    /// Reads them; a function that is not there has none.
    ///
    /// # Errors
    /// A read that fails.
    pub(super) async fn read(clients: &Clients, names: &Names) -> Result<Self> {
        let (published, aliases) =
            tokio::try_join!(published(clients, names), aliases(clients, names))?;
        let is_live = |alias: &&AliasConfiguration| alias.name() == Some(LIVE);
        let others = aliases.iter().filter(|alias| !is_live(alias));
        Ok(Self {
            live: aliases.iter().find(is_live).map(Live::from_found),
            in_use: others.flat_map(targets).collect(),
            published,
        })
    }

    /// Code that `$LATEST` has too was built from the source that the function's tags name: another
    /// source can give the same code, and then Lambda publishes no second version of it.
    pub(super) fn with_code_of(mut self, function: Option<&GetFunctionOutput>) -> Self {
        let Some((sha, digest)) = function.and_then(recorded) else {
            return self;
        };
        for one in self
            .published
            .iter_mut()
            .filter(|one| one.code_sha256 == sha)
        {
            one.code = digest.to_owned();
        }
        self
    }

    /// The published version that is live.
    pub fn live_version(&self) -> Option<&Published> {
        let live: u64 = self.live.as_ref()?.version.parse().ok()?;
        self.numbered(live)
    }

    /// The version that was live before, as long as it is there.
    pub fn former_version(&self) -> Option<&Published> {
        self.numbered(self.live.as_ref()?.before?.version()?)
    }

    /// The version that a rollback goes back to.
    ///
    /// # Errors
    /// There is none, and why.
    pub fn way_back(&self) -> Result<&Published> {
        let Some(live) = &self.live else {
            return Err(Error::failed("no version is live"));
        };
        match live.before {
            Some(Before::Replaced(former)) => self.numbered(former).ok_or_else(|| {
                Error::failed(format!("version {former}, which was live before, is gone"))
                    .hint(self.choice())
            }),
            Some(Before::RolledBack(left)) => Err(Error::failed(format!(
                "version {} is live since a rollback from version {left}",
                live.version
            ))
            .hint(self.choice())),
            Some(Before::Nothing) | None => {
                Err(Error::failed("no other version was live before").hint(self.choice()))
            }
        }
    }

    /// Which versions can be chosen, in words.
    pub fn choice(&self) -> String {
        let all = self.published.iter().map(|one| one.number.to_string());
        let all: Vec<_> = all.collect();
        format!(
            "--to VERSION names one of those that are there: {}",
            all.join(", ")
        )
    }

    /// The version with this number.
    pub fn numbered(&self, number: u64) -> Option<&Published> {
        self.published.iter().find(|one| one.number == number)
    }

    /// The version that was published last.
    pub fn newest(&self) -> Option<&Published> {
        self.published.last()
    }

    /// Those of ours that nobody needs when `keep` of them are kept: never the live one, the one
    /// before, or one that another alias points to. With `one_more` a version is about to be published,
    /// and to replace the live one.
    pub fn superfluous(&self, keep: usize, one_more: bool) -> Vec<u64> {
        let before = self.former_version().filter(|_| !one_more);
        let needed = [self.live_version(), before];
        let is_needed = |number: u64| {
            self.in_use.contains(&number) || needed.iter().flatten().any(|one| one.number == number)
        };
        let ours = self.published.iter().filter(|one| one.by.is_some());
        let newest_first = ours.rev().map(|one| one.number);
        let older = newest_first.skip(keep.saturating_sub(usize::from(one_more)));
        let mut going: Vec<_> = older.filter(|number| !is_needed(*number)).collect();
        going.reverse();
        going
    }
}

impl Live {
    /// Whose the alias is.
    pub fn ownership(&self) -> Ownership {
        match self.before {
            Some(_) => Ownership::Ours,
            None => Ownership::Foreign(format!(
                "the function's alias {LIVE} was not made by chatctl"
            )),
        }
    }
}

impl Published {
    /// It is what the function is, or is to be.
    pub fn is(&self, function: &Function) -> bool {
        self.code == function.code && self.configuration == function.configuration.as_value()
    }
}

/// What the description of a version says: which source, and who published it.
pub fn description(code: &str, caller_arn: &str) -> String {
    let who = caller_arn.splitn(6, ':').last().unwrap_or_default();
    let text = format!("source {code} by {who}");
    text.chars().take(LONGEST_DESCRIPTION).collect()
}

/// A deploy published the version with this description.
pub fn is_ours(description: &str) -> bool {
    described(description).is_some()
}

fn described(description: &str) -> Option<(&str, &str)> {
    description.strip_prefix("source ")?.split_once(" by ")
}

/// The hash of a function's code, and the digest of the source that its tags say it was built from.
fn recorded(function: &GetFunctionOutput) -> Option<(&str, &str)> {
    let sha = function.configuration()?.code_sha256()?;
    let tags = function.tags()?;
    let digest = tags
        .get(DIGEST)
        .filter(|_| tags.get(CODE).is_some_and(|code| code == sha))?;
    Some((sha, digest))
}

async fn published(clients: &Clients, names: &Names) -> Result<Vec<Published>> {
    let call = clients.lambda.list_versions_by_function();
    let pages = call.function_name(&names.function).into_paginator();
    let found = pages.items().send().collect().await;
    let found: Vec<FunctionConfiguration> = listed(found, "list the function's versions")?;
    let mut all: Vec<_> = found.iter().filter_map(one).collect();
    all.sort_by_key(|one| one.number);
    Ok(all)
}

/// `$LATEST` is no published version.
fn one(found: &FunctionConfiguration) -> Option<Published> {
    let description = found.description().unwrap_or_default();
    let code_sha256 = found.code_sha256().unwrap_or_default().to_owned();
    let (code, by) = match described(description) {
        Some((code, by)) => (code.to_owned(), Some(by.to_owned())),
        None => (format!("{code_sha256} (of unknown source)"), None),
    };
    Some(Published {
        number: found.version()?.parse().ok()?,
        configuration: Configuration::found(found).as_value(),
        at: found.last_modified().unwrap_or_default().to_owned(),
        code,
        code_sha256,
        by,
    })
}

async fn aliases(clients: &Clients, names: &Names) -> Result<Vec<AliasConfiguration>> {
    let call = clients.lambda.list_aliases();
    let pages = call.function_name(&names.function).into_paginator();
    let found = pages.items().send().collect().await;
    listed(found, "list the function's aliases")
}

/// Every version that an alias points to.
fn targets(alias: &AliasConfiguration) -> Vec<u64> {
    let routing = alias.routing_config();
    let weights = routing.and_then(|routing| routing.additional_version_weights());
    let further = weights.into_iter().flat_map(|weights| weights.keys());
    let all = alias.function_version().into_iter();
    all.chain(further.map(String::as_str))
        .filter_map(|version| version.parse().ok())
        .collect()
}

impl Live {
    fn from_found(found: &AliasConfiguration) -> Self {
        Self {
            version: found.function_version().unwrap_or_default().to_owned(),
            before: Before::parse(found.description().unwrap_or_default()),
            weights: found.routing_config().and_then(weights),
        }
    }
}

/// The versions that get a part of the calls, with their weights.
pub fn weights(routing: &aws_sdk_lambda::types::AliasRoutingConfiguration) -> Option<String> {
    let weights = routing.additional_version_weights()?;
    let mut all: Vec<_> = weights
        .iter()
        .map(|(version, weight)| format!("{version}: {weight}"))
        .collect();
    all.sort();
    (!all.is_empty()).then(|| all.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(numbers: &[u64], live: u64, before: Before) -> Versions {
        let published = numbers.iter().map(|number| Published {
            number: *number,
            code: String::new(),
            code_sha256: String::new(),
            configuration: Value::Null,
            at: String::new(),
            by: Some("user/a".into()),
        });
        Versions {
            published: published.collect(),
            live: Some(Live {
                version: live.to_string(),
                before: Some(before),
                weights: None,
            }),
            in_use: BTreeSet::new(),
        }
    }

    #[test]
    fn the_oldest_go_but_never_the_live_one_or_the_one_before() {
        let all = [1, 2, 3, 4, 5, 6, 7];
        let usual = versions(&all, 7, Before::Replaced(6));
        assert_eq!(usual.superfluous(5, false), [1, 2]);
        assert_eq!(usual.superfluous(5, true), [1, 2, 3]);
        let rolled_back = versions(&all, 1, Before::RolledBack(2));
        assert_eq!(rolled_back.superfluous(3, false), [3, 4]);
        assert_eq!(rolled_back.superfluous(3, true), [2, 3, 4, 5]);
    }

    #[test]
    fn what_somebody_else_published_or_uses_stays() {
        let mut all = versions(&[1, 2, 3, 4], 4, Before::Replaced(3));
        all.published[0].by = None;
        all.in_use.insert(2);
        assert!(all.superfluous(1, false).is_empty());
        all.in_use.clear();
        assert_eq!(all.superfluous(1, false), [2]);
    }

    #[test]
    fn descriptions_say_where_a_version_comes_from() {
        let text = description("a1b2", "arn:aws:sts::1:assumed-role/deploy/ci:7");
        assert_eq!(text, "source a1b2 by assumed-role/deploy/ci:7");
        assert_eq!(described(&text), Some(("a1b2", "assumed-role/deploy/ci:7")));
        let long = description("a1b2", &format!("arn:aws:iam::1:user/{}", "x".repeat(600)));
        assert_eq!(long.len(), LONGEST_DESCRIPTION);
    }

    #[test]
    fn what_was_live_before_is_read_back() {
        for before in [Before::Nothing, Before::Replaced(6), Before::RolledBack(8)] {
            assert_eq!(Before::parse(&before.describe()), Some(before));
        }
        for foreign in ["", "live", "chatctl: ", "chatctl: replaced version x"] {
            assert_eq!(Before::parse(foreign), None, "{foreign}");
        }
    }
}
