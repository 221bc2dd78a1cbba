//! The workflows to start from.

use serde_json::json;
use tributary_domain::workflow::spec::{Kind, Mapping, Operator, WorkflowSpec};

use crate::sources::{
    Preset,
    build::{
        any_of, attribute, cluid, condition, first_name, from_smallest_unit, identifier, last_name, only,
        path, paths, phone, primary, track, user_trait,
    },
};

const CUSTOMER: &str = "external_id:stripe";

/// Every preset of Stripe, the one to begin with first.
pub(super) fn all() -> Vec<Preset> {
    vec![
        Preset {
            key: "stripe_checkout",
            display_name: "Stripe Checkout purchase",
            help: "Somebody paid in Checkout or by a payment link: the event Purchase, with what was paid. Payments that take days \
                   are told by checkout.session.async_payment_succeeded: let the endpoint have both events.",
            provider_event: "checkout.session.completed",
            spec: checkout(),
        },
        Preset {
            key: "stripe_payment",
            display_name: "Stripe payment",
            help: "A payment succeeded: the event Purchase, for who does not use Checkout. With Checkout, each purchase would \
                   be told twice.",
            provider_event: "payment_intent.succeeded",
            spec: payment(),
        },
        Preset {
            key: "stripe_refund",
            display_name: "Stripe refund",
            help: "A charge was given back, or a part of it: the event Refund, with all that was given back of it so far.",
            provider_event: "charge.refunded",
            spec: refund(),
        },
        Preset {
            key: "stripe_subscription",
            display_name: "Stripe subscription",
            help: "A subscription began: the event Subscribe. It names its customer by the id that Stripe has, and the other \
                   presets tell who that is.",
            provider_event: "customer.subscription.created",
            spec: subscription(),
        },
        Preset {
            key: "stripe_customer",
            display_name: "Stripe customer",
            help: "A customer was made: who it is, and no event.",
            provider_event: "customer.created",
            spec: customer(),
        },
    ]
}

/// What was paid, in whole units.
fn worth(amount: &str) -> [Mapping; 2] {
    let currency = "$.data.object.currency";
    [
        from_smallest_unit("value", &format!("$.data.object.{amount}"), currency),
        attribute("currency", currency),
    ]
}

/// When Stripe noticed it, which is when it happened.
const TIME: [&str; 1] = ["$.created"];
const ID: [&str; 1] = ["$.data.object.id"];

fn checkout() -> WorkflowSpec {
    // Bank debits and transfers are paid days after the session is completed, and told with the second.
    let mut filter = any_of(&["checkout.session.completed", "checkout.session.async_payment_succeeded"]);
    let paid = vec![json!("paid"), json!("no_payment_required")];
    filter.nodes.push(condition("filter_paid", "$.data.object.payment_status", Operator::In, paid));
    // What only saves a card for later is no purchase.
    let setup = vec![json!("setup")];
    filter.nodes.push(condition("filter_mode", "$.data.object.mode", Operator::NotEquals, setup));
    let [email, customer, call] = [
        "$.data.object.customer_details.email",
        "$.data.object.customer",
        "$.data.object.customer_details.phone",
    ];
    let whole = &["$.data.object.customer_details.name"];
    let mut event_attributes = worth("amount_total").to_vec();
    event_attributes.push(attribute("order_id", "$.data.object.id"));
    WorkflowSpec {
        identifiers: vec![
            cluid("$.data.object.client_reference_id"),
            identifier("email", paths(&[email, "$.data.object.customer_email"])),
            identifier(CUSTOMER, vec![path(customer)]),
        ],
        user_traits: vec![
            user_trait("email", paths(&[email, "$.data.object.customer_email"])),
            first_name(&[], whole),
            last_name(&[], whole),
            phone(&[call]),
            user_trait("country", vec![path("$.data.object.customer_details.address.country")]),
        ],
        event_attributes,
        ..track("Purchase", filter, &TIME, &ID)
    }
}

fn payment() -> WorkflowSpec {
    let mut event_attributes = worth("amount_received").to_vec();
    event_attributes.push(attribute("order_id", "$.data.object.id"));
    WorkflowSpec {
        identifiers: vec![
            cluid("$.data.object.metadata.cluid"),
            identifier("email", vec![path("$.data.object.receipt_email")]),
            identifier(CUSTOMER, vec![path("$.data.object.customer")]),
        ],
        user_traits: vec![user_trait("email", vec![path("$.data.object.receipt_email")])],
        event_attributes,
        ..track("Purchase", only("payment_intent.succeeded"), &TIME, &ID)
    }
}

fn refund() -> WorkflowSpec {
    let emails = paths(&["$.data.object.billing_details.email", "$.data.object.receipt_email"]);
    let mut event_attributes = worth("amount_refunded").to_vec();
    event_attributes.push(attribute("order_id", "$.data.object.payment_intent"));
    WorkflowSpec {
        identifiers: vec![
            cluid("$.data.object.metadata.cluid"),
            identifier("email", emails),
            identifier(CUSTOMER, vec![path("$.data.object.customer")]),
        ],
        event_attributes,
        // A charge can be given back in parts, each an event of its own.
        ..track("Refund", only("charge.refunded"), &TIME, &["$.id"])
    }
}

fn subscription() -> WorkflowSpec {
    let price = "$.data.object.items.data[0].price.unit_amount";
    let currency = "$.data.object.currency";
    WorkflowSpec {
        identifiers: vec![primary(identifier(CUSTOMER, vec![path("$.data.object.customer")]))],
        event_attributes: vec![
            from_smallest_unit("value", price, currency),
            attribute("currency", currency),
            attribute("status", "$.data.object.status"),
        ],
        ..track("Subscribe", only("customer.subscription.created"), &TIME, &ID)
    }
}

fn customer() -> WorkflowSpec {
    let whole = &["$.data.object.name"];
    WorkflowSpec {
        kind: Kind::Identify,
        event_name: None,
        identifiers: vec![
            primary(identifier(CUSTOMER, vec![path("$.data.object.id")])),
            identifier("email", vec![path("$.data.object.email")]),
            identifier("phone", vec![path("$.data.object.phone")]),
        ],
        user_traits: vec![
            user_trait("email", vec![path("$.data.object.email")]),
            first_name(&[], whole),
            last_name(&[], whole),
            phone(&["$.data.object.phone"]),
            user_trait("country", vec![path("$.data.object.address.country")]),
        ],
        ..track("", only("customer.created"), &TIME, &ID)
    }
}
