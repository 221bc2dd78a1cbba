//! One closed set of error codes, and what each is over gRPC and over HTTP.

/// What kind of failure it is; every public error of the house has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The request is wrong in itself; the same request will fail again.
    InvalidArgument,
    /// There is no such thing, or the caller may not see it.
    NotFound,
    /// It exists already.
    AlreadyExists,
    /// The state of the thing forbids it now.
    FailedPrecondition,
    /// Somebody else changed it meanwhile: read it again.
    Aborted,
    /// Who calls is not known.
    Unauthenticated,
    /// Who calls may not do it.
    PermissionDenied,
    /// A rate, a size or a quota is used up.
    ResourceExhausted,
    /// A part of the house cannot serve now: try again.
    Unavailable,
    /// It took too long.
    DeadlineExceeded,
    /// A defect of ours.
    Internal,
}

impl ErrorCode {
    /// The number of the gRPC status.
    pub fn grpc(self) -> i32 {
        match self {
            Self::InvalidArgument => 3,
            Self::DeadlineExceeded => 4,
            Self::NotFound => 5,
            Self::AlreadyExists => 6,
            Self::PermissionDenied => 7,
            Self::ResourceExhausted => 8,
            Self::FailedPrecondition => 9,
            Self::Aborted => 10,
            Self::Internal => 13,
            Self::Unavailable => 14,
            Self::Unauthenticated => 16,
        }
    }

    /// The HTTP status.
    pub fn http(self) -> u16 {
        match self {
            Self::InvalidArgument => 400,
            Self::Unauthenticated => 401,
            Self::PermissionDenied => 403,
            Self::NotFound => 404,
            Self::AlreadyExists | Self::Aborted => 409,
            Self::FailedPrecondition => 412,
            Self::ResourceExhausted => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
            Self::DeadlineExceeded => 504,
        }
    }
}
