use proptest::prelude::*;

use super::*;
use crate::workflow::{
    evaluate::arbitrary::{any_spec, with_ids},
    spec::{Group, Input, Logic, Mapping, Op, Path, Step},
};

fn at(path: &str) -> Input {
    Input::Path(Path { jsonpath: path.to_owned(), ..Path::default() })
}

fn mapping(id: &str, target: &str, path: &str) -> Mapping {
    Mapping { id: id.to_owned(), target: target.to_owned(), inputs: vec![at(path)], ..Mapping::default() }
}

fn step(id: &str, op: Op) -> Step {
    Step { id: id.to_owned(), op }
}

fn told(before: &WorkflowSpec, after: &WorkflowSpec) -> Vec<String> {
    differences(before, after).into_iter().map(|difference| difference.text).collect()
}

#[test]
fn what_was_edited_is_told_in_words() {
    let before = WorkflowSpec {
        identifiers: vec![Mapping { primary: true, ..mapping("i1", "email", "$.mail") }],
        user_traits: vec![mapping("t1", "first_name", "$.first"), mapping("t2", "city", "$.city")],
        ..WorkflowSpec::default()
    };
    let mut after = before.clone();
    after.identifiers[0].inputs = vec![at("$.payload.email"), at("$.mail")];
    after.user_traits.remove(1);
    after.user_traits[0].steps.push(step("s1", Op::Trim));
    after.event_attributes.push(mapping("a1", "value", "$.amount"));
    after.filter = Some(Group { logic: Logic::Any, nodes: Vec::new() });
    assert_eq!(
        told(&before, &after),
        [
            "the filter was added",
            "identifier `email`: where it comes from is now $.payload.email, or else $.mail; it was $.mail",
            "a step of user trait `first_name` was added: Trim",
            "user trait `city` was removed: $.city",
            "event attribute `value` was added: $.amount",
        ]
    );
    let found = differences(&before, &after);
    assert_eq!((found[1].node_id.as_str(), found[1].path.as_str()), ("i1", "identifiers[i1].inputs"));
    assert_eq!((found[1].before.as_str(), found[1].change), ("$.mail", Change::Changed));
    assert_eq!((found[2].path.as_str(), found[2].change), ("user_traits[t1].steps[s1]", Change::Added));
    assert_eq!(found[3].after, "", "it is not there any more");
}

#[test]
fn steps_in_another_order_are_another_mapping() {
    let steps = |steps: Vec<Step>| WorkflowSpec {
        event_name: Some(Mapping { steps, ..mapping("n", "", "$.name") }),
        ..WorkflowSpec::default()
    };
    let (one, two) = (step("one", Op::Trim), step("two", Op::ToNumber));
    let found = told(&steps(vec![one.clone(), two.clone()]), &steps(vec![two, one]));
    assert_eq!(found, ["the steps of the event name: the order is now two, one; it was one, two"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn there_is_a_difference_exactly_where_two_differ(one in any_spec(), two in any_spec(), has_ids in any::<bool>()) {
        let (one, two) = if has_ids { (with_ids(&one), with_ids(&two)) } else { (one, two) };
        prop_assert_eq!(differences(&one, &one), []);
        prop_assert_eq!(differences(&one, &two).is_empty(), one == two);
    }

    #[test]
    fn the_way_back_is_the_mirror_of_the_way_there(one in any_spec(), two in any_spec()) {
        let (one, two) = (with_ids(&one), with_ids(&two));
        let turned = |change| match change {
            Change::Added => Change::Removed,
            Change::Removed => Change::Added,
            Change::Changed => Change::Changed,
        };
        let key = |found: &Difference| (found.path.clone(), found.before.clone(), found.after.clone());
        let mut there: Vec<_> = differences(&one, &two).iter().map(|found| (found.change, key(found))).collect();
        let mut back: Vec<_> = differences(&two, &one)
            .iter()
            .map(|found| {
                let (path, before, after) = key(found);
                (turned(found.change), (path, after, before))
            })
            .collect();
        there.sort();
        back.sort();
        prop_assert_eq!(there, back);
    }

    #[test]
    fn one_edit_is_one_difference(spec in any_spec(), target in "zz[a-z]{3,7}") {
        let spec = with_ids(&spec);
        let mut edited = spec.clone();
        edited.identifiers[0].target.clone_from(&target);
        let found = differences(&spec, &edited);
        prop_assert_eq!(found.len(), 1, "{:?}", found);
        prop_assert_eq!(&found[0].node_id, &spec.identifiers[0].id);
        prop_assert_eq!(&found[0].after, &format!("`{target}`"));
    }
}
