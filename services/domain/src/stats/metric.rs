//! What is counted.

use std::time::Duration;

use super::histogram::bucket_of;
use crate::workflow::status::RunStatus;

/// Something that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Metric {
    /// A message was accepted; each is counted once, whatever is done with it again.
    Received,
    /// A message turned out to have come before.
    Duplicate,
    /// A message was held when it came.
    Held,
    /// A message was parked.
    Parked,
    /// A request was refused at the door.
    Refused,
    /// A message came with a cluid of ours.
    CluidFound,
    /// A message came with something else in its place.
    CluidForeign,
    /// A message came with a marker in its place that nobody filled in.
    CluidPlaceholder,
    /// An event was made.
    Event,
    /// A profile was made.
    Profile,
    /// Two profiles became one.
    Merge,
    /// A join was refused.
    Conflict,
    /// A delivery was delivered.
    Delivered,
    /// A delivery was given up.
    DeliveryFailed,
    /// An attempt at a delivery was made.
    Attempt,
    /// An attempt failed, and another one is to follow.
    Retry,
    /// A test message was accepted; nothing else is counted of it.
    Test,
    /// A delivery was delivered whose person the platform had to find.
    Matched,
    /// The points that it had for that, of 100.
    MatchPoints,
    /// It had this signal, by its place in [`SIGNALS`].
    Signal(u16),
    /// A run ended so.
    Run(RunStatus),
    /// Something took as long as this bucket of a histogram says.
    Took(Timing, u16),
}

/// What platforms find people by, in an order that never changes: new ones come to the end.
pub const SIGNALS: [&str; 25] = [
    "email",
    "phone",
    "external_id",
    "cluid",
    "ga_client_id",
    "fbc",
    "fbp",
    "ttclid",
    "ttp",
    "li_fat_id",
    "gclid",
    "gbraid",
    "wbraid",
    "ip",
    "user_agent",
    "first_name",
    "last_name",
    "date_of_birth",
    "city",
    "state",
    "zip",
    "country",
    "gender",
    "company",
    "job_title",
];

/// What is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Timing {
    /// From the acceptance of a message to its commit; not of messages that were held or come again.
    Processing,
    /// One attempt at a delivery, from its beginning to its answer.
    Attempt,
    /// From the acceptance of a message to the delivery of its event.
    Delivery,
}

impl Timing {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Processing, Self::Attempt, Self::Delivery];

    /// The metric of a time that was taken.
    pub fn took(self, time: Duration) -> Metric {
        Metric::Took(self, bucket_of(time))
    }

    /// The code of the first bucket.
    fn base(self) -> u16 {
        match self {
            Self::Processing => 1_000,
            Self::Attempt => 2_000,
            Self::Delivery => 3_000,
        }
    }
}

impl Metric {
    /// That an event had the signal of this name; nothing where no platform finds people by it.
    pub fn signal(name: &str) -> Option<Self> {
        let place = SIGNALS.iter().position(|known| *known == name)?;
        u16::try_from(place).ok().map(Self::Signal)
    }

    /// The stable number that it is kept by.
    pub fn code(self) -> u16 {
        match self {
            Self::Received => 1,
            Self::Duplicate => 2,
            Self::Held => 3,
            Self::Parked => 4,
            Self::Refused => 5,
            Self::CluidFound => 6,
            Self::CluidForeign => 7,
            Self::CluidPlaceholder => 8,
            Self::Event => 9,
            Self::Profile => 10,
            Self::Merge => 11,
            Self::Conflict => 12,
            Self::Delivered => 13,
            Self::DeliveryFailed => 14,
            Self::Attempt => 15,
            Self::Retry => 16,
            Self::Test => 17,
            Self::Matched => 18,
            Self::MatchPoints => 19,
            Self::Signal(place) => 200 + place,
            Self::Run(status) => 100 + run_code(status),
            Self::Took(timing, bucket) => timing.base() + bucket,
        }
    }
}

fn run_code(status: RunStatus) -> u16 {
    match status {
        RunStatus::Succeeded => 0,
        RunStatus::MappingNotFound => 1,
        RunStatus::FilterConditionFailed => 2,
        RunStatus::UserIdMissing => 3,
        RunStatus::AccountIdMissing => 4,
        RunStatus::DataNotFound => 5,
        RunStatus::EventNameMissing => 6,
        RunStatus::Failed => 7,
        RunStatus::Parked => 8,
        RunStatus::Held => 9,
        RunStatus::Suppressed => 10,
        RunStatus::Duplicate => 11,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::stats::BUCKETS;

    #[test]
    fn no_two_things_have_one_number() {
        use Metric::{
            Attempt, CluidForeign, CluidFound, CluidPlaceholder, Conflict, Delivered, DeliveryFailed,
            Duplicate, Event, Held, MatchPoints, Matched, Merge, Parked, Profile, Received, Refused, Retry,
            Run, Test,
        };
        let plain = [
            Received,
            Duplicate,
            Held,
            Parked,
            Refused,
            CluidFound,
            CluidForeign,
            CluidPlaceholder,
            Event,
            Profile,
            Merge,
            Conflict,
            Delivered,
            DeliveryFailed,
            Attempt,
            Retry,
            Test,
            Matched,
            MatchPoints,
        ];
        let runs = RunStatus::ALL.map(Run);
        let signals = SIGNALS.iter().filter_map(|name| Metric::signal(name));
        let times =
            Timing::ALL.into_iter().flat_map(|timing| (0..BUCKETS).map(move |at| Metric::Took(timing, at)));
        let all: Vec<Metric> = plain.into_iter().chain(runs).chain(signals).chain(times).collect();
        let codes: HashSet<u16> = all.iter().map(|metric| metric.code()).collect();
        assert_eq!(codes.len(), all.len());
        assert!(all.len() > SIGNALS.len() + 3 && Metric::signal("shoe_size").is_none());
    }
}
