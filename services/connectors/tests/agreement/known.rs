//! The differences that are known, each by the heading under which `docs/destinations.md` explains it.

use serde_json::Value;

use super::compare::Difference;

/// Whether a difference is known.
pub(crate) enum Explained {
    /// By this heading.
    By(&'static str),
    /// It is not.
    Not,
}

/// For a platform, places that begin with one of these have this explanation.
type Rule = (&'static str, &'static [&'static str], &'static str);

/// The first rule that is meant counts.
const RULES: &[Rule] = &[
    ("meta", &["body.data.0.action_source"], "Pages that are not known"),
    ("meta", &["body.data.0.data_processing_options"], "Limited data use"),
    ("meta", &["body.data.0.event_id"], "Every event has an id"),
    ("meta", &["body.data.0.custom_data.revenue"], "One value"),
    ("meta", &["body.data.0.custom_data.fbp"], "Context is no attribute"),
    (
        "meta",
        &[
            "body.data.0.custom_data.content",
            "body.data.0.custom_data.num_items",
            "body.data.0.custom_data.price",
            "body.data.0.custom_data.products",
        ],
        "Baskets",
    ),
    ("google_ads", &["told.id"], "Every event has an id"),
    ("google_ads", &["told.items"], "Baskets"),
    ("google_ads", &["told.value", "told.currency"], "One value"),
    ("google_ads", &["told.gbraid", "told.wbraid"], "All ids of a click"),
    ("google_ads", &["told.phones", "told.emails", "told.addresses"], "Everybody that is known"),
    ("ga4", &["body.client_id", "body.events.0.params.session_"], "Sessions of a browser"),
    ("ga4", &["body.consent"], "What people agreed to"),
    (
        "ga4",
        &[
            "body.events.0.params.address_",
            "body.events.0.params.categoryLevels_",
            "body.events.0.params.items.0.productLevels_",
            "body.events.0.params.items.0.product_details_",
        ],
        "What is nested",
    ),
    (
        "ga4",
        &[
            "body.events.0.params.currency",
            "body.events.0.params.price",
            "body.events.0.params.total",
            "body.events.0.params.value",
        ],
        "One value",
    ),
    ("ga4", &["body.ip_override"], "Where somebody is"),
    ("ga4", &["body.non_personalized_ads"], "What people agreed to"),
    ("tiktok", &["body.data.1"], "One event is one event"),
    (
        "tiktok",
        &[
            "body.data.0.properties.content_type",
            "body.data.0.properties.contents_ids",
            "body.data.0.properties.num_items",
        ],
        "Baskets",
    ),
    ("tiktok", &["body.data.0.properties.order_id", "body.data.0.properties.shop_id"], "Kinds of values"),
    ("tiktok", &["body.data.0.properties.url"], "Context is no attribute"),
    ("tiktok", &["body.data.0.user.country"], "Countries and postal codes"),
    ("tiktok", &["body.data.0.user.zip_code"], "Countries and postal codes"),
    ("tiktok", &["body.data.0.user.phone"], "Numbers that cannot be"),
    ("tiktok", &["body.partner_name"], "Whose name it is"),
    ("tiktok", &["request"], "Names of the owner's own"),
    ("linkedin", &["body.elements.0.conversionValue.amount"], "One value"),
    ("linkedin", &["body.elements.0.eventId"], "Every event has an id"),
    ("linkedin", &["body.elements.0.user.userIds.0.idValue"], "Always hashed"),
    (
        "linkedin",
        &["body.elements.0.user.userIds.2", "body.elements.0.user.userIds.3"],
        "Ids of data brokers",
    ),
    ("linkedin", &["body.elements.1"], "One event is one event"),
    (
        "klaviyo",
        &["body.data.attributes.phone_number", "body.data.attributes.profile.data.attributes.phone_number"],
        "Numbers that cannot be",
    ),
    (
        "klaviyo",
        &[
            "body.data.attributes.profile.data.attributes.meta",
            "body.data.attributes.profile.data.attributes.properties.append",
            "body.data.attributes.properties.append",
            "body.data.attributes.properties.unappend",
            "body.data.id",
            "body.data.meta",
        ],
        "Lists and ids of Klaviyo's own",
    ),
    ("klaviyo", &["body.data.attributes.properties.properties"], "Subscriptions"),
    ("klaviyo", &["body.data.attributes.unique_id"], "Every event has an id"),
    ("slack", &["body.icon_url", "body.username"], "Whose name it is"),
    ("slack", &["body.text"], "Messages"),
    ("webhook", &["body", "headers", "method", "request", "url"], "Bodies of webhooks"),
];

/// Explanations of whole cases.
const OLD_REVISION: &str = "Revisions of Klaviyo that are over";
const CODE: &str = "Mappings with code";
const APPS: &str = "Events of apps";
const GROUPS: &str = "Groups";
const SUBSCRIPTIONS: &str = "Subscriptions";
const VALUES: &str = "Values that are none";
const OLD_UPLOAD: &str = "The old upload of Google Ads";

/// All headings.
pub(crate) fn ids() -> Vec<&'static str> {
    let whole = [OLD_REVISION, CODE, APPS, GROUPS, SUBSCRIPTIONS, VALUES, OLD_UPLOAD];
    RULES.iter().map(|(_, _, id)| *id).chain(whole).collect()
}

/// What explains a difference.
pub(crate) fn explain(platform: &str, case: &Value, difference: &Difference) -> Explained {
    if let Some(id) = of_case(platform, case, difference) {
        return Explained::By(id);
    }
    let is_meant = |rule: &&Rule| {
        rule.0 == platform && rule.1.iter().any(|beginning| difference.place.starts_with(beginning))
    };
    RULES.iter().find(is_meant).map_or(Explained::Not, |rule| Explained::By(rule.2))
}

fn of_case(platform: &str, case: &Value, difference: &Difference) -> Option<&'static str> {
    let (config, message) = (&case["input"]["config"], &case["input"]["message"]);
    let is_made_or_not = difference.place == "request";
    match platform {
        // Sales in a store are jobs there, which name no click.
        "google_ads" if case["expected"]["body"]["JSON"]["isStoreConversion"] == true => Some(OLD_UPLOAD),
        // What of theirs is refused for its settings or its kind we make, and calls tell nothing of whose they are.
        "google_ads"
            if is_made_or_not
                && (difference.ours == "made"
                    || difference.ours.to_string().contains("says nothing of the person or their click")) =>
        {
            Some(OLD_UPLOAD)
        }
        "klaviyo" if config["apiVersion"].is_null() => Some(OLD_REVISION),
        "klaviyo" if is_made_or_not && message["type"] == "group" => Some(SUBSCRIPTIONS),
        "klaviyo" if is_made_or_not => Some(VALUES),
        "ga4" if config["eventsMapping"].is_array() => Some(CODE),
        "ga4" if is_made_or_not && message["type"] == "group" => Some(GROUPS),
        "ga4" if is_made_or_not && config["typesOfClient"] == "firebase" => Some(APPS),
        _ => None,
    }
}
