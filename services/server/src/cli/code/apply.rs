//! `tributary apply`.

use std::{
    io::{BufRead, IsTerminal, Write, stderr, stdin},
    process::ExitCode,
};

use anyhow::bail;
use tributary_proto::admin::v1::{
    DeletionPreview, PreviewDeleteDestinationRequest, PreviewDeleteSourceRequest,
    PreviewDeleteWorkflowRequest,
};

use super::{
    actual::Actual,
    carry::{self, Carrier},
    fault,
    file::{Configuration, Files},
    plan::{Action, Options, Plan, Step, plan},
    resource::{Address, Place, Wanted},
    section::Presets,
    show::{Report, State},
    target::{Of, Target},
};
use crate::cli::{
    client::{Client, refused},
    failure::Several,
    finder,
    output::Out,
};

/// What is planned, and how.
#[derive(Debug, clap::Args)]
pub(super) struct Planning {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    of: Of,
    /// Delete what the files do not have: of each section that they have. For 30 days it can be brought back
    #[arg(long)]
    prune: bool,
    /// Send secrets also where they look the same. Only their last characters can be compared
    #[arg(long)]
    resend_secrets: bool,
}

/// What is applied, and how.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    planning: Planning,
    /// Do not ask before it is done
    #[arg(long, short = 'y')]
    yes: bool,
}

/// A plan with all that it was made of.
#[derive(Debug)]
pub(super) struct Planned {
    /// The plan.
    pub(super) report: Report,
    configuration: Configuration,
    actual: Actual,
    new_tenant: Option<(String, String)>,
}

impl Planning {
    /// Reads the files and what is there, and plans.
    ///
    /// # Errors
    /// When one of them cannot be read, or what is wanted cannot be done.
    pub(super) async fn plan(&self, client: &Client) -> anyhow::Result<Planned> {
        let mut configuration = self.files.read(&presets(client).await?)?;
        let (actual, new_tenant) = match self.of.find(client, configuration.tenant.as_ref()).await? {
            Target::There(tenant) => (Actual::of(client, *tenant).await?, None),
            Target::ToMake { agency, key } => (Actual::default(), Some((agency, key))),
        };
        if let Some(section) = &configuration.tenant {
            let mut fields = section.fields.clone();
            if let Some((_, key)) = &new_tenant {
                fields.entry("display_name").or_insert_with(|| key.as_str().into());
            }
            let place = section.place.clone();
            let tenant = Wanted { address: Address::Tenant, place, fields, fixed: None, secrets: None };
            configuration.desired.resources.insert(0, tenant);
        }
        let options = Options { prune: self.prune, resend_secrets: self.resend_secrets };
        let plan = match plan(&configuration.desired, &actual.present()?, options) {
            Ok(plan) => plan,
            Err(faults) => {
                let faults: Vec<_> =
                    faults.iter().map(|(place, told)| configuration.fault(place, told)).collect();
                fault::check(&faults)?;
                Plan::default()
            }
        };
        let previews = previews(client, &actual, &plan).await?;
        let tenant = actual.tenant.as_ref().map(|tenant| &tenant.key);
        let tenant = tenant.or(new_tenant.as_ref().map(|(_, key)| key)).cloned().unwrap_or_default();
        Ok(Planned { report: Report::new(tenant, plan, previews), configuration, actual, new_tenant })
    }
}

/// The presets of every provider that the server has.
async fn presets(client: &Client) -> anyhow::Result<Presets> {
    let providers = finder::providers(client).await?;
    let of = providers.into_iter().flat_map(|provider| {
        let id = provider.id;
        provider
            .presets
            .into_iter()
            .map(move |preset| ((id.clone(), preset.key), preset.spec.unwrap_or_default()))
    });
    Ok(of.collect())
}

/// What would go with each thing that is deleted.
async fn previews(
    client: &Client,
    actual: &Actual,
    plan: &Plan,
) -> anyhow::Result<Vec<Option<DeletionPreview>>> {
    let handles = actual.handles();
    let mut previews = Vec::with_capacity(plan.steps.len());
    for step in &plan.steps {
        let handle = handles.get(&step.address).filter(|_| step.action == Action::Delete);
        let Some(name) = handle.map(|handle| handle.name.clone()) else {
            previews.push(None);
            continue;
        };
        let preview = match &step.address {
            Address::Tenant => continue,
            Address::Destination(_) => {
                client
                    .destinations()
                    .preview_delete_destination(PreviewDeleteDestinationRequest { name })
                    .await
            }
            Address::Source(_) => {
                client.sources().preview_delete_source(PreviewDeleteSourceRequest { name }).await
            }
            Address::Workflow { .. } => {
                client.workflows().preview_delete_workflow(PreviewDeleteWorkflowRequest { name }).await
            }
        };
        previews.push(Some(preview.map_err(refused)?.into_inner()));
    }
    Ok(previews)
}

/// Makes a tenant as the files want it: plans, shows the plan, asks, and does it.
///
/// # Errors
/// When a file or the server cannot be read, what is wanted cannot be done, or a step of it failed. What was done before
/// is told.
pub(in crate::cli) async fn run(args: &Args, client: &Client, out: &Out) -> anyhow::Result<ExitCode> {
    let mut planned = args.planning.plan(client).await?;
    if !out.is_json() {
        planned.report.show_plan(out)?;
    }
    if !planned.report.is_empty() && !args.yes && !agreed(&planned.configuration, out)? {
        bail!("nothing was done");
    }
    let faults = carry_out(&mut planned, client).await;
    if out.is_json() {
        out.json(&planned.report.to_json()?)?;
    } else {
        planned.report.show_outcome(out)?;
    }
    if faults.is_empty() { Ok(ExitCode::SUCCESS) } else { Err(Several(faults).into()) }
}

/// Asks whether it shall be done.
fn agreed(configuration: &Configuration, out: &Out) -> anyhow::Result<bool> {
    let is_asked = stdin().is_terminal() && out.is_terminal() && !out.is_json();
    if !is_asked || configuration.took_stdin() {
        bail!("nobody can be asked here: look at `tributary diff`, and say --yes");
    }
    let mut error = stderr();
    // Who closed standard error sees the plan all the same.
    let _ = write!(error, "do this? [y/N] ").and_then(|()| error.flush());
    let mut answer = String::new();
    stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Does one step after the other until one fails; what was wrong with it, a line each.
async fn carry_out(planned: &mut Planned, client: &Client) -> Vec<String> {
    let mut carrier = Carrier::new(client, planned.actual.handles(), planned.new_tenant.clone());
    let report = &mut planned.report;
    let mut faults = Vec::new();
    for (step, state) in report.plan.steps.iter().zip(&mut report.states) {
        if !faults.is_empty() {
            *state = State::NotBegun;
            continue;
        }
        *state = match carrier.carry_out(step).await {
            Ok(done) => State::Done(done.webhook_url),
            Err(failure) => {
                faults = told(&planned.configuration, step, &failure);
                State::Failed(faults.clone())
            }
        };
    }
    faults
}

/// What was wrong with a step, each thing with its place in the files.
fn told(configuration: &Configuration, step: &Step, failure: &carry::Failure) -> Vec<String> {
    if step.place.path.is_empty() {
        let told = carry::told(failure, step, None).into_iter();
        return told.map(|(_, message)| format!("{}: {message}", step.address)).collect();
    }
    let pointer = pointer(&step.place.path);
    let resource = configuration.document(&step.place).value.pointer(&pointer);
    let spec = resource.and_then(|resource| resource.get("spec"));
    let told = carry::told(failure, step, spec).into_iter();
    told.map(|(path, message)| {
        let path = match path.as_str() {
            "" => step.place.path.clone(),
            path => format!("{}.{path}", step.place.path),
        };
        let (file, fault) = configuration.fault(&Place { path, ..step.place.clone() }, &message);
        format!("{file}:{}: {fault}", fault.line.unwrap_or(1))
    })
    .collect()
}

/// The JSON pointer (RFC 6901) of the path of a resource, which has plain names and places only.
fn pointer(path: &str) -> String {
    let parts = path.split(['.', '[', ']']).filter(|part| !part.is_empty());
    parts.map(|part| format!("/{part}")).collect()
}
