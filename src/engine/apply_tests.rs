use super::apply::{Outcome, apply};
use super::fake::{Fake, Log, fake, unheard};
use super::output::Output;
use super::plan::{Action, Plan};
use super::read::Seen;
use super::stop::Stop;
use std::sync::Arc;
use std::time::Duration;

fn created(all: Vec<Fake>) -> Plan<Fake> {
    let seen = all.into_iter().map(|wanted| Seen {
        wanted,
        found: None,
    });
    Plan::converge(seen.collect(), Vec::new(), &()).unwrap()
}

fn torn_down(all: Vec<Fake>) -> Plan<Fake> {
    let seen = all.into_iter().map(|one| Seen {
        wanted: one.clone(),
        found: Some(one),
    });
    Plan::teardown(seen.collect(), Vec::new(), &())
}

async fn run(plan: &Plan<Fake>, stop: &Stop) -> (Vec<String>, Outcome) {
    let log = Arc::new(Log::default());
    let outcome = apply(plan, &log, &unheard(), stop).await;
    (log.lines(), outcome)
}

#[tokio::test]
async fn what_is_needed_comes_first_and_the_rest_side_by_side() {
    let plan = created(vec![fake("c").needs("a").needs("b"), fake("a"), fake("b")]);
    let (log, outcome) = run(&plan, &Stop::default()).await;
    assert!(outcome.is_complete());
    assert_eq!(log[..2], ["+a", "+b"]);
    assert_eq!(log[4..], ["+c", "c"]);
}

#[tokio::test]
async fn a_lane_runs_one_at_a_time() {
    let lane = |id| Fake {
        lane: Some("lane"),
        ..fake(id)
    };
    let (log, _) = run(
        &created(vec![lane("a"), lane("b"), lane("c")]),
        &Stop::default(),
    )
    .await;
    assert_eq!(log, ["+a", "a", "+b", "b", "+c", "c"]);
}

#[tokio::test]
async fn a_failure_skips_what_needs_it_and_names_itself_once() {
    let bad = Fake {
        fails: true,
        ..fake("a")
    };
    let all = vec![bad, fake("b").needs("a"), fake("c").needs("b"), fake("d")];
    let (log, outcome) = run(&created(all), &Stop::default()).await;
    assert!(log.contains(&"d".to_owned()) && !log.contains(&"+b".to_owned()));
    assert_eq!(outcome.failed.len(), 1);
    let skipped: Vec<_> = outcome
        .skipped
        .iter()
        .map(|(id, by)| format!("{id}<{by}"))
        .collect();
    assert_eq!(skipped, ["b<a", "c<a"]);
}

#[tokio::test]
async fn a_wish_to_stop_ends_what_runs_and_starts_nothing() {
    let plan = created(vec![fake("a"), fake("b").needs("a")]);
    let stop = Stop::default();
    let asked = stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(5)).await;
        asked.ask();
    });
    let (log, outcome) = run(&plan, &stop).await;
    assert_eq!(log, ["+a", "a"]);
    assert_eq!(outcome.left.len(), 1);
}

#[tokio::test]
async fn a_second_wish_drops_what_runs() {
    let slow = Fake {
        takes: Duration::from_secs(3600),
        ..fake("a")
    };
    let stop = Stop::default();
    let asked = stop.clone();
    tokio::spawn(async move {
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
            asked.ask();
        }
    });
    let (log, outcome) = run(&created(vec![slow]), &stop).await;
    assert_eq!(log, ["+a"]);
    assert!(!outcome.is_complete());
    assert!(outcome.took < Duration::from_secs(60));
}

#[tokio::test]
async fn a_teardown_follows_what_outlives_what_and_children_need_no_call() {
    let child = Fake {
        parent: Some("api"),
        ..fake("route")
    };
    let group = fake("group").outlives("api");
    let (log, outcome) = run(
        &torn_down(vec![group, fake("api"), child]),
        &Stop::default(),
    )
    .await;
    assert_eq!(log, ["-api", "-group"]);
    assert_eq!(outcome.done.len(), 3);
}

#[test]
fn what_is_foreign_is_refused_by_a_deploy_and_kept_by_a_teardown() {
    let stranger = Fake {
        foreign: true,
        ..fake("a")
    };
    let seen = vec![Seen {
        wanted: fake("a"),
        found: Some(stranger.clone()),
    }];
    let plan = Plan::converge(seen, Vec::new(), &()).unwrap();
    let error = plan.require_ours().unwrap_err();
    assert_eq!(error.message(), "a A is there and is not ours");
    assert_eq!(torn_down(vec![stranger]).steps[0].action, Action::Keep);
}

#[test]
fn a_value_that_no_step_makes_is_refused_when_the_plan_is_made() {
    let id: Output<u8> = Output::new("api", None);
    let user = || fake("route").uses(id.edge("a reason"));
    let seen = |all: Vec<Fake>| {
        let seen = all.into_iter().map(|wanted| Seen {
            wanted,
            found: None,
        });
        Plan::converge(seen.collect(), Vec::new(), &())
    };
    let error = seen(vec![user()]).unwrap_err();
    assert_eq!(error.message(), "route needs api, and no step makes it");
    assert!(seen(vec![fake("api"), user()]).is_ok());
    id.set(1);
    assert!(seen(vec![user()]).is_ok(), "it is known by now");
}
