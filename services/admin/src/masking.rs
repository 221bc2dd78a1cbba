//! Personal data is masked for those who may not see it: in one place, on the way out, by what the contract says of each
//! field. A call says which tenant it is about ([`crate::call::Call::locate`]), and with that whether its caller may see.

mod layer;
mod shape;
mod wire;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tonic::Status;
use tributary_domain::{
    access::{Standing, TenantRole},
    error::ErrorCode,
    id::{AgencyId, TenantId},
};

pub(crate) use layer::MaskLayer;

use crate::error::status;

/// Whether the answer of a call is to be masked. The layer puts it into the request, the call draws it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Veil(Arc<AtomicBool>);

impl Veil {
    /// From now on the answer is masked.
    pub(crate) fn draw(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it is.
    pub(crate) fn is_drawn(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Whether somebody sees personal data of a tenant in which it takes the role `least`; without a standing, the operator.
pub(crate) fn sees(
    standing: Option<&Standing>,
    agency: AgencyId,
    tenant: TenantId,
    least: TenantRole,
) -> bool {
    standing.is_none_or(|standing| standing.tenant_role(agency, tenant) >= Some(least))
}

/// Whether words, such as a path, are shown as they are to who sees no personal data.
pub(crate) fn is_impersonal(words: &str) -> bool {
    shape::words(words, &[]) == words
}

/// PERMISSION_DENIED for who may not see personal data, and asks for something by it: what is found would tell it.
pub(crate) fn hidden(what: &str) -> Status {
    let message = format!(
        "{what} is personal data, which your role in this tenant does not see: ask for what it is about by its id, or an \
         admin of the tenant for a higher role"
    );
    status(ErrorCode::PermissionDenied, "PERSONAL_DATA_MASKED", message)
}
