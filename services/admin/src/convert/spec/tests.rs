//! A specification survives the way to the contract and back, whatever is in it.

use proptest::{option, prelude::*};
use serde_json::{Value, json};
use tributary_domain::booking::FollowUp;
use tributary_domain::workflow::spec::{
    Answer, CaseTo, Condition, DateFormat, Group, Input, Kind, Logic, Mapping, Match, MessageField, NamePart,
    Node, OnEmpty, Op, Operator, Path, Pick, Step, Test, ValueType, WorkflowSpec,
};
use tributary_proto::admin::v1 as proto;

use super::{from_proto, to_proto};
use crate::violations::Violations;

fn text() -> impl Strategy<Value = String> + Clone {
    "[a-z$.é]{0,6}"
}

fn constant() -> impl Strategy<Value = Value> + Clone {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i32>().prop_map(|number| json!(number)),
        any::<i16>().prop_map(|number| json!(f64::from(number) + 0.25)),
        text().prop_map(Value::String),
        text().prop_map(|text| json!({ "a": [text, null, { "b": 1 }] })),
    ]
}

fn path() -> impl Strategy<Value = Path> + Clone {
    let pick = prop_oneof![Just(Pick::First), Just(Pick::Last), Just(Pick::Only), Just(Pick::All)];
    (text(), pick).prop_map(|(jsonpath, pick)| Path { jsonpath, pick })
}

fn input() -> impl Strategy<Value = Input> + Clone {
    let matching = prop_oneof![Just(Match::Exact), Just(Match::Prefix), Just(Match::Contains)];
    let field = prop_oneof![
        Just(MessageField::MessageId),
        Just(MessageField::ReceivedAt),
        Just(MessageField::ProviderEvent),
        Just(MessageField::Cluid),
        Just(MessageField::SourceName),
        Just(MessageField::BookingStage),
        Just(MessageField::BookingKey),
        Just(MessageField::BookingPreviousKey),
    ];
    prop_oneof![
        path().prop_map(Input::Path),
        constant().prop_map(Input::Constant),
        text().prop_map(Input::Template),
        (text(), matching).prop_map(|(question, matching)| Input::Answer(Answer { question, matching })),
        field.prop_map(Input::Field),
    ]
}

fn operator() -> impl Strategy<Value = Operator> + Clone {
    use Operator as O;
    prop::sample::select(vec![
        O::Equals,
        O::NotEquals,
        O::Contains,
        O::NotContains,
        O::StartsWith,
        O::EndsWith,
        O::Matches,
        O::In,
        O::NotIn,
        O::Exists,
        O::NotExists,
        O::Empty,
        O::NotEmpty,
        O::LessThan,
        O::AtMost,
        O::GreaterThan,
        O::AtLeast,
        O::Before,
        O::After,
    ])
}

fn group() -> impl Strategy<Value = Group> + Clone {
    let logic = prop_oneof![Just(Logic::All), Just(Logic::Any), Just(Logic::None)];
    let condition = (input(), operator(), prop::collection::vec(constant(), 0..3))
        .prop_map(|(left, op, right)| Test::Condition(Condition { left, op, right }));
    let leaf = (text(), condition).prop_map(|(id, test)| Node { id, test });
    let node = leaf.prop_recursive(3, 8, 3, move |inner| {
        (text(), logic.clone(), prop::collection::vec(inner, 0..3))
            .prop_map(|(id, logic, nodes)| Node { id, test: Test::Group(Group { logic, nodes }) })
    });
    (prop_oneof![Just(Logic::All), Just(Logic::Any), Just(Logic::None)], prop::collection::vec(node, 0..3))
        .prop_map(|(logic, nodes)| Group { logic, nodes })
}

fn step() -> impl Strategy<Value = Step> + Clone {
    let case = prop_oneof![Just(CaseTo::Lower), Just(CaseTo::Upper), Just(CaseTo::Title)];
    let date = prop_oneof![
        Just(DateFormat::Auto),
        Just(DateFormat::UnixSeconds),
        Just(DateFormat::UnixMillis),
        text().prop_map(DateFormat::Pattern),
    ];
    let table = prop::collection::btree_map(text(), constant(), 0..3);
    let op = prop_oneof![
        prop::sample::select(vec![Op::Trim, Op::ToNumber, Op::ToBool]),
        case.prop_map(Op::Case),
        prop_oneof![Just(NamePart::First), Just(NamePart::Last)].prop_map(Op::SplitName),
        (text(), option::of(any::<i32>())).prop_map(|(separator, index)| Op::Split { separator, index }),
        text().prop_map(|separator| Op::Join { separator }),
        (text(), text()).prop_map(|(pattern, with)| Op::Replace { pattern, with }),
        (table, option::of(constant())).prop_map(|(table, otherwise)| Op::Lookup { table, otherwise }),
        date.prop_map(Op::ToDate),
        option::of(text()).prop_map(|country| Op::ToPhone { country }),
        constant().prop_map(Op::Default),
    ];
    (text(), op).prop_map(|(id, op)| Step { id, op })
}

fn mapping() -> impl Strategy<Value = Mapping> + Clone {
    let value_type = prop::sample::select(vec![
        ValueType::Any,
        ValueType::String,
        ValueType::Number,
        ValueType::Bool,
        ValueType::Time,
    ]);
    let on_empty = prop_oneof![Just(OnEmpty::Skip), Just(OnEmpty::Clear), Just(OnEmpty::Fail)];
    let lists = (prop::collection::vec(input(), 0..3), prop::collection::vec(step(), 0..3));
    let flags = (any::<bool>(), any::<bool>());
    (text(), text(), value_type, flags, option::of(group()), lists, on_empty).prop_map(
        |(id, target, value_type, (primary, disabled), when, (inputs, steps), on_empty)| Mapping {
            id,
            target,
            value_type,
            primary,
            disabled,
            when,
            inputs,
            steps,
            on_empty,
        },
    )
}

fn spec() -> impl Strategy<Value = WorkflowSpec> {
    let kind = prop_oneof![Just(Kind::Track), Just(Kind::Identify), Just(Kind::Group)];
    let one = option::of(mapping());
    let many = prop::collection::vec(mapping(), 0..3);
    let head = (kind, option::of(path()), option::of(group()), one.clone(), one.clone(), one);
    let lists = (many.clone(), many.clone(), many.clone(), many.clone(), many.clone(), many);
    let flags = any::<[bool; 4]>().prop_map(|flags| FollowUp {
        retract_cancelled: flags[0],
        retract_no_show: flags[1],
        restate_rescheduled: flags[2],
        restate_paid: flags[3],
    });
    let all = (head, lists, option::of(flags));
    all.prop_map(|((kind, for_each, filter, event_name, event_time, event_id), lists, follow_up)| {
        let (identifiers, user_traits, event_attributes, group_identities, group_traits, consents) = lists;
        WorkflowSpec {
            kind,
            for_each,
            filter,
            event_name,
            event_time,
            event_id,
            identifiers,
            user_traits,
            event_attributes,
            group_identities,
            group_traits,
            consents,
            follow_up,
        }
    })
}

fn read(spec: &proto::WorkflowSpec) -> Result<WorkflowSpec, tonic::Status> {
    let mut violations = Violations::default();
    let read = from_proto(spec, "draft", &mut violations);
    violations.check().map(|()| read)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_spec_survives_the_way_out_and_back(spec in spec()) {
        prop_assert_eq!(read(&to_proto(&spec)).map_err(|status| status.to_string()), Ok(spec));
    }
}

#[test]
fn what_is_not_set_is_the_default_of_the_domain() {
    let given = proto::WorkflowSpec { identifiers: vec![proto::Mapping::default()], ..Default::default() };
    let expected = WorkflowSpec { identifiers: vec![Mapping::default()], ..WorkflowSpec::default() };
    assert_eq!(read(&given).unwrap(), expected);
}

#[test]
fn what_is_wrong_is_said_with_the_path_of_its_field() {
    use tonic_types::StatusExt;
    let mapping = proto::Mapping {
        inputs: vec![proto::Input { from: None }],
        steps: vec![proto::Step::default()],
        on_empty: 99,
        ..Default::default()
    };
    let node = proto::Node {
        id: "n".to_owned(),
        node: Some(proto::node::Node::Condition(proto::Condition::default())),
    };
    let filter = proto::Group { logic: 1, nodes: vec![node, proto::Node::default()] };
    let given =
        proto::WorkflowSpec { user_traits: vec![mapping], filter: Some(filter), ..Default::default() };
    let details = read(&given).unwrap_err().get_error_details();
    let mut fields: Vec<_> =
        details.bad_request().unwrap().field_violations.iter().map(|found| found.field.as_str()).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "draft.filter.nodes[0].condition.left",
            "draft.filter.nodes[0].condition.op",
            "draft.filter.nodes[1]",
            "draft.user_traits[0].inputs[0]",
            "draft.user_traits[0].on_empty",
            "draft.user_traits[0].steps[0]",
        ]
    );
}

#[test]
fn groups_that_are_nested_too_deep_are_refused() {
    let nested = |depth: usize| {
        let mut group = proto::Group::default();
        for _ in 1..depth {
            let node = proto::Node { node: Some(proto::node::Node::Group(group)), ..Default::default() };
            group = proto::Group { logic: 1, nodes: vec![node] };
        }
        proto::WorkflowSpec { filter: Some(group), ..Default::default() }
    };
    let deepest = read(&nested(12)).unwrap();
    let stored = serde_json::to_string(&deepest).unwrap();
    assert_eq!(
        serde_json::from_str::<WorkflowSpec>(&stored).unwrap(),
        deepest,
        "what is taken can be stored"
    );
    assert!(read(&nested(13)).is_err());
}
