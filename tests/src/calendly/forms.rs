//! Routing forms, and what is answered to them.

use serde_json::{Value, json};

use super::{
    Calendly, HOME,
    account::{Account, Token},
    answer::{Answer, Asked, page},
    time::now,
};

/// The forms that the organization has.
const FORMS: [&str; 2] = ["FORMPROJECTS", "FORMCAREERS"];

fn uri(form: &str) -> String {
    format!("{HOME}/routing_forms/{form}")
}

impl Calendly {
    /// Somebody answers a routing form; whoever subscribed is told. The number is that of the cluid that the answer has.
    pub async fn answer_form(&self) -> u32 {
        let (number, answer) = {
            let mut account = self.account();
            let number = account.next();
            let form = FORMS[account.answers.len() % FORMS.len()];
            let at = now();
            let answer = json!({
                "uri": format!("{HOME}/routing_form_submissions/ANSWER{number:06}"),
                "routing_form": uri(form),
                "questions_and_answers": [
                    { "question_uuid": "question-1", "question": "How many people work with you?", "answer": "11 to 50" },
                ],
                "tracking": {
                    "utm_campaign": null, "utm_source": "ads", "utm_medium": null, "utm_content": null,
                    "utm_term": crate::cluid(number), "salesforce_uuid": null,
                },
                "result": { "type": "external_url", "value": "https://brightwater.example/thanks" },
                "submitter": null,
                "submitter_type": null,
                "created_at": at,
                "updated_at": at,
            });
            account.answers.push(answer.clone());
            (number, answer)
        };
        self.tell("routing_form_submission.created", answer).await;
        number
    }
}

impl Account {
    pub(super) fn list_routing_forms(&self, token: &Token, asked: &Asked) -> Answer {
        let allowed = token.needs("routing_forms:read").and_then(|()| token.needs_owner());
        match allowed {
            Err(refused) => refused,
            Ok(()) if asked.query("organization") != Some(&Self::organization()) => {
                Answer::invalid("organization", "is not valid")
            }
            Ok(()) => {
                let shown =
                    FORMS.map(|form| json!({ "uri": uri(form), "name": form, "status": "published" }));
                page(&shown, asked, self.page)
            }
        }
    }

    pub(super) fn list_answers(&self, token: &Token, asked: &Asked) -> Answer {
        if let Err(refused) = token.needs("routing_forms:read").and_then(|()| token.needs_owner()) {
            return refused;
        }
        let Some(form) = asked.query("form").filter(|asked| FORMS.iter().any(|form| uri(form) == *asked))
        else {
            return Answer::invalid("form", "is not valid");
        };
        let mut found: Vec<Value> =
            self.answers.iter().filter(|answer| answer["routing_form"] == form).cloned().collect();
        match asked.query("sort") {
            None | Some("created_at:asc") => {}
            Some("created_at:desc") => found.reverse(),
            Some(_) => return Answer::invalid("sort", "is not valid"),
        }
        page(&found, asked, self.page)
    }
}
