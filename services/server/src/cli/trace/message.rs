//! The tree's root: what was accepted, and what its source made of it.

use tributary_proto::admin::v1::{
    HeldMessage, Message, MessageReplay, MessageTrace, ParkedMessage, message::Signature, run_status::Code,
};

use super::{conversion, event, run};
use crate::cli::{
    logs::cluid_words,
    output::{
        Style, Text, Tree, cut, id,
        time::{between, moment},
    },
};

/// A longer key or value of the message itself is cut.
const LONGEST: usize = 120;

/// A trace as a tree: accepted, source, workflows with their fields and events, and what stood in the way.
pub(in crate::cli) fn tree(trace: &MessageTrace) -> Tree {
    let Some(message) = &trace.message else { return Tree::new(Text::new().plain("an empty trace")) };
    let mut root = Tree::new(
        Text::new().with(Style::Bold, &message.message_id).and(status_style(message), status(message)),
    );
    if message.test {
        root.line(
            heading("test").plain("what follows from it goes to test facilities alone, and is not counted"),
        );
    }
    root.push(accepted(message));
    if message.source.is_empty() {
        root.line(Text::new().with(Style::Dim, "it is not processed yet"));
        return root;
    }
    root.push(source(message, &trace.source_display_name));
    if !message.duplicate_of.is_empty() {
        let first = id(&message.duplicate_of);
        root.line(heading("duplicate").plain("the same message came before: ").with(Style::Accent, first));
    }
    root.with(trace.conversion.as_ref().map(conversion::tree))
        .with(trace.runs.iter().map(run::tree))
        .with(trace.follow_ups.iter().map(event::tree))
        .with(trace.parked.as_ref().map(parked))
        .with(trace.held.as_ref().map(held))
        .with(trace.replays.iter().map(replay))
}

/// What a line is about, in a column of its own.
pub(super) fn heading(word: &str) -> Text {
    Text::new().with(Style::Bold, format!("{word:<10}"))
}

fn status(message: &Message) -> &str {
    message.status.as_ref().map_or("", |status| &status.display_name)
}

fn status_style(message: &Message) -> Style {
    match message.status.as_ref().map(|status| status.code()) {
        Some(Code::Succeeded) => Style::Good,
        Some(Code::Parked) => Style::Bad,
        _ => Style::Warn,
    }
}

fn accepted(message: &Message) -> Tree {
    let (style, signature) = match message.signature() {
        Signature::Unspecified => (Style::Dim, ""),
        Signature::Valid => (Style::Good, "signature valid"),
        Signature::Unsigned => (Style::Warn, "unsigned: the source has no signing key"),
        Signature::Fetched => (Style::Good, "not delivered: read through the provider's API"),
    };
    let time = message.receive_time.as_ref().map(|time| format!("{} UTC", moment(Some(time))));
    let mut label = heading("accepted").plain(time.as_deref().unwrap_or("and not yet processed"));
    label = label.and(style, signature);
    if !message.body.is_empty() {
        label = label.and(Style::Plain, format!("{} bytes of JSON", message.body.len()));
    }
    if message.body_removed {
        label = label.and(Style::Warn, "its body was removed for its age: what was mapped cannot be shown");
    }
    if let Some(took) = between(message.receive_time.as_ref(), message.process_time.as_ref()) {
        label = label.and(Style::Plain, format!("processed after {took}"));
    }
    Tree::new(label)
}

/// Where it came in, and what was found in it.
pub(super) fn source(message: &Message, display_name: &str) -> Tree {
    let mut source = Tree::new(
        heading("source").with(Style::Accent, display_name).and(Style::Plain, &message.provider_event),
    );
    if let Some(cluid) = message.cluid.as_ref().filter(|cluid| !cluid.path.is_empty()) {
        let style = if cluid_words(Some(cluid)) == "found" { Style::Good } else { Style::Warn };
        let value = cut(&cluid.value, LONGEST);
        let line = Text::new().plain("cluid       ").with(style, cluid_words(Some(cluid)));
        source.line(line.and(Style::Accent, value).with(Style::Dim, format!("  ← {}", cluid.path)));
    }
    if !message.dedupe_key.is_empty() {
        source.line(Text::new().plain("dedupe key  ").with(Style::Accent, cut(&message.dedupe_key, LONGEST)));
    }
    source
}

fn parked(parked: &ParkedMessage) -> Tree {
    let label = heading("parked")
        .with(Style::Bad, &parked.reason)
        .and(Style::Plain, moment(parked.park_time.as_ref()));
    Tree::new(label).with([Tree::new(Text::new().plain(&parked.detail))])
}

/// That it was processed again, and how it stood before.
fn replay(replay: &MessageReplay) -> Tree {
    let when = match &replay.replay_time {
        Some(time) => format!("{} UTC", moment(Some(time))),
        None => "waits for its turn".to_owned(),
    };
    let label = heading("replayed").plain(when).and(Style::Accent, id(&replay.operation));
    let before = replay.runs_before.iter().map(|run| {
        let status = run.status.as_ref().map_or("", |status| &status.display_name);
        let version = format!("version {}", run.version);
        Tree::new(
            Text::new()
                .plain("before: ")
                .with(Style::Plain, &run.workflow_display_name)
                .and(Style::Plain, version)
                .and(Style::Warn, status),
        )
    });
    let was = replay.status_before.as_ref().filter(|_| replay.runs_before.is_empty());
    let was =
        was.map(|status| Tree::new(Text::new().plain("before: ").with(Style::Warn, &status.display_name)));
    Tree::new(label).with(before).with(was)
}

fn held(held: &HeldMessage) -> Tree {
    let why = match held.reason.as_str() {
        "SUSPENDED" => "the tenant is suspended: it goes on when the tenant is resumed",
        "MONTHLY_QUOTA" => {
            "the tenant is over its monthly quota: it goes on when the month turns or the quota is raised"
        }
        "TENANT_DELETED" => "the tenant was deleted when it came",
        "BEHIND_HELD" => "earlier messages of the tenant are held: it follows them",
        "REPLAYED" => "it is replayed: it is processed again next",
        "REDRIVEN" => "it was parked and redriven: it is processed next",
        _ => "it goes on by itself",
    };
    let since = format!("since {} UTC", moment(held.hold_time.as_ref()));
    Tree::new(heading("held").with(Style::Warn, &held.reason).and(Style::Plain, since))
        .with([Tree::new(Text::new().plain(why))])
}
