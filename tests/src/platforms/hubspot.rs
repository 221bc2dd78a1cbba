//! HubSpot's contacts, many at once: what is wrong with some is said beside what went well.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{
    Answer, Asked, CREDENTIAL,
    rules::{Checked, ensure, items, object, text},
};

/// The properties that are there; the last one was made by the owner.
const PROPERTIES: [&str; 13] = [
    "email",
    "phone",
    "firstname",
    "lastname",
    "company",
    "jobtitle",
    "website",
    "address",
    "city",
    "state",
    "zip",
    "country",
    "last_event",
];

pub(super) fn answer(asked: &Asked) -> Answer {
    let error = |status: u16, category: &str, wrong: &str| {
        let body = json!({"status": "error", "message": wrong, "correlationId": "1", "category": category});
        Answer::wrong(status, &body, wrong)
    };
    if asked.header("authorization") != format!("Bearer {CREDENTIAL}") {
        return error(401, "INVALID_AUTHENTICATION", "authentication credentials not found");
    }
    let paths = ["/crm/v3/objects/contacts/batch/upsert", "/crm/objects/2026-03/contacts/batch/upsert"];
    if !paths.contains(&asked.path.as_str()) {
        return error(404, "OBJECT_NOT_FOUND", "there is nothing");
    }
    let inputs = match items(&asked.body, "inputs", 100) {
        Ok(inputs) => inputs,
        Err(wrong) => return error(400, "VALIDATION_ERROR", &wrong),
    };
    let ids: HashSet<&str> = inputs.iter().filter_map(|input| input["id"].as_str()).collect();
    if ids.len() != inputs.len() {
        return error(400, "VALIDATION_ERROR", "an id comes twice");
    }
    let wrong: Vec<(&Value, String)> =
        inputs.iter().filter_map(|input| Some((input, contact(input).err()?))).collect();
    let results: Vec<Value> = inputs
        .iter()
        .filter(|input| contact(input).is_ok())
        .map(|input| json!({"id": "1", "properties": input["properties"]}))
        .collect();
    let errors = wrong.iter().map(|(input, wrong)| {
        let context = match input.get("objectWriteTraceId") {
            Some(trace) => json!({ "objectWriteTraceId": [trace] }),
            None => json!({}),
        };
        json!({"status": "error", "category": "VALIDATION_ERROR", "message": wrong, "context": context})
    });
    let errors: Vec<Value> = errors.collect();
    let status = if errors.is_empty() { 200 } else { 207 };
    let body = json!({"status": "COMPLETE", "results": results, "errors": errors});
    Answer::wrong(status, &body, wrong.first().map(|(_, wrong)| wrong.clone()).unwrap_or_default())
}

fn contact(input: &Value) -> Checked {
    ensure(input["idProperty"] == "email" && text(input, "id")?.contains('@'), "the id is no address")?;
    for (name, value) in object(input, "properties")? {
        ensure(PROPERTIES.contains(&name.as_str()), format!("property {name} does not exist"))?;
        ensure(value.is_string(), format!("property {name} is no text"))?;
    }
    Ok(())
}
