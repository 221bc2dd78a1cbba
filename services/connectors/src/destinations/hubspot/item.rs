//! A contact as HubSpot takes it.

use serde_json::{Map, json};

use crate::destinations::{
    Item, OutgoingEvent, RequestError, SettingsError, document, matching::Person, schema::Values,
    template::Template,
};

/// Traits with HubSpot's own names for them.
const PROPERTIES: [(&str, &str); 10] = [
    ("firstname", "first_name"),
    ("lastname", "last_name"),
    ("company", "company"),
    ("jobtitle", "job_title"),
    ("website", "website"),
    ("address", "street"),
    ("city", "city"),
    ("state", "state"),
    ("zip", "zip"),
    ("country", "country"),
];

/// Whether this can be the internal name of a property.
pub(super) fn is_property(name: &str) -> bool {
    (1..=100).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// One entry of `inputs`.
pub(super) fn of(event: &OutgoingEvent, values: Values<'_>) -> Result<Item, RequestError> {
    let person = Person(event);
    let Some(email) = person.clear_email() else {
        let reason = "it has no e-mail address, by which HubSpot knows contacts: map one";
        return Err(RequestError::Event(reason.to_owned()));
    };
    let mut properties = Map::new();
    properties.insert("email".to_owned(), email.clone().into());
    // What follows an event has that event's traits, which may be old by now: it brings none back.
    if event.follow_up.is_none() {
        if let Some(phone) = person.clear_phone() {
            properties.insert("phone".to_owned(), phone.into());
        }
        for (theirs, ours) in PROPERTIES {
            // A trait that is cleared is cleared there too: by an empty text.
            if let Some(value) = event.traits.get(ours) {
                let text = if value.is_null() { Some(String::new()) } else { person.clear_text(ours) };
                properties.extend(text.map(|text| (theirs.to_owned(), text.into())));
            }
        }
    }
    let document = document::value(event).map_err(|error| RequestError::Event(error.to_string()))?;
    for (name, text) in values.texts("properties") {
        let template = Template::parse(text)
            .map_err(|message| SettingsError::new(format!("settings.properties.{name}"), message))?;
        // What an event does not say empties nothing.
        properties.extend(template.found_text(&document).map(|text| (name.to_owned(), text.into())));
    }
    let told = json!({ "id": email, "idProperty": "email", "properties": properties });
    // HubSpot refuses a request that names a contact twice.
    Ok(Item::of(told, &email))
}
