//! TikTok's Events API: it answers 200, and the code says what it means.

use serde_json::{Value, json};

use super::{
    ACCOUNT, Answer, Asked, CREDENTIAL,
    rules::{Checked, ensure, hashed, items, money, object, only, text},
};

const HASHED: [&str; 6] = ["email", "phone", "external_id", "first_name", "last_name", "zip_code"];
const CLEAR: [&str; 8] = ["city", "state", "country", "ttclid", "ttp", "ip", "user_agent", "locale"];

pub(super) fn answer(asked: &Asked) -> Answer {
    let say = |code: u64, wrong: String| {
        Answer::wrong(200, &json!({"code": code, "message": wrong, "request_id": "1", "data": {}}), wrong)
    };
    if asked.header("access-token") != CREDENTIAL {
        return say(40_105, "the access token is incorrect or has been revoked".to_owned());
    }
    if asked.path != "/open_api/v1.3/event/track/" {
        return Answer::wrong(404, &Value::Null, "there is no such version");
    }
    if asked.body["event_source_id"] != ACCOUNT {
        return say(40_001, "no permission to operate this pixel".to_owned());
    }
    match check(&asked.body) {
        Ok(()) => Answer::fine(200, &json!({"code": 0, "message": "OK", "request_id": "1", "data": {}})),
        Err(wrong) => say(40_002, wrong),
    }
}

fn check(body: &Value) -> Checked {
    let source = text(body, "event_source")?;
    ensure(["web", "app", "offline", "crm"].contains(&source), "event_source is none")?;
    items(body, "data", 1_000)?.iter().try_for_each(event)
}

fn event(event: &Value) -> Checked {
    let name = text(event, "event")?;
    text(event, "event_id")?;
    ensure(event["event_time"].is_i64(), "event_time is no number")?;
    let user = object(event, "user")?;
    only(user, &[HASHED.as_slice(), &CLEAR].concat())?;
    for (name, value) in user.iter().filter(|(name, _)| HASHED.contains(&name.as_str())) {
        hashed(value, name)?;
    }
    ensure(!user.is_empty(), "user is empty")?;
    if ["Purchase", "CompletePayment"].contains(&name) {
        money(&event["properties"])?;
    }
    Ok(())
}
