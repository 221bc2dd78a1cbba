//! Why a request is refused: a stable reason for programs, and words for people. Each reason has its entry in
//! `docs/errors.md`.

use std::{borrow::Cow, time::Duration};

use axum::http::StatusCode;
use tributary_connectors::sources::{FormError, SignatureError, tag::BatchError};
use tributary_domain::scan::ScanError;
use tributary_journal::AppendError;

/// Why a request is refused. Nothing in it comes from the request but numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such route.
    RouteUnknown,
    /// No source has this secret.
    SourceUnknown,
    /// The source was deleted.
    SourceDeleted,
    /// The source has another secret by now.
    SecretExpired,
    /// Not a method that the route knows.
    MethodNotAllowed,
    /// The body is compressed, or said to be.
    ContentEncoded,
    /// The body has more bytes than the source takes.
    BodyTooLarge {
        /// The most that it takes, in bytes.
        limit: usize,
    },
    /// The body came too slowly.
    BodyTooSlow,
    /// The body ended early or was not framed as HTTP says.
    BodyIncomplete,
    /// The signature is missing or wrong.
    Signature(SignatureError),
    /// The body is a form that cannot be read.
    Form(FormError),
    /// Whoever asked whose URL it is does not know its verify token.
    ChallengeRefused,
    /// The body is not JSON that can be kept.
    Unacceptable(ScanError),
    /// The page is of none of the tag's sites.
    OriginRefused,
    /// The body is not what tags send.
    BatchMalformed(BatchError),
    /// One visitor's address has sent more requests than one may.
    AddressRateExceeded {
        /// After how long the next one may come.
        wait: Duration,
    },
    /// The tenant has sent more requests than its quota allows.
    RateExceeded {
        /// After how long the next one may come.
        wait: Duration,
    },
    /// Too many requests are being read at once.
    DoorFull,
    /// Too many messages wait for the disk.
    JournalBusy,
    /// The disk has no room for messages.
    JournalFull,
    /// The journal takes nothing any more.
    JournalClosed,
    /// The process is starting or about to stop.
    NotServing,
}

/// What is the same for every request that is refused for one reason.
pub(crate) struct Facts {
    pub(crate) status: StatusCode,
    pub(crate) reason: &'static str,
    pub(crate) title: &'static str,
    pub(crate) fix: &'static str,
    /// When to come again, in seconds.
    pub(crate) retry_after: Option<&'static str>,
}

const fn final_answer(
    status: StatusCode,
    reason: &'static str,
    title: &'static str,
    fix: &'static str,
) -> Facts {
    Facts { status, reason, title, fix, retry_after: None }
}

const fn for_now(
    status: StatusCode,
    reason: &'static str,
    title: &'static str,
    seconds: &'static str,
) -> Facts {
    Facts { status, reason, title, fix: "Send the same request again later.", retry_after: Some(seconds) }
}

impl Refusal {
    /// Its stable reason, such as `SOURCE_UNKNOWN`.
    pub fn reason(&self) -> &'static str {
        self.facts().reason
    }

    /// The HTTP status it is answered with.
    pub fn status(&self) -> u16 {
        self.facts().status.as_u16()
    }

    pub(crate) fn facts(&self) -> Facts {
        match self {
            Self::RouteUnknown => final_answer(
                StatusCode::NOT_FOUND,
                "ROUTE_UNKNOWN",
                "There is nothing here",
                "Send webhooks to the URL that the source shows: /in/ and its secret.",
            ),
            Self::SourceUnknown => final_answer(
                StatusCode::NOT_FOUND,
                "SOURCE_UNKNOWN",
                "No source has this URL",
                "Copy the webhook URL of the source again, and look for missing characters.",
            ),
            Self::SourceDeleted => final_answer(
                StatusCode::GONE,
                "SOURCE_DELETED",
                "The source was deleted",
                "Remove the webhook at the sender, or restore the source.",
            ),
            Self::SecretExpired => final_answer(
                StatusCode::GONE,
                "SECRET_EXPIRED",
                "The URL was replaced by another one",
                "Copy the webhook URL of the source again: its secret was rotated.",
            ),
            Self::MethodNotAllowed => final_answer(
                StatusCode::METHOD_NOT_ALLOWED,
                "METHOD_NOT_ALLOWED",
                "The method is not known here",
                "Send webhooks with POST; the tag is fetched with GET.",
            ),
            Self::ContentEncoded => final_answer(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "CONTENT_ENCODED",
                "The body is compressed",
                "Send the body as it is, without Content-Encoding.",
            ),
            Self::BodyTooLarge { .. } => final_answer(
                StatusCode::PAYLOAD_TOO_LARGE,
                "BODY_TOO_LARGE",
                "The body is too large",
                "Send less, or raise the body limit of the source, or the tenant's quota.",
            ),
            Self::BodyTooSlow => final_answer(
                StatusCode::REQUEST_TIMEOUT,
                "BODY_TOO_SLOW",
                "The body came too slowly",
                "Send the body at once; check the connection between the sender and this server.",
            ),
            Self::BodyIncomplete => final_answer(
                StatusCode::BAD_REQUEST,
                "BODY_INCOMPLETE",
                "The body ended early",
                "Check the Content-Length or the chunks that the sender writes.",
            ),
            Self::Signature(error) => final_answer(
                StatusCode::UNAUTHORIZED,
                error.code(),
                "The signature does not hold",
                "Check that the sender and the source have the same signing key, and the sender's clock.",
            ),
            Self::Form(error) => final_answer(
                StatusCode::UNPROCESSABLE_ENTITY,
                error.code(),
                "The body is not a form that can be read",
                "Send the form as its content type says, within the limits.",
            ),
            Self::ChallengeRefused => final_answer(
                StatusCode::FORBIDDEN,
                "CHALLENGE_REFUSED",
                "The verify token is not that of this URL",
                "Set the part of the webhook URL behind /in/ as the verify token at the provider.",
            ),
            Self::Unacceptable(error) => final_answer(
                StatusCode::UNPROCESSABLE_ENTITY,
                error.reason.code(),
                "The body is not JSON that can be kept",
                "Send one well-formed JSON value in UTF-8, within the limits.",
            ),
            Self::OriginRefused => final_answer(
                StatusCode::FORBIDDEN,
                "ORIGIN_REFUSED",
                "The tag does not run on this site",
                "Add the page's origin, exactly as its browser sends it, to the origins of the source.",
            ),
            Self::BatchMalformed(_) => final_answer(
                StatusCode::UNPROCESSABLE_ENTITY,
                "BATCH_MALFORMED",
                "The body is not what tags send",
                "Send what docs/collect.md describes, or let the tag send it.",
            ),
            Self::AddressRateExceeded { .. } => for_now(
                StatusCode::TOO_MANY_REQUESTS,
                "ADDRESS_RATE_EXCEEDED",
                "More requests came from one address than may",
                "1",
            ),
            Self::RateExceeded { .. } => for_now(
                StatusCode::TOO_MANY_REQUESTS,
                "RATE_EXCEEDED",
                "More requests came than the tenant's quota allows",
                "1",
            ),
            Self::DoorFull => {
                for_now(StatusCode::SERVICE_UNAVAILABLE, "DOOR_FULL", "Too many requests are being read", "1")
            }
            Self::JournalBusy => for_now(
                StatusCode::TOO_MANY_REQUESTS,
                "JOURNAL_BUSY",
                "Too many messages wait for the disk",
                "1",
            ),
            Self::JournalFull => for_now(
                StatusCode::SERVICE_UNAVAILABLE,
                "JOURNAL_FULL",
                "There is no room for messages",
                "30",
            ),
            Self::JournalClosed => {
                for_now(StatusCode::SERVICE_UNAVAILABLE, "JOURNAL_CLOSED", "Messages cannot be kept now", "5")
            }
            Self::NotServing => {
                for_now(StatusCode::SERVICE_UNAVAILABLE, "NOT_SERVING", "The server starts or stops", "5")
            }
        }
    }

    /// When to come again, in seconds; none: never.
    pub(crate) fn retry_after(&self) -> Option<Cow<'static, str>> {
        match self {
            // Rounded up, so that who obeys is let in.
            Self::RateExceeded { wait } | Self::AddressRateExceeded { wait } => {
                Some(wait.as_millis().div_ceil(1_000).max(1).to_string().into())
            }
            _ => self.facts().retry_after.map(Cow::Borrowed),
        }
    }

    /// Whether only the number of such requests is kept: of who sends too much, more is not worth the writing.
    pub(crate) fn is_only_counted(&self) -> bool {
        matches!(self, Self::RateExceeded { .. } | Self::AddressRateExceeded { .. })
    }

    /// What was wrong with this very request; empty where the title says it all.
    pub(crate) fn detail(&self) -> Cow<'static, str> {
        match self {
            Self::BodyTooLarge { limit } => format!("at most {limit} bytes are taken here").into(),
            Self::Signature(error) => error.to_string().into(),
            Self::Form(error) => error.to_string().into(),
            Self::Unacceptable(error) => error.to_string().into(),
            Self::BatchMalformed(error) => error.to_string().into(),
            _ => "".into(),
        }
    }
}

impl From<AppendError> for Refusal {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Full { .. } => Self::JournalFull,
            AppendError::Overloaded => Self::JournalBusy,
            AppendError::TooLarge { limit, .. } => Self::BodyTooLarge { limit },
            AppendError::Closed | AppendError::Failed(_) => Self::JournalClosed,
        }
    }
}
