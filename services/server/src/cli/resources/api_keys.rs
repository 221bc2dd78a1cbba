//! `tributary api-keys`.

use clap::Subcommand;
use serde_json::json;
use tributary_proto::admin::v1::{ApiKey, CreateApiKeyRequest, DeleteApiKeyRequest, ListApiKeysRequest};

use super::{OfAgency, Roles, roles};
use crate::cli::{
    client::{Client, refused},
    finder,
    output::{Listed, Out, Style, Text, id, list, time::moment},
    pages,
};

/// What to do.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Action {
    /// List them, oldest first
    List {
        #[command(flatten)]
        of: OfAgency,
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: usize,
    },
    /// Make one, and show its secret
    Create {
        /// Name that people see
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        of: OfAgency,
        #[command(flatten)]
        roles: Roles,
    },
    /// Take one away: it and its tokens are refused from now on
    Delete {
        /// Its id or name
        #[arg(value_name = "KEY")]
        which: String,
        #[command(flatten)]
        of: OfAgency,
    },
}

/// Lists API keys, makes one, or takes one away.
///
/// # Errors
/// When the server refuses, or there is no such agency or tenant.
pub(in crate::cli) async fn run(action: Action, client: &Client, out: &Out) -> anyhow::Result<()> {
    match action {
        Action::List { of, limit } => {
            let parent = finder::agency(client, of.agency.as_deref()).await?;
            let keys = pages::all(limit, async |page_size, page_token| {
                let request = ListApiKeysRequest { parent: parent.clone(), page_size, page_token };
                let answer = client.api_keys().list_api_keys(request).await?.into_inner();
                Ok((answer.api_keys, answer.next_page_token))
            });
            list(out, &keys.await?)
        }
        Action::Create { name, of, roles } => {
            let parent = finder::agency(client, of.agency.as_deref()).await?;
            let (role, grants) = roles.read(client).await?;
            let key = ApiKey { display_name: name, role: role.into(), grants, ..ApiKey::default() };
            let request = CreateApiKeyRequest { parent, api_key: Some(key), ..Default::default() };
            let made = client.api_keys().create_api_key(request).await.map_err(refused)?.into_inner();
            let name = made.api_key.map(|key| key.name).unwrap_or_default();
            if out.is_json() {
                return Ok(out.json_line(&json!({ "api_key": name, "secret": made.secret }))?);
            }
            out.text(&Text::new().with(Style::Dim, format!("{}; its secret, shown this once:", id(&name))))?;
            Ok(out.line(&made.secret)?)
        }
        Action::Delete { which, of } => {
            let agency = finder::agency(client, of.agency.as_deref()).await?;
            let name = format!("{agency}/apiKeys/{}", id(&which));
            let request = DeleteApiKeyRequest { name, etag: String::new() };
            client.api_keys().delete_api_key(request).await.map_err(refused)?;
            Ok(())
        }
    }
}

impl Listed for ApiKey {
    const COLUMNS: &'static [&'static str] =
        &["name", "id", "begins with", "role", "expires (UTC)", "made (UTC)"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.display_name.clone(),
            id(&self.name).to_owned(),
            self.prefix.clone(),
            roles(self.role(), &self.grants),
            self.expire_time.as_ref().map_or_else(|| "never".to_owned(), |time| moment(Some(time))),
            moment(self.create_time.as_ref()),
        ]
    }
}
