//! Plans against a model of the server: what is applied is what was wanted, and there is nothing left to do.

use proptest::prelude::*;
use serde_json::json;
use tributary_admin::masked;

use super::*;
use crate::cli::code::secret::Secret;

type Actual = BTreeMap<Address, Present>;

/// A server that does what a step says, as the contract tells what each call does.
fn apply(actual: &mut Actual, step: &Step) {
    let before = actual.get(&step.address).cloned();
    let masks = |secrets: &Option<secret::Secrets>| {
        let secrets = secrets.iter().flatten();
        secrets.map(|(name, secret)| (name.clone(), masked(secret.value.as_deref().unwrap()))).collect()
    };
    match step.action {
        Action::Create => {
            assert!(before.is_none(), "{step:?}");
            if let Address::Workflow { source, key } = &step.address {
                assert!(actual.contains_key(&Address::Source(source.clone())), "no source for {key}");
                assert!(!actual.keys().any(|it| it.workflow_key() == Some(key)), "{key} is taken");
            }
            let mut fields = step.fields.clone();
            if step.address.workflow_key().is_some() {
                fields.insert("published", Json::Null);
            }
            let present = Present { fields, fixed: step.fixed.clone(), masks: masks(&step.secrets) };
            actual.insert(step.address.clone(), present);
        }
        Action::Update => {
            let present = actual.get_mut(&step.address).expect("it is there");
            assert!(!step.fields.contains_key("published"));
            present.fields.extend(step.fields.clone());
            if step.secrets.is_some() {
                present.masks = masks(&step.secrets);
            }
            assert!(!step.differences.is_empty() || step.secrets.is_some(), "{step:?}");
        }
        Action::Publish | Action::Unpublish => {
            let present = actual.get_mut(&step.address).expect("it is there");
            let spec =
                if step.action == Action::Publish { present.fields["draft"].clone() } else { Json::Null };
            present.fields.insert("published", spec);
        }
        Action::Delete => {
            assert!(actual.remove(&step.address).is_some(), "{step:?}");
            if let Address::Source(gone) = &step.address {
                actual.retain(|it, _| !matches!(it, Address::Workflow { source, .. } if source == gone));
            }
        }
    }
    let is_noop = step.secrets.is_none() && actual.get(&step.address) == before.as_ref();
    assert!(!is_noop, "nothing was to do: {step:?}");
}

fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c"]).prop_map(str::to_owned)
}

fn address() -> impl Strategy<Value = Address> {
    prop_oneof![
        Just(Address::Tenant),
        key().prop_map(Address::Destination),
        key().prop_map(Address::Source),
        (key(), key()).prop_map(|(source, key)| Address::Workflow { source, key }),
    ]
}

fn json() -> impl Strategy<Value = Json> {
    prop::sample::select(vec![json!({}), json!({"k": 1}), json!({"k": [1, 2]}), json!({"k": 2, "l": "x"})])
}

/// Fields, secrets, and whether the secrets are here.
fn content() -> impl Strategy<Value = (Json, Json, Option<Json>, Option<bool>, u8)> {
    (json(), json(), prop::option::of(json()), prop::option::of(any::<bool>()), 0..3_u8)
}

fn wanted(address: &Address, content: (Json, Json, Option<Json>, Option<bool>, u8)) -> Wanted {
    let (one, other, published, secrets, number) = content;
    let (mut fields, mut fixed) = (Fields::from([("display_name", one)]), None);
    match address {
        Address::Workflow { .. } => {
            fields.insert("draft", other);
            fields.insert("published", published.unwrap_or_default());
        }
        Address::Tenant => {}
        Address::Source(_) | Address::Destination(_) => {
            fields.insert("settings", other);
            fixed = Some(("provider", "always".to_owned()));
        }
    }
    let secret = |is_here: bool| Secret {
        reference: "$SECRET".to_owned(),
        value: is_here.then(|| format!("a-secret-that-is-long-{number}")),
    };
    let secrets = secrets.filter(|_| fixed.is_some());
    let secrets = secrets.map(|is_here| [("signing".to_owned(), secret(is_here))].into());
    let place = Place { document: 0, path: address.to_string() };
    Wanted { address: address.clone(), place, fields, fixed, secrets }
}

/// Resources as a file can have them: workflows below sources that are there, each key once.
fn resources() -> impl Strategy<Value = Vec<Wanted>> {
    prop::collection::btree_map(address(), content(), 0..8).prop_map(|all| {
        let mut keys = BTreeSet::new();
        let sources: BTreeSet<String> = all
            .keys()
            .filter_map(|address| if let Address::Source(key) = address { Some(key.clone()) } else { None })
            .collect();
        let fits = |address: &Address, keys: &mut BTreeSet<String>| match address {
            Address::Workflow { source, key } => sources.contains(source) && keys.insert(key.clone()),
            _ => true,
        };
        let all = all.into_iter().filter(|(address, _)| fits(address, &mut keys));
        all.map(|(address, content)| wanted(&address, content)).collect()
    })
}

/// What is wanted, and what is there: often the same resources with other contents.
fn both() -> impl Strategy<Value = (Desired, Actual)> {
    desired().prop_flat_map(|desired| {
        let addresses: Vec<Address> = desired.resources.iter().map(|wanted| wanted.address.clone()).collect();
        let contents = prop::collection::vec(content(), addresses.len());
        let same = contents.prop_map(move |contents| {
            present(
                addresses.iter().zip(contents).map(|(address, content)| wanted(address, content)).collect(),
            )
        });
        (Just(desired), prop_oneof![same, resources().prop_map(present)])
    })
}

fn present(all: Vec<Wanted>) -> Actual {
    let present = |wanted: Wanted| {
        let secrets = wanted.secrets.unwrap_or_default().into_iter();
        let masks = secrets.filter_map(|(name, secret)| Some((name, masked(secret.value.as_deref()?))));
        let present = Present { fields: wanted.fields, fixed: wanted.fixed, masks: masks.collect() };
        (wanted.address, present)
    };
    all.into_iter().map(present).collect()
}

fn desired() -> impl Strategy<Value = Desired> {
    (resources(), any::<bool>(), any::<bool>()).prop_map(|(resources, destinations, sources)| {
        let has = |kind: fn(&Address) -> bool| resources.iter().any(|wanted| kind(&wanted.address));
        let mut told = Told {
            destinations: destinations || has(|it| matches!(it, Address::Destination(_))),
            sources: sources || has(|it| matches!(it, Address::Source(_))),
            workflows: BTreeSet::new(),
        };
        for wanted in &resources {
            if let Address::Source(key) = &wanted.address {
                told.workflows.insert(key.clone());
            }
        }
        Desired { resources, told }
    })
}

#[test]
fn secrets_are_sent_again_where_they_go_to_another_server() {
    let address = Address::Destination("crm".to_owned());
    let crm = |settings: Json| wanted(&address, (json!("CRM"), settings, None, Some(true), 1));
    let told = Told { destinations: true, sources: false, workflows: BTreeSet::new() };
    let desired = Desired { resources: vec![crm(json!({"base_url": "https://b.example"}))], told };
    for (before, are_sent) in [
        (json!({"base_url": "https://a.example"}), true),
        (json!({}), true),
        (json!({"base_url": "https://b.example", "api_version": "v3"}), false),
    ] {
        let options = Options { prune: false, resend_secrets: false };
        let plan = plan(&desired, &present(vec![crm(before.clone())]), options).expect("no faults");
        assert_eq!(plan.steps[0].secrets.is_some(), are_sent, "{before}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn applying_a_plan_gives_what_was_wanted((desired, before) in both(), prune in any::<bool>()) {
        let options = Options { prune, resend_secrets: false };
        let plan = match plan(&desired, &before, options) {
            Ok(plan) => plan,
            Err(faults) => {
                // Only for the reasons that there are.
                for (_, told) in faults {
                    prop_assert!(told.contains("is not here") || told.contains("has this key"), "{}", told);
                }
                return Ok(());
            }
        };
        let mut after = before.clone();
        plan.steps.iter().for_each(|step| apply(&mut after, step));
        for wanted in &desired.resources {
            let present = &after[&wanted.address];
            prop_assert_eq!(&present.fields, &wanted.fields, "{}", wanted.address);
            for (name, secret) in wanted.secrets.iter().flatten() {
                if let Some(value) = &secret.value {
                    prop_assert_eq!(&present.masks[name], &masked(value));
                }
            }
        }
        let is_wanted = |address: &Address| desired.resources.iter().any(|wanted| wanted.address == *address);
        for (address, present) in &before {
            let is_told = match address {
                Address::Tenant => false,
                Address::Destination(_) => desired.told.destinations,
                Address::Source(_) | Address::Workflow { .. } => desired.told.sources,
            };
            match (is_wanted(address), prune && is_told) {
                (true, _) => {}
                (false, true) => prop_assert!(!after.contains_key(address), "{} is still there", address),
                (false, false) => prop_assert_eq!(after.get(address), Some(present)),
            }
        }
        let again = super::plan(&desired, &after, options).expect("it could be done before");
        prop_assert!(again.steps.is_empty(), "{:?}", again.steps);
        prop_assert_eq!(again.unchanged.len(), desired.resources.len());
    }
}

fn workflow(source: &str, key: &str, draft: Json, published: Json) -> (Address, Fields) {
    let address = Address::Workflow { source: source.to_owned(), key: key.to_owned() };
    (address, [("draft", draft), ("published", published)].into())
}

fn one(address: Address, fields: Fields) -> Wanted {
    let place = Place { document: 0, path: "here".to_owned() };
    Wanted { address, place, fields, fixed: None, secrets: None }
}

fn names(plan: &Plan) -> Vec<&'static str> {
    plan.steps.iter().map(|step| step.action.name()).collect()
}

#[test]
fn a_workflow_is_put_in_force_and_only_then_worked_on() {
    let (old, new, next) = (json!({"n": 1}), json!({"n": 2}), json!({"n": 3}));
    let (address, fields) = workflow("s", "w", next.clone(), new.clone());
    let desired = Desired { resources: vec![one(address.clone(), fields)], told: Told::default() };
    let (_, now) = workflow("s", "w", old.clone(), old);
    let present = Present { fields: now, fixed: None, masks: BTreeMap::new() };
    let plan = plan(&desired, &[(address, present)].into(), Options::default()).unwrap();
    assert_eq!(names(&plan), ["update", "publish", "update"]);
    assert_eq!((&plan.steps[0].fields["draft"], &plan.steps[2].fields["draft"]), (&new, &next));
    assert_eq!(plan.steps[0].differences[0].path, "spec.n");
    assert_eq!(plan.steps[2].differences[0].path, "draft.n");
}

#[test]
fn what_stays_is_not_changed_silently() {
    let address = Address::Source("s".to_owned());
    let fixed = |provider: &str| Some(("provider", provider.to_owned()));
    let present = Present { fields: Fields::new(), fixed: fixed("custom"), masks: BTreeMap::new() };
    let actual: Actual = [(address.clone(), present)].into();
    let wanted = Wanted { fixed: fixed("calendly"), ..one(address, Fields::new()) };
    let desired = Desired { resources: vec![wanted], told: Told::default() };
    let faults = plan(&desired, &actual, Options::default()).unwrap_err();
    assert!(faults[0].1.contains("provider: it is `custom` and stays so"), "{faults:?}");
}

#[test]
fn a_workflow_moves_only_where_it_may_be_deleted() {
    let (there, fields) = workflow("a", "w", json!({}), Json::Null);
    let (here, _) = workflow("b", "w", json!({}), Json::Null);
    let source = |key: &str| Address::Source(key.to_owned());
    let present = |fields: &Fields| Present { fields: fields.clone(), fixed: None, masks: BTreeMap::new() };
    let actual: Actual = [
        (source("a"), present(&Fields::new())),
        (source("b"), present(&Fields::new())),
        (there.clone(), present(&fields)),
    ]
    .into();
    let told = Told { workflows: ["a".to_owned(), "b".to_owned()].into(), ..Told::default() };
    let resources = vec![one(source("a"), Fields::new()), one(source("b"), Fields::new()), one(here, fields)];
    let desired = Desired { resources, told };
    let faults = plan(&desired, &actual, Options::default()).unwrap_err();
    assert!(faults[0].1.contains("workflow a/w has this key"), "{faults:?}");
    let plan = plan(&desired, &actual, Options { prune: true, resend_secrets: false }).unwrap();
    assert_eq!(names(&plan), ["delete", "create"]);
    assert_eq!(plan.steps[0].address, there);
}
