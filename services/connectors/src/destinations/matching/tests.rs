//! The forms of values, against vectors that vendors publish, and how well an event matches.

use proptest::prelude::*;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::*;
use crate::destinations::{
    OutgoingEvent, find,
    tests::{event, identifier, object},
};

#[test]
fn values_are_brought_to_the_forms_that_vendors_publish() {
    let cases: &[(Rule, &str, Option<&str>)] = &[
        (lower, "    aBc@gmail.com   ", Some("abc@gmail.com")),
        (google_email, " Alex.Doe+shop@GMAIL.com", Some("alexdoe@gmail.com")),
        (google_email, "cloudy.sanfrancisco+shopping@gmail.com", Some("cloudysanfrancisco@gmail.com")),
        (google_email, "a.b+c@googlemail.com", Some("ab@googlemail.com")),
        (google_email, "a.b+c@example.com", Some("a.b+c@example.com")),
        (google_email, "+x@gmail.com", None),
        (google_email, "nobody", None),
        (digits, "+44 844 412 4653", Some("448444124653")),
        (name, " MARY ", Some("mary")),
        (name, "Anne-Marie O’Neil, Jr.", Some("annemarie oneil jr")),
        (name, "Zoe\u{308}", Some("zoë")),
        (name, "…", None),
        // The marks that the bracket held apart are put in their one order.
        (name, "\u{816}[\u{1172b}", Some("\u{1172b}\u{816}")),
        (city, "St. Louis (MO) 63101", Some("stlouismo")),
        (city, "München", Some("münchen")),
        (state, "New York", Some("ny")),
        (state, "CA", Some("ca")),
        (state, "Bavaria", Some("bavaria")),
        (postal_code, "94107-1234", Some("94107")),
        (postal_code, "SW1A 1AA", Some("sw1a1aa")),
        (postal_code, "7", None),
        (country, "US", Some("us")),
        (country, "Germany", None),
        (gender, "Female", Some("f")),
        (gender, "m", Some("m")),
        (gender, "unknown", None),
        (birth_date, "1990-04-23", Some("19900423")),
        (birth_date, "1990-04-23T00:00:00Z", Some("19900423")),
        (birth_date, "19900423", Some("19900423")),
        (birth_date, "23.04.1990", None),
        (birth_date, "1990-13-01", None),
    ];
    for (rule, raw, expected) in cases {
        assert_eq!(rule(raw).as_deref(), *expected, "{raw}");
    }
}

#[test]
fn hashes_are_those_that_vendors_publish_and_a_hash_is_not_hashed_again() {
    let known = "223ebda6f6889b1494551ba902d9d381daf2f642bae055888e96343d53e9f9c4";
    assert_eq!(hashed("cloudy.sanfrancisco+shopping@gmail.com", google_email).as_deref(), Some(known));
    let meta = "48ddb93f0b30c475423fe177832912c5bcdce3cc72872f8051627967ef278e08";
    assert_eq!(hashed(" aBc@gmail.com ", lower).as_deref(), Some(meta));
    assert_eq!(hashed(&meta.to_ascii_uppercase(), digits).as_deref(), Some(meta));
    assert_eq!(hashed("…", name), None);
    assert_eq!(hashed_all(&["A".to_owned(), "a ".to_owned(), "…".to_owned()], lower).len(), 2);
}

#[test]
fn numbers_without_a_country_code_are_of_the_persons_country_or_none() {
    let told = |traits: serde_json::Value| {
        let event = OutgoingEvent { identifiers: Vec::new(), traits: object(traits), ..event() };
        Person(&event).phones()
    };
    assert_eq!(told(json!({"phone": "(404) 555-0142"})), Vec::<String>::new());
    assert_eq!(told(json!({"phone": "(404) 555-0142", "country": "us"})), ["+14045550142"]);
    assert_eq!(told(json!({"phone": "+49 30 1234567"})), ["+49301234567"]);
    assert_eq!(told(json!({"phone": "+49 30 1234567", "email": "no address"})), ["+49301234567"]);
}

#[test]
fn an_address_counts_once_however_it_is_written() {
    assert_eq!(Person(&event()).emails(), ["zoë@example.com"]);
    let two = OutgoingEvent { traits: object(json!({"email": "other@example.com"})), ..event() };
    assert_eq!(Person(&two).emails(), ["zoë@example.com", "other@example.com"]);
}

#[test]
fn the_score_says_what_is_there_and_what_would_raise_it() {
    let about = find("meta").unwrap().about();
    let whole = quality(about, &event()).unwrap();
    assert_eq!((whole.score, whole.missing.len()), (100, 0));
    let little = OutgoingEvent {
        identifiers: vec![identifier("email", "a@example.com")],
        traits: object(json!({})),
        context: object(json!({"fbclid": "x"})),
        ..event()
    };
    let little = quality(about, &little).unwrap();
    assert_eq!(little.score, 40);
    let names = |signals: &[&Signal]| signals.iter().map(|signal| signal.name).collect::<Vec<_>>();
    assert_eq!(names(&little.present), ["email", "fbc"]);
    assert_eq!(names(&little.missing)[..3], ["phone", "fbp", "external_id"]);
    assert!(little.missing.iter().all(|signal| !signal.how.is_empty()));
    assert_eq!(quality(find("slack").unwrap().about(), &event()), None);
}

proptest! {
    #[test]
    fn a_form_is_its_own_form_and_a_hash_is_of_the_form(text in "\\PC{0,24}") {
        for rule in [lower, name, city, state, postal_code, country, gender, google_email] {
            let Some(form) = rule(&text) else { continue };
            prop_assert_eq!(rule(&form), Some(form.clone()));
            if form.len() != 64 && text.trim().len() != 64 {
                prop_assert_eq!(hashed(&text, rule), Some(hex::encode(Sha256::digest(form.as_bytes()))));
            }
        }
    }

    #[test]
    fn more_signals_never_lower_the_score(there in prop::collection::vec(any::<bool>(), 8)) {
        const KEYS: [&str; 8] = ["fbp", "ip", "user_agent", "first_name", "last_name", "city", "zip", "country"];
        let with = |count: usize| {
            let traits = KEYS.iter().zip(&there).take(count).filter(|(_, is)| **is);
            let traits = traits.map(|(key, _)| ((*key).to_owned(), json!("x"))).collect();
            let event = OutgoingEvent {
                identifiers: Vec::new(), traits, context: object(json!({})), ..event()
            };
            quality(find("meta").unwrap().about(), &event).unwrap().score
        };
        for count in 0..KEYS.len() {
            prop_assert!(with(count) <= with(count + 1));
        }
    }
}
