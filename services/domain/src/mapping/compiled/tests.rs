use serde_json::json;

use super::*;
use crate::{
    booking::{BookingFacts, KeyScope, Stage},
    mapping::fixture::Fixture,
    workflow::{
        spec::{Condition, Group, Input, Logic, MessageField, Node, Operator, Path, Pick, Step, Test},
        trace::{Recorder, Silent},
    },
};

fn path(jsonpath: &str) -> Input {
    Input::Path(Path { jsonpath: jsonpath.to_owned(), pick: Pick::First })
}

fn mapping(inputs: Vec<Input>) -> Mapping {
    Mapping { id: "m".to_owned(), target: "t".to_owned(), inputs, ..Mapping::default() }
}

fn body() -> Value {
    json!({ "null": null, "blank": " ", "email": "a@b.example", "n": "12", "list": ["a"], "no": "maybe" })
}

fn with_result<T>(mapping: &Mapping, check: impl FnOnce(Mapped<'_>) -> T) -> T {
    let booking = BookingFacts {
        scope: KeyScope::Tenant,
        key: "new".to_owned(),
        previous: Some("old".to_owned()),
        next: None,
        stages: vec![Stage::Rescheduled],
        at: None,
        paid: None,
    };
    let fixture = Fixture { booking: Some(booking), ..Fixture::new(body()) };
    let compiled = CompiledMapping::compile(mapping, &mut Problems::default()).unwrap();
    let silent = compiled.map(&fixture.scope(), &mut Silent);
    assert_eq!(silent, compiled.map(&fixture.scope(), &mut Recorder::new()), "a trace changes nothing");
    check(silent)
}

fn value_of(mapping: &Mapping) -> Option<Value> {
    with_result(mapping, |mapped| match mapped {
        Mapped::Value(found) => Some(found.into_owned()),
        _ => None,
    })
}

fn loss_of(mapping: &Mapping) -> Option<Loss> {
    with_result(mapping, |mapped| match mapped {
        Mapped::Empty(loss) | Mapped::Failed(loss) => Some(loss),
        _ => None,
    })
}

#[test]
fn the_first_input_that_is_not_empty_wins() {
    let inputs = vec![
        path("$.absent"),
        path("$.null"),
        path("$.blank"),
        path("$.email"),
        Input::Constant(json!("late")),
    ];
    assert_eq!(value_of(&mapping(inputs)), Some(json!("a@b.example")));
    assert_eq!(loss_of(&mapping(vec![path("$.absent"), path("$.null")])), Some(Loss::Null));
    assert_eq!(loss_of(&mapping(vec![path("$.absent")])), Some(Loss::Absent));
    assert_eq!(loss_of(&mapping(vec![path("$.blank"), path("$.absent")])), Some(Loss::Blank));
}

#[test]
fn fields_of_the_message_are_inputs() {
    let field = |field| value_of(&mapping(vec![Input::Field(field)]));
    assert_eq!(field(MessageField::ProviderEvent), Some(json!("invitee.created")));
    assert_eq!(field(MessageField::ReceivedAt), Some(json!("2026-01-01T00:00:00Z")));
    assert_eq!(field(MessageField::SourceName), Some(json!("Calendly")));
    assert_eq!(field(MessageField::Cluid), None);
    assert_eq!(field(MessageField::BookingStage), Some(json!("rescheduled")));
    assert_eq!(field(MessageField::BookingKey), Some(json!("new")));
    assert_eq!(field(MessageField::BookingPreviousKey), Some(json!("old")));
    assert!(field(MessageField::MessageId).unwrap().as_str().unwrap().starts_with("msg_"));
}

#[test]
fn steps_run_in_order_and_a_default_catches_what_is_lost() {
    let step = |op| Step { id: String::new(), op };
    let steps = vec![step(Op::ToNumber), step(Op::Default(json!(0)))];
    assert_eq!(value_of(&Mapping { steps: steps.clone(), ..mapping(vec![path("$.n")]) }), Some(json!(12)));
    assert_eq!(value_of(&Mapping { steps: steps.clone(), ..mapping(vec![path("$.no")]) }), Some(json!(0)));
    assert_eq!(value_of(&Mapping { steps, ..mapping(vec![]) }), Some(json!(0)));
}

#[test]
fn values_are_brought_to_the_type_or_left_out() {
    let typed = |jsonpath, value_type| value_of(&Mapping { value_type, ..mapping(vec![path(jsonpath)]) });
    assert_eq!(typed("$.n", ValueType::Number), Some(json!(12)));
    assert_eq!(typed("$.n", ValueType::String), Some(json!("12")));
    assert_eq!(typed("$.list", ValueType::String), Some(json!(r#"["a"]"#)));
    assert_eq!(typed("$.n", ValueType::Time), Some(json!("1970-01-01T00:00:12Z")));
    assert_eq!(typed("$.no", ValueType::Bool), None);
    assert_eq!(typed("$.no", ValueType::Number), None);
    assert_eq!(typed("$.list", ValueType::Any), Some(json!(["a"])));
}

#[test]
fn on_empty_decides_about_nothing() {
    let empty = |on_empty| Mapping { on_empty, ..mapping(vec![path("$.null")]) };
    with_result(&empty(OnEmpty::Skip), |mapped| assert_eq!(mapped, Mapped::Empty(Loss::Null)));
    with_result(&empty(OnEmpty::Clear), |mapped| assert_eq!(mapped, Mapped::Cleared));
    with_result(&empty(OnEmpty::Fail), |mapped| assert_eq!(mapped, Mapped::Failed(Loss::Null)));
}

#[test]
fn a_mapping_whose_condition_does_not_hold_is_not_asked() {
    let test = Test::Condition(Condition { left: path("$.null"), op: Operator::Exists, right: vec![] });
    let when = Some(Group { logic: Logic::All, nodes: vec![Node { id: "c".to_owned(), test }] });
    let conditional = Mapping { when, on_empty: OnEmpty::Fail, ..mapping(vec![path("$.email")]) };
    with_result(&conditional, |mapped| assert_eq!(mapped, Mapped::NotWanted));
}

#[test]
fn a_trace_says_which_input_won_and_what_each_step_did() {
    let fixture = Fixture::new(body());
    let steps = vec![Step { id: "s".to_owned(), op: Op::ToNumber }];
    let mapping = Mapping { steps, ..mapping(vec![path("$.absent"), path("$.n")]) };
    let compiled = CompiledMapping::compile(&mapping, &mut Problems::default()).unwrap();
    let mut recorder = Recorder::new();
    compiled.map(&fixture.scope(), &mut recorder);
    let entries = recorder.into_entries();
    let [step, result] = entries.as_slice() else { panic!("{entries:?}") };
    assert_eq!(
        (step.node_id.as_str(), &step.input, &step.output),
        ("s", &Some(json!("12")), &Some(json!(12)))
    );
    assert_eq!(
        (result.node_id.as_str(), &result.input, &result.output),
        ("m", &Some(json!("12")), &Some(json!(12)))
    );
    assert_eq!((result.source.as_str(), result.outcome), ("$.n", NodeOutcome::Mapped));
}
