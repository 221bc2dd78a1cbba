//! Where requests may go, and what they may cost.

use std::{net::IpAddr, time::Duration};

use tributary_domain::subnet::Subnet;

use crate::{
    address::is_global_unicast,
    error::{EgressError, EgressErrorKind},
    target::Scheme,
};

/// Longer deadlines and time-outs are cut to this, so that no sum of times overflows.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// The rules of a deployment. They are the operator's, never a tenant's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Subnets that may be reached besides the public addresses, on every port and without TLS too. Whoever runs
    /// the house for himself names his own receivers here.
    pub allow: Vec<Subnet>,
    /// The ports that may be used at public addresses.
    pub ports: Vec<u16>,
    /// How long resolving the name and opening the connection may take together.
    pub connect_timeout: Duration,
    /// How long an unused connection is kept.
    pub idle_timeout: Duration,
    /// How many unused connections are kept per host.
    pub idle_per_host: usize,
    /// How many connections are open at most, over all hosts; further requests wait within their deadline.
    pub max_connections: usize,
    /// How many bytes of an answer's body are kept; the rest is not read.
    pub response_cap: usize,
}

impl Default for Policy {
    /// Public addresses on 443 and 8443, 10 s to connect, 512 connections, 256 KiB of answer.
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            ports: vec![443, 8443],
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(20),
            idle_per_host: 64,
            max_connections: 512,
            response_cap: 256 * 1_024,
        }
    }
}

impl Policy {
    /// Whether a connection to `port` of `address` may be opened for a URL of this scheme.
    pub(crate) fn check(&self, scheme: Scheme, address: IpAddr, port: u16) -> Result<(), EgressError> {
        let reached = address.to_canonical();
        if self.allow.iter().any(|subnet| subnet.contains(reached)) {
            return Ok(());
        }
        if !is_global_unicast(reached) {
            return Err(EgressError::new(
                EgressErrorKind::AddressRefused,
                format!(
                    "address {reached} is not public: use a public receiver, or have the operator add its subnet \
                     to the allowed ones"
                ),
            ));
        }
        if scheme == Scheme::Http {
            return Err(EgressError::new(
                EgressErrorKind::PlainHttpRefused,
                "plain http is refused for public addresses: use https",
            ));
        }
        if !self.ports.contains(&port) {
            return Err(EgressError::new(
                EgressErrorKind::PortRefused,
                format!("port {port} is refused: use one of {:?}", self.ports),
            ));
        }
        Ok(())
    }
}
