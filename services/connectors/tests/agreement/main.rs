//! How far the requests that we make agree with cases of another product: each case is a message, the settings of a
//! destination, and the request that the other one makes of them.
//!
//! The cases of `fixtures/destinations` are ours. Those of a folder that `TRIBUTARY_DESTINATION_CASES` names are read instead,
//! with a file for each platform. Every difference has to be one that `docs/destinations.md` explains.

#![allow(clippy::expect_used, clippy::panic, reason = "tests say at once what fails")]

mod compare;
mod destination;
mod google;
mod known;
mod message;

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use tributary_connectors::destinations::{Platform, find};
use tributary_domain::time::Timestamp;

use self::{compare::Compared, known::Explained};

/// Files of cases by the platform that they are for. What is for none of ours is passed over.
const FILES: [(&str, &str); 10] = [
    ("meta_capi", "meta"),
    ("google_ads_offline_click", "google_ads"),
    ("google_ads_enhanced", "google_ads"),
    ("ga4_mp", "ga4"),
    ("ga4_mp_custom_mappings", "ga4"),
    ("tiktok_events_v2", "tiktok"),
    ("linkedin_capi", "linkedin"),
    ("klaviyo", "klaviyo"),
    ("slack_incoming", "slack"),
    ("generic_webhook", "webhook"),
];

fn folder() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/destinations");
    env::var_os("TRIBUTARY_DESTINATION_CASES").map_or(own, PathBuf::from)
}

/// How the cases of a platform came out.
#[derive(Default)]
struct Tally {
    cases: usize,
    same: usize,
    values: usize,
    equal: usize,
    explained: BTreeMap<&'static str, usize>,
    unexplained: Vec<String>,
}

impl Tally {
    fn count(&mut self, platform: &dyn Platform, file: &str, case: &Value, latest: Timestamp) {
        let Compared { values, differences } = compared(platform, case, latest);
        self.cases += 1;
        self.same += usize::from(differences.is_empty());
        self.values += values;
        self.equal += values - differences.len();
        let mut why = BTreeSet::new();
        for difference in differences {
            match known::explain(platform.name(), case, &difference) {
                Explained::By(id) => {
                    why.insert(id);
                }
                Explained::Not => {
                    self.unexplained
                        .push(format!("{file}: {}: {difference}", case["name"].as_str().unwrap_or_default()));
                }
            }
        }
        for id in why {
            *self.explained.entry(id).or_default() += 1;
        }
    }

    fn told(&self) -> String {
        let why = self
            .explained
            .iter()
            .map(|(id, cases)| format!("{id} in {cases}"))
            .collect::<Vec<_>>()
            .join(", ");
        format!(
            "{} cases, {} the same, {} of {} values equal; differences: {why}; unexplained: {}",
            self.cases,
            self.same,
            self.equal,
            self.values,
            self.unexplained.len()
        )
    }
}

fn compared(platform: &dyn Platform, case: &Value, latest: Timestamp) -> Compared {
    let expected = match &case["expected"] {
        // One message can be several requests there; the first one is the one that we make.
        Value::Array(several) => several.first().cloned().unwrap_or_default(),
        one => one.clone(),
    };
    let (settings, secrets) = destination::of(platform.name(), &case["input"]["config"]);
    let google = (platform.name() == "google_ads").then(|| google::input(&case["input"]));
    let made = message::event(platform, google.as_ref().unwrap_or(&case["input"]), latest)
        .ok_or_else(|| "it is no event".to_owned())
        .and_then(|event| {
            platform.check_settings(&settings, &secrets).map_err(|error| error.to_string())?;
            let now = latest.max(event.time);
            platform.request(&settings, &secrets, &event, now).map_err(|error| error.to_string())
        });
    // Their cases have a name in braces, which no pixel has.
    let expected = expected.to_string().replace("{{PIXEL-CODE}}", "PIXEL-CODE");
    compare::compare(&serde_json::from_str(&expected).expect("JSON"), &made)
}

#[test]
fn what_differs_is_explained() {
    let mut tallies = BTreeMap::<&str, Tally>::new();
    for (file, platform) in FILES {
        let path = folder().join(format!("{file}.json"));
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let read: Value = serde_json::from_str(&text).expect("cases are JSON");
        let cases = read["cases"].as_array().expect("a list of cases");
        let clock = read["meta"]["clock"].as_str().and_then(|clock| clock.parse().ok());
        // Without a clock, the cases are of the time of the newest of them.
        let newest = cases.iter().filter_map(|case| message::time(&case["input"]["message"])).max();
        let now = clock.or(newest).unwrap_or_default();
        let platform = find(platform).expect("a platform");
        let tally = tallies.entry(platform.name()).or_default();
        cases.iter().for_each(|case| tally.count(platform, file, case, now));
    }
    assert!(!tallies.is_empty(), "there are no cases in {}", folder().display());
    let mut unexplained = Vec::new();
    for (platform, tally) in &tallies {
        println!("{platform}: {}", tally.told());
        unexplained.extend(tally.unexplained.clone());
    }
    assert!(
        unexplained.is_empty(),
        "{} differences are not explained:\n{}",
        unexplained.len(),
        unexplained.join("\n")
    );
}

#[test]
fn every_explanation_stands_in_the_documentation() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/destinations.md");
    let text = fs::read_to_string(path).expect("the documentation");
    for id in known::ids() {
        assert!(text.contains(&format!("### {id}\n")), "docs/destinations.md does not explain {id}");
    }
}
