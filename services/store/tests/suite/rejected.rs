//! Refused requests.

use tributary_domain::{
    id::{RejectionId, SourceId, TenantId},
    time::Timestamp,
};
use tributary_store::{
    Page,
    rejected::{KEPT_REJECTIONS, RejectionCount, RejectionRecord},
};

use crate::support::{on_each_database, tenant};

fn rejection(tenant: TenantId, source: SourceId, number: u64) -> RejectionRecord {
    RejectionRecord {
        id: RejectionId::new(number, source.bits()),
        tenant,
        source,
        at: Timestamp::from_millis(number.cast_signed()),
        reason: "BAD_SIGNATURE".to_owned(),
        detail: "no key fits".to_owned(),
        http_status: 401,
        headers: vec![("user-agent".to_owned(), "test".to_owned())],
        body: vec![0, 255],
    }
}

/// When they were counted.
const AT: Timestamp = Timestamp::from_seconds(1);

fn count(tenant: TenantId, source: SourceId, count: u64) -> RejectionCount {
    RejectionCount { tenant, source, reason: "BAD_SIGNATURE".to_owned(), count }
}

#[tokio::test]
async fn the_newest_of_each_source_are_kept_and_all_are_counted() {
    on_each_database(async |database| {
        let store = &database.store;
        let tenant = tenant(store, 1).await.id;
        let (busy, calm) = (SourceId::new(1, 1), SourceId::new(1, 2));
        let kept = u64::from(KEPT_REJECTIONS);
        let first: Vec<_> = (1..=kept).map(|number| rejection(tenant, busy, number)).collect();
        store.record_rejections(&first, &[(count(tenant, busy, kept), AT)]).await.expect("records");
        let scope = store.tenant(tenant);
        let all = scope.rejections(&[busy], Page::first(500)).await.expect("lists");
        assert_eq!(all.items.len(), first.len(), "none too few");

        let mut second: Vec<_> =
            (kept + 1..=kept + 5).map(|number| rejection(tenant, busy, number)).collect();
        second.push(rejection(tenant, calm, 1));
        let counts = [(count(tenant, busy, 900), AT), (count(tenant, calm, 1), AT)];
        store.record_rejections(&second, &counts).await.expect("records");
        let all = scope.rejections(&[busy], Page::first(500)).await.expect("lists");
        assert_eq!(all.items.len(), first.len(), "none too many");
        assert_eq!(all.items[0], second[4], "newest first");
        assert_eq!(all.items.last(), Some(&first[5]));
        for (sources, counted) in
            [(&[busy][..], kept + 900), (&[calm], 1), (&[busy, calm, SourceId::new(1, 3)], kept + 901)]
        {
            let counts = scope.rejection_counts(sources).await;
            assert_eq!(counts, Ok(vec![("BAD_SIGNATURE".to_owned(), counted)]));
        }
        let both = scope.rejections(&[busy, calm], Page::first(500)).await.expect("lists");
        assert_eq!(both.items.len(), first.len() + 1, "of all that are named");
        let page = scope.rejections(&[busy], Page::after(all.items[0].id, 1)).await.expect("lists");
        assert_eq!(page.items, [second[3].clone()]);
    })
    .await;
}
