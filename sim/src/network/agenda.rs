//! What will happen on the network, in the order of moments and then of entries.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::engine::EventKey;

/// Things to come. Nearly all come up in the order in which they were entered, since most packets travel equally
/// long: these wait in line. Others are put into order, of which only their keys are moved about.
#[derive(Debug)]
pub(super) struct Agenda<T> {
    line: VecDeque<(EventKey, T)>,
    order: BinaryHeap<Reverse<(EventKey, usize)>>,
    things: Vec<Option<T>>,
    free: Vec<usize>,
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Self { line: VecDeque::new(), order: BinaryHeap::new(), things: Vec::new(), free: Vec::new() }
    }
}

impl<T> Agenda<T> {
    /// Enters what is likely to come up behind all that is in line.
    #[inline]
    pub(super) fn push(&mut self, key: EventKey, thing: T) {
        if self.line.back().is_none_or(|(last, _)| *last < key) {
            self.line.push_back((key, thing));
        } else {
            self.push_aside(key, thing);
        }
    }

    /// Enters what comes up long after what will be entered soon: in line it would be in the way.
    pub(super) fn push_aside(&mut self, key: EventKey, thing: T) {
        let place = match self.free.pop() {
            Some(place) => {
                self.things[place] = Some(thing);
                place
            }
            None => {
                self.things.push(Some(thing));
                self.things.len() - 1
            }
        };
        self.order.push(Reverse((key, place)));
    }

    pub(super) fn next(&self) -> Option<EventKey> {
        let in_line = self.line.front().map(|(key, _)| *key);
        let Some(Reverse((other, _))) = self.order.peek() else { return in_line };
        Some(in_line.map_or(*other, |key| key.min(*other)))
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        let first = self.next()?;
        if self.line.front().is_some_and(|(key, _)| *key == first) {
            return self.line.pop_front().map(|(_, thing)| thing);
        }
        let Reverse((_, place)) = self.order.pop()?;
        self.free.push(place);
        self.things[place].take()
    }
}

#[cfg(test)]
mod tests {
    use harness::time::SimTime;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn things_come_in_the_order_of_moments_and_then_of_entries(
            steps in prop::collection::vec(prop::option::weighted(0.6, (0..20_u64, any::<bool>())), 0..200),
        ) {
            let (mut agenda, mut expected) = (Agenda::default(), std::collections::BTreeMap::new());
            for (number, step) in (0..).zip(steps) {
                match step {
                    Some((moment, aside)) => {
                        let key = (SimTime::from_secs(moment), number);
                        if aside { agenda.push_aside(key, number) } else { agenda.push(key, number) }
                        expected.insert(key, number);
                    }
                    None => prop_assert_eq!(agenda.pop(), expected.pop_first().map(|(_, thing)| thing)),
                }
                prop_assert_eq!(agenda.next(), expected.first_key_value().map(|(key, _)| *key));
            }
        }
    }
}
