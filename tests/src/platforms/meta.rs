//! Meta's Conversions API. One bad event sinks the whole request.

use serde_json::{Value, json};

use super::{
    ACCOUNT, Answer, Asked, CREDENTIAL,
    rules::{Checked, ensure, hashed, items, money, object, only, recent, text},
};

const SOURCES: [&str; 9] = [
    "email",
    "website",
    "app",
    "phone_call",
    "chat",
    "physical_store",
    "system_generated",
    "business_messaging",
    "other",
];
const HASHED: [&str; 11] = ["em", "ph", "fn", "ln", "ge", "db", "ct", "st", "zp", "country", "external_id"];
const CLEAR: [&str; 4] = ["client_ip_address", "client_user_agent", "fbc", "fbp"];

pub(super) fn answer(asked: &Asked) -> Answer {
    let error = |status: u16, code: u64, subcode: u64, wrong: String| {
        let body = json!({"error": {
            "message": wrong, "type": "OAuthException", "code": code, "error_subcode": subcode, "is_transient": false,
            "fbtrace_id": "trace",
        }});
        Answer::wrong(status, &body, wrong)
    };
    if asked.query.get("access_token").map(String::as_str) != Some(CREDENTIAL) {
        // As it was seen: an error of the caller with a status of the server.
        return error(500, 190, 0, "the access token could not be decrypted".to_owned());
    }
    let mut parts = asked.path.trim_start_matches('/').split('/');
    let version = parts.next().unwrap_or_default();
    let is_version = version.strip_prefix('v').is_some_and(|number| number.parse::<f32>().is_ok());
    if !is_version || parts.next() != Some(ACCOUNT) {
        return error(400, 100, 33, "the object does not exist".to_owned());
    }
    match items(&asked.body, "data", 1_000).and_then(|events| events.iter().try_for_each(event)) {
        Ok(()) => {
            let count = asked.body["data"].as_array().map_or(0, Vec::len);
            Answer::fine(200, &json!({"events_received": count, "messages": [], "fbtrace_id": "trace"}))
        }
        Err(wrong) if wrong.starts_with("the time") => error(400, 100, 2_804_003, wrong),
        Err(wrong) => error(400, 100, 2_804_010, wrong),
    }
}

fn event(event: &Value) -> Checked {
    let name = text(event, "event_name")?;
    let source = text(event, "action_source")?;
    ensure(SOURCES.contains(&source), "action_source is none")?;
    let days = if source == "physical_store" { 62 } else { 7 };
    recent(event["event_time"].as_i64().ok_or("event_time is no number")?, days)?;
    let user = object(event, "user_data")?;
    only(user, &[HASHED.as_slice(), &CLEAR].concat())?;
    ensure(!user.is_empty(), "user_data is empty")?;
    for (name, value) in user.iter().filter(|(name, _)| HASHED.contains(&name.as_str())) {
        hashed(value, name)?;
    }
    for name in ["fbc", "fbp"].into_iter().filter(|name| user.contains_key(*name)) {
        let value = text(&event["user_data"], name)?;
        let parts: Vec<&str> = value.splitn(4, '.').collect();
        let is_click = matches!(parts.as_slice(), ["fb", "0" | "1" | "2", time, rest] if time.parse::<u64>().is_ok() && !rest.is_empty());
        ensure(is_click, format!("{name} is none"))?;
    }
    if source == "website" {
        text(event, "event_source_url")?;
        text(&event["user_data"], "client_user_agent")?;
    }
    if name == "Purchase" {
        money(&event["custom_data"])?;
    }
    Ok(())
}
