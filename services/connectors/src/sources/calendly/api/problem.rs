//! What can be wrong with a connection to Calendly, and what to do about it.

use std::{fmt, time::Duration};

use super::Reach;

/// Characters of Calendly's own words that are shown.
const LONGEST_QUOTE: usize = 200;

/// What kind of problem it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// The token is not valid, or not any more.
    TokenRefused,
    /// The token was made without a scope that is needed.
    ScopeMissing,
    /// The plan of the account, or the role of the token's owner, does not allow it.
    Forbidden,
    /// A subscription is in the way that cannot be removed.
    Conflict,
    /// Too many requests were made.
    RateLimited,
    /// What is asked for is not there.
    NotFound,
    /// Calendly takes the request for wrong.
    Refused,
    /// There was no answer, or Calendly says that it cannot answer now.
    Unavailable,
    /// The answer is not what Calendly documents.
    Unexpected,
    /// What was made is not what is read back.
    NotVerified,
    /// Calendly cannot reach the address that webhooks are to be sent to.
    PublicUrl,
    /// No token is given, and none is kept.
    TokenAbsent,
    /// The source is connected to another account.
    OtherAccount,
    /// Calendly repeats deliveries that were not accepted.
    Failing,
}

impl ProblemKind {
    /// The stable code.
    pub fn reason(self) -> &'static str {
        match self {
            Self::TokenRefused => "CALENDLY_TOKEN_REFUSED",
            Self::ScopeMissing => "CALENDLY_SCOPE_MISSING",
            Self::Forbidden => "CALENDLY_FORBIDDEN",
            Self::Conflict => "CALENDLY_CONFLICT",
            Self::RateLimited => "CALENDLY_RATE_LIMITED",
            Self::NotFound => "CALENDLY_NOT_FOUND",
            Self::Refused => "CALENDLY_REFUSED",
            Self::Unavailable => "CALENDLY_UNAVAILABLE",
            Self::Unexpected => "CALENDLY_UNEXPECTED",
            Self::NotVerified => "CALENDLY_NOT_VERIFIED",
            Self::PublicUrl => "PUBLIC_URL_UNREACHABLE",
            Self::TokenAbsent => "CALENDLY_TOKEN_ABSENT",
            Self::OtherAccount => "CALENDLY_OTHER_ACCOUNT",
            Self::Failing => "CALENDLY_DELIVERIES_FAIL",
        }
    }
}

/// What is wrong, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What kind of problem it is.
    pub kind: ProblemKind,
    /// What is wrong and what to do, for people.
    pub advice: String,
    /// The scope of the token that the request takes, such as `webhooks:write`.
    pub scope: Option<&'static str>,
    /// When it is worth trying again.
    pub retry_after: Option<Duration>,
    /// Calendly's own words, cut; empty: none.
    pub said: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.advice)?;
        if !self.said.is_empty() {
            write!(f, "; calendly says: {}", self.said)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

impl Problem {
    /// A problem with what to do about it.
    pub fn new(kind: ProblemKind, advice: impl Into<String>) -> Self {
        Self { kind, advice: advice.into(), scope: None, retry_after: None, said: String::new() }
    }

    /// An answer in which something is missing.
    pub fn unexpected(what: &str) -> Self {
        let advice =
            format!("calendly's answer lacks {what}: try again, and tell the operator if it stays so");
        Self::new(ProblemKind::Unexpected, advice)
    }

    /// The same with Calendly's own words, as far as they are shown.
    #[must_use]
    pub(super) fn saying(mut self, words: &str) -> Self {
        let shown = words.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
        self.said = shown.take(LONGEST_QUOTE).collect::<String>().trim().to_owned();
        self
    }

    /// The same for a request that takes a scope.
    #[must_use]
    pub(super) fn of(mut self, scope: &'static str) -> Self {
        self.scope = Some(scope);
        self
    }

    /// A refusal that has no other cause than a token without the scope: the token's owner may always do it.
    #[must_use]
    pub fn by_scope(self) -> Self {
        let (ProblemKind::Forbidden, Some(scope)) = (self.kind, self.scope) else { return self };
        let advice = format!("the token lacks the scope `{scope}`: make one that has it, and connect again");
        Self { kind: ProblemKind::ScopeMissing, advice, ..self }
    }

    /// A refused list of an organization's subscriptions or bookings.
    #[must_use]
    pub fn by_role(self) -> Self {
        let (ProblemKind::Forbidden, Some(scope)) = (self.kind, self.scope) else { return self };
        let advice = format!(
            "only owners and admins reach the whole organization: use the token of one, with the scope `{scope}`, or \
             connect with the scope of the user"
        );
        Self { advice, ..self }
    }

    /// A refused subscription of this reach: reading was allowed before.
    #[must_use]
    pub fn by_plan(self, reach: Reach) -> Self {
        if self.kind != ProblemKind::Forbidden {
            return self;
        }
        let role = match reach {
            Reach::Organization => ", and that its owner is an owner or admin of the organization",
            Reach::User => "",
        };
        let advice = format!(
            "calendly does not let this token subscribe: see that it has the scopes `webhooks:write` and \
             `scheduled_events:read`, that the plan of the account has webhooks{role}"
        );
        Self { advice, ..self }
    }
}
