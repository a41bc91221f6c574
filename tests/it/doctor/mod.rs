//! `chatctl doctor`: each thing broken alone, found, and mended by the command that it names.
//!
//! A chat is deployed to a local cloud, one thing is broken behind the deployer's back, and the
//! doctor must point at that thing, and at nothing else but its consequences for a real client. Then
//! the command that the doctor tells is run as it stands there, and the chat must be healthy again.

mod function;
mod gateway;
mod logging;
mod start;
mod storage;
mod traffic;

use crate::binary::{Said, chatctl, run};
use crate::world::{World, calm};
use serde_json::Value;
use std::collections::BTreeSet;

const FUNCTION: &str = "chat-production";
const ROLE: &str = "chat-production-function";
const STAGE: &str = "production";

struct Patient {
    world: World,
    api: String,
}

/// What the doctor said: the exit code, every check that is not good with its verdict, and the
/// commands that mend.
#[derive(Debug)]
struct Diagnosis {
    code: i32,
    checks: Vec<String>,
    mends: BTreeSet<String>,
    text: String,
}

impl Diagnosis {
    fn read(said: &Said) -> Self {
        let document: Value = serde_json::from_str(&said.out)
            .unwrap_or_else(|error| panic!("{error}: {}\n{}", said.out, said.err));
        let bad: Vec<_> = document["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|finding| finding["verdict"] != "good")
            .collect();
        for finding in &bad {
            let told = finding["why"].is_string() && finding["mend"].is_string();
            assert!(told || finding["verdict"] == "skipped", "{finding}");
        }
        assert_eq!(document["healthy"], said.code == 0, "{}", said.out);
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Self {
            code: said.code,
            checks: bad
                .iter()
                .map(|finding| format!("{}:{}", word(&finding["check"]), word(&finding["verdict"])))
                .collect(),
            mends: bad
                .iter()
                .filter_map(|finding| finding["mend"].as_str().map(str::to_owned))
                .collect(),
            text: said.out.clone(),
        }
    }

    /// Just these checks are not good, and the exit code says whether one of them is a failure.
    fn is(&self, checks: &[&str]) -> &Self {
        assert_eq!(self.checks, checks, "{}", self.text);
        let any_failure = checks.iter().any(|check| check.ends_with(":failure"));
        assert_eq!(self.code, i32::from(any_failure), "{}", self.text);
        self
    }
}

impl Patient {
    async fn empty() -> Self {
        Self {
            world: World::in_conditions(calm()).await,
            api: String::new(),
        }
    }

    async fn healthy() -> Self {
        let mut patient = Self::empty().await;
        let said = patient.chatctl(&["deploy", "--yes", "--no-prove"]);
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        let apis = patient.world.clients.apigatewayv2.get_apis().send();
        patient.api = apis.await.unwrap().items()[0].api_id().unwrap().to_owned();
        patient
    }

    /// Somebody publishes the function as it is now, and makes that live.
    async fn goes_live(&self, description: &str) {
        let lambda = &self.world.clients.lambda;
        let made = lambda.publish_version().function_name(FUNCTION);
        let made = made.description(description).send().await.unwrap();
        let alias = lambda.update_alias().function_name(FUNCTION).name("live");
        let alias = alias.function_version(made.version().unwrap());
        alias.send().await.unwrap();
    }

    fn run(&self, args: &[&str]) -> Said {
        let mut command = chatctl(self.world.folder.path());
        tokio::task::block_in_place(|| run(command.args(args)))
    }

    fn chatctl(&self, args: &[&str]) -> Said {
        let endpoint = ["--endpoint-url", self.world.cloud.endpoint()];
        self.run(&[args, &endpoint[..]].concat())
    }

    fn examine(&self) -> Diagnosis {
        Diagnosis::read(&self.chatctl(&["doctor", "--output", "json"]))
    }

    /// These checks fail, and after the one command that the doctor tells nothing is wrong any more.
    /// `chatctl logs`, which he tells beside it when a client met an error, shows and mends nothing.
    fn is_found_and_mended(&self, checks: &[&str]) {
        let found = self.examine();
        found.is(checks);
        let mends: Vec<_> = found
            .mends
            .iter()
            .filter(|mend| !mend.starts_with("chatctl logs"))
            .collect();
        assert_eq!(mends.len(), 1, "{}", found.text);
        self.follow(mends[0]);
        self.examine().is(&[]);
    }

    /// Runs a command of the doctor's, with a yes for what it would ask on a terminal.
    fn follow(&self, mend: &str) -> Said {
        let mut words = mend.split(' ');
        assert_eq!(words.next(), Some("chatctl"), "{mend}");
        let mut args: Vec<_> = words.collect();
        if args[0] == "deploy" {
            args.push("--yes");
        }
        let said = self.run(&args);
        assert_eq!(said.code, 0, "{mend}: {}{}", said.out, said.err);
        said
    }
}
