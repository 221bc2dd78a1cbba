//! An agency and its first owner: made by `bootstrap` and by the quickstart.

use tributary_proto::admin::v1::{
    AcceptInvitationRequest, Agency, AgencyRole, CreateAgencyRequest, CreateInvitationRequest, Invitation,
    ListMembersRequest, Member,
};

use super::{
    client::{Client, refused},
    finder, pages,
};

/// What came of asking for an owner.
#[derive(Debug)]
pub(super) enum Outcome {
    /// There is one already.
    There {
        /// Their e-mail address.
        email: String,
    },
    /// Somebody was invited to be one.
    Invited {
        /// The token of the invitation.
        token: String,
    },
    /// There is one now.
    Made {
        /// `agencies/…/members/…`.
        member: String,
    },
}

/// The name of the agency with this key, which is made where there is none.
///
/// # Errors
/// When the server refuses.
pub(super) async fn agency(client: &Client, key: &str, display_name: &str) -> anyhow::Result<String> {
    let agencies = finder::agencies(client, usize::MAX).await?;
    if let Some(found) = agencies.into_iter().find(|agency| agency.key == key) {
        return Ok(found.name);
    }
    let (key, display_name) = (key.to_owned(), display_name.to_owned());
    let agency = Agency { key, display_name, ..Agency::default() };
    let request = CreateAgencyRequest { agency: Some(agency), ..Default::default() };
    Ok(client.agencies().create_agency(request).await.map_err(refused)?.into_inner().name)
}

/// Makes an owner of an agency that has none: with this password, or by an invitation.
///
/// # Errors
/// When the server refuses.
pub(super) async fn ensure(
    client: &Client,
    agency: &str,
    email: &str,
    password: Option<&str>,
) -> anyhow::Result<Outcome> {
    let owners = members(client, agency, usize::MAX).await?.into_iter();
    if let Some(owner) = owners.into_iter().find(|member| member.role() == AgencyRole::Owner) {
        return Ok(Outcome::There { email: owner.email });
    }
    let role = AgencyRole::Owner.into();
    let invitation = Invitation { email: email.to_owned(), role, ..Invitation::default() };
    let request = CreateInvitationRequest {
        parent: agency.to_owned(),
        invitation: Some(invitation),
        ..Default::default()
    };
    let token = client.members().create_invitation(request).await.map_err(refused)?.into_inner().token;
    let Some(password) = password else { return Ok(Outcome::Invited { token }) };
    let (password, display_name) = (password.to_owned(), String::new());
    let request = AcceptInvitationRequest { token, password, display_name };
    let accepted = client.auth().accept_invitation(request).await.map_err(refused)?.into_inner();
    Ok(Outcome::Made { member: accepted.member })
}

/// The members of an agency, oldest first.
///
/// # Errors
/// When the server refuses.
pub(super) async fn members(client: &Client, agency: &str, limit: usize) -> anyhow::Result<Vec<Member>> {
    pages::all(limit, async |page_size, page_token| {
        let request = ListMembersRequest { parent: agency.to_owned(), page_size, page_token };
        let answer = client.members().list_members(request).await?.into_inner();
        Ok((answer.members, answer.next_page_token))
    })
    .await
}
