//! Makes a failing history small: drops entries, then identifiers and traits, while it still fails.

use crate::history::{History, What};

pub(crate) fn shrink(mut history: History, fails: impl Fn(&History) -> bool) -> History {
    loop {
        let smaller = candidates(&history).into_iter().find(|smaller| fails(smaller));
        match smaller {
            Some(smaller) => history = smaller,
            None => return history,
        }
    }
}

fn candidates(history: &History) -> Vec<History> {
    let mut all = Vec::new();
    let mut add = |change: &dyn Fn(&mut History)| {
        let mut smaller = history.clone();
        change(&mut smaller);
        all.push(smaller);
    };
    for place in 0..history.log.len() {
        add(&|smaller| drop(smaller.log.remove(place)));
    }
    for (place, entry) in history.log.iter().enumerate() {
        let What::Message { events, .. } = &entry.what else { continue };
        for (number, event) in events.iter().enumerate() {
            if events.len() > 1 {
                add(&|smaller| with_events(smaller, place, |events| drop(events.remove(number))));
            }
            for index in 0..event.identifiers.len() {
                add(&|smaller| {
                    with_events(smaller, place, |events| _ = events[number].identifiers.remove(index))
                });
            }
            if !event.traits.is_empty() {
                add(&|smaller| with_events(smaller, place, |events| events[number].traits.clear()));
            }
        }
    }
    all
}

fn with_events(history: &mut History, place: usize, change: impl FnOnce(&mut Vec<crate::history::Event>)) {
    if let What::Message { events, .. } = &mut history.log[place].what {
        change(events);
    }
}
