//! What the client's errors mean.

use std::{error::Error, io};

use hyper_util::client::legacy;

use crate::error::{EgressError, EgressErrorKind};

/// The failure that lies at the bottom of `error`.
pub(crate) fn classify(error: &legacy::Error) -> EgressError {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(known) = recognise(error) {
            return known;
        }
        // An I/O error passes over the error it was made of when it is asked for its source.
        let inner = error.downcast_ref::<io::Error>().and_then(|error| error.get_ref());
        next = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    EgressError::new(
        EgressErrorKind::Broken,
        "the connection broke before an answer came: check the receiver's logs and time-outs",
    )
}

fn recognise(error: &(dyn Error + 'static)) -> Option<EgressError> {
    if let Some(refusal) = error.downcast_ref::<EgressError>() {
        return Some(refusal.clone());
    }
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        let message = format!("tls failed ({tls}): check the receiver's certificate chain and tls versions");
        return Some(EgressError::new(EgressErrorKind::Tls, message));
    }
    let http = error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse);
    http.then(|| {
        EgressError::new(
            EgressErrorKind::InvalidResponse,
            "what came back is not an http answer, or its head is too large: check that the url and port are right",
        )
    })
}
