//! Who comes first when the processor is busy: the door, for what was accepted can wait, who sends cannot. Then who
//! commits; and last who evaluates what is committed next, which is ready in time if it uses what the others leave:
//! while a commit waits for the disk, there is nothing else to do.

#[cfg(target_os = "linux")]
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};

/// How much less weight the threads behind the door have (setpriority(2)); nine is about an eighth of the door's.
#[cfg(target_os = "linux")]
const COMMITS: i32 = 9;
/// Less than that, but not the least there is: where others keep the processor busy, it still has to keep up.
#[cfg(target_os = "linux")]
const EVALUATES: i32 = 14;
/// The least there is: nobody waits for it.
#[cfg(target_os = "linux")]
const REHEARSES: i32 = 19;

/// Puts the calling thread, and the threads that it starts later, behind all others: they run while nobody else has anything
/// to do. Less weight alone is not enough where others must not wait: a thread that has the processor keeps it for its
/// slice, some milliseconds, unless it is an idle one (SCHED_IDLE of sched(7)).
pub(super) fn who_rehearses() {
    #[cfg(target_os = "linux")]
    {
        let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
        // The policy comes first, then a weight that is not to be had back from one that was given up: that does not matter.
        if let Err(error) = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy) {
            tracing::debug!(?error, "the thread is no idle one, or has the weight that it was given");
        }
        self::set(REHEARSES);
    }
}

/// Puts the calling thread, and the threads that it starts later, behind those of the door.
pub(super) fn who_commits() {
    #[cfg(target_os = "linux")]
    set(COMMITS);
}

/// Puts the calling thread, and the threads that it starts later, behind those that commit.
pub(super) fn who_evaluates() {
    #[cfg(target_os = "linux")]
    set(EVALUATES);
}

/// Only Linux has priorities of threads.
#[cfg(target_os = "linux")]
fn set(nice: i32) {
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), nice) {
        tracing::debug!(%error, "the thread keeps its priority");
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{fs, thread};

    use super::*;

    /// Nice value and policy of the calling thread (fields 19 and 41 of proc_pid_stat(5)).
    fn own() -> Option<(i32, u32)> {
        let stat = fs::read_to_string("/proc/thread-self/stat").ok()?;
        // The name, in which there may be anything, is the second.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        Some((fields.get(19 - 3)?.parse().ok()?, fields.get(41 - 3)?.parse().ok()?))
    }

    #[test]
    fn who_rehearses_is_idle_and_so_is_what_it_starts() {
        const IDLE: u32 = 5;
        let started = thread::spawn(|| {
            who_rehearses();
            thread::spawn(own).join().expect("ends")
        });
        assert_eq!(started.join().expect("ends"), Some((REHEARSES, IDLE)));
        assert_eq!(own().expect("reads").1, 0, "others are as they were");
    }
}
