//! What a custom body says of a booking, where its owner says it does.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json_path::JsonPath;
use tributary_domain::{
    booking::{BookingFacts, KeyScope, Paid, Stage},
    time::Timestamp,
};

use crate::sources::{SettingsError, facts::scalar_at, reader::Reader};

/// Seconds since the epoch are below it, milliseconds above.
const FIRST_MILLIS: u64 = 100_000_000_000;
/// The year 10000: what is so far away is no time.
const NO_MILLIS: u64 = 253_402_300_800_000;

/// Where a custom body speaks of a booking.
#[derive(Debug, Clone)]
pub(in crate::sources) struct BookingPaths {
    key: JsonPath,
    previous: Option<JsonPath>,
    next: Option<JsonPath>,
    stage: JsonPath,
    stages: BTreeMap<String, Stage>,
    time: Option<JsonPath>,
    value: Option<JsonPath>,
    currency: Option<JsonPath>,
    scope: KeyScope,
}

impl BookingPaths {
    /// Reads them; nothing where none is set.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Option<Self>, SettingsError> {
        let (key, stage) = (reader.json_path("key_path")?, reader.json_path("stage_path")?);
        let (previous, next) = (reader.json_path("previous_key_path")?, reader.json_path("next_key_path")?);
        let (value, currency) = (reader.json_path("value_path")?, reader.json_path("currency_path")?);
        let time = reader.json_path("time_path")?;
        let stages = reader.names("stages", &Stage::ALL.map(|stage| (stage.as_str(), stage)))?;
        let scope = if reader.flag("shared_keys")? { KeyScope::Tenant } else { KeyScope::Source };
        match (key, stage) {
            (Some(key), Some(stage)) => {
                Ok(Some(Self { key, previous, next, stage, stages, time, value, currency, scope }))
            }
            (None, None) if reader.is_empty() => Ok(None),
            (None, _) => Err(reader.error("key_path", "it is needed where a body speaks of bookings")),
            (_, None) => Err(reader.error("stage_path", "it is needed where a body speaks of bookings")),
        }
    }

    /// What the body says; nothing where its key or its stage is not there.
    pub(super) fn facts(&self, body: &Value) -> Option<BookingFacts> {
        let at = |path: &Option<JsonPath>| path.as_ref().and_then(|path| scalar_at(body, path));
        let stage = scalar_at(body, &self.stage)?;
        let stage = match self.stages.get(&stage) {
            Some(stage) => *stage,
            None => Stage::parse(&stage)?,
        };
        let paid = (stage == Stage::Paid).then(|| self.paid(body)).flatten();
        Some(BookingFacts {
            scope: self.scope,
            key: scalar_at(body, &self.key)?,
            previous: at(&self.previous),
            next: at(&self.next),
            stages: vec![stage],
            at: at(&self.time).and_then(|time| moment(&time)),
            paid,
        })
    }

    fn paid(&self, body: &Value) -> Option<Paid> {
        let value = match self.value.as_ref()?.query(body).first()? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let currency = self.currency.as_ref().and_then(|path| scalar_at(body, path));
        value.filter(|value| value.is_finite()).map(|value| Paid { value, currency })
    }
}

fn moment(text: &str) -> Option<Timestamp> {
    match text.parse::<i64>() {
        Ok(number) if number.unsigned_abs() < FIRST_MILLIS => Some(Timestamp::from_seconds(number)),
        Ok(number) if number.unsigned_abs() < NO_MILLIS => Some(Timestamp::from_millis(number)),
        Ok(_) => None,
        Err(_) => text.parse().ok(),
    }
}
