use serde_json::json;

use super::*;
use crate::mapping::{fixture::Fixture, scope::BUDGET};

fn compile(op: Op) -> Option<CompiledStep> {
    CompiledStep::compile(&Step { id: "s".to_owned(), op }, &mut Problems::default())
}

fn apply(op: Op, before: Value) -> Result<Value, Loss> {
    let fixture = Fixture::new(Value::Null);
    let step = compile(op).unwrap();
    step.apply(Ok(Cow::Owned(before)), &fixture.scope()).map(Cow::into_owned)
}

fn split(separator: &str, index: Option<i32>) -> Op {
    Op::Split { separator: separator.to_owned(), index }
}

fn replace(pattern: &str, with: &str) -> Op {
    Op::Replace { pattern: pattern.to_owned(), with: with.to_owned() }
}

fn lookup(otherwise: Option<Value>) -> Op {
    Op::Lookup {
        table: [("1".to_owned(), json!("one")), ("a".to_owned(), json!({ "n": 1 }))].into(),
        otherwise,
    }
}

#[test]
fn each_step_does_what_it_says() {
    let join = || Op::Join { separator: ", ".to_owned() };
    let date = |format| Op::ToDate(format);
    let phone = |country: &str| Op::ToPhone { country: Some(country.to_owned()) };
    let table: Vec<(Op, Value, Result<Value, Loss>)> = vec![
        (Op::Trim, json!("  a b\n"), Ok(json!("a b"))),
        (Op::Trim, json!([" a ", 1]), Ok(json!(["a", "1"]))),
        (Op::Trim, json!({ "a": 1 }), Err(Loss::NotText)),
        (Op::Trim, json!(null), Err(Loss::Null)),
        (Op::Case(CaseTo::Lower), json!("ÄRGER"), Ok(json!("ärger"))),
        (Op::Case(CaseTo::Upper), json!("straße"), Ok(json!("STRASSE"))),
        (Op::Case(CaseTo::Title), json!("jean-luc o'NEIL de"), Ok(json!("Jean-Luc O'neil De"))),
        (Op::SplitName(NamePart::First), json!(" Ada  King Lovelace "), Ok(json!("Ada King"))),
        (Op::SplitName(NamePart::Last), json!("Ada King Lovelace"), Ok(json!("Lovelace"))),
        (Op::SplitName(NamePart::First), json!("Ada"), Ok(json!("Ada"))),
        (Op::SplitName(NamePart::Last), json!("Ada"), Err(Loss::NoSuchPart)),
        (Op::SplitName(NamePart::First), json!("  "), Err(Loss::Blank)),
        (Op::SplitName(NamePart::First), json!(["Ada"]), Err(Loss::NotText)),
        (split(",", Some(1)), json!("a,b,c"), Ok(json!("b"))),
        (split(",", Some(-1)), json!("a,b,c"), Ok(json!("c"))),
        (split(",", Some(-3)), json!("a,b,c"), Ok(json!("a"))),
        (split(",", Some(3)), json!("a,b,c"), Err(Loss::NoSuchPart)),
        (split(",", Some(i32::MIN)), json!("a,b,c"), Err(Loss::NoSuchPart)),
        (split("\n", None), json!("a\nb"), Ok(json!(["a", "b"]))),
        (join(), json!(["a", null, 2, ""]), Ok(json!("a, 2"))),
        (join(), json!("stays"), Ok(json!("stays"))),
        (join(), json!([{}, { "a": 1 }]), Err(Loss::NotText)),
        (replace(r"(\d+)\s*€", "$1 EUR"), json!("30 € or 40€"), Ok(json!("30 EUR or 40 EUR"))),
        (replace("", "-"), json!("äb"), Ok(json!("-ä-b-"))),
        (replace("x", "${1}y"), json!("axb"), Ok(json!("ayb"))),
        (lookup(None), json!(1.0), Ok(json!("one"))),
        (lookup(None), json!("a"), Ok(json!({ "n": 1 }))),
        (lookup(None), json!("A"), Err(Loss::NotInTable)),
        (lookup(Some(json!("other"))), json!("A"), Ok(json!("other"))),
        (lookup(None), json!([1]), Err(Loss::NotText)),
        (Op::ToNumber, json!(" 12.50 "), Ok(json!(12.5))),
        (Op::ToNumber, json!("twelve"), Err(Loss::NotNumber)),
        (Op::ToBool, json!("Yes"), Ok(json!(true))),
        (Op::ToBool, json!(0), Ok(json!(false))),
        (Op::ToBool, json!(2), Err(Loss::NotBool)),
        (date(DateFormat::Auto), json!("2026-01-31T10:30:00+01:00"), Ok(json!("2026-01-31T09:30:00Z"))),
        (date(DateFormat::UnixSeconds), json!(0), Ok(json!("1970-01-01T00:00:00Z"))),
        (date(DateFormat::Auto), json!("tomorrow"), Err(Loss::NotTime)),
        (phone("US"), json!("(404) 555-0123"), Ok(json!("+14045550123"))),
        (phone("US"), json!("call me"), Err(Loss::NotPhone)),
        (Op::ToPhone { country: None }, json!("+1 404-555-0123"), Ok(json!("+14045550123"))),
        (Op::Default(json!("d")), json!(" "), Ok(json!("d"))),
        (Op::Default(json!("d")), json!(false), Ok(json!(false))),
    ];
    for (op, before, expected) in table {
        assert_eq!(apply(op.clone(), before.clone()), expected, "{op:?} of {before}");
    }
}

#[test]
fn only_a_default_brings_a_lost_value_back() {
    let fixture = Fixture::new(Value::Null);
    let default = compile(Op::Default(json!(0))).unwrap();
    assert_eq!(default.apply(Err(Loss::NotNumber), &fixture.scope()).unwrap().into_owned(), json!(0));
    let trim = compile(Op::Trim).unwrap();
    assert_eq!(trim.apply(Err(Loss::NotNumber), &fixture.scope()), Err(Loss::NotNumber));
}

#[test]
fn no_step_makes_a_value_longer_than_a_mapping_carries() {
    let long = "x".repeat(60_000);
    assert_eq!(apply(replace("x{10}", &"y".repeat(40)), json!(long)), Err(Loss::TooLong));
    let parts: Vec<&str> = vec!["x"; 60_000];
    assert_eq!(apply(Op::Join { separator: " and ".to_owned() }, json!(parts)), Err(Loss::TooLong));
    assert_eq!(apply(Op::Trim, json!("x".repeat(70_000))), Err(Loss::TooLong));
}

/// Whether a step can be done `times` times to `before` until the budget is used up.
fn can_be_done(op: Op, before: &Value, times: usize) -> bool {
    let fixture = Fixture::new(Value::Null);
    let step = compile(op).unwrap();
    let scope = fixture.scope();
    (0..times).all(|_| {
        // What comes out does not matter here.
        let _ = step.apply(Ok(Cow::Borrowed(before)), &scope);
        !fixture.budget.is_used_up()
    })
}

#[test]
fn steps_on_long_texts_use_the_budget_up() {
    let long = json!("x".repeat(60_000));
    let cases = [
        (Op::Trim, 700),
        (split(",", None), 700),
        (replace("y", ""), 700),
        (replace("(?:y|z){1,9}", ""), 25),
        (replace(&"(?:y|z)".repeat(100), ""), 10),
    ];
    for (op, times) in cases {
        assert!(!can_be_done(op.clone(), &long, times), "{times} times {op:?}");
    }
    let many = json!(vec!["x".repeat(60_000); 20]);
    assert!(!can_be_done(Op::Trim, &many, 50), "each text of a list counts");
}

#[test]
fn each_match_pays_for_what_may_be_read_to_find_it() {
    let fixture = Fixture::new(Value::Null);
    assert!(fixture.budget.charge(BUDGET - 200_000));
    // Each of its matches reads on to the end before it is known to be short.
    let step = compile(replace("x.*y|x", "")).unwrap();
    let long = Cow::Owned(json!("x".repeat(60_000)));
    assert_eq!(step.apply(Ok(long), &fixture.scope()), Err(Loss::TooMuchWork));
    assert!(fixture.budget.is_used_up());
}

#[test]
fn steps_on_ordinary_values_hardly_touch_the_budget() {
    let cost = |op: Op, before: Value| {
        let fixture = Fixture::new(Value::Null);
        // What comes out does not matter here.
        let _ = compile(op).unwrap().apply(Ok(Cow::Owned(before)), &fixture.scope());
        usize::try_from(fixture.budget.used()).unwrap()
    };
    let budget = usize::try_from(BUDGET).unwrap();
    let name = || json!("Grace Brewster Hopper");
    // All steps of as many mappings as one list may have, for each of the most elements.
    let most = limits::MAPPINGS * limits::STEPS * limits::ELEMENTS;
    assert!(cost(Op::Trim, name()) * most < budget);
    assert!(cost(replace(r"\s+", " "), name()) * most / 2 < budget);
    assert!(cost(Op::ToPhone { country: None }, json!("+1 404-555-0142")) * limits::ELEMENTS * 50 < budget);
}

#[test]
fn what_cannot_be_done_is_refused() {
    let many = (0..501).map(|key| (key.to_string(), Value::Null)).collect();
    for op in [
        split("", None),
        split(&",".repeat(33), None),
        replace("(", ""),
        replace("a{1000}{1000}", ""),
        replace(&"a".repeat(1_025), ""),
        Op::Lookup { table: many, otherwise: None },
        Op::ToDate(DateFormat::Pattern("%!".to_owned())),
        Op::ToPhone { country: Some("USA".to_owned()) },
        Op::Default(json!("x".repeat(20_000))),
    ] {
        assert!(compile(op.clone()).is_none(), "{op:?}");
    }
}
