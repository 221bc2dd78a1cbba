//! Who comes first when the processor is busy: the door, for what was accepted can wait, who sends cannot. Then who
//! commits; and last who evaluates what is committed next, which is ready in time if it uses what the others leave:
//! while a commit waits for the disk, there is nothing else to do.

/// How much less weight the threads behind the door have (setpriority(2)); nine is about an eighth of the door's.
#[cfg(target_os = "linux")]
const COMMITS: i32 = 9;
/// Less than that, but not the least there is: where others keep the processor busy, it still has to keep up.
#[cfg(target_os = "linux")]
const EVALUATES: i32 = 14;

/// The least there is: nobody waits for it.
#[cfg(target_os = "linux")]
const REHEARSES: i32 = 19;

/// Puts the calling thread behind all others.
pub(super) fn who_rehearses() {
    #[cfg(target_os = "linux")]
    set(REHEARSES);
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
