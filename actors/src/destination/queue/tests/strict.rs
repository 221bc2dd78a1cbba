//! Strict order against a plain list: whatever is committed, read, tried, recorded and put behind, in any order.

use tributary_store::delivery::InLine;

use super::*;
use crate::destination::line::Line;

/// A row of the database, and what is true of its delivery.
struct Row {
    first: ReadyDelivery,
    due: Timestamp,
    attempts: u32,
    is_pending: bool,
    /// What is true of it, also where that is not recorded yet.
    was_tried: bool,
    has_ended: bool,
    /// Up to when it waits for what it follows.
    follows_until: Option<Timestamp>,
    /// The step in which it was asked for again.
    replayed: usize,
}

impl Row {
    fn received(&self) -> Timestamp {
        self.first.event.received
    }

    fn now(&self) -> ReadyDelivery {
        ReadyDelivery { due: self.due, attempts: self.attempts, ..self.first.clone() }
    }
}

enum Ended {
    Well,
    Again(Timestamp),
}

/// What was given to be sent, in which step and when, and what it may pass since then.
type Given = (ReadyDelivery, (usize, Timestamp), HashSet<DeliveryId>);

struct World {
    queue: Queue,
    now: Timestamp,
    step: usize,
    rows: BTreeMap<DeliveryId, Row>,
    committed: VecDeque<ReadyDelivery>,
    page: Option<(Vec<ReadyDelivery>, bool)>,
    behind: Option<Vec<(DeliveryId, Timestamp)>>,
    given: VecDeque<Given>,
    under_way: Vec<ReadyDelivery>,
    results: Vec<(ReadyDelivery, Ended)>,
}

const STRICT: Rules = Rules { is_strict: true, expires: false, of_one_person: false };
/// How far ahead the database is read, in seconds.
const AHEAD: Duration = Duration::from_secs(3);
const MOMENT: Duration = Duration::from_micros(10);

fn seconds(count: u8) -> Duration {
    Duration::from_secs(count.into())
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            queue: Queue::of_database(),
            now: NOW,
            step: 0,
            rows: BTreeMap::new(),
            committed: VecDeque::new(),
            page: None,
            behind: None,
            given: VecDeque::new(),
            under_way: Vec::new(),
            results: Vec::new(),
        };
        world.restart();
        world
    }

    /// All that was not written is gone.
    fn restart(&mut self) {
        self.queue = Queue::of_database();
        self.queue.set_rules(STRICT);
        (self.page, self.behind) = (None, None);
        self.committed.clear();
        self.given.clear();
        self.under_way.clear();
        self.results.clear();
        for row in self.rows.values_mut() {
            (row.was_tried, row.has_ended) = (row.attempts > 0, !row.is_pending);
        }
    }

    fn commit(&mut self, who: u8, delay: u8, follows: u8) {
        self.now = self.now.plus(MOMENT);
        let number = self.rows.len() as u64 + 1;
        let made = delivery(number, Some(who.into()), 0);
        let event = StoredEvent { received: self.now, ..(*made.event).clone() };
        let due = self.now.plus(seconds(delay));
        let first = ReadyDelivery { due, event: Arc::new(event), ..made };
        self.committed.push_back(first.clone());
        let row = Row {
            due,
            attempts: 0,
            is_pending: true,
            was_tried: false,
            has_ended: false,
            follows_until: (follows == 1).then(|| self.now.plus(seconds(2))),
            replayed: 0,
            first,
        };
        self.rows.insert(row.first.delivery, row);
    }

    fn offer(&mut self, most: u8) {
        for _ in 0..most {
            let Some(next) = self.committed.pop_front() else { return };
            self.queue.offer(next, self.now);
        }
    }

    fn begin_load(&mut self, most: u8) {
        if self.behind.is_some() || !self.queue.wants_more() {
            return;
        }
        let Some(page) = self.queue.begin_load() else { return };
        let until = self.now.plus(AHEAD);
        let mut found: Vec<_> =
            self.rows.values().filter(|row| row.is_pending && row.due < until).map(Row::now).collect();
        found.sort_by_key(|one| (one.due, one.delivery));
        found.retain(|one| page.after.is_none_or(|after| (one.due, one.delivery) > after));
        let most = usize::from(most).min(page.limit as usize);
        let is_last = found.len() <= most;
        found.truncate(most);
        self.page = Some((found, is_last));
    }

    fn end_load(&mut self, fails: bool) {
        let Some((found, is_last)) = self.page.take() else { return };
        let loaded = if fails { Err(StoreError::Timeout) } else { page(&found, is_last) };
        self.queue.end_load(loaded, self.now);
    }

    fn next(&mut self, most: u8) {
        for one in self.queue.next(self.now, most.into()) {
            let passed = self.queue.passed_by(std::slice::from_ref(&one));
            self.given.push_back((one, (self.step, self.now), passed));
        }
    }

    /// The next one that was given is sent, if it still may be.
    fn send(&mut self) -> Result<(), TestCaseError> {
        let Some((one, since, passed)) = self.given.pop_front() else { return Ok(()) };
        let line = Line::without(self.in_line(&one), std::slice::from_ref(&one), passed);
        if let Some(first) = line.before(&one) {
            self.queue.fall_behind(one, first);
            return Ok(());
        }
        let row = &self.rows[&one.delivery];
        if let Some(until) = row.follows_until.filter(|until| *until > self.now) {
            self.queue.postpone(one, until);
            return Ok(());
        }
        self.check(&one, since)?;
        self.under_way.push(one);
        Ok(())
    }

    /// What the database answers who is asked for a person's deliveries.
    fn in_line(&self, one: &ReadyDelivery) -> Vec<InLine> {
        let rows = self.rows.values().filter(|row| row.first.event.profile == one.event.profile);
        let is_in_line = |row: &&Row| row.is_pending && (row.attempts > 0 || row.due <= self.now);
        let mut line: Vec<_> = rows
            .filter(is_in_line)
            .map(|row| InLine {
                profile: row.first.event.profile.expect("somebody"),
                delivery: row.first.delivery,
                due_at: row.due,
                attempts: row.attempts,
                received_at: row.received(),
            })
            .collect();
        line.sort_by_key(|one| (one.attempts == 0, one.received_at, one.delivery));
        line
    }

    /// Nothing of the same person is under way, or comes before it.
    fn check(&self, one: &ReadyDelivery, (since, given): (usize, Timestamp)) -> Result<(), TestCaseError> {
        let row = &self.rows[&one.delivery];
        prop_assert!(!row.has_ended, "it has ended");
        let others = self.rows.values().filter(|other| {
            other.first.event.profile == one.event.profile && other.first.delivery != one.delivery
        });
        for other in others.filter(|other| !other.has_ended && other.replayed <= since) {
            let is_under_way = self.under_way.iter().any(|that| that.delivery == other.first.delivery);
            prop_assert!(!is_under_way, "two of one person at a time");
            let is_older = other.received() < row.received();
            let is_waiting =
                other.first.due > self.now || other.follows_until.is_some_and(|until| until > given);
            let comes_first = match (other.was_tried, row.was_tried) {
                (true, true) => is_older,
                (false, false) => is_older && !is_waiting,
                (tried, _) => tried,
            };
            prop_assert!(
                !comes_first,
                "{} ({}) passes {} ({}, due {:?}) at {:?}",
                one.delivery,
                row.was_tried,
                other.first.delivery,
                other.was_tried,
                other.due,
                self.now
            );
        }
        Ok(())
    }

    fn end(&mut self, which: u8, how: u8) {
        if self.under_way.is_empty() {
            return;
        }
        let mut one = self.under_way.remove(usize::from(which) % self.under_way.len());
        one.attempts += 1;
        let row = self.rows.get_mut(&one.delivery).expect("a row");
        let ended = if how < 3 {
            row.has_ended = true;
            self.queue.done(&one);
            Ended::Well
        } else {
            row.was_tried = true;
            let due = self.now.plus(seconds(how - 3));
            self.queue.hold(&one, due);
            Ended::Again(due)
        };
        self.queue.tried(&one);
        self.results.push((one, ended));
    }

    fn record(&mut self) {
        for (one, ended) in std::mem::take(&mut self.results) {
            let row = self.rows.get_mut(&one.delivery).expect("a row");
            row.attempts = one.attempts;
            match ended {
                Ended::Well => row.is_pending = false,
                Ended::Again(due) => row.due = due,
            }
            self.queue.forget(one.delivery);
            self.queue.leave_held(one.event.profile.expect("somebody"), one.delivery);
        }
    }

    fn begin_behind(&mut self) {
        if self.behind.is_none() && self.page.is_none() {
            self.behind = Some(self.queue.take_behind()).filter(|behind| !behind.is_empty());
        }
    }

    fn end_behind(&mut self, fails: bool) {
        let behind = self.behind.take().unwrap_or_default();
        for (delivery, due) in &behind {
            let row = self.rows.get_mut(delivery).expect("a row");
            if row.is_pending && !fails {
                row.due = row.due.max(*due);
            }
        }
        self.queue.left(&behind, self.now);
    }

    fn pass(&mut self, count: u8) {
        self.now = self.now.plus(seconds(count));
        self.queue.look_again();
    }

    fn replay(&mut self, which: u8) {
        let mut ended: Vec<_> = self.rows.values_mut().filter(|row| !row.is_pending).collect();
        let count = ended.len();
        if let Some(row) = ended.get_mut(usize::from(which) % count.max(1)) {
            (row.is_pending, row.has_ended, row.was_tried) = (true, false, true);
            (row.due, row.replayed) = (self.now, self.step);
            self.queue.look_again();
        }
    }

    fn step(&mut self, (kind, who, how): (u8, u8, u8)) -> Result<(), TestCaseError> {
        self.step += 1;
        match kind {
            0..3 => self.commit(who % 3, (how % 5).saturating_sub(2), who / 3),
            3..6 => self.offer(how),
            6 | 7 => self.begin_load(1 + how),
            8 | 9 => self.end_load(how == 0),
            10..13 => self.next(1 + who % 3),
            13..16 => return self.send(),
            16..19 => self.end(who, how),
            19 | 20 => self.record(),
            21 => self.begin_behind(),
            22 => self.end_behind(how == 0),
            23 => self.pass(how % 4),
            24 => self.replay(who),
            _ if how == 0 => self.restart(),
            _ => {}
        }
        Ok(())
    }

    /// Goes on until all have ended: everything is taken now.
    fn finish(&mut self) -> Result<(), TestCaseError> {
        for _ in 0..1_000 {
            if self.rows.values().all(|row| !row.is_pending) {
                prop_assert_eq!(self.queue.waiting().0, 0, "nothing is left in memory");
                return Ok(());
            }
            self.step += 1;
            self.end_behind(false);
            self.end_load(false);
            self.offer(u8::MAX);
            self.begin_behind();
            self.end_behind(false);
            self.begin_load(u8::MAX);
            self.end_load(false);
            self.next(9);
            while !self.given.is_empty() {
                self.send()?;
            }
            while !self.under_way.is_empty() {
                self.end(0, 0);
            }
            self.record();
            self.pass(1);
        }
        prop_assert!(false, "it never ends");
        Ok(())
    }
}

#[test]
fn what_waits_for_one_that_was_loaded_for_another_profile_waits_no_longer_than_that_is_here() {
    let mut queue = Queue::default();
    queue.set_rules(Rules { is_strict: true, ..Rules::default() });
    let all = [delivery(1, Some(7), 1), delivery(2, Some(8), 1)];
    all.iter().cloned().for_each(|delivery| queue.offer(delivery, NOW));
    let (first, second) = (one(&mut queue, NOW).expect("due"), one(&mut queue, NOW).expect("due"));
    queue.fall_behind(second, (NOW, first.delivery));
    assert!(one(&mut queue, NOW).is_none(), "it waits");
    queue.tried(&first);
    queue.forget(first.delivery);
    assert_eq!(one(&mut queue, NOW).map(|next| next.delivery), Some(all[1].delivery));
}

/// So many that histories which need several rare steps in a row are among them.
fn many() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases.max(4_096), ..usual }
}

proptest! {
    #![proptest_config(many())]

    /// Nobody passes what comes before them, and nothing is lost.
    #[test]
    fn nothing_is_passed_whatever_is_committed_meanwhile(
        steps in prop::collection::vec((0_u8..26, 0_u8..6, 0_u8..6), 1..120),
    ) {
        let mut world = World::new();
        for step in steps {
            world.step(step)?;
        }
        world.finish()?;
    }
}
