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
    /// Those of them without which it is of little use.
    pub expected: &'static [&'static str],
    /// What platforms call it.
    pub names: PlatformNames,
}

/// What platforms call a standard event; empty where one has no name for it, so that it is an event of its owner's there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PlatformNames {
    /// Meta's standard event.
    pub meta: &'static str,
    /// Google Analytics 4's recommended event.
    pub ga4: &'static str,
    /// Google Ads' category of conversion.
    pub google_ads: &'static str,
    /// TikTok's standard event.
    pub tiktok: &'static str,
    /// LinkedIn's type of conversion.
    pub linkedin: &'static str,
}

impl PlatformNames {
    /// The platforms that have a name for it, each with that name.
    pub fn known(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let all = [
            ("meta", self.meta),
            ("ga4", self.ga4),
            ("google_ads", self.google_ads),
            ("tiktok", self.tiktok),
            ("linkedin", self.linkedin),
        ];
        all.into_iter().filter(|(_, name)| !name.is_empty())
    }
}

/// The standard event of this name.
pub fn event_named(name: &str) -> Option<&'static EventDefinition> {
    EVENTS.iter().find(|event| event.name == name)
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

/// The same of what is nothing without its sum.
const SUM: &[&str] = WORTH;
const NOTHING: &[&str] = &[];

const fn event(
    name: &'static str,
    label: &'static str,
    help: &'static str,
    attributes: &'static [&'static str],
    expected: &'static [&'static str],
    names: [&'static str; 5],
) -> EventDefinition {
    let [meta, ga4, google_ads, tiktok, linkedin] = names;
    let names = PlatformNames { meta, ga4, google_ads, tiktok, linkedin };
    EventDefinition { name, label, help, attributes, expected, names }
}

/// Every standard event, the most used first. The names are, in this order, those of Meta, Google Analytics 4, Google Ads,
/// TikTok and LinkedIn.
pub const EVENTS: &[EventDefinition] = &[
    event(
        "Lead",
        "Lead",
        "Somebody left their details.",
        &["value", "currency", "content_name", "content_category"],
        NOTHING,
        ["Lead", "generate_lead", "SUBMIT_LEAD_FORM", "Lead", "LEAD"],
    ),
    event(
        "Schedule",
        "Appointment booked",
        "Somebody booked an appointment.",
        &["content_name", "start_time", "end_time", "value", "currency"],
        NOTHING,
        ["Schedule", "", "BOOK_APPOINTMENT", "Schedule", "BOOK_APPOINTMENT"],
    ),
    event(
        "ScheduleRescheduled",
        "Appointment moved",
        "A booked appointment was moved to another time.",
        &["content_name", "start_time", "end_time"],
        NOTHING,
        ["", "", "", "", ""],
    ),
    event(
        "ScheduleCanceled",
        "Appointment canceled",
        "A booked appointment was canceled.",
        &["content_name", "start_time", "reason"],
        NOTHING,
        ["", "", "", "", ""],
    ),
    event(
        "ScheduleNoShow",
        "Appointment missed",
        "Somebody did not come to a booked appointment.",
        &["content_name", "start_time"],
        NOTHING,
        ["", "", "", "", ""],
    ),
    event(
        "ScheduleNoShowUndone",
        "Missed appointment taken back",
        "Somebody did come after all.",
        &["content_name", "start_time"],
        NOTHING,
        ["", "", "", "", ""],
    ),
    event(
        "Purchase",
        "Purchase",
        "Somebody bought something.",
        &["value", "currency", "order_id", "content_ids", "content_name", "content_type", "num_items"],
        SUM,
        ["Purchase", "purchase", "PURCHASE", "Purchase", "PURCHASE"],
    ),
    event(
        "Refund",
        "Refund",
        "A purchase was given back.",
        &["value", "currency", "order_id"],
        SUM,
        ["", "refund", "", "", ""],
    ),
    event(
        "CompleteRegistration",
        "Registration",
        "Somebody registered.",
        &["content_name", "status", "value", "currency"],
        NOTHING,
        ["CompleteRegistration", "sign_up", "SIGNUP", "CompleteRegistration", "SIGN_UP"],
    ),
    event(
        "AddToCart",
        "Added to cart",
        "Somebody put something into the cart.",
        BASKET,
        NOTHING,
        ["AddToCart", "add_to_cart", "ADD_TO_CART", "AddToCart", "ADD_TO_CART"],
    ),
    event(
        "AddToWishlist",
        "Added to wishlist",
        "Somebody put something on a wishlist.",
        BASKET,
        NOTHING,
        ["AddToWishlist", "add_to_wishlist", "", "AddToWishlist", "ADD_TO_LIST"],
    ),
    event(
        "ViewContent",
        "Content viewed",
        "Somebody looked at a product or an offer.",
        BASKET,
        NOTHING,
        ["ViewContent", "view_item", "", "ViewContent", "VIEW_CONTENT"],
    ),
    event(
        "InitiateCheckout",
        "Checkout started",
        "Somebody went to the checkout.",
        BASKET,
        NOTHING,
        ["InitiateCheckout", "begin_checkout", "BEGIN_CHECKOUT", "InitiateCheckout", "START_CHECKOUT"],
    ),
    event(
        "AddPaymentInfo",
        "Payment details added",
        "Somebody entered how to pay.",
        BASKET,
        NOTHING,
        ["AddPaymentInfo", "add_payment_info", "", "AddPaymentInfo", "ADD_BILLING_INFO"],
    ),
    event(
        "Subscribe",
        "Subscribed",
        "Somebody began a paid subscription.",
        &["value", "currency", "predicted_ltv"],
        NOTHING,
        ["Subscribe", "", "SUBSCRIBE_PAID", "Subscribe", "SUBSCRIBE"],
    ),
    event(
        "StartTrial",
        "Trial started",
        "Somebody began a free trial.",
        &["value", "currency", "predicted_ltv"],
        NOTHING,
        ["StartTrial", "", "", "StartTrial", "START_TRIAL"],
    ),
    event(
        "Contact",
        "Contact",
        "Somebody got in touch.",
        WORTH,
        NOTHING,
        ["Contact", "", "CONTACT", "Contact", "CONTACT"],
    ),
    event(
        "SubmitApplication",
        "Application submitted",
        "Somebody applied for something.",
        WORTH,
        NOTHING,
        ["SubmitApplication", "", "", "SubmitApplication", "SUBMIT_APPLICATION"],
    ),
    event(
        "SubmitForm",
        "Form submitted",
        "Somebody filled in a form.",
        &["form_name", "value", "currency"],
        NOTHING,
        ["", "generate_lead", "SUBMIT_LEAD_FORM", "Lead", "LEAD"],
    ),
    event(
        "FindLocation",
        "Location searched",
        "Somebody looked for a place of business.",
        &["content_name"],
        NOTHING,
        ["FindLocation", "", "GET_DIRECTIONS", "FindLocation", ""],
    ),
    event(
        "CustomizeProduct",
        "Product customised",
        "Somebody configured a product.",
        BASKET,
        NOTHING,
        ["CustomizeProduct", "", "", "CustomizeProduct", ""],
    ),
    event("Donate", "Donation", "Somebody donated.", WORTH, SUM, ["Donate", "", "", "", "DONATE"]),
    event(
        "Search",
        "Search",
        "Somebody searched.",
        &["search_string", "content_ids", "value", "currency"],
        &["search_string"],
        ["Search", "search", "", "Search", "SEARCH"],
    ),
    event(
        "PageView",
        "Page view",
        "Somebody opened a page.",
        &["page_url", "page_title", "referrer"],
        NOTHING,
        ["PageView", "page_view", "PAGE_VIEW", "Pageview", "KEY_PAGE_VIEW"],
    ),
];
