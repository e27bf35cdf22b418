//! Which socket a segment is for: asked for each packet.

use std::net::{IpAddr, SocketAddr};

use turmoil_net::TcpSegment;

use super::SocketId;

/// Both ends of a connection: as its packets need them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ends {
    pub(super) local: IpAddr,
    pub(super) peer: IpAddr,
    pub(super) local_port: u16,
    pub(super) peer_port: u16,
}

impl Ends {
    pub(super) fn new(local: SocketAddr, peer: SocketAddr) -> Self {
        Self { local: local.ip(), peer: peer.ip(), local_port: local.port(), peer_port: peer.port() }
    }

    /// Our end.
    pub(super) fn local(self) -> SocketAddr {
        SocketAddr::new(self.local, self.local_port)
    }

    /// The other end.
    pub(super) fn peer(self) -> SocketAddr {
        SocketAddr::new(self.peer, self.peer_port)
    }
}

/// What tells a connection of a host from its others: both ports as one number, which hardly any two share, and the
/// peer's address.
type Key = (u32, IpAddr);

fn key(ends: Ends) -> Key {
    key_of(ends.local_port, ends.peer_port, ends.peer)
}

fn key_of(local: u16, peer: u16, peer_address: IpAddr) -> Key {
    (u32::from(peer) << 16 | u32::from(local), peer_address)
}

/// A table with open addressing, at most half full.
#[derive(Debug)]
pub(super) struct Connections {
    places: Vec<Option<(Key, SocketId)>>,
    count: usize,
}

impl Default for Connections {
    fn default() -> Self {
        Self { places: vec![None; 16], count: 0 }
    }
}

impl Connections {
    pub(super) fn get(&self, ends: Ends) -> Option<SocketId> {
        Some(self.places[self.find(key(ends))]?.1)
    }

    /// The socket that a segment is for.
    pub(super) fn receiver(&self, segment: &TcpSegment, from: IpAddr) -> Option<SocketId> {
        Some(self.places[self.find(key_of(segment.dst_port, segment.src_port, from))]?.1)
    }

    /// The socket of an earlier connection with these ends is found no more.
    pub(super) fn insert(&mut self, ends: Ends, id: SocketId) {
        if 2 * (self.count + 1) > self.places.len() {
            let larger = vec![None; 2 * self.places.len()];
            for entry in std::mem::replace(&mut self.places, larger).into_iter().flatten() {
                let place = self.find(entry.0);
                self.places[place] = Some(entry);
            }
        }
        let place = self.find(key(ends));
        if self.places[place].replace((key(ends), id)).is_none() {
            self.count += 1;
        }
    }

    /// Segments of this connection find this socket no more.
    pub(super) fn remove(&mut self, ends: Ends, id: SocketId) {
        let mut hole = self.find(key(ends));
        if self.places[hole].take_if(|(_, found)| *found == id).is_none() {
            return;
        }
        self.count -= 1;
        // What was put behind for want of room comes forward, so that no search ends too soon.
        let mut next = self.after(hole);
        while let Some((key, _)) = self.places[next] {
            let home = self.home(key);
            let is_reached = self.distance(home, hole) <= self.distance(home, next);
            if is_reached {
                self.places.swap(hole, next);
                hole = next;
            }
            next = self.after(next);
        }
    }

    /// All sockets, in no order that means anything.
    pub(super) fn ids(&self) -> impl Iterator<Item = SocketId> {
        self.places.iter().flatten().map(|&(_, id)| id)
    }

    /// Where this key is, or belongs.
    fn find(&self, key: Key) -> usize {
        let mut place = self.home(key);
        while self.places[place].is_some_and(|(other, _)| other != key) {
            place = self.after(place);
        }
        place
    }

    fn home(&self, (ports, _): Key) -> usize {
        // Ports of one client follow each other; multiplying spreads them (Knuth's multiplicative hashing).
        (ports.wrapping_mul(0x9e37_79b9) >> 16) as usize & (self.places.len() - 1)
    }

    fn after(&self, place: usize) -> usize {
        (place + 1) & (self.places.len() - 1)
    }

    fn distance(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & (self.places.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn ends(local: u16, peer: u16, last: u8) -> Ends {
        Ends::new(([10, 0, 0, 1], local).into(), ([10, 0, 0, last], peer).into())
    }

    proptest! {
        #[test]
        fn every_connection_is_found_until_it_is_removed(
            steps in prop::collection::vec((any::<bool>(), 0..24_u16, 0..3_u16, 1..4_u8), 0..300),
        ) {
            let (mut table, mut known) = (Connections::default(), BTreeMap::new());
            for (step, (adds, local, peer, last)) in steps.into_iter().enumerate() {
                let ends = ends(49152 + local, 443 + peer, last);
                let id = SocketId { number: step as u64, place: step };
                if adds {
                    table.insert(ends, id);
                    known.insert(ends, id);
                } else {
                    // An earlier connection with these ends takes nothing from a later one.
                    table.remove(ends, SocketId { number: step as u64, place: step });
                    if let Some(id) = known.remove(&ends) {
                        table.remove(ends, id);
                    }
                }
                prop_assert_eq!(table.get(ends), known.get(&ends).copied());
            }
            for (&ends, &id) in &known {
                prop_assert_eq!(table.get(ends), Some(id));
            }
            let (mut all, mut expected): (Vec<_>, Vec<_>) = (table.ids().collect(), known.into_values().collect());
            all.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(all, expected);
        }
    }
}
