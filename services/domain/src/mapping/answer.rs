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
        for form in [scope.element, scope.message.body].into_iter().flat_map(forms) {
            if !scope.budget.charge(form.len() as u64) {
                break;
            }
            for entry in form.iter().filter(|entry| self.asks(entry)) {
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

    fn asks(&self, entry: &Value) -> bool {
        let Some(question) = entry.get("question").and_then(Value::as_str) else { return false };
        let mut letters = question.trim().chars().flat_map(char::to_lowercase);
        match self.matching {
            Match::Exact => letters.eq(self.wanted.chars()),
            Match::Prefix => self.wanted.chars().all(|wanted| letters.next() == Some(wanted)),
            Match::Contains => letters.collect::<String>().contains(&self.wanted),
        }
    }
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

    #[test]
    fn a_form_at_the_top_level_is_found_too() {
        let body = json!({ "questions_and_answers": [{ "question": "Size", "answer": 12 }] });
        assert_eq!(find("size", Match::Exact, body), Ok(json!(12)));
        assert_eq!(find("size", Match::Exact, json!({ "payload": [] })), Err(Loss::Absent));
    }
}
