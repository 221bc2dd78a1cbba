//! The kinds of source, described for people who choose one.

use tributary_connectors::sources::{self, Preset, Provider as Connector};
use tributary_proto::admin::v1::{Provider, provider};

use crate::convert::spec;

/// Every kind of source, in the order in which people are offered them.
pub(super) fn all() -> Vec<Provider> {
    sources::providers().iter().map(|connector| to_proto(*connector)).collect()
}

fn to_proto(connector: &dyn Connector) -> Provider {
    Provider {
        id: connector.name().to_owned(),
        display_name: connector.display_name().to_owned(),
        presets: connector.presets().iter().map(preset).collect(),
        help: connector.help().to_owned(),
        sample: connector.sample().body.to_owned(),
    }
}

fn preset(preset: &Preset) -> provider::Preset {
    provider::Preset {
        key: preset.key.to_owned(),
        display_name: preset.display_name.to_owned(),
        spec: Some(spec::to_proto(&preset.spec)),
        help: preset.help.to_owned(),
        provider_event: preset.provider_event.to_owned(),
    }
}
