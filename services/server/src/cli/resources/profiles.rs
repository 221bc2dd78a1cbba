//! `tributary profiles`.

mod decisions;
mod rows;

use anyhow::anyhow;
use clap::Subcommand;
use tonic::{Code, Status};
use tributary_domain::identity::IdentifierType;
use tributary_proto::admin::v1::{GetProfileRequest, ListProfilesRequest, LookupProfileRequest, Profile};

use super::{Choice, Listing, OfTenant, erasures, export};
use crate::cli::{
    client::{Client, refused},
    finder,
    output::{Out, id, list, one},
    pages,
};

/// What to do.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Action {
    /// List them, the newest first
    List(Listing),
    /// Show one, by its id or by an identifier such as email:ann@example.com
    Get(Choice),
    /// Show what happened to one, the newest first
    Timeline(Timeline),
    /// List which profiles became one, and why; those that were undone too
    Merges(Merges),
    /// Make two people of one again, by a merge's id
    Undo(Choice),
    /// List the joins of people that were refused
    Conflicts(Conflicts),
    /// Decide a conflict, by its id
    Decide(Decide),
    /// List whom no evidence may join, or lift a pair
    #[command(subcommand)]
    NeverJoin(NeverJoin),
    /// Make a value such as cluid:trb_… no evidence, or list which are none
    Block(Block),
    /// Make a value evidence again, by its id (blk_…), or as type:value
    Unblock(Choice),
    /// Write all that is known of a person as one JSON object, by the id of the profile or by an identifier
    Export(Choice),
    /// Erase a person for good, by the id of the profile or by an identifier such as email:ann@example.com
    Erase(erasures::Args),
    /// Show the receipt of an erasure: what was removed, and which destinations were told of the person before
    Erasure(erasures::Choice),
}

/// One person, and how much of their timeline.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Timeline {
    #[command(flatten)]
    choice: Choice,
    /// How many entries at most
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
}

/// Which merges.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Merges {
    /// Only those of this person: a profile's id, or an identifier such as email:ann@example.com
    #[arg(value_name = "PROFILE")]
    which: Option<String>,
    #[command(flatten)]
    listing: Listing,
}

/// Which conflicts.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Conflicts {
    /// Those that are so far
    #[arg(long, value_enum, default_value = "open")]
    state: Far,
    #[command(flatten)]
    listing: Listing,
}

/// How far a conflict is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum Far {
    /// Nobody decided it
    Open,
    /// The two became one
    Accepted,
    /// The rule has the last word
    Refused,
    /// The two are kept apart
    NeverJoin,
    /// All of them
    Any,
}

/// A conflict, and what is said of it.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Decide {
    #[command(flatten)]
    choice: Choice,
    /// What is to become of it
    #[arg(value_enum, value_name = "VERDICT")]
    verdict: Says,
}

/// What is said of a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum Says {
    /// They are one person, whatever the rules say
    Accept,
    /// They stay as they are
    Refuse,
    /// They are two people, and no evidence may join them
    Never,
}

/// What to do with pairs that are kept apart.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum NeverJoin {
    /// List them
    List(Listing),
    /// Keep two people apart, by the ids of their profiles
    Add(Add),
    /// Let evidence join a pair again, by its id: prf_….prf_…
    Lift(Choice),
}

/// Two people that are to be kept apart.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Add {
    #[command(flatten)]
    choice: Choice,
    /// The other
    #[arg(value_name = "OTHER")]
    other: String,
}

/// A value that is to be no evidence.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Block {
    /// The value, such as cluid:trb_…; without one, those that are blocked are listed
    #[arg(value_name = "TYPE:VALUE")]
    value: Option<String>,
    #[command(flatten)]
    listing: Listing,
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
        Action::Timeline(asked) => decisions::timeline(asked, client, out).await,
        Action::Merges(asked) => decisions::merges(asked, client, out).await,
        Action::Undo(choice) => decisions::undo(&choice, client, out).await,
        Action::Conflicts(asked) => decisions::conflicts(asked, client, out).await,
        Action::Decide(asked) => decisions::decide(&asked, client, out).await,
        Action::NeverJoin(NeverJoin::List(listing)) => decisions::pairs(listing, client, out).await,
        Action::NeverJoin(NeverJoin::Add(asked)) => decisions::keep_apart(asked, client, out).await,
        Action::NeverJoin(NeverJoin::Lift(choice)) => decisions::lift(&choice, client, out).await,
        Action::Block(asked) => decisions::block(asked, client, out).await,
        Action::Unblock(choice) => decisions::unblock(&choice, client, out).await,
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
