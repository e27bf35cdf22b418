//! Which host has an address: asked twice for each packet.

use std::net::IpAddr;

use super::HostIndex;

/// A table with open addressing, at most a quarter full.
#[derive(Debug)]
pub(super) struct Addresses {
    places: Vec<Option<(IpAddr, HostIndex)>>,
}

impl Addresses {
    pub(super) fn new(addresses: impl ExactSizeIterator<Item = IpAddr>) -> Self {
        let mut table = Self { places: vec![None; (addresses.len() * 4).next_power_of_two()] };
        for (index, address) in addresses.enumerate() {
            assert!(table.find(address).is_none(), "two hosts have the address {address}");
            let free = (table.first_place(address)..).map(|place| place & table.mask());
            let free = free.into_iter().find(|&place| table.places[place].is_none());
            table.places[free.expect("three quarters are")] = Some((address, HostIndex::new(index)));
        }
        table
    }

    pub(super) fn find(&self, address: IpAddr) -> Option<HostIndex> {
        let mut place = self.first_place(address);
        loop {
            match self.places[place] {
                Some((other, host)) if other == address => return Some(host),
                Some(_) => place = (place + 1) & self.mask(),
                None => return None,
            }
        }
    }

    fn mask(&self) -> usize {
        self.places.len() - 1
    }

    fn first_place(&self, address: IpAddr) -> usize {
        // Hosts of one network differ in their last bytes.
        let number = match address {
            IpAddr::V4(address) => address.to_bits(),
            IpAddr::V6(address) => address.to_bits() as u32,
        };
        (number ^ (number >> 8)) as usize & self.mask()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn every_address_is_found_and_no_other() {
        let v4 = |index: u32| IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + index * 255));
        let v6 = |index: u128| IpAddr::V6(Ipv6Addr::from_bits(index << 64));
        let all: Vec<IpAddr> = (0..100).map(v4).chain((1..50).map(v6)).collect();
        let table = Addresses::new(all.iter().copied());
        for (index, address) in all.iter().enumerate() {
            assert_eq!(table.find(*address), Some(HostIndex::new(index)));
        }
        assert_eq!(table.find(v4(100)), None);
        assert_eq!(table.find(v6(50)), None);
    }
}
