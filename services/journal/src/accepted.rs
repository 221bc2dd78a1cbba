//! A message as it was accepted, and its bytes.

use std::fmt;

use bytes::Bytes;
use prost::Message;
use tributary_domain::{
    id::{MessageId, SourceId, TenantId},
    partition::Partition,
    time::Timestamp,
};

/// The format that is written; raised only by a change that an older version would misread. New fields do not
/// raise it: who does not know them skips them.
const FORMAT: u32 = 1;

/// An inbound webhook as it was accepted: everything that is needed to process it later.
#[derive(Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Whose it is.
    pub tenant: TenantId,
    /// Where it came in.
    pub source: SourceId,
    /// Its id, which the sender was told.
    pub message: MessageId,
    /// When it was accepted.
    pub received: Timestamp,
    /// Whether a signature was checked and right; `false` when the source has no key yet: unsigned.
    pub signature_valid: bool,
    /// The W3C `traceparent` of the request that brought it.
    pub trace_parent: Option<String>,
    /// The request's headers that are kept, in their order.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte.
    pub body: Bytes,
}

/// Bytes that are not an accepted message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Written by a version that knows more than this one.
    #[error(
        "the message was written in format {found}, this version reads up to {FORMAT}: run a newer version"
    )]
    Newer {
        /// The format found.
        found: u32,
    },
    /// Not protobuf, or without its ids.
    #[error("the bytes are not an accepted message: {0}")]
    Malformed(String),
}

impl Accepted {
    /// The partition of its tenant.
    pub fn partition(&self) -> Partition {
        Partition::of(self.tenant)
    }

    /// Its bytes, as they stand in the journal and in held and parked rows.
    pub fn to_bytes(&self) -> Bytes {
        self.clone().into_bytes()
    }

    /// As [`Self::to_bytes`], without a copy of the headers.
    pub fn into_bytes(self) -> Bytes {
        Bytes::from(Wire::from(self).encode_to_vec())
    }

    /// The message that these bytes were made of. The body shares their memory.
    ///
    /// # Errors
    /// The bytes are of a newer version, or no message at all.
    pub fn from_bytes(bytes: Bytes) -> Result<Self, DecodeError> {
        let wire = Wire::decode(bytes).map_err(|error| DecodeError::Malformed(error.to_string()))?;
        if wire.format > FORMAT {
            return Err(DecodeError::Newer { found: wire.format });
        }
        let missing = |name: &str| DecodeError::Malformed(format!("no {name} id"));
        Ok(Self {
            tenant: TenantId::from_bits(wire.tenant.ok_or_else(|| missing("tenant"))?.bits()),
            source: SourceId::from_bits(wire.source.ok_or_else(|| missing("source"))?.bits()),
            message: MessageId::from_bits(wire.message.ok_or_else(|| missing("message"))?.bits()),
            received: Timestamp::from_micros(wire.received_micros),
            signature_valid: wire.signature_valid,
            trace_parent: wire.trace_parent,
            headers: wire.headers.into_iter().map(|header| (header.name, header.value)).collect(),
            body: wire.body,
        })
    }
}

impl fmt::Debug for Accepted {
    /// Headers and body are personal data and stay out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepted")
            .field("tenant", &self.tenant)
            .field("source", &self.source)
            .field("message", &self.message)
            .field("received", &self.received)
            .field("signature_valid", &self.signature_valid)
            .field("headers", &self.headers.len())
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// The protobuf form. Field numbers are never used again for something else.
#[derive(Clone, PartialEq, Message)]
struct Wire {
    #[prost(uint32, tag = "1")]
    format: u32,
    #[prost(message, optional, tag = "2")]
    tenant: Option<Wide>,
    #[prost(message, optional, tag = "3")]
    source: Option<Wide>,
    #[prost(message, optional, tag = "4")]
    message: Option<Wide>,
    #[prost(int64, tag = "5")]
    received_micros: i64,
    #[prost(bool, tag = "6")]
    signature_valid: bool,
    #[prost(string, optional, tag = "7")]
    trace_parent: Option<String>,
    #[prost(message, repeated, tag = "8")]
    headers: Vec<Header>,
    #[prost(bytes = "bytes", tag = "9")]
    body: Bytes,
}

/// The 128 bits of an id: two fixed halves cost no allocation, a byte string would.
#[derive(Clone, Copy, PartialEq, Message)]
struct Wide {
    #[prost(fixed64, tag = "1")]
    high: u64,
    #[prost(fixed64, tag = "2")]
    low: u64,
}

#[derive(Clone, PartialEq, Message)]
struct Header {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

impl Wide {
    fn of(bits: u128) -> Self {
        Self { high: (bits >> 64) as u64, low: bits as u64 }
    }

    fn bits(self) -> u128 {
        (u128::from(self.high) << 64) | u128::from(self.low)
    }
}

impl From<Accepted> for Wire {
    fn from(accepted: Accepted) -> Self {
        Self {
            format: FORMAT,
            tenant: Some(Wide::of(accepted.tenant.bits())),
            source: Some(Wide::of(accepted.source.bits())),
            message: Some(Wide::of(accepted.message.bits())),
            received_micros: accepted.received.micros(),
            signature_valid: accepted.signature_valid,
            trace_parent: accepted.trace_parent,
            headers: accepted.headers.into_iter().map(|(name, value)| Header { name, value }).collect(),
            body: accepted.body,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Accepted {
        Accepted {
            tenant: TenantId::new(1, u128::MAX),
            source: SourceId::new(2, 3),
            message: MessageId::new(4, 5),
            received: Timestamp::from_micros(-7),
            signature_valid: true,
            trace_parent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
            headers: vec![("x-one".to_owned(), "1".to_owned()), ("x-one".to_owned(), String::new())],
            body: Bytes::from_static(b"{\"a\":\"\0\"}"),
        }
    }

    #[test]
    fn the_bytes_round_trip() {
        assert_eq!(Accepted::from_bytes(message().to_bytes()), Ok(message()));
        let bare = Accepted { trace_parent: None, headers: Vec::new(), body: Bytes::new(), ..message() };
        assert_eq!(Accepted::from_bytes(bare.to_bytes()), Ok(bare));
    }

    #[test]
    fn a_field_of_a_later_version_is_skipped_but_a_later_format_refused() {
        let mut later = message().to_bytes().to_vec();
        prost::encoding::string::encode(100, &"new".to_owned(), &mut later);
        assert_eq!(Accepted::from_bytes(later.into()), Ok(message()));

        let newer = Wire { format: FORMAT + 1, ..Wire::from(message()) }.encode_to_vec();
        assert_eq!(Accepted::from_bytes(newer.into()), Err(DecodeError::Newer { found: FORMAT + 1 }));
        assert!(matches!(Accepted::from_bytes(Bytes::new()), Err(DecodeError::Malformed(_))));
    }

    #[test]
    fn debug_shows_no_personal_data() {
        let text = format!("{:?}", Accepted { body: Bytes::from_static(b"ann@example.com"), ..message() });
        assert!(!text.contains("ann@") && text.contains("body_bytes: 15"), "{text}");
    }
}
