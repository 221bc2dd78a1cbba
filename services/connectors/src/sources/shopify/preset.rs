//! The workflows to start from.

use tributary_domain::workflow::spec::{Mapping, WorkflowSpec};

use crate::sources::{
    Preset,
    build::{
        all_at, attribute, cluid, identifier, number, only, path, paths, phone, primary, track, user_trait,
    },
};

const CUSTOMER: &str = "external_id:shopify";
const CLUID: &str = "$.note_attributes[?@.name == 'cluid'].value";

/// Every preset of Shopify, the one to begin with first.
pub(super) fn all() -> Vec<Preset> {
    vec![
        Preset {
            key: "shopify_order",
            display_name: "Shopify order",
            help: "Somebody ordered: the event Purchase, with the order's total and what was bought.",
            provider_event: "orders/create",
            spec: order(),
        },
        Preset {
            key: "shopify_order_canceled",
            display_name: "Shopify order canceled",
            help: "An order was canceled: the event Refund, with the order's total.",
            provider_event: "orders/cancelled",
            spec: canceled(),
        },
        Preset {
            key: "shopify_checkout",
            display_name: "Shopify checkout",
            help: "Somebody went to the checkout and told who they are: the event InitiateCheckout.",
            provider_event: "checkouts/create",
            spec: checkout(),
        },
        Preset {
            key: "shopify_customer",
            display_name: "Shopify customer",
            help: "Somebody registered: the event CompleteRegistration.",
            provider_event: "customers/create",
            spec: customer(),
        },
    ]
}

fn identifiers(customer: &str) -> Vec<Mapping> {
    vec![
        cluid(CLUID),
        identifier("email", paths(&["$.email", "$.contact_email", "$.customer.email"])),
        identifier(CUSTOMER, vec![path(customer)]),
    ]
}

fn user_traits() -> Vec<Mapping> {
    vec![
        user_trait("email", paths(&["$.email", "$.contact_email", "$.customer.email"])),
        user_trait("first_name", paths(&["$.customer.first_name", "$.billing_address.first_name"])),
        user_trait("last_name", paths(&["$.customer.last_name", "$.billing_address.last_name"])),
        phone(&["$.phone", "$.customer.phone", "$.billing_address.phone", "$.shipping_address.phone"]),
        user_trait("city", paths(&["$.billing_address.city", "$.shipping_address.city"])),
        user_trait("postal_code", paths(&["$.billing_address.zip", "$.shipping_address.zip"])),
        user_trait("country", paths(&["$.billing_address.country_code", "$.shipping_address.country_code"])),
    ]
}

fn basket() -> Vec<Mapping> {
    vec![
        number("value", "$.total_price"),
        attribute("currency", "$.currency"),
        all_at("content_ids", "$.line_items[*].product_id"),
        attribute("content_name", "$.line_items[0].title"),
    ]
}

fn order() -> WorkflowSpec {
    let mut event_attributes = basket();
    event_attributes.push(attribute("order_id", "$.id"));
    WorkflowSpec {
        identifiers: identifiers("$.customer.id"),
        user_traits: user_traits(),
        event_attributes,
        ..track("Purchase", only("orders/create"), &["$.created_at"], &["$.id"])
    }
}

fn canceled() -> WorkflowSpec {
    WorkflowSpec {
        identifiers: identifiers("$.customer.id"),
        event_attributes: vec![
            number("value", "$.total_price"),
            attribute("currency", "$.currency"),
            attribute("order_id", "$.id"),
            attribute("reason", "$.cancel_reason"),
        ],
        ..track("Refund", only("orders/cancelled"), &["$.cancelled_at", "$.updated_at"], &["$.id"])
    }
}

fn checkout() -> WorkflowSpec {
    WorkflowSpec {
        identifiers: identifiers("$.customer.id"),
        user_traits: user_traits(),
        event_attributes: basket(),
        ..track("InitiateCheckout", only("checkouts/create"), &["$.created_at"], &["$.token", "$.id"])
    }
}

fn customer() -> WorkflowSpec {
    WorkflowSpec {
        identifiers: vec![
            primary(identifier(CUSTOMER, vec![path("$.id")])),
            identifier("email", vec![path("$.email")]),
            identifier("phone", vec![path("$.phone")]),
        ],
        user_traits: vec![
            user_trait("email", vec![path("$.email")]),
            user_trait("first_name", vec![path("$.first_name")]),
            user_trait("last_name", vec![path("$.last_name")]),
            phone(&["$.phone", "$.default_address.phone"]),
            user_trait("country", vec![path("$.default_address.country_code")]),
        ],
        ..track("CompleteRegistration", only("customers/create"), &["$.created_at"], &["$.id"])
    }
}
