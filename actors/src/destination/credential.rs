//! How the credential of a destination stands. Where it is not taken, everything waits: one delivery asks from time to time
//! whether it is taken again, so that nothing burns its tries, and what waits goes on by itself.

use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use tributary_connectors::destinations::{Outcome, Trouble};
use tributary_domain::time::Timestamp;
use tributary_store::destination::{Credential, CredentialState};
use tributary_telemetry::{Holding, Metrics};

use super::{actor::DestinationActor, tried::Tried};
use crate::faults::Hurry;

/// How long after the first refusal is asked whether the credential is taken again; each further one doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(60);
/// The longest such wait: a right that is granted at the platform shows within it.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);
/// The wait after an attempt that said nothing of the credential.
const UNSAID_WAIT: Duration = Duration::from_secs(5);
/// The end of a credential is told anew when it moved by more than this.
const SAME_END: Duration = Duration::from_secs(60 * 60);
/// The wait before the database is asked again to take what it did not.
const RETRY_WRITE: Duration = Duration::from_millis(200);

/// Whether a delivery may be sent, as far as the credential goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may.
    Send,
    /// One may, to find out; where it goes, [`Standing::probes`] is told.
    Probe,
    /// None may before this time; none: before the one that finds out has ended.
    Wait(Option<Timestamp>),
}

/// How the credential stands, as far as it is known in memory.
#[derive(Debug)]
pub(super) struct Standing {
    /// Of which revision of the destination's record.
    revision: u64,
    known: Credential,
    hold: Option<Hold>,
    /// Whether what is known is not written yet.
    is_unwritten: bool,
    is_writing: bool,
    hurry: Hurry,
}

/// While nothing is sent.
#[derive(Debug)]
struct Hold {
    next: Timestamp,
    refusals: u32,
    is_probing: bool,
    /// Counted as long as it lasts.
    _counted: Option<Holding>,
}

impl Standing {
    pub(super) fn unknown(hurry: Hurry) -> Self {
        let known = Credential::UNKNOWN;
        Self { revision: 0, known, hold: None, is_unwritten: false, is_writing: false, hurry }
    }

    /// Takes over what is stored of the destination's record of this revision. What was refused before may be taken now: that
    /// is asked at once.
    pub(super) fn loaded(&mut self, stored: &Credential, revision: u64, now: Timestamp) {
        // What came of attempts with this very record is newer than what is stored.
        if self.revision == revision {
            return;
        }
        *self = Self { revision, known: stored.clone(), ..Self::unknown(self.hurry) };
        if stored.state.is_trouble() {
            self.hold = Some(Hold { next: now, refusals: 0, is_probing: false, _counted: None });
        }
    }

    /// Whether a delivery may be sent at `now`.
    pub(super) fn admit(&self, now: Timestamp) -> Admission {
        match &self.hold {
            None => Admission::Send,
            Some(hold) if hold.is_probing => Admission::Wait(None),
            Some(hold) if now < hold.next => Admission::Wait(Some(hold.next)),
            Some(_) => Admission::Probe,
        }
    }

    /// One is sent to find out.
    pub(super) fn probes(&mut self) {
        if let Some(hold) = &mut self.hold {
            hold.is_probing = true;
        }
    }

    /// The one that was to find out was not sent after all.
    pub(super) fn withdrawn(&mut self) {
        if let Some(hold) = &mut self.hold {
            hold.is_probing = false;
        }
    }

    /// Learns from an attempt that was made with the record of `revision`.
    pub(super) fn tried(
        &mut self,
        revision: u64,
        tried: &Tried,
        now: Timestamp,
        metrics: &Metrics,
        platform: &'static str,
    ) {
        if revision != self.revision {
            return;
        }
        match &tried.outcome {
            Outcome::Hold { trouble, after, reason } => {
                let state = state_of(*trouble);
                let (refusals, was_probing) =
                    self.hold.as_ref().map_or((0, true), |hold| (hold.refusals, hold.is_probing));
                // Of many that are refused at once, the first one counts.
                if was_probing {
                    let wait = FIRST_WAIT.saturating_mul(1 << refusals.min(6)).min(LONGEST_WAIT);
                    let hold = Hold {
                        next: now.plus(self.hurry.of(after.unwrap_or(wait))),
                        refusals: refusals.saturating_add(1),
                        is_probing: false,
                        _counted: Some(metrics.holding(platform, state.code())),
                    };
                    self.hold = Some(hold);
                }
                self.tell(state, reason, None, now);
            }
            Outcome::Delivered => self.works(tried.credential_ends, now),
            // Who says what is wrong with an event has taken the credential.
            Outcome::Permanent { .. } if tried.status.is_some() => self.works(tried.credential_ends, now),
            _ => {
                if let Some(hold) = self.hold.as_mut().filter(|hold| hold.is_probing) {
                    hold.is_probing = false;
                    hold.next = now.plus(self.hurry.of(UNSAID_WAIT));
                }
            }
        }
    }

    fn works(&mut self, ends: Option<Timestamp>, now: Timestamp) {
        self.hold = None;
        self.tell(CredentialState::Valid, "", ends, now);
    }

    /// Notes how it stands, to be written where that is something new.
    fn tell(&mut self, state: CredentialState, reason: &str, ends: Option<Timestamp>, now: Timestamp) {
        let known = &self.known;
        let moved = match (known.expires_at, ends) {
            (Some(before), Some(after)) => before.since(after).max(after.since(before)) > SAME_END,
            (before, after) => before != after,
        };
        if known.state == state && known.reason == reason && !moved {
            return;
        }
        let since = if known.state == state { known.since.or(Some(now)) } else { Some(now) };
        self.known = Credential { state, reason: reason.to_owned(), since, expires_at: ends };
        self.is_unwritten = true;
    }

    /// Whether all that is known is written.
    pub(super) fn is_written(&self) -> bool {
        !self.is_unwritten && !self.is_writing
    }
}

fn state_of(trouble: Trouble) -> CredentialState {
    match trouble {
        Trouble::Expired => CredentialState::Expired,
        Trouble::Revoked => CredentialState::Revoked,
        Trouble::ScopeMissing => CredentialState::ScopeMissing,
    }
}

impl DestinationActor {
    /// Writes how the credential stands, if that is not written; tries again until the database takes it.
    pub(super) fn write_credential(&mut self, context: &mut Context<Self>) {
        let standing = &mut self.credential;
        if standing.is_writing || !standing.is_unwritten {
            return;
        }
        (standing.is_writing, standing.is_unwritten) = (true, false);
        let (revision, known) = (standing.revision, standing.known.clone());
        let (store, tenant, destination) = (self.store.clone(), self.tenant, self.destination);
        let write = async move { store.tenant(tenant).set_credential(destination, revision, &known).await };
        context.spawn(write.into_actor(self).map(|outcome, actor, context| {
            actor.credential.is_writing = false;
            match outcome {
                Err(error) if error.is_transient() => {
                    tracing::warn!(%error, destination = %actor.destination, "how the credential stands is not written yet");
                    actor.credential.is_unwritten = true;
                    context.run_later(RETRY_WRITE, |actor, context| actor.write_credential(context));
                }
                Err(error) => {
                    tracing::error!(%error, destination = %actor.destination, "how the credential stands is not written");
                }
                // Where the destination was changed meanwhile, it stands for nothing any more.
                Ok(_) => actor.write_credential(context),
            }
            actor.answer_drained();
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(second)
    }

    fn standing() -> Standing {
        let mut standing = Standing::unknown(Hurry::NONE);
        standing.loaded(&Credential::UNKNOWN, 1, at(0));
        standing
    }

    fn tried(outcome: Outcome) -> Tried {
        Tried::failed(at(0), Duration::ZERO, "", outcome)
    }

    fn told(standing: &mut Standing, revision: u64, outcome: Outcome, second: i64) {
        let tried = Tried { status: Some(200), ..tried(outcome) };
        standing.tried(revision, &tried, at(second), &Metrics::unread(), "meta");
    }

    fn refused(after: Option<u64>) -> Outcome {
        let after = after.map(Duration::from_secs);
        Outcome::Hold { trouble: Trouble::Revoked, after, reason: "revoked".to_owned() }
    }

    fn retry() -> Outcome {
        Outcome::Retry { after: None, reason: "later".to_owned() }
    }

    #[test]
    fn a_refusal_holds_all_and_one_asks_from_time_to_time() {
        let mut standing = standing();
        assert_eq!(standing.admit(at(0)), Admission::Send);
        // Many hear it at once, and are one refusal.
        (0..64).for_each(|_| told(&mut standing, 1, refused(None), 0));
        assert_eq!(standing.admit(at(1)), Admission::Wait(Some(at(60))));
        assert_eq!((standing.known.state, standing.known.since), (CredentialState::Revoked, Some(at(0))));
        let (mut now, mut waits) = (60, Vec::new());
        for _ in 0..8 {
            assert_eq!(standing.admit(at(now)), Admission::Probe);
            standing.probes();
            assert_eq!(standing.admit(at(now)), Admission::Wait(None), "one at a time");
            told(&mut standing, 1, refused(None), now);
            let Admission::Wait(Some(next)) = standing.admit(at(now)) else { panic!("it holds") };
            waits.push(next.seconds() - now);
            now = next.seconds();
        }
        assert_eq!(waits, [120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600]);
        standing.probes();
        told(&mut standing, 1, Outcome::Delivered, now);
        assert_eq!(
            (standing.admit(at(now)), standing.known.state),
            (Admission::Send, CredentialState::Valid)
        );
    }

    #[test]
    fn what_says_nothing_of_the_credential_neither_holds_nor_frees() {
        let mut standing = standing();
        told(&mut standing, 1, retry(), 0);
        assert_eq!(
            (standing.admit(at(0)), standing.known.state),
            (Admission::Send, CredentialState::Unknown)
        );
        told(&mut standing, 1, refused(Some(3)), 0);
        assert_eq!(standing.admit(at(2)), Admission::Wait(Some(at(3))), "as soon as it makes sense");
        standing.probes();
        told(&mut standing, 1, retry(), 4);
        assert_eq!(standing.admit(at(4)), Admission::Wait(Some(at(9))));
        standing.probes();
        standing.withdrawn();
        assert_eq!(standing.admit(at(9)), Admission::Probe);
        // An event that is wrong was read, so the credential was taken.
        told(&mut standing, 1, Outcome::Permanent { reason: "no".to_owned() }, 9);
        assert_eq!(standing.admit(at(9)), Admission::Send);
    }

    #[test]
    fn another_credential_is_asked_at_once_and_what_came_of_the_old_one_counts_no_more() {
        let mut standing = standing();
        told(&mut standing, 1, refused(None), 0);
        standing.loaded(&Credential::UNKNOWN, 1, at(1));
        assert_ne!(standing.admit(at(1)), Admission::Send, "it is still the same");
        standing.loaded(&Credential::UNKNOWN, 2, at(1));
        assert_eq!(standing.admit(at(1)), Admission::Send);
        told(&mut standing, 1, refused(None), 2);
        assert_eq!(standing.admit(at(2)), Admission::Send, "that was the old one");
        let stored = Credential { state: CredentialState::Expired, ..Credential::UNKNOWN };
        standing.loaded(&stored, 3, at(3));
        assert_eq!(standing.admit(at(3)), Admission::Probe, "as after a start");
    }

    #[test]
    fn only_what_is_new_is_written() {
        let mut standing = standing();
        let mut is_new = |outcome: Outcome, ends: Option<i64>, second| {
            let tried = Tried { credential_ends: ends.map(at), ..tried(outcome) };
            standing.tried(1, &tried, at(second), &Metrics::unread(), "meta");
            std::mem::take(&mut standing.is_unwritten)
        };
        assert!(is_new(Outcome::Delivered, None, 0));
        assert!(!is_new(Outcome::Delivered, None, 1));
        assert!(is_new(Outcome::Delivered, Some(600_000), 2));
        assert!(!is_new(Outcome::Delivered, Some(600_009), 3), "the same end");
        assert!(is_new(Outcome::Delivered, Some(700_000), 4));
        assert!(is_new(refused(None), None, 5));
        assert!(!is_new(refused(None), None, 6));
    }
}
