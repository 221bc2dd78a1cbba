//! `tributary destinations test`: what a destination would be sent, and what its platform's test facility says to that.

use tributary_proto::admin::v1::{
    TestDestinationRequest, TestDestinationResponse, test_destination_response::Answer,
};

use super::Choice;
use crate::cli::{
    client::{Client, refused},
    finder,
    output::{Out, Style, Text, Tree, cut, json, time::of_proto},
    trace,
};

/// A longer answer is cut.
const LONGEST_ANSWER: usize = 400;

/// Which destination is tested with what.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    choice: Choice,
    /// A stored event: evt_…; otherwise an example of somebody of whom everything is known
    #[arg(long, value_name = "EVENT", conflicts_with = "name")]
    event: Option<String>,
    /// The name of the example, such as Purchase
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Send it to the platform's test facility, where it is not counted, and show the answer
    #[arg(long)]
    send: bool,
}

/// Tests a destination.
///
/// # Errors
/// When the server refuses, or there is none such.
pub(super) async fn run(args: Args, client: &Client, out: &Out) -> anyhow::Result<()> {
    let Args { choice: Choice { which, of }, event, name, send } = args;
    let tenant = finder::tenant(client, of.tenant.as_deref()).await?;
    let found = finder::pick(finder::destinations(client, &tenant, usize::MAX).await?, Some(&which))?;
    let request = TestDestinationRequest {
        name: found.name,
        event: event.unwrap_or_default(),
        event_name: name.unwrap_or_default(),
        send,
    };
    let test = client.destinations().test_destination(request).await.map_err(refused)?.into_inner();
    if out.is_json() {
        return Ok(out.json(&json(&test)?)?);
    }
    Ok(out.tree(&tree(&test))?)
}

fn tree(test: &TestDestinationResponse) -> Tree {
    let event = test.event.clone().unwrap_or_default();
    let words = if test.answer.is_some() { "sent as a test" } else { "a test: nothing is sent" };
    let reason = Text::new().plain("test facility  ").with(Style::Warn, &test.test_reason);
    Tree::new(Text::new().with(Style::Bold, &event.event_name).and(Style::Dim, words))
        .with(test.delivery.as_ref().map(trace::delivery_tree))
        .with((!test.test_reason.is_empty()).then(|| Tree::new(reason)))
        .with(test.answer.as_ref().map(answer))
}

fn answer(answer: &Answer) -> Tree {
    let style = if answer.outcome == "DELIVERED" { Style::Good } else { Style::Bad };
    let status =
        if answer.http_status == 0 { "no answer".to_owned() } else { answer.http_status.to_string() };
    let took = answer.duration.as_ref().map(of_proto).unwrap_or_default();
    let label = Text::new().plain("answer  ").with(style, status).and(Style::Dim, took);
    let meaning = if answer.meaning.is_empty() { "it was taken" } else { &answer.meaning };
    let body = String::from_utf8_lossy(&answer.body);
    let body = (!body.is_empty()).then(|| Tree::new(Text::new().plain(cut(&body, LONGEST_ANSWER))));
    Tree::new(label).with([Tree::new(Text::new().with(style, meaning))]).with(body)
}

#[cfg(test)]
mod tests {
    use tributary_proto::admin::v1::{Event, TestedDelivery};

    use super::*;

    #[test]
    fn an_answer_is_shown_with_its_meaning() {
        let test = TestDestinationResponse {
            event: Some(Event { event_name: "Schedule".to_owned(), ..Event::default() }),
            delivery: Some(TestedDelivery {
                destination_display_name: "Meta".to_owned(),
                platform: "meta".to_owned(),
                ..TestedDelivery::default()
            }),
            test_reason: String::new(),
            answer: Some(Answer {
                http_status: 400,
                body: b"{}".to_vec(),
                outcome: "SUSPENDED".to_owned(),
                meaning: "the access token is not valid any more".to_owned(),
                ..Answer::default()
            }),
        };
        let expected = "\
Schedule · sent as a test
├─ delivery  Meta · meta · would not be sent
└─ answer  400
   ├─ the access token is not valid any more
   └─ {}";
        assert_eq!(tree(&test).render(false), expected);
    }
}
