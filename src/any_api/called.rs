//! Which functions an API calls, and from where: as its integrations and authorizers name them.
//!
//! A URI may hold stage variables, `${stageVariables.alias}`, so one integration can call another function on each
//! stage.

use super::facts::{Authorizer, Stage};
use crate::doctor::facts::{Integration, Route};
use std::collections::BTreeMap;
use std::fmt;

/// A function as a URI names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FunctionRef {
    /// Its ARN, with the version or the alias if one is named.
    pub arn: String,
    /// Its region.
    pub region: String,
    /// Its account.
    pub account: String,
    /// Its name.
    pub name: String,
    /// A version or an alias.
    pub qualifier: Option<String>,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A route, by its key.
    Route(String),
    /// An authorizer, by its name.
    Authorizer(String),
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Route(key) => write!(f, "the route {key}"),
            Self::Authorizer(name) => write!(f, "the authorizer {name}"),
        }
    }
}

/// One way by which the API calls a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Name of the stage.
    pub stage: String,
    /// Who calls.
    pub caller: Caller,
    /// What the function's policy is asked about: the end of an ARN, such as `{api}/{stage}/{route}`.
    pub source: String,
    /// The role that it is called with; the function's policy is not asked then.
    pub credentials: Option<String>,
    /// The function, or the stage variable that is not set.
    pub function: Result<FunctionRef, String>,
}

/// The parts of an API that calls are made of.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// The API's id.
    pub api: &'a str,
    /// Its routes.
    pub routes: &'a [Route],
    /// Its integrations.
    pub integrations: &'a [Integration],
    /// Its authorizers.
    pub authorizers: &'a [Authorizer],
}

impl Parts<'_> {
    /// Every call of a function, of every stage.
    pub fn calls(&self, stages: &[Stage]) -> Vec<Call> {
        stages
            .iter()
            .flat_map(|stage| self.of_stage(stage))
            .collect()
    }

    fn of_stage(&self, stage: &Stage) -> Vec<Call> {
        let routes = self
            .routes
            .iter()
            .filter_map(|route| self.route(route, stage));
        let asked = |one: &&Authorizer| {
            let mut routes = self.routes.iter();
            routes.any(|route| route.authorizer.as_ref() == Some(&one.id))
        };
        let authorizers = self.authorizers.iter().filter(asked);
        let authorizers = authorizers.filter_map(|one| self.authorizer(one, stage));
        routes.chain(authorizers).collect()
    }

    fn route(&self, route: &Route, stage: &Stage) -> Option<Call> {
        let integration = integration_of(route, self.integrations)?;
        Some(Call {
            caller: Caller::Route(route.key.clone()),
            source: format!("{}/{}/{}", self.api, stage.name, route.key),
            credentials: integration.credentials.clone(),
            function: function(&integration.uri, &stage.variables)?,
            stage: stage.name.clone(),
        })
    }

    fn authorizer(&self, authorizer: &Authorizer, stage: &Stage) -> Option<Call> {
        Some(Call {
            caller: Caller::Authorizer(authorizer.name.clone()),
            source: format!("{}/authorizers/{}", self.api, authorizer.id),
            credentials: authorizer.credentials.clone(),
            function: function(&authorizer.uri, &stage.variables)?,
            stage: stage.name.clone(),
        })
    }
}

/// The integration that a route leads to, if it is there.
pub fn integration_of<'a>(route: &Route, all: &'a [Integration]) -> Option<&'a Integration> {
    let target = route.target.as_deref()?;
    let id = target.strip_prefix("integrations/").unwrap_or(target);
    all.iter().find(|one| one.id == id)
}

/// The function that a URI calls with these variables, or the one that is not set; nothing if it calls no function.
fn function(
    uri: &str,
    variables: &BTreeMap<String, String>,
) -> Option<Result<FunctionRef, String>> {
    let (_, function) = uri.split_once("/functions/")?;
    match filled(function, variables) {
        Ok(function) => Some(Ok(named(function.trim_end_matches("/invocations"))?)),
        Err(variable) => Some(Err(variable)),
    }
}

/// The text with the stage's variables in their places, or the first one that is not set.
fn filled(text: &str, variables: &BTreeMap<String, String>) -> Result<String, String> {
    const BEGIN: &str = "${stageVariables.";
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(BEGIN) {
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        let value = variables.get(name).ok_or_else(|| name.to_owned())?;
        out += before;
        out += value;
        rest = after;
    }
    Ok(out + rest)
}

/// `arn:aws:lambda:{region}:{account}:function:{name}[:{qualifier}]`.
fn named(arn: &str) -> Option<FunctionRef> {
    let parts: Vec<_> = arn.split(':').collect();
    let [_, _, _, region, account, _, name, rest @ ..] = parts.as_slice() else {
        return None;
    };
    Some(FunctionRef {
        region: (*region).to_owned(),
        account: (*account).to_owned(),
        name: (*name).to_owned(),
        qualifier: rest.first().map(|qualifier| (*qualifier).to_owned()),
        arn: arn.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const URI: &str = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/\
        arn:aws:lambda:eu-west-1:123456789012:function:";

    fn called(end: &str, variables: &[(&str, &str)]) -> Option<Result<FunctionRef, String>> {
        let variables = variables.iter();
        let variables = variables.map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        function(&format!("{URI}{end}/invocations"), &variables.collect())
    }

    #[test]
    fn a_function_is_named_by_its_arn_with_or_without_a_qualifier() {
        let plain = called("mine", &[]).unwrap().unwrap();
        assert_eq!((plain.name.as_str(), plain.qualifier), ("mine", None));
        assert_eq!(
            (plain.region.as_str(), plain.account.as_str()),
            ("eu-west-1", "123456789012")
        );
        let alias = called("mine:live", &[]).unwrap().unwrap();
        assert_eq!(alias.qualifier.as_deref(), Some("live"));
        assert!(alias.arn.ends_with(":function:mine:live"));
        assert_eq!(function("https://example.com/x", &BTreeMap::new()), None);
    }

    #[test]
    fn stage_variables_are_filled_in_and_one_that_is_not_set_is_named() {
        let uri = "${stageVariables.name}:${stageVariables.alias}";
        let set = called(uri, &[("name", "mine"), ("alias", "blue")])
            .unwrap()
            .unwrap();
        assert_eq!(
            (set.name.as_str(), set.qualifier.as_deref()),
            ("mine", Some("blue"))
        );
        assert_eq!(called(uri, &[("name", "mine")]), Some(Err("alias".into())));
    }
}
