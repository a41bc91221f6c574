//! Aliases: names that lead to a version, and can be moved to another one in one step.
//!
//! Which version an invocation runs is decided when it begins, under the lock under which an alias moves: what runs
//! goes on with the version that it has. An alias has a policy of its own. A version that an alias leads to cannot
//! be deleted; without the function there is no alias either.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::name::function_arn;
use super::shape::page;
use super::{
    Function, Functions, LambdaResult, Name, body, conflict, invalid, missing, not_found, null,
    outdated, revision_id, validation,
};
use crate::shared::Shared;
use crate::wire::{Request, ServiceError};

const LATEST: &str = "$LATEST";

/// One alias, without its name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Alias {
    /// `$LATEST` or a number.
    version: String,
    description: String,
    /// A second version, and which part of the invocations it gets.
    second: Option<(String, f64)>,
    revision_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    name: Option<String>,
    function_version: Option<String>,
    description: Option<String>,
    routing_config: Option<Routing>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Update {
    function_version: Option<String>,
    description: Option<String>,
    routing_config: Option<Routing>,
    revision_id: Option<String>,
}

/// `AliasRoutingConfiguration`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Routing {
    additional_version_weights: Option<BTreeMap<String, f64>>,
}

pub(super) fn create(functions: &Functions, request: &Request) -> LambdaResult {
    let function = Name::of(&functions.shared, request)?;
    let create: Create = body(request)?;
    let name = create.name.ok_or_else(|| null("name"))?;
    check_name(&name)?;
    let version = create
        .function_version
        .ok_or_else(|| null("functionVersion"))?;
    let alias = Alias {
        version,
        description: create.description.unwrap_or_default(),
        second: create.routing_config.unwrap_or_default().checked()?,
        revision_id: revision_id(),
    };
    alias.check()?;
    functions.with(&function, |function| {
        alias.must_lead_somewhere(&functions.shared, function)?;
        let arn = alias_arn(&functions.shared, function, &name);
        if function.aliases.contains_key(&name) {
            return Err(conflict(format!("Alias already exists: {arn}")));
        }
        let shape = alias.json(&arn, &name);
        function.aliases.insert(name, alias);
        Ok((201, shape))
    })
}

pub(super) fn get(functions: &Functions, request: &Request) -> LambdaResult {
    let (function, name) = named(functions, request)?;
    functions.with(&function, |function| {
        let arn = alias_arn(&functions.shared, function, &name);
        let alias = function.aliases.get(&name);
        let alias = alias.ok_or_else(|| missing(format!("Cannot find alias arn: {arn}")))?;
        Ok((200, alias.json(&arn, &name)))
    })
}

/// Every update makes another `RevisionId`, also one that changes nothing. What it does not name stays: a second
/// version too.
pub(super) fn update(functions: &Functions, request: &Request) -> LambdaResult {
    let (function, name) = named(functions, request)?;
    let update: Update = body(request)?;
    let second = update.routing_config.map(Routing::checked).transpose()?;
    functions.with(&function, |function| {
        let arn = alias_arn(&functions.shared, function, &name);
        let former = function.aliases.get(&name);
        let former = former.ok_or_else(|| missing(format!("Alias not found: {arn}")))?;
        if update
            .revision_id
            .is_some_and(|id| id != former.revision_id)
        {
            return Err(outdated("GetFunction/GetAlias"));
        }
        let former = former.clone();
        let alias = Alias {
            version: update
                .function_version
                .unwrap_or_else(|| former.version.clone()),
            description: update
                .description
                .unwrap_or_else(|| former.description.clone()),
            second: second.unwrap_or_else(|| former.second.clone()),
            revision_id: revision_id(),
        };
        alias.check()?;
        alias.must_lead_somewhere(&functions.shared, function)?;
        let shape = alias.json(&arn, &name);
        function.aliases.insert(name, alias);
        retire_unused(functions, function, &former);
        Ok((200, shape))
    })
}

/// An alias that is not there is deleted already.
pub(super) fn delete(functions: &Functions, request: &Request) -> LambdaResult {
    let (function, name) = named(functions, request)?;
    functions.with(&function, |function| {
        if let Some(former) = function.aliases.remove(&name) {
            function.keep_statements(|qualifier| qualifier != Some(name.as_str()));
            retire_unused(functions, function, &former);
        }
        Ok((204, Value::Null))
    })
}

pub(super) fn list(functions: &Functions, request: &Request) -> LambdaResult {
    let function = Name::of(&functions.shared, request)?;
    let version = request.param("FunctionVersion");
    version.as_deref().map_or(Ok(()), check_version)?;
    functions.with(&function, |function| {
        let asked = |alias: &Alias| version.as_ref().is_none_or(|one| *one == alias.version);
        let items = function.aliases.iter().filter(|(_, alias)| asked(alias));
        let items = items.map(|(name, alias)| {
            let arn = alias_arn(&functions.shared, function, name);
            (name.clone(), alias.json(&arn, name))
        });
        page(request, "Aliases", items.collect())
    })
}

impl Function {
    /// The version that a qualifier stands for; of an alias with two, the first.
    pub(super) fn version_of<'a>(&'a self, qualifier: &'a str) -> &'a str {
        let alias = self.aliases.get(qualifier);
        alias.map_or(qualifier, |alias| &alias.version)
    }

    /// The version that an invocation of this qualifier runs: of an alias with two, one by chance.
    pub(super) fn drawn_version<'a>(&'a self, qualifier: &'a str) -> &'a str {
        let second = self
            .aliases
            .get(qualifier)
            .and_then(|alias| alias.second.as_ref());
        match second {
            Some((version, weight)) if fastrand::f64() < *weight => version,
            _ => self.version_of(qualifier),
        }
    }

    /// The aliases that lead to a version.
    pub(super) fn aliases_of(&self, version: &str) -> Vec<&str> {
        let all = self
            .aliases
            .iter()
            .filter(|(_, alias)| alias.leads_to(version));
        all.map(|(name, _)| name.as_str()).collect()
    }

    /// The `RevisionId` of an alias.
    pub(super) fn alias_revision(&self, qualifier: Option<&str>) -> Option<&str> {
        Some(&self.aliases.get(qualifier?)?.revision_id)
    }

    /// Gives the alias another `RevisionId`, if the qualifier is one.
    pub(super) fn touch_alias(&mut self, qualifier: Option<&str>) -> bool {
        let alias = qualifier.and_then(|name| self.aliases.get_mut(name));
        alias
            .map(|alias| alias.revision_id = revision_id())
            .is_some()
    }
}

impl Alias {
    fn leads_to(&self, version: &str) -> bool {
        self.version == version
            || self
                .second
                .as_ref()
                .is_some_and(|(second, _)| second == version)
    }

    fn versions(&self) -> impl Iterator<Item = &str> {
        let second = self.second.as_ref().map(|(version, _)| version.as_str());
        std::iter::once(self.version.as_str()).chain(second)
    }

    fn check(&self) -> Result<(), ServiceError> {
        check_version(&self.version)?;
        if self.description.chars().count() > 256 {
            let rule = "Member must have length less than or equal to 256";
            return Err(validation("description", &self.description, rule));
        }
        match &self.second {
            Some((second, _)) if *second == self.version => Err(invalid(format!(
                "Invalid function version {second}. Function version {second} is already included in routing configuration."
            ))),
            Some(_) if self.version == LATEST => Err(invalid(
                "$LATEST is not supported for an alias pointing to more than 1 version",
            )),
            _ => Ok(()),
        }
    }

    fn must_lead_somewhere(
        &self,
        shared: &Shared,
        function: &Function,
    ) -> Result<(), ServiceError> {
        let is_there = |version: &str| {
            let number = version.parse::<u64>();
            version == LATEST || number.is_ok_and(|number| function.versions.contains_key(&number))
        };
        match self.versions().find(|version| !is_there(version)) {
            None => Ok(()),
            Some(gone) => Err(not_found(
                shared,
                &Name {
                    function: function.latest.configuration.name.clone(),
                    qualifier: Some(gone.to_owned()),
                },
            )),
        }
    }

    /// `AliasConfiguration`.
    fn json(&self, arn: &str, name: &str) -> Value {
        let mut shape = json!({
            "AliasArn": arn,
            "Name": name,
            "FunctionVersion": self.version,
            "Description": self.description,
            "RevisionId": self.revision_id,
        });
        if let Some((version, weight)) = &self.second {
            shape["RoutingConfig"]["AdditionalVersionWeights"][version] = json!(weight);
        }
        shape
    }
}

impl Routing {
    /// The second version and its weight. An empty map is none.
    fn checked(self) -> Result<Option<(String, f64)>, ServiceError> {
        let weights = self.additional_version_weights.unwrap_or_default();
        if weights.len() > 1 {
            return Err(invalid(
                "Number of items in AdditionalVersionWeights cannot be greater than 1",
            ));
        }
        let Some((version, weight)) = weights.into_iter().next() else {
            return Ok(None);
        };
        let refused = |rule: &str| {
            let pair = format!("{{{version}={weight:?}}}");
            Err(validation(
                "routingConfig.additionalVersionWeights",
                &pair,
                rule,
            ))
        };
        if !(0.0..=1.0).contains(&weight) {
            return refused(
                "Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]",
            );
        }
        if !is_number(&version) {
            return refused(
                "Map keys must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+, Member must not be null]",
            );
        }
        Ok(Some((version, weight)))
    }
}

/// The function and the alias that the path names.
fn named(functions: &Functions, request: &Request) -> Result<(Name, String), ServiceError> {
    let function = Name::of(&functions.shared, request)?;
    let name = request.segments().get(4).cloned().unwrap_or_default();
    check_name(&name)?;
    Ok((function, name))
}

fn check_name(name: &str) -> Result<(), ServiceError> {
    let fine = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.len() > 128 {
        let rule = "Member must have length less than or equal to 128";
        return Err(validation("name", name, rule));
    }
    if name.is_empty() || is_number(name) || !name.chars().all(fine) {
        let rule = "Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)";
        return Err(validation("name", name, rule));
    }
    Ok(())
}

fn check_version(version: &str) -> Result<(), ServiceError> {
    if version == LATEST || version == "$LATEST.PUBLISHED" || is_number(version) {
        return Ok(());
    }
    let rule = "Member must satisfy regular expression pattern: (\\$LATEST(\\.PUBLISHED)?|[0-9]+)";
    Err(validation("functionVersion", version, rule))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn alias_arn(shared: &Shared, function: &Function, name: &str) -> String {
    let arn = function_arn(shared, &function.latest.configuration.name);
    format!("{arn}:{name}")
}

/// Ends the idle environments of versions that no alias leads to any more. Busy ones end when they are done.
fn retire_unused(functions: &Functions, function: &Function, former: &Alias) {
    let arn = functions.arn(&function.latest.configuration.name);
    let unused = former
        .versions()
        .filter(|version| function.aliases_of(version).is_empty());
    for version in unused.filter(|version| *version != LATEST) {
        functions.environments.retire_version(&arn, version);
    }
}
