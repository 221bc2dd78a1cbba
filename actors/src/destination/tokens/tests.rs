//! Access at work, with a token server.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
};

use futures::future::join_all;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tributary_connectors::destinations::find;
use tributary_egress::{Policy, SystemResolver};
use tributary_store::{
    Sealer, StoreOptions,
    destination::{Credential, NewDestination},
};

use super::*;
use crate::testing::{author, make_tenant};

/// A clock that stands where it is put.
#[derive(Debug, Default)]
struct Still(AtomicU64);

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000).plus(Duration::from_secs(self.0.load(Ordering::Relaxed)))
    }
}

/// A token server that answers each request as it is told.
struct Scene {
    tokens: Tokens,
    target: Target,
    clock: Arc<Still>,
    asked: Arc<AtomicUsize>,
    /// The refresh token that was used last.
    used: Arc<Mutex<String>>,
    answer: Arc<Mutex<&'static str>>,
    _folder: tempfile::TempDir,
}

const GRANTED: &str = "200 {\"access_token\":\"t\",\"expires_in\":3600}";
const REFUSED: &str = "400 {\"error\":\"invalid_grant\"}";
const BROKEN: &str = "503 {}";

impl Scene {
    async fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("binds");
        let url = format!("http://{}/token", listener.local_addr().expect("bound"));
        let (asked, answer) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(GRANTED)));
        let used = Arc::default();
        tokio::spawn(serve(listener, Arc::clone(&asked), Arc::clone(&used), Arc::clone(&answer)));
        let folder = tempfile::tempdir().expect("a temporary folder");
        let database = format!("sqlite://{}/store.db", folder.path().display());
        let store = Store::open(&database, StoreOptions::new(Sealer::new([7; 32]))).await.expect("opens");
        let policy = Policy { allow: vec!["127.0.0.0/8".parse().expect("a subnet")], ..Policy::default() };
        let egress = Egress::new(policy, Arc::new(SystemResolver::default())).expect("a client");
        let clock = Arc::new(Still::default());
        let tokens = Tokens::new(egress, Arc::<Still>::clone(&clock), store, Metrics::unread(), || 0.5);
        let secrets = [("client_secret", "s"), ("refresh_token", "r")];
        let target = Target {
            platform: find("google_ads").expect("a platform"),
            settings: json!({"customer_id": "1234567890", "conversions": {}, "client_id": "c", "token_url": url}),
            secrets: secrets.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect(),
            revision: 1,
            credential: Credential::UNKNOWN,
            event_names: BTreeMap::new(),
            consent: None,
            max_age: None,
            together: 1,
            concurrency: 1,
            pace: None,
        };
        Self { tokens, target, clock, asked, used, answer, _folder: folder }
    }

    fn answers(&self, answer: &'static str) {
        *self.answer.lock().expect("whole") = answer;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    fn pass(&self, seconds: u64) {
        self.clock.0.fetch_add(seconds, Ordering::Relaxed);
    }

    fn used(&self) -> String {
        self.used.lock().expect("whole").clone()
    }

    /// Has a database with the destination in it.
    async fn stored(&self) {
        let store = &self.tokens.store;
        store.migrate().await.expect("migrates");
        make_tenant(store, TenantId::new(1, 1)).await;
        let destination = NewDestination {
            id: DestinationId::new(1, 1),
            key: "ads".to_owned(),
            display_name: "Ads".to_owned(),
            platform: "google_ads".to_owned(),
            settings: self.target.settings.clone(),
            secrets: BTreeMap::from([(REFRESH_TOKEN.to_owned(), Secret::new("r"))]),
            filter: None,
            consent: None,
            event_names: BTreeMap::new(),
        };
        let scope = store.tenant(TenantId::new(1, 1));
        scope.create_destination(&destination, &author()).await.expect("makes a destination");
    }

    async fn kept(&self) -> String {
        let scope = self.tokens.store.tenant(TenantId::new(1, 1));
        let secrets = scope.destination_secrets(DestinationId::new(1, 1)).await.expect("reads");
        secrets[REFRESH_TOKEN].expose().to_owned()
    }

    /// What another revision of the record says, in which its owner changed something, and this is the refresh token.
    fn changes(&mut self, refresh: &str) {
        self.target.revision += 1;
        self.target.secrets = self.target.secrets.with(REFRESH_TOKEN, refresh);
    }

    async fn access(&self) -> Result<Access, Outcome> {
        let whose = (TenantId::new(1, 1), DestinationId::new(1, 1));
        self.tokens.access(whose, &self.target).await.map(|access| access.expect("one with tokens"))
    }
}

/// Each answer ends its connection: the next request comes with its own.
async fn serve(
    listener: TcpListener,
    asked: Arc<AtomicUsize>,
    used: Arc<Mutex<String>>,
    answer: Arc<Mutex<&'static str>>,
) {
    loop {
        let (mut stream, _) = listener.accept().await.expect("accepts");
        let (mut read, mut buffer) = (Vec::new(), [0; 4_096]);
        while !String::from_utf8_lossy(&read).contains("&refresh_token=") {
            let count = stream.read(&mut buffer).await.expect("reads");
            read.extend_from_slice(&buffer[..count]);
        }
        let form = String::from_utf8_lossy(&read).into_owned();
        *used.lock().expect("whole") = form.rsplit('=').next().unwrap_or_default().to_owned();
        asked.fetch_add(1, Ordering::Relaxed);
        let (status, body) = answer.lock().expect("whole").split_once(' ').expect("a status and a body");
        let head =
            format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).await.expect("writes");
    }
}

fn held(outcome: Result<Access, Outcome>) -> (Trouble, Option<Duration>) {
    match outcome.expect_err("there is none") {
        Outcome::Hold { trouble, after, .. } => (trouble, after),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_hundred_who_ask_at_once_get_one_token_and_it_is_kept_until_shortly_before_its_end() {
    let scene = Scene::new().await;
    let all = join_all((0..100).map(|_| scene.access())).await;
    assert!(all.iter().all(|access| access.as_ref().is_ok_and(|access| access.token == "t")), "{all:?}");
    assert_eq!((scene.asked(), all.iter().flatten().filter(|access| access.is_new).count()), (1, 1));
    scene.pass(55 * 60 - 1);
    assert!(!scene.access().await.expect("access").is_new);
    scene.pass(1);
    assert!(scene.access().await.expect("access").is_new);
    assert_eq!(scene.asked(), 2);
    // One that lasts shorter than what is kept ahead is used for half of its time.
    scene.pass(60 * 60);
    scene.answers("200 {\"access_token\":\"t\",\"expires_in\":60}");
    scene.access().await.expect("access");
    scene.pass(29);
    assert!(!scene.access().await.expect("access").is_new);
    scene.pass(1);
    assert!(scene.access().await.expect("access").is_new);
}

#[tokio::test]
async fn a_token_that_is_rejected_is_used_no_more_and_its_follower_is() {
    let scene = Scene::new().await;
    let first = scene.access().await.expect("access");
    let destination = DestinationId::new(1, 1);
    scene.tokens.reject(destination, &first).await;
    let second = scene.access().await.expect("access");
    // Others had the first one too.
    scene.tokens.reject(destination, &first).await;
    let third = scene.access().await.expect("access");
    assert_eq!((second.is_new, third.is_new, scene.asked()), (true, false, 2));
}

#[tokio::test]
async fn a_refusal_and_a_failure_are_the_answer_to_all_until_it_makes_sense_to_ask_again() {
    let scene = Scene::new().await;
    scene.answers(REFUSED);
    let all = join_all((0..100).map(|_| scene.access())).await;
    assert!(all.into_iter().all(|refused| held(refused) == (Trouble::Revoked, None)));
    assert_eq!(scene.asked(), 1);
    scene.answers(BROKEN);
    scene.pass(30);
    let mut waits = Vec::new();
    for _ in 0..9 {
        let (trouble, wait) = held(scene.access().await);
        assert_eq!((trouble, held(scene.access().await)), (Trouble::Expired, (Trouble::Expired, wait)));
        let wait = wait.expect("it may pass").as_secs();
        waits.push(wait);
        scene.pass(wait);
    }
    assert_eq!((scene.asked(), waits), (10, vec![2, 4, 8, 16, 32, 64, 128, 256, 300]));
    scene.answers(GRANTED);
    assert!(scene.access().await.is_ok());
}

#[tokio::test]
async fn what_is_entered_anew_is_asked_with_at_once_and_goes_to_no_server_of_before() {
    let mut scene = Scene::new().await;
    scene.answers(REFUSED);
    assert_eq!(held(scene.access().await).0, Trouble::Revoked);
    scene.answers(GRANTED);
    scene.target.revision = 2;
    assert!(scene.access().await.is_ok());
    scene.target.revision = 1;
    assert_eq!(held(scene.access().await), (Trouble::Expired, Some(Duration::ZERO)));
    assert_eq!(scene.asked(), 2);
    assert!(!format!("{:?}{:?}", scene.tokens, scene.target).contains("\"r\""));
}

#[tokio::test]
async fn a_new_refresh_token_outlives_a_change_of_the_destination_but_not_one_of_the_secret() {
    let mut scene = Scene::new().await;
    scene.stored().await;
    scene.answers("200 {\"access_token\":\"t\",\"expires_in\":3600,\"refresh_token\":\"r2\"}");
    scene.access().await.expect("access");
    assert_eq!((scene.used(), scene.kept().await), ("r".to_owned(), "r2".to_owned()));

    // Its record was changed, and read before the new one was written.
    scene.changes("r");
    scene.answers("200 {\"access_token\":\"t\",\"expires_in\":3600,\"refresh_token\":\"r3\"}");
    scene.access().await.expect("access");
    assert_eq!((scene.used(), scene.kept().await), ("r2".to_owned(), "r3".to_owned()));

    // The next one was read between the two, and the one after that has all of it.
    scene.changes("r2");
    scene.answers(GRANTED);
    scene.access().await.expect("access");
    assert_eq!(scene.used(), "r3");
    scene.changes("r3");
    scene.access().await.expect("access");
    assert_eq!((scene.used(), scene.kept().await), ("r3".to_owned(), "r3".to_owned()));

    // Its owner entered another one.
    scene.changes("own");
    scene.access().await.expect("access");
    assert_eq!(scene.used(), "own");
}

#[tokio::test]
async fn a_new_refresh_token_that_is_not_written_yet_is_used_and_written_later() {
    let mut scene = Scene::new().await;
    scene.answers("200 {\"access_token\":\"t\",\"expires_in\":3600,\"refresh_token\":\"r2\"}");
    let slot = scene.tokens.slot(DestinationId::new(1, 1));
    scene.access().await.expect("access");
    // The database did not take it.
    slot.lock().await.replaced = Some(Secret::new("r"));
    scene.stored().await;
    scene.changes("r");
    scene.answers(GRANTED);
    scene.access().await.expect("access");
    assert_eq!((scene.used(), scene.kept().await), ("r2".to_owned(), "r2".to_owned()));
    // What was entered meanwhile goes nowhere else.
    slot.lock().await.replaced = Some(Secret::new("elsewhere"));
    scene.changes("own");
    scene.access().await.expect("access");
    assert_eq!((scene.used(), scene.kept().await), ("own".to_owned(), "r2".to_owned()));
}

#[test]
fn a_key_that_is_none_signs_nothing() {
    for key in ["", "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n", "no pem"] {
        assert_eq!(sign::rs256("a.b", key), None);
    }
}
