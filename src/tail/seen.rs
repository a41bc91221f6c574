//! The ids of events already given out, as long as they can come again.
//!
//! An id is 56 digits, too many for any integer, and a busy group has 100,000 of them within the
//! overlap. So an id is kept as a 128-bit hash beside its time: 24 bytes, ordered by time, which
//! makes forgetting a cut. What is older than the `floor` is forgotten and never asked for again;
//! that the two go together is what keeps an event from being shown twice.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Ids in memory for one group at most; about 40 MB.
pub(crate) const CAPACITY: usize = 1_000_000;

/// Remembers what was given out since `floor`.
#[derive(Debug)]
pub(crate) struct Seen {
    known: BTreeSet<(i64, u128)>,
    floor: i64,
    capacity: usize,
}

impl Seen {
    pub(crate) fn new(floor: i64, capacity: usize) -> Self {
        Self {
            known: BTreeSet::new(),
            floor,
            capacity,
        }
    }

    /// The oldest time that may still be asked for.
    pub(crate) fn floor(&self) -> i64 {
        self.floor
    }

    /// True the first time. False for what was seen, and for what is older than the floor: whether
    /// that was seen is no longer known.
    pub(crate) fn first_time(&mut self, timestamp: i64, id: &str) -> bool {
        timestamp >= self.floor && self.known.insert((timestamp, digest(id)))
    }

    /// Forgets what is older than `floor`, which never moves back.
    pub(crate) fn forget_before(&mut self, floor: i64) {
        if floor > self.floor {
            self.floor = floor;
            self.known = self.known.split_off(&(floor, 0));
        }
    }

    /// Makes room by raising the floor over the oldest half. True if it had to: events that come
    /// later than the new floor allows are lost.
    pub(crate) fn shrink(&mut self) -> bool {
        if self.known.len() <= self.capacity {
            return false;
        }
        let middle = self.known.iter().nth(self.known.len() / 2).copied();
        if let Some((timestamp, _)) = middle {
            // Past the middle's whole millisecond: half a millisecond's ids would let the other half
            // come twice.
            self.forget_before(timestamp.saturating_add(1));
        }
        true
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }
}

fn digest(id: &str) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, id).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_new_once() {
        let mut seen = Seen::new(0, 10);
        assert!(seen.first_time(5, "a"));
        assert!(!seen.first_time(5, "a"));
        assert!(seen.first_time(5, "b"));
    }

    #[test]
    fn what_lies_before_the_floor_is_neither_kept_nor_new() {
        let mut seen = Seen::new(0, 10);
        assert!(seen.first_time(5, "a"));
        seen.forget_before(6);
        assert_eq!(seen.len(), 0);
        assert!(!seen.first_time(5, "a"));
        assert!(seen.first_time(6, "c"));
    }

    #[test]
    fn a_full_memory_raises_the_floor_over_whole_milliseconds() {
        let mut seen = Seen::new(0, 10);
        for n in 0..20 {
            assert!(seen.first_time(i64::from(n) / 4, &n.to_string()));
        }
        assert!(seen.shrink());
        assert_eq!(seen.floor(), 3);
        assert_eq!(seen.len(), 8);
        assert!(!seen.shrink());
    }
}
