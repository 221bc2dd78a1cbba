//! A test as a tree: what the workflow would do, and what would be sent where.

use tributary_proto::admin::v1::{MatchQuality, OutgoingRequest, TestWorkflowResponse, TestedDelivery};

use super::{event, message, run};
use crate::cli::output::{Style, Text, Tree, cut, id};

/// A longer body of a request is cut.
const LONGEST_BODY: usize = 400;
/// As many of what would raise a score are shown.
const SHOWN_SIGNALS: usize = 3;

/// A test as a tree: the message, its source, the run with its events, and their requests.
pub(in crate::cli) fn tree(test: &TestWorkflowResponse) -> Tree {
    let message = test.message.clone().unwrap_or_default();
    let label = Text::new()
        .with(Style::Bold, &message.message_id)
        .and(Style::Dim, "a test: nothing is stored or sent");
    let several = test.run.as_ref().map_or(0, |run| run.events.len()) + test.follow_ups.len() > 1;
    Tree::new(label)
        .with([message::source(&message, &test.source_display_name)])
        .with(test.run.as_ref().map(run::tested))
        .with(test.follow_ups.iter().map(event::tree))
        .with(test.deliveries.iter().map(|delivery| sent(delivery, several)))
}

/// One delivery of a test, with its request.
pub(in crate::cli) fn delivery_tree(delivery: &TestedDelivery) -> Tree {
    sent(delivery, false)
}

fn sent(delivery: &TestedDelivery, several: bool) -> Tree {
    let (style, words) = match &delivery.request {
        Some(_) if delivery.exists => (Style::Warn, "was made before: it is not sent again"),
        Some(_) => (Style::Good, "would be sent"),
        None => (Style::Warn, "would not be sent"),
    };
    let label = message::heading("delivery")
        .with(Style::Accent, &delivery.destination_display_name)
        .and(Style::Plain, &delivery.platform)
        .and(style, words)
        .and(Style::Warn, &delivery.reason);
    // Whose it is goes without saying where there is one event.
    let label = if several { label.and(Style::Dim, id(&delivery.event)) } else { label };
    Tree::new(label)
        .with(delivery.match_quality.as_ref().map(quality))
        .with(delivery.request.as_ref().map(request))
}

/// How well the event's person will be found, and what would help most.
fn quality(quality: &MatchQuality) -> Tree {
    let names = |signals: &[tributary_proto::admin::v1::MatchSignal]| {
        signals.iter().map(|signal| signal.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let style = if quality.score < 40 { Style::Warn } else { Style::Good };
    let label = Text::new().plain("match  ").with(style, format!("{} of 100", quality.score));
    let missing = quality.missing.iter().take(SHOWN_SIGNALS).map(|signal| {
        let gain = format!("+{}  ", signal.points);
        Tree::new(Text::new().plain(gain).with(Style::Bold, &signal.name).and(Style::Dim, &signal.how))
    });
    Tree::new(label.and(Style::Dim, names(&quality.present))).with(missing)
}

fn request(request: &OutgoingRequest) -> Tree {
    let label = Text::new().with(Style::Bold, &request.method).and(Style::Accent, &request.url);
    let headers = request.headers.iter().map(|header| {
        Tree::new(Text::new().plain(format!("{}  ", header.name)).with(Style::Dim, &header.value))
    });
    Tree::new(label).with(headers).with([Tree::new(Text::new().plain(cut(&request.body, LONGEST_BODY)))])
}

#[cfg(test)]
mod tests {
    use tributary_proto::admin::v1::{
        Header, MatchSignal, Message, Run, RunStatus, RunTrace, run_status::Code,
    };

    use super::*;

    #[test]
    fn a_test_shows_what_would_be_sent_and_what_would_not() {
        let status = RunStatus {
            code: Code::Succeeded.into(),
            display_name: "Succeeded".to_owned(),
            ..RunStatus::default()
        };
        let run = Run { status: Some(status), ..Run::default() };
        let header = Header { name: "webhook-signature".to_owned(), value: "…".to_owned() };
        let request = OutgoingRequest {
            method: "POST".to_owned(),
            url: "https://crm.example.com/".to_owned(),
            headers: vec![header],
            body: "{}".to_owned(),
        };
        let delivery = |name: &str, reason: &str, request| TestedDelivery {
            destination_display_name: name.to_owned(),
            platform: "webhook".to_owned(),
            reason: reason.to_owned(),
            request,
            ..TestedDelivery::default()
        };
        let signal = |name: &str, points| MatchSignal {
            name: name.to_owned(),
            points,
            how: format!("map the {name}"),
        };
        let shown = tree(&TestWorkflowResponse {
            message: Some(Message { message_id: "msg_1".to_owned(), ..Message::default() }),
            source_display_name: "Calendly".to_owned(),
            run: Some(RunTrace {
                run: Some(run),
                workflow_display_name: "Booking".to_owned(),
                ..RunTrace::default()
            }),
            follow_ups: Vec::new(),
            deliveries: vec![
                TestedDelivery {
                    match_quality: Some(MatchQuality {
                        score: 26,
                        present: vec![signal("email", 26)],
                        missing: [("phone", 16), ("fbc", 14), ("fbp", 8), ("ip", 6)]
                            .map(|(name, points)| signal(name, points))
                            .into(),
                    }),
                    ..delivery("CRM", "", Some(request))
                },
                delivery("Other", "its filter does not let the event through", None),
            ],
        })
        .render(false);
        let expected = "\
msg_1 · a test: nothing is stored or sent
├─ source    Calendly
├─ workflow  Booking · not published · Succeeded
├─ delivery  CRM · webhook · would be sent
│  ├─ match  26 of 100 · email
│  │  ├─ +16  phone · map the phone
│  │  ├─ +14  fbc · map the fbc
│  │  └─ +8  fbp · map the fbp
│  └─ POST · https://crm.example.com/
│     ├─ webhook-signature  …
│     └─ {}
└─ delivery  Other · webhook · would not be sent · its filter does not let the event through";
        assert_eq!(shown, expected);
    }
}
