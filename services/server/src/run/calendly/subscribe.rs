//! Making subscriptions at Calendly what they should be.

use std::collections::HashSet;

use tributary_connectors::sources::calendly::api::{
    ApiRequest, Owned, Problem, ProblemKind, Subscription, Wanted,
};
use tributary_store::{Secret, source::UrlSecret};

use super::{ask::Api, connect::unsubscribe};

/// What is to be there.
pub(super) struct Order<'a> {
    pub(super) owned: Owned<'a>,
    pub(super) wanted: Vec<Wanted>,
    /// Where deliveries are to be sent to.
    pub(super) url: String,
    /// What they are to be signed with.
    pub(super) key: &'a Secret,
    /// Whether what serves is made anew nevertheless: a new token has to show that it may.
    pub(super) is_renewed: bool,
    /// Subscriptions that were made with this key; what others are signed with cannot be read.
    pub(super) known: Vec<String>,
    /// The hashes of the secrets of the source's own URLs: what delivers there delivers twice.
    pub(super) own_hashes: HashSet<String>,
}

/// Why not everything could be made.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) problem: Problem,
    /// What was made before that.
    pub(super) made: Vec<String>,
}

impl Order<'_> {
    /// Makes what is wanted of what is `there`, and reads it back: what serves stays, what is in the way is removed. Returns
    /// the URIs of all that serve.
    ///
    /// # Errors
    /// What is in the way and cannot be removed, with what was made before.
    pub(super) async fn fulfil(
        &self,
        api: &Api<'_>,
        there: Vec<Subscription>,
    ) -> Result<Vec<String>, Failed> {
        let mut serving = Vec::new();
        let mut new = Vec::new();
        for wanted in &self.wanted {
            let serves = |one: &&Subscription| one.serves(wanted, &self.url) && self.known.contains(&one.uri);
            if let Some(kept) = there.iter().find(serves).filter(|_| !self.is_renewed) {
                serving.push(kept.uri.clone());
                continue;
            }
            match self.make(api, wanted, &there).await {
                Ok(uri) => new.push((uri, wanted)),
                Err(problem) => return Err(Failed { problem, made: uris(new) }),
            }
        }
        for (uri, wanted) in &new {
            if let Err(problem) = self.verify(api, uri, wanted).await {
                return Err(Failed { problem, made: uris(new) });
            }
        }
        serving.extend(uris(new));
        self.tidy(api, &there, &serving).await;
        Ok(serving)
    }

    async fn make(&self, api: &Api<'_>, wanted: &Wanted, there: &[Subscription]) -> Result<String, Problem> {
        self.clear(api, wanted, there).await?;
        let request = ApiRequest::subscribe(self.owned, wanted, &self.url, self.key.expose());
        let answer = match api.ask(&request).await {
            // One that was not in the list: made meanwhile, or in a list that was read before.
            Err(problem) if problem.kind == ProblemKind::Conflict => {
                let there = subscriptions(api, self.owned.account.owned(wanted.reach)).await?;
                self.clear(api, wanted, &there).await?;
                api.ask(&request).await?
            }
            answer => answer?,
        };
        let uri = answer["resource"]["uri"].as_str().filter(|uri| !uri.is_empty());
        uri.map(str::to_owned).ok_or_else(|| Problem::unexpected("the `uri` of the subscription"))
    }

    /// Removes what Calendly takes for the same as the wanted one: its URL and its reach.
    async fn clear(&self, api: &Api<'_>, wanted: &Wanted, there: &[Subscription]) -> Result<(), Problem> {
        let same = |one: &&Subscription| one.callback_url == self.url && one.reach == Some(wanted.reach);
        for one in there.iter().filter(same) {
            unsubscribe(api, &one.uri).await?;
        }
        Ok(())
    }

    async fn verify(&self, api: &Api<'_>, uri: &str, wanted: &Wanted) -> Result<(), Problem> {
        let answer = api.ask(&ApiRequest::subscription(uri)?).await?;
        let read = Subscription::read(&answer["resource"]);
        if read.is_some_and(|read| read.serves(wanted, &self.url)) {
            return Ok(());
        }
        let advice = "the subscription that calendly shows is not the one that was asked for: connect again";
        Err(Problem::new(ProblemKind::NotVerified, advice))
    }

    /// Removes what else delivers the same to the source: an earlier connection, or what somebody made by hand. What cannot be
    /// removed only delivers duplicates.
    async fn tidy(&self, api: &Api<'_>, there: &[Subscription], serving: &[String]) {
        let kinds: HashSet<&str> =
            self.wanted.iter().flat_map(|wanted| wanted.events.iter().copied()).collect();
        let leads_here = |one: &Subscription| {
            let secret = one.callback_url.rsplit('/').next().unwrap_or_default();
            one.callback_url == self.url || self.own_hashes.contains(&UrlSecret::hash_of(secret))
        };
        let is_covered = |one: &Subscription| {
            one.callback_url == self.url || one.events.iter().all(|event| kinds.contains(event.as_str()))
        };
        let others = there.iter().filter(|one| leads_here(one) && is_covered(one)).map(|one| &one.uri);
        let others: HashSet<&String> = others.chain(&self.known).collect();
        for uri in others.into_iter().filter(|uri| !serving.contains(*uri)) {
            if let Err(problem) = unsubscribe(api, uri).await {
                tracing::warn!(%problem, "a subscription that delivers the same is left at Calendly");
            }
        }
    }
}

fn uris(new: Vec<(String, &Wanted)>) -> Vec<String> {
    new.into_iter().map(|(uri, _)| uri).collect()
}

/// The subscriptions that there are.
pub(super) async fn subscriptions(api: &Api<'_>, owned: Owned<'_>) -> Result<Vec<Subscription>, Problem> {
    let found = api.list(&ApiRequest::subscriptions(owned)).await?;
    Ok(found.iter().filter_map(Subscription::read).collect())
}
