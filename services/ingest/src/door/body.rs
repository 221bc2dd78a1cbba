//! Reads a body within its limits: the one place of the house that does.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout_at},
};

use super::DoorLimits;
use crate::Refusal;

/// Room that is made at first for a body of more than one part, in bytes: what a sender declares is not believed
/// beyond it.
const FIRST_ROOM: usize = 64 * 1024;

/// A body that was read, and the place in memory that it takes until it is dropped.
#[derive(Debug)]
pub(super) struct Received<'a> {
    pub(super) bytes: Bytes,
    _place: Option<SemaphorePermit<'a>>,
}

impl<'a> Received<'a> {
    /// The same body in another form, which is held in place of it.
    ///
    /// # Errors
    /// When it has more than `limit` bytes, or there is no place for it in `memory`.
    pub(super) fn replaced(self, bytes: Bytes, limit: usize, memory: &'a Semaphore) -> Result<Self, Refusal> {
        if bytes.len() > limit {
            return Err(Refusal::BodyTooLarge { limit });
        }
        Ok(Self { _place: Some(reserve(memory, bytes.len())?), bytes })
    }
}

/// Reads `body` to its end if it has at most `limit` bytes.
///
/// # Errors
/// The refusal of a body that is too large, too slow or broken, or for which there is no place in `memory`. Reading
/// has stopped there.
pub(super) async fn read<'a>(
    mut body: Body,
    limit: usize,
    pace: &DoorLimits,
    memory: &'a Semaphore,
) -> Result<Received<'a>, Refusal> {
    let declared = body.size_hint().exact();
    if declared.is_some_and(|bytes| bytes > limit as u64) {
        return Err(Refusal::BodyTooLarge { limit });
    }
    let started = Instant::now();
    let mut parts = Parts::default();
    let mut place: Option<SemaphorePermit<'a>> = None;
    while !body.is_end_stream() {
        let deadline = started + allowed(parts.len(), pace);
        let frame = timeout_at(deadline, body.frame()).await.map_err(|_| Refusal::BodyTooSlow)?;
        let Some(frame) = frame else { break };
        // Trailers are no part of the body.
        let Ok(data) = frame.map_err(|_| Refusal::BodyIncomplete)?.into_data() else { continue };
        if data.len() > limit - parts.len() {
            return Err(Refusal::BodyTooLarge { limit });
        }
        let more = reserve(memory, data.len())?;
        match &mut place {
            Some(place) => place.merge(more),
            None => place = Some(more),
        }
        parts.push(data, declared);
    }
    Ok(Received { bytes: parts.into_bytes(), _place: place })
}

/// How long a body may have taken once `received` bytes are there: what has come earns time for what is to come.
fn allowed(received: usize, pace: &DoorLimits) -> Duration {
    let earned = Duration::from_secs_f64(received as f64 / f64::from(pace.body_rate.max(1)));
    pace.body_grace.saturating_add(earned).min(pace.body_deadline)
}

fn reserve(memory: &Semaphore, bytes: usize) -> Result<SemaphorePermit<'_>, Refusal> {
    let permits = u32::try_from(bytes).map_err(|_| Refusal::DoorFull)?;
    memory.try_acquire_many(permits).map_err(|_| Refusal::DoorFull)
}

/// The parts of a body as they come. A body of one part, as nearly all are, is never copied; a larger one once.
#[derive(Debug, Default)]
struct Parts {
    first: Bytes,
    joined: BytesMut,
}

impl Parts {
    fn len(&self) -> usize {
        self.first.len() + self.joined.len()
    }

    fn push(&mut self, part: Bytes, declared: Option<u64>) {
        if self.len() == 0 {
            self.first = part;
            return;
        }
        if self.joined.is_empty() {
            let declared = declared.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(0);
            self.joined.reserve(declared.min(FIRST_ROOM).max(self.first.len() + part.len()));
            self.joined.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.joined.extend_from_slice(&part);
    }

    fn into_bytes(self) -> Bytes {
        if self.joined.is_empty() { self.first } else { self.joined.freeze() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(parts: &[&'static [u8]]) -> Bytes {
        let mut all = Parts::default();
        for part in parts {
            all.push(Bytes::from_static(part), None);
        }
        all.into_bytes()
    }

    #[test]
    fn parts_are_joined_in_order_and_a_single_one_is_not_copied() {
        assert_eq!(joined(&[]), "");
        assert_eq!(joined(&[b"a", b"", b"bc", b"d"]), "abcd");
        let part = b"one part";
        assert_eq!(joined(&[part]).as_ptr(), part.as_ptr());
    }

    #[test]
    fn a_sender_earns_time_by_sending_but_not_for_ever() {
        let pace = DoorLimits::default();
        assert_eq!(allowed(0, &pace), Duration::from_secs(5));
        assert_eq!(allowed(3_000, &pace), Duration::from_secs(8));
        assert_eq!(allowed(1_000_000, &pace), Duration::from_secs(15));
    }

    #[tokio::test]
    async fn memory_is_taken_while_a_body_is_held_and_refused_when_there_is_none() {
        let memory = Semaphore::new(10);
        let pace = DoorLimits::default();
        let held = read(Body::from("1234567"), 100, &pace, &memory).await.expect("there is room");
        assert_eq!(memory.available_permits(), 3);
        let refused = read(Body::from("1234"), 100, &pace, &memory).await.err();
        assert_eq!(refused, Some(Refusal::DoorFull));
        drop(held);
        assert_eq!(memory.available_permits(), 10);
    }

    #[tokio::test]
    async fn a_body_in_another_form_takes_its_own_place() {
        let memory = Semaphore::new(10);
        let held =
            read(Body::from("1234"), 100, &DoorLimits::default(), &memory).await.expect("there is room");
        let other = held.replaced(Bytes::from_static(b"123456"), 100, &memory).expect("both fit");
        assert_eq!((&other.bytes[..], memory.available_permits()), (&b"123456"[..], 4));
        let longer = Bytes::from_static(b"1234567");
        let refused = other.replaced(longer.clone(), 100, &memory).err();
        assert_eq!(refused, Some(Refusal::DoorFull));
        let held = read(Body::from("1"), 100, &DoorLimits::default(), &memory).await.expect("there is room");
        assert_eq!(held.replaced(longer, 6, &memory).err(), Some(Refusal::BodyTooLarge { limit: 6 }));
        assert_eq!(memory.available_permits(), 10);
    }
}
