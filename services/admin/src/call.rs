//! One call: who makes it, and the way to what it may reach. What hangs below a tenant is found through [`Call::locate`]
//! and in no other way, so that no call forgets to ask whether it may.

use std::{
    future::{Future, pending},
    ops::Deref,
    time::Duration,
};

use tonic::{Request, Status};
use tributary_auth::Caller;
use tributary_domain::{
    access::{AgencyRole, Standing, TenantRole, Verdict},
    error::ErrorCode,
    id::{AgencyId, TenantId},
};
use tributary_proto::admin::v1::LeastRole;
use tributary_store::{ReadSession, TenantScope, access::Appointer, audit::Author, tenant::TenantRecord};

use crate::{
    AdminContext,
    address::address_of,
    error::{from_store, not_found, role_forbids, status, token_invalid},
    masking::{Veil, hidden, sees},
    name::{Names, TenantPath},
};

/// How often a stream asks whether its caller still may: what is taken away is to be gone within 5 s.
const LOOKED_AFTER: Duration = Duration::from_secs(2);

/// A tenant that was found by its name: the way to its data, and how its resources are called.
#[derive(Debug)]
pub(crate) struct Located<'a> {
    /// The way to its data.
    pub(crate) scope: TenantScope<'a>,
    /// The tenant itself.
    pub(crate) record: TenantRecord,
    /// How its resources are called.
    pub(crate) names: Names,
    /// Whether the caller sees personal data of it in the clear.
    pub(crate) sees_personal: bool,
}

impl Located<'_> {
    /// The same tenant, read in `session`.
    pub(crate) fn within<'b>(&'b self, session: &'b ReadSession) -> Located<'b> {
        let (record, names) = (self.record.clone(), self.names);
        Located { scope: self.scope.within(session), record, names, sees_personal: self.sees_personal }
    }

    /// Lets those pass who see personal data: `what` is asked by it, and what is found would tell it.
    ///
    /// # Errors
    /// PERMISSION_DENIED for others.
    pub(crate) fn check_personal(&self, what: &str) -> Result<(), Status> {
        if self.sees_personal { Ok(()) } else { Err(hidden(what)) }
    }
}

/// A call that is being answered.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    context: &'a AdminContext,
    /// Who calls.
    pub(crate) caller: Caller,
    /// The least role that the call takes, as the contract says.
    least: LeastRole,
    /// Who makes the change, for the audit log.
    pub(crate) author: Author,
    /// Drawn where the caller may not see what is personal in the answer.
    veil: Veil,
}

impl Deref for Call<'_> {
    type Target = AdminContext;

    fn deref(&self) -> &AdminContext {
        self.context
    }
}

impl AdminContext {
    /// The call that `request` makes. What the caller may do is read again: the layer looked when the call began, and
    /// its request may have taken long to come.
    ///
    /// # Errors
    /// UNAUTHENTICATED when the layer that asks who calls let nobody through, or the caller may not call any more.
    pub(crate) async fn call<T>(&self, request: &Request<T>) -> Result<Call<'_>, Status> {
        let unknown = || status(ErrorCode::Unauthenticated, "CALLER_UNKNOWN", "it is not known who calls");
        let caller = request.extensions().get::<Caller>().ok_or_else(unknown)?.clone();
        let caller = self.renewed(caller).await?;
        let least = *request.extensions().get::<LeastRole>().ok_or_else(unknown)?;
        let veil = request.extensions().get::<Veil>().ok_or_else(unknown)?.clone();
        let mut author = Author::new(caller.actor(), self.clock.now());
        author.address = address_of(request);
        let call = Call { context: self, caller, least, author, veil };
        // What only the operator may do is refused whatever it names.
        if least == LeastRole::Operator && call.standing().is_some() {
            return Err(role_forbids(least));
        }
        Ok(call)
    }
}

impl AdminContext {
    /// The caller as they are now.
    ///
    /// # Errors
    /// UNAUTHENTICATED when they are gone, or their session is over.
    async fn renewed(&self, caller: Caller) -> Result<Caller, Status> {
        let Caller::Principal { principal, session, .. } = caller else { return Ok(caller) };
        let standing = self.store.standing(principal, session, self.clock.now()).await.map_err(from_store)?;
        let standing = standing.ok_or_else(token_invalid)?;
        Ok(Caller::Principal { principal, session, standing })
    }
}

impl AdminContext {
    /// Whether somebody who saw personal data of a tenant sees it still.
    ///
    /// # Errors
    /// PERMISSION_DENIED when they do not.
    async fn still_sees(&self, standing: &Standing, names: Names) -> Result<(), Status> {
        let record = self.store.tenants().get(names.tenant).await.map_err(from_store)?;
        let least = record.settings.personal_data_role;
        if sees(Some(standing), names.agency, names.tenant, least) {
            Ok(())
        } else {
            Err(hidden("what this stream tells"))
        }
    }
}

impl<'a> Call<'a> {
    /// What the caller may do; nothing for the operator, who may do everything.
    pub(crate) fn standing(&self) -> Option<&Standing> {
        match &self.caller {
            Caller::Operator => None,
            Caller::Principal { standing, .. } => Some(standing),
        }
    }

    /// The tenant that a name belongs to. Where the caller may not see personal data of it, the answer is masked.
    ///
    /// # Errors
    /// NOT_FOUND when there is none, it belongs to another agency than the name says, or the caller may not know of it;
    /// PERMISSION_DENIED when their role does not reach as far as this call.
    pub(crate) async fn locate(&self, path: TenantPath) -> Result<Located<'a>, Status> {
        let record = self.context.store.tenants().get(path.tenant).await.map_err(from_store)?;
        if path.agency.is_some_and(|agency| agency != record.agency) {
            return Err(not_found("tenant"));
        }
        self.check_tenant(record.agency, record.id)?;
        let names = Names { agency: record.agency, tenant: record.id };
        let least = record.settings.personal_data_role;
        let sees_personal = sees(self.standing(), record.agency, record.id, least);
        if !sees_personal {
            self.veil.draw();
        }
        Ok(Located { scope: self.context.store.tenant(record.id), record, names, sees_personal })
    }

    /// Whether the call may be made in a tenant, which may be deleted.
    ///
    /// # Errors
    /// NOT_FOUND or PERMISSION_DENIED, as [`Call::locate`].
    pub(crate) fn check_tenant(&self, agency: AgencyId, tenant: TenantId) -> Result<(), Status> {
        refused(self.verdict(agency, tenant), self.least, "tenant")
    }

    /// Whether the call may be made in an agency.
    ///
    /// # Errors
    /// NOT_FOUND or PERMISSION_DENIED, as [`Call::locate`].
    pub(crate) fn check_agency(&self, agency: AgencyId) -> Result<(), Status> {
        let least = agency_role(self.least).unwrap_or(AgencyRole::Member);
        let verdict = self.standing().map_or(Verdict::Allowed, |standing| standing.in_agency(agency, least));
        refused(verdict, self.least, "agency")
    }

    /// The tenants that the caller reaches, where those are not all of an agency.
    pub(crate) fn granted(&self) -> Option<Vec<TenantId>> {
        let standing = self.standing().filter(|standing| standing.role == AgencyRole::Member)?;
        Some(standing.grants.keys().copied().collect())
    }

    /// Who gives or takes roles in this call.
    pub(crate) fn appointer(&self) -> Appointer {
        Appointer(self.standing().map_or(AgencyRole::Owner, |standing| standing.role))
    }

    /// Waits until the caller may not do any more in a tenant what they began, as a stream does, or may not see any more
    /// what they saw; then says why.
    pub(crate) fn revoked(&self, names: Names) -> impl Future<Output = Status> + Send + 'static + use<> {
        let (context, caller, least) = (self.context.clone(), self.caller.clone(), self.least);
        let saw = !self.veil.is_drawn();
        async move {
            if caller == Caller::Operator {
                return pending().await;
            }
            loop {
                tokio::time::sleep(LOOKED_AFTER).await;
                let checked = match context.renewed(caller.clone()).await {
                    Ok(Caller::Operator) => Ok(()),
                    Ok(Caller::Principal { standing, .. }) => {
                        let verdict = verdict(&standing, least, names.agency, names.tenant);
                        match refused(verdict, least, "tenant") {
                            Ok(()) if saw => context.still_sees(&standing, names).await,
                            checked => checked,
                        }
                    }
                    Err(status) => Err(status),
                };
                if let Err(why) = checked {
                    return why;
                }
            }
        }
    }

    fn verdict(&self, agency: AgencyId, tenant: TenantId) -> Verdict {
        self.standing().map_or(Verdict::Allowed, |standing| verdict(standing, self.least, agency, tenant))
    }
}

/// What a verdict about `what` is answered with.
fn refused(verdict: Verdict, least: LeastRole, what: &str) -> Result<(), Status> {
    match verdict {
        Verdict::Allowed => Ok(()),
        Verdict::Forbidden => Err(role_forbids(least)),
        Verdict::Hidden => Err(not_found(what)),
    }
}

fn agency_role(least: LeastRole) -> Option<AgencyRole> {
    match least {
        LeastRole::AgencyMember => Some(AgencyRole::Member),
        LeastRole::AgencyAdmin => Some(AgencyRole::Admin),
        _ => None,
    }
}

fn verdict(standing: &Standing, least: LeastRole, agency: AgencyId, tenant: TenantId) -> Verdict {
    let in_tenant = |role| standing.in_tenant(agency, tenant, role);
    match least {
        LeastRole::TenantEditor => in_tenant(TenantRole::Editor),
        LeastRole::TenantAdmin => in_tenant(TenantRole::Admin),
        LeastRole::AgencyAdmin | LeastRole::Operator if in_tenant(TenantRole::Viewer) == Verdict::Hidden => {
            Verdict::Hidden
        }
        LeastRole::AgencyAdmin => standing.in_agency(agency, AgencyRole::Admin),
        LeastRole::Operator => Verdict::Forbidden,
        LeastRole::TenantViewer
        | LeastRole::AgencyMember
        | LeastRole::Caller
        | LeastRole::Nobody
        | LeastRole::Unspecified => in_tenant(TenantRole::Viewer),
    }
}
