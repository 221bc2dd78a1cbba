//! Who comes first when the processor is busy: the door. What was accepted can wait, who sends cannot.

/// How much less weight the threads behind the door have (setpriority(2)); nine is about an eighth of the door's.
#[cfg(target_os = "linux")]
const NICE: i32 = 9;

/// Puts the calling thread, and the threads that it starts later, behind those of the door. Only Linux has priorities
/// of threads.
#[cfg(target_os = "linux")]
pub(super) fn behind_the_door() {
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE) {
        tracing::debug!(%error, "the thread keeps its priority");
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn behind_the_door() {}
