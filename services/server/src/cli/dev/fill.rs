//! `${…}` in the texts of a scenario: times around now, and ids that were never used.

use std::{collections::BTreeMap, fmt, time::Duration};

use anyhow::{anyhow, bail};
use serde_json::{Value, json};
use tributary_domain::time::Timestamp;

/// The letters of a cluid, from 0 to 31.
const BASE32: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const CLUID_LETTERS: usize = 26;

/// Fills places. What a name stands for stays the same for as long as this lives.
pub(super) struct Filler {
    now: Timestamp,
    random: fn() -> u128,
    names: BTreeMap<String, u128>,
}

impl fmt::Debug for Filler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filler").field("now", &self.now).finish_non_exhaustive()
    }
}

impl Filler {
    /// Fills with times around `now`, and with `random` bits.
    pub(super) fn new(now: Timestamp, random: fn() -> u128) -> Self {
        Self { now, random, names: BTreeMap::new() }
    }

    /// A value with all places in its texts filled. A text that is nothing but a number's place becomes a number.
    ///
    /// # Errors
    /// When there is no such place.
    pub(super) fn fill(&mut self, value: &Value) -> anyhow::Result<Value> {
        Ok(match value {
            Value::String(text) => self.text(text)?,
            Value::Array(list) => list.iter().map(|value| self.fill(value)).collect::<Result<_, _>>()?,
            Value::Object(members) => {
                let filled = members.iter().map(|(name, value)| Ok((name.clone(), self.fill(value)?)));
                Value::Object(filled.collect::<anyhow::Result<_>>()?)
            }
            _ => value.clone(),
        })
    }

    fn text(&mut self, text: &str) -> anyhow::Result<Value> {
        if let Some(place) = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'))
            && !place.contains('$')
        {
            return self.place(place);
        }
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (place, after) = after.split_once('}').ok_or_else(|| anyhow!("{text}: a ${{ has no }}"))?;
            filled.push_str(before);
            match self.place(place)? {
                Value::String(value) => filled.push_str(&value),
                value => filled.push_str(&value.to_string()),
            }
            rest = after;
        }
        filled.push_str(rest);
        Ok(Value::String(filled))
    }

    fn place(&mut self, place: &str) -> anyhow::Result<Value> {
        if let Some((kind, name)) = place.split_once(':') {
            let random = self.random;
            let bits = *self.names.entry(name.to_owned()).or_insert_with(random);
            return match kind {
                "id" => Ok(json!(format!("{:012x}", bits >> 80))),
                // Within what every reader of JSON takes for a whole number.
                "number" => Ok(json!((bits >> 80) as u64)),
                "uuid" => Ok(json!(uuid(bits))),
                "cluid" => Ok(json!(cluid(bits))),
                _ => bail!("${{{place}}}: there are id, number, uuid and cluid"),
            };
        }
        let at = place.find(['+', '-']).unwrap_or(place.len());
        let (unit, offset) = place.split_at(at);
        let time = self
            .moved(offset)
            .ok_or_else(|| anyhow!("${{{place}}}: expected an offset such as +2d or -10m"))?;
        match unit {
            "now" => Ok(json!(time.to_string())),
            "seconds" => Ok(json!(time.seconds())),
            "millis" => Ok(json!(time.millis())),
            _ => bail!("${{{place}}}: there are now, seconds, millis, id:, number:, uuid: and cluid:"),
        }
    }

    /// Now, and so much more or less.
    fn moved(&self, offset: &str) -> Option<Timestamp> {
        let Some(sign) = offset.chars().next() else { return Some(self.now) };
        let (digits, unit) = offset[1..].split_at_checked(offset.len().checked_sub(2)?)?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return None,
        };
        let seconds = digits.parse::<u32>().ok()?.checked_mul(seconds)?;
        Some(match sign {
            '+' => self.now.plus(Duration::from_secs(seconds.into())),
            _ => Timestamp::from_micros(self.now.micros() - i64::from(seconds) * 1_000_000),
        })
    }
}

fn uuid(bits: u128) -> String {
    let digits = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..])
}

fn cluid(bits: u128) -> String {
    let letter = |place: usize| char::from(BASE32[(bits >> (place * 5) & 31) as usize]);
    format!("trb_{}", (0..CLUID_LETTERS).map(letter).collect::<String>())
}

#[cfg(test)]
mod tests {
    use tributary_domain::normalise::cluid;

    use super::*;

    fn filler() -> Filler {
        Filler::new(Timestamp::from_seconds(1_773_151_350), || 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef)
    }

    #[test]
    fn places_are_filled() {
        let mut filler = filler();
        let mut filled = |text: &str| filler.fill(&json!(text)).unwrap();
        assert_eq!(filled("${now}"), "2026-03-10T14:02:30Z");
        assert_eq!(filled("at ${now+2d}, ${now-10m}"), "at 2026-03-12T14:02:30Z, 2026-03-10T13:52:30Z");
        assert_eq!(filled("${seconds-30s}"), 1_773_151_320);
        assert_eq!(filled("${millis}"), 1_773_151_350_000_i64);
        assert_eq!(filled("x ${seconds}"), "x 1773151350");
        assert_eq!(filled("${id:a}@example.com"), "0123456789ab@example.com");
        assert_eq!(filled("${uuid:a}"), "01234567-89ab-cdef-0123-456789abcdef");
        assert_eq!(filled("${number:a}"), 0x0123_4567_89ab_u64);
        assert_eq!(filled("no place"), "no place");
        let cluid = filled("${cluid:a}");
        assert_eq!(cluid::read(Some(&cluid), &[]).status(), "FOUND", "{cluid}");
        assert_eq!(filler.fill(&json!([{"a": "${seconds}"}, 1])).unwrap(), json!([{"a": 1_773_151_350}, 1]));
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for text in [
            "${then}",
            "${now+2}",
            "${now+xd}",
            "${now+2y}",
            "${name:a}",
            "a ${now",
            "${now+9999999d}",
            "${now+}",
            "${now+é}",
        ] {
            assert!(filler().fill(&json!(text)).is_err(), "{text}");
        }
    }
}
