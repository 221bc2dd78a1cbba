//! Sources.

use prost_types::value::Kind;
use tonic::Code;
use tributary_proto::admin::v1::{
    CreateSourceRequest, DeleteSourceRequest, GetSourceRequest, ListProvidersRequest, ListSamplesRequest,
    ListSourcesRequest, RotateSourceSecretRequest, SetSigningKeysRequest, Source, UpdateSourceRequest,
    sample::path_value::Type,
};

use crate::support::{World, fields, id, mask, object};

#[tokio::test]
async fn the_webhook_url_is_shown_once_and_keys_are_masked() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let made = world.source(&tenant, "calendly").await;
    let source = made.source.unwrap();
    let secret = made.webhook_url.strip_prefix("https://in.example.com/in/").unwrap().to_owned();
    assert_eq!(secret.len(), 43);
    assert!(secret.starts_with(&source.url_secrets[0].prefix) && source.url_secrets[0].prefix.len() < 10);
    assert!(!format!("{source:?}").contains(&secret));
    assert!(world.house.sources.lock().unwrap().contains(&id(&source.name)));

    let keys = vec!["a-signing-key-that-is-long-enough".to_owned()];
    let request = SetSigningKeysRequest {
        name: source.name.clone(),
        signing_keys: keys.clone(),
        etag: source.etag.clone(),
    };
    let signed = world.sources().set_signing_keys(request).await.unwrap().into_inner();
    assert_eq!(signed.masked_signing_keys, ["…ough"]);
    let request = GetSourceRequest { name: source.name.clone() };
    let read = world.sources().get_source(request).await.unwrap().into_inner();
    assert_eq!(read, signed);

    let overlap = Some(prost_types::Duration { seconds: 3_600, nanos: 0 });
    let request = RotateSourceSecretRequest { name: source.name.clone(), overlap };
    let rotated = world.sources().rotate_source_secret(request).await.unwrap().into_inner();
    assert_ne!(rotated.webhook_url, made.webhook_url);
    let secrets = rotated.source.unwrap().url_secrets;
    assert_eq!(secrets.len(), 2);
    assert_eq!(
        secrets.iter().filter(|secret| secret.expire_time.is_some()).count(),
        1,
        "only the old one ends"
    );
    let overlap = Some(prost_types::Duration { seconds: -1, nanos: 0 });
    let request = RotateSourceSecretRequest { name: source.name, overlap };
    assert_eq!(fields(&world.sources().rotate_source_secret(request).await.unwrap_err()), ["overlap"]);
}

#[tokio::test]
async fn settings_are_checked_by_the_provider() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    let change = |settings: &[(&str, &str)]| UpdateSourceRequest {
        source: Some(Source { settings: Some(object(settings)), body_limit: 10, ..source.clone() }),
        update_mask: mask(&["settings", "body_limit"]),
    };
    let refused = world.sources().update_source(change(&[("cluid_path", "not a path")])).await.unwrap_err();
    assert_eq!(fields(&refused), ["source.settings.cluid_path", "source.body_limit"]);
    let refused = world.sources().update_source(change(&[("unknown", "x")])).await.unwrap_err();
    assert!(fields(&refused)[0].starts_with("source.settings"), "{refused}");
    let change = UpdateSourceRequest {
        source: Some(Source { settings: Some(object(&[("cluid_path", "$.visitor")])), ..source.clone() }),
        update_mask: mask(&["settings"]),
    };
    let changed = world.sources().update_source(change).await.unwrap().into_inner();
    assert_eq!(changed.settings, Some(object(&[("cluid_path", "$.visitor")])));

    let unknown = Source { provider: "nobody".to_owned(), ..source };
    let request = CreateSourceRequest { parent: tenant.name, source: Some(unknown), ..Default::default() };
    assert_eq!(fields(&world.sources().create_source(request).await.unwrap_err()), ["source.provider"]);
}

#[tokio::test]
async fn a_source_of_another_tenant_is_not_found() {
    let world = World::start().await;
    let (one, other) = (world.tenant("one").await, world.tenant("other").await);
    let source = world.source(&one, "calendly").await.source.unwrap();
    let name = source.name.replace(&one.name, &other.name);
    let refused = world.sources().get_source(GetSourceRequest { name }).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    let list = ListSourcesRequest { parent: other.name, ..ListSourcesRequest::default() };
    assert!(world.sources().list_sources(list).await.unwrap().into_inner().sources.is_empty());
    let list = ListSourcesRequest { parent: one.name, ..ListSourcesRequest::default() };
    assert_eq!(world.sources().list_sources(list).await.unwrap().into_inner().sources.len(), 1);
}

#[tokio::test]
async fn providers_and_samples_are_listed_and_a_deleted_source_is_gone() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    let all = world.sources().list_providers(ListProvidersRequest::default()).await.unwrap().into_inner();
    let ids: Vec<_> = all.providers.iter().map(|provider| provider.id.as_str()).collect();
    assert_eq!((ids.first(), ids.last(), ids.len()), (Some(&"calendly"), Some(&"custom"), 13));
    for provider in &all.providers {
        assert!(provider.presets.iter().all(|preset| preset.spec.is_some()), "{}", provider.id);
        assert!(!provider.help.is_empty() && !provider.sample.is_empty(), "{}", provider.id);
    }

    for number in 1..=7 {
        let body =
            serde_json::json!({ "event": "invitee.created", "payload": { "uri": number.to_string() } });
        world.commit(&source, number, &body).await;
    }
    let request = ListSamplesRequest { parent: source.name.clone(), ..ListSamplesRequest::default() };
    let samples = world.sources().list_samples(request).await.unwrap().into_inner().samples;
    assert_eq!(samples.len(), 5);
    let newest = &samples[0];
    let body = &newest.message.as_ref().unwrap().body;
    assert!(body.contains(r#""uri":"7""#), "{body}");
    let values: Vec<_> = newest
        .values
        .iter()
        .map(|value| (value.path.as_str(), value.r#type(), value.value.as_str()))
        .collect();
    let expected = [("$.event", Type::String, "invitee.created"), ("$.payload.uri", Type::String, "7")];
    assert_eq!((values.as_slice(), newest.values_truncated), (expected.as_slice(), false));

    let request = DeleteSourceRequest { name: source.name.clone(), etag: String::new() };
    world.sources().delete_source(request).await.unwrap();
    let gone = world.sources().get_source(GetSourceRequest { name: source.name }).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
}

/// The settings of a tag: its site, and a script with this code.
fn of_a_tag(code: &str) -> prost_types::Struct {
    let text = |text: &str| Kind::StringValue(text.to_owned());
    let list = |of: Kind| {
        Kind::ListValue(prost_types::ListValue { values: vec![prost_types::Value { kind: Some(of) }] })
    };
    let script = object(&[("name", "mine"), ("code", code)]);
    let fields =
        [("origins", list(text("https://shop.example"))), ("scripts", list(Kind::StructValue(script)))];
    let fields = fields.map(|(name, kind)| (name.to_owned(), prost_types::Value { kind: Some(kind) }));
    prost_types::Struct { fields: fields.into() }
}

#[tokio::test]
async fn the_write_key_of_a_tag_is_shown_whenever_it_is_asked_for() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = Source {
        key: "site".to_owned(),
        display_name: "Site".to_owned(),
        provider: "tag".to_owned(),
        settings: Some(of_a_tag("go()")),
        ..Source::default()
    };
    let create = |signing_keys: Vec<String>| CreateSourceRequest {
        parent: tenant.name.clone(),
        source: Some(source.clone()),
        signing_keys,
        draft_workflows: true,
        ..Default::default()
    };
    let refused = world.sources().create_source(create(vec!["key".to_owned()])).await.unwrap_err();
    assert_eq!(fields(&refused), ["signing_keys"]);
    let made = world.sources().create_source(create(Vec::new())).await.unwrap().into_inner();
    assert_eq!(made.draft_workflows.len(), 3);
    let tag = made.source.unwrap();
    let browser = tag.browser.clone().unwrap();
    assert_eq!(made.webhook_url, browser.collect_url);
    assert_eq!(browser.collect_url, format!("https://in.example.com/collect/{}", browser.write_key));
    assert_eq!(browser.tag_url, format!("https://in.example.com/tag/{}.js", browser.write_key));
    assert_eq!(browser.write_key.len(), 43);
    let [script] = browser.scripts.as_slice() else { panic!("one script") };
    assert_eq!((script.name.as_str(), script.enabled, script.sha256.len()), ("mine", true, 64));
    let get = || GetSourceRequest { name: tag.name.clone() };
    assert_eq!(world.sources().get_source(get()).await.unwrap().into_inner().browser, Some(browser.clone()));

    let keys = SetSigningKeysRequest {
        name: tag.name.clone(),
        signing_keys: vec!["key".to_owned()],
        etag: String::new(),
    };
    assert_eq!(fields(&world.sources().set_signing_keys(keys).await.unwrap_err()), ["signing_keys"]);
    // What is larger than other providers' settings may be has room.
    let change = |code: &str| UpdateSourceRequest {
        source: Some(Source { settings: Some(of_a_tag(code)), ..tag.clone() }),
        update_mask: mask(&["settings"]),
    };
    let changed = world.sources().update_source(change(&"x".repeat(20_000))).await.unwrap().into_inner();
    assert_ne!(changed.browser.unwrap().scripts[0].sha256, script.sha256);
    let refused = world.sources().update_source(change(&"x".repeat(40_000))).await.unwrap_err();
    assert_eq!(fields(&refused), ["source.settings.scripts[0].code"]);

    let request = RotateSourceSecretRequest { name: tag.name.clone(), overlap: None };
    let rotated = world.sources().rotate_source_secret(request).await.unwrap().into_inner();
    let now = world.sources().get_source(get()).await.unwrap().into_inner().browser.unwrap();
    assert_eq!(rotated.webhook_url, now.collect_url);
    assert_ne!(now.write_key, browser.write_key);
}

#[tokio::test]
async fn keys_that_a_provider_could_not_sign_with_are_refused() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let request = |keys: &[&str]| CreateSourceRequest {
        parent: tenant.name.clone(),
        source: Some(Source {
            key: "hooks".to_owned(),
            display_name: "Hooks".to_owned(),
            provider: "standard_webhooks".to_owned(),
            ..Source::default()
        }),
        signing_keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        ..CreateSourceRequest::default()
    };
    let good = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let refused = world.sources().create_source(request(&[good, "not base64!"])).await.unwrap_err();
    assert_eq!(
        (refused.code(), fields(&refused)),
        (Code::InvalidArgument, vec!["signing_keys[1]".to_owned()])
    );
    let made = world.sources().create_source(request(&[good])).await.unwrap().into_inner().source.unwrap();
    let set = SetSigningKeysRequest {
        name: made.name,
        signing_keys: vec!["whpk_x".to_owned()],
        etag: String::new(),
    };
    let refused = world.sources().set_signing_keys(set).await.unwrap_err();
    assert_eq!(
        (refused.code(), fields(&refused)),
        (Code::InvalidArgument, vec!["signing_keys[0]".to_owned()])
    );
}
