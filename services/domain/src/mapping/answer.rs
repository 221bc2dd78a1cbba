//! A form's answer, found by its question.

use std::borrow::Cow;

use serde_json::Value;

use super::{Scope, loss::Loss, value};
use crate::workflow::{
    compile::{Problems, limits},
    spec::{Answer, Match},
};

/// The field that holds a form's answers; in the payload of a webhook, or at its top level.
const ANSWERS: &str = "questions_and_answers";

/// Bytes of a question that cost one unit of the budget where all of it is read, and where its beginning is
/// compared: there no more is read than the wanted question has.
const BYTES_READ: u64 = 8;
const BYTES_COMPARED: u64 = 64;

/// A question that is known to be sound.
#[derive(Debug)]
pub(crate) struct CompiledAnswer {
    question: String,
    /// Lower case, without white space at the ends.
    wanted: String,
    matching: Match,
}

impl CompiledAnswer {
    /// Compiles `answer`; nothing, and a problem, when it asks for nothing.
    pub(crate) fn compile(answer: &Answer, problems: &mut Problems) -> Option<Self> {
        let wanted = answer.question.trim().to_lowercase();
        if wanted.is_empty() || answer.question.len() > limits::QUESTION_BYTES {
            problems.error(
                format!("the question of an answer is empty or longer than {} bytes", limits::QUESTION_BYTES),
                "write the question as the form asks it",
            );
            return None;
        }
        Some(Self { question: answer.question.clone(), wanted, matching: answer.matching })
    }

    /// The question as it was written.
    pub(crate) fn question(&self) -> &str {
        &self.question
    }

    /// The answer: the first that is not empty, of the element's form or else the message's.
    pub(crate) fn find<'a>(&self, scope: &Scope<'a>) -> Result<Cow<'a, Value>, Loss> {
        let mut loss = Loss::Absent;
        let body = scope.message.body;
        // Where there is no `for_each` both are one and the same.
        let other = (!std::ptr::eq(scope.element, body)).then_some(body);
        for entry in [scope.element].into_iter().chain(other).flat_map(forms).flatten() {
            let question = entry.get("question").and_then(Value::as_str).unwrap_or_default();
            if !scope.budget.charge(self.cost(question)) {
                break;
            }
            if self.asks(question) {
                match entry.get("answer") {
                    Some(answer) if !value::is_blank(answer) => return Ok(Cow::Borrowed(answer)),
                    Some(Value::Null) => loss = Loss::Null,
                    Some(_) => loss = Loss::Blank,
                    None => {}
                }
            }
        }
        Err(loss)
    }

    /// What it costs to compare with `question`, in units of the budget.
    fn cost(&self, question: &str) -> u64 {
        let bytes_for_one = match self.matching {
            Match::Exact | Match::Prefix => BYTES_COMPARED,
            Match::Contains => BYTES_READ,
        };
        1 + question.len() as u64 / bytes_for_one
    }

    fn asks(&self, question: &str) -> bool {
        let mut letters = question.trim().chars().flat_map(char::to_lowercase);
        match self.matching {
            Match::Exact => letters.eq(self.wanted.chars()),
            Match::Prefix => self.wanted.chars().all(|wanted| letters.next() == Some(wanted)),
            Match::Contains => letters.collect::<String>().contains(&self.wanted),
        }
    }
}

/// The questions of a message's forms with their answers, in the order in which they are searched.
pub(crate) fn answers(body: &Value) -> impl Iterator<Item = (&str, &Value)> {
    forms(body).flatten().filter_map(|entry| Some((entry.get("question")?.as_str()?, entry.get("answer")?)))
}

fn forms(root: &Value) -> impl Iterator<Item = &Vec<Value>> {
    [root.get("payload").and_then(|payload| payload.get(ANSWERS)), root.get(ANSWERS)]
        .into_iter()
        .flatten()
        .filter_map(Value::as_array)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::mapping::fixture::Fixture;

    fn find(question: &str, matching: Match, body: Value) -> Result<Value, Loss> {
        let fixture = Fixture::new(body);
        let answer = Answer { question: question.to_owned(), matching };
        let answer = CompiledAnswer::compile(&answer, &mut Problems::default()).unwrap();
        answer.find(&fixture.scope()).map(Cow::into_owned)
    }

    fn booking() -> Value {
        json!({ "payload": { "questions_and_answers": [
            { "question": "Firma?", "answer": " ", "position": 3 },
            { "question": " FIRMA? ", "answer": "Müller & Söhne", "position": 0 },
            { "question": "Wie groß ist ÖSTERREICH für Sie?", "answer": "sehr", "position": 7 },
            { "question": "Budget", "answer": null },
            "not an entry",
        ] } })
    }

    #[test]
    fn questions_are_compared_without_case_and_outer_white_space() {
        assert_eq!(find("firma?", Match::Exact, booking()), Ok(json!("Müller & Söhne")));
        assert_eq!(find("Firma", Match::Exact, booking()), Err(Loss::Absent));
        assert_eq!(find("wie groß", Match::Prefix, booking()), Ok(json!("sehr")));
        assert_eq!(find("österreich", Match::Contains, booking()), Ok(json!("sehr")));
        assert_eq!(find("österreich", Match::Prefix, booking()), Err(Loss::Absent));
        assert_eq!(find("budget", Match::Exact, booking()), Err(Loss::Null));
    }

    /// What of the budget a search for `question` takes.
    fn cost(question: &str, matching: Match, body: Value) -> u64 {
        let fixture = Fixture::new(body);
        let answer = Answer { question: question.to_owned(), matching };
        let answer = CompiledAnswer::compile(&answer, &mut Problems::default()).unwrap();
        assert!(answer.find(&fixture.scope()).is_err());
        fixture.budget.used()
    }

    #[test]
    fn a_search_is_paid_for_by_the_length_of_the_questions_and_once() {
        let form = |question: &str| json!({ "questions_and_answers": [{ "question": question }, 1] });
        assert_eq!(cost("size", Match::Contains, form("Name?")), 2, "the body is not looked at twice");
        let long = "x".repeat(1 << 20);
        assert!(cost("size", Match::Contains, form(&long)) > 100_000);
        assert!(cost("size", Match::Exact, form(&long)) > 10_000);
    }

    #[test]
    fn long_questions_use_the_budget_up() {
        let fixture = Fixture::new(json!({ "questions_and_answers": [{ "question": "x".repeat(1 << 20) }] }));
        let answer = Answer { question: "size".to_owned(), matching: Match::Contains };
        let answer = CompiledAnswer::compile(&answer, &mut Problems::default()).unwrap();
        let scope = fixture.scope();
        let is_enough = (0..50).any(|_| {
            assert_eq!(answer.find(&scope), Err(Loss::Absent));
            fixture.budget.is_used_up()
        });
        assert!(is_enough, "fifty searches cost too little");
    }

    #[test]
    fn a_form_at_the_top_level_is_found_too() {
        let body = json!({ "questions_and_answers": [{ "question": "Size", "answer": 12 }] });
        assert_eq!(find("size", Match::Exact, body), Ok(json!(12)));
        assert_eq!(find("size", Match::Exact, json!({ "payload": [] })), Err(Loss::Absent));
    }
}
