use proptest::prelude::*;
use regex::Regex;
use serde_json::{Value, json};
use unicode_normalization::UnicodeNormalization;

use super::{
    cluid::{self, CluidReading},
    identifier, phone, rule,
};
use crate::{identity::IdentifierType, tenant::TenantSettings};

const CLUID: &str = "trb_01h8xkq7v2m3n4p5r6s7t8v9w0";

fn tenant() -> TenantSettings {
    TenantSettings { default_country: "US".to_owned(), ..TenantSettings::default() }
}

fn normal(kind: &str, value: impl Into<Value>) -> Result<String, &'static str> {
    let kind = IdentifierType::parse(kind).unwrap();
    match identifier(&kind, &value.into(), &tenant()) {
        Ok(identifier) => Ok(identifier.value),
        Err(rejection) => Err(rejection.rule),
    }
}

#[test]
fn emails_become_one_form() {
    let cases = [
        ("  Nadia.Okafor@Example.COM \n", "nadia.okafor@example.com"),
        ("nadia+news@example.com", "nadia+news@example.com"),
        ("n.a.d.i.a@gmail.com", "n.a.d.i.a@gmail.com"),
        ("jos\u{65}\u{301}@example.com", "jos\u{e9}@example.com"),
        ("J\u{30c}@example.com", "\u{1f0}@example.com"),
        ("kontakt@B\u{dc}CHER.example", "kontakt@xn--bcher-kva.example"),
        ("kontakt@xn--bcher-kva.example", "kontakt@xn--bcher-kva.example"),
        ("a@fa\u{df}.example", "a@xn--fa-hia.example"),
        ("o'hara!x%y@example.co.uk", "o'hara!x%y@example.co.uk"),
        ("\u{0e1c}\u{0e39}\u{0e49}@example.com", "\u{0e1c}\u{0e39}\u{0e49}@example.com"),
    ];
    for (raw, expected) in cases {
        assert_eq!(normal("email", raw).as_deref(), Ok(expected), "{raw}");
    }
}

#[test]
fn what_is_no_email_is_refused() {
    let texts = [
        "nadia",
        "nadia@",
        "@example.com",
        "nadia@example",
        "a b@example.com",
        "a@b@example.com",
        "a..b@example.com",
        ".a@example.com",
        "a.@example.com",
        "a@example..com",
        "a@-example.com,b@example.com",
        "mailto:a@example.com",
        "Nadia <a@example.com>",
        "\"nadia\"@example.com",
        "a@[192.0.2.1]",
        "a@192.0.2.1",
        "a@exa_mple.com",
        "a\u{ff20}example.com",
    ];
    for text in texts {
        assert_eq!(normal("email", text), Err(rule::NOT_AN_EMAIL), "{text}");
    }
    assert_eq!(normal("email", format!("{}@example.com", "a".repeat(64))).map(|value| value.len()), Ok(76));
    assert_eq!(normal("email", format!("{}@example.com", "a".repeat(65))), Err(rule::NOT_AN_EMAIL));
}

#[test]
fn phones_become_e164() {
    let cases = [
        ("+1 404-555-0142", "+14045550142"),
        ("(404) 555-0142", "+14045550142"),
        ("404.555.0142", "+14045550142"),
        ("1 404 555 0142", "+14045550142"),
        ("+15551234567", "+15551234567"),
        ("+44 (0)20 7946 0958", "+442079460958"),
        ("011 49 30 901820", "+4930901820"),
        ("+39 06 6982", "+39066982"),
        ("+\u{0661} \u{0664}\u{0660}\u{0664} 555 0142", "+14045550142"),
    ];
    for (raw, expected) in cases {
        assert_eq!(normal("phone", raw).as_deref(), Ok(expected), "{raw}");
    }
    assert_eq!(normal("phone", 14_045_550_142_i64).as_deref(), Ok("+14045550142"));
    assert_eq!(phone("030 901820", "DE").as_deref(), Some("+4930901820"));
    assert_eq!(phone("+49 30 901820", "").as_deref(), Some("+4930901820"));
    assert_eq!(phone("404-555-0142", ""), None, "no country to complete it by");
    assert_eq!(phone("404-555-0142", "nowhere"), None);
}

#[test]
fn what_is_not_one_persons_phone_is_refused() {
    let texts = [
        "call me",
        "404-555-0142 ext. 7",
        "+1 404 555 0142;ext=7",
        "404-555-0142 x7",
        "1-800-FLOWERS",
        "555-0142",
        "911",
        "+1404555014200",
        "+1 404 555",
        "+999 12345678",
        "9999999999",
        "+1 111 111 1111",
        "123-456-7890",
        "+",
        "a@example.com",
    ];
    for text in texts {
        assert_eq!(normal("phone", text), Err(rule::NOT_A_PHONE), "{text}");
    }
    assert_eq!(normal("phone", "000-000-0000"), Err(rule::PLACEHOLDER));
}

#[test]
fn a_cluid_is_our_own_format_only() {
    assert_eq!(normal("cluid", CLUID).as_deref(), Ok(CLUID));
    assert_eq!(normal("cluid", CLUID.to_uppercase()).as_deref(), Ok(CLUID));
    let foreign = [
        "clinic",
        "trb_",
        &CLUID[..29],
        &format!("{CLUID}0"),
        "trb_01h8xkq7v2m3n4p5r6s7t8v9wu",
        "pimms_id_4711",
        "aaid_5f0c6a1e-7b1d-4a64-9f0d-3c2b8e5a7d41",
        "{\"rep\":\"tom\"}",
        "trb-01h8xkq7v2m3n4p5r6s7t8v9w0",
    ];
    for text in foreign {
        assert_eq!(normal("cluid", text), Err(rule::NOT_A_CLUID), "{text}");
    }
}

#[test]
fn a_cluid_field_is_read_for_what_it_is() {
    let read = |value: Value| cluid::read(Some(&value), &[]);
    assert_eq!(read(json!(format!(" {} ", CLUID.to_uppercase()))), CluidReading::Found(CLUID.to_owned()));
    assert_eq!(cluid::read(None, &[]), CluidReading::Missing);
    for missing in [json!(null), json!(""), json!("  ")] {
        assert_eq!(read(missing), CluidReading::Missing);
    }
    for word in ["null", "undefined", "{{cluid}}", "%CLUID%", "\"null\"", "0000"] {
        assert_eq!(read(json!(word)), CluidReading::Placeholder(word.to_owned()));
    }
    for word in ["clinic", "{\"rep\":\"tom\"}", "pimms_id_4711", "a\u{200b}b"] {
        assert_eq!(read(json!(word)), CluidReading::Foreign(word.to_owned()));
    }
    assert_eq!(read(json!(4711)), CluidReading::Foreign("4711".to_owned()));
    assert_eq!(read(json!({"a": 1})).status(), "FOREIGN");
    assert_eq!(read(json!("x".repeat(10_000))), CluidReading::Foreign("x".repeat(200)));

    let allowed = [Regex::new("^pimms_id_[0-9]+$").unwrap()];
    let found = cluid::read(Some(&json!("pimms_id_4711")), &allowed);
    assert_eq!(found.found(), Some("pimms_id_4711"));
    assert_eq!(cluid::read(Some(&json!("pimms_id_x")), &allowed).status(), "FOREIGN");
    assert_eq!(cluid::read(Some(&json!("null")), &[Regex::new("^.*$").unwrap()]).status(), "PLACEHOLDER");
}

#[test]
fn values_that_stand_for_nobody_are_refused_for_every_type() {
    let placeholders = [
        "null",
        "NULL",
        " Undefined ",
        "none",
        "NaN",
        "anonymous",
        "Guest",
        "id",
        "e-mail".replace('-', "").as_str(),
        "[object Object]",
        "true",
        "FALSE",
        "0",
        "000000",
        "-",
        "---",
        "00000000-0000-0000-0000-000000000000",
        "\u{2014}\u{2014}",
        "\"null\"",
        "'none'",
        "\"'null'\"",
        "\\\"null\\\"",
        "\u{201c}guest\u{201d}",
        "\"\"",
        "` id `",
    ]
    .map(str::to_owned);
    let markers = [
        "{{email}}",
        "{{ contact.email }}",
        "%EMAIL%",
        "%%email%%",
        "\"{{email}}\"",
        "%7B%7Bemail%7D%7D",
        "${email}",
        "*|EMAIL|*",
        "{{first}}@example.com",
        "[[user_id]]",
    ];
    for kind in ["email", "phone", "cluid", "fbp", "external_id:crm"] {
        for text in &placeholders {
            assert_eq!(normal(kind, text.as_str()), Err(rule::PLACEHOLDER), "{kind} {text}");
        }
        for text in markers {
            assert_eq!(normal(kind, text), Err(rule::TEMPLATE_MARKER), "{kind} {text}");
        }
        assert_eq!(normal(kind, json!(null)), Err(rule::EMPTY));
        assert_eq!(normal(kind, " \u{a0}\n"), Err(rule::EMPTY));
        assert_eq!(normal(kind, json!(false)), Err(rule::PLACEHOLDER));
        assert_eq!(normal(kind, json!(0)), Err(rule::PLACEHOLDER));
        assert_eq!(normal(kind, json!(["a"])), Err(rule::NOT_TEXT));
        assert_eq!(normal(kind, json!({"id": 1})), Err(rule::NOT_TEXT));
        for hidden in ["a\u{200b}b@example.com", "a\u{feff}", "x\u{0}y", "x\ty", "\u{202e}abc", "so\u{ad}ft"]
        {
            assert_eq!(normal(kind, hidden), Err(rule::INVISIBLE_CHARACTER), "{kind} {hidden:?}");
        }
    }
    assert_eq!(normal("external_id:crm", "identity"), Ok("identity".to_owned()), "only the whole word");
    assert_eq!(normal("external_id:crm", "0-7"), Ok("0-7".to_owned()));
}

#[test]
fn external_ids_keep_their_case_and_numbers_their_digits() {
    assert_eq!(normal("external_id:crm", " cus_NffrFeUfNV2Hib "), Ok("cus_NffrFeUfNV2Hib".to_owned()));
    assert_eq!(normal("external_id:crm", u64::MAX), Ok("18446744073709551615".to_owned()));
    assert_eq!(normal("external_id:crm", i64::MIN), Ok("-9223372036854775808".to_owned()));
    assert_eq!(normal("external_id:crm", json!(42.0)), Ok("42".to_owned()));
    assert_eq!(normal("external_id:crm", json!(9_007_199_254_740_991.0)), Ok("9007199254740991".to_owned()));
    for inexact in ["9007199254740993.0", "1e30", "-1e16", "1.5", "18446744073709551616"] {
        let value: Value = serde_json::from_str(inexact).unwrap();
        assert_eq!(normal("external_id:crm", value), Err(rule::NUMBER_NOT_EXACT), "{inexact}");
    }
    assert_eq!(normal("ga_client_id", "1234567890.1234567890"), Ok("1234567890.1234567890".to_owned()));
    assert_eq!(normal("fbp", "fb.1.1700000000000.AbC"), Ok("fb.1.1700000000000.AbC".to_owned()));
}

#[test]
fn the_length_is_that_of_the_normal_form() {
    assert_eq!(normal("external_id:crm", "x".repeat(512)).map(|value| value.len()), Ok(512));
    assert_eq!(normal("external_id:crm", "x".repeat(513)), Err(rule::TOO_LONG));
    assert_eq!(normal("external_id:crm", "e\u{301}".repeat(512)), Ok("\u{e9}".repeat(512)));
    assert_eq!(normal("external_id:crm", "x".repeat(10_000_000)), Err(rule::TOO_LONG));
}

#[test]
fn a_tenant_blocks_values_of_its_own() {
    let blocked =
        ["Info@Agency.example", " (404) 555-0100", "TEST-1", "stra\u{df}e"].map(str::to_owned).to_vec();
    let tenant = TenantSettings { blocked_values: blocked, ..tenant() };
    let check = |kind: &str, value: &str| {
        let kind = IdentifierType::parse(kind).unwrap();
        identifier(&kind, &json!(value), &tenant).map_err(|rejection| rejection.rule)
    };
    for (kind, value) in [
        ("email", "INFO@agency.example "),
        ("phone", "+1 404 555 0100"),
        ("external_id:crm", "test-1"),
        ("external_id:crm", "'Test-1'"),
        ("external_id:crm", "STRASSE"),
    ] {
        assert_eq!(check(kind, value), Err(rule::BLOCKED_VALUE), "{kind} {value}");
    }
    assert!(check("email", "nadia@agency.example").is_ok());
    assert!(check("phone", "+1 404 555 0101").is_ok());
}

#[test]
fn the_raw_value_is_kept_where_it_differs() {
    let kind = IdentifierType::parse("email").unwrap();
    let raw = |value: &str| identifier(&kind, &json!(value), &tenant()).unwrap().raw;
    assert_eq!(raw(" A@example.com").as_deref(), Some(" A@example.com"));
    assert_eq!(raw("a@example.com"), None);
}

/// Pairs that look alike and are two people, or may be: their normal forms differ, or one of them has none.
#[test]
fn pairs_that_must_not_join_do_not() {
    let pairs = [
        ("email", "na.dia@gmail.com", "nadia@gmail.com"),
        ("email", "nadia+a@gmail.com", "nadia@gmail.com"),
        ("email", "a@fa\u{df}.example", "a@fass.example"),
        ("email", "jose@example.com", "jos\u{e9}@example.com"),
        ("email", "\u{430}nna@example.com", "anna@example.com"),
        ("email", "a@mail.example.com", "a@example.com"),
        ("email", "a@example.com.", "a@example.com"),
        ("email", "{{a}}@example.com", "{{b}}@example.com"),
        ("phone", "+1 404 555 0142 x1", "+1 404 555 0142 x2"),
        ("phone", "555-0142", "+1 555-0142"),
        ("phone", "+44 20 7946 0958", "+1 20 7946 0958"),
        ("external_id:crm", "00Qa", "00QA"),
        ("external_id:crm", "007", "7"),
        ("external_id:crm", "1.0", "1"),
        ("external_id:crm", "\u{fb01}n", "fin"),
        ("external_id:crm", "a b", "ab"),
        ("fbp", "fb.1.1.a", "fb.1.1.A"),
        ("cluid", "trb_01h8xkq7v2m3n4p5r6s7t8v9w0", "trb_01h8xkq7v2m3n4p5r6s7t8v9wo"),
    ];
    for (kind, left, right) in pairs {
        let (left, right) = (normal(kind, left), normal(kind, right));
        assert!(left != right || left.is_err(), "{kind}: {left:?}");
    }
    let exact: Value = serde_json::from_str("9007199254740993").unwrap();
    let rounded: Value = serde_json::from_str("9007199254740993.0").unwrap();
    assert_ne!(normal("external_id:crm", exact), normal("external_id:crm", rounded));
}

fn kinds() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["email", "phone", "cluid", "ga_client_id", "external_id:crm"])
}

fn values() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,20}",
        "[ \"'A-Za-zÀ-ÿĀ-žΑ-ωİıẞſK\u{300}-\u{36f}.+-]{1,12}@[A-Za-zÀ-ÿ\u{300}-\u{305}-]{1,10}\\.[a-zA-Z]{2,5}",
        "[+0]{0,2}[0-9 ().-]{5,16}",
        "(trb|TRB)_[0-9a-hjkmnp-tv-zA-H]{25,27}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn normalising_twice_changes_nothing(kind in kinds(), value in values()) {
        if let Ok(once) = normal(kind, value) {
            prop_assert_eq!(normal(kind, once.clone()), Ok(once));
        }
    }

    #[test]
    fn the_unicode_form_makes_no_difference(kind in kinds(), value in values()) {
        let (composed, decomposed): (String, String) = (value.nfc().collect(), value.nfd().collect());
        prop_assert_eq!(normal(kind, composed), normal(kind, decomposed));
    }

    #[test]
    fn white_space_and_case_of_an_email_make_no_difference(
        local in "[a-z0-9]{1,8}", domain in "[a-z]{2,8}\\.(com|org)", space in "[ \\t\\n\u{a0}]{0,3}",
    ) {
        let plain = format!("{local}@{domain}");
        prop_assume!(normal("email", plain.clone()).is_ok());
        let dressed = format!("{space}{}{space}", plain.to_uppercase());
        prop_assert_eq!(normal("email", dressed), Ok(plain));
    }
}
