//! Members and API keys of a running API.

use tributary_proto::admin::v1::{
    AcceptInvitationRequest, AgencyRole, ApiKey, CreateApiKeyRequest, CreateInvitationRequest,
    ExchangeApiKeyRequest, Grant, Invitation, SessionTokens, SignInRequest, TenantRole,
    api_key_service_client::ApiKeyServiceClient, auth_service_client::AuthServiceClient,
    member_service_client::MemberServiceClient,
};

use super::{Wire, World};

/// The password of everybody.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// Somebody who has signed in.
#[derive(Debug, Clone)]
pub(crate) struct Somebody {
    /// `agencies/…/members/…`.
    pub(crate) name: String,
    pub(crate) tokens: SessionTokens,
}

impl Somebody {
    pub(crate) fn token(&self) -> &str {
        &self.tokens.access_token.as_ref().unwrap().token
    }

    pub(crate) fn bearer(&self) -> String {
        format!("Bearer {}", self.token())
    }
}

/// A grant of a tenant by its name.
pub(crate) fn grant(tenant: &str, role: TenantRole) -> Grant {
    Grant { tenant: tenant.to_owned(), role: role.into() }
}

impl World {
    pub(crate) fn auth(&self) -> AuthServiceClient<Wire> {
        AuthServiceClient::new(self.wire())
    }

    pub(crate) fn members(&self) -> MemberServiceClient<Wire> {
        MemberServiceClient::new(self.wire())
    }

    pub(crate) fn api_keys(&self) -> ApiKeyServiceClient<Wire> {
        ApiKeyServiceClient::new(self.wire())
    }

    /// Invites somebody; the outcome is the token of the invitation.
    pub(crate) async fn invite(
        &self,
        agency: &str,
        email: &str,
        role: AgencyRole,
        grants: Vec<Grant>,
    ) -> (Invitation, String) {
        let invitation =
            Invitation { email: email.to_owned(), role: role.into(), grants, ..Invitation::default() };
        let request = CreateInvitationRequest {
            parent: agency.to_owned(),
            invitation: Some(invitation),
            ..Default::default()
        };
        let made = self.members().create_invitation(request).await.unwrap().into_inner();
        (made.invitation.unwrap(), made.token)
    }

    /// Makes a member who signs in.
    pub(crate) async fn join(
        &self,
        agency: &str,
        email: &str,
        role: AgencyRole,
        grants: Vec<Grant>,
    ) -> Somebody {
        let (_, token) = self.invite(agency, email, role, grants).await;
        let password = PASSWORD.to_owned();
        let request = AcceptInvitationRequest { token, password, display_name: "A person".to_owned() };
        let name = self.auth().accept_invitation(request).await.unwrap().into_inner().member;
        let tokens = self.sign_in(email, agency).await.unwrap();
        Somebody { name, tokens }
    }

    /// Signs a member in.
    pub(crate) async fn sign_in(&self, email: &str, agency: &str) -> Result<SessionTokens, tonic::Status> {
        let (email, password, agency) = (email.to_owned(), PASSWORD.to_owned(), agency.to_owned());
        let signed = self.auth().sign_in(SignInRequest { email, password, agency }).await?;
        Ok(signed.into_inner().tokens.unwrap())
    }

    /// Makes an API key; the outcome is it, its secret, and a token for it.
    pub(crate) async fn api_key(
        &self,
        agency: &str,
        role: AgencyRole,
        grants: Vec<Grant>,
    ) -> (ApiKey, String, String) {
        let key =
            ApiKey { display_name: "A service".to_owned(), role: role.into(), grants, ..ApiKey::default() };
        let request =
            CreateApiKeyRequest { parent: agency.to_owned(), api_key: Some(key), ..Default::default() };
        let made = self.api_keys().create_api_key(request).await.unwrap().into_inner();
        let request = ExchangeApiKeyRequest { secret: made.secret.clone() };
        let token = self.auth().exchange_api_key(request).await.unwrap().into_inner().access_token.unwrap();
        (made.api_key.unwrap(), made.secret, token.token)
    }
}
