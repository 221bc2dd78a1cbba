//! `tributary profiles`.

use anyhow::anyhow;
use clap::Subcommand;
use tonic::{Code, Status};
use tributary_domain::identity::IdentifierType;
use tributary_proto::admin::v1::{GetProfileRequest, ListProfilesRequest, LookupProfileRequest, Profile};

use super::{Choice, Listing, OfTenant, erasures, export};
use crate::cli::{
    client::{Client, refused},
    finder,
    output::{Listed, Out, id, list, one, time::moment},
    pages,
};

/// What to do.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Action {
    /// List them, the newest first
    List(Listing),
    /// Show one, by its id or by an identifier such as email:ann@example.com
    Get(Choice),
    /// Write all that is known of a person as one JSON object, by the id of the profile or by an identifier
    Export(Choice),
    /// Erase a person for good, by the id of the profile or by an identifier such as email:ann@example.com
    Erase(erasures::Args),
    /// Show the receipt of an erasure: what was removed, and which destinations were told of the person before
    Erasure(erasures::Choice),
}

/// Lists profiles, or shows one.
///
/// # Errors
/// When the server refuses, or there is none such.
pub(in crate::cli) async fn run(action: Action, client: &Client, out: &Out) -> anyhow::Result<()> {
    match action {
        Action::List(Listing { of, limit }) => {
            let tenant = finder::tenant(client, of.tenant.as_deref()).await?;
            let found = pages::all(limit, async |page_size, page_token| {
                let request = ListProfilesRequest { parent: tenant.clone(), page_size, page_token };
                let answer = client.profiles().list_profiles(request).await?.into_inner();
                Ok((answer.profiles, answer.next_page_token))
            });
            list(out, &found.await?)
        }
        Action::Get(Choice { which, of }) => {
            let found = known(client, &of, &which).await?;
            one(out, id(&found.name), &found)
        }
        Action::Export(Choice { which, of }) => {
            let person = known(client, &of, &which).await?;
            export::write(&person.name, client).await
        }
        Action::Erase(args) => erasures::erase(args, client, out).await,
        Action::Erasure(choice) => erasures::show(&choice, client, out).await,
    }
}

/// The profile that is named, or has this identifier.
///
/// # Errors
/// When nobody is known by it, or the server refuses.
pub(super) async fn known(client: &Client, of: &OfTenant, which: &str) -> anyhow::Result<Profile> {
    let found = match which.contains('/') {
        true => get(client, which.to_owned()).await,
        false => find(client, &finder::tenant(client, of.tenant.as_deref()).await?, which).await,
    };
    found.map_err(|status| match status.code() {
        Code::NotFound => {
            anyhow!("nobody is known by {which}: `tributary profiles list` shows whom there is")
        }
        _ => refused(status),
    })
}

async fn get(client: &Client, name: String) -> Result<Profile, Status> {
    Ok(client.profiles().get_profile(GetProfileRequest { name }).await?.into_inner())
}

/// The profile with this id, or with this identifier, written `type:value`.
async fn find(client: &Client, tenant: &str, which: &str) -> Result<Profile, Status> {
    let Some((kind, value)) = IdentifierType::split(which) else {
        return get(client, format!("{tenant}/profiles/{which}")).await;
    };
    let request = LookupProfileRequest {
        parent: tenant.to_owned(),
        identifier_type: kind.to_owned(),
        identifier_value: value.to_owned(),
    };
    Ok(client.profiles().lookup_profile(request).await?.into_inner())
}

impl Listed for Profile {
    const COLUMNS: &'static [&'static str] = &["id", "identifiers", "changed (UTC)"];

    fn cells(&self) -> Vec<String> {
        let identifiers: Vec<_> =
            self.identifiers.iter().map(|owned| format!("{} {}", owned.r#type, owned.value)).collect();
        vec![id(&self.name).to_owned(), identifiers.join(", "), moment(self.update_time.as_ref())]
    }
}
