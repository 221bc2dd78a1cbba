use std::collections::BTreeSet;

use serde_json::json;

use super::*;

fn told(json: &Json) -> (Read, Vec<String>) {
    let mut faults = Faults::default();
    let preset = ("calendly".to_owned(), "booking".to_owned());
    let presets = Presets::from([(preset, WorkflowSpec { kind: 2, ..WorkflowSpec::default() })]);
    let read = read(json, 0, Path::new("/nowhere"), &presets, &mut faults).unwrap();
    (read, faults.0.iter().map(ToString::to_string).collect())
}

#[test]
fn a_file_says_what_is_wanted_and_nothing_of_the_rest() {
    let spec = json!({"event_name": {"id": "e"}});
    let (read, faults) = told(&json!({
        "tributary": "v1",
        "tenant": {"key": "acme", "settings": {"time_zone": "UTC", "currency": "EUR"}},
        "sources": [
            {"key": "a", "provider": "custom", "body_limit": 1_048_576, "workflows": [
                {"key": "w", "spec": spec},
                {"key": "x", "spec": spec, "publish": false, "delay": "90s", "order": 7},
            ]},
            {"key": "b", "provider": "calendly", "signing_keys": [{"env": "TRIBUTARY_NO_SUCH_VARIABLE"}]},
        ],
    }));
    assert!(faults.is_empty(), "{faults:?}");
    let tenant = read.tenant.unwrap();
    assert_eq!(
        (tenant.key.as_str(), &tenant.fields),
        ("acme", &[("settings", json!({"currency": "EUR"}))].into())
    );
    let resources = &read.desired.resources;
    let paths: Vec<_> = resources.iter().map(|it| (it.address.to_string(), it.place.path.as_str())).collect();
    let expected = [
        ("source a", "sources[0]"),
        ("workflow a/w", "sources[0].workflows[0]"),
        ("workflow a/x", "sources[0].workflows[1]"),
        ("source b", "sources[1]"),
    ];
    assert_eq!(paths, expected.map(|(address, path)| (address.to_owned(), path)));
    assert_eq!(resources[0].fields["body_limit"], Json::Null, "that is so anyway");
    assert_eq!((&resources[0].secrets, resources[3].secrets.as_ref().unwrap().len()), (&None, 1));
    let (w, x) = (&resources[1].fields, &resources[2].fields);
    assert_eq!(
        (&w["display_name"], &w["order"], &w["draft"], &w["published"]),
        (&json!("w"), &json!(0), &spec, &spec)
    );
    assert_eq!(
        (&x["order"], &x["delay"], &x["draft"], &x["published"]),
        (&json!(7), &json!("90s"), &spec, &Json::Null)
    );
    let told = read.desired.told;
    assert!(told.sources && !told.destinations && told.workflows == BTreeSet::from(["a".to_owned()]));
}

#[test]
fn a_workflow_may_name_a_preset_of_its_provider() {
    let file = |workflow: Json| json!({ "tributary": "v1", "sources": [{ "key": "a", "provider": "calendly", "workflows": [workflow] }] });
    let (read, faults) = told(&file(json!({ "key": "w", "preset": "booking" })));
    assert!(faults.is_empty(), "{faults:?}");
    let fields = &read.desired.resources[1].fields;
    let spec = json!({ "kind": "identify" });
    assert_eq!((&fields["draft"], &fields["published"]), (&spec, &spec));
    let (_, faults) = told(&file(json!({ "key": "w", "preset": "bookings" })));
    assert_eq!(faults, ["sources[0].workflows[0].preset: there is no such preset; there are: booking"]);
    let (_, faults) = told(&file(json!({ "key": "w", "preset": "booking", "spec": {} })));
    assert_eq!(faults, ["sources[0].workflows[0]: `preset` and `spec` say the same: leave one of them out"]);
}

#[test]
fn everything_that_is_wrong_is_told_with_its_path() {
    let (_, faults) = told(&json!({
        "tributary": "v2",
        "tenants": {},
        "sources": [{"provider": "custom", "signing_keys": ["canary"], "workflows": [{"key": "w"}, {"key": "x", "spec":
            {"identifiers": [{"targt": "email"}]}, "draft": {}, "publish": false}]}],
        "destinations": {"key": "d"},
    }));
    for expected in [
        "tributary: this build reads v1 only",
        "tenants: there is no such field; there are tributary, tenant, sources, destinations",
        "sources[0].key: has to be a text, and there",
        "sources[0].signing_keys[0]: a secret is said by reference: { env: NAME } or { file: PATH }",
        "sources[0].workflows[0]: `spec` or `preset` has to be there: what it does with a message",
        "sources[0].workflows[1].draft: without publishing, `spec` is the draft",
        "destinations: expected a list",
    ] {
        assert!(faults.iter().any(|fault| fault == expected), "{expected}: {faults:#?}");
    }
    let targt = "sources[0].workflows[1].spec.identifiers[0].targt: there is no such field; ";
    assert!(faults.iter().any(|fault| fault.starts_with(targt)), "{faults:#?}");
    assert!(!faults.iter().any(|fault| fault.contains("canary")), "what may be a secret is not repeated");
    assert_eq!(told(&json!({})).1, ["it has to begin with `tributary: v1`"]);
    assert_eq!(told(&json!([])).1, ["expected a map with tributary, tenant, sources, destinations"]);
}
