//! What one workflow did.

use tributary_proto::admin::v1::{Reason, RunTrace, run_status::Code};

use super::{event, fields, filter, message::heading};
use crate::cli::output::{Style, Text, Tree, cut, value};

/// A longer value is cut.
const LONGEST: usize = 120;

/// A run: the filter, every field by section, and the events.
pub(super) fn tree(trace: &RunTrace) -> Tree {
    drawn(trace, "nothing published")
}

/// The same of what may be no version yet.
pub(super) fn tested(trace: &RunTrace) -> Tree {
    drawn(trace, "not published")
}

fn drawn(trace: &RunTrace, without_version: &str) -> Tree {
    let run = trace.run.clone().unwrap_or_default();
    let status = run.status.unwrap_or_default();
    let version = match run.version {
        0 => without_version.to_owned(),
        version => format!("version {version}"),
    };
    let style = if status.code() == Code::Succeeded { Style::Good } else { Style::Bad };
    let label = heading("workflow").with(Style::Accent, &trace.workflow_display_name);
    let mut run = Tree::new(label.and(Style::Plain, version).and(style, &status.display_name));
    if let Some(reason) = &status.reason {
        explain(&mut run, reason);
    }
    run.with(filter::tree(&trace.nodes))
        .with(fields::trees(&trace.nodes))
        .with(trace.events.iter().map(event::tree))
}

fn explain(run: &mut Tree, reason: &Reason) {
    let mut why = Tree::new(Text::new().plain("why         ").with(Style::Warn, &reason.message));
    if let Some(seen) = &reason.value {
        why.line(Text::new().plain("it saw  ").with(Style::Accent, cut(&value::text(seen), LONGEST)));
    }
    if !reason.fix.is_empty() {
        why.line(Text::new().plain("to do   ").plain(&reason.fix));
    }
    run.push(why);
}
