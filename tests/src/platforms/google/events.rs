//! The Data Manager API: a request is taken as a whole or not at all.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{Google, Taken};
use crate::{
    now_seconds,
    platforms::{
        ACCOUNT, Answer, Asked,
        rules::{Checked, currency, ensure, hashed, items, object, only, text},
    },
};

const SOURCES: [&str; 5] = ["WEB", "APP", "IN_STORE", "PHONE", "OTHER"];
const EVENT: [&str; 11] = [
    "destinationReferences",
    "transactionId",
    "eventTimestamp",
    "eventSource",
    "userData",
    "adIdentifiers",
    "eventDeviceInfo",
    "consent",
    "conversionValue",
    "currency",
    "cartData",
];
const OLDEST: i64 = 90 * 24 * 60 * 60;

pub(in super::super) fn answer(asked: &Asked, google: &Google) -> Answer {
    let bearer = asked.header("authorization").strip_prefix("Bearer ").unwrap_or_default();
    let state = google.state();
    let taken = state.tokens.iter().find(|(token, _)| token == bearer).map(|(_, taken)| *taken);
    match taken {
        Some(Taken::Yes) => {}
        Some(Taken::Unscoped) => {
            return refused(
                403,
                "PERMISSION_DENIED",
                "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
                "insufficient scopes",
            );
        }
        Some(Taken::Over) => {
            return refused(401, "UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED", "it has expired");
        }
        None => {
            return refused(
                401,
                "UNAUTHENTICATED",
                "ACCESS_TOKEN_TYPE_UNSUPPORTED",
                "no such token was given",
            );
        }
    }
    let body = &asked.body;
    let accounts = body["destinations"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_ours = |one: &Value| one["operatingAccount"]["accountId"] == ACCOUNT;
    if !accounts.iter().all(is_ours) {
        return refused(
            403,
            "PERMISSION_DENIED",
            "PERMISSION_DENIED",
            "the caller has no access to this account",
        );
    }
    let checked = whole(body).map_err(|wrong| ("destinations".to_owned(), wrong)).and_then(|references| {
        let events = body["events"].as_array().map(Vec::as_slice).unwrap_or_default();
        events.iter().enumerate().try_for_each(|(number, one)| {
            event(one, &references).map_err(|wrong| (format!("events.events[{number}]"), wrong))
        })
    });
    match checked {
        Ok(()) => Answer::fine(200, &json!({"requestId": "126365e1-16d0-4c81-9de9-f362711e250a"})),
        Err((field, wrong)) => {
            let details = json!([
                {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "INVALID_ARGUMENT",
                 "domain": "datamanager.googleapis.com"},
                {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [
                    {"field": field, "description": wrong, "reason": "INVALID_FORMAT"}]},
            ]);
            let body = json!({"error": {
                "code": 400, "message": "There was a problem with the request.", "status": "INVALID_ARGUMENT",
                "details": details,
            }});
            Answer::wrong(400, &body, wrong)
        }
    }
}

fn refused(status: u16, code: &str, reason: &str, wrong: &str) -> Answer {
    let body = json!({"error": {"code": status, "message": wrong, "status": code, "details": [
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"},
    ]}});
    Answer::wrong(status, &body, wrong)
}

/// What a request has to hold around its events; gives the references of its destinations.
fn whole(body: &Value) -> Result<HashSet<&str>, String> {
    let all = body.as_object().ok_or("this is no JSON")?;
    only(all, &["destinations", "events", "encoding", "validateOnly", "consent"])?;
    ensure(body["encoding"] == "HEX", "the encoding is required with user data")?;
    items(body, "events", 2_000)?;
    let mut references = HashSet::new();
    for destination in items(body, "destinations", 10)? {
        let all = destination.as_object().ok_or("a destination is no object")?;
        only(all, &["reference", "operatingAccount", "loginAccount", "productDestinationId"])?;
        for account in ["operatingAccount", "loginAccount"].iter().filter_map(|name| all.get(*name)) {
            ensure(account["accountType"] == "GOOGLE_ADS", "this is no account of Google Ads")?;
            ensure(text(account, "accountId")?.len() == 10, "an account has ten digits")?;
        }
        let action = text(destination, "productDestinationId")?;
        ensure(action.bytes().all(|byte| byte.is_ascii_digit()), "this is no conversion action")?;
        ensure(references.insert(text(destination, "reference")?), "two destinations have one reference")?;
    }
    Ok(references)
}

fn event(event: &Value, references: &HashSet<&str>) -> Checked {
    only(
        event.as_object().ok_or("an event is no object")?,
        &[EVENT.as_slice(), &["customVariables"]].concat(),
    )?;
    for reference in items(event, "destinationReferences", 10)? {
        ensure(
            reference.as_str().is_some_and(|one| references.contains(one)),
            "there is no such destination",
        )?;
    }
    text(event, "transactionId")?;
    let age =
        now_seconds() - seconds(text(event, "eventTimestamp")?).ok_or("the time is none of RFC 3339")?;
    ensure((-60..=OLDEST).contains(&age), format!("the event is {age} s old"))?;
    ensure(SOURCES.contains(&text(event, "eventSource")?), "there is no such source")?;
    let clicks = event.get("adIdentifiers").map(|_| object(event, "adIdentifiers")).transpose()?;
    if let Some(clicks) = clicks {
        only(clicks, &["gclid", "gbraid", "wbraid", "sessionAttributes"])?;
    }
    let has_click =
        clicks.is_some_and(|all| ["gclid", "gbraid", "wbraid"].iter().any(|id| all.contains_key(*id)));
    ensure(has_click || event.get("userData").is_some(), "events data contains no identifiers")?;
    if event.get("userData").is_some() {
        items(&event["userData"], "userIdentifiers", 10)?.iter().try_for_each(identifier)?;
    }
    if event.get("consent").is_some() {
        for (name, value) in object(event, "consent")? {
            ensure(["adUserData", "adPersonalization"].contains(&name.as_str()), "this is no consent")?;
            ensure(
                ["CONSENT_GRANTED", "CONSENT_DENIED"].iter().any(|word| value == word),
                "this is no consent",
            )?;
        }
    }
    if event.get("conversionValue").is_some() {
        ensure(
            event["conversionValue"].is_number() && currency(&event["currency"]),
            "the value has no currency",
        )?;
    }
    if event.get("eventDeviceInfo").is_some() {
        only(object(event, "eventDeviceInfo")?, &["userAgent", "ipAddress"])?;
    }
    if event.get("cartData").is_some() {
        for item in items(&event["cartData"], "items", 1_000)? {
            only(
                item.as_object().ok_or("an item is no object")?,
                &["merchantProductId", "quantity", "unitPrice"],
            )?;
        }
    }
    Ok(())
}

fn identifier(identifier: &Value) -> Checked {
    let all = identifier.as_object().ok_or("an identifier is no object")?;
    ensure(all.len() == 1, "an identifier is one of three")?;
    for (name, value) in all {
        match name.as_str() {
            "emailAddress" | "phoneNumber" => hashed(value, name)?,
            "address" => {
                only(
                    object(identifier, "address")?,
                    &["givenName", "familyName", "regionCode", "postalCode"],
                )?;
                hashed(&value["givenName"], "givenName")?;
                hashed(&value["familyName"], "familyName")?;
                text(value, "postalCode")?;
                let is_region =
                    |code: &str| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase());
                ensure(is_region(text(value, "regionCode")?), "the region is none")?;
            }
            _ => return Err(format!("{name} is no identifier")),
        }
    }
    Ok(())
}

/// The seconds since 1970 of a time such as `2026-01-31T09:30:00.5Z`, by the days of eras of 400 years.
fn seconds(time: &str) -> Option<i64> {
    let (date, of_day) = time.strip_suffix('Z')?.split_once('T')?;
    let number = |text: Option<&str>| text?.parse::<i64>().ok();
    let mut date = date.split('-');
    let (year, month, day) = (number(date.next())?, number(date.next())?, number(date.next())?);
    let whole = of_day.split_once('.').map_or(of_day, |(whole, _)| whole);
    let mut parts = whole.split(':');
    let (hour, minute, second) = (number(parts.next())?, number(parts.next())?, number(parts.next())?);
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some(days * 86_400 + hour * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn dates_are_read_as_seconds() {
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(seconds("2024-02-29T12:34:56.5Z"), Some(1_709_210_096));
        assert_eq!(seconds("2026-12-31T23:59:59.999999Z"), Some(1_798_761_599));
        assert_eq!(seconds("2026-12-31 23:59:59"), None);
    }
}
