//! What Linux lets an operator set of TCP, with its defaults.

/// Settings of every host's TCP, named as below `net.ipv4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpSettings {
    /// How often a SYN is repeated at intervals that double.
    pub syn_retries: u32,
    /// How often it is repeated every second before that. Linux has it since 6.5, with 4: a connect then fails
    /// after 131 s. 0 is how all before behave: 127 s.
    pub syn_linear_timeouts: u32,
    /// After about so many retransmissions a connection is given up.
    pub retries2: u32,
}

impl Default for TcpSettings {
    fn default() -> Self {
        Self { syn_retries: 6, syn_linear_timeouts: 0, retries2: 15 }
    }
}
