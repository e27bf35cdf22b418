//! What turmoil-net's packets are when those are joined that a real kernel would not have sent alone.
//!
//! Its stack answers each segment with an acknowledgement of its own, at once, and sends FIN by itself; see
//! `Stack::send` for what Linux does.

use turmoil_net::{Packet, TcpSegment, Transport};

/// Adds a packet to those that a host sends at one moment, of which it may make one superfluous, or be so itself.
pub(super) fn add(packets: &mut Vec<Packet>, packet: Packet) {
    packets.push(packet);
    let Some((last, before)) = packets.split_last() else { return };
    let Some(place) = before.iter().rposition(|earlier| same_flow(earlier, last)) else { return };
    if carries_fin_of(&before[place], last) {
        packets.pop();
        segment_mut(&mut packets[place]).flags.fin = true;
    } else if is_superfluous_before(&before[place], last) {
        packets.remove(place);
    }
}

fn same_flow(one: &Packet, other: &Packet) -> bool {
    match (&one.payload, &other.payload) {
        (Transport::Tcp(a), Transport::Tcp(b)) => {
            a.src_port == b.src_port
                && a.dst_port == b.dst_port
                && one.src == other.src
                && one.dst == other.dst
        }
        _ => false,
    }
}

/// Whether `earlier` only acknowledges, and `later` acknowledges as much.
fn is_superfluous_before(earlier: &Packet, later: &Packet) -> bool {
    let (earlier, later) = (segment(earlier), segment(later));
    is_bare_acknowledgement(earlier) && later.flags.ack && !later.flags.rst && !ends_handshake(earlier)
}

fn is_bare_acknowledgement(segment: &TcpSegment) -> bool {
    let flags = segment.flags;
    segment.payload.is_empty() && flags.ack && !flags.syn && !flags.fin && !flags.rst
}

/// The third step of a handshake must go alone: the stack drops data that comes with it. The stacks' initial
/// sequence numbers are multiples of 65,536, so nothing has been sent either way when both numbers are one more
/// than that. (After exactly that many bytes it is mistaken, and one packet more is sent.)
fn ends_handshake(segment: &TcpSegment) -> bool {
    let begins = |number: u32| number.wrapping_sub(1) & 0xffff == 0;
    begins(segment.seq) && begins(segment.ack)
}

/// Whether `later` is nothing but the FIN right behind the data of `earlier`.
fn carries_fin_of(earlier: &Packet, later: &Packet) -> bool {
    let (earlier, later) = (segment(earlier), segment(later));
    later.flags.fin
        && later.payload.is_empty()
        && !earlier.payload.is_empty()
        && !earlier.flags.fin
        && earlier.ack == later.ack
        && earlier.seq.wrapping_add(earlier.payload.len() as u32) == later.seq
}

fn segment(packet: &Packet) -> &TcpSegment {
    match &packet.payload {
        Transport::Tcp(segment) => segment,
        Transport::Udp(_) => unreachable!("flows are TCP"),
    }
}

fn segment_mut(packet: &mut Packet) -> &mut TcpSegment {
    match &mut packet.payload {
        Transport::Tcp(segment) => segment,
        Transport::Udp(_) => unreachable!("flows are TCP"),
    }
}
