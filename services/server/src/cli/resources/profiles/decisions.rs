//! What happened to people, and what is decided about them.

use anyhow::anyhow;
use serde_json::json;
use tributary_domain::identity::IdentifierType;
use tributary_proto::admin::v1::{
    BlockIdentifierRequest, BlockedIdentifier, CreateNeverJoinPairRequest, DecideConflictRequest,
    GetProfileTimelineRequest, LiftNeverJoinPairRequest, ListBlockedIdentifiersRequest, ListConflictsRequest,
    ListMergesRequest, ListNeverJoinPairsRequest, UnblockIdentifierRequest, UndoMergeRequest,
    conflict::State, decide_conflict_request::Verdict,
};

use super::{Add, Block, Choice, Conflicts, Decide, Far, Listing, Merges, Says, Timeline, known};
use crate::cli::{
    client::{Client, refused},
    finder,
    output::{Out, id, list, one},
    pages,
};

/// Shows what happened to a person.
pub(super) async fn timeline(asked: Timeline, client: &Client, out: &Out) -> anyhow::Result<()> {
    let Timeline { choice: Choice { which, of }, limit } = asked;
    let found = known(client, &of, &which).await?;
    let entries = pages::all(limit, async |page_size, page_token| {
        let request = GetProfileTimelineRequest { name: found.name.clone(), page_size, page_token };
        let answer = client.profiles().get_profile_timeline(request).await?.into_inner();
        Ok((answer.entries, answer.next_page_token))
    });
    list(out, &entries.await?)
}

/// Lists merges.
pub(super) async fn merges(asked: Merges, client: &Client, out: &Out) -> anyhow::Result<()> {
    let Merges { which, listing: Listing { of, limit } } = asked;
    let parent = finder::tenant(client, of.tenant.as_deref()).await?;
    let profile = match which {
        Some(which) => known(client, &of, &which).await?.name,
        None => String::new(),
    };
    let found = pages::all(limit, async |page_size, page_token| {
        let (parent, profile) = (parent.clone(), profile.clone());
        let request = ListMergesRequest { parent, page_size, page_token, profile };
        let answer = client.profiles().list_merges(request).await?.into_inner();
        Ok((answer.merges, answer.next_page_token))
    });
    list(out, &found.await?)
}

/// Undoes a merge.
pub(super) async fn undo(choice: &Choice, client: &Client, out: &Out) -> anyhow::Result<()> {
    let request = UndoMergeRequest { name: name(client, choice, "merges").await? };
    let merge = client.profiles().undo_merge(request).await.map_err(refused)?.into_inner();
    one(out, id(&merge.name), &merge)
}

/// Lists conflicts.
pub(super) async fn conflicts(asked: Conflicts, client: &Client, out: &Out) -> anyhow::Result<()> {
    let Conflicts { state, listing: Listing { of, limit } } = asked;
    let parent = finder::tenant(client, of.tenant.as_deref()).await?;
    let state = match state {
        Far::Open => State::Open,
        Far::Accepted => State::Accepted,
        Far::Refused => State::Refused,
        Far::NeverJoin => State::NeverJoin,
        Far::Any => State::Unspecified,
    };
    let found = pages::all(limit, async |page_size, page_token| {
        let (parent, state) = (parent.clone(), state.into());
        let request = ListConflictsRequest { parent, page_size, page_token, state };
        let answer = client.profiles().list_conflicts(request).await?.into_inner();
        Ok((answer.conflicts, answer.next_page_token))
    });
    list(out, &found.await?)
}

/// Decides a conflict.
pub(super) async fn decide(asked: &Decide, client: &Client, out: &Out) -> anyhow::Result<()> {
    let verdict = match asked.verdict {
        Says::Accept => Verdict::Accept,
        Says::Refuse => Verdict::Refuse,
        Says::Never => Verdict::NeverAgain,
    };
    let name = name(client, &asked.choice, "conflicts").await?;
    let request = DecideConflictRequest { name, verdict: verdict.into() };
    let conflict = client.profiles().decide_conflict(request).await.map_err(refused)?.into_inner();
    one(out, id(&conflict.name), &conflict)
}

/// Lists the pairs that are kept apart.
pub(super) async fn pairs(Listing { of, limit }: Listing, client: &Client, out: &Out) -> anyhow::Result<()> {
    let parent = finder::tenant(client, of.tenant.as_deref()).await?;
    let found = pages::all(limit, async |page_size, page_token| {
        let request = ListNeverJoinPairsRequest { parent: parent.clone(), page_size, page_token };
        let answer = client.profiles().list_never_join_pairs(request).await?.into_inner();
        Ok((answer.never_join_pairs, answer.next_page_token))
    });
    list(out, &found.await?)
}

/// Keeps two people apart.
pub(super) async fn keep_apart(asked: Add, client: &Client, out: &Out) -> anyhow::Result<()> {
    let Add { choice: Choice { which, of }, other } = asked;
    let parent = finder::tenant(client, of.tenant.as_deref()).await?;
    let profile = known(client, &of, &which).await?.name;
    let other_profile = known(client, &of, &other).await?.name;
    let request = CreateNeverJoinPairRequest { parent, profile, other_profile };
    let pair = client.profiles().create_never_join_pair(request).await.map_err(refused)?.into_inner();
    one(out, id(&pair.name), &pair)
}

/// Lifts a pair.
pub(super) async fn lift(choice: &Choice, client: &Client, out: &Out) -> anyhow::Result<()> {
    let name = name(client, choice, "neverJoinPairs").await?;
    client.profiles().lift_never_join_pair(LiftNeverJoinPairRequest { name }).await.map_err(refused)?;
    done(out, "lifted", &choice.which)
}

/// Blocks a value, or lists those that are blocked.
pub(super) async fn block(asked: Block, client: &Client, out: &Out) -> anyhow::Result<()> {
    let Block { value, listing: Listing { of, limit } } = asked;
    let parent = finder::tenant(client, of.tenant.as_deref()).await?;
    let Some(value) = value else { return list(out, &blocked(client, &parent, limit).await?) };
    let (kind, value) = IdentifierType::split(&value)
        .ok_or_else(|| anyhow!("`{value}` is not TYPE:VALUE, such as email:ann@example.com"))?;
    let request = BlockIdentifierRequest {
        parent,
        identifier_type: kind.to_owned(),
        identifier_value: value.to_owned(),
    };
    let blocked = client.profiles().block_identifier(request).await.map_err(refused)?.into_inner();
    one(out, id(&blocked.name), &blocked)
}

async fn blocked(client: &Client, parent: &str, limit: usize) -> anyhow::Result<Vec<BlockedIdentifier>> {
    pages::all(limit, async |page_size, page_token| {
        let request = ListBlockedIdentifiersRequest { parent: parent.to_owned(), page_size, page_token };
        let answer = client.profiles().list_blocked_identifiers(request).await?.into_inner();
        Ok((answer.blocked_identifiers, answer.next_page_token))
    })
    .await
}

/// Makes a value evidence again.
pub(super) async fn unblock(choice: &Choice, client: &Client, out: &Out) -> anyhow::Result<()> {
    let name = match IdentifierType::split(&choice.which) {
        Some((kind, value)) => {
            let parent = finder::tenant(client, choice.of.tenant.as_deref()).await?;
            let known = blocked(client, &parent, usize::MAX).await?;
            let is_it =
                |known: &BlockedIdentifier| known.identifier_type == kind && known.identifier_value == value;
            let found = known.into_iter().find(is_it).ok_or_else(|| {
                anyhow!("{} is not blocked: `tributary profiles block` lists what is", choice.which)
            })?;
            found.name
        }
        None => name(client, choice, "blockedIdentifiers").await?,
    };
    client.profiles().unblock_identifier(UnblockIdentifierRequest { name }).await.map_err(refused)?;
    done(out, "unblocked", &choice.which)
}

/// Says what was done to what.
fn done(out: &Out, what: &str, which: &str) -> anyhow::Result<()> {
    if out.is_json() {
        return Ok(out.json_line(&json!({ what: which }))?);
    }
    Ok(out.line(&format!("{what}: {which}"))?)
}

/// The full name of one of a collection.
async fn name(client: &Client, choice: &Choice, collection: &str) -> anyhow::Result<String> {
    if choice.which.contains('/') {
        return Ok(choice.which.clone());
    }
    let tenant = finder::tenant(client, choice.of.tenant.as_deref()).await?;
    Ok(format!("{tenant}/{collection}/{}", choice.which))
}
