//! Calendly bookings of different people: the same 2 KB but for the person, who stands at the end, so that only the
//! end has to be written and hashed anew for each request.

use anyhow::{Context, ensure};
use serde_json::{Value, json};

/// How many numbers there are; each is written with ten digits.
const NUMBERS: u64 = 10_000_000_000;
/// Neighbours become strangers, so that the house finds no help in their order. Prime to `NUMBERS`: none is lost.
const SPREAD: u64 = 7_368_787_121;
/// `SPREAD * GATHER` is 1, modulo `NUMBERS`.
const GATHER: u64 = inverse();
/// What a number stands behind in all texts that are found again in the event.
const MARK: &[u8] = b"load-";
const DIGITS: usize = 10;
const HOLE: &str = "##########";

const fn inverse() -> u64 {
    // Newton's iteration doubles the right digits each time, in base 2 as in base 5.
    let modulus = NUMBERS as u128;
    let spread = SPREAD as u128;
    let mut guess: u128 = 1;
    let mut step = 0;
    // The first guess is right in the last digit, because SPREAD ends in 1.
    while step < 6 {
        let product = spread * guess % modulus;
        guess = guess * ((2 + modulus - product) % modulus) % modulus;
        step += 1;
    }
    guess as u64
}

/// A body with holes for the person.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    /// The body.
    pub(crate) bytes: Vec<u8>,
    /// Where it begins to differ.
    pub(crate) tail: usize,
    holes: Vec<usize>,
}

impl Template {
    /// The sample booking of the connectors, without what it knows of its person.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let mut body: Value =
            serde_json::from_str(tributary_connectors::sources::calendly::sample_booking())?;
        let payload = body["payload"].as_object_mut().context("the sample has no payload")?;
        for own in ["email", "uri", "tracking"] {
            payload.remove(own).with_context(|| format!("the sample has no {own}"))?;
        }
        // A telephone number would make all of them one person.
        payload.insert("text_reminder_number".to_owned(), Value::Null);
        payload["scheduled_event"]["location"] = json!({"type": "physical", "location": "Main office"});
        // A map writes its keys in order: the payload is the last of the whole.
        let whole = body.to_string();
        let fixed = whole.strip_suffix("}}").context("the payload is not the last of the sample")?;
        let own = format!(
            r#","email":"load-{HOLE}@visitor.example","tracking":{{"salesforce_uuid":null,"utm_campaign":"spring-relaunch","utm_content":"video-a","utm_medium":"paid_social","utm_source":"facebook","utm_term":"trb_01hz3k8q7vw9xy2m{HOLE}"}},"uri":"https://api.calendly.com/scheduled_events/6b1f9a52-2f5e-4c0b-8d43-71e0c9a4f2b8/invitees/load-{HOLE}"}}}}"#
        );
        let bytes = format!("{fixed}{own}");
        let holes: Vec<usize> = bytes.match_indices(HOLE).map(|(at, _)| at).collect();
        ensure!(holes.len() == 3, "a booking has three places for its person");
        Ok(Self { tail: fixed.len(), bytes: bytes.into_bytes(), holes })
    }

    /// Writes person `number` into `body`, a copy of this template.
    pub(crate) fn fill(&self, body: &mut [u8], number: u64) {
        let digits = spread(number);
        for hole in &self.holes {
            body[*hole..*hole + DIGITS].copy_from_slice(&digits);
        }
    }
}

/// The number of the person that an event is about.
pub(crate) fn number_in(event: &[u8]) -> Option<u64> {
    let after = event.windows(MARK.len()).position(|bytes| bytes == MARK)? + MARK.len();
    let digits = std::str::from_utf8(event.get(after..after + DIGITS)?).ok()?;
    digits.parse().ok().map(|spread| times(spread, GATHER))
}

fn spread(number: u64) -> [u8; DIGITS] {
    let mut rest = times(number, SPREAD);
    let mut digits = [b'0'; DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit += (rest % 10) as u8;
        rest /= 10;
    }
    digits
}

fn times(number: u64, factor: u64) -> u64 {
    (u128::from(number) * u128::from(factor) % u128::from(NUMBERS)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_booking_is_json_of_two_kilobytes_with_its_person_in_it() {
        let template = Template::new().expect("a template");
        let mut body = template.bytes.clone();
        template.fill(&mut body, 123);
        assert!((1_900..2_300).contains(&body.len()), "{} bytes", body.len());
        let booking: Value = serde_json::from_slice(&body).expect("JSON");
        let email = booking["payload"]["email"].as_str().expect("an e-mail");
        let term = booking["payload"]["tracking"]["utm_term"].as_str().expect("a cluid");
        assert_eq!((email.len(), term.len()), ("load-0000000000@visitor.example".len(), 30));
        assert_eq!(booking["event"], "invitee.created");
        assert_eq!(body[..template.tail], template.bytes[..template.tail]);
    }

    #[test]
    fn every_person_is_found_again_and_neighbours_are_far_apart() {
        let template = Template::new().expect("a template");
        let mut body = template.bytes.clone();
        for number in [0, 1, 2, 999_999, NUMBERS - 1] {
            template.fill(&mut body, number);
            assert_eq!(number_in(&body), Some(number));
        }
        assert!(times(1, SPREAD).abs_diff(times(2, SPREAD)) > NUMBERS / 10);
        assert_eq!(number_in(b"{}"), None);
    }
}
