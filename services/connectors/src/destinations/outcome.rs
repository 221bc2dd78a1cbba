//! What an answer means for a delivery.

use std::time::Duration;

/// What is wrong with a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// Its time is over, or no access token is in force and none can be had now.
    Expired,
    /// It is not valid any more, or never was.
    Revoked,
    /// It is valid, and may not do what is asked of it.
    ScopeMissing,
}

/// What an answer means. Reasons are for people: lower case, without secrets and personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The platform took the event.
    Delivered,
    /// It did not now; the next try, by the schedule, may succeed.
    Retry {
        /// How long the platform asked to wait; the later of it and the schedule counts.
        after: Option<Duration>,
        /// Why.
        reason: String,
    },
    /// It never will take this event: the delivery has failed.
    Permanent {
        /// Why, and what to do.
        reason: String,
    },
    /// It does not take the credential: the delivery waits with all others until the credential was replaced, or works again.
    Hold {
        /// What is wrong with the credential.
        trouble: Trouble,
        /// After how long it may work again by itself, where that is known; else that is asked for seldom.
        after: Option<Duration>,
        /// Why, and what to do.
        reason: String,
    },
    /// It takes nothing as the destination is set up: the destination is to be disabled, and the delivery waits with all
    /// others until somebody corrected it.
    Suspend {
        /// Why, and what to do.
        reason: String,
    },
    /// It takes no events any more: the destination is to be disabled.
    Disable {
        /// Why, and what to do.
        reason: String,
    },
}

impl Outcome {
    /// The stable word for it, as it stands with attempts and in metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Delivered => "DELIVERED",
            Self::Retry { .. } => "RETRY",
            Self::Permanent { .. } => "FAILED",
            Self::Hold { .. } => "HELD",
            Self::Suspend { .. } => "SUSPENDED",
            Self::Disable { .. } => "DISABLED",
        }
    }

    /// Whether it could be another one with another access token, where it was made with one.
    pub fn is_about_token(&self) -> bool {
        matches!(self, Self::Hold { trouble: Trouble::Expired | Trouble::Revoked, .. })
    }

    /// Why it is none of a success; empty: it is one.
    pub fn reason(&self) -> &str {
        match self {
            Self::Delivered => "",
            Self::Retry { reason, .. }
            | Self::Permanent { reason }
            | Self::Hold { reason, .. }
            | Self::Suspend { reason }
            | Self::Disable { reason } => reason,
        }
    }
}

/// What an answer means, and by which word the platform said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// What it means.
    pub outcome: Outcome,
    /// The platform's own code for what is wrong, or `HTTP_` and the status where it has none; empty: nothing is.
    pub code: String,
    /// The status that says it, by the word of the platform rather than by that of the answer.
    pub status: u16,
}

impl Judged {
    /// The platform took the event.
    pub(super) const fn delivered() -> Self {
        Self { outcome: Outcome::Delivered, code: String::new(), status: 200 }
    }
}
