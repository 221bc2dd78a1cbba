//! Google Analytics: it answers 204 to everything, and says what is wrong on its validation server alone.

use serde_json::{Value, json};

use super::{
    ACCOUNT, Answer, Asked, CREDENTIAL,
    rules::{Checked, ensure, hashed, items, money, object, recent, text},
};

const OWN: [&str; 4] = ["ga_", "google_", "firebase_", "gtag."];

pub(super) fn answer(asked: &Asked) -> Answer {
    let given = |name: &str| asked.query.get(name).map(String::as_str).unwrap_or_default();
    let is_known = given("api_secret") == CREDENTIAL && given("measurement_id") == format!("G-{ACCOUNT}");
    let checked =
        ensure(is_known, "VALUE_INVALID: measurement id or secret").and_then(|()| check(&asked.body));
    if asked.path.starts_with("/debug/") {
        return match checked {
            Ok(()) => Answer::fine(200, &json!({"validationMessages": []})),
            Err(wrong) => {
                let code =
                    wrong.split(':').next().filter(|code| code.contains('_')).unwrap_or("VALUE_INVALID");
                let message = json!({"fieldPath": "events", "description": wrong, "validationCode": code});
                Answer::wrong(200, &json!({"validationMessages": [message]}), wrong)
            }
        };
    }
    match checked {
        Ok(()) => Answer::fine(204, &Value::Null),
        Err(wrong) => Answer::wrong(204, &Value::Null, wrong),
    }
}

fn check(body: &Value) -> Checked {
    text(body, "client_id")?;
    time(body)?;
    if let Some(data) = body.get("user_data") {
        for name in ["sha256_email_address", "sha256_phone_number"] {
            data.get(name).map_or(Ok(()), |hashes| hashed(hashes, name))?;
        }
    }
    if let Some(consent) = body.get("consent") {
        let words = consent.as_object().ok_or("consent is no object")?.values();
        ensure(words.into_iter().all(|word| word == "GRANTED" || word == "DENIED"), "consent is none")?;
    }
    items(body, "events", 25)?.iter().try_for_each(event)
}

/// The time of all events, or of one, which goes before that.
fn time(of: &Value) -> Checked {
    let Some(micros) = of.get("timestamp_micros") else { return Ok(()) };
    recent(micros.as_i64().ok_or("timestamp_micros is no number")? / 1_000_000, 3)
}

fn event(event: &Value) -> Checked {
    time(event)?;
    let name = text(event, "name")?;
    word(name)?;
    let params = object(event, "params")?;
    ensure(params.len() <= 25, "EXCEEDED_MAX_ENTITIES: too many parameters")?;
    for (name, value) in params {
        word(name)?;
        let longest = if name.starts_with("page_") { 1_000 } else { 100 };
        let length = value.as_str().map_or(0, |text| text.chars().count());
        ensure(length <= longest, format!("VALUE_OUT_OF_BOUNDS: {name} is too long"))?;
        ensure(!value.is_object() && !value.is_null(), format!("VALUE_INVALID: {name}"))?;
    }
    if ["purchase", "refund"].contains(&name) {
        money(&event["params"])?;
        text(&event["params"], "transaction_id")?;
    }
    Ok(())
}

fn word(name: &str) -> Checked {
    let is_word = name.len() <= 40
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    ensure(is_word, format!("NAME_INVALID: {name}"))?;
    ensure(!OWN.iter().any(|own| name.starts_with(own)), format!("NAME_RESERVED: {name}"))
}
