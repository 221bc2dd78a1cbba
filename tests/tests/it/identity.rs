//! The examples of identity, one by one, from outside. The rules themselves are tested in `domain`, against a model
//! and with many random histories.

use serde_json::{Value, json};
use tributary_proto::admin::v1::{Event, identity_step::Action};
use tributary_tests::{
    Database, Server, ServerBuilder, Sink, Source, Spec, Tenant, cluid, databases, from_value,
};

/// A tenant with a source of web events and one of a CRM.
struct Scene {
    server: Server,
    tenant: Tenant,
    web: Source,
    crm: Source,
}

impl Scene {
    async fn on(database: Database) -> Self {
        println!("on {}", database.kind());
        let server = ServerBuilder::on(database).start().await;
        let tenant = server.tenant("acme").await;
        let (web, crm) = (server.custom(&tenant, "web").await, server.custom(&tenant, "crm").await);
        let seen = Spec::track("Seen")
            .identifier("cluid", "$.cluid")
            .identifier("email", "$.email")
            .identifier("phone", "$.phone")
            .attribute("fbp", "$.fbp");
        server.published(&web, "seen", seen).await;
        let contact = Spec::track("Contact")
            .identifier("external_id:crm", "$.id")
            .identifier("email", "$.email")
            .attribute("gclid", "$.gclid");
        server.published(&crm, "contact", contact).await;
        Self { server, tenant, web, crm }
    }

    /// One more source, whose visits are known by a weak identifier besides the cluid.
    async fn visits(&self) -> Source {
        let visits = self.server.custom(&self.tenant, "visits").await;
        let seen = Spec::track("Seen")
            .identifier("cluid", "$.cluid")
            .identifier("email", "$.email")
            .identifier("anonymous_id", "$.visit")
            .attribute("fbp", "$.fbp");
        self.server.published(&visits, "visited", seen).await;
        visits
    }

    /// What becomes of an event with this body.
    async fn sees(&self, source: &Source, body: Value) -> Event {
        let message = self.server.post(source, body.to_string()).await.accepted();
        let trace = self.server.trace(&message).await;
        trace.runs[0].events[0].event.clone().expect("an event")
    }

    async fn owner(&self, kind: &str, value: &str) -> Option<String> {
        self.server.lookup(&self.tenant, kind, value).await.map(|profile| profile.name)
    }
}

#[tokio::test]
async fn a_visitor_who_tells_an_email_keeps_the_profile() {
    for database in databases() {
        let scene = Scene::on(database).await;
        let browsing = scene.sees(&scene.web, json!({"cluid": cluid(1)})).await;
        let booking = scene.sees(&scene.web, json!({"cluid": cluid(1), "email": "a@example.com"})).await;
        assert_eq!(booking.profile, browsing.profile);
        assert_eq!(scene.owner("email", "A@example.com ").await, Some(browsing.profile));
        assert!(scene.server.conflicts(&scene.tenant).await.is_empty());
    }
}

#[tokio::test]
async fn a_second_person_in_one_browser_gets_a_profile_and_still_the_browsers_context() {
    for database in databases() {
        let scene = Scene::on(database).await;
        let first = scene
            .sees(&scene.web, json!({"cluid": cluid(1), "email": "a@example.com", "fbp": "fb.1.7"}))
            .await;
        let second = scene.sees(&scene.web, json!({"cluid": cluid(1), "email": "b@example.com"})).await;
        assert_ne!(second.profile, first.profile);
        assert_eq!(scene.owner("cluid", &cluid(1)).await, Some(first.profile.clone()), "the cluid stays");
        let context = second.browser_context.expect("a context");
        assert_eq!(from_value(&context.fields["fbp"]), json!("fb.1.7"));
        let conflicts = scene.server.conflicts(&scene.tenant).await;
        assert_eq!(conflicts.len(), 1);
        assert_eq!(
            (conflicts[0].rule.as_str(), conflicts[0].identifier_value.as_str()),
            ("weak_evidence", cluid(1).as_str())
        );
        assert_eq!((&conflicts[0].profile, &conflicts[0].other_profile), (&second.profile, &first.profile));
    }
}

#[tokio::test]
async fn a_browsers_context_grows_whether_or_not_its_cluid_has_an_owner_yet() {
    for database in databases() {
        let scene = Scene::on(database).await;
        let context = |event: Event| {
            let fields = event.browser_context.expect("a context").fields;
            json!([fields.get("gclid").map(from_value), fields.get("fbp").map(from_value)])
        };
        // The contact's workflow maps no cluid: nobody owns it, and what came with it is kept all the same.
        let contact = scene.sees(&scene.crm, json!({"id": "c-1", "cluid": cluid(1), "gclid": "g-1"})).await;
        assert_eq!(context(contact), json!(["g-1", null]));
        let seen = scene.sees(&scene.web, json!({"cluid": cluid(1), "fbp": "fb.1.7"})).await;
        assert_eq!(context(seen), json!(["g-1", "fb.1.7"]), "now it has an owner");
        let contact = scene.sees(&scene.crm, json!({"id": "c-1", "cluid": cluid(1), "gclid": "g-2"})).await;
        assert_eq!(context(contact), json!(["g-2", "fb.1.7"]));

        scene.sees(&scene.web, json!({"cluid": cluid(2)})).await;
        scene.sees(&scene.web, json!({"cluid": cluid(2), "fbp": "fb.1.8"})).await;
        let contact = scene.sees(&scene.crm, json!({"id": "c-2", "cluid": cluid(2)})).await;
        assert_eq!(context(contact), json!([null, "fb.1.8"]), "it had an owner from the beginning");
    }
}

#[tokio::test]
async fn a_browsers_context_stays_when_its_cluids_first_owner_becomes_part_of_another() {
    for database in databases() {
        let scene = Scene::on(database).await;
        let visits = scene.visits().await;
        let visit = scene.sees(&visits, json!({"visit": "v-1"})).await;
        scene.sees(&scene.web, json!({"email": "a@example.com"})).await;
        // The cluid goes to the person, who then joins the older visit: all with one event.
        let both = json!({"email": "a@example.com", "cluid": cluid(1), "visit": "v-1", "fbp": "fb.1.7"});
        assert_eq!(scene.sees(&visits, both).await.profile, visit.profile);
        let later = scene.sees(&scene.web, json!({"cluid": cluid(1)})).await;
        assert_eq!(later.profile, visit.profile);
        assert_eq!(from_value(&later.browser_context.expect("a context").fields["fbp"]), json!("fb.1.7"));
    }
}

#[tokio::test]
async fn a_browsers_context_is_the_same_when_all_of_it_happens_in_one_batch() {
    for database in databases() {
        let scene = Scene::on(database).await;
        let visits = scene.visits().await;
        // What a suspended tenant was sent is applied several messages at once.
        scene.server.suspend(&scene.tenant).await;
        let mut posted = Vec::new();
        for (source, body) in [
            (&visits, json!({"visit": "v-1"})),
            (&visits, json!({"email": "a@example.com", "cluid": cluid(1), "fbp": "fb.1.7"})),
            (&visits, json!({"email": "a@example.com", "visit": "v-1"})),
            (&scene.crm, json!({"id": "c-1", "cluid": cluid(2), "gclid": "g-1"})),
            (&visits, json!({"cluid": cluid(2), "fbp": "fb.1.8"})),
        ] {
            posted.push(scene.server.post(source, body.to_string()).await.accepted());
        }
        scene.server.resume(&scene.tenant).await;
        scene.server.all_processed(&posted).await;

        let merged = scene.sees(&visits, json!({"cluid": cluid(1)})).await;
        assert_eq!(scene.owner("anonymous_id", "v-1").await.as_ref(), Some(&merged.profile));
        assert_eq!(from_value(&merged.browser_context.expect("a context").fields["fbp"]), json!("fb.1.7"));
        let owned = scene.sees(&visits, json!({"cluid": cluid(2)})).await;
        let fields = owned.browser_context.expect("a context").fields;
        assert_eq!([&fields["gclid"], &fields["fbp"]].map(from_value), [json!("g-1"), json!("fb.1.8")]);
    }
}

#[tokio::test]
async fn one_phone_with_two_emails_is_one_person() {
    for database in databases() {
        let scene = Scene::on(database).await;
        let first =
            scene.sees(&scene.web, json!({"email": "a@example.com", "phone": "+1 404-555-0142"})).await;
        let second =
            scene.sees(&scene.web, json!({"email": "b@example.com", "phone": "(404) 555-0142"})).await;
        assert_eq!(second.profile, first.profile);
        assert_eq!(scene.owner("email", "b@example.com").await, Some(first.profile));
    }
}

#[tokio::test]
async fn two_crm_ids_with_one_email_are_two_people() {
    for database in databases() {
        let scene = Scene::on(database).await;
        let first = scene.sees(&scene.crm, json!({"id": "c-1", "email": "a@example.com"})).await;
        let second = scene.sees(&scene.crm, json!({"id": "c-2", "email": "a@example.com"})).await;
        assert_ne!(second.profile, first.profile);
        assert_eq!(scene.owner("email", "a@example.com").await, Some(first.profile));
        assert_eq!(scene.owner("external_id:crm", "c-2").await, Some(second.profile));
        let conflicts = scene.server.conflicts(&scene.tenant).await;
        assert_eq!(conflicts.iter().map(|one| one.rule.as_str()).collect::<Vec<_>>(), ["unique_value"]);
    }
}

#[tokio::test]
async fn two_known_people_and_a_cluid_that_connects_them_stay_two_and_the_conflict_says_why() {
    for database in databases() {
        let scene = Scene::on(database).await;
        let sink = Sink::start().await;
        let ann = scene
            .sees(&scene.web, json!({"cluid": cluid(1), "email": "ann@example.com", "fbp": "fb.1.9"}))
            .await;
        let ben = scene.sees(&scene.web, json!({"email": "ben@example.com"})).await;
        scene.server.destination(&scene.tenant, "hook", &sink).await;

        let body = json!({"cluid": cluid(1), "email": "ben@example.com"}).to_string();
        let message = scene.server.post(&scene.web, body).await.accepted();
        let trace = scene.server.trace(&message).await;
        let booking = &trace.runs[0].events[0];
        assert_eq!(booking.event.as_ref().unwrap().profile, ben.profile, "the e-mail decides");
        let steps = &booking.identity.as_ref().expect("a decision").steps;
        let refused: Vec<_> = steps.iter().filter(|step| step.action() == Action::Refused).collect();
        assert_eq!(refused.len(), 1, "{steps:?}");
        assert_eq!((refused[0].rule.as_str(), &refused[0].other_profile), ("weak_evidence", &ann.profile));

        assert_ne!(scene.owner("cluid", &cluid(1)).await, scene.owner("email", "ben@example.com").await);
        let conflicts = scene.server.conflicts(&scene.tenant).await;
        assert_eq!(conflicts.len(), 1, "one conflict");
        assert_eq!(conflicts[0].rule, "weak_evidence");
        assert!(!conflicts[0].text.is_empty(), "that says why");

        let received = sink.wait_for(1).await;
        assert_eq!(received[0].message(), message);
        assert_eq!(received[0].body["data"]["context"]["fbp"], json!("fb.1.9"), "it leaves with the context");
    }
}

#[tokio::test]
async fn tenants_never_share_a_person() {
    for database in databases() {
        let scene = Scene::on(database).await;
        let other = scene.server.tenant("other").await;
        let source = scene.server.custom(&other, "web").await;
        let spec = Spec::track("Seen").identifier("email", "$.email");
        scene.server.published(&source, "seen", spec).await;
        let here = scene.sees(&scene.web, json!({"email": "a@example.com"})).await;
        let there = scene.sees(&source, json!({"email": "a@example.com"})).await;
        assert_ne!(here.profile, there.profile);
        assert_eq!(scene.owner("email", "a@example.com").await, Some(here.profile));
        let found = scene.server.lookup(&other, "email", "a@example.com").await.expect("a profile");
        assert_eq!(found.name, there.profile);
    }
}
