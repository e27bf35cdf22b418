//! The settings that long waits derive from have, in a new network namespace, the values that the model begins
//! with.

use sim::network::TcpSettings;

use crate::namespaces::Switch;

/// Compares each setting that this kernel has.
///
/// # Errors
/// Those that differ.
pub fn agree(switch: &Switch) -> Result<(), String> {
    let model = TcpSettings::default();
    let expected = [
        ("tcp_syn_retries", model.syn_retries),
        ("tcp_retries2", model.retries2),
        ("tcp_fin_timeout", 60),
        ("tcp_rto_min_us", 200_000),
        ("tcp_rto_max_ms", 120_000),
        ("tcp_abort_on_overflow", 0),
    ];
    let mut apart = Vec::new();
    for (key, expected) in expected {
        // Some came with later kernels than others.
        let Some(value) = switch.sysctl(key)? else { continue };
        if value != expected.to_string() {
            apart.push(format!("{key}: the kernel's default is {value}, the model's {expected}"));
        }
    }
    if apart.is_empty() { Ok(()) } else { Err(apart.join("\n")) }
}
