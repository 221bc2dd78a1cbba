//! Where messages come from: for each provider, how its deliveries are signed, told apart, and mapped at first.

mod build;
mod calcom;
pub mod calendly;
mod challenge;
pub mod custom;
mod facts;
mod form;
mod form_body;
mod github;
mod headers;
mod hmac_scheme;
mod hubspot;
mod meta_lead_ads;
mod provider;
mod reader;
mod settings;
mod shopify;
mod signature;
mod signing;
mod standard_webhooks;
mod stripe;
pub mod tag;
#[cfg(test)]
mod testing;
mod timed;
mod typeform;
mod vendor;
mod webhook;
mod woocommerce;

pub use challenge::{Ask, Challenge};
pub use facts::Facts;
pub use form_body::FormError;
pub use headers::{fetched_headers, is_fetched};
pub use provider::{Preset, Provider};
pub use settings::{SettingsError, SourceSettings};
pub use signature::{Signature, SignatureError};
pub use webhook::{Sample, Sending, Webhook};

static PROVIDERS: [&dyn Provider; 13] = [
    &calendly::Calendly,
    &tag::Tag,
    &calcom::CALCOM,
    &stripe::STRIPE,
    &shopify::SHOPIFY,
    &woocommerce::WOOCOMMERCE,
    &typeform::TYPEFORM,
    &form::Form,
    &hubspot::HUBSPOT,
    &meta_lead_ads::META_LEAD_ADS,
    &github::GITHUB,
    &standard_webhooks::STANDARD_WEBHOOKS,
    &custom::Custom,
];

/// Every provider, in the order in which people are offered them.
pub fn providers() -> &'static [&'static dyn Provider] {
    &PROVIDERS
}

/// The provider of this name, such as `calendly`.
pub fn provider(name: &str) -> Option<&'static dyn Provider> {
    providers().iter().copied().find(|provider| provider.name() == name)
}

#[cfg(test)]
mod tests;
