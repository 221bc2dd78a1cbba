//! Everything that was heard of a booking, and what it comes to. It is a set: what comes out depends on what is in it, and
//! not on the order in which it came.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::facts::{Paid, Stage};
use crate::{id::MessageId, time::Timestamp};

/// Messages of one booking that are remembered; what comes after so many changes nothing any more.
const MOST_FACTS: usize = 64;

/// A provider's key, by its hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyHash(pub [u8; 16]);

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl FromStr for KeyHash {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u128::from_str_radix(text, 16).map(|bits| Self(bits.to_be_bytes()))
    }
}

impl Serialize for KeyHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// What one message said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// The message.
    pub message: MessageId,
    /// The key of what it is about.
    pub key: KeyHash,
    /// The key before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<KeyHash>,
    /// The key since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<KeyHash>,
    /// What happened.
    pub stages: Vec<Stage>,
    /// When: by the provider, or else when the message was received.
    pub at: Timestamp,
    /// What was paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid: Option<Paid>,
}

impl Fact {
    /// All keys that it names: they are of one booking.
    pub fn keys(&self) -> impl Iterator<Item = KeyHash> + use<> {
        [Some(self.key), self.previous, self.next].into_iter().flatten()
    }

    fn has(&self, stage: Stage) -> bool {
        self.stages.contains(&stage)
    }
}

/// How a booking stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// It stands as it was made.
    Booked,
    /// It stands, and was moved at least once.
    Rescheduled,
    /// It was given up.
    Cancelled,
    /// Nobody came.
    NoShow,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Booked, Self::Rescheduled, Self::Cancelled, Self::NoShow];

    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Booked => "BOOKED",
            Self::Rescheduled => "RESCHEDULED",
            Self::Cancelled => "CANCELLED",
            Self::NoShow => "NO_SHOW",
        }
    }

    /// The state with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }
}

/// What was heard of a booking.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lineage {
    /// In the order of their messages.
    facts: Vec<Fact>,
}

impl Lineage {
    /// Takes a fact in; in place of what the same message said before, when it is read again. Says whether that changed
    /// anything: a booking of which too much was heard stays as it is.
    pub fn observe(&mut self, fact: Fact) -> bool {
        match self.facts.binary_search_by_key(&fact.message, |known| known.message) {
            Ok(at) if self.facts[at] == fact => false,
            Ok(at) => {
                self.facts[at] = fact;
                true
            }
            Err(_) if self.is_full() => false,
            Err(at) => {
                self.facts.insert(at, fact);
                true
            }
        }
    }

    /// Whether nothing more is taken in.
    pub fn is_full(&self) -> bool {
        self.facts.len() >= MOST_FACTS
    }

    /// Whether both can be one.
    pub fn fits(&self, other: &Self) -> bool {
        self.facts.len() + other.facts.len() <= MOST_FACTS
    }

    /// Takes in all that was heard of what turns out to be the same booking.
    pub fn join(&mut self, other: Self) {
        for fact in other.facts {
            self.observe(fact);
        }
    }

    /// What was heard, in the order of the messages.
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// All keys of the booking.
    pub fn keys(&self) -> BTreeSet<KeyHash> {
        self.facts.iter().flat_map(Fact::keys).collect()
    }

    /// The keys that it was moved away from.
    fn left(&self) -> BTreeSet<KeyHash> {
        let mut left = BTreeSet::new();
        for fact in &self.facts {
            left.extend(fact.previous.filter(|previous| *previous != fact.key));
            if fact.next.is_some_and(|next| next != fact.key) || fact.has(Stage::Moved) {
                left.insert(fact.key);
            }
        }
        left
    }

    /// The keys that it has now: one, unless the provider contradicts itself, or has not said yet where it was moved to.
    pub fn current(&self) -> BTreeSet<KeyHash> {
        let left = self.left();
        self.keys().into_iter().filter(|key| !left.contains(key)).collect()
    }

    /// How it stands. A key that was cancelled stays so, whatever the times say: providers make a new one of what is booked
    /// again. Marks that nobody came are taken back, so of those the last one counts, by the provider's time.
    pub fn state(&self) -> State {
        let (left, current) = (self.left(), self.current());
        let standing: Vec<KeyHash> =
            current.iter().copied().filter(|key| !self.is_of(*key, Stage::Cancelled)).collect();
        if !current.is_empty() && standing.is_empty() {
            State::Cancelled
        } else if !standing.is_empty() && standing.iter().all(|key| self.is_no_show(*key)) {
            State::NoShow
        } else if left.is_empty() {
            State::Booked
        } else {
            State::Rescheduled
        }
    }

    /// The fact that tells of the first payment.
    pub fn paid(&self) -> Option<&Fact> {
        let paid = self.facts.iter().filter(|fact| fact.has(Stage::Paid));
        paid.min_by_key(|fact| (fact.at, fact.message))
    }

    fn is_of(&self, key: KeyHash, stage: Stage) -> bool {
        self.facts.iter().any(|fact| fact.key == key && fact.has(stage))
    }

    fn is_no_show(&self, key: KeyHash) -> bool {
        let marks = self.facts.iter().filter(|fact| fact.key == key).flat_map(|fact| {
            let marks =
                fact.stages.iter().filter(|stage| matches!(stage, Stage::NoShow | Stage::NoShowRemoved));
            marks.map(|mark| (fact.at, *mark))
        });
        marks.max().is_some_and(|(_, mark)| mark == Stage::NoShow)
    }
}
