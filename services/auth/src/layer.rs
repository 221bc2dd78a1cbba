//! The one tower layer that asks who calls.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures::future::{Either, Ready, ready};
use http::{Request, Response, header::AUTHORIZATION};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};
use tower::{Layer, Service};

use crate::{AdminToken, Caller};

/// What anybody may ask: whether the house is well, and what its contract says.
const OPEN: [&str; 3] = ["/grpc.health.v1.Health/", "/grpc.reflection.v1.", "/grpc.reflection.v1alpha."];

/// Lets requests pass that carry `authorization: Bearer` and the admin token, with a [`Caller`] in their extensions;
/// answers others with UNAUTHENTICATED. Health and reflection pass without.
#[derive(Debug, Clone)]
pub struct AuthLayer {
    token: Arc<AdminToken>,
}

impl AuthLayer {
    /// A layer that asks for `token`.
    pub fn new(token: AdminToken) -> Self {
        Self { token: Arc::new(token) }
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = Auth<S>;

    fn layer(&self, inner: S) -> Auth<S> {
        Auth { token: Arc::clone(&self.token), inner }
    }
}

/// A service behind an [`AuthLayer`].
#[derive(Debug, Clone)]
pub struct Auth<S> {
    token: Arc<AdminToken>,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for Auth<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<Response<R>, S::Error>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if OPEN.iter().any(|open| request.uri().path().starts_with(open)) {
            return Either::Left(self.inner.call(request));
        }
        match authenticate(&self.token, &request) {
            Ok(caller) => {
                request.extensions_mut().insert(caller);
                Either::Left(self.inner.call(request))
            }
            Err(refusal) => Either::Right(ready(Ok(refusal.into_http()))),
        }
    }
}

fn authenticate<B>(token: &AdminToken, request: &Request<B>) -> Result<Caller, Status> {
    let Some(header) = request.headers().get(AUTHORIZATION) else {
        return Err(refusal(
            "TOKEN_MISSING",
            "no token: send the header `authorization: Bearer` and the admin token",
        ));
    };
    let presented = header.to_str().ok().and_then(|text| {
        let (scheme, rest) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim_start())
    });
    match presented {
        Some(presented) if token.matches(presented) => Ok(Caller::ADMIN),
        _ => Err(refusal("TOKEN_INVALID", "the token is not the admin token of this server")),
    }
}

fn refusal(reason: &str, message: &str) -> Status {
    Status::with_error_details(
        Code::Unauthenticated,
        message,
        ErrorDetails::with_error_info(reason, "tributary", std::collections::HashMap::new()),
    )
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tower::{ServiceExt, service_fn};

    use super::*;

    /// What comes back for `path` with this header: the caller's name, or the error's reason.
    async fn ask(path: &str, authorization: Option<&str>) -> Result<String, String> {
        let token = AdminToken::generate(|| 9);
        let service = AuthLayer::new(token).layer(service_fn(|request: Request<()>| async move {
            let caller = request.extensions().get::<Caller>().map_or("nobody", |caller| caller.actor());
            Ok::<_, Infallible>(Response::new(caller.to_owned()))
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
    async fn health_and_reflection_pass_and_names_that_look_like_them_do_not() {
        assert_eq!(ask("/grpc.health.v1.Health/Check", None).await.unwrap(), "nobody");
        let reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
        assert_eq!(ask(reflection, None).await.unwrap(), "nobody");
        assert!(ask("/grpc.health.v1.HealthX/Check", None).await.is_err());
        assert!(ask("/x/grpc.health.v1.Health/Check", None).await.is_err());
    }
}
