//! `tributary events`: the event manager.

use clap::{Args, Subcommand};
use tributary_proto::admin::v1::{
    Event, EventName, ListEventNamesRequest, ListEventsRequest, workflow_spec::Kind,
};

use super::Listing;
use crate::cli::{
    client::Client,
    finder,
    logs::{comparison, joined},
    output::{Listed, Out, id, list, time::moment},
    pages,
};

/// What to do.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Action {
    /// List them, the newest first
    List(Wanted),
    /// List the names that there were, with how many events and when
    Names(Names),
}

/// Which events.
#[derive(Debug, Args)]
pub(in crate::cli) struct Wanted {
    #[command(flatten)]
    listing: Listing,
    /// Of this name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Of the person with this id or identifier, such as email:ann@example.com
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
    /// Of messages of the source of this key, id or name
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// And what the API's filter says besides, such as: kind = TRACK
    #[arg(long, value_name = "FILTER", default_value = "", hide_default_value = true)]
    filter: String,
}

/// Which names.
#[derive(Debug, Args)]
pub(in crate::cli) struct Names {
    #[command(flatten)]
    listing: Listing,
    /// Of events of the source of this key, id or name
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
}

/// Lists events, or their names.
///
/// # Errors
/// When the server refuses, or there is none such.
pub(in crate::cli) async fn run(action: Action, client: &Client, out: &Out) -> anyhow::Result<()> {
    match action {
        Action::List(wanted) => {
            let Listing { of, limit } = wanted.listing;
            let parent = finder::tenant(client, of.tenant.as_deref()).await?;
            let source = match &wanted.source {
                Some(source) => Some(source_of(client, &parent, source).await?),
                None => None,
            };
            let profile = wanted.profile.map(|profile| match profile.starts_with("prf_") {
                true => comparison("profile", "=", &profile),
                false => comparison("identifier", "=", &profile),
            });
            let filter = joined(
                wanted
                    .name
                    .map(|name| comparison("event_name", "=", &name))
                    .into_iter()
                    .chain(profile)
                    .chain(source.map(|source| comparison("source", "=", id(&source))))
                    .chain([wanted.filter.trim().to_owned()]),
            );
            let found = pages::all(limit, async |page_size, page_token| {
                let (parent, filter) = (parent.clone(), filter.clone());
                let request =
                    ListEventsRequest { parent, page_size, page_token, filter, ..Default::default() };
                let answer = client.events().list_events(request).await?.into_inner();
                Ok((answer.events, answer.next_page_token))
            });
            list(out, &found.await?)
        }
        Action::Names(names) => {
            let Listing { of, limit } = names.listing;
            let tenant = finder::tenant(client, of.tenant.as_deref()).await?;
            let parent = match &names.source {
                Some(source) => source_of(client, &tenant, source).await?,
                None => tenant,
            };
            let found = pages::all(limit, async |page_size, page_token| {
                let request = ListEventNamesRequest { parent: parent.clone(), page_size, page_token };
                let answer = client.events().list_event_names(request).await?.into_inner();
                Ok((answer.event_names, answer.next_page_token))
            });
            list(out, &found.await?)
        }
    }
}

async fn source_of(client: &Client, tenant: &str, source: &str) -> anyhow::Result<String> {
    Ok(finder::pick(finder::sources(client, tenant, usize::MAX).await?, Some(source))?.name)
}

fn kind(kind: Kind) -> String {
    kind.as_str_name().trim_start_matches("KIND_").to_lowercase()
}

impl Listed for Event {
    const COLUMNS: &'static [&'static str] = &["happened (UTC)", "kind", "name", "person", "message", "id"];

    fn cells(&self) -> Vec<String> {
        vec![
            moment(self.event_time.as_ref()),
            kind(self.kind()),
            if self.test { format!("{} (test)", self.event_name) } else { self.event_name.clone() },
            id(&self.profile).to_owned(),
            id(&self.message).to_owned(),
            id(&self.name).to_owned(),
        ]
    }
}

impl Listed for EventName {
    const COLUMNS: &'static [&'static str] = &["name", "kind", "events", "first (UTC)", "last (UTC)"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.event_name.clone(),
            kind(self.kind()),
            self.event_count.to_string(),
            moment(self.first_time.as_ref()),
            moment(self.last_time.as_ref()),
        ]
    }
}
