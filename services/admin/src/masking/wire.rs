//! A message is masked as it is sent, field by field, by the table that the build makes of the contract: so no message of it
//! needs code of its own.

use prost::{
    Message,
    bytes::{Buf, BufMut},
    encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint},
};
use prost_types::{ListValue, Struct, Value, value::Kind};
use tributary_proto::personal::{self, Mask};

use super::shape;

/// A field as it is sent: its number, how it is written, and what it holds.
type Field<'a> = (u32, WireType, &'a [u8]);

/// An encoded message, masked; nothing when it cannot be read.
pub(super) fn masked(message: u16, bytes: &[u8]) -> Option<Vec<u8>> {
    let fields = personal::fields(message);
    let has_words = fields.iter().any(|(_, mask)| *mask == Mask::Words);
    let mut known = Vec::new();
    if has_words {
        values(message, bytes, &mut known)?;
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((number, wire_type, content)) = next(&mut rest)? {
        let mask = mask_of(fields, number);
        encode_key(number, wire_type, &mut out);
        match (mask, wire_type) {
            (None, WireType::LengthDelimited) => put(content, &mut out),
            (None, _) => out.put_slice(content),
            (Some(mask), WireType::LengthDelimited) => put(&replaced(mask, content, &known)?, &mut out),
            // Something personal is written as a length and content, or it is not what the contract says.
            (Some(_), _) => return None,
        }
    }
    Some(out)
}

fn mask_of(fields: &[(u32, Mask)], number: u32) -> Option<Mask> {
    let at = fields.binary_search_by_key(&number, |(number, _)| *number).ok()?;
    Some(fields[at].1)
}

fn replaced(mask: Mask, content: &[u8], known: &[String]) -> Option<Vec<u8>> {
    let text = || std::str::from_utf8(content);
    Some(match mask {
        Mask::Below(message) => masked(message, content)?,
        Mask::Json => shape::json(content),
        // Bytes that are no text have no shape.
        Mask::Text => text().map_or_else(|_| shape::MASK.to_owned(), shape::text).into_bytes(),
        Mask::Words => shape::words(text().ok()?, known).into_bytes(),
        Mask::Object => object(Struct::decode(content).ok()?).encode_to_vec(),
        Mask::Value => value(Value::decode(content).ok()?).encode_to_vec(),
    })
}

/// Adds every personal value of a message to `known`.
fn values(message: u16, bytes: &[u8], known: &mut Vec<String>) -> Option<()> {
    let mut rest = bytes;
    while let Some((number, _, content)) = next(&mut rest)? {
        match mask_of(personal::fields(message), number) {
            Some(Mask::Below(below)) => values(below, content, known)?,
            Some(Mask::Text) => known.extend(std::str::from_utf8(content).ok().map(str::to_owned)),
            Some(Mask::Value) => leaves(&Value::decode(content).ok()?, known),
            Some(Mask::Object | Mask::Json | Mask::Words) | None => {}
        }
    }
    Some(())
}

fn leaves(value: &Value, known: &mut Vec<String>) {
    match &value.kind {
        Some(Kind::StringValue(text)) => known.push(text.clone()),
        Some(Kind::NumberValue(number)) => known.push(number.to_string()),
        Some(Kind::ListValue(list)) => list.values.iter().for_each(|item| leaves(item, known)),
        Some(Kind::StructValue(object)) => object.fields.values().for_each(|field| leaves(field, known)),
        Some(Kind::NullValue(_) | Kind::BoolValue(_)) | None => {}
    }
}

fn object(object: Struct) -> Struct {
    Struct {
        fields: object.fields.into_iter().map(|(name, field)| (shape::key(&name), value(field))).collect(),
    }
}

fn value(given: Value) -> Value {
    let masked = |text: String| Kind::StringValue(text);
    let kind = given.kind.map(|kind| match kind {
        Kind::NullValue(null) => Kind::NullValue(null),
        Kind::StringValue(text) => masked(shape::text(&text)),
        Kind::NumberValue(_) | Kind::BoolValue(_) => masked(shape::MASK.to_owned()),
        Kind::ListValue(list) => {
            Kind::ListValue(ListValue { values: list.values.into_iter().map(value).collect() })
        }
        Kind::StructValue(fields) => Kind::StructValue(object(fields)),
    });
    Value { kind }
}

/// The next field; `Some(None)` at the end, `None` when there is none and should be.
#[expect(clippy::option_option, reason = "the end is no error")]
fn next<'a>(rest: &mut &'a [u8]) -> Option<Option<Field<'a>>> {
    if rest.is_empty() {
        return Some(None);
    }
    let (number, wire_type) = decode_key(rest).ok()?;
    let size = match wire_type {
        WireType::Varint => {
            let mut ahead = *rest;
            decode_varint(&mut ahead).ok()?;
            rest.len() - ahead.len()
        }
        WireType::SixtyFourBit => 8,
        WireType::ThirtyTwoBit => 4,
        WireType::LengthDelimited => usize::try_from(decode_varint(rest).ok()?).ok()?,
        // Groups, which the contract has not.
        WireType::StartGroup | WireType::EndGroup => return None,
    };
    let content = rest.get(..size)?;
    rest.advance(size);
    Some(Some((number, wire_type, content)))
}

fn put(content: &[u8], out: &mut Vec<u8>) {
    encode_varint(content.len() as u64, out);
    out.put_slice(content);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tributary_proto::admin::v1::{
        Event, Identifier, IdentityDecision, IdentityStep, Message as LoggedMessage, MessageTrace, NodeTrace,
        Reason, Run, RunStatus, RunTrace,
    };

    use super::*;

    const TRACE: &str = "/tributary.admin.v1.LogService/GetMessageTrace";

    fn text(text: &str) -> Value {
        Value { kind: Some(Kind::StringValue(text.to_owned())) }
    }

    fn trace() -> MessageTrace {
        let reason = Reason {
            message: "no valid user identifier: `cluid`: \"spring sale\" is rejected by rule cluid_shape"
                .to_owned(),
            fix: "map a field".to_owned(),
            node_id: "cluid".to_owned(),
            value: Some(text("spring sale")),
        };
        let identifier = Identifier {
            r#type: "external_id:crm".to_owned(),
            value: "Bob".to_owned(),
            raw: " Bob".to_owned(),
        };
        let step = IdentityStep {
            identifier: Some(identifier.clone()),
            text: "external_id:crm Bob belonged to nobody and was attached".to_owned(),
            ..IdentityStep::default()
        };
        let event = Event {
            event_name: "Schedule".to_owned(),
            identifiers: vec![identifier],
            user_traits: Some(Struct { fields: BTreeMap::from([("name".to_owned(), text("Bob"))]) }),
            groups: BTreeMap::from([("account_id".to_owned(), "Bob's shop".to_owned())]),
            ..Event::default()
        };
        let run = RunTrace {
            run: Some(Run {
                status: Some(RunStatus {
                    code: 4,
                    display_name: "User ID missing".to_owned(),
                    reason: Some(reason),
                }),
                event_count: 1,
                ..Run::default()
            }),
            nodes: vec![NodeTrace {
                node_id: "a".to_owned(),
                output: Some(text("Bob")),
                ..NodeTrace::default()
            }],
            events: vec![tributary_proto::admin::v1::EventTrace {
                event: Some(event),
                identity: Some(IdentityDecision { steps: vec![step], ..IdentityDecision::default() }),
                ..Default::default()
            }],
            ..RunTrace::default()
        };
        MessageTrace {
            message: Some(LoggedMessage {
                message_id: "msg_1".to_owned(),
                body: r#"{"payload":{"name":"Bob","email":"bob@example.com"}}"#.to_owned(),
                body_removed: true,
                ..LoggedMessage::default()
            }),
            source_display_name: "Calendly".to_owned(),
            runs: vec![run],
            ..MessageTrace::default()
        }
    }

    #[test]
    fn a_trace_is_masked_wherever_something_stands() {
        let message = personal::answer(TRACE).unwrap();
        let bytes = masked(message, &trace().encode_to_vec()).unwrap();
        let masked = MessageTrace::decode(bytes.as_slice()).unwrap();
        let told = format!("{masked:?}");
        for personal in ["Bob", "bob", "spring"] {
            assert!(!told.contains(personal), "{personal} in {told}");
        }
        for kept in [
            "msg_1",
            "Calendly",
            "User ID missing",
            "external_id:crm",
            "map a field",
            "account_id",
            "Schedule",
        ] {
            assert!(told.contains(kept), "{kept} in {told}");
        }
        let body = &masked.message.as_ref().unwrap().body;
        assert_eq!(body, r#"{"payload":{"email":"b***@e***.com","name":"***"}}"#);
        let step = &masked.runs[0].events[0].identity.as_ref().unwrap().steps[0];
        assert_eq!(step.text, "external_id:crm *** belonged to nobody and was attached");
    }

    #[test]
    fn what_is_not_personal_stays_byte_by_byte() {
        let message = personal::answer(TRACE).unwrap();
        let bare = MessageTrace {
            message: Some(LoggedMessage { message_id: "msg_1".to_owned(), ..LoggedMessage::default() }),
            source_display_name: "Calendly".to_owned(),
            ..MessageTrace::default()
        };
        assert_eq!(masked(message, &bare.encode_to_vec()), Some(bare.encode_to_vec()));
        assert_eq!(personal::answer("/tributary.admin.v1.TenantService/GetTenant"), None);
        // What is cut is not shown.
        let bytes = trace().encode_to_vec();
        assert_eq!(masked(message, &bytes[..bytes.len() - 1]), None);
    }
}
