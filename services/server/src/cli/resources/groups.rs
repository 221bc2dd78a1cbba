//! `tributary groups`.

use anyhow::bail;
use clap::Subcommand;
use tributary_proto::admin::v1::{
    GetGroupRequest, GroupMember, ListGroupMembersRequest, ListGroupsRequest, ProfileGroup,
};

use super::{Choice, Listing, OfTenant, profiles};
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
    List {
        #[command(flatten)]
        listing: Listing,
        /// Those of this type, such as account_id
        #[arg(long = "type", value_name = "TYPE")]
        kind: Option<String>,
        /// Those of one person: a profile's id, or an identifier such as email:ann@example.com
        #[arg(long, value_name = "PROFILE")]
        profile: Option<String>,
    },
    /// Show one, by its id or by its type and value such as account_id:acme
    Get(Choice),
    /// List who belongs to one
    Members {
        #[command(flatten)]
        choice: Choice,
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: usize,
    },
}

/// Lists groups or who belongs to one, or shows one.
///
/// # Errors
/// When the server refuses, or there is none such.
pub(in crate::cli) async fn run(action: Action, client: &Client, out: &Out) -> anyhow::Result<()> {
    match action {
        Action::List { listing: Listing { of, limit }, kind, profile } => {
            let parent = match profile {
                Some(which) => profiles::known(client, &of, &which).await?.name,
                None => finder::tenant(client, of.tenant.as_deref()).await?,
            };
            let filter = joined(kind.map(|kind| comparison("type", "=", &kind)));
            list(out, &groups(client, &parent, &filter, limit).await?)
        }
        Action::Get(Choice { which, of }) => {
            let found = known(client, &of, &which).await?;
            one(out, id(&found.name), &found)
        }
        Action::Members { choice: Choice { which, of }, limit } => {
            let parent = known(client, &of, &which).await?.name;
            let found = pages::all(limit, async |page_size, page_token| {
                let request = ListGroupMembersRequest { parent: parent.clone(), page_size, page_token };
                let answer = client.groups().list_group_members(request).await?.into_inner();
                Ok((answer.members, answer.next_page_token))
            });
            list(out, &found.await?)
        }
    }
}

async fn groups(
    client: &Client,
    parent: &str,
    filter: &str,
    limit: usize,
) -> anyhow::Result<Vec<ProfileGroup>> {
    let found = pages::all(limit, async |page_size, page_token| {
        let (parent, filter) = (parent.to_owned(), filter.to_owned());
        let request = ListGroupsRequest { parent, page_size, page_token, filter };
        let answer = client.groups().list_groups(request).await?.into_inner();
        Ok((answer.groups, answer.next_page_token))
    });
    found.await
}

/// The group with this name or id, or with this type and value.
async fn known(client: &Client, of: &OfTenant, which: &str) -> anyhow::Result<ProfileGroup> {
    if let Some((kind, value)) = which.split_once(':') {
        let tenant = finder::tenant(client, of.tenant.as_deref()).await?;
        let filter = joined([comparison("type", "=", kind), comparison("value", "=", value)]);
        let Some(found) = groups(client, &tenant, &filter, 1).await?.pop() else {
            bail!("there is no group {which}: `tributary groups list` shows those there are");
        };
        return Ok(found);
    }
    let name = match which.contains('/') {
        true => which.to_owned(),
        false => format!("{}/groups/{which}", finder::tenant(client, of.tenant.as_deref()).await?),
    };
    Ok(client.groups().get_group(GetGroupRequest { name }).await.map_err(refused)?.into_inner())
}

impl Listed for ProfileGroup {
    const COLUMNS: &'static [&'static str] = &["id", "type", "value", "traits", "made (UTC)"];

    fn cells(&self) -> Vec<String> {
        vec![
            id(&self.name).to_owned(),
            self.r#type.clone(),
            self.value.clone(),
            self.traits.keys().cloned().collect::<Vec<_>>().join(", "),
            moment(self.create_time.as_ref()),
        ]
    }
}

impl Listed for GroupMember {
    const COLUMNS: &'static [&'static str] = &["profile", "since (UTC)"];

    fn cells(&self) -> Vec<String> {
        vec![id(&self.profile).to_owned(), moment(self.join_time.as_ref())]
    }
}
