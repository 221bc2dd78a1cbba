//! One event: whose it is, and where it went.

use tributary_proto::admin::v1::{
    DeliveryAttempt, DeliveryTrace, Event, EventTrace, IdentityDecision, IdentityStep, WithheldDestination,
    delivery::State,
    event::{Follows, RejectedIdentifier, follows::Kind as FollowsKind},
    identity_step::Action,
    workflow_spec::Kind,
};

use super::message::heading;
use crate::cli::{
    logs::state_of,
    output::{
        Style, Text, Tree, cut, id,
        time::{moment, of_proto},
    },
};

/// Longer answers of a destination are cut.
const LONGEST_ANSWER: usize = 120;

/// An event with its identity decision and its deliveries.
pub(super) fn tree(trace: &EventTrace) -> Tree {
    let event = trace.event.clone().unwrap_or_default();
    let name = match event.kind() {
        _ if !event.event_name.is_empty() => event.event_name.as_str(),
        Kind::Identify => "identify",
        Kind::Group => "group",
        Kind::Track | Kind::Unspecified => "event",
    };
    let label = heading("event").with(Style::Accent, name).and(Style::Dim, id(&event.name));
    let happened = format!("happened {} UTC", moment(event.event_time.as_ref()));
    Tree::new(label.and(Style::Plain, happened))
        .with(event.follows.as_ref().map(follows))
        .with(told_nobody(&event))
        .with(event.rejected_identifiers.iter().map(rejected))
        .with(trace.identity.as_ref().map(identity))
        .with(trace.deliveries.iter().map(delivery))
        .with(event.withheld_destinations.iter().map(not_told))
}

fn not_told(kept: &WithheldDestination) -> Tree {
    let label = heading("withheld").with(Style::Warn, id(&kept.destination));
    Tree::new(label.and(Style::Plain, &kept.text))
}

/// That it says something of an earlier event.
fn follows(follows: &Follows) -> Tree {
    let (style, what) = match follows.kind() {
        FollowsKind::Retract => (Style::Warn, "takes back"),
        FollowsKind::Restate | FollowsKind::Unspecified => (Style::Good, "restates"),
    };
    let label = heading("follows").with(style, what).and(Style::Accent, id(&follows.event));
    Tree::new(label.and(Style::Plain, reason_words(&follows.reason)))
}

/// That it was told to nobody.
fn told_nobody(event: &Event) -> Option<Tree> {
    let is_withheld = !event.withheld_reason.is_empty();
    let label = || heading("withheld").with(Style::Warn, reason_words(&event.withheld_reason));
    is_withheld.then(|| Tree::new(label()))
}

fn reason_words(reason: &str) -> &str {
    match reason {
        "cancelled" => "the booking was cancelled",
        "no_show" => "nobody came",
        "rescheduled" => "the booking was moved",
        "paid" => "the booking was paid for",
        "one_booking" => "another event of the booking stands",
        other => other,
    }
}

fn rejected(identifier: &RejectedIdentifier) -> Tree {
    let label = heading("refused").with(Style::Warn, format!("{} {}", identifier.r#type, identifier.value));
    Tree::new(label.and(Style::Plain, &identifier.rule))
}

fn identity(decision: &IdentityDecision) -> Tree {
    let profile = id(&decision.profile);
    let words = if decision.created { "a new person" } else { "a known person" };
    let label = heading("identity").plain(words).and(Style::Accent, profile);
    Tree::new(label).with(decision.steps.iter().map(step))
}

fn step(step: &IdentityStep) -> Tree {
    let (style, mark) = match step.action() {
        Action::Matched => (Style::Good, "= "),
        Action::Created | Action::Attached => (Style::Good, "+ "),
        Action::Merged => (Style::Good, "⇐ "),
        Action::Refused | Action::Blocked => (Style::Warn, "✗ "),
        Action::Unspecified => (Style::Dim, "· "),
    };
    Tree::new(Text::new().with(style, mark).plain(&step.text))
}

fn delivery(trace: &DeliveryTrace) -> Tree {
    let delivery = trace.delivery.clone().unwrap_or_default();
    let style = match delivery.state() {
        State::Delivered => Style::Good,
        State::Failed => Style::Bad,
        State::Pending | State::Unspecified => Style::Warn,
    };
    let label = heading("delivery")
        .with(Style::Accent, &trace.destination_display_name)
        .and(Style::Plain, &trace.platform)
        .and(style, state_of(&delivery))
        .and(Style::Dim, id(&delivery.name));
    let mut tree = Tree::new(label).with(delivery.attempts.iter().map(attempt));
    if delivery.next_attempt_time.is_some() && delivery.wait_until_time.is_none() {
        let due = moment(delivery.next_attempt_time.as_ref());
        tree.line(Text::new().with(Style::Warn, format!("the next attempt is due {due} UTC")));
    }
    tree
}

fn attempt(attempt: &DeliveryAttempt) -> Tree {
    let status = match attempt.http_status {
        0 => "no answer".to_owned(),
        status => status.to_string(),
    };
    let style = if (200..300).contains(&attempt.http_status) { Style::Good } else { Style::Bad };
    let took = attempt.duration.as_ref().map(of_proto).unwrap_or_default();
    let body = String::from_utf8_lossy(&attempt.response_body);
    let label = Text::new().plain(format!("attempt {}  ", attempt.number)).with(style, status);
    let label = label.and(Style::Plain, took).and(Style::Bad, &attempt.error);
    let answer = if attempt.response_removed {
        "the answer was removed for its age".to_owned()
    } else {
        cut(body.trim(), LONGEST_ANSWER)
    };
    Tree::new(label.and(Style::Dim, answer))
}
