//! A pinned message stays readable when the log forgets it, and goes with its workflow.

use sea_orm::EntityTrait;

use super::sample;
use crate::{
    StoreError,
    entity::{message, workflow_sample},
    support::{author, on_each_database, tenant},
    workflow::WorkflowChange,
};

fn pin(number: Option<u64>) -> WorkflowChange {
    WorkflowChange { sample_message: Some(number.map(sample::message_id)), ..WorkflowChange::default() }
}

#[tokio::test]
async fn what_is_pinned_outlives_the_log() {
    on_each_database(async |database| {
        let store = &database.store;
        let (tenant, other) = (tenant(store, 1).await.id, tenant(store, 2).await.id);
        let (scope, workflow) = (store.tenant(tenant), sample::workflow());
        scope.create_source(&sample::new_source(), &author(2)).await.expect("makes");
        scope.create_workflow(&sample::new_workflow(), &author(2)).await.expect("makes");
        let messages =
            vec![sample::message(tenant, 1), sample::message(tenant, 2), sample::message(other, 3)];
        sample::write::<message::Entity>(store, messages).await;
        let none = Err(StoreError::NotFound { what: "sample" });
        assert_eq!(scope.workflow_sample(workflow).await, none);

        let mut made = scope.update_workflow(workflow, 1, &pin(Some(1)), &author(3)).await.expect("pins");
        let pinned = scope.workflow_sample(workflow).await.expect("is there");
        assert_eq!((pinned.message, pinned.body.as_slice()), (sample::message_id(1), sample::BODY));
        assert_eq!(store.tenant(other).workflow_sample(workflow).await, none);

        message::Entity::delete_by_id(sample::message_id(1).to_string())
            .exec(store.writer())
            .await
            .expect("forgets");
        // Saying the same again needs nothing of the log.
        made =
            scope.update_workflow(workflow, made.revision, &pin(Some(1)), &author(3)).await.expect("stays");
        assert_eq!(scope.workflow_sample(workflow).await.as_ref(), Ok(&pinned));
        for unknown in [3, 9] {
            let refused =
                scope.update_workflow(workflow, made.revision, &pin(Some(unknown)), &author(3)).await;
            assert_eq!(refused, Err(StoreError::NotFound { what: "message" }));
            assert_eq!(scope.workflow_sample(workflow).await.as_ref(), Ok(&pinned), "nothing is changed");
        }
        made = scope.update_workflow(workflow, made.revision, &pin(Some(2)), &author(3)).await.expect("pins");
        assert_eq!(scope.workflow_sample(workflow).await.expect("is there").message, sample::message_id(2));
        scope.update_workflow(workflow, made.revision, &pin(None), &author(3)).await.expect("takes away");
        assert_eq!(scope.workflow_sample(workflow).await, none);
        let left = workflow_sample::Entity::find().all(store.reader()).await.expect("reads");
        assert_eq!(left, []);
    })
    .await;
}
