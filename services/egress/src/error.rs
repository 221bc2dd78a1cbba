//! Why a request brought no answer.

/// What kind of failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EgressErrorKind {
    /// The URL cannot be used.
    InvalidUrl,
    /// The method or a header cannot be used.
    InvalidRequest,
    /// No address of the host may be reached.
    AddressRefused,
    /// The port may not be used.
    PortRefused,
    /// The URL is plain http and the address is not among the allowed subnets.
    PlainHttpRefused,
    /// The name has no address, or could not be resolved.
    Dns,
    /// No connection could be opened.
    Connect,
    /// TLS could not be agreed on, or the certificate is not trusted.
    Tls,
    /// The deadline passed before an answer began.
    Timeout,
    /// The connection broke before an answer began.
    Broken,
    /// What came back is not an HTTP answer, or its head is too large.
    InvalidResponse,
}

impl EgressErrorKind {
    /// Its stable code.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidUrl => "invalid_url",
            Self::InvalidRequest => "invalid_request",
            Self::AddressRefused => "address_refused",
            Self::PortRefused => "port_refused",
            Self::PlainHttpRefused => "plain_http_refused",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Broken => "broken",
            Self::InvalidResponse => "invalid_response",
        }
    }

    /// Whether the same request may succeed later; otherwise its settings have to be changed first.
    ///
    /// A refused address is worth another try, because names are repaired; the guard refuses it again if not.
    pub fn is_retryable(self) -> bool {
        !matches!(self, Self::InvalidUrl | Self::InvalidRequest | Self::PortRefused | Self::PlainHttpRefused)
    }
}

/// Why a request brought no answer, and what to do. The text names at most scheme, host, port and address: no
/// user name, path or query, because all of them can be secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EgressError {
    kind: EgressErrorKind,
    message: String,
}

impl EgressError {
    pub(crate) fn new(kind: EgressErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// The same, with the origin it happened at in front.
    pub(crate) fn at(&self, origin: &str) -> Self {
        Self { kind: self.kind, message: format!("{origin}: {}", self.message) }
    }

    /// What kind of failure it was.
    pub fn kind(&self) -> EgressErrorKind {
        self.kind
    }
}
