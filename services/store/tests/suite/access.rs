//! Who may call, on both databases: what happens at once, and what one agency sees of another.

use std::collections::BTreeMap;

use tributary_domain::{
    access::{AgencyRole, PrincipalId, TenantRole},
    id::{ApiKeyId, InvitationId, MemberId, SessionId, SigningKeyId, TenantId},
    time::Timestamp,
};
use tributary_store::{
    Page, Store, StoreError,
    access::{
        AgencyScope, ApiKeyChange, Appointer, Grants, MemberChange, NewApiKey, NewInvitation, NewMember,
        NewPassword, NewSession, Refreshed, SigningKeyRecord, TokenHash,
    },
    tenant::TenantRecord,
};

use crate::support::{author, on_each_database, tenant};

/// The hash of everybody's password.
const HASH: &str = "$argon2id$";
const OWNER: Appointer = Appointer(AgencyRole::Owner);

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(second)
}

fn session_of(id: SessionId, token: &TokenHash) -> NewSession {
    NewSession { id, token: token.clone(), expires_at: at(100), ends_at: None }
}

fn person(number: u128, role: AgencyRole) -> NewMember {
    NewMember {
        id: MemberId::new(1, number),
        email: format!("{number}@example.com"),
        display_name: "A person".to_owned(),
        role,
        grants: Grants::new(),
        password_hash: Some(HASH.to_owned()),
    }
}

async fn join(scope: AgencyScope<'_>, number: u128, role: AgencyRole) -> MemberId {
    scope.create_member(&person(number, role), OWNER, &author(1)).await.expect("joins").id
}

async fn begin(store: &Store, member: MemberId, number: u128) -> SessionId {
    let session = SessionId::new(1, number);
    let token = TokenHash::of(&format!("first of {number}"));
    store.sessions().begin(&session_of(session, &token), member, HASH, &author(1)).await.expect("begins");
    session
}

fn is_absent<T: std::fmt::Debug>(result: Result<T, StoreError>, what: &str) {
    match result {
        Err(StoreError::NotFound { .. }) => {}
        other => panic!("{what}: {other:?}"),
    }
}

#[tokio::test]
async fn nothing_of_one_agency_is_found_from_another() {
    on_each_database(async |database| {
        let store = &database.store;
        let (ours, theirs) = (tenant(store, 1).await, tenant(store, 2).await);
        let (own, other) = (store.agency(ours.agency), store.agency(theirs.agency));
        let member = join(own, 1, AgencyRole::Owner).await;
        let (key, invitation) = (ApiKeyId::new(1, 1), InvitationId::new(1, 1));
        let (hash, expires_at) = (TokenHash::of("a"), at(100));
        let new = NewApiKey {
            id: key,
            display_name: "A service".to_owned(),
            role: AgencyRole::Member,
            grants: Grants::new(),
            hash: hash.clone(),
            prefix: "a".to_owned(),
            expires_at: None,
        };
        own.create_api_key(&new, OWNER, &author(1)).await.expect("makes a key");
        let new = NewInvitation {
            id: invitation,
            email: "x@example.com".to_owned(),
            display_name: "X".to_owned(),
            role: AgencyRole::Member,
            grants: Grants::new(),
            hash: hash.clone(),
            expires_at,
        };
        own.invite(&new, OWNER, &author(1)).await.expect("invites");
        is_absent(other.member(member).await, "member");
        is_absent(other.member_by_email("1@example.com").await, "member by e-mail");
        is_absent(other.delete_member(member, 1, OWNER, &author(2)).await, "delete member");
        is_absent(other.set_password(member, "x", "y", None, &author(2)).await, "password");
        is_absent(other.reset_password(member, &new, OWNER, &author(2)).await, "reset");
        let change = MemberChange::default();
        is_absent(other.update_member(member, 1, &change, OWNER, &author(2)).await, "update member");
        is_absent(other.api_key(key).await, "key");
        is_absent(other.delete_api_key(key, 1, OWNER, &author(2)).await, "delete key");
        let change = ApiKeyChange::default();
        is_absent(other.update_api_key(key, 1, &change, OWNER, &author(2)).await, "update key");
        is_absent(other.invitation(invitation).await, "invitation");
        is_absent(other.revoke_invitation(invitation, OWNER, &author(2)).await, "revoke");
        is_absent(other.resend_invitation(invitation, &hash, OWNER, &author(2)).await, "resend");
        let password =
            NewPassword { member: MemberId::new(1, 9), display_name: None, password_hash: "x".to_owned() };
        is_absent(other.accept_invitation(invitation, &hash, &password, &author(2)).await, "accept");
        assert!(other.members(Page::first(9)).await.expect("lists").items.is_empty());
        assert!(other.api_keys(Page::first(9)).await.expect("lists").items.is_empty());
        assert!(other.invitations(Page::first(9)).await.expect("lists").items.is_empty());
        own.member(member).await.expect("is still there");
        own.accept_invitation(invitation, &hash, &password, &author(2)).await.expect("is still open");
    })
    .await;
}

#[tokio::test]
async fn of_two_owners_who_take_each_other_away_one_stays() {
    on_each_database(async |database| {
        let store = &database.store;
        for round in 0..8_u128 {
            let scope = store.agency(tenant(store, 10 + round).await.agency);
            let first = join(scope, 100 + 2 * round, AgencyRole::Owner).await;
            let second = join(scope, 101 + 2 * round, AgencyRole::Owner).await;
            let author = author(2);
            let (one, other) = tokio::join!(
                scope.delete_member(first, 1, OWNER, &author),
                scope.delete_member(second, 1, OWNER, &author)
            );
            assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
            let left = scope.members(Page::first(9)).await.expect("lists").items;
            assert_eq!(left.len(), 1);
        }
    })
    .await;
}

#[tokio::test]
async fn of_two_who_use_a_refresh_token_at_once_none_goes_on() {
    on_each_database(async |database| {
        let store = &database.store;
        let scope = store.agency(tenant(store, 1).await.agency);
        let member = join(scope, 1, AgencyRole::Member).await;
        let principal = PrincipalId::Member(member);
        let session = begin(store, member, 1).await;
        let (token, sessions) = (TokenHash::of("first of 1"), store.sessions());
        let (left, right, author) = (TokenHash::of("left"), TokenHash::of("right"), author(2));
        let (one, other) = tokio::join!(
            sessions.refresh(&token, &left, &author, at(100)),
            sessions.refresh(&token, &right, &author, at(100))
        );
        let mut outcomes = [one.expect("answers"), other.expect("answers")];
        outcomes.sort_by_key(|outcome| matches!(outcome, Refreshed::Reused { .. }));
        assert_eq!(
            outcomes,
            [Refreshed::Yes { session, member, expires_at: at(100) }, Refreshed::Reused { session }]
        );
        assert_eq!(store.standing(principal, Some(session), at(2)).await, Ok(None), "the session is over");
        for token in [left, right] {
            let next = TokenHash::of("next");
            assert_eq!(
                store.sessions().refresh(&token, &next, &author, at(100)).await,
                Ok(Refreshed::Unknown)
            );
        }
    })
    .await;
}

#[tokio::test]
async fn standing_follows_what_was_granted_and_ends_with_its_session() {
    on_each_database(async |database| {
        let store = &database.store;
        let (ours, theirs): (TenantRecord, TenantRecord) = (tenant(store, 1).await, tenant(store, 2).await);
        let scope = store.agency(ours.agency);
        let member = join(scope, 1, AgencyRole::Member).await;
        let principal = PrincipalId::Member(member);
        let (kept, ended) = (begin(store, member, 1).await, begin(store, member, 2).await);
        let standing =
            async |session| store.standing(principal, Some(session), at(2)).await.expect("answers");
        assert_eq!(standing(kept).await.expect("is there").grants, Grants::new());
        let grants = BTreeMap::from([(ours.id, TenantRole::Editor)]);
        let change = MemberChange { grants: Some(grants.clone()), ..MemberChange::default() };
        scope.update_member(member, 1, &change, OWNER, &author(2)).await.expect("grants");
        assert_eq!(standing(kept).await.expect("is there").grants, grants);
        for missing in [theirs.id, TenantId::new(1, 99)] {
            let grants = BTreeMap::from([(ours.id, TenantRole::Viewer), (missing, TenantRole::Viewer)]);
            let change = MemberChange { grants: Some(grants), ..MemberChange::default() };
            is_absent(scope.update_member(member, 2, &change, OWNER, &author(3)).await, "another's tenant");
        }
        assert_eq!(standing(kept).await.expect("is there").grants, grants, "nothing of it was done");
        assert_eq!(
            store.standing(PrincipalId::Member(MemberId::new(1, 9)), Some(kept), at(2)).await,
            Ok(None)
        );
        scope.set_password(member, HASH, "other", Some(kept), &author(4)).await.expect("sets");
        // Whoever checked the password before does not come in, or set another one, after it.
        let late = TokenHash::of("late");
        let begun =
            store.sessions().begin(&session_of(SessionId::new(1, 3), &late), member, HASH, &author(2)).await;
        is_absent(begun, "a session with the password before");
        let second = scope.set_password(member, HASH, "third", None, &author(5)).await;
        assert!(matches!(second, Err(StoreError::Conflict { .. })), "{second:?}");
        assert!(standing(kept).await.is_some() && standing(ended).await.is_none());
        assert_eq!(store.standing(principal, Some(kept), at(100)).await, Ok(None), "it has expired");
    })
    .await;
}

#[tokio::test]
async fn nodes_that_rotate_at_once_make_one_key() {
    on_each_database(async |database| {
        let keys = database.store.signing_keys();
        let next = |number: u128, signs_from: i64| SigningKeyRecord {
            id: SigningKeyId::new(u64::try_from(signs_from).expect("positive"), number),
            created_at: at(signs_from),
            signs_from: at(signs_from),
            retires_at: None,
        };
        let author = author(1);
        let (one, other) = tokio::join!(
            keys.rotate(None, next(1, 1), at(1), &author),
            keys.rotate(None, next(2, 1), at(1), &author)
        );
        one.and(other).expect("both are content");
        let first = keys.list(at(2)).await.expect("lists");
        assert_eq!(first.len(), 1);
        keys.rotate(Some(first[0].id), next(3, 10), at(20), &author).await.expect("rotates");
        keys.rotate(Some(first[0].id), next(4, 11), at(21), &author).await.expect("is too late");
        let both = keys.list(at(19)).await.expect("lists");
        assert_eq!(both.iter().map(|key| key.retires_at).collect::<Vec<_>>(), [Some(at(20)), None]);
        assert_eq!(keys.list(at(20)).await.expect("lists"), [next(3, 10)]);
    })
    .await;
}
