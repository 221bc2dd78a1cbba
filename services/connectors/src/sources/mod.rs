//! Where messages come from: for each provider, how its deliveries are signed, told apart, and mapped at first.

mod build;
pub mod calendly;
pub mod custom;
mod facts;
mod headers;
mod hmac_scheme;
mod provider;
mod reader;
mod settings;
mod signature;
pub mod tag;

pub use facts::Facts;
pub use headers::{fetched_headers, is_fetched};
pub use provider::{Preset, Provider};
pub use settings::{SettingsError, SourceSettings};
pub use signature::{Signature, SignatureError};

/// Every provider, in the order in which people are offered them.
pub fn providers() -> &'static [&'static dyn Provider] {
    &[&calendly::Calendly, &tag::Tag, &custom::Custom]
}

/// The provider of this name, such as `calendly`.
pub fn provider(name: &str) -> Option<&'static dyn Provider> {
    providers().iter().copied().find(|provider| provider.name() == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{provider, providers};

    #[test]
    fn providers_are_found_by_their_names() {
        let names: BTreeSet<&str> = providers().iter().map(|provider| provider.name()).collect();
        assert_eq!(names.len(), providers().len());
        for name in names {
            assert_eq!(provider(name).map(|found| found.name()), Some(name));
        }
        assert!(provider("Calendly").is_none());
    }
}
