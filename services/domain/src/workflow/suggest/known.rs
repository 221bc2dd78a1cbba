//! What is looked for: what it fills, how people name it, and what it looks like.

use super::shape::Shape;

/// Where a mapping belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// What the source is to be told.
    SourceSettings,
    /// The filter.
    Filter,
    /// The event's name.
    EventName,
    /// When it happened.
    EventTime,
    /// What platforms tell events apart by.
    EventId,
    /// Who it is about.
    Identifiers,
    /// What is known of the person.
    UserTraits,
    /// What is known of the event.
    EventAttributes,
    /// Which group it concerns.
    GroupIdentities,
    /// What the person agreed to.
    Consents,
}

impl Section {
    /// Its name in a specification.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SourceSettings => "source_settings",
            Self::Filter => "filter",
            Self::EventName => "event_name",
            Self::EventTime => "event_time",
            Self::EventId => "event_id",
            Self::Identifiers => "identifiers",
            Self::UserTraits => "user_traits",
            Self::EventAttributes => "event_attributes",
            Self::GroupIdentities => "group_identities",
            Self::Consents => "consents",
        }
    }

    /// Whether what is of somebody else has no place there.
    pub(super) fn is_of_the_person(self) -> bool {
        matches!(self, Self::Identifiers | Self::UserTraits | Self::GroupIdentities | Self::Consents)
    }
}

/// Something that is looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// Where it belongs.
    pub(super) section: Section,
    /// What it fills.
    pub(super) target: &'static str,
    /// What a person calls it, with its article.
    pub(super) words: &'static str,
    /// How it is named, the surest first.
    pub(super) names: &'static [&'static str],
    /// What it has to look like.
    pub(super) shape: Shape,
    /// Whether it is proposed by its shape alone.
    pub(super) by_shape: bool,
}

const fn known(
    section: Section,
    target: &'static str,
    words: &'static str,
    names: &'static [&'static str],
    shape: Shape,
) -> Known {
    Known { section, target, words, names, shape, by_shape: false }
}

const fn by_shape(known: Known) -> Known {
    Known { by_shape: true, ..known }
}

const EMAIL: &[&str] =
    &["email", "email address", "mail", "mail address", "work email", "user email", "contact email"];
const PHONE: &[&str] = &[
    "phone",
    "phone number",
    "mobile",
    "mobile number",
    "mobile phone",
    "cell",
    "cell phone",
    "telephone",
    "tel",
    "whatsapp",
    "text reminder number",
    "sms number",
    "contact number",
];
const CLUID: &[&str] = &["cluid", "visitor id", "utm term", "customer labs uid"];

/// Everything that is looked for by one name and shape; what is left is in [`super::event`] and [`super::choose`].
pub(super) const KNOWN: &[Known] = &[
    by_shape(known(Section::Identifiers, "cluid", "a cluid", CLUID, Shape::Cluid)),
    by_shape(known(Section::Identifiers, "email", "an e-mail address", EMAIL, Shape::Email)),
    known(Section::Identifiers, "phone", "a phone number", PHONE, Shape::Phone),
    by_shape(known(Section::Identifiers, "fbp", "a browser id of Meta", &["fbp"], Shape::Fbp)),
    by_shape(known(Section::UserTraits, "email", "an e-mail address", EMAIL, Shape::Email)),
    known(Section::UserTraits, "phone", "a phone number", PHONE, Shape::Phone),
    known(
        Section::UserTraits,
        "first_name",
        "a first name",
        &["first name", "firstname", "given name", "forename", "fname"],
        Shape::Name,
    ),
    known(
        Section::UserTraits,
        "last_name",
        "a last name",
        &["last name", "lastname", "surname", "family name", "lname"],
        Shape::Name,
    ),
    known(
        Section::UserTraits,
        "name",
        "a full name",
        &["full name", "fullname", "customer name", "contact name", "your name", "name"],
        Shape::Name,
    ),
    known(
        Section::UserTraits,
        "street",
        "a street",
        &["street", "street address", "address line 1", "address1"],
        Shape::Text,
    ),
    known(Section::UserTraits, "city", "a city", &["city", "town"], Shape::Name),
    known(Section::UserTraits, "state", "a state", &["state", "province", "region"], Shape::Name),
    known(
        Section::UserTraits,
        "zip",
        "a postal code",
        &["zip", "zip code", "zipcode", "postal code", "postcode"],
        Shape::Id,
    ),
    known(Section::UserTraits, "country", "a country", &["country", "country code"], Shape::Country),
    known(
        Section::UserTraits,
        "company",
        "a company",
        &["company", "company name", "organization", "organisation", "organization name", "business name"],
        Shape::Name,
    ),
    known(
        Section::UserTraits,
        "job_title",
        "a job title",
        &["job title", "jobtitle", "job role"],
        Shape::Name,
    ),
    known(
        Section::UserTraits,
        "website",
        "a website",
        &["website", "website url", "company website"],
        Shape::Url,
    ),
    known(Section::UserTraits, "time_zone", "a time zone", &["timezone", "time zone"], Shape::TimeZone),
    known(
        Section::UserTraits,
        "language",
        "a language",
        &["language", "locale", "preferred language"],
        Shape::Text,
    ),
    known(Section::UserTraits, "gender", "a gender", &["gender"], Shape::Name),
    known(
        Section::UserTraits,
        "date_of_birth",
        "a date of birth",
        &["date of birth", "birth date", "birthdate", "birthday", "dob"],
        Shape::Past,
    ),
    known(Section::UserTraits, "lead_source", "a lead source", &["lead source"], Shape::Text),
    known(
        Section::EventTime,
        "event_time",
        "the time at which it happened",
        &[
            "occurred at",
            "event time",
            "submitted at",
            "booked at",
            "ordered at",
            "paid at",
            "completed at",
            "created at",
            "created time",
            "creation time",
            "date created",
            "created",
            "timestamp",
            "event timestamp",
        ],
        Shape::Past,
    ),
    known(
        Section::EventId,
        "event_id",
        "an id of the event",
        &[
            "event id",
            "transaction id",
            "order id",
            "order number",
            "submission id",
            "booking id",
            "invoice id",
        ],
        Shape::Id,
    ),
    known(
        Section::EventAttributes,
        "value",
        "a sum of money",
        &[
            "value",
            "total price",
            "order total",
            "grand total",
            "total amount",
            "amount total",
            "amount paid",
            "amount",
            "total",
            "revenue",
            "price",
        ],
        Shape::Number,
    ),
    known(
        Section::EventAttributes,
        "currency",
        "a currency",
        &["currency", "currency code"],
        Shape::Currency,
    ),
    known(
        Section::EventAttributes,
        "order_id",
        "an order's number",
        &["order id", "order number", "transaction id", "invoice id", "invoice number"],
        Shape::Id,
    ),
    known(
        Section::EventAttributes,
        "content_name",
        "what it is about",
        &["product name", "product title", "event type name", "plan name", "course name", "content name"],
        Shape::Text,
    ),
    known(Section::EventAttributes, "form_name", "a form's name", &["form name", "form title"], Shape::Text),
    known(Section::EventAttributes, "utm_source", "a campaign's source", &["utm source"], Shape::Text),
    known(Section::EventAttributes, "utm_medium", "a campaign's medium", &["utm medium"], Shape::Text),
    known(Section::EventAttributes, "utm_campaign", "a campaign", &["utm campaign"], Shape::Text),
    known(Section::EventAttributes, "utm_content", "a campaign's content", &["utm content"], Shape::Text),
    known(
        Section::EventAttributes,
        "page_url",
        "a page's address",
        &["page url", "landing page", "source url", "event source url"],
        Shape::Url,
    ),
    known(
        Section::Consents,
        "marketing",
        "a consent to marketing",
        &[
            "marketing consent",
            "consent",
            "accepts marketing",
            "marketing opt in",
            "opt in",
            "gdpr consent",
            "email consent",
            "newsletter",
        ],
        Shape::Flag,
    ),
];

/// Names of ids of a person in other systems: the word before `id` is the system's.
pub(super) const PERSON_IDS: &[&str] = &[
    "customer",
    "user",
    "contact",
    "lead",
    "member",
    "subscriber",
    "patient",
    "client",
    "person",
    "student",
];
/// Names of ids of a group of people.
pub(super) const GROUP_IDS: &[&str] =
    &["account", "company", "organization", "organisation", "workspace", "team"];
/// Fields that a person's name can stand in without saying whose: `name` below anything else is that of something.
pub(super) const HOLDS_A_PERSON: &[&str] = &[
    "",
    "payload",
    "data",
    "body",
    "customer",
    "user",
    "contact",
    "lead",
    "person",
    "client",
    "invitee",
    "attendee",
    "buyer",
    "subscriber",
    "member",
    "patient",
    "applicant",
    "student",
    "profile",
    "visitor",
    "respondent",
    "fields",
    "answers",
    "properties",
    "form",
    "billing address",
];
/// Words before a name that leave it what it is: `billing city` is a city.
pub(super) const BEFORE_A_NAME: &[&str] = &[
    "customer",
    "user",
    "contact",
    "lead",
    "client",
    "your",
    "billing",
    "shipping",
    "home",
    "work",
    "business",
    "primary",
    "invitee",
    "attendee",
    "buyer",
    "subscriber",
    "member",
    "patient",
    "person",
    "personal",
    "my",
];
/// Fields that hold what happened; what lies in others is of something else, such as the customer's own `created_at`.
pub(super) const HOLDS_AN_EVENT: &[&str] = &[
    "",
    "payload",
    "data",
    "body",
    "event",
    "object",
    "resource",
    "order",
    "purchase",
    "payment",
    "transaction",
    "checkout",
    "submission",
    "response",
    "form response",
    "booking",
    "appointment",
    "invoice",
    "deal",
];
/// How senders name what happened, the surest first.
pub(super) const EVENT_NAMES: &[&str] =
    &["event", "event type", "event name", "trigger event", "topic", "type", "action", "trigger"];
