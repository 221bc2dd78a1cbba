//! Test messages: which messages of a tenant are tests, and no business.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    identity::IdentifierType,
    mapping::{Budget, CompiledInput, MessageView, Scope, value},
    tenant::TenantSettings,
    workflow::{
        compile::{Problem, Problems, Severity},
        event::EventDraft,
        spec::{Answer, Input, Match, Path, Pick},
    },
};

/// How many rules a tenant can have.
pub const MOST_RULES: usize = 50;

/// A rule: messages of which it holds are tests, and everything that follows from them is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestRule {
    /// What is looked at.
    pub kind: TestRuleKind,
    /// The name of the header, the question, or the JSONPath; empty for e-mail addresses.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// What stands there: in any case, without white space at its ends; `*` stands for any letters, also for none.
    pub value: String,
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestRuleKind {
    /// The e-mail addresses of the events that are made of the message.
    Email,
    /// A header of the request, of those that are kept with the message.
    Header,
    /// The answer to a question of a form.
    Answer,
    /// The value at a path of the body.
    Path,
}

/// The rules of a tenant, known to be sound.
#[derive(Debug)]
pub struct CompiledTestRules(Vec<CompiledRule>);

#[derive(Debug)]
struct CompiledRule {
    looks_at: LooksAt,
    pattern: Pattern,
}

#[derive(Debug)]
enum LooksAt {
    Emails,
    Header(String),
    Input(CompiledInput),
}

/// A text with places for any letters: what stands between those.
#[derive(Debug)]
struct Pattern(Vec<String>);

impl TestRule {
    fn compile(&self) -> Result<CompiledRule, String> {
        let pattern = Pattern::of(&self.value);
        if self.value.trim().is_empty() {
            return Err("a rule says what stands there; `*` for anything".to_owned());
        }
        let looks_at = match self.kind {
            TestRuleKind::Email if pattern.is_anything() => {
                return Err("this makes a test of every message: name a part of the addresses".to_owned());
            }
            TestRuleKind::Email => LooksAt::Emails,
            TestRuleKind::Header => LooksAt::Header(self.name.trim().to_ascii_lowercase()),
            TestRuleKind::Answer => {
                let answer = Answer { question: self.name.clone(), matching: Match::Exact };
                input(&Input::Answer(answer))?
            }
            TestRuleKind::Path => {
                input(&Input::Path(Path { jsonpath: self.name.clone(), pick: Pick::First }))?
            }
        };
        Ok(CompiledRule { looks_at, pattern })
    }
}

fn input(input: &Input) -> Result<LooksAt, String> {
    let mut problems = Problems::default();
    let compiled = CompiledInput::compile(input, &mut problems);
    let wrong = problems.into_list().into_iter().find(|problem| problem.severity == Severity::Error);
    match (compiled, wrong) {
        (Some(compiled), None) => Ok(LooksAt::Input(compiled)),
        (_, Some(Problem { reason, fix, .. })) => Err(format!("{reason}: {fix}")),
        (None, None) => Err("it cannot be looked for".to_owned()),
    }
}

impl CompiledTestRules {
    /// Compiles `rules`.
    ///
    /// # Errors
    /// The number of each rule that is not sound, counted from 0, and what is wrong with it.
    pub fn compile(rules: &[TestRule]) -> Result<Self, Vec<(usize, String)>> {
        let (mut compiled, mut wrong) = (Vec::with_capacity(rules.len()), Vec::new());
        for (number, rule) in rules.iter().enumerate() {
            match rule.compile() {
                Ok(rule) => compiled.push(rule),
                Err(what) => wrong.push((number, what)),
            }
        }
        if wrong.is_empty() { Ok(Self(compiled)) } else { Err(wrong) }
    }

    /// Whether a message is a test by its body, or by the `headers` that are kept of it.
    pub fn holds_of_message(
        &self,
        message: &MessageView<'_>,
        headers: &[(String, String)],
        tenant: &TenantSettings,
    ) -> bool {
        let budget = Budget::new();
        let scope = Scope::new(*message, tenant, &budget);
        self.0.iter().any(|rule| match &rule.looks_at {
            LooksAt::Emails => false,
            LooksAt::Header(header) => headers
                .iter()
                .any(|(name, text)| name.eq_ignore_ascii_case(header) && rule.pattern.fits(text)),
            LooksAt::Input(input) => input.find(&scope).is_ok_and(|found| rule.pattern.fits_value(&found)),
        })
    }

    /// Whether a message is a test by the address of somebody whom an event of it is about.
    pub fn holds_of_event(&self, draft: &EventDraft) -> bool {
        let identifiers = draft.identifiers.iter().filter(|id| id.kind.as_str() == IdentifierType::EMAIL);
        let identifiers = identifiers.map(|id| id.value.as_str());
        let addresses: Vec<&str> =
            identifiers.chain(draft.traits.get("email").and_then(Value::as_str)).collect();
        let mut rules = self.0.iter().filter(|rule| matches!(rule.looks_at, LooksAt::Emails));
        rules.any(|rule| addresses.iter().any(|address| rule.pattern.fits(address)))
    }
}

impl Pattern {
    fn of(text: &str) -> Self {
        Self(text.trim().to_lowercase().split('*').map(str::to_owned).collect())
    }

    fn is_anything(&self) -> bool {
        self.0.iter().all(String::is_empty)
    }

    fn fits_value(&self, found: &Value) -> bool {
        match found {
            Value::Array(items) => items.iter().any(|item| self.fits_value(item)),
            found => value::text(found).is_some_and(|text| self.fits(&text)),
        }
    }

    fn fits(&self, text: &str) -> bool {
        let text = text.trim().to_lowercase();
        let [first, between @ .., last] = self.0.as_slice() else {
            return self.0.first().is_some_and(|whole| *whole == text);
        };
        let inner = text.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str()));
        let Some(mut rest) = inner else { return false };
        // The first place where a part fits leaves the most to those after it.
        between.iter().all(|part| match rest.find(part.as_str()) {
            Some(at) => {
                rest = &rest[at + part.len()..];
                true
            }
            None => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{id::MessageId, time::Timestamp};

    fn rule(kind: TestRuleKind, name: &str, value: &str) -> TestRule {
        TestRule { kind, name: name.to_owned(), value: value.to_owned() }
    }

    fn compiled(rule: TestRule) -> CompiledTestRules {
        CompiledTestRules::compile(&[rule]).unwrap()
    }

    fn of_body(rule: TestRule, body: &Value, headers: &[(&str, &str)]) -> bool {
        let message = MessageView {
            id: MessageId::from_bits(1),
            received: Timestamp::from_seconds(0),
            body,
            provider_event: None,
            cluid: None,
            source_name: "forms",
            booking: None,
        };
        let headers: Vec<(String, String)> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        compiled(rule).holds_of_message(&message, &headers, &TenantSettings::default())
    }

    fn draft(email: &str, traits: &Value) -> EventDraft {
        serde_json::from_value(json!({
            "index": 0, "kind": "track", "name": "Schedule", "time": 0, "dedupe_id": null,
            "identifiers": [{"kind": "email", "value": email, "raw": email}], "rejected": [], "traits": traits,
            "attributes": {}, "groups": {}, "group_traits": {}, "consents": {},
        }))
        .unwrap()
    }

    #[test]
    fn a_rule_looks_at_what_it_names() {
        use TestRuleKind::{Answer, Header, Path};
        let body = json!({
            "mode": "Test ", "live": false, "tags": ["a", "QA-7"],
            "questions_and_answers": [{"question": "Coupon?", "answer": "internal-test", "position": 0}],
        });
        let none: &[(&str, &str)] = &[];
        for (rule, holds) in [
            (rule(Path, "$.mode", "test"), true),
            (rule(Path, "$.mode", "tes"), false),
            (rule(Path, "$.live", "false"), true),
            (rule(Path, "$.tags", "qa-*"), true),
            (rule(Path, "$.none", "*"), false),
            (rule(Answer, "coupon?", "*test"), true),
            (rule(Answer, "Another?", "*"), false),
            (rule(Header, "x-tributary-test", "*"), false),
        ] {
            assert_eq!(of_body(rule.clone(), &body, none), holds, "{rule:?}");
        }
        let sent = [("X-Tributary-Test", "1")];
        assert!(of_body(rule(Header, "x-tributary-test", "1"), &body, &sent));
        assert!(!of_body(rule(Header, "x-tributary-test", "2"), &body, &sent));
    }

    #[test]
    fn an_address_of_an_event_makes_a_test_of_its_message() {
        let rules = compiled(rule(TestRuleKind::Email, "", "*@Agency.example"));
        assert!(rules.holds_of_event(&draft("ann@agency.example", &json!({}))));
        assert!(rules.holds_of_event(&draft("a@b.example", &json!({"email": "ANN@agency.example"}))));
        assert!(!rules.holds_of_event(&draft("ann@agency.example.net", &json!({}))));
    }

    #[test]
    fn what_is_no_rule_is_told_by_its_number() {
        use TestRuleKind::{Answer, Email, Path};
        let rules = [
            rule(Email, "", "a@b.example"),
            rule(Email, "", "**"),
            rule(Path, "payload", "1"),
            rule(Answer, "", "1"),
            rule(Path, "$.a", " "),
        ];
        let wrong = CompiledTestRules::compile(&rules).unwrap_err();
        assert_eq!(wrong.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert!(wrong.iter().all(|(_, what)| !what.is_empty()));
    }

    /// The same by trying every way.
    fn model(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|skipped| model(rest, &text[skipped..])),
            Some((letter, rest)) => text.first() == Some(letter) && model(rest, &text[1..]),
        }
    }

    proptest! {
        #[test]
        fn a_pattern_fits_what_it_would_by_trying_every_way(pattern in "[ab*]{1,8}", text in "[ab]{0,8}") {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(Pattern::of(&pattern).fits(&text), model(&letters(&pattern), &letters(&text)));
        }
    }
}
