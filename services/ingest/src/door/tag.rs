//! Serves the browser tag.

use axum::{
    http::{HeaderMap, HeaderValue, Method, header},
    response::{IntoResponse, Response},
};

use super::{Door, receive::opens};
use crate::{
    Refusal,
    tag::{Asked, answer},
};

impl Door {
    /// The tag, or a script of its owner, that a browser asks for.
    pub(super) fn tag(&self, method: &Method, path: &str, headers: &HeaderMap) -> Response {
        if !matches!(*method, Method::GET | Method::HEAD) {
            let mut refused = self.count(Refusal::MethodNotAllowed).into_response();
            refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
        self.find_tag(path, headers).unwrap_or_else(|refusal| {
            let mut refused = self.count(refusal).into_response();
            // What is not there now may be in a moment.
            refused.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            refused
        })
    }

    fn find_tag(&self, path: &str, headers: &HeaderMap) -> Result<Response, Refusal> {
        if !self.config.readiness.is_serving() {
            return Err(Refusal::NotServing);
        }
        let asked = Asked::read(path).ok_or(Refusal::RouteUnknown)?;
        let found = self.config.sources.find(asked.key).ok_or(Refusal::SourceUnknown)?;
        // The secret of another source opens no tag.
        let settings = found.source.settings.tag().ok_or(Refusal::SourceUnknown)?;
        opens(&found, self.config.clock.now())?;
        Ok(answer(asked, settings, headers))
    }
}
