//! After a merge was taken back, an erasure reaches one of the two people, and the other one wholly stays.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::json;
use tributary_domain::{
    id::{CommandId, ProfileId, TenantId},
    identity::IdentifierType,
};

use super::{apply, at, erase, event, is_gone, ledger, message, owner, people, run};
use crate::{
    Store,
    command::CommandState,
    entity::{conflict, merge, profile},
    ledger::LedgerState,
    support::{author, on_each_database, tenant},
};

const ANN: (&str, &str) = ("email", "ann@example.com");
const BEN_PHONE: (&str, &str) = ("phone", "+14045550142");
const BEN_CRM: (&str, &str) = ("external_id:crm", "CUSTOMER-0002");

async fn say(
    store: &Store,
    ledger: &mut LedgerState,
    own: TenantId,
    number: u64,
    identifiers: &[(&str, &str)],
) {
    let time = 10 + number.cast_signed();
    let work = run(event(time, identifiers, &json!({})));
    apply(store, ledger, message(store, own, number, time, "{}", work).await, time).await;
}

async fn merges(store: &Store) -> Vec<merge::Model> {
    merge::Entity::find().all(store.reader()).await.expect("reads")
}

async fn undo(store: &Store, ledger: &mut LedgerState, own: TenantId, merge: &str, number: u64) {
    let payload = json!({"merge": merge, "actor": "test"});
    let command = CommandId::new(number, 3);
    store.tenant(own).enqueue_command(command, "undo_merge", &payload, &author(90)).await.expect("asks");
    let outcomes = store.apply_commands(ledger, at(90)).await.expect("applies");
    assert!(outcomes.iter().all(|outcome| outcome.failure.is_none()), "{outcomes:?}");
}

/// Ann and Ben were taken for one, then Ben was known by a third profile too; then Ann and Ben were parted. Gives Ann's
/// profile and Ben's two, the live one first.
async fn parted(store: &Store, ledger: &mut LedgerState, own: TenantId) -> (ProfileId, [ProfileId; 2]) {
    let scope = store.tenant(own);
    say(store, ledger, own, 1, &[ANN]).await;
    say(store, ledger, own, 2, &[BEN_PHONE]).await;
    say(store, ledger, own, 3, &[ANN, BEN_PHONE]).await;
    say(store, ledger, own, 4, &[BEN_CRM]).await;
    let kind = |of: (&str, &str)| IdentifierType::parse(of.0).expect("a type");
    let third =
        scope.profile_by_identifier(&kind(BEN_CRM), BEN_CRM.1).await.expect("reads").expect("is known");
    let first = merges(store).await;
    assert_eq!(first.len(), 1, "{first:?}");
    say(store, ledger, own, 5, &[BEN_PHONE, BEN_CRM]).await;
    assert_eq!((merges(store).await.len(), people(store, own).await), (2, 1));
    undo(store, ledger, own, &first[0].id, 1).await;
    assert_eq!(people(store, own).await, 2);
    let ann = owner(store, own, ANN.1).await.expect("is known");
    let ben = scope.profile_by_identifier(&kind(BEN_PHONE), BEN_PHONE.1).await.expect("reads");
    let ben = ben.expect("is known");
    assert!(ann != ben && ben != third && third != ann);
    (ann, [ben, third])
}

/// That no profile is part of one that is gone.
async fn nothing_dangles(store: &Store) {
    let all = profile::Entity::find().all(store.reader()).await.expect("reads");
    for row in &all {
        let live = row.merged_into.as_ref();
        assert!(live.is_none_or(|live| all.iter().any(|other| other.id == *live)), "{all:?}");
    }
}

#[tokio::test]
async fn who_was_parted_is_erased_wholly_and_alone() {
    on_each_database(async |database| {
        let store = &database.store;
        let own = tenant(store, 1).await.id;
        let mut ledger = ledger(store).await;
        let (ann, [ben, third]) = parted(store, &mut ledger, own).await;

        erase(store, &mut ledger, own, ann, 30, 100).await;
        assert!(is_gone(store, own, ann).await);
        nothing_dangles(store).await;
        let left = merges(store).await;
        assert_eq!(left.len(), 1, "Ben's own tie stays: {left:?}");
        assert_eq!(left[0].undone_at, None);
        assert!([&left[0].left_id, &left[0].right_id].contains(&&third.to_string()));
        say(store, &mut ledger, own, 110, &[BEN_PHONE, BEN_CRM]).await;
        assert_eq!(people(store, own).await, 1);
        assert_eq!(owner(store, own, ANN.1).await, None);

        // By the profile that is part of him.
        erase(store, &mut ledger, own, third, 31, 200).await;
        for part in [ben, third] {
            assert!(is_gone(store, own, part).await);
        }
        nothing_dangles(store).await;
        assert_eq!((people(store, own).await, merges(store).await.len()), (0, 0));
    })
    .await;
}

#[tokio::test]
async fn a_command_that_cannot_be_applied_does_not_hold_up_the_next_one() {
    on_each_database(async |database| {
        let store = &database.store;
        let own = tenant(store, 1).await.id;
        let scope = store.tenant(own);
        let mut ledger = ledger(store).await;
        let (ann, [ben, _]) = parted(store, &mut ledger, own).await;
        let tie = merges(store).await.into_iter().find(|row| row.undone_at.is_none()).expect("is tied");
        let damaged = merge::Entity::update_many().col_expr(merge::Column::LeftId, Expr::value("damaged"));
        damaged.filter(merge::Column::Id.eq(tie.id.as_str())).exec(store.writer()).await.expect("writes");
        let undo = json!({"merge": tie.id, "actor": "test"});
        let apart = json!({"left": ann, "right": ben, "actor": "test"});
        for (number, kind, payload) in [(5, "undo_merge", undo), (6, "keep_apart", apart)] {
            let command = CommandId::new(number, 3);
            scope.enqueue_command(command, kind, &payload, &author(95)).await.expect("asks");
        }
        let outcomes = store.apply_commands(&mut ledger, at(95)).await.expect("applies");
        assert_eq!(outcomes.len(), 2);
        let why = outcomes[0].failure.as_deref().expect("fails");
        assert!(why.contains("merges.left_id"), "{why}");
        let record = scope.command(CommandId::new(5, 3)).await.expect("is there");
        assert_eq!((record.state, record.result.as_deref()), (CommandState::Failed, Some(why)));
        let record = scope.command(CommandId::new(6, 3)).await.expect("is there");
        assert_ne!(record.state, CommandState::Pending);
        assert_eq!(store.apply_commands(&mut ledger, at(96)).await.expect("applies"), []);
    })
    .await;
}

#[tokio::test]
async fn what_was_joined_by_a_decision_can_be_parted_when_the_conflict_was_erased() {
    on_each_database(async |database| {
        let store = &database.store;
        let own = tenant(store, 1).await.id;
        let mut ledger = ledger(store).await;
        let other_crm = ("external_id:crm", "CUSTOMER-0001");
        let said: [&[(&str, &str)]; 5] =
            [&[BEN_CRM, ANN], &[BEN_PHONE], &[ANN, BEN_PHONE], &[other_crm], &[other_crm, BEN_PHONE]];
        for (number, identifiers) in (1..).zip(said) {
            say(store, &mut ledger, own, number, identifiers).await;
        }
        let conflicts = async || conflict::Entity::find().all(store.reader()).await.expect("reads");
        let refused = conflicts().await.remove(0);
        undo(store, &mut ledger, own, &merges(store).await[0].id, 1).await;
        let accept = json!({"conflict": refused.id, "verdict": "accept", "actor": "test"});
        let command = CommandId::new(2, 3);
        let scope = store.tenant(own);
        scope.enqueue_command(command, "decide_conflict", &accept, &author(91)).await.expect("asks");
        let outcomes = store.apply_commands(&mut ledger, at(91)).await.expect("applies");
        assert_eq!(outcomes[0].failure, None);
        assert_eq!(people(store, own).await, 2, "two customers by decision, and whose the phone is");
        let joined = merges(store).await.into_iter().find(|row| row.undone_at.is_none()).expect("is joined");

        let phone = IdentifierType::parse(BEN_PHONE.0).expect("a type");
        let person = scope.profile_by_identifier(&phone, BEN_PHONE.1).await.expect("reads");
        erase(store, &mut ledger, own, person.expect("is known"), 30, 100).await;
        assert_eq!(conflicts().await, [], "it named the phone");
        undo(store, &mut ledger, own, &joined.id, 3).await;
        assert_eq!(people(store, own).await, 2);
    })
    .await;
}
