//! Whatever a tenant writes and a provider sends: a workflow compiles or has problems, and ends with a status.

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;
use crate::workflow::{
    compile::Severity,
    spec::{
        Answer, CaseTo, Condition, DateFormat, Group, Input, Kind, Logic, Mapping, Match, MessageField,
        NamePart, Node, OnEmpty, Op, Operator, Path, Pick, Step, Test, ValueType,
    },
};

pub(crate) fn any_value() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        select(vec!["", " ", "a@b.example", "+14045550123", "2026-01-31", "7", "true", "x y z", "null"])
            .prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 30, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec(
                (select(vec!["a", "b", "question", "answer", "questions_and_answers", "payload"]), inner),
                0..5
            )
            .prop_map(|fields| fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
    .boxed()
}

fn any_path() -> impl Strategy<Value = Path> {
    let text = select(vec![
        "$",
        "$$",
        "$.a",
        "$.b",
        "$.a.b",
        "$['a'][0]",
        "$.a[-1]",
        "$.a[*]",
        "$..a",
        "$$.a[*].b",
        "$[?@.a]",
        "$.payload",
        "nonsense",
        "$..a..b",
        "",
    ]);
    (text, select(vec![Pick::First, Pick::Last, Pick::Only, Pick::All]))
        .prop_map(|(jsonpath, pick)| Path { jsonpath: jsonpath.to_owned(), pick })
}

fn any_input() -> impl Strategy<Value = Input> {
    let fields = vec![
        MessageField::MessageId,
        MessageField::ReceivedAt,
        MessageField::ProviderEvent,
        MessageField::Cluid,
    ];
    prop_oneof![
        4 => any_path().prop_map(Input::Path),
        1 => any_value().prop_map(Input::Constant),
        1 => select(vec!["{{ $.a }} {{ $.b }}", "{{ $$..a }}", "x", "{{", "{{ a }}"]).prop_map(|text| Input::Template(text.to_owned())),
        1 => (select(vec!["a", "", "7"]), select(vec![Match::Exact, Match::Prefix, Match::Contains]))
            .prop_map(|(question, matching)| Input::Answer(Answer { question: question.to_owned(), matching })),
        1 => select(fields).prop_map(Input::Field),
    ]
}

fn any_op() -> impl Strategy<Value = Op> {
    let formats = vec![
        DateFormat::Auto,
        DateFormat::UnixSeconds,
        DateFormat::UnixMillis,
        DateFormat::Pattern("%Y-%m-%d".to_owned()),
    ];
    prop_oneof![
        select(vec![Op::Trim, Op::ToNumber, Op::ToBool]),
        select(vec![CaseTo::Lower, CaseTo::Upper, CaseTo::Title]).prop_map(Op::Case),
        select(vec![NamePart::First, NamePart::Last]).prop_map(Op::SplitName),
        (select(vec![" ", "", "@"]), option::of(any::<i32>()))
            .prop_map(|(separator, index)| Op::Split { separator: separator.to_owned(), index }),
        Just(Op::Join { separator: ",".to_owned() }),
        (select(vec!["", ".", "(a)|b", "("]), select(vec!["", "$1", "${9}$"]))
            .prop_map(|(pattern, with)| Op::Replace { pattern: pattern.to_owned(), with: with.to_owned() }),
        option::of(any_value())
            .prop_map(|otherwise| Op::Lookup { table: [("7".to_owned(), Value::Null)].into(), otherwise }),
        select(formats).prop_map(Op::ToDate),
        select(vec![None, Some("US".to_owned())]).prop_map(|country| Op::ToPhone { country }),
        any_value().prop_map(Op::Default),
    ]
}

fn any_group() -> impl Strategy<Value = Group> {
    use Operator::*;
    let operators = vec![
        Equals,
        NotEquals,
        Contains,
        NotContains,
        StartsWith,
        EndsWith,
        Matches,
        In,
        NotIn,
        Exists,
        NotExists,
        Empty,
        NotEmpty,
        LessThan,
        AtMost,
        GreaterThan,
        AtLeast,
        Before,
        After,
    ];
    let leaf = (any_input(), select(operators), any_value()).prop_map(|(left, op, right)| {
        let right = if matches!(op, Exists | NotExists | Empty | NotEmpty) { vec![] } else { vec![right] };
        Test::Condition(Condition { left, op, right })
    });
    let group = |nodes: Vec<Test>, logic| Group {
        logic,
        nodes: nodes.into_iter().map(|test| Node { id: String::new(), test }).collect(),
    };
    let logic = || select(vec![Logic::All, Logic::Any, Logic::None]);
    let test = leaf.prop_recursive(2, 6, 3, move |inner| {
        (vec(inner, 0..3), logic()).prop_map(move |(nodes, logic)| Test::Group(group(nodes, logic)))
    });
    (vec(test, 0..3), logic()).prop_map(move |(nodes, logic)| group(nodes, logic))
}

fn any_mapping(targets: Vec<&'static str>) -> impl Strategy<Value = Mapping> {
    let value_types =
        vec![ValueType::Any, ValueType::String, ValueType::Number, ValueType::Bool, ValueType::Time];
    (
        select(targets),
        select(value_types),
        option::weighted(0.2, any_group()),
        vec(any_input(), 1..3),
        vec(any_op(), 0..3),
        select(vec![OnEmpty::Skip, OnEmpty::Skip, OnEmpty::Clear, OnEmpty::Fail]),
    )
        .prop_map(|(target, value_type, when, inputs, ops, on_empty)| Mapping {
            target: target.to_owned(),
            value_type,
            when,
            inputs,
            steps: ops.into_iter().map(|op| Step { id: String::new(), op }).collect(),
            on_empty,
            ..Mapping::default()
        })
}

pub(crate) fn any_spec() -> impl Strategy<Value = WorkflowSpec> {
    (
        select(vec![Kind::Track, Kind::Identify, Kind::Group]),
        option::weighted(0.3, any_path()),
        option::weighted(0.3, any_group()),
        any_mapping(vec!["name"]),
        option::of(any_mapping(vec!["time"])),
        any_mapping(vec!["email", "phone", "external_id:crm", "cluid"]),
        vec(any_mapping(vec!["a", "b", "c", "d"]), 0..3),
        any_mapping(vec!["account_id"]),
    )
        .prop_map(|(kind, for_each, filter, name, time, identifier, traits, group)| WorkflowSpec {
            kind,
            for_each,
            filter,
            event_name: Some(name),
            event_time: time,
            identifiers: vec![Mapping { primary: true, ..identifier }],
            user_traits: traits,
            group_identities: vec![group],
            ..WorkflowSpec::default()
        })
}

/// Gives every node an id of its own, so that more than the ids is tested.
pub(crate) fn with_ids(spec: &WorkflowSpec) -> WorkflowSpec {
    fn visit(value: &mut Value, next: &mut u32) {
        match value {
            Value::Object(fields) => {
                if fields.get("id").is_some_and(Value::is_string) {
                    *next += 1;
                    fields.insert("id".to_owned(), json!(format!("n{next}")));
                }
                fields.values_mut().for_each(|field| visit(field, next));
            }
            Value::Array(items) => items.iter_mut().for_each(|item| visit(item, next)),
            _ => {}
        }
    }
    let mut json = serde_json::to_value(spec).unwrap();
    visit(&mut json, &mut 0);
    serde_json::from_value(json).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_run_always_ends_and_a_trace_agrees(spec in any_spec(), body in any_value()) {
        let spec = with_ids(&spec);
        let (workflow, problems) = CompiledWorkflow::compile(&spec);
        let has_error = problems.iter().any(|problem| problem.severity == Severity::Error);
        prop_assert_eq!(workflow.is_none(), has_error, "{:?}", problems);
        let Some(workflow) = workflow else { return Ok(()) };
        let fixture = Fixture::new(body);
        let outcome = workflow.evaluate(&fixture.message(), &fixture.tenant);
        prop_assert_eq!(&workflow.trace(&fixture.message(), &fixture.tenant).0, &outcome);
        match outcome {
            RunOutcome::Events(events) => {
                prop_assert!(!events.is_empty() && events.len() <= limits::ELEMENTS);
                for event in events {
                    prop_assert!(spec.kind == Kind::Group || !event.identifiers.is_empty());
                    prop_assert!(spec.kind != Kind::Group || !event.groups.is_empty());
                    prop_assert_eq!(spec.kind == Kind::Track, !event.name.is_empty());
                }
            }
            RunOutcome::Stopped(status, reason) => {
                prop_assert_ne!(status, RunStatus::Succeeded);
                prop_assert!(!reason.message.is_empty() && !reason.fix.is_empty());
            }
        }
    }
}
