use proptest::prelude::*;

use super::{Operator::*, *};

const KNOWN: [Field; 3] = [
    Field { name: "status", operators: &[Is, IsNot] },
    Field { name: "time", operators: &[AtLeast, Above, AtMost, Below] },
    Field { name: "body", operators: &[Contains] },
];

fn parse(text: &str) -> Filter {
    Filter::parse(text, &KNOWN).unwrap()
}

#[test]
fn comparisons_are_found_by_field_and_operator() {
    let text = r#"  status="FAILED"  AND time >= 2026-01-31T09:30:00+01:00 AND time<'2026-02-01T00:00:00Z' "#;
    let filter = parse(text);
    let value = |field, operator| filter.find(field, operator).map(Clause::value);
    assert_eq!(value("status", Is), Some("FAILED"));
    assert_eq!(value("time", AtLeast), Some("2026-01-31T09:30:00+01:00"));
    assert_eq!(value("time", Below), Some("2026-02-01T00:00:00Z"));
    assert_eq!((value("time", Above), value("status", IsNot)), (None, None));
    assert_eq!(parse(""), Filter::default());
    assert_eq!(parse(" \n"), Filter::default());
}

#[test]
fn texts_are_quoted_and_can_be_several() {
    let filter = parse(r#"body:"say \"hi\" \\ AND" AND body:'it\'s (ü)' AND body : plain"#);
    let texts: Vec<_> = filter.all("body", Contains).map(Clause::value).collect();
    assert_eq!(texts, [r#"say "hi" \ AND"#, "it's (ü)", "plain"]);
}

#[test]
fn what_is_not_understood_is_refused_with_its_place() {
    for (text, at, word) in [
        ("status", 7, "expected one of ="),
        ("status =", 9, "expected a value"),
        (r#"status = "FAILED"#, 10, "not closed"),
        (r#"status = "a\n""#, 12, "backslash"),
        (r#"status = é"#, 10, "expected a value"),
        (r#"status ~ "A""#, 8, "expected one of ="),
        (r#"status < "FAILED""#, 1, "cannot be compared with `<`"),
        (r#"ünknown = "x""#, 1, "expected a comparison"),
        (r#"body:"é" AND cluid = "x""#, 14, "no field `cluid`"),
        (r#"status = "A" OR status = "B""#, 14, "no OR"),
        (r#"NOT status = "A""#, 1, "no NOT"),
        (r#"-status = "A""#, 1, "no NOT"),
        (r#"(status = "A")"#, 1, "parentheses"),
        (r#"status = "A" AND"#, 14, "expected AND"),
        (r#"status = "A" ANDbody:x"#, 14, "expected AND"),
        (r#"status = "A"AND body:x"#, 13, "expected AND"),
        (r#"AND status = "A""#, 1, "AND"),
        (r#"status = "A" AND status = "B""#, 18, "twice"),
        (r#"status = A*"#, 11, "expected AND"),
        (r#"= "A""#, 1, "expected a comparison"),
    ] {
        let refused = Filter::parse(text, &KNOWN).unwrap_err();
        let message = refused.message();
        assert!(message.contains(&format!("at character {at}: ")), "{text}: {message}");
        assert!(message.contains(word), "{text}: {message}");
    }
    let unknown = Filter::parse("x = 1", &KNOWN).unwrap_err();
    let fields = "the fields are status (= !=), time (>= > <= <), body (:)";
    assert!(unknown.message().ends_with(fields), "{}", unknown.message());
    assert!(Filter::parse(&" ".repeat(MAX_LENGTH + 1), &KNOWN).is_err());
}

#[test]
fn a_value_that_means_nothing_is_refused_with_its_place() {
    let filter = parse("body:x AND status = LOST");
    let number = |text: &str| text.parse::<u8>().ok();
    let refused = filter.read("status", Is, "a number", number).unwrap_err();
    assert_eq!(refused.message(), "filter: at character 12: `status`: expected a number");
    assert_eq!(filter.read("status", IsNot, "a number", number).unwrap(), None);
}

/// A text in quotes, as people write it down.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

proptest! {
    #[test]
    fn what_is_quoted_comes_back(texts in prop::collection::vec(".{0,20}", 1..5)) {
        let clauses: Vec<_> = texts.iter().map(|text| format!("body:{}", quoted(text))).collect();
        let filter = parse(&clauses.join(" AND "));
        let found: Vec<_> = filter.all("body", Contains).map(Clause::value).collect();
        prop_assert_eq!(found, texts.iter().map(String::as_str).collect::<Vec<_>>());
    }

    #[test]
    fn no_text_breaks_the_reader(text in r#"[a-zé"'\\ =<>!:()-]{0,40}|\PC{0,40}"#) {
        if let Err(refused) = Filter::parse(&text, &KNOWN) {
            prop_assert_eq!(refused.code(), tonic::Code::InvalidArgument);
        }
    }
}
