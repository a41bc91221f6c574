//! The faults that are still to come, and the random numbers of those with a probability.
//!
//! Every fault has a random number generator of its own, seeded with the seed and its number in the plan. So
//! whether the k-th matching call fails depends on seed, number and k alone, not on calls of other services,
//! which come in a different order in every run.

use serde::Serialize;

use super::{Fault, FaultKind};

/// Every planned fault.
#[derive(Debug, Default)]
pub(super) struct FaultPlan {
    planned: Vec<PlannedFault>,
    seed: u64,
    next_id: u64,
}

#[derive(Debug)]
struct PlannedFault {
    id: u64,
    fault: Fault,
    struck: u64,
    random: fastrand::Rng,
}

/// A fault as the control endpoint shows it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FaultStatus {
    /// Its number, to cancel it by.
    pub(crate) id: u64,
    /// The fault, with how often it still acts.
    #[serde(flatten)]
    pub(crate) fault: Fault,
    /// How often it has acted.
    pub(crate) struck: u64,
}

impl FaultPlan {
    /// Seeds the generator of every fault anew.
    pub(super) fn seed(&mut self, seed: u64) {
        if seed == self.seed {
            return;
        }
        self.seed = seed;
        for planned in &mut self.planned {
            planned.random = random(seed, planned.id);
        }
    }

    pub(super) fn add(&mut self, fault: Fault) {
        let id = self.next_id + 1;
        self.next_id = id;
        self.planned.push(PlannedFault {
            id,
            fault,
            struck: 0,
            random: random(self.seed, id),
        });
    }

    /// These and no others, numbered from 1 again.
    pub(super) fn replace(&mut self, faults: Vec<Fault>) {
        self.planned.clear();
        self.next_id = 0;
        faults.into_iter().for_each(|fault| self.add(fault));
    }

    pub(super) fn cancel(&mut self, id: u64) -> bool {
        let before = self.planned.len();
        self.planned.retain(|planned| planned.id != id);
        self.planned.len() < before
    }

    pub(super) fn faults(&self) -> Vec<Fault> {
        let faults = self.planned.iter().map(|planned| planned.fault.clone());
        faults.collect()
    }

    pub(super) fn statuses(&self) -> Vec<FaultStatus> {
        let standing = self.planned.iter().map(|planned| FaultStatus {
            id: planned.id,
            fault: planned.fault.clone(),
            struck: planned.struck,
        });
        standing.collect()
    }

    /// The fault that a call meets. Every matching fault counts the call; the first one that is due acts.
    pub(super) fn next_fault(
        &mut self,
        service: &str,
        operation: &str,
        mutating: bool,
    ) -> Option<FaultKind> {
        let mut struck = None;
        for planned in &mut self.planned {
            if planned.fault.matches(service, operation, mutating)
                && planned.is_due()
                && struck.is_none()
            {
                struck = Some(planned.act());
            }
        }
        self.planned.retain(|planned| planned.fault.times > 0);
        struck
    }
}

impl PlannedFault {
    /// Counts a matching call.
    fn is_due(&mut self) -> bool {
        if self.fault.nth > 1 {
            self.fault.nth -= 1;
            return false;
        }
        let chance = self.fault.probability;
        chance.is_none_or(|chance| self.random.f64() < chance)
    }

    fn act(&mut self) -> FaultKind {
        if self.fault.times != Fault::ALWAYS {
            self.fault.times -= 1;
        }
        self.struck += 1;
        self.fault.kind.clone()
    }
}

fn random(seed: u64, id: u64) -> fastrand::Rng {
    fastrand::Rng::with_seed(seed ^ id.rotate_left(32))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plans(faults: Vec<Fault>) -> FaultPlan {
        let mut plans = FaultPlan::default();
        plans.replace(faults);
        plans
    }

    #[test]
    fn updates_of_a_live_tail_use_up_no_fault_that_does_not_name_them() {
        let named = Fault {
            operation: Some("SessionUpdate".to_owned()),
            ..Fault::new(FaultKind::Hang)
        };
        let mut plans = plans(vec![Fault::new(FaultKind::Reset), named]);
        let update = plans.next_fault("logs", "SessionUpdate", false);
        assert_eq!(update, Some(FaultKind::Hang));
        let call = plans.next_fault("logs", "FilterLogEvents", false);
        assert_eq!(call, Some(FaultKind::Reset));
    }

    #[test]
    fn a_fault_strikes_the_nth_matching_call_and_then_is_gone() {
        let mut plans = plans(vec![Fault {
            operation: Some("CreateApi".to_owned()),
            nth: 2,
            ..Fault::new(FaultKind::Reset)
        }]);
        let mut strike = |operation| plans.next_fault("apigatewayv2", operation, true);
        assert_eq!(strike("CreateApi"), None);
        assert_eq!(strike("GetApis"), None);
        assert_eq!(strike("CreateApi"), Some(FaultKind::Reset));
        assert_eq!(strike("CreateApi"), None);
        assert_eq!(plans.faults(), []);
    }

    #[test]
    fn a_fault_on_mutating_calls_leaves_reads_alone() {
        let mut plans = plans(vec![Fault {
            mutating: true,
            ..Fault::new(FaultKind::Throttle)
        }]);
        assert_eq!(plans.next_fault("iam", "GetRole", false), None);
        assert_eq!(
            plans.next_fault("iam", "CreateRole", true),
            Some(FaultKind::Throttle)
        );
    }

    #[test]
    fn the_data_plane_is_hit_only_when_it_is_named() {
        let mut plans = plans(vec![Fault {
            times: Fault::ALWAYS,
            ..Fault::new(FaultKind::Reset)
        }]);
        assert_eq!(plans.next_fault("execute-api", "Message", true), None);
        assert_eq!(
            plans.next_fault("logs", "PutLogEvents", true),
            Some(FaultKind::Reset)
        );
    }

    #[test]
    fn chance_is_about_right_and_the_same_seed_gives_the_same_run() {
        let fault = Fault {
            times: Fault::ALWAYS,
            probability: Some(0.2),
            ..Fault::new(FaultKind::Throttle)
        };
        let run = |seed, others: usize| {
            let mut plans = plans(vec![fault.clone(), fault.clone()]);
            plans.seed(seed);
            let mut run = Vec::new();
            for call in 0..1000 {
                // Calls that do not match draw no random number.
                for _ in 0..others {
                    assert_eq!(plans.next_fault("execute-api", "Message", true), None);
                }
                if plans.next_fault("iam", "GetRole", false).is_some() {
                    run.push(call);
                }
            }
            (run, plans.statuses()[0].struck)
        };
        let (first, struck) = run(7, 0);
        assert!((150..=250).contains(&struck), "{struck} of 1000");
        assert_eq!(run(7, 3).0, first);
        assert_ne!(run(8, 0).0, first);
    }
}
