//! All that is known of a person, as it is handed out.

use std::collections::{BTreeMap, BTreeSet};

use tributary_proto::admin::v1::{
    ExportProfileRequest, ListSourcesRequest, UndoMergeRequest, export_profile_response::Part,
};

use crate::{decisions::merged, logs::booking, support::World};

const TWO: &str = "trb_0123456789abcdefghjkmnpqrt";
const OTHER: &str = "trb_0123456789abcdefghjkmnpqrv";
/// More than are read at once.
const BOOKINGS: u32 = 120;

/// The names of what an export has, by what they are; each has to come once.
async fn export(world: &World, profile: &str) -> BTreeMap<&'static str, BTreeSet<String>> {
    let request = ExportProfileRequest { name: profile.to_owned() };
    let mut parts = world.privacy().export_profile(request).await.unwrap().into_inner();
    let mut all: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    while let Some(part) = parts.message().await.unwrap() {
        let (kind, name) = match part.part.unwrap() {
            Part::Profile(one) => ("profile", one.name),
            Part::Conflict(one) => ("conflict", one.name),
            Part::Message(one) => ("message", one.name),
            Part::Event(one) => ("event", one.name),
            Part::Delivery(one) => ("delivery", one.name),
            Part::Merge(one) => ("merge", one.name),
            Part::Conversion(one) => ("conversion", one.name),
            Part::Identifier(one) => ("identifier", format!("{}:{}", one.r#type, one.value)),
        };
        assert!(all.entry(kind).or_default().insert(name.clone()), "{name} comes twice");
    }
    all
}

#[tokio::test]
async fn an_export_has_all_of_a_person_with_what_became_part_of_it_and_nothing_of_others() {
    let world = World::start().await;
    let (tenant, merge) = merged(&world).await;
    let list = ListSourcesRequest { parent: tenant.name.clone(), ..Default::default() };
    let source = world.sources().list_sources(list).await.unwrap().into_inner().sources.remove(0);
    for number in 4..=BOOKINGS {
        world.commit(&source, number.into(), &booking(number, "ann@example.com", TWO)).await;
    }
    world.commit(&source, 1_000, &booking(1_000, "bob@example.com", OTHER)).await;
    let found = export(&world, &merge.winner).await;
    let count = |kind: &str| found.get(kind).map_or(0, BTreeSet::len);
    for kind in ["message", "event", "delivery"] {
        assert_eq!(count(kind), BOOKINGS as usize, "{kind}");
    }
    assert_eq!((count("profile"), count("merge"), count("conflict")), (1, 1, 0));
    assert_eq!(found["merge"], BTreeSet::from([merge.name.clone()]));
    assert_eq!(export(&world, &merge.loser).await, found, "of an alias, the whole person");

    world.profiles().undo_merge(UndoMergeRequest { name: merge.name.clone() }).await.unwrap();
    let (visitor, ann) = (export(&world, &merge.winner).await, export(&world, &merge.loser).await);
    assert_ne!(visitor["profile"], ann["profile"]);
    assert!(visitor["event"].is_disjoint(&ann["event"]), "nothing is handed out to both");
    assert_eq!(visitor["event"].len() + ann["event"].len(), BOOKINGS as usize);
}
