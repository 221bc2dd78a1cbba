//! `tributary workflows backtest`: what a draft would have made of what was received.

use anyhow::bail;
use clap::Args;
use tributary_domain::time::Clock;
use tributary_proto::admin::v1::{
    BacktestExample, BacktestReport, BacktestWorkflowRequest, GetOperationRequest,
    ListBacktestExamplesRequest, PublishWorkflowRequest, Workflow,
    backtest_report::{Difference, IdentityChange},
};
use tributary_telemetry::ambient::SystemClock;

use super::{
    client::{Client, refused},
    logs::filter::time,
    output::{Out, Style, Text, Tree, id, one, time::to_proto},
    pages, replay,
    resources::Choice,
};

/// How many fields are shown.
const FIELDS: usize = 10;

/// Which workflow is compared over which messages.
#[derive(Debug, Args)]
pub(super) struct Backtesting {
    #[command(flatten)]
    pub(super) choice: Choice,
    /// Messages received from then on: a time such as 2026-01-31T09:30:00Z, or how long ago: 90s, 15m, 2h, 7d
    #[arg(long, value_name = "TIME")]
    from: String,
    /// Messages received before then; otherwise up to now
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Which of them, as the API's filter says it, such as: run_status = USER_ID_MISSING
    #[arg(long, value_name = "FILTER", default_value = "", hide_default_value = true)]
    filter: String,
    /// Publish the draft if nothing differs from what happened
    #[arg(long, conflicts_with = "detach")]
    publish_if_same: bool,
    /// Do not wait until it is done
    #[arg(long)]
    detach: bool,
}

/// Compares a draft with what happened, and shows how it differs.
///
/// # Errors
/// When the server refuses, it cannot be done, or it was to be published and differs.
pub(super) async fn run(
    backtesting: Backtesting,
    workflow: Workflow,
    client: &Client,
    out: &Out,
) -> anyhow::Result<()> {
    let now = SystemClock.now();
    let moment = |flag, text: &str| Ok::<_, anyhow::Error>(to_proto(time(flag, text, now)?));
    let request = BacktestWorkflowRequest {
        name: workflow.name.clone(),
        start_time: Some(moment("from", &backtesting.from)?),
        end_time: backtesting.to.as_deref().map(|to| moment("to", to)).transpose()?,
        filter: backtesting.filter,
        request_id: String::new(),
        etag: workflow.etag.clone(),
    };
    let operation = client.workflows().backtest_workflow(request).await.map_err(refused)?.into_inner();
    if backtesting.detach {
        if out.is_json() {
            return one(out, id(&operation.name), &operation);
        }
        let text = Text::new().with(Style::Bold, id(&operation.name));
        let how = " goes on: see how far it is with tributary operations watch";
        return Ok(out.text(&text.plain(how))?);
    }
    replay::watch(&operation.name, client, out).await?;
    let request = GetOperationRequest { name: operation.name.clone() };
    let done = client.operations().get_operation(request).await.map_err(refused)?.into_inner();
    let report = done.backtest_report.unwrap_or_default();
    if !out.is_json() {
        let examples = examples(client, &operation.name).await?;
        out.tree(&tree(&workflow.display_name, &report, &examples))?;
    }
    if backtesting.publish_if_same {
        return publish(&workflow, &report, client, out).await;
    }
    Ok(())
}

async fn publish(
    workflow: &Workflow,
    report: &BacktestReport,
    client: &Client,
    out: &Out,
) -> anyhow::Result<()> {
    if report.message_count == 0 {
        bail!("nothing was compared: the draft was not published");
    }
    if !report.same && report.same_message_count == report.message_count {
        bail!("not all could be compared: the draft was not published");
    }
    if !report.same {
        bail!("the draft differs from what happened: it was not published");
    }
    // As it was read before: another draft than the one that was compared is not published.
    let (name, etag) = (workflow.name.clone(), workflow.etag.clone());
    let request = PublishWorkflowRequest { name, etag, ..PublishWorkflowRequest::default() };
    let published = client.workflows().publish_workflow(request).await.map_err(refused)?.into_inner();
    if out.is_json() {
        return one(out, &published.key, &published);
    }
    let text = Text::new().with(Style::Bold, &published.key);
    Ok(out.text(&text.plain(format!(" is published as version {}", published.published_version)))?)
}

/// The examples of a backtest.
///
/// # Errors
/// When the server refuses.
async fn examples(client: &Client, operation: &str) -> anyhow::Result<Vec<BacktestExample>> {
    pages::all(usize::MAX, async |page_size, page_token| {
        let request = ListBacktestExamplesRequest { parent: operation.to_owned(), page_size, page_token };
        let answer = client.operations().list_backtest_examples(request).await?.into_inner();
        Ok((answer.examples, answer.next_page_token))
    })
    .await
}

/// A report as a tree: counts, and examples of what differs.
fn tree(workflow: &str, report: &BacktestReport, found: &[BacktestExample]) -> Tree {
    let (style, words) = if report.same {
        (Style::Good, "nothing differs".to_owned())
    } else if report.message_count == 0 {
        (Style::Warn, "nothing was compared".to_owned())
    } else {
        (
            Style::Warn,
            format!("{} of {} messages are as they were", report.same_message_count, report.message_count),
        )
    };
    let mut root = Tree::new(Text::new().with(Style::Bold, workflow).and(style, words));
    for (count, words) in [
        (report.body_removed_count, "could not be compared: their bodies were removed for their age"),
        (report.held_count, "were left out: they wait to be processed"),
    ] {
        if count > 0 {
            root.line(Text::new().with(Style::Warn, format!("{count} {words}")));
        }
    }
    let statuses = report.statuses.iter().map(|change| {
        let before = if change.before.is_empty() { "no run" } else { &change.before };
        let text = Text::new().plain(format!("{before} → "));
        let style = if change.before == change.after { Style::Good } else { Style::Warn };
        Tree::new(text.with(style, &change.after).and(Style::Plain, change.count.to_string()))
    });
    root.push(Tree::new(heading("runs")).with(statuses));
    let fields = report.fields.iter().take(FIELDS).map(|change| {
        Tree::new(Text::new().plain(&change.field).and(Style::Warn, format!("differs in {}", change.count)))
    });
    root.push(Tree::new(counted("events", report.events.as_ref())).with(fields));
    root.push(Tree::new(counted("deliveries", report.deliveries.as_ref())));
    root.push(Tree::new(people(&report.identity.unwrap_or_default())));
    let examples = found.iter().map(|example| {
        Tree::new(Text::new().with(Style::Accent, id(&example.message)).and(Style::Plain, &example.text))
    });
    if found.is_empty() { root } else { root.with([Tree::new(heading("examples")).with(examples)]) }
}

fn heading(word: &str) -> Text {
    Text::new().with(Style::Bold, format!("{word:<12}"))
}

fn counted(word: &str, difference: Option<&Difference>) -> Text {
    let difference = difference.copied().unwrap_or_default();
    let mut text = heading(word).plain(format!("{} the same", difference.same_count));
    for (count, words) in [
        (difference.added_count, "more"),
        (difference.lost_count, "not any more"),
        (difference.changed_count, "different"),
    ] {
        if count > 0 {
            text = text.and(Style::Warn, format!("{count} {words}"));
        }
    }
    text
}

fn people(identity: &IdentityChange) -> Text {
    let mut text = heading("identity").plain(format!("{} events the same person's", identity.same_count));
    for (count, words) in [
        (identity.known_count, "more of people who are known"),
        (identity.new_count, "of people who would be made"),
        (identity.other_count, "another person's"),
        (identity.nobody_count, "nobody's"),
        (identity.merge_count, "merges"),
        (identity.conflict_count, "conflicts"),
    ] {
        if count > 0 {
            text = text.and(Style::Warn, format!("{count} {words}"));
        }
    }
    if let Some(count) = identity.followed_count {
        text = text.and(Style::Warn, format!("followed for {count} messages only"));
    }
    text
}

#[cfg(test)]
mod tests {
    use tributary_proto::admin::v1::backtest_report::{FieldChange, StatusChange};

    use super::*;

    #[test]
    fn a_report_shows_what_differs_and_nothing_else() {
        let status = |before: &str, count| StatusChange {
            before: before.to_owned(),
            after: "SUCCEEDED".to_owned(),
            count,
        };
        let report = BacktestReport {
            message_count: 3,
            same_message_count: 1,
            body_removed_count: 2,
            statuses: vec![status("SUCCEEDED", 2), status("", 1)],
            events: Some(Difference { same_count: 1, added_count: 1, changed_count: 1, lost_count: 0 }),
            fields: vec![FieldChange { field: "user_traits.email".to_owned(), count: 1 }],
            deliveries: Some(Difference { same_count: 2, ..Difference::default() }),
            identity: Some(IdentityChange { same_count: 2, new_count: 1, ..IdentityChange::default() }),
            ..BacktestReport::default()
        };
        let example = BacktestExample {
            message: "agencies/a/tenants/t/messages/msg_1".to_owned(),
            text: "Schedule would be made".to_owned(),
            ..BacktestExample::default()
        };
        let expected = "\
Booking · 1 of 3 messages are as they were
├─ 2 could not be compared: their bodies were removed for their age
├─ runs        
│  ├─ SUCCEEDED → SUCCEEDED · 2
│  └─ no run → SUCCEEDED · 1
├─ events      1 the same · 1 more · 1 different
│  └─ user_traits.email · differs in 1
├─ deliveries  2 the same
├─ identity    2 events the same person's · 1 of people who would be made
└─ examples    
   └─ msg_1 · Schedule would be made";
        assert_eq!(tree("Booking", &report, &[example]).render(false), expected);
        let nothing = tree("Booking", &BacktestReport::default(), &[]).render(false);
        assert!(nothing.starts_with("Booking · nothing was compared"), "{nothing}");
    }
}
