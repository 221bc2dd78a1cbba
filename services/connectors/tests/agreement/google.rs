//! Google Ads: the cases are of the upload that is closed to newcomers, and we use the Data Manager API. What both tell of an
//! event is compared, whatever it is called.

use serde_json::{Map, Value, json};
use tributary_connectors::destinations::HttpRequest;

/// A message with our names for what only these cases have.
pub(crate) fn input(theirs: &Value) -> Value {
    let mut input = theirs.clone();
    let renamed = |of: &mut Value, names: &[(&str, &str)]| {
        let Some(fields) = of.as_object_mut() else { return };
        for (from, to) in names {
            if let Some(value) = fields.remove(*from) {
                fields.insert((*to).to_owned(), value);
            }
        }
    };
    let message = &mut input["message"];
    if message["context"].is_object() {
        renamed(&mut message["context"]["traits"], &[("countryCode", "country"), ("postalCode", "zip")]);
    }
    let properties = &mut message["properties"];
    // What is neither an adjusted nor a converted value is none of theirs.
    for name in ["value", "total", "revenue"] {
        renamed(properties, &[(name, "unused")]);
    }
    renamed(
        properties,
        &[("adjustedValue", "value"), ("conversionValue", "value"), ("currencyCode", "currency")],
    );
    renamed(properties, &[("order_id", "eventId"), ("orderId", "eventId")]);
    if let Some(id) = properties["eventId"].as_u64() {
        properties["eventId"] = id.to_string().into();
    }
    input
}

/// Settings of a destination, and what conversion actions are called.
pub(crate) fn settings(config: &Value, name: impl Fn(&str) -> String) -> Value {
    let text = |name: &str| config[name].as_str().unwrap_or_default();
    let all = |list: &str| config[list].as_array().cloned().unwrap_or_default();
    let enhanced = all("listOfConversions").into_iter().map(|one| one["conversions"].clone());
    let uploaded = all("eventsToConversionsNamesMapping").into_iter().map(|one| one["from"].clone());
    let conversions: Map<String, Value> =
        // Theirs does not look at capitals.
        enhanced
            .chain(uploaded)
            .filter_map(|from| from.as_str().map(str::to_owned))
            .flat_map(|from| [from.to_lowercase(), from])
            .map(|from| (name(&from), json!("1")))
            .collect();
    // Some of their cases have a word there, which no account is called.
    let is_account =
        |id: &&str| id.len() >= 10 && id.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let manager = Some(text("loginCustomerId")).filter(|_| config["subAccount"] == true).filter(is_account);
    json!({
        "customer_id": text("customerId"), "login_customer_id": manager.unwrap_or_default(), "conversions": conversions, "client_id": "client",
    })
}

/// What their request tells of the event.
pub(crate) fn of_theirs(expected: &Value) -> Value {
    let body = &expected["body"]["JSON"];
    let one = [
        &body["conversions"][0],
        &body["conversionAdjustments"][0],
        &body["addConversionPayload"]["operations"]["create"],
    ];
    let Some(one) = one.into_iter().find(|one| one.is_object()) else { return body.clone() };
    let click = |name: &str| {
        [&one[name], &one["gclidDateTimePair"][name]].into_iter().find(|id| !id.is_null()).cloned()
    };
    let all = |name: &str| {
        let list = one["userIdentifiers"].as_array().into_iter().flatten();
        list.filter_map(|identifier| identifier.get(name).cloned()).collect::<Vec<_>>()
    };
    let value = [&one["conversionValue"], &one["restatementValue"]["adjustedValue"]]
        .into_iter()
        .find(|value| !value.is_null());
    let currency = [&one["currencyCode"], &one["restatementValue"]["currencyCode"]]
        .into_iter()
        .find(|code| !code.is_null());
    let items = one["cartData"]["items"].as_array().into_iter().flatten();
    told(&[
        ("gclid", click("gclid")),
        ("gbraid", click("gbraid")),
        ("wbraid", click("wbraid")),
        ("id", one.get("orderId").cloned()),
        ("value", value.cloned()),
        ("currency", currency.cloned()),
        ("emails", Some(all("hashedEmail").into())),
        ("phones", Some(all("hashedPhoneNumber").into())),
        ("addresses", Some(all("addressInfo").into())),
        ("items", Some(items.map(|item| json!({"id": item["productId"], "quantity": item["quantity"], "price": item["unitPrice"]})).collect())),
    ])
}

/// What ours tells of it.
pub(crate) fn of_ours(request: &HttpRequest) -> Value {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let one = &body["events"][0];
    let click = |name: &str| one["adIdentifiers"].get(name).cloned();
    let all = |name: &str| {
        let list = one["userData"]["userIdentifiers"].as_array().into_iter().flatten();
        list.filter_map(|identifier| identifier.get(name).cloned()).collect::<Vec<_>>()
    };
    let items = one["cartData"]["items"].as_array().into_iter().flatten();
    told(&[
        ("gclid", click("gclid")),
        ("gbraid", click("gbraid")),
        ("wbraid", click("wbraid")),
        ("id", one.get("transactionId").cloned()),
        ("value", one.get("conversionValue").cloned()),
        ("currency", one.get("currency").cloned()),
        ("emails", Some(all("emailAddress").into())),
        ("phones", Some(all("phoneNumber").into())),
        ("addresses", Some(all("address").into())),
        ("items", Some(items.map(|item| json!({"id": item["merchantProductId"], "quantity": item["quantity"], "price": item["unitPrice"]})).collect())),
    ])
}

fn told(all: &[(&str, Option<Value>)]) -> Value {
    let there = all.iter().filter_map(|(name, value)| Some(((*name).to_owned(), value.clone()?)));
    json!({ "told": there.collect::<Map<_, _>>() })
}
