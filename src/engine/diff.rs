//! Which fields differ. Pure: no call, no clock, no order that changes from run to run.

use super::resource::Fields;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One difference: what is there, what is wanted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// Where, such as `trust.Statement[0].Effect`.
    pub path: String,
    /// What is there; nothing if the field is absent or hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<Value>,
    /// What is wanted; nothing if the field is to go, or hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted: Option<Value>,
    /// This difference forces a replacement.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replaces: bool,
    /// The values are private and were left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
}

/// Every difference, in the order of the wanted fields, then what is only found.
pub fn diff(wanted: &Fields, found: &Fields) -> Vec<Difference> {
    let mut out = Vec::new();
    for field in wanted.iter() {
        let there = found.get(&field.path);
        let traits = Traits {
            frozen: field.frozen || there.is_some_and(|there| there.frozen),
            hidden: field.hidden,
        };
        let there = there.map(|there| &there.value);
        compare(&field.path, there, Some(&field.value), traits, &mut out);
    }
    for field in found.iter().filter(|f| wanted.get(&f.path).is_none()) {
        let traits = Traits {
            frozen: field.frozen,
            hidden: field.hidden,
        };
        compare(&field.path, Some(&field.value), None, traits, &mut out);
    }
    out
}

/// What counts of a field, wanted or found, beside its value. What AWS cannot change in place may be
/// either: the wanted value, or the one that is there.
#[derive(Debug, Clone, Copy)]
struct Traits {
    frozen: bool,
    hidden: bool,
}

/// Objects are walked, so that one changed statement of a policy shows as itself; `null` and an
/// absent field mean the same.
fn compare(
    path: &str,
    found: Option<&Value>,
    wanted: Option<&Value>,
    field: Traits,
    out: &mut Vec<Difference>,
) {
    let found = found.filter(|value| !value.is_null());
    let wanted = wanted.filter(|value| !value.is_null());
    if same(found, wanted) {
        return;
    }
    match (found, wanted) {
        (Some(Value::Object(there)), Some(Value::Object(here))) if !field.hidden => {
            for key in keys(there, here) {
                let path = format!("{path}.{key}");
                compare(&path, there.get(key), here.get(key), field, out);
            }
        }
        (Some(Value::Array(there)), Some(Value::Array(here)))
            if there.len() == here.len() && there.iter().chain(here).all(Value::is_object) =>
        {
            for (index, (there, here)) in there.iter().zip(here).enumerate() {
                let path = format!("{path}[{index}]");
                compare(&path, Some(there), Some(here), field, out);
            }
        }
        _ => out.push(Difference {
            path: path.to_owned(),
            found: found.filter(|_| !field.hidden).cloned(),
            wanted: wanted.filter(|_| !field.hidden).cloned(),
            replaces: field.frozen,
            hidden: field.hidden,
        }),
    }
}

/// 500 and 500.0 are one number, whatever the wire made of it.
fn same(found: Option<&Value>, wanted: Option<&Value>) -> bool {
    match (found, wanted) {
        (Some(Value::Number(a)), Some(Value::Number(b))) => a.as_f64() == b.as_f64(),
        _ => found == wanted,
    }
}

fn keys<'a>(there: &'a Map<String, Value>, here: &'a Map<String, Value>) -> Vec<&'a String> {
    let only_there = there.keys().filter(|key| !here.contains_key(*key));
    here.keys().chain(only_there).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn paths(wanted: Fields, found: Fields) -> Vec<String> {
        let all = diff(&wanted, &found);
        all.into_iter().map(|d| d.path).collect()
    }

    #[test]
    fn equal_fields_have_no_difference() {
        let fields = Fields::new().with("a", 1).with("b", json!({"x": [1, 2]}));
        assert!(diff(&fields, &fields).is_empty());
    }

    #[test]
    fn null_and_absent_mean_the_same() {
        let wanted = Fields::new().with("a", Value::Null);
        assert!(diff(&wanted, &Fields::new()).is_empty());
        assert!(diff(&Fields::new(), &wanted).is_empty());
    }

    #[test]
    fn whole_and_broken_numbers_are_compared_by_value() {
        assert!(paths(Fields::new().with("a", 500.0), Fields::new().with("a", 500)).is_empty());
    }

    #[test]
    fn documents_are_walked_to_what_differs() {
        let wanted = Fields::new().with("p", json!({"Statement": [{"Effect": "Allow", "A": 1}]}));
        let found = Fields::new().with("p", json!({"Statement": [{"Effect": "Deny", "A": 1}]}));
        assert_eq!(paths(wanted, found), ["p.Statement[0].Effect"]);
    }

    #[test]
    fn what_is_only_found_is_to_go() {
        let all = diff(&Fields::new(), &Fields::new().with("extra", "x"));
        assert_eq!(all[0].wanted, None);
        assert_eq!(all[0].found, Some(json!("x")));
    }

    #[test]
    fn a_hidden_value_is_compared_and_never_shown() {
        let wanted = Fields::new().hidden("env.KEY", "secret");
        let all = diff(&wanted, &Fields::new().hidden("env.KEY", "other"));
        assert_eq!((&all[0].found, &all[0].wanted), (&None, &None));
        assert!(all[0].hidden);
    }
}
