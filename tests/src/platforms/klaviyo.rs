//! Klaviyo's API, in the shape of JSON:API.

use serde_json::{Value, json};

use super::{
    Answer, Asked, CREDENTIAL,
    rules::{Checked, ensure, object, only, phone, text},
};

const PROFILE: [&str; 13] = [
    "email",
    "phone_number",
    "external_id",
    "anonymous_id",
    "first_name",
    "last_name",
    "organization",
    "locale",
    "title",
    "image",
    "location",
    "properties",
    "meta",
];
const LOCATION: [&str; 10] =
    ["address1", "address2", "city", "country", "latitude", "longitude", "region", "zip", "timezone", "ip"];

pub(super) fn answer(asked: &Asked) -> Answer {
    let error = |status: u16, code: &str, wrong: &str| {
        let body =
            json!({"errors": [{"id": "1", "status": status, "code": code, "title": wrong, "detail": wrong}]});
        Answer::wrong(status, &body, wrong)
    };
    if asked.header("authorization") != format!("Klaviyo-API-Key {CREDENTIAL}") {
        return error(401, "authentication_failed", "incorrect authentication credentials");
    }
    let revision: Vec<&str> = asked.header("revision").split('-').collect();
    if !matches!(revision.as_slice(), [year, month, day] if year.len() == 4 && month.len() == 2 && day.len() == 2)
    {
        return error(400, "invalid", "a revision header is required");
    }
    let data = &asked.body["data"];
    let (status, checked) = match asked.path.as_str() {
        "/api/events" => (202, event(data)),
        "/api/profile-import" => (201, profile(data)),
        _ => return error(404, "not_found", "there is nothing"),
    };
    match checked {
        Ok(()) if status == 202 => Answer::fine(202, &Value::Null),
        Ok(()) => Answer::fine(201, &json!({"data": {"type": "profile", "id": "01"}})),
        Err(wrong) => error(400, "invalid", &wrong),
    }
}

fn event(data: &Value) -> Checked {
    ensure(data["type"] == "event", "type is not event")?;
    let attributes = &data["attributes"];
    only(
        object(data, "attributes")?,
        &["properties", "metric", "profile", "time", "value", "value_currency", "unique_id"],
    )?;
    object(attributes, "properties")?;
    ensure(attributes["metric"]["data"]["type"] == "metric", "metric is none")?;
    text(&attributes["metric"]["data"]["attributes"], "name")?;
    let time = text(attributes, "time")?;
    ensure(time.ends_with('Z') && time.contains('T'), "time is none")?;
    ensure(attributes.get("value").is_none_or(Value::is_number), "value is no number")?;
    profile(&attributes["profile"]["data"])
}

fn profile(data: &Value) -> Checked {
    ensure(data["type"] == "profile", "type is not profile")?;
    let attributes = object(data, "attributes")?;
    only(attributes, &PROFILE)?;
    let has = |name: &str| attributes.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    ensure(has("email") || has("phone_number") || has("external_id"), "one or more identifiers is required")?;
    ensure(
        !has("email") || attributes["email"].as_str().is_some_and(|email| email.contains('@')),
        "email is none",
    )?;
    ensure(
        !has("phone_number") || attributes["phone_number"].as_str().is_some_and(phone),
        "phone_number is none",
    )?;
    match attributes.get("location") {
        Some(location) => only(location.as_object().ok_or("location is none")?, &LOCATION),
        None => Ok(()),
    }
}
