//! The one tower layer that asks who calls.

use std::{
    collections::HashMap,
    sync::Arc,
    task::{Context, Poll},
};

use async_trait::async_trait;
use futures::future::BoxFuture;
use http::{Request, Response, header::AUTHORIZATION};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};
use tower::{Layer, Service};
use tributary_proto::{admin::v1::LeastRole, least_role};

use crate::Caller;

/// What anybody may ask: whether the house is well, and what its contract says.
const OPEN: [&str; 3] = ["/grpc.health.v1.Health/", "/grpc.reflection.v1.", "/grpc.reflection.v1alpha."];

/// Knows callers by their tokens.
#[async_trait]
pub trait Authenticate: Send + Sync + 'static {
    /// Who holds `token`.
    ///
    /// # Errors
    /// When it is not known why: the status that the call is answered with. `None`: the token is refused.
    async fn authenticate(&self, token: &str) -> Result<Option<Caller>, Status>;
}

/// Lets requests pass that carry `authorization: Bearer` and a token that is known, with a [`Caller`] and the call's
/// [`LeastRole`] in their extensions; answers others with UNAUTHENTICATED. Health, reflection, and the calls of the
/// contract that are for nobody in particular pass without.
#[derive(Clone)]
pub struct AuthLayer {
    callers: Arc<dyn Authenticate>,
}

impl std::fmt::Debug for AuthLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AuthLayer")
    }
}

impl AuthLayer {
    /// A layer that lets these callers pass.
    pub fn new(callers: Arc<dyn Authenticate>) -> Self {
        Self { callers }
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = Auth<S>;

    fn layer(&self, inner: S) -> Auth<S> {
        Auth { callers: Arc::clone(&self.callers), inner }
    }
}

/// A service behind an [`AuthLayer`].
#[derive(Clone)]
pub struct Auth<S> {
    callers: Arc<dyn Authenticate>,
    inner: S,
}

impl<S> std::fmt::Debug for Auth<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Auth")
    }
}

impl<S, B, R> Service<Request<B>> for Auth<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<R>, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let path = request.uri().path();
        let least = least_role(path);
        let is_open = least == Some(LeastRole::Nobody) || OPEN.iter().any(|open| path.starts_with(open));
        // The service that is ready makes the call, its copy waits for the next one.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let callers = Arc::clone(&self.callers);
        Box::pin(async move {
            if let Some(least) = least {
                request.extensions_mut().insert(least);
            }
            if !is_open {
                match authenticate(&*callers, bearer(&request)).await {
                    Ok(caller) => request.extensions_mut().insert(caller),
                    Err(refusal) => return Ok(refusal.into_http()),
                };
            }
            inner.call(request).await
        })
    }
}

/// The token of a request; `Some(None)` when there is something else where it should be.
fn bearer<B>(request: &Request<B>) -> Option<Option<String>> {
    let header = request.headers().get(AUTHORIZATION)?;
    Some(header.to_str().ok().and_then(|text| {
        let (scheme, rest) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim_start().to_owned())
    }))
}

async fn authenticate(
    callers: &dyn Authenticate,
    presented: Option<Option<String>>,
) -> Result<Caller, Status> {
    let Some(presented) = presented else {
        return Err(refusal(
            "TOKEN_MISSING",
            "no token: send the header `authorization: Bearer` and a token",
        ));
    };
    let found = match presented {
        Some(token) => callers.authenticate(&token).await?,
        None => None,
    };
    found.ok_or_else(|| refusal("TOKEN_INVALID", "the token is not valid, or not any more: get another one"))
}

fn refusal(reason: &str, message: &str) -> Status {
    Status::with_error_details(
        Code::Unauthenticated,
        message,
        ErrorDetails::with_error_info(reason, "tributary", HashMap::new()),
    )
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tower::{ServiceExt, service_fn};

    use super::*;
    use crate::AdminToken;

    struct OnlyAdmin(AdminToken);

    #[async_trait]
    impl Authenticate for OnlyAdmin {
        async fn authenticate(&self, token: &str) -> Result<Option<Caller>, Status> {
            Ok(self.0.matches(token).then_some(Caller::Operator))
        }
    }

    /// What comes back for `path` with this header: the caller's name, or the error's reason.
    async fn ask(path: &str, authorization: Option<&str>) -> Result<String, String> {
        let callers = Arc::new(OnlyAdmin(AdminToken::generate(|| 9)));
        let service = AuthLayer::new(callers).layer(service_fn(|request: Request<()>| async move {
            let caller =
                request.extensions().get::<Caller>().map_or_else(|| "nobody".to_owned(), Caller::actor);
            Ok::<_, Infallible>(Response::new(caller))
        }));
        let mut request = Request::builder().uri(path);
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value);
        }
        let response = service.oneshot(request.body(()).unwrap()).await.unwrap();
        match Status::from_header_map(response.headers()) {
            None => Ok(response.into_body()),
            Some(status) => {
                assert_eq!(status.code(), Code::Unauthenticated);
                let info = status.get_details_error_info().unwrap();
                assert_eq!(info.domain, "tributary");
                Err(info.reason)
            }
        }
    }

    #[tokio::test]
    async fn the_token_makes_a_caller() {
        let good = format!("Bearer {}", AdminToken::generate(|| 9).secret());
        assert_eq!(
            ask("/tributary.admin.v1.TenantService/GetTenant", Some(&good)).await.unwrap(),
            "admin_token"
        );
        assert!(ask("/x", Some(&good.replace("Bearer", "bearer"))).await.is_ok());
    }

    #[tokio::test]
    async fn without_the_token_nothing_passes() {
        let path = "/tributary.admin.v1.TenantService/GetTenant";
        assert_eq!(ask(path, None).await.unwrap_err(), "TOKEN_MISSING");
        let other = format!("Bearer {}", AdminToken::generate(|| 8).secret());
        let bare = AdminToken::generate(|| 9).secret().to_owned();
        for wrong in [other.as_str(), "Bearer", "Bearer ", &bare, &format!("Basic {bare}")] {
            assert_eq!(ask(path, Some(wrong)).await.unwrap_err(), "TOKEN_INVALID", "{wrong}");
        }
    }

    #[tokio::test]
    async fn what_is_for_anybody_passes_and_names_that_look_like_it_do_not() {
        for open in [
            "/grpc.health.v1.Health/Check",
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            "/tributary.admin.v1.AuthService/SignIn",
        ] {
            assert_eq!(ask(open, None).await.unwrap(), "nobody");
        }
        for closed in [
            "/grpc.health.v1.HealthX/Check",
            "/x/grpc.health.v1.Health/Check",
            "/tributary.admin.v1.AuthService/SignInX",
        ] {
            assert!(ask(closed, None).await.is_err(), "{closed}");
        }
    }
}
