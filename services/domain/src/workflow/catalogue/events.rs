//! The standard events.

use serde::Serialize;

use crate::workflow::spec::ValueType;

/// A standard event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct EventDefinition {
    /// Its name in a workflow.
    pub name: &'static str,
    /// What people read.
    pub label: &'static str,
    /// When it is used, in a sentence.
    pub help: &'static str,
    /// The attributes that destinations make use of, the most useful first.
    pub attributes: &'static [&'static str],
}

/// What the values of an attribute of a standard event are brought to; a list stays as it comes.
pub fn attribute_type(attribute: &str) -> ValueType {
    match attribute {
        "value" | "num_items" | "predicted_ltv" => ValueType::Number,
        "start_time" | "end_time" => ValueType::Time,
        "content_ids" => ValueType::Any,
        _ => ValueType::String,
    }
}

/// What is bought, as shops say it.
const BASKET: &[&str] = &["value", "currency", "content_ids", "content_name", "content_type", "num_items"];
/// What something is worth.
const WORTH: &[&str] = &["value", "currency"];

const fn event(
    name: &'static str,
    label: &'static str,
    help: &'static str,
    attributes: &'static [&'static str],
) -> EventDefinition {
    EventDefinition { name, label, help, attributes }
}

/// Every standard event, the most used first.
pub const EVENTS: &[EventDefinition] = &[
    event(
        "Lead",
        "Lead",
        "Somebody left their details.",
        &["value", "currency", "content_name", "content_category"],
    ),
    event(
        "Schedule",
        "Appointment booked",
        "Somebody booked an appointment.",
        &["content_name", "start_time", "end_time", "value", "currency"],
    ),
    event(
        "ScheduleCanceled",
        "Appointment canceled",
        "A booked appointment was canceled.",
        &["content_name", "start_time", "reason"],
    ),
    event(
        "ScheduleNoShow",
        "Appointment missed",
        "Somebody did not come to a booked appointment.",
        &["content_name", "start_time"],
    ),
    event(
        "Purchase",
        "Purchase",
        "Somebody bought something.",
        &["value", "currency", "order_id", "content_ids", "content_name", "content_type", "num_items"],
    ),
    event("Refund", "Refund", "A purchase was given back.", &["value", "currency", "order_id"]),
    event(
        "CompleteRegistration",
        "Registration",
        "Somebody registered.",
        &["content_name", "status", "value", "currency"],
    ),
    event("AddToCart", "Added to cart", "Somebody put something into the cart.", BASKET),
    event("AddToWishlist", "Added to wishlist", "Somebody put something on a wishlist.", BASKET),
    event("ViewContent", "Content viewed", "Somebody looked at a product or an offer.", BASKET),
    event("InitiateCheckout", "Checkout started", "Somebody went to the checkout.", BASKET),
    event("AddPaymentInfo", "Payment details added", "Somebody entered how to pay.", BASKET),
    event(
        "Subscribe",
        "Subscribed",
        "Somebody began a paid subscription.",
        &["value", "currency", "predicted_ltv"],
    ),
    event(
        "StartTrial",
        "Trial started",
        "Somebody began a free trial.",
        &["value", "currency", "predicted_ltv"],
    ),
    event("Contact", "Contact", "Somebody got in touch.", WORTH),
    event("SubmitApplication", "Application submitted", "Somebody applied for something.", WORTH),
    event("SubmitForm", "Form submitted", "Somebody filled in a form.", &["form_name", "value", "currency"]),
    event("FindLocation", "Location searched", "Somebody looked for a place of business.", &["content_name"]),
    event("CustomizeProduct", "Product customised", "Somebody configured a product.", BASKET),
    event("Donate", "Donation", "Somebody donated.", WORTH),
    event("Search", "Search", "Somebody searched.", &["search_string", "content_ids", "value", "currency"]),
    event("PageView", "Page view", "Somebody opened a page.", &["page_url", "page_title", "referrer"]),
];
