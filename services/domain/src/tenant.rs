//! What a tenant sets for all of its sources and workflows.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{access::TenantRole, identity::Guard, retention::Retention, test_rule::TestRule};

/// A tenant's settings that the rules read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TenantSettings {
    /// IANA time zone for times that are written without one.
    pub time_zone: String,
    /// ISO 3166 alpha-2 country for phone numbers without a country code; empty: such numbers are rejected.
    pub default_country: String,
    /// ISO 4217 currency for values without one; empty: none.
    pub currency: String,
    /// Identifier values that are never a person, besides the built-in ones; compared after case folding.
    pub blocked_values: Vec<String>,
    /// How many values of one strong type a profile may have.
    pub strong_limit: u32,
    /// How many values of one strong type weak evidence may bring together; 1: it never does that to values that were
    /// apart.
    pub weak_limit: u32,
    /// How many other people a value may meet within `guard_hours` before it is quarantined; 0: any number.
    pub guard_people: u32,
    /// The window of `guard_people`, in hours.
    pub guard_hours: u32,
    /// For how long what it has is kept.
    pub retention: Retention,
    /// The least role in the tenant that sees personal data in the clear.
    pub personal_data_role: TenantRole,
    /// Which of its messages are tests.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub test_rules: Vec<TestRule>,
}

impl Default for TenantSettings {
    fn default() -> Self {
        Self {
            time_zone: "UTC".to_owned(),
            default_country: String::new(),
            currency: String::new(),
            blocked_values: Vec::new(),
            strong_limit: 5,
            weak_limit: 1,
            guard_people: 20,
            guard_hours: 7 * 24,
            retention: Retention::default(),
            personal_data_role: TenantRole::Viewer,
            test_rules: Vec::new(),
        }
    }
}

impl TenantSettings {
    /// What quarantines a value.
    pub fn guard(&self) -> Guard {
        Guard { people: self.guard_people, window: Duration::from_secs(u64::from(self.guard_hours) * 3_600) }
    }
}
