//! A routing form was sent off, whether or not an appointment follows.

use tributary_domain::workflow::spec::{Answer, DateFormat, Input, Kind, Match, Op, ValueType, WorkflowSpec};

use super::shared;
use crate::sources::build::{attribute, cluid, constant, identifier, path, single, user_trait, with_step};

/// How forms ask for what identifies somebody. Whole questions, so that nobody's manager is taken for them.
const EMAIL: [&str; 7] =
    ["Email", "E-mail", "Email address", "Your email", "Work email", "Business email", "What is your email?"];
const PHONE: [&str; 5] =
    ["Phone", "Phone number", "Mobile number", "Your phone number", "What is your phone number?"];
const FIRST_NAME: [&str; 2] = ["First name", "Your first name"];
const LAST_NAME: [&str; 2] = ["Last name", "Your last name"];
const COMPANY: [&str; 3] = ["Company", "Company name", "Your company"];

/// `routing_form_submission.created` as the standard event `SubmitForm`. It carries neither an address nor a name: who it
/// was is told by the cluid, and by answers where the form asks.
pub(super) fn spec() -> WorkflowSpec {
    let submitted_at =
        single("event_time", ValueType::Time, vec![path("$.payload.created_at"), path("$.created_at")]);
    let mut event_attributes = vec![
        attribute("form_uri", "$.payload.routing_form"),
        attribute("submission_uri", "$.payload.uri"),
        attribute("invitee_uri", "$.payload.submitter"),
        attribute("result_type", "$.payload.result.type"),
        attribute("result", "$.payload.result.value"),
    ];
    event_attributes.extend(shared::campaign());
    WorkflowSpec {
        kind: Kind::Track,
        filter: Some(shared::only("routing_form_submission.created")),
        event_name: Some(single("event_name", ValueType::String, vec![constant("SubmitForm")])),
        event_time: Some(with_step(submitted_at, "to_date", Op::ToDate(DateFormat::Auto))),
        event_id: Some(single("event_id", ValueType::String, vec![path("$.payload.uri")])),
        identifiers: vec![
            cluid("$.payload.tracking.utm_term"),
            identifier("email", answers(&EMAIL)),
            identifier("phone", answers(&PHONE)),
        ],
        user_traits: vec![
            user_trait("email", answers(&EMAIL)),
            user_trait("first_name", answers(&FIRST_NAME)),
            user_trait("last_name", answers(&LAST_NAME)),
            with_step(user_trait("phone", answers(&PHONE)), "to_phone", Op::ToPhone { country: None }),
            user_trait("company", answers(&COMPANY)),
        ],
        event_attributes,
        ..WorkflowSpec::default()
    }
}

fn answers(questions: &[&str]) -> Vec<Input> {
    let answer =
        |question: &&str| Input::Answer(Answer { question: (*question).to_owned(), matching: Match::Exact });
    questions.iter().map(answer).collect()
}
