use proptest::prelude::*;
use serde_json::Value;

use super::{Limits, ScanReason, scan};

fn reason(body: &[u8]) -> Option<(&'static str, usize)> {
    scan(body, &Limits::default()).err().map(|error| (error.reason.code(), error.offset))
}

#[test]
fn well_formed_json_passes() {
    let bodies: [&str; 12] = [
        "null",
        " true ",
        "-0",
        "0.5e-3",
        "\"\"",
        "[]",
        "{}",
        "[[],{}]",
        "\t{\"a\":[1,\"b\\n\\u00e9\\ud83d\\ude00\"]}\r\n",
        "\"ünï 😀\"",
        "{\"a\":1,\"a\":2}",
        "[1e308,-1E+30,1.5]",
    ];
    for body in bodies {
        assert_eq!(reason(body.as_bytes()), None, "{body}");
    }
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let cases: [(&[u8], &str, usize); 37] = [
        (b"", "JSON_UNEXPECTED_END", 0),
        (b"  ", "JSON_UNEXPECTED_END", 2),
        (b"\xef\xbb\xbf{}", "JSON_BYTE_ORDER_MARK", 0),
        (b"[\"\xff\"]", "JSON_INVALID_UTF8", 2),
        (b"\"\xed\xa0\x80\"", "JSON_INVALID_UTF8", 1),
        (b"{", "JSON_UNEXPECTED_END", 1),
        (b"[1", "JSON_UNEXPECTED_END", 2),
        (b"\"abc", "JSON_UNEXPECTED_END", 4),
        (b"tru", "JSON_UNEXPECTED_END", 3),
        (b"trux", "JSON_UNEXPECTED_CHARACTER", 3),
        (b"nUll", "JSON_UNEXPECTED_CHARACTER", 1),
        (b"NaN", "JSON_UNEXPECTED_CHARACTER", 0),
        (b"{a:1}", "JSON_UNEXPECTED_CHARACTER", 1),
        (b"{\"a\" 1}", "JSON_UNEXPECTED_CHARACTER", 5),
        (b"{\"a\":1,}", "JSON_UNEXPECTED_CHARACTER", 7),
        (b"[1,]", "JSON_UNEXPECTED_CHARACTER", 3),
        (b"[1}", "JSON_UNEXPECTED_CHARACTER", 2),
        (b"{\"a\":1]", "JSON_UNEXPECTED_CHARACTER", 6),
        (b"[,]", "JSON_UNEXPECTED_CHARACTER", 1),
        (b"1 2", "JSON_TRAILING_CHARACTERS", 2),
        (b"{}\0", "JSON_TRAILING_CHARACTERS", 2),
        (b"01", "JSON_TRAILING_CHARACTERS", 1),
        (b"+1", "JSON_UNEXPECTED_CHARACTER", 0),
        (b"-", "JSON_UNEXPECTED_END", 1),
        (b"[-a]", "JSON_INVALID_NUMBER", 2),
        (b"[1.]", "JSON_INVALID_NUMBER", 3),
        (b"[1e+]", "JSON_INVALID_NUMBER", 4),
        (b"[1e400]", "JSON_NUMBER_OUT_OF_RANGE", 1),
        (b"\"a\tb\"", "JSON_CONTROL_CHARACTER", 2),
        (b"\"\\x\"", "JSON_INVALID_ESCAPE", 1),
        (b"\"\\u12g4\"", "JSON_INVALID_ESCAPE", 1),
        (b"\"ab\\u0000\"", "JSON_NUL_CHARACTER", 3),
        (b"\"\\ud83d\\u0041\"", "JSON_LONE_SURROGATE", 1),
        (b"\"\\ud83d\\ud83d\"", "JSON_LONE_SURROGATE", 1),
        (b"\"\\ude00\\ud83d\"", "JSON_LONE_SURROGATE", 1),
        (b"\"\\ud83d\"", "JSON_LONE_SURROGATE", 1),
        (b"{\"\\udc00\":1}", "JSON_LONE_SURROGATE", 2),
    ];
    for (body, code, offset) in cases {
        assert_eq!(reason(body), Some((code, offset)), "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn depth_counts_what_is_open_at_once() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert_eq!(reason(nested(64).as_bytes()), None);
    assert_eq!(reason(nested(65).as_bytes()), Some(("JSON_TOO_DEEP", 64)));
    assert_eq!(reason("[".repeat(100_000).as_bytes()), Some(("JSON_TOO_DEEP", 64)));
    let objects = "{\"a\":".repeat(64) + "1" + &"}".repeat(64);
    assert_eq!(reason(objects.as_bytes()), None);
    assert_eq!(reason(format!("[{}]", vec!["[[]]"; 500].join(",")).as_bytes()), None, "wide is not deep");

    let unbounded = Limits { depth: u32::MAX, ..Limits::default() };
    assert!(scan(nested(128).as_bytes(), &unbounded).is_ok());
    assert_eq!(
        scan(nested(129).as_bytes(), &unbounded).map_err(|error| error.reason),
        Err(ScanReason::TooDeep)
    );
}

#[test]
fn sizes_are_bounded_at_their_edges() {
    let number = |length: usize| "1".repeat(length);
    assert_eq!(reason(number(100).as_bytes()), None);
    assert_eq!(reason(format!("[{}]", number(101)).as_bytes()), Some(("JSON_NUMBER_TOO_LONG", 1)));

    let list = |values: usize| format!("[{}]", vec!["0"; values - 1].join(","));
    assert_eq!(reason(list(100_000).as_bytes()), None);
    assert_eq!(reason(list(100_001).as_bytes()).map(|(code, _)| code), Some("JSON_TOO_MANY_VALUES"));

    let object = |key: String| format!("{{\"{key}\":1}}");
    for character in ["k", "é", "😀", "\\n", "\\u00e9", "\\ud83d\\ude00"] {
        assert_eq!(reason(object(character.repeat(65_536)).as_bytes()), None, "{character}");
        let longer = object(character.repeat(65_537));
        assert_eq!(reason(longer.as_bytes()), Some(("JSON_KEY_TOO_LONG", 1)), "{character}");
    }
}

/// Limits that no generated body reaches.
const WIDE: Limits = Limits { depth: 120, number: 10_000, values: usize::MAX, key: usize::MAX };

/// The scan accepts exactly what the parser accepts, but for the limits and the character NUL.
fn agrees_with_parser(body: &[u8]) -> Result<(), TestCaseError> {
    let scanned = scan(body, &WIDE);
    let parsed = serde_json::from_slice::<Value>(body);
    let is_ours_alone = matches!(scanned, Err(error) if error.reason == ScanReason::NulCharacter);
    if !is_ours_alone {
        prop_assert_eq!(scanned.is_ok(), parsed.is_ok(), "{:?}, {:?}", scanned, parsed);
    }
    if let Err(error) = scanned {
        prop_assert!(error.offset <= body.len());
    }
    Ok(())
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,3})?",
        "\"([ -!#-\\[\\]-~é😀]|\\\\[\"\\\\/bfnrt]|\\\\u[0-9a-fA-F]{4}|\\\\ud83d\\\\ude00){0,20}\"",
    ];
    leaf.prop_recursive(6, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|items| format!("[ {}]", items.join(" ,"))),
            prop::collection::vec(("[a-z]{0,3}", inner), 0..5).prop_map(|members| {
                let members: Vec<String> =
                    members.iter().map(|(key, value)| format!("\"{key}\" :{value}")).collect();
                format!("{{{}\n}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn agrees_on_json(body in json()) {
        agrees_with_parser(body.as_bytes())?;
    }

    #[test]
    fn agrees_on_json_with_a_byte_changed(body in json(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut body = body.into_bytes();
        let at = at.index(body.len());
        body[at] = byte;
        agrees_with_parser(&body)?;
    }

    #[test]
    fn agrees_on_json_cut_short_or_doubled(body in json(), at in any::<prop::sample::Index>()) {
        let at = at.index(body.len() + 1);
        agrees_with_parser(&body.as_bytes()[..at])?;
        agrees_with_parser(&[body.as_bytes(), &body.as_bytes()[at..]].concat())?;
    }

    #[test]
    fn agrees_on_soup(body in "[\\[\\]{}:,\" \\\\u0dD8cfaeE.+-]{0,12}") {
        agrees_with_parser(body.as_bytes())?;
    }

    #[test]
    fn agrees_on_numbers_at_the_edge_of_floats(digits in "[1-9]\\.[0-9]{0,25}", exponent in 290..320_i32) {
        agrees_with_parser(format!("{digits}e{exponent}").as_bytes())?;
    }

    #[test]
    fn finds_the_first_special_byte_wherever_it_stands(
        before in "[ -!#-\\[\\]-~é😀]{0,40}",
        special in prop::sample::select(vec![b'"', b'\n', 0x1f, 0]),
    ) {
        let body = [b"\"", before.as_bytes(), &[special]].concat();
        let expected = match special {
            b'"' => Ok(()),
            _ => Err((ScanReason::ControlCharacter, before.len() + 1)),
        };
        prop_assert_eq!(scan(&body, &WIDE).map_err(|error| (error.reason, error.offset)), expected);
    }
}
