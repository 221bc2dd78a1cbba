//! Logs of all sources and workflows of a tenant, and the orders that logs are read in.

use tributary_domain::id::MessageId;
use tributary_proto::admin::v1::{
    ListDeliveriesRequest, ListEventsRequest, ListMessagesRequest, ListRunsRequest, Source, Tenant, Workflow,
};

use crate::{
    destinations,
    logs::booking,
    support::{World, fields, id},
    workflows,
};

const CLUID: &str = "trb_0123456789abcdefghjkmnpqrs";

/// A tenant with two sources, the second of which has two workflows, and one booking after the other at each.
struct Scene {
    world: World,
    tenant: Tenant,
    sources: Vec<Source>,
    workflows: Vec<Workflow>,
    messages: Vec<MessageId>,
}

impl Scene {
    async fn new() -> Self {
        let world = World::start().await;
        let tenant = world.tenant("acme").await;
        destinations::create(&world, &tenant).await;
        let (mut sources, mut workflows, mut messages) = (Vec::new(), Vec::new(), Vec::new());
        for key in ["first", "second"] {
            sources.push(world.source(&tenant, key).await.source.unwrap());
        }
        for (source, key) in [(0, "a"), (1, "b"), (1, "c")] {
            let made = workflows::create(&world, &sources[source], key).await;
            workflows.push(workflows::publish(&world, &made).await);
        }
        for number in 0..5_u32 {
            let source = &sources[number as usize % 2];
            let body = booking(number, &format!("guest{number}@example.com"), CLUID);
            messages.push(world.commit(source, 1 + u64::from(number) * 1_000, &body).await);
        }
        Self { world, tenant, sources, workflows, messages }
    }

    /// The numbers of the messages of these names, one a row.
    fn numbers<'a>(&self, names: impl Iterator<Item = &'a str>) -> Vec<usize> {
        names.map(|name| self.messages.iter().position(|message| *message == id(name)).unwrap()).collect()
    }

    /// All pages of a list of `limit` entries a page, which `ask` gives for a token.
    async fn pages(&self, ask: impl AsyncFn(String) -> (Vec<String>, String)) -> Vec<usize> {
        let (mut all, mut token) = (Vec::new(), String::new());
        loop {
            let (names, next) = ask(token).await;
            all.extend(self.numbers(names.iter().map(String::as_str)));
            if next.is_empty() {
                return all;
            }
            token = next;
        }
    }

    async fn messages(&self, parent: &str, filter: &str, order_by: &str) -> Vec<usize> {
        let ask = async |page_token| {
            let request = ListMessagesRequest {
                parent: format!("{}/{parent}", self.tenant.name),
                filter: filter.to_owned(),
                order_by: order_by.to_owned(),
                page_size: 2,
                page_token,
                ..ListMessagesRequest::default()
            };
            let page = self.world.logs().list_messages(request).await.unwrap().into_inner();
            (page.messages.into_iter().map(|message| message.name).collect(), page.next_page_token)
        };
        self.pages(ask).await
    }

    async fn runs(&self, parent: &str, filter: &str, order_by: &str) -> Vec<usize> {
        let ask = async |page_token| {
            let request = ListRunsRequest {
                parent: parent.to_owned(),
                filter: filter.to_owned(),
                order_by: order_by.to_owned(),
                page_size: 2,
                page_token,
            };
            let page = self.world.logs().list_runs(request).await.unwrap().into_inner();
            (page.runs.into_iter().map(|run| run.message).collect(), page.next_page_token)
        };
        self.pages(ask).await
    }
}

#[tokio::test]
async fn the_logs_of_all_sources_and_workflows_are_one() {
    let scene = Box::pin(Scene::new()).await;
    let second = format!("sources/{}", scene.sources[1].name.rsplit('/').next().unwrap());
    for (parent, filter, found) in [
        ("sources/-", String::new(), vec![4, 3, 2, 1, 0]),
        (&second, String::new(), vec![3, 1]),
        ("sources/-", format!("message = {}", scene.messages[3]), vec![3]),
        ("sources/-", "identifier = email:guest2@example.com".to_owned(), vec![2]),
        ("sources/-", "status != SUCCEEDED".to_owned(), vec![]),
        ("sources/-", "status = SUCCEEDED".to_owned(), vec![4, 3, 2, 1, 0]),
    ] {
        assert_eq!(scene.messages(parent, &filter, "").await, found, "{parent} {filter}");
        let oldest: Vec<_> = found.into_iter().rev().collect();
        assert_eq!(scene.messages(parent, &filter, "time").await, oldest, "{parent} {filter}");
    }
    let all = format!("{}/sources/-/workflows/-", scene.tenant.name);
    let of_second = format!("{}/workflows/-", scene.sources[1].name);
    for (parent, filter, found) in [
        (all.as_str(), "", vec![4, 3, 3, 2, 1, 1, 0]),
        (all.as_str(), "identifier = email:guest3@example.com", vec![3, 3]),
        (all.as_str(), "status = SUCCEEDED", vec![4, 3, 3, 2, 1, 1, 0]),
        (of_second.as_str(), "", vec![3, 3, 1, 1]),
        (scene.workflows[2].name.as_str(), "", vec![3, 1]),
    ] {
        assert_eq!(scene.runs(parent, filter, "time desc").await, found, "{parent} {filter}");
        let oldest: Vec<_> = found.into_iter().rev().collect();
        assert_eq!(scene.runs(parent, filter, "time").await, oldest, "{parent} {filter}");
    }
}

#[tokio::test]
async fn what_comes_of_messages_is_read_in_both_orders() {
    let scene = Box::pin(Scene::new()).await;
    let (world, parent) = (&scene.world, scene.tenant.name.clone());
    let deliveries = async |order_by: &str| {
        let request = ListDeliveriesRequest {
            parent: parent.clone(),
            order_by: order_by.to_owned(),
            ..ListDeliveriesRequest::default()
        };
        let found = world.logs().list_deliveries(request).await.unwrap().into_inner().deliveries;
        found.into_iter().map(|delivery| delivery.name).collect::<Vec<_>>()
    };
    let events = async |order_by: &str| {
        let request = ListEventsRequest {
            parent: parent.clone(),
            order_by: order_by.to_owned(),
            ..ListEventsRequest::default()
        };
        let found = world.events().list_events(request).await.unwrap().into_inner().events;
        found.into_iter().map(|event| event.name).collect::<Vec<_>>()
    };
    for [mut newest, oldest] in
        [[deliveries("").await, deliveries("time").await], [events("time desc").await, events("time").await]]
    {
        // A booking is told once, whatever workflows make events of it.
        assert!(newest.len() >= 5 && newest.is_sorted_by(|one, other| one > other), "{newest:?}");
        newest.reverse();
        assert_eq!(newest, oldest);
    }
}

#[tokio::test]
async fn an_order_that_there_is_not_is_refused_and_a_token_is_of_one_order() {
    let scene = Box::pin(Scene::new()).await;
    let request = ListMessagesRequest {
        parent: format!("{}/sources/-", scene.tenant.name),
        page_size: 2,
        ..ListMessagesRequest::default()
    };
    let first = scene.world.logs().list_messages(request.clone()).await.unwrap().into_inner();
    for (order_by, page_token, field) in
        [("status", String::new(), "order_by"), ("time", first.next_page_token, "page_token")]
    {
        let request = ListMessagesRequest { order_by: order_by.to_owned(), page_token, ..request.clone() };
        let refused = scene.world.logs().list_messages(request).await.unwrap_err();
        assert_eq!(fields(&refused), [field]);
    }
}

#[tokio::test]
async fn a_tenant_without_sources_has_an_empty_log() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let request = ListMessagesRequest { parent: format!("{}/sources/-", tenant.name), ..Default::default() };
    assert!(world.logs().list_messages(request).await.unwrap().into_inner().messages.is_empty());
    let parent = format!("{}/sources/-/workflows/-", tenant.name);
    let request = ListRunsRequest { parent, ..Default::default() };
    assert!(world.logs().list_runs(request).await.unwrap().into_inner().runs.is_empty());
}
