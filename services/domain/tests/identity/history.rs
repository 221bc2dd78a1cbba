//! Random histories: few visitors and tiny pools of values, so that collisions are the rule.

use std::fmt;

use tributary_domain::{
    id::{EventId, MessageId, ProfileId, WorkflowId},
    time::Timestamp,
};

use crate::rng::Rng;

pub(crate) const TENANTS: usize = 2;
pub(crate) const UNLIMITED: u32 = u32::MAX;
pub(crate) const MINUTE: i64 = 60_000_000;
/// The window of the guard.
pub(crate) const WINDOW: i64 = 60 * MINUTE;
const START: i64 = 1_767_225_600_000_000;

/// The types of identifiers that occur.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Crm,
    Stripe,
    Email,
    Phone,
    Cluid,
    Fbp,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Crm => "external_id:crm",
            Self::Stripe => "external_id:stripe",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Cluid => "cluid",
            Self::Fbp => "fbp",
        }
    }
}

/// An identifier: number so-and-so of its pool.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id(pub(crate) Kind, pub(crate) u8);

impl Id {
    /// The identifier with this type and value.
    pub(crate) fn of(name: &str, value: &str) -> Self {
        let kinds = [Kind::Crm, Kind::Stripe, Kind::Email, Kind::Phone, Kind::Cluid, Kind::Fbp];
        let kind = kinds.into_iter().find(|kind| kind.name() == name).unwrap();
        Self(kind, value.rsplit('-').next().unwrap().parse().unwrap())
    }

    /// A phone is one, so that it is found where it stands in texts, and nothing else is taken for it.
    pub(crate) fn value(self) -> String {
        let kind = if self.0 == Kind::Phone { "+1404555010" } else { self.0.name() };
        format!("{kind}-{}", self.1)
    }
}

/// One event of a message.
#[derive(Clone)]
pub(crate) struct Event {
    pub(crate) id: EventId,
    pub(crate) new_profile: ProfileId,
    pub(crate) time: Timestamp,
    pub(crate) identifiers: Vec<Id>,
    /// Name and value; no value means CLEAR.
    pub(crate) traits: Vec<(&'static str, Option<&'static str>)>,
}

/// What stands at one place of the log.
#[derive(Clone)]
pub(crate) enum What {
    Message {
        id: MessageId,
        received: Timestamp,
        events: Vec<Event>,
    },
    /// What a person decides by what they see here; it comes to pass so many entries later, whatever happened meanwhile.
    Command {
        command: Command,
        wait: u64,
    },
}

/// What a person decides. Numbers choose among what there is, counted round and round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    /// The owners of two identifiers are two people.
    KeepApart(Id, Id),
    /// Takes back a merge that is in force, in the order of what they tie.
    Undo(usize),
    /// Lifts a never-join pair.
    Lift(usize),
    /// Decides a conflict.
    Decide(usize, Says),
    /// A value is no evidence any more.
    Block(Id),
    /// It is again.
    Unblock(Id),
    /// Whom it belongs to is erased, at this time.
    Erase(Id, Timestamp),
}

/// What is said of a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Says {
    Accept,
    Refuse,
    Never,
}

#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) tenant: usize,
    /// The visitor: what one visitor does keeps its order.
    pub(crate) lane: usize,
    pub(crate) sequence: u64,
    pub(crate) what: What,
}

/// A log and the rules of its tenants.
#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) strong_limit: u32,
    pub(crate) weak_limit: u32,
    /// How many people a value may meet; 0: any number.
    pub(crate) guard_people: u32,
    pub(crate) blocked: Vec<Id>,
    pub(crate) log: Vec<Entry>,
}

impl History {
    pub(crate) fn events(&self) -> impl Iterator<Item = &Event> {
        let events = self.log.iter().filter_map(|entry| match &entry.what {
            What::Message { events, .. } => Some(events),
            What::Command { .. } => None,
        });
        events.flatten()
    }
}

/// How a history is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flavour {
    /// Everything at once.
    Wild,
    /// Only e-mails and phones, unlimited.
    Strong,
    /// Only weak identifiers.
    Weak,
    /// E-mails and phones, unlimited; a visitor's cluid comes alone or with that visitor's own e-mail.
    Faithful,
}

/// A history with limits, unique types, blocked values and never-join pairs.
pub(crate) fn wild(seed: u64) -> History {
    let mut rng = Rng::new(seed);
    let strong_limit = [1, 2, 2, 3, 5, UNLIMITED][rng.below(6)];
    let mut blocked = Vec::new();
    if rng.chance(20) {
        blocked.push(any(&mut rng));
    }
    let weak_limit = [1, 1, 1, 2, 3][rng.below(5)];
    let guard_people = [0, 0, 0, 2, 3][rng.below(5)];
    History { strong_limit, weak_limit, guard_people, blocked, log: log(&mut rng, Flavour::Wild) }
}

/// A history whose final partition must not depend on how its visitors interleave.
pub(crate) fn confluent(seed: u64) -> History {
    let mut rng = Rng::new(seed);
    let flavour = [Flavour::Strong, Flavour::Weak, Flavour::Faithful][rng.below(3)];
    let log = log(&mut rng, flavour);
    History { strong_limit: UNLIMITED, weak_limit: 1, guard_people: 0, blocked: Vec::new(), log }
}

/// The same entries, the visitors interleaved in another way, each visitor's own in their order.
pub(crate) fn interleaved(history: &History, rng: &mut Rng) -> History {
    let mut order: Vec<(usize, usize)> = history.log.iter().map(|entry| (entry.tenant, entry.lane)).collect();
    rng.shuffle(&mut order);
    let mut lanes = history.log.clone();
    let mut log = Vec::with_capacity(lanes.len());
    for (place, (tenant, lane)) in order.into_iter().enumerate() {
        let next = lanes.iter().position(|entry| entry.tenant == tenant && entry.lane == lane).unwrap();
        log.push(Entry { sequence: place as u64 + 1, ..lanes.remove(next) });
    }
    History { log, ..history.clone() }
}

fn log(rng: &mut Rng, flavour: Flavour) -> Vec<Entry> {
    let length = 6 + rng.below(30);
    let mut received = START;
    let mut entries = Vec::with_capacity(length);
    for sequence in 1..=length as u64 {
        received += rng.below(4) as i64 * 3 * MINUTE;
        let (tenant, lane) = (rng.below(TENANTS), rng.below(4));
        let what = if flavour == Flavour::Wild && rng.chance(18) {
            What::Command { command: command(rng, received), wait: [0, 0, 1, 2, 4][rng.below(5)] }
        } else {
            message(rng, flavour, lane, sequence, received)
        };
        entries.push(Entry { tenant, lane, sequence, what });
    }
    entries
}

fn command(rng: &mut Rng, received: i64) -> Command {
    match rng.below(14) {
        0 | 1 => Command::KeepApart(any(rng), any(rng)),
        2..=4 => Command::Undo(rng.below(8)),
        5 => Command::Lift(rng.below(8)),
        6..=9 => Command::Decide(rng.below(16), [Says::Accept, Says::Refuse, Says::Never][rng.below(3)]),
        10 => Command::Block(any(rng)),
        11 => Command::Unblock(any(rng)),
        _ => Command::Erase(any(rng), Timestamp::from_micros(received)),
    }
}

fn message(rng: &mut Rng, flavour: Flavour, lane: usize, sequence: u64, received: i64) -> What {
    let id = MessageId::new(received as u64 / 1_000, u128::from(rng.next()));
    let count = if rng.chance(20) { 2 } else { 1 };
    let workflow = WorkflowId::new(1, 1);
    let events = (0..count).map(|index: u32| Event {
        id: EventId::derive(id, workflow, index),
        // As the ledger derives it.
        new_profile: ProfileId::derived(id, &[&workflow.bits().to_be_bytes(), &index.to_be_bytes()]),
        time: Timestamp::from_micros(match flavour {
            // Up to a day off in both directions, often the same as that of others.
            Flavour::Wild => received + (rng.below(9) as i64 - 4) * [MINUTE, 6 * 60 * MINUTE][rng.below(2)],
            // No two alike: a tie would be decided by arrival, which is what these histories vary.
            _ => received - (sequence as i64 * 7 + i64::from(index)) * 13,
        }),
        identifiers: identifiers(rng, flavour, lane as u8),
        traits: traits(rng),
    });
    What::Message { id, received: Timestamp::from_micros(received), events: events.collect() }
}

fn identifiers(rng: &mut Rng, flavour: Flavour, lane: u8) -> Vec<Id> {
    let mut ids = Vec::new();
    match flavour {
        Flavour::Wild => {
            if rng.chance(60) {
                ids.push(Id(Kind::Cluid, lane));
            }
            for _ in 0..rng.below(4) {
                ids.push(any(rng));
            }
        }
        Flavour::Weak => {
            for _ in 0..1 + rng.below(2) {
                ids.push(Id([Kind::Cluid, Kind::Fbp][rng.below(2)], rng.below(8) as u8));
            }
        }
        Flavour::Strong | Flavour::Faithful => {
            for _ in 0..1 + rng.below(2) {
                ids.push(Id([Kind::Email, Kind::Phone][rng.below(2)], rng.below(6) as u8));
            }
            if flavour == Flavour::Faithful && rng.chance(50) {
                if rng.chance(40) {
                    ids.clear();
                } else {
                    ids.push(Id(Kind::Email, lane));
                }
                ids.push(Id(Kind::Cluid, lane));
            }
        }
    }
    rng.shuffle(&mut ids);
    ids
}

fn any(rng: &mut Rng) -> Id {
    let pools = [
        (Kind::Crm, 3),
        (Kind::Stripe, 2),
        (Kind::Email, 4),
        (Kind::Email, 4),
        (Kind::Email, 4),
        (Kind::Phone, 3),
        (Kind::Phone, 3),
        (Kind::Cluid, 4),
        (Kind::Fbp, 2),
    ];
    let (kind, size) = pools[rng.below(pools.len())];
    Id(kind, rng.below(size) as u8)
}

fn traits(rng: &mut Rng) -> Vec<(&'static str, Option<&'static str>)> {
    let mut names = ["city", "name", "plan"];
    rng.shuffle(&mut names);
    let count = rng.below(3);
    names
        .into_iter()
        .take(count)
        .map(|name| (name, [None, Some("x"), Some("y"), Some("z")][rng.below(4)]))
        .collect()
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.value())
    }
}

impl fmt::Debug for Entry {
    /// One line an entry, so that a failing history can be read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} tenant {} visitor {}:", self.sequence, self.tenant, self.lane)?;
        match &self.what {
            What::Command { command, wait } => write!(f, " {command:?} after {wait}"),
            What::Message { received, events, .. } => {
                write!(f, " at {received}")?;
                events.iter().try_for_each(|event| {
                    let Event { new_profile, time, identifiers, traits, .. } = event;
                    write!(f, "\n    {identifiers:?} dated {time} {traits:?} (would make {new_profile})")
                })
            }
        }
    }
}
