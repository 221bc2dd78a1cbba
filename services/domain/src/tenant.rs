//! What a tenant sets for all of its sources and workflows.

use serde::{Deserialize, Serialize};

use crate::retention::Retention;

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
    /// For how long what it has is kept.
    pub retention: Retention,
}

impl Default for TenantSettings {
    fn default() -> Self {
        Self {
            time_zone: "UTC".to_owned(),
            default_country: String::new(),
            currency: String::new(),
            blocked_values: Vec::new(),
            strong_limit: 5,
            retention: Retention::default(),
        }
    }
}
