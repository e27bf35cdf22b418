//! What will happen on the network, in the order of moments and then of entries.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::engine::EventKey;

/// Things to come. What is ordered is small; the things themselves stay in their places.
#[derive(Debug)]
pub(super) struct Agenda<T> {
    order: BinaryHeap<Reverse<(EventKey, usize)>>,
    things: Vec<Option<T>>,
    free: Vec<usize>,
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Self { order: BinaryHeap::new(), things: Vec::new(), free: Vec::new() }
    }
}

impl<T> Agenda<T> {
    pub(super) fn push(&mut self, key: EventKey, thing: T) {
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
        self.order.peek().map(|Reverse((key, _))| *key)
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        let Reverse((_, place)) = self.order.pop()?;
        self.free.push(place);
        self.things[place].take()
    }
}
