//! Prefixed, sortable ids.
//!
//! An id is a kind prefix and 26 characters of Crockford base32 in lower case: 48 bits of milliseconds and
//! 80 bits of randomness, as a ULID has them, so that text order is time order. Events and deliveries carry the
//! id of their message and 13 more characters that are derived, so that a replay makes the same id again
//! (invariant 9) and everything of one message is one key range.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

use crate::booking::FollowUpKind;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const BODY: usize = 26;
const TAIL: usize = 13;

/// A text that is not an id of the kind that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid id: expected `{prefix}_` and {length} characters of lower-case base32")]
pub struct InvalidId {
    /// The prefix that was expected.
    pub prefix: &'static str,
    /// How many characters have to follow the prefix.
    pub length: usize,
}

/// Fills `out` with the digits of `bits`.
fn encode(mut bits: u128, out: &mut [u8]) {
    for slot in out.iter_mut().rev() {
        *slot = ALPHABET[(bits & 31) as usize];
        bits >>= 5;
    }
}

/// An id's characters as text: all are ASCII.
fn text(characters: &[u8]) -> &str {
    str::from_utf8(characters).unwrap_or_default()
}

fn decode(text: &str) -> Option<u128> {
    let mut bits = 0_u128;
    for byte in text.bytes() {
        let digit = ALPHABET.iter().position(|letter| *letter == byte)?;
        bits = bits.checked_mul(32)?.checked_add(digit as u128)?;
    }
    Some(bits)
}

/// The 128 bits of a sortable id: `millis` since the epoch (48 bits) above `random` (80 bits).
fn sortable(millis: u64, random: u128) -> u128 {
    (u128::from(millis & ((1 << 48) - 1)) << 80) | (random & ((1 << 80) - 1))
}

fn text_impls(name: &'static str) -> String {
    format!("a {name} id")
}

macro_rules! text_id {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl de::Visitor<'_> for Visitor {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(&text_impls(stringify!($name)))
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Visitor)
            }
        }
    };
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// What the text of such an id starts with, without the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// Makes an id of a time in milliseconds since the epoch and 80 random bits.
            pub fn new(millis: u64, random: u128) -> Self {
                Self(sortable(millis, random))
            }

            /// The milliseconds since the epoch that it begins with.
            pub fn millis(self) -> u64 {
                // 48 bits fit.
                u64::try_from(self.bits() >> 80).unwrap_or_default()
            }

            /// The id's 128 bits.
            pub fn bits(self) -> u128 {
                self.0
            }


            /// The id that has these bits.
            pub fn from_bits(bits: u128) -> Self {
                Self(bits)
            }

            /// Derives an id that is the same for the same `message` and `parts`, and sorts with the message.
            pub fn derived(message: MessageId, parts: &[&[u8]]) -> Self {
                let digest = digest($prefix, message, parts);
                let mut random = [0_u8; 16];
                random[6..].copy_from_slice(&digest[..10]);
                Self::new((message.0 >> 80) as u64, u128::from_be_bytes(random))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                const HEAD: &[u8] = concat!($prefix, "_").as_bytes();
                let mut all = [0; HEAD.len() + BODY];
                let (head, body) = all.split_at_mut(HEAD.len());
                head.copy_from_slice(HEAD);
                encode(self.0, body);
                f.write_str(text(&all))
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.strip_prefix(concat!($prefix, "_"))
                    .filter(|body| body.len() == BODY)
                    .and_then(decode)
                    .map(Self)
                    .ok_or(InvalidId { prefix: $prefix, length: BODY })
            }
        }

        text_id!($name);
    };
}

macro_rules! message_part_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            message: u128,
            part: u64,
        }

        impl $name {
            /// What the text of such an id starts with, without the underscore.
            pub const PREFIX: &'static str = $prefix;

            fn of(message: MessageId, parts: &[&[u8]]) -> Self {
                let digest = digest($prefix, message, parts);
                let mut part = [0_u8; 8];
                part.copy_from_slice(&digest[..8]);
                Self { message: message.0, part: u64::from_be_bytes(part) }
            }

            /// The message it belongs to.
            pub fn message(self) -> MessageId {
                MessageId(self.message)
            }

            /// The smallest and the largest id that a part of `message` can have: its key range.
            pub fn range(message: MessageId) -> (Self, Self) {
                (Self { message: message.0, part: 0 }, Self { message: message.0, part: u64::MAX })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                const HEAD: &[u8] = concat!($prefix, "_").as_bytes();
                let mut all = [0; HEAD.len() + BODY + TAIL];
                let (head, rest) = all.split_at_mut(HEAD.len());
                let (body, tail) = rest.split_at_mut(BODY);
                head.copy_from_slice(HEAD);
                encode(self.message, body);
                encode(u128::from(self.part), tail);
                f.write_str(text(&all))
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let parts = text
                    .strip_prefix(concat!($prefix, "_"))
                    .filter(|body| body.len() == BODY + TAIL && body.is_ascii())
                    .map(|body| body.split_at(BODY));
                parts
                    .and_then(|(message, part)| {
                        Some(Self { message: decode(message)?, part: u64::try_from(decode(part)?).ok()? })
                    })
                    .ok_or(InvalidId { prefix: $prefix, length: BODY + TAIL })
            }
        }

        text_id!($name);
    };
}

fn digest(kind: &str, message: MessageId, parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(kind.as_bytes());
    hasher.update(message.0.to_be_bytes());
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

id!(/// An agency: owns tenants.
    AgencyId, "agc");
id!(/// A tenant: one client account.
    TenantId, "ten");
id!(/// A source: where messages come from.
    SourceId, "src");
id!(/// A workflow: turns a source's message into events.
    WorkflowId, "wfl");
id!(/// A destination: where events are forwarded.
    DestinationId, "dst");
id!(/// A message: one inbound webhook.
    MessageId, "msg");
id!(/// A profile: one person of a tenant.
    ProfileId, "prf");
id!(/// A group: an account or company that profiles belong to.
    GroupId, "grp");
id!(/// A conflict: a join of two people that was refused.
    ConflictId, "cfl");
id!(/// A blocked value: an identifier that is no evidence.
    BlockId, "blk");
id!(/// A merge: two profiles that became one.
    MergeId, "mrg");
id!(/// A conversion: one booking, however often it is moved.
    ConversionId, "cnv");
id!(/// A ledger command: an administrator's change that the ledger applies between batches.
    CommandId, "cmd");
id!(/// A suppression: an identifier that is not processed. Its bits are a keyed hash of the identifier.
    SuppressionId, "sup");
id!(/// An operation: long work that goes on behind the call that began it.
    OperationId, "opn");
id!(/// A refused request: what came to the door and was not accepted.
    RejectionId, "rej");
id!(/// An audit entry: who changed what.
    AuditId, "aud");
id!(/// A member: a person who works for an agency.
    MemberId, "mem");
id!(/// An API key: what a service of an agency calls with.
    ApiKeyId, "key");
id!(/// An invitation: how somebody becomes a member, or sets a new password.
    InvitationId, "inv");
id!(/// A session: all tokens that one sign-in led to.
    SessionId, "ses");
id!(/// A key that access tokens are signed with.
    SigningKeyId, "sgk");

message_part_id!(/// An event: what a run that succeeds produces.
    EventId, "evt");
message_part_id!(/// A delivery: one event for one destination.
    DeliveryId, "dlv");

impl EventId {
    /// The id of the event number `index` that `workflow` made of `message`, whatever version of it ran.
    pub fn derive(message: MessageId, workflow: WorkflowId, index: u32) -> Self {
        Self::of(message, &[&workflow.bits().to_be_bytes(), &index.to_be_bytes()])
    }

    /// The id of the event by which `message` has something told of an earlier event.
    pub fn follow_up(message: MessageId, of: Self, kind: FollowUpKind) -> Self {
        let kind: &[u8] = match kind {
            FollowUpKind::Retract => b"retract",
            FollowUpKind::Restate => b"restate",
        };
        Self::of(message, &[kind, &of.message.to_be_bytes(), &of.part.to_be_bytes()])
    }
}

impl DeliveryId {
    /// The one id that the delivery of `event` to `destination` has for ever; only *send corrected* raises
    /// `generation` (invariant 9). The tenant is bound by the message, the workflow and the index by the event.
    pub fn derive(event: EventId, destination: DestinationId, generation: u32) -> Self {
        Self::of(
            event.message(),
            &[&event.part.to_be_bytes(), &destination.bits().to_be_bytes(), &generation.to_be_bytes()],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_order_is_time_order_and_round_trips() {
        let early = MessageId::new(1_700_000_000_000, u128::MAX);
        let late = MessageId::new(1_700_000_000_001, 0);
        assert!(early.to_string() < late.to_string());
        assert_eq!(early.to_string().parse(), Ok(early));
        assert_eq!(early.to_string().len(), 30);
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let tenant = TenantId::new(1, 1).to_string();
        assert!(tenant.parse::<SourceId>().is_err());
        assert!("msg_".parse::<MessageId>().is_err());
        assert!("msg_zzzzzzzzzzzzzzzzzzzzzzzzzz".parse::<MessageId>().is_err(), "over 128 bits");
    }

    #[test]
    fn a_derived_id_is_stable_and_lies_in_its_messages_range() {
        let message = MessageId::new(1_700_000_000_000, 7);
        let workflow = WorkflowId::new(1, 2);
        let event = EventId::derive(message, workflow, 0);
        assert_eq!(event, EventId::derive(message, workflow, 0));
        assert_ne!(event, EventId::derive(message, workflow, 1));
        let (low, high) = EventId::range(message);
        let text = event.to_string();
        assert!(low.to_string() <= text && text <= high.to_string());
        assert_eq!(text.parse(), Ok(event));
        let delivery = DeliveryId::derive(event, DestinationId::new(1, 1), 0);
        assert_eq!(delivery.message(), message);
        assert_ne!(delivery, DeliveryId::derive(event, DestinationId::new(1, 1), 1));
    }
}
