use prost_types::{DescriptorProto, FileDescriptorSet};
use serde_json::json;
use tributary_proto::admin::v1::{Group, TenantSettings, WorkflowSpec};

use super::*;

fn told<T: Contract + Default>(json: &Json) -> Vec<String> {
    let mut faults = Faults::default();
    read::<T>(json, "at", &mut faults).unwrap();
    faults.0.iter().map(ToString::to_string).collect()
}

fn again(json: &Json) -> Json {
    let mut faults = Faults::default();
    let spec: WorkflowSpec = read(json, "", &mut faults).unwrap();
    assert_eq!(faults.0, [], "{json}");
    write(&spec).unwrap().to_json()
}

#[test]
fn what_is_written_is_read_and_what_goes_without_saying_is_left_out() {
    let short = json!({
        "filter": {"nodes": [{"id": "n", "condition": {
            "left": {"path": "$.a"}, "op": "equals", "right": ["x", 1, 1.5, null, {"a": [true]}],
        }}]},
        "event_name": {"id": "e", "target": "event_name", "inputs": [{"constant": null}, {"field": "message_id"}]},
        "identifiers": [{"id": "i", "primary": true, "steps": [
            {"id": "a", "trim": {}}, {"id": "b", "case": {"to": "lower"}},
            {"id": "c", "split": {"separator": " ", "index": 0}},
            {"id": "d", "lookup": {"table": {"x": 1, "a b": null}, "otherwise": false}},
            {"id": "e", "to_date": {"pattern": "%Y"}}, {"id": "f", "to_date": {"format": "pattern"}},
        ]}],
    });
    assert_eq!(again(&short), short);
    let mut long = short.clone();
    long["kind"] = json!("KIND_TRACK");
    long["filter"]["logic"] = json!("all");
    long["filter"]["nodes"][0]["condition"]["op"] = json!("OPERATOR_EQUALS");
    long["filter"]["nodes"][0]["condition"]["left"]["path"] = json!({"jsonpath": "$.a", "pick": "first"});
    long["identifiers"][0]["steps"][4]["to_date"]["format"] = json!("pattern");
    long["event_time"] = json!(null);
    assert_eq!(again(&long), short);
    let last = json!({"jsonpath": "$.a", "pick": "last"});
    long["filter"]["nodes"][0]["condition"]["left"]["path"] = last.clone();
    assert_eq!(again(&long)["filter"]["nodes"][0]["condition"]["left"]["path"], last);
    long["kind"] = json!("group");
    assert_eq!(again(&long)["kind"], "group");
}

#[test]
fn what_is_wrong_is_told_with_its_path() {
    let spec = json!({
        "knd": "track",
        "kind": "trek",
        "identifiers": [{"target": 5, "inputs": [{"path": {"jsonpath": "$"}, "constant": 1}]}],
        "filter": [],
    });
    let faults = told::<WorkflowSpec>(&spec);
    for expected in [
        "at.filter: expected a map",
        "at.identifiers[0].inputs[0].path: only one of `constant` and `path` can be said",
        "at.identifiers[0].target: expected a text, in quotes",
        "at.kind: expected one of track, identify, group",
    ] {
        assert!(faults.iter().any(|fault| fault == expected), "{expected}: {faults:?}");
    }
    assert!(faults.iter().any(|fault| fault.starts_with("at.knd: there is no such field; there are kind, ")));
    assert_eq!(
        told::<TenantSettings>(&json!({"strong_limit": 1.5})),
        ["at.strong_limit: expected a whole number"]
    );
    assert_eq!(told::<Group>(&json!([])), ["at: expected a map"]);
}

/// Every enumeration below `message` whose first value's comment is `Not set: taken as …`.
fn taken(set: &FileDescriptorSet) -> Vec<String> {
    let mut found = Vec::new();
    for file in &set.file {
        let info = file.source_code_info.as_ref().expect("comments");
        for location in &info.location {
            let comment = location.leading_comments();
            if !comment.trim_start().starts_with("Not set: taken as") {
                continue;
            }
            // 4: messages, 3: messages of a message, 4: enumerations of a message.
            let mut path = location.path.iter().map(|part| usize::try_from(*part).unwrap());
            let (Some(4), Some(index)) = (path.next(), path.next()) else { continue };
            let mut message: &DescriptorProto = &file.message_type[index];
            let mut name = format!("{}.{}", file.package(), message.name());
            while let Some(kind) = path.next() {
                let index = path.next().unwrap();
                if kind == 3 {
                    message = &message.nested_type[index];
                    name = format!("{name}.{}", message.name());
                } else {
                    found.push(format!("{name}.{}", message.enum_type[index].name()));
                    break;
                }
            }
        }
    }
    found
}

#[test]
fn the_defaults_are_those_of_the_contract() {
    let mut set = FileDescriptorSet::decode(tributary_proto::FILE_DESCRIPTOR_SET).unwrap();
    set.file.retain(|file| {
        ["v1/mapping.proto", "v1/destination.proto"].iter().any(|end| file.name().ends_with(end))
    });
    let mut expected = std::collections::BTreeSet::from(DEFAULTED);
    // Roles have no default of their own: that of the one setting which holds a role is said there.
    expected.remove("tributary.admin.v1.TenantRole");
    assert_eq!(taken(&set).iter().map(String::as_str).collect::<std::collections::BTreeSet<_>>(), expected);
}
