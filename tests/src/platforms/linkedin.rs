//! LinkedIn's Conversions API: each item has a status of its own.

use serde_json::{Value, json};

use super::{
    Answer, Asked, CREDENTIAL,
    rules::{Checked, currency, ensure, hashed, items, object, recent, text},
};

/// Versions that are alive.
const VERSIONS: [&str; 2] = ["202603", "202609"];

pub(super) fn answer(asked: &Asked) -> Answer {
    let error = |status: u16, code: &str, wrong: &str| {
        Answer::wrong(status, &json!({"status": status, "code": code, "message": wrong}), wrong)
    };
    if asked.header("authorization") != format!("Bearer {CREDENTIAL}") {
        return error(401, "INVALID_ACCESS_TOKEN", "the access token is not one");
    }
    if !VERSIONS.contains(&asked.header("linkedin-version")) {
        return error(426, "NONEXISTENT_VERSION", "this version is not active");
    }
    let is_batch = asked.header("x-restli-method") == "BATCH_CREATE";
    if !is_batch || asked.header("x-restli-protocol-version") != "2.0.0" {
        return error(400, "ILLEGAL_ARGUMENT", "this is no batch");
    }
    let elements = match items(&asked.body, "elements", 5_000) {
        Ok(elements) => elements,
        Err(wrong) => return error(400, "ILLEGAL_ARGUMENT", &wrong),
    };
    // What has the wrong shape is refused as a whole.
    if let Some(wrong) = elements.iter().find_map(|element| shape(element).err()) {
        return error(422, "", &wrong);
    }
    let told: Vec<Value> = elements
        .iter()
        .map(|element| match content(element) {
            Ok(()) => json!({"status": 201}),
            Err(wrong) => json!({"status": 400, "error": {"code": "INVALID", "message": wrong}}),
        })
        .collect();
    let wrong = elements.iter().find_map(|element| content(element).err()).unwrap_or_default();
    Answer::wrong(200, &json!({ "elements": told }), wrong)
}

fn shape(element: &Value) -> Checked {
    ensure(element["user"]["userIds"].is_array(), "/user/userIds :: field is required")?;
    if let Some(info) = element["user"].get("userInfo") {
        text(info, "firstName")?;
        text(info, "lastName")?;
    }
    if let Some(value) = element.get("conversionValue") {
        text(value, "amount")?;
        ensure(currency(&value["currencyCode"]), "currencyCode is none")?;
    }
    ensure(element["conversionHappenedAt"].is_u64(), "conversionHappenedAt is no number")
}

fn content(element: &Value) -> Checked {
    let rule = text(element, "conversion")?.strip_prefix("urn:lla:llaPartnerConversion:").unwrap_or_default();
    ensure(!rule.is_empty() && rule.bytes().all(|byte| byte.is_ascii_digit()), "conversion is no rule")?;
    recent(element["conversionHappenedAt"].as_i64().unwrap_or_default() / 1_000, 90)?;
    let user = object(element, "user")?;
    let ids = user["userIds"].as_array().map(Vec::as_slice).unwrap_or_default();
    ensure(!ids.is_empty() || user.contains_key("userInfo"), "nobody is named")?;
    for id in ids {
        match text(id, "idType")? {
            "SHA256_EMAIL" => hashed(&id["idValue"], "idValue")?,
            "LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID" | "ACXIOM_ID" | "ORACLE_MOAT_ID" => {
                text(id, "idValue")?;
            }
            other => return Err(format!("{other} is no type of id")),
        }
    }
    Ok(())
}
