//! The workflows to start from.

use serde_json::json;
use tributary_domain::workflow::spec::{Input, Mapping, Operator, WorkflowSpec};

use crate::sources::{
    Preset,
    build::{
        all_at, attribute, cluid, condition, identifier, number, only, path, phone, primary, time, track,
        user_trait,
    },
};

const CLUID: &str = "$.meta_data[?@.key == 'cluid'].value";

/// Every preset of WooCommerce, the one to begin with first.
pub(super) fn all() -> Vec<Preset> {
    vec![
        Preset {
            key: "woocommerce_order",
            display_name: "WooCommerce order",
            help: "Somebody ordered: the event Purchase, with the order's total and what was bought.",
            provider_event: "order.created",
            spec: order(),
        },
        Preset {
            key: "woocommerce_refund",
            display_name: "WooCommerce refund",
            help: "An order got the status refunded: the event Refund, with the order's total.",
            provider_event: "order.updated",
            spec: refund(),
        },
        Preset {
            key: "woocommerce_customer",
            display_name: "WooCommerce customer",
            help: "Somebody registered: the event CompleteRegistration.",
            provider_event: "customer.created",
            spec: customer(),
        },
    ]
}

/// WooCommerce writes the shop's time and Greenwich's, both without a zone.
fn at(field: &str) -> Mapping {
    time(vec![Input::Template(format!("{{{{ $.{field}_gmt }}}}Z"))])
}

fn identifiers() -> Vec<Mapping> {
    vec![
        cluid(CLUID),
        identifier("email", vec![path("$.billing.email")]),
        identifier("phone", vec![path("$.billing.phone")]),
    ]
}

fn order() -> WorkflowSpec {
    WorkflowSpec {
        event_time: Some(at("date_created")),
        identifiers: identifiers(),
        user_traits: vec![
            user_trait("email", vec![path("$.billing.email")]),
            user_trait("first_name", vec![path("$.billing.first_name")]),
            user_trait("last_name", vec![path("$.billing.last_name")]),
            phone(&["$.billing.phone"]),
            user_trait("city", vec![path("$.billing.city")]),
            user_trait("postal_code", vec![path("$.billing.postcode")]),
            user_trait("country", vec![path("$.billing.country")]),
        ],
        event_attributes: vec![
            number("value", "$.total"),
            attribute("currency", "$.currency"),
            attribute("order_id", "$.id"),
            all_at("content_ids", "$.line_items[*].product_id"),
            attribute("content_name", "$.line_items[0].name"),
        ],
        ..track("Purchase", only("order.created"), &[], &["$.id"])
    }
}

fn refund() -> WorkflowSpec {
    let mut filter = only("order.updated");
    filter.nodes.push(condition("filter_refunded", "$.status", Operator::Equals, vec![json!("refunded")]));
    WorkflowSpec {
        event_time: Some(at("date_modified")),
        identifiers: identifiers(),
        event_attributes: vec![
            number("value", "$.total"),
            attribute("currency", "$.currency"),
            attribute("order_id", "$.id"),
        ],
        ..track("Refund", filter, &[], &["$.id"])
    }
}

fn customer() -> WorkflowSpec {
    WorkflowSpec {
        event_time: Some(at("date_created")),
        identifiers: vec![
            primary(identifier("email", vec![path("$.email")])),
            identifier("phone", vec![path("$.billing.phone")]),
        ],
        user_traits: vec![
            user_trait("email", vec![path("$.email")]),
            user_trait("first_name", vec![path("$.first_name")]),
            user_trait("last_name", vec![path("$.last_name")]),
            phone(&["$.billing.phone"]),
        ],
        ..track("CompleteRegistration", only("customer.created"), &[], &["$.id"])
    }
}
