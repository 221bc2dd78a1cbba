//! `tributary profiles`.

use std::collections::HashSet;

use clap::Subcommand;
use tributary_proto::admin::v1::{
    Event, GetProfileRequest, ListEventsRequest, LookupProfileRequest, Profile,
};

use super::{Choice, Listing};
use crate::cli::{
    client::{Client, refused},
    finder,
    output::{Listed, Out, id, list, one, time::moment},
    pages,
};

/// Events that are looked through for each person that is to be listed: somebody may have had many.
const EVENTS_A_PROFILE: usize = 20;

/// What to do.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Action {
    /// List those whom the newest events are about
    List(Listing),
    /// Show one, by its id or by an identifier such as email:ann@example.com
    Get(Choice),
}

/// Lists profiles, or shows one.
///
/// # Errors
/// When the server refuses, or there is none such.
pub(in crate::cli) async fn run(action: Action, client: &Client, out: &Out) -> anyhow::Result<()> {
    match action {
        Action::List(Listing { of, limit }) => {
            let tenant = finder::tenant(client, of.tenant.as_deref()).await?;
            list(out, &newest(client, &tenant, limit).await?)
        }
        Action::Get(Choice { which, of }) => {
            let found = match which.contains('/') {
                true => get(client, which).await?,
                false => find(client, &finder::tenant(client, of.tenant.as_deref()).await?, &which).await?,
            };
            one(out, id(&found.name), &found)
        }
    }
}

/// The profiles of the newest events, each once.
async fn newest(client: &Client, tenant: &str, limit: usize) -> anyhow::Result<Vec<Profile>> {
    let events: Vec<Event> =
        pages::all(limit.saturating_mul(EVENTS_A_PROFILE), async |page_size, page_token| {
            let request = ListEventsRequest { parent: tenant.to_owned(), page_size, page_token };
            let answer = client.events().list_events(request).await?.into_inner();
            Ok((answer.events, answer.next_page_token))
        })
        .await?;
    let (mut asked, mut seen, mut profiles) = (HashSet::new(), HashSet::new(), Vec::new());
    for name in events.into_iter().map(|event| event.profile).filter(|name| !name.is_empty()) {
        if profiles.len() == limit {
            break;
        }
        if asked.insert(name.clone()) {
            // What became part of another profile is answered with that other.
            let profile = get(client, name).await?;
            if seen.insert(profile.name.clone()) {
                profiles.push(profile);
            }
        }
    }
    Ok(profiles)
}

async fn get(client: &Client, name: String) -> anyhow::Result<Profile> {
    let found = client.profiles().get_profile(GetProfileRequest { name }).await;
    found.map(tonic::Response::into_inner).map_err(refused)
}

/// The profile with this id, or with this identifier, written `type:value`.
async fn find(client: &Client, tenant: &str, which: &str) -> anyhow::Result<Profile> {
    let Some((kind, value)) = identifier(which) else {
        return get(client, format!("{tenant}/profiles/{which}")).await;
    };
    let request = LookupProfileRequest {
        parent: tenant.to_owned(),
        identifier_type: kind.to_owned(),
        identifier_value: value.to_owned(),
    };
    let found = client.profiles().lookup_profile(request).await;
    found.map(tonic::Response::into_inner).map_err(refused)
}

/// The parts of `email:ann@example.com`; the type `external_id:crm` has a colon of its own.
fn identifier(text: &str) -> Option<(&str, &str)> {
    let (kind, value) = text.split_once(':')?;
    if kind != "external_id" {
        return Some((kind, value));
    }
    let end = kind.len() + 1 + value.find(':')?;
    Some((&text[..end], &text[end + 1..]))
}

impl Listed for Profile {
    const COLUMNS: &'static [&'static str] = &["id", "identifiers", "changed (UTC)"];

    fn cells(&self) -> Vec<String> {
        let identifiers: Vec<_> =
            self.identifiers.iter().map(|owned| format!("{} {}", owned.r#type, owned.value)).collect();
        vec![id(&self.name).to_owned(), identifiers.join(", "), moment(self.update_time.as_ref())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_told_from_ids() {
        assert_eq!(identifier("email:ann@example.com"), Some(("email", "ann@example.com")));
        assert_eq!(identifier("external_id:crm:a:1"), Some(("external_id:crm", "a:1")));
        assert_eq!(identifier("external_id:crm"), None);
        assert_eq!(identifier("prf_01"), None);
    }
}
