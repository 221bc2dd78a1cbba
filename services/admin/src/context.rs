//! What the services share.

use std::{fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use tributary_domain::time::Clock;
use tributary_egress::Egress;
use tributary_store::{Store, audit::Author};

use crate::{calendly::Calendly, house::House, page::List, source::browser};

/// Gives 128 bits that nobody can guess.
pub type Random = Arc<dyn Fn() -> u128 + Send + Sync>;

/// What the services are given: the store, the running house, time and randomness.
#[derive(Clone)]
pub struct AdminContext {
    /// Where everything is kept.
    pub store: Arc<Store>,
    /// The running house.
    pub house: Arc<dyn House>,
    /// Calendly's API.
    pub calendly: Arc<dyn Calendly>,
    /// What destinations are tried with: the client that deliveries go through.
    pub egress: Egress,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for ids and secrets.
    pub random: Random,
    /// What webhook URLs are built from, such as `https://in.example.com`; without a slash at its end.
    pub public_url: String,
}

impl fmt::Debug for AdminContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminContext").field("public_url", &self.public_url).finish_non_exhaustive()
    }
}

impl AdminContext {
    /// The list that `call` makes of these `parts`: its parent, its filter and whatever else decides what is in it.
    pub(crate) fn list(&self, call: &str, parts: &[&str]) -> List {
        List::new(self.store.key("page tokens"), call, parts)
    }

    /// What a new id is made of: the milliseconds of `author`'s change and random bits.
    pub(crate) fn id_parts(&self, author: &Author) -> (u64, u128) {
        (author.at.millis(), (self.random)())
    }

    /// A secret for a webhook URL: 256 random bits as base64url.
    pub(crate) fn url_secret(&self) -> String {
        let bits = [(self.random)().to_be_bytes(), (self.random)().to_be_bytes()].concat();
        URL_SAFE_NO_PAD.encode(bits)
    }

    /// Where senders to a source of `provider` post to, with this secret.
    pub(crate) fn webhook_url(&self, provider: &str, secret: &str) -> String {
        let path = if browser::is_public(provider) { "collect" } else { "in" };
        format!("{}/{path}/{secret}", self.public_url)
    }
}
