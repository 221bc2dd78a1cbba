//! The rules by which messages are tests.

use tributary_domain::test_rule::{CompiledTestRules, MOST_RULES, TestRule, TestRuleKind};
use tributary_proto::admin::v1::TestRule as Proto;

use crate::{convert::enums::Twin, violations::Violations};

/// The longest name of a header, question or path, in bytes.
const MAX_NAME: usize = 1_000;
/// The longest text that has to stand there, in characters.
const MAX_VALUE: usize = 512;

/// Rules, checked as they are compiled: messages are planned with no others.
pub(super) fn from_proto(given: Vec<Proto>, at: &str, violations: &mut Violations) -> Vec<TestRule> {
    if given.len() > MOST_RULES {
        violations.add(at, format!("at most {MOST_RULES} rules"));
    }
    let mut rules = Vec::with_capacity(given.len().min(MOST_RULES));
    for (number, rule) in given.into_iter().take(MOST_RULES).enumerate() {
        let at = format!("{at}[{number}]");
        let Ok(Some(kind)) = TestRuleKind::of_number(rule.kind) else {
            violations.add(format!("{at}.kind"), "expected EMAIL, HEADER, ANSWER or PATH");
            continue;
        };
        violations.text(&format!("{at}.value"), &rule.value, MAX_VALUE);
        if rule.name.len() > MAX_NAME {
            violations.add(format!("{at}.name"), format!("at most {MAX_NAME} bytes"));
        } else if (kind == TestRuleKind::Email) != rule.name.trim().is_empty() {
            let expected = if kind == TestRuleKind::Email {
                "has to be empty: addresses have no name"
            } else {
                "expected the name of a header, a question or a path"
            };
            violations.add(format!("{at}.name"), expected);
        } else {
            let rule = TestRule { kind, name: rule.name, value: rule.value };
            if let Err(wrong) = CompiledTestRules::compile(std::slice::from_ref(&rule)) {
                for (_, what) in wrong {
                    violations.add(&at, what);
                }
            }
            rules.push(rule);
        }
    }
    rules
}

/// A rule as the contract has it.
pub(super) fn to_proto(rule: TestRule) -> Proto {
    Proto { kind: rule.kind.number(), name: rule.name, value: rule.value }
}
