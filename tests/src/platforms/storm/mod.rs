//! All platforms on a bad day: each destination has a place of its own here, below which the platforms are as they always
//! are, but for what goes wrong. What went wrong with which order is kept, and is the same for the same seed, whatever comes
//! first.

mod fault;
mod order;
mod wire;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

pub use self::fault::Fault;
use self::fault::partial;
use super::{Answer, Asked, CREDENTIAL, Google, route};

/// The credential that platforms take once the first one has expired.
pub const RENEWED: &str = "another-one-of-a-test";

/// Most faults that one order meets at one place: fewer than it has tries.
const MOST_FAULTS: usize = 5;
/// Of a hundred requests, so many are not answered as they should be.
const SHARE: u64 = 30;

/// What goes wrong with token servers: each token is given after all of this.
const OUTAGE: [Fault; 4] = [Fault::Down(500), Fault::Hang, Fault::Down(503), Fault::Reset];
/// After so many requests that take an access token, all that were given end.
const TOKENS_END: usize = 25;

/// Platforms that misbehave, until this is dropped.
#[derive(Debug)]
pub struct Storm {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

/// Where a request told of an order, by the place and the order's number.
pub type Told = (usize, u32);

/// What came of an order in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// When.
    pub at: Instant,
    /// What was wrong with the answer; nothing: it was as it should be.
    pub fault: Option<Fault>,
    /// Whether the platform has the event.
    pub took: bool,
    /// The delivery's id, where the request has it.
    pub delivery: String,
}

#[derive(Debug, Default)]
struct State {
    /// What faults are drawn by; none: nothing goes wrong by chance.
    seed: Option<u64>,
    /// What goes wrong with every request of a place.
    always: BTreeMap<usize, Fault>,
    /// After how many requests the credential of a place expires.
    expires: BTreeMap<usize, usize>,
    requests: BTreeMap<usize, usize>,
    /// How often a place was asked for a token.
    asked_for_token: BTreeMap<usize, usize>,
    /// How many requests took an access token.
    with_token: usize,
    seen: BTreeMap<Told, Vec<Seen>>,
    handshakes: usize,
    wrong: Vec<String>,
    google: Google,
}

/// What to answer, and how.
struct Play {
    answer: Answer,
    fault: Option<Fault>,
}

impl Storm {
    /// Listens, on a thread of its own.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("bound");
        let state = Arc::new(Mutex::new(State::default()));
        let (end, ended) = oneshot::channel();
        let shared = Arc::clone(&state);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let thread = thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = listen(listener, shared) => {}
                    _ = ended => {}
                }
            });
        });
        Self { address, state, end: Some(end), thread: Some(thread) }
    }

    /// What order `number` is called.
    pub fn order(number: u32) -> String {
        order::name(number)
    }

    /// The base of a place, below which are all platforms; with TLS, of which it understands nothing.
    pub fn url(&self, place: usize, is_tls: bool) -> String {
        let scheme = if is_tls { "https" } else { "http" };
        format!("{scheme}://{}/to/{place}", self.address)
    }

    /// From now on faults come by chance.
    pub fn rages(&self, seed: u64) {
        self.state().seed = Some(seed);
    }

    /// From now on this goes wrong with every request of a place; nothing: none does.
    pub fn always(&self, place: usize, fault: Option<Fault>) {
        match fault {
            Some(fault) => self.state().always.insert(place, fault),
            None => self.state().always.remove(&place),
        };
    }

    /// After so many requests a place takes no credential but [`RENEWED`].
    pub fn expires(&self, place: usize, requests: usize) {
        self.state().expires.insert(place, requests);
    }

    /// How many orders the platforms have, each counted at each place that `counts`.
    pub fn taken(&self, counts: impl Fn(usize) -> bool) -> usize {
        let state = self.state();
        let taken = |(told, all): &(&Told, &Vec<Seen>)| counts(told.0) && all.iter().any(|seen| seen.took);
        state.seen.iter().filter(taken).count()
    }

    /// What came of each order at each place.
    pub fn seen(&self) -> BTreeMap<Told, Vec<Seen>> {
        self.state().seen.clone()
    }

    /// How often somebody wanted to speak TLS.
    pub fn handshakes(&self) -> usize {
        self.state().handshakes
    }

    /// How often access was given after the token server had failed for a while.
    pub fn outages(&self) -> usize {
        self.state().outages()
    }

    /// What requests had that no platform takes.
    pub fn wrong(&self) -> Vec<String> {
        self.state().wrong.clone()
    }

    /// The orders that came again to a place sooner than it had asked for, if everything goes `hurry` times as fast.
    pub fn hasty(&self, hurry: u32) -> BTreeSet<Told> {
        let state = self.state();
        let too_soon = |pair: &[Seen]| match pair[0].fault {
            Some(Fault::Busy(Some(seconds))) => {
                pair[1].at - pair[0].at < Duration::from_secs(seconds.into()) / hurry
            }
            _ => false,
        };
        let hasty = state.seen.iter().filter(|(_, seen)| seen.windows(2).any(too_soon));
        hasty.map(|(told, _)| *told).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("whole")
    }
}

impl Drop for Storm {
    fn drop(&mut self) {
        // Its thread ends at once, if it has not already.
        self.end.take().map(|end| end.send(()));
        self.thread.take().map(thread::JoinHandle::join);
    }
}

async fn listen(listener: std::net::TcpListener, state: Arc<Mutex<State>>) {
    let listener = TcpListener::from_std(listener).expect("a listener");
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        // Who goes away is nothing to tell of.
        tokio::spawn(connection(stream, Arc::clone(&state)));
    }
}

async fn connection(mut stream: TcpStream, state: Arc<Mutex<State>>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    if wire::is_tls(&stream).await {
        state.lock().expect("whole").handshakes += 1;
        return stream.write_all(b"HTTP/1.1 400 -\r\ncontent-length: 0\r\n\r\n").await;
    }
    let mut buffer = Vec::new();
    while let Some(asked) = wire::read(&mut stream, &mut buffer).await? {
        let Play { answer, fault } = state.lock().expect("whole").take(asked);
        match fault {
            None => wire::write(&mut stream, &answer, "content-type: application/json\r\n").await?,
            Some(fault) if fault.play(&mut stream, &answer).await? => {}
            Some(_) => break,
        }
    }
    Ok(())
}

impl State {
    fn take(&mut self, mut asked: Asked) -> Play {
        let rest = asked.path.strip_prefix("/to/").and_then(|rest| rest.split_once('/'));
        let place = rest.and_then(|(place, path)| Some((place.parse::<usize>().ok()?, path)));
        let Some((place, path)) = place else {
            self.wrong.push(format!("{} is no place", asked.path));
            return Play { answer: Answer::fine(404, &json!(null)), fault: None };
        };
        asked.path = format!("/{path}");
        let requests = self.requests.entry(place).or_default();
        *requests += 1;
        let has_expired = self.expires.get(&place).is_some_and(|after| *requests > *after);
        let is_renewed = has_expired && renew(&mut asked);
        let (platform, right) = match asked.path.as_str() {
            "/hook" => ("webhook", Answer::fine(200, &json!({"received": true}))),
            _ => route(&asked, &self.google),
        };
        let orders = order::orders(&asked.body);
        let is_right = right.wrong.is_empty();
        // Its time was over before anybody could know.
        let is_over = platform == "google_ads" && right.status == 401;
        if !is_right && !is_over && (!has_expired || is_renewed) {
            self.wrong.push(format!("{platform}: {}", right.wrong));
        }
        if is_over {
            return Play { answer: right, fault: None };
        }
        let outage = self.outage(place, platform);
        let by_chance =
            self.fault(place, orders.first().copied()).filter(|_| is_right).map(|fault| fault.at(platform));
        let fault = outage.or(by_chance);
        let refused = self.refused(place, &orders, fault);
        let delivery = asked.header("webhook-id").to_owned();
        for order in orders {
            let nth = self.seen.get(&(place, order)).map_or(0, Vec::len);
            let coin = self.roll(place, order, nth, "took").is_multiple_of(2);
            let is_fine = fault == Some(Fault::Partial) && !refused.contains(&order);
            let seen = Seen {
                at: Instant::now(),
                fault: fault.filter(|_| !is_fine),
                took: is_right && (is_fine || fault.is_none_or(|fault| fault.takes(coin))),
                delivery: delivery.clone(),
            };
            self.seen.entry((place, order)).or_default().push(seen);
        }
        let answer = if fault == Some(Fault::Partial) { partial(platform, &asked, &refused) } else { right };
        Play { answer, fault }
    }

    /// What goes wrong with a place's token server, and that tokens end.
    fn outage(&mut self, place: usize, platform: &str) -> Option<Fault> {
        self.seed?;
        match platform {
            "google_tokens" => {
                let asked = self.asked_for_token.entry(place).or_default();
                *asked += 1;
                OUTAGE.get((*asked - 1) % (OUTAGE.len() + 1)).copied()
            }
            "google_ads" => {
                self.with_token += 1;
                if self.with_token.is_multiple_of(TOKENS_END) {
                    self.google.end_tokens();
                }
                None
            }
            _ => None,
        }
    }

    /// How many tokens were given, each after all that goes wrong before.
    fn outages(&self) -> usize {
        self.asked_for_token.values().map(|asked| asked / (OUTAGE.len() + 1)).sum()
    }

    /// What goes wrong with the next request of which this is the first order, if it tells of any.
    fn fault(&self, place: usize, order: Option<u32>) -> Option<Fault> {
        if let Some(fault) = self.always.get(&place) {
            return Some(*fault);
        }
        self.seed?;
        let met =
            order.and_then(|order| self.seen.get(&(place, order))).map(Vec::as_slice).unwrap_or_default();
        let nth = if order.is_some() { met.len() } else { self.requests.get(&place).copied()? };
        let order = order.unwrap_or_default();
        let is_ill = self.roll(place, order, nth, "whether") % 100 < SHARE;
        let has_met_most = met.iter().filter(|seen| seen.fault.is_some()).count() >= MOST_FAULTS;
        (is_ill && !has_met_most).then(|| Fault::any(self.roll(place, order, nth, "which")))
    }

    /// Which of these orders a platform does not take that takes others: the first, and about half of the rest.
    fn refused(&self, place: usize, orders: &[u32], fault: Option<Fault>) -> Vec<u32> {
        if fault != Some(Fault::Partial) {
            return Vec::new();
        }
        let is_refused = |order: &u32| {
            let met = self.seen.get(&(place, *order)).map(Vec::as_slice).unwrap_or_default();
            let faults = met.iter().filter(|seen| seen.fault.is_some()).count();
            let is_first = orders.first() == Some(order);
            faults < MOST_FAULTS
                && (is_first || self.roll(place, *order, met.len(), "partial").is_multiple_of(2))
        };
        orders.iter().copied().filter(is_refused).collect()
    }

    /// A number that is as good as random, and always the same for the same question.
    fn roll(&self, place: usize, order: u32, nth: usize, what: &str) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        (self.seed, place, order, nth, what).hash(&mut hasher);
        hasher.finish()
    }
}

/// Makes the first credential one that is not valid, and the other one valid; says whether it was the other one.
fn renew(asked: &mut Asked) -> bool {
    let mut is_renewed = false;
    let mut swap = |text: &str| {
        is_renewed |= text.contains(RENEWED);
        text.replace(CREDENTIAL, "expired").replace(RENEWED, CREDENTIAL)
    };
    asked.path = swap(&asked.path);
    asked.query.values_mut().for_each(|value| *value = swap(value));
    for value in asked.headers.values_mut() {
        let swapped = value.to_str().ok().and_then(|text| swap(text).parse().ok());
        if let Some(swapped) = swapped {
            *value = swapped;
        }
    }
    is_renewed
}
