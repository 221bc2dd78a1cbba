//! The standard traits of a person.

use serde::Serialize;

use crate::workflow::spec::ValueType;

/// A standard trait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TraitDefinition {
    /// Its name in a workflow.
    pub name: &'static str,
    /// What people read.
    pub label: &'static str,
    /// What is written there, in a sentence.
    pub help: &'static str,
    /// What its value is brought to.
    pub value_type: ValueType,
}

const fn text(name: &'static str, label: &'static str, help: &'static str) -> TraitDefinition {
    TraitDefinition { name, label, help, value_type: ValueType::String }
}

/// Every standard trait.
pub const TRAITS: &[TraitDefinition] = &[
    text(
        "first_name",
        "First name",
        "All names but the last; the step for names takes it out of a full name.",
    ),
    text("last_name", "Last name", "The family name."),
    text("name", "Full name", "First and last name in one."),
    text("email", "E-mail", "An e-mail address; destinations hash it themselves."),
    text("phone", "Phone", "A phone number, best in international form."),
    text("street", "Street", "Street and house number."),
    text("city", "City", "City or town."),
    text("state", "State", "State, province or region."),
    text("zip", "Postal code", "Postal or ZIP code."),
    text("country", "Country", "ISO 3166 two-letter code."),
    text("gender", "Gender", "f or m, as ad platforms match it."),
    TraitDefinition {
        name: "date_of_birth",
        label: "Date of birth",
        help: "A date such as 1990-04-23.",
        value_type: ValueType::String,
    },
    text("company", "Company", "The company the person works for."),
    text("job_title", "Job title", "What the person does there."),
    text("website", "Website", "The person's or the company's site."),
    text("time_zone", "Time zone", "IANA name, such as Europe/Berlin."),
    text("language", "Language", "BCP 47 tag, such as en or de-AT."),
    text("lead_source", "Lead source", "Where the person came from."),
    TraitDefinition {
        name: "lifetime_value",
        label: "Lifetime value",
        help: "What the person has spent so far.",
        value_type: ValueType::Number,
    },
];
