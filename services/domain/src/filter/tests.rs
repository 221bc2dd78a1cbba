use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    mapping::fixture::Fixture,
    workflow::{
        compile::Problems,
        spec::{Condition, Group, Input, Logic, Node, Operator, Path, Pick, Test},
        trace::{NodeOutcome, Recorder, Silent},
    },
};

fn condition(path: &str, op: Operator, right: Vec<Value>) -> Test {
    let left = Input::Path(Path { jsonpath: path.to_owned(), pick: Pick::First });
    Test::Condition(Condition { left, op, right })
}

fn group(logic: Logic, tests: Vec<Test>) -> Group {
    fn with_ids(logic: Logic, tests: Vec<Test>, prefix: &str) -> Group {
        let nodes = tests.into_iter().enumerate().map(|(index, test)| {
            let id = format!("{prefix}{index}");
            let test = match test {
                Test::Group(inner) => {
                    let tests = inner.nodes.into_iter().map(|node| node.test).collect();
                    Test::Group(with_ids(inner.logic, tests, &format!("{id}.")))
                }
                condition => condition,
            };
            Node { id, test }
        });
        Group { logic, nodes: nodes.collect() }
    }
    with_ids(logic, tests, "n")
}

fn compile(group: &Group) -> CompiledGroup {
    let mut problems = Problems::default();
    let compiled = CompiledGroup::compile(group, &mut problems);
    assert!(!problems.failed(), "{:?}", problems.into_list());
    compiled.unwrap()
}

fn is_refused(test: Test) -> bool {
    let mut problems = Problems::default();
    CompiledGroup::compile(&group(Logic::All, vec![test]), &mut problems);
    problems.failed()
}

fn holds(op: Operator, left: &Value, right: Vec<Value>) -> bool {
    let fixture = Fixture::new(json!({ "x": left }));
    compile(&group(Logic::All, vec![condition("$.x", op, right)])).holds(&fixture.scope(), &mut Silent)
}

#[test]
fn each_operator_holds_where_it_should() {
    use Operator::*;
    let day = || json!("2026-01-31");
    let table: Vec<(Operator, Value, Vec<Value>, bool)> = vec![
        (Equals, json!("active"), vec![json!("active")], true),
        (Equals, json!("Active"), vec![json!("active")], false),
        (Equals, json!(5), vec![json!("5")], true),
        (Equals, json!("5"), vec![json!(5)], true),
        (Equals, json!(" 5.0 "), vec![json!(5)], true),
        (Equals, json!(5), vec![json!("5.0")], true),
        (Equals, json!("5"), vec![json!("5.0")], false),
        (Equals, json!(9_007_199_254_740_993_i64), vec![json!(9_007_199_254_740_992_i64)], false),
        (Equals, json!("TRUE"), vec![json!(true)], true),
        (Equals, json!(true), vec![json!("true")], true),
        (Equals, json!(1), vec![json!(true)], false),
        (Equals, json!(null), vec![json!(null)], true),
        (Equals, json!(null), vec![json!("")], false),
        (Equals, json!([1, 2]), vec![json!([1, 2])], true),
        (Equals, json!("2026-01-31T10:00:00+01:00"), vec![json!("2026-01-31T09:00:00Z")], true),
        (NotEquals, json!(null), vec![json!("a")], true),
        (NotEquals, json!("a"), vec![json!("a")], false),
        (Contains, json!("a booking"), vec![json!("book")], true),
        (Contains, json!(["a", 5]), vec![json!("5")], true),
        (Contains, json!({ "a": 1 }), vec![json!("a")], false),
        (Contains, json!(null), vec![json!("a")], false),
        (NotContains, json!(["a"]), vec![json!("b")], true),
        (NotContains, json!("abc"), vec![json!("b")], false),
        (StartsWith, json!("invitee.created"), vec![json!("invitee.")], true),
        (StartsWith, json!(2026), vec![json!("20")], true),
        (StartsWith, json!(["a"]), vec![json!("a")], false),
        (EndsWith, json!("a@b.example"), vec![json!("@b.example")], true),
        (EndsWith, json!("a"), vec![json!("ba")], false),
        (Matches, json!("Demo 15 min"), vec![json!(r"(?i)demo \d+")], true),
        (Matches, json!("x"), vec![json!("^y")], false),
        (Matches, json!("x".repeat(70_000)), vec![json!("x")], false),
        (In, json!(2), vec![json!("1"), json!("2")], true),
        (In, json!("c"), vec![json!("a"), json!("b")], false),
        (NotIn, json!("c"), vec![json!("a"), json!("b")], true),
        (NotIn, json!("a"), vec![json!("a")], false),
        (Exists, json!(""), vec![], true),
        (Exists, json!(null), vec![], false),
        (NotExists, json!(null), vec![], true),
        (NotExists, json!(0), vec![], false),
        (Empty, json!("  "), vec![], true),
        (Empty, json!([]), vec![], true),
        (Empty, json!(0), vec![], false),
        (NotEmpty, json!({ "a": 1 }), vec![], true),
        (NotEmpty, json!({}), vec![], false),
        (LessThan, json!("9.5"), vec![json!(10)], true),
        (LessThan, json!(10), vec![json!("10")], false),
        (LessThan, json!("soon"), vec![json!(10)], false),
        (AtMost, json!(10.0), vec![json!(10)], true),
        (AtMost, json!(11), vec![json!(10)], false),
        (GreaterThan, json!(u64::MAX), vec![json!(i64::MAX)], true),
        (GreaterThan, json!(null), vec![json!(-1)], false),
        (AtLeast, json!(10), vec![json!(10)], true),
        (AtLeast, json!(9), vec![json!(10)], false),
        // The day begins in Berlin, an hour before it does in UTC.
        (Before, json!("2026-01-30T22:59:59Z"), vec![day()], true),
        (Before, json!("2026-01-30T23:00:00Z"), vec![day()], false),
        (After, json!(1_769_851_800), vec![day()], true),
        (After, json!("never"), vec![day()], false),
    ];
    for (op, left, right, expected) in table {
        assert_eq!(holds(op, &left, right.clone()), expected, "{} {right:?}: {left}", op.words());
    }
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let refused = |op, right: Vec<Value>| is_refused(condition("$.x", op, right));
    assert!(refused(Operator::Equals, vec![]));
    assert!(refused(Operator::Equals, vec![json!(1), json!(2)]));
    assert!(refused(Operator::Exists, vec![json!(1)]));
    assert!(refused(Operator::In, vec![]));
    assert!(refused(Operator::In, vec![json!(1); 201]));
    assert!(refused(Operator::LessThan, vec![json!("ten")]));
    assert!(refused(Operator::Before, vec![json!("soon")]));
    assert!(refused(Operator::Matches, vec![json!("(")]));
    assert!(refused(Operator::Matches, vec![json!(1)]));
    assert!(refused(Operator::Matches, vec![json!(r"\w{500}")]), "too big when compiled");
    assert!(refused(Operator::StartsWith, vec![json!([])]));
    assert!(is_refused(condition("x", Operator::Exists, vec![])));
    assert!(!refused(Operator::In, vec![json!(1); 200]));
}

#[test]
fn groups_nest_sixteen_deep_and_no_deeper() {
    let nested = |levels: usize| {
        let inner = condition("$.x", Operator::Exists, vec![]);
        (1..levels).fold(inner, |test, _| {
            Test::Group(Group { logic: Logic::All, nodes: vec![Node { id: String::new(), test }] })
        })
    };
    assert!(!is_refused_for_depth(nested(16)));
    assert!(is_refused_for_depth(nested(17)));
}

fn is_refused_for_depth(test: Test) -> bool {
    let mut problems = Problems::default();
    let compiled = CompiledGroup::compile(&group(Logic::All, vec![test]), &mut problems);
    compiled.is_none() || problems.into_list().iter().any(|problem| problem.reason.contains("deep"))
}

fn why(group: &Group, body: Value) -> Failure {
    let fixture = Fixture::new(body);
    let compiled = compile(group);
    assert!(!compiled.holds(&fixture.scope(), &mut Silent));
    compiled.explain(&fixture.scope())
}

#[test]
fn the_clause_that_failed_is_named_with_what_it_saw() {
    let active = || condition("$.payload.status", Operator::Equals, vec![json!("active")]);
    let exists = || condition("$.payload", Operator::Exists, vec![]);
    let body = || json!({ "payload": { "status": "canceled" } });

    let all = why(&group(Logic::All, vec![exists(), active()]), body());
    assert_eq!(all.node_id, "n1");
    assert_eq!(all.message, r#"`payload.status equals "active"` does not hold: the value is "canceled""#);
    assert_eq!(all.value, Some(json!("canceled")));

    let absent = why(&group(Logic::All, vec![active()]), json!({}));
    assert_eq!(
        (absent.message.as_str(), absent.value),
        (r#"`payload.status equals "active"` does not hold: the value is absent"#, None)
    );

    let none = why(&group(Logic::None, vec![active(), exists()]), body());
    assert_eq!(none.node_id, "n1");
    assert!(none.message.starts_with("`payload exists` must not hold"), "{}", none.message);

    let any = Test::Group(group(Logic::Any, vec![active(); 5]));
    let any = why(&group(Logic::All, vec![exists(), any]), body());
    assert_eq!(any.node_id, "n1");
    assert!(
        any.message.starts_with("none of these holds: ") && any.message.ends_with("and 2 more"),
        "{}",
        any.message
    );
}

#[test]
fn a_reason_never_shows_more_than_a_part_of_a_value() {
    let failure = why(
        &group(Logic::All, vec![condition("$.x", Operator::Equals, vec![json!("y".repeat(5_000))])]),
        json!({ "x": "x".repeat(5_000) }),
    );
    assert!(failure.message.matches('x').count() <= 202, "the value, and the path");
    assert!(failure.message.matches('y').count() <= 200);
    assert!(failure.value.unwrap().as_str().unwrap().chars().count() <= 200);
}

#[test]
fn nodes_after_the_one_that_decides_are_told_as_not_reached() {
    let fixture = Fixture::new(json!({ "x": 1 }));
    let missing = condition("$.y", Operator::Exists, vec![]);
    let compiled =
        compile(&group(Logic::All, vec![missing.clone(), Test::Group(group(Logic::Any, vec![missing]))]));
    let mut recorder = Recorder::new();
    assert!(!compiled.holds(&fixture.scope(), &mut recorder));
    let outcomes: Vec<_> =
        recorder.into_entries().into_iter().map(|entry| (entry.node_id, entry.outcome)).collect();
    let expected = [
        ("n0", NodeOutcome::DoesNotHold),
        ("n1", NodeOutcome::NotReached),
        ("n1.0", NodeOutcome::NotReached),
    ];
    assert_eq!(outcomes, expected.map(|(id, outcome)| (id.to_owned(), outcome)));
}

/// A formula over truth values: the model that shares nothing with the filter.
#[derive(Debug, Clone)]
enum Formula {
    Is(bool),
    Group(Logic, Vec<Formula>),
}

impl Formula {
    fn is_true(&self) -> bool {
        match self {
            Self::Is(truth) => *truth,
            Self::Group(_, parts) if parts.is_empty() => true,
            Self::Group(logic, parts) => {
                let truths = parts.iter().filter(|part| part.is_true()).count();
                match logic {
                    Logic::All => truths == parts.len(),
                    Logic::Any => truths > 0,
                    Logic::None => truths == 0,
                }
            }
        }
    }

    fn to_test(&self) -> Test {
        match self {
            Self::Is(truth) => condition("$.t", Operator::Equals, vec![json!(truth)]),
            Self::Group(logic, parts) => {
                let nodes =
                    parts.iter().map(|part| Node { id: String::new(), test: part.to_test() }).collect();
                Test::Group(Group { logic: *logic, nodes })
            }
        }
    }
}

fn formula() -> impl Strategy<Value = Formula> {
    let logic = prop_oneof![Just(Logic::All), Just(Logic::Any), Just(Logic::None)];
    any::<bool>().prop_map(Formula::Is).prop_recursive(5, 40, 5, move |inner| {
        (logic.clone(), prop::collection::vec(inner, 0..5))
            .prop_map(|(logic, parts)| Formula::Group(logic, parts))
    })
}

proptest! {
    #[test]
    fn nested_groups_agree_with_the_model(formula in formula()) {
        let fixture = Fixture::new(json!({ "t": true }));
        let compiled = compile(&group(Logic::All, vec![formula.to_test()]));
        let mut recorder = Recorder::new();
        let holds = compiled.holds(&fixture.scope(), &mut Silent);
        prop_assert_eq!(holds, formula.is_true());
        prop_assert_eq!(compiled.holds(&fixture.scope(), &mut recorder), holds, "a trace changes nothing");
        if !holds {
            prop_assert!(!compiled.explain(&fixture.scope()).message.is_empty());
        }
    }
}
