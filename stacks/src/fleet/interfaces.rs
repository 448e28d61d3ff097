//! The network interfaces that instances of a type support.

use stackwright_resources::ec2::launch_template::NetworkInterface;
use stackwright_schemas::ec2_network::NetworkFacts;
use stackwright_synth::Value;

/// A network interface on a network card, without a public address.
fn interface(kind: &str, card: u32, device: i64, groups: &Value<Vec<String>>) -> NetworkInterface {
    NetworkInterface::new()
        .network_card_index(i64::from(card))
        .device_index(device)
        .interface_type(kind)
        .groups(groups)
        .delete_on_termination(true)
}

/// The interface of an instance without EFA.
pub(super) fn plain(groups: &Value<Vec<String>>) -> Vec<NetworkInterface> {
    vec![interface("interface", 0, 0, groups).associate_public_ip_address(false)]
}

/// The interfaces of an instance with EFA on every network card that supports it, as the EC2 User Guide recommends
/// ("Maximize network bandwidth on Amazon EC2 instances with multiple network cards", read 2026-11-26): the primary
/// interface is an ordinary one; each card that supports it has one EFA-only interface, which needs no IP address. A
/// type with a single card has one interface for both purposes.
pub(super) fn efa(facts: &NetworkFacts, groups: &Value<Vec<String>>) -> Vec<NetworkInterface> {
    let cards = facts.efa_cards();
    if facts.max_network_cards == 1 {
        return vec![interface("efa", 0, 0, groups)];
    }
    let primary = interface("interface", 0, 0, groups);
    let others = cards.map(|card| {
        // The primary interface has device 0 of card 0.
        interface("efa-only", card, i64::from(card == 0), groups)
    });
    [primary].into_iter().chain(others).collect()
}
