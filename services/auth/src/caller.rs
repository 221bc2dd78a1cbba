//! Who calls: what the layer puts into a request's extensions, for the handlers and the audit log.

/// Who calls. There is one kind so far: whoever holds the admin token may do everything. Members, API keys and
/// their roles become further kinds here, and the handlers ask this type what its holder may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    actor: &'static str,
}

impl Caller {
    /// The holder of the admin token.
    pub const ADMIN: Self = Self { actor: "admin_token" };

    /// The name that the audit log has for the caller.
    pub fn actor(self) -> &'static str {
        self.actor
    }
}
