//! Plans and what became of them, for people and for programs.

use serde_json::{Map, Value as Json, json};
use tributary_proto::admin::v1::DeletionPreview;

use super::{
    difference::Difference,
    plan::{Action, Plan, Step},
};
use crate::cli::output::{self, Out, Style, Text, cut};

/// Longer values are cut for people.
const LONGEST_VALUE: usize = 100;
/// More differences of one resource are not listed for people.
const MAX_DIFFERENCES: usize = 40;

/// How a step stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// It was planned.
    Planned,
    /// It was done; a source that was made has a URL.
    Done(Option<String>),
    /// It was not done, for these reasons.
    Failed(Vec<String>),
    /// It was not begun, since an earlier one failed.
    NotBegun,
}

/// A plan that is shown: each step with what would go with it, and how it stands.
#[derive(Debug)]
pub(super) struct Report {
    /// What the tenant is called.
    pub(super) tenant: String,
    /// The plan.
    pub(super) plan: Plan,
    /// What goes with each step that deletes.
    pub(super) previews: Vec<Option<DeletionPreview>>,
    /// How each step stands.
    pub(super) states: Vec<State>,
}

impl Report {
    /// Nothing of it has been done.
    pub(super) fn new(tenant: String, plan: Plan, previews: Vec<Option<DeletionPreview>>) -> Self {
        let states = vec![State::Planned; plan.steps.len()];
        Self { tenant, plan, previews, states }
    }

    /// Whether there is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.plan.steps.is_empty()
    }

    /// All of it, for programs.
    ///
    /// # Errors
    /// When the build's descriptors do not fit.
    pub(super) fn to_json(&self) -> anyhow::Result<Json> {
        let mut steps = Vec::with_capacity(self.plan.steps.len());
        for ((step, state), preview) in self.plan.steps.iter().zip(&self.states).zip(&self.previews) {
            steps.push(step_json(step, state, preview.as_ref())?);
        }
        let all = |addresses: &[super::resource::Address]| -> Vec<String> {
            addresses.iter().map(ToString::to_string).collect()
        };
        Ok(json!({
            "tenant": self.tenant,
            "steps": steps,
            "unchanged": all(&self.plan.unchanged),
            "kept": all(&self.plan.kept),
        }))
    }

    /// The plan, for people.
    ///
    /// # Errors
    /// When standard output cannot be written to.
    pub(super) fn show_plan(&self, out: &Out) -> anyhow::Result<()> {
        out.text(&Text::new().with(Style::Dim, "tenant ").with(Style::Bold, &self.tenant))?;
        for (step, preview) in self.plan.steps.iter().zip(&self.previews) {
            out.text(&head(step))?;
            for difference in step.differences.iter().take(MAX_DIFFERENCES) {
                out.text(&difference_text(difference))?;
            }
            if step.differences.len() > MAX_DIFFERENCES {
                let more = step.differences.len() - MAX_DIFFERENCES;
                out.text(&Text::new().with(Style::Dim, format!("    and {more} more")))?;
            }
            if let Some(secrets) = &step.secrets {
                let references: Vec<_> = secrets.values().map(|secret| secret.reference.as_str()).collect();
                let words = match references.as_slice() {
                    [] => "secrets: taken away".to_owned(),
                    references => format!("secrets: set from {}", references.join(", ")),
                };
                out.text(&Text::new().plain("    ").plain(words))?;
            }
            if let Some(preview) = preview {
                out.text(&Text::new().plain("    ").with(Style::Warn, with_it(preview)))?;
            }
        }
        for kept in &self.plan.kept {
            let words = format!("  {kept} is in no file: it is kept, unless you say --prune");
            out.text(&Text::new().with(Style::Dim, words))?;
        }
        Ok(out.text(&Text::new().plain(self.summary()))?)
    }

    /// What there is to do, in one line.
    fn summary(&self) -> String {
        if self.is_empty() {
            return format!(
                "nothing to do: what the files want is there ({} unchanged)",
                self.plan.unchanged.len()
            );
        }
        let actions = [Action::Create, Action::Update, Action::Publish, Action::Unpublish, Action::Delete];
        let counts = actions.into_iter().filter_map(|action| {
            let count = self.plan.steps.iter().filter(|step| step.action == action).count();
            (count > 0).then(|| format!("{count} to {}", action.name()))
        });
        let unchanged = Some(format!("{} unchanged", self.plan.unchanged.len()));
        counts.chain(unchanged).collect::<Vec<_>>().join(", ")
    }

    /// What was done, for people.
    ///
    /// # Errors
    /// When standard output cannot be written to.
    pub(super) fn show_outcome(&self, out: &Out) -> anyhow::Result<()> {
        for (step, state) in self.plan.steps.iter().zip(&self.states) {
            let what = format!("{} {}", step.action.name(), step.address);
            let line = match state {
                State::Planned => continue,
                State::Done(_) => Text::new().with(Style::Good, "done      ").plain(what),
                State::Failed(_) => Text::new().with(Style::Bad, "failed    ").plain(what),
                State::NotBegun => Text::new().with(Style::Dim, "not begun ").plain(what),
            };
            out.text(&line)?;
            if let State::Done(Some(url)) = state {
                out.text(
                    &Text::new()
                        .plain("          its webhook URL, shown this once: ")
                        .with(Style::Accent, url),
                )?;
            }
        }
        Ok(())
    }
}

fn step_json(step: &Step, state: &State, preview: Option<&DeletionPreview>) -> anyhow::Result<Json> {
    let mut members = Map::new();
    let mut put = |name: &str, value: Json| members.insert(name.to_owned(), value);
    put("action", step.action.name().into());
    put("resource", step.address.kind().into());
    put("key", step.address.key().into());
    if step.action == Action::Create {
        put("fields", step.fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect());
    } else {
        put("differences", step.differences.iter().map(Difference::to_json).collect());
    }
    if let Some(secrets) = &step.secrets {
        put("secrets", secrets.values().map(|secret| secret.reference.as_str()).collect());
    }
    if let Some(preview) = preview {
        put("with_it", output::json(preview)?);
    }
    let name = match state {
        State::Planned => "PLANNED",
        State::Done(_) => "DONE",
        State::Failed(_) => "FAILED",
        State::NotBegun => "NOT_BEGUN",
    };
    put("state", name.into());
    match state {
        State::Done(Some(url)) => drop(put("webhook_url", url.as_str().into())),
        State::Failed(reasons) => drop(put("errors", reasons.iter().map(String::as_str).collect())),
        _ => {}
    }
    Ok(Json::Object(members))
}

fn head(step: &Step) -> Text {
    let (sign, style) = match step.action {
        Action::Create => ("+ ", Style::Good),
        Action::Update => ("~ ", Style::Accent),
        Action::Publish => ("↑ ", Style::Good),
        Action::Unpublish => ("↓ ", Style::Warn),
        Action::Delete => ("- ", Style::Bad),
    };
    let action = format!("{sign}{} ", step.action.name());
    Text::new().with(style, action).plain(step.address.to_string())
}

fn difference_text(difference: &Difference) -> Text {
    let shown = |json: &Json| cut(&json.to_string(), LONGEST_VALUE);
    let text = Text::new().plain("    ").with(Style::Bold, &difference.path).plain("  ");
    match (&difference.before, &difference.after) {
        (Some(before), Some(after)) => {
            text.with(Style::Bad, shown(before)).with(Style::Dim, " → ").with(Style::Good, shown(after))
        }
        (Some(before), None) => text.with(Style::Bad, shown(before)).with(Style::Dim, " → not set"),
        (None, Some(after)) => text.with(Style::Dim, "not set → ").with(Style::Good, shown(after)),
        (None, None) => text,
    }
}

/// What would go with something that is deleted.
fn with_it(preview: &DeletionPreview) -> String {
    let counts = [
        (preview.workflow_count, "workflows"),
        (preview.workflow_version_count, "published versions"),
        (preview.message_count, "messages in the log"),
        (preview.waiting_delivery_count, "deliveries that wait"),
        (preview.held_message_count, "held messages"),
        (preview.parked_message_count, "parked messages"),
    ];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    let told: Vec<_> = counts.map(|(count, what)| format!("{count} {what}")).collect();
    match told.as_slice() {
        [] => "nothing else is concerned; it can be brought back for 30 days".to_owned(),
        told => format!("concerns {}; it can be brought back for 30 days", told.join(", ")),
    }
}
