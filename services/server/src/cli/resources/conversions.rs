//! `tributary conversions`.

use anyhow::anyhow;
use clap::{Args, Subcommand, ValueEnum};
use tonic::Code;
use tributary_proto::admin::v1::{
    Conversion, GetConversionRequest, ListConversionsRequest,
    conversion::{Stage, State},
};

use super::{Choice, Listing};
use crate::cli::{
    client::{Client, refused},
    finder,
    logs::{comparison, joined},
    output::{Listed, Out, id, list, one, time::moment},
    pages,
};

/// What to do.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Action {
    /// List them, the newest first
    List(Wanted),
    /// Show one, by its id
    Get(Choice),
}

/// Which conversions.
#[derive(Debug, Args)]
pub(in crate::cli) struct Wanted {
    #[command(flatten)]
    listing: Listing,
    /// How they stand
    #[arg(long, value_enum)]
    state: Option<Standing>,
    /// Of the person with this id
    #[arg(long, value_name = "PROFILE_ID")]
    profile: Option<String>,
    /// What the provider knows it by, such as the invitee's URI
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// The key, id or name of the source whose key it is, where keys are those of one source
    #[arg(long, value_name = "SOURCE", requires = "key")]
    source: Option<String>,
}

/// How a booking stands, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Standing {
    /// As it was made
    Booked,
    /// It was moved
    Rescheduled,
    /// It was given up
    Cancelled,
    /// Nobody came
    NoShow,
}

/// Lists conversions, or shows one.
///
/// # Errors
/// When the server refuses, or there is none such.
pub(in crate::cli) async fn run(action: Action, client: &Client, out: &Out) -> anyhow::Result<()> {
    match action {
        Action::List(wanted) => {
            let Listing { of, limit } = wanted.listing;
            let parent = finder::tenant(client, of.tenant.as_deref()).await?;
            let source = match &wanted.source {
                Some(source) => {
                    let sources = finder::sources(client, &parent, usize::MAX).await?;
                    Some(finder::pick(sources, Some(source))?.name)
                }
                None => None,
            };
            let state = wanted.state.map(|state| match state {
                Standing::Booked => "BOOKED",
                Standing::Rescheduled => "RESCHEDULED",
                Standing::Cancelled => "CANCELLED",
                Standing::NoShow => "NO_SHOW",
            });
            let filter = joined(
                state
                    .map(|state| comparison("state", "=", state))
                    .into_iter()
                    .chain(wanted.profile.map(|profile| comparison("profile", "=", id(&profile))))
                    .chain(wanted.key.map(|key| comparison("key", "=", &key)))
                    .chain(source.map(|source| comparison("source", "=", id(&source)))),
            );
            let found = pages::all(limit, async |page_size, page_token| {
                let (parent, filter) = (parent.clone(), filter.clone());
                let request = ListConversionsRequest { parent, page_size, page_token, filter };
                let answer = client.conversions().list_conversions(request).await?.into_inner();
                Ok((answer.conversions, answer.next_page_token))
            });
            list(out, &found.await?)
        }
        Action::Get(Choice { which, of }) => {
            let name = match which.contains('/') {
                true => which.clone(),
                false => {
                    format!("{}/conversions/{which}", finder::tenant(client, of.tenant.as_deref()).await?)
                }
            };
            let request = GetConversionRequest { name };
            let found = client.conversions().get_conversion(request).await;
            let found = found.map_err(|status| match status.code() {
                Code::NotFound => {
                    anyhow!(
                        "there is no conversion {which}: `tributary conversions list` shows those there are"
                    )
                }
                _ => refused(status),
            })?;
            let found = found.into_inner();
            one(out, id(&found.name), &found)
        }
    }
}

/// A state in the words of people.
pub(in crate::cli) fn state_words(state: State) -> &'static str {
    match state {
        State::Unspecified => "",
        State::Booked => "booked",
        State::Rescheduled => "rescheduled",
        State::Cancelled => "cancelled",
        State::NoShow => "no show",
    }
}

/// A stage in the words of people.
pub(in crate::cli) fn stage_words(stage: Stage) -> &'static str {
    match stage {
        Stage::Unspecified => "",
        Stage::Created => "created",
        Stage::Rescheduled => "moved here",
        Stage::Moved => "moved away",
        Stage::Cancelled => "cancelled",
        Stage::NoShow => "no show",
        Stage::NoShowRemoved => "came after all",
        Stage::Paid => "paid",
    }
}

impl Listed for Conversion {
    const COLUMNS: &'static [&'static str] = &["first heard (UTC)", "state", "paid", "heard", "person", "id"];

    fn cells(&self) -> Vec<String> {
        let stages: Vec<&str> = self.steps.iter().flat_map(|step| step.stages()).map(stage_words).collect();
        vec![
            moment(self.first_receive_time.as_ref()),
            state_words(self.state()).to_owned(),
            if self.paid_time.is_some() { "paid" } else { "" }.to_owned(),
            stages.join(", "),
            id(&self.profile).to_owned(),
            id(&self.name).to_owned(),
        ]
    }
}
