//! A request that is written once, and then only changed where the next one differs.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Target;
use crate::booking::Template;

const TIME_DIGITS: usize = 10;
const SIGNATURE_DIGITS: usize = 64;

/// A signed `POST` of a booking.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    template: Template,
    bytes: Vec<u8>,
    time: usize,
    signature: usize,
    body: usize,
    key: Hmac<Sha256>,
    /// The second, and the hash of everything that is the same for all requests of it.
    begun: (u64, Hmac<Sha256>),
}

impl Request {
    /// For this target.
    pub(crate) fn to(target: &Target) -> anyhow::Result<Self> {
        let template = Template::new()?;
        let key =
            <Hmac<Sha256> as KeyInit>::new_from_slice(target.key.as_bytes()).context("the signing key")?;
        let mut bytes = format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\nuser-agent: tributary-load\r\ncontent-length: {}\r\ncalendly-webhook-signature: t=",
            target.path,
            target.address,
            template.bytes.len()
        )
        .into_bytes();
        let time = bytes.len();
        bytes.extend([b'0'; TIME_DIGITS]);
        bytes.extend(b",v1=");
        let signature = bytes.len();
        bytes.extend([b'0'; SIGNATURE_DIGITS]);
        bytes.extend(b"\r\n\r\n");
        let body = bytes.len();
        bytes.extend(&template.bytes);
        Ok(Self { template, bytes, time, signature, body, begun: (0, key.clone()), key })
    }

    /// The bytes that send the booking of person `number` now.
    pub(crate) fn of(&mut self, number: u64) -> anyhow::Result<&[u8]> {
        self.begin(now_seconds()?);
        let (head, body) = self.bytes.split_at_mut(self.body);
        self.template.fill(body, number);
        let mut hash = self.begun.1.clone();
        hash.update(&body[self.template.tail..]);
        let place = &mut head[self.signature..self.signature + SIGNATURE_DIGITS];
        hex::encode_to_slice(hash.finalize().into_bytes(), place)?;
        Ok(&self.bytes)
    }

    fn begin(&mut self, second: u64) {
        if self.begun.0 == second {
            return;
        }
        let digits = format!("{second:0width$}", width = TIME_DIGITS);
        self.bytes[self.time..self.time + TIME_DIGITS].copy_from_slice(digits.as_bytes());
        let mut hash = self.key.clone();
        hash.update(digits.as_bytes());
        hash.update(b".");
        hash.update(&self.template.bytes[..self.template.tail]);
        self.begun = (second, hash);
    }
}

#[allow(clippy::disallowed_methods, reason = "a sender outside of the house has a clock of its own")]
fn now_seconds() -> anyhow::Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Frame;

    #[test]
    fn a_request_is_framed_and_signed_over_its_whole_body() {
        let target = Target::new(([127, 0, 0, 1], 1).into(), "/in/x".to_owned(), "key".to_owned());
        let mut request = Request::to(&target).expect("a request");
        request.of(1).expect("bytes");
        let bytes = request.of(2).expect("bytes").to_vec();
        let frame = Frame::read(&bytes).expect("a head");
        assert_eq!(frame.end, bytes.len());
        let head = std::str::from_utf8(&bytes[..frame.body]).expect("text");
        let (time, signature) = head
            .split_once("signature: t=")
            .and_then(|(_, rest)| rest.trim().split_once(",v1="))
            .expect("a signature");
        let mut hash = <Hmac<Sha256> as KeyInit>::new_from_slice(b"key").expect("a key");
        for part in [time.as_bytes(), b".", &bytes[frame.body..]] {
            hash.update(part);
        }
        assert_eq!(signature, hex::encode(hash.finalize().into_bytes()));
    }
}
