//! The workflow to start from.

use tributary_domain::workflow::spec::WorkflowSpec;

use crate::sources::{
    Preset,
    build::{all_of, attribute, every, identifier, path, primary, track},
};

/// The preset of Meta's lead ads.
pub(super) fn all() -> Vec<Preset> {
    vec![Preset {
        key: "meta_lead",
        display_name: "Meta lead",
        help: "Somebody sent off a form of an ad: the event Lead for each, of the lead's id. Who it is has to be fetched from \
               Meta by that id, and can be sent to a source of its own with the same external id.",
        provider_event: "leadgen",
        spec: WorkflowSpec {
            for_each: Some(every("$.entry[*].changes[?@.field == 'leadgen'].value")),
            identifiers: vec![primary(identifier("external_id:meta_lead", vec![path("$.leadgen_id")]))],
            event_attributes: vec![
                attribute("lead_id", "$.leadgen_id"),
                attribute("form_id", "$.form_id"),
                attribute("page_id", "$.page_id"),
                attribute("ad_id", "$.ad_id"),
                attribute("adset_id", "$.adgroup_id"),
            ],
            // Other changes of the page may come before a lead: it is looked for in all of them.
            ..track("Lead", all_of(Vec::new()), &["$.created_time"], &["$.leadgen_id"])
        },
    }]
}
