use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::mapping::fixture::Fixture;

fn compile(text: &str, pick: Pick) -> Option<CompiledPath> {
    CompiledPath::compile(&Path { jsonpath: text.to_owned(), pick }, &mut Problems::default())
}

fn find(text: &str, pick: Pick, body: &Value) -> Result<Value, Loss> {
    let fixture = Fixture::new(body.clone());
    compile(text, pick).unwrap().find(&fixture.scope()).map(Cow::into_owned)
}

#[test]
fn picks_among_the_nodes_found() {
    let body = json!({ "items": [{ "n": 1 }, { "n": 2 }, { "n": null }], "one": [{ "n": 9 }] });
    let all = "$.items[*].n";
    assert_eq!(find(all, Pick::First, &body), Ok(json!(1)));
    assert_eq!(find(all, Pick::Last, &body), Ok(json!(null)));
    assert_eq!(find(all, Pick::Only, &body), Err(Loss::Several));
    assert_eq!(find(all, Pick::All, &body), Ok(json!([1, 2, null])));
    assert_eq!(find("$.one[*].n", Pick::Only, &body), Ok(json!(9)));
    assert_eq!(find("$.none[*].n", Pick::All, &body), Err(Loss::Absent));
    assert_eq!(find("$.items[-1].n", Pick::First, &body), Ok(json!(null)));
    assert_eq!(find("$.items[-4].n", Pick::First, &body), Err(Loss::Absent));
    assert_eq!(find("$['items'][\"1\"]", Pick::First, &body), Err(Loss::Absent), "a name is no index");
    assert_eq!(find("$.items[?@.n == 2].n", Pick::First, &body), Ok(json!(2)));
}

#[test]
fn two_dollars_read_the_whole_payload_from_within_an_element() {
    let fixture = Fixture::new(json!({ "id": 7, "items": [{ "id": 1 }] }));
    let message = fixture.scope();
    let element = message.of(&message.element["items"][0]);
    let find = |text| compile(text, Pick::First).unwrap().find(&element).map(Cow::into_owned);
    assert_eq!(find("$.id"), Ok(json!(1)));
    assert_eq!(find("$$.id"), Ok(json!(7)));
    assert_eq!(find("$$..id"), Ok(json!(7)));
}

#[test]
fn what_is_no_path_or_could_cost_too_much_is_refused() {
    for text in [
        "",
        "payload.email",
        "$.",
        "$.a[",
        "$$$.a",
        "$..a..b",
        "$[?$.a[*]]",
        "$[?match(@.a, 'x')]",
        "$[*,*][*,*][*,*][*,*][*,*]",
        "$[?@.a[?@.b[?@.c]]]",
    ] {
        assert!(compile(text, Pick::First).is_none(), "{text}");
    }
    assert!(compile(&format!("$.{}", "a".repeat(600)), Pick::First).is_none());
    assert!(compile("$['a..b$,,,,,,..']", Pick::First).is_some(), "quoted names are not counted");
}

#[test]
fn a_search_that_the_budget_does_not_pay_for_finds_nothing_and_says_so() {
    let fixture = Fixture::new(json!({ "a": [1, 2, 3] }));
    let scope = fixture.scope();
    assert!(fixture.budget.charge(super::super::scope::BUDGET - 6));
    let path = compile("$.a[*]", Pick::First).unwrap();
    assert!(path.find(&scope).is_ok());
    assert!(!fixture.budget.is_used_up());
    assert!(path.find(&scope).is_err());
    assert!(fixture.budget.is_used_up());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i32>().prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-cé_]{1,2}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn simple_path() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        "\\.[a-cé_][a-cé_]?",
        "\\['[a-c. é]{1,2}'\\]",
        "\\[\"[a-c]{1,2}\"\\]",
        (-3_i64..4).prop_map(|index| format!("[{index}]")),
    ];
    prop::collection::vec(segment, 0..4).prop_map(|segments| format!("${}", segments.concat()))
}

proptest! {
    #[test]
    fn the_direct_walk_agrees_with_the_engine(body in any_json(), path in simple_path()) {
        let segments = direct(&path);
        prop_assert!(segments.is_some(), "{path} is simple");
        let engine = JsonPath::parse(&path).unwrap();
        prop_assert_eq!(walk(&body, &segments.unwrap()), engine.query(&body).first());
    }

    #[test]
    fn whatever_is_taken_for_simple_is_read_as_the_engine_reads_it(body in any_json(), path in "\\$[.\\[\\]'\"a-c0-2*?@: -]{0,8}") {
        if let (Ok(engine), Some(segments)) = (JsonPath::parse(&path), direct(&path)) {
            prop_assert_eq!(walk(&body, &segments), engine.query(&body).first());
        }
    }
}

#[test]
fn what_would_take_the_parser_for_ever_is_refused_before_it_is_parsed() {
    let nested = format!("${}{}", "[?@".repeat(40), "]".repeat(40));
    let brackets = format!("$[?{}@.a{}]", "(".repeat(40), ")".repeat(40));
    for path in [nested, brackets, "$..[?count($..*)>0]".to_owned(), "$[?match(@.a, 'b')]".to_owned()] {
        assert_eq!(json_path(&path), Err(PathFault::Costly), "{path}");
    }
    assert_eq!(json_path(&"$".repeat(600)), Err(PathFault::TooLong(600)));
    assert!(matches!(json_path("items"), Err(PathFault::Syntax(_))));
    assert!(json_path("$..[?(@.kind == 'a' && (@.n > 1))]").is_ok());
}
