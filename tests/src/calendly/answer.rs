//! Requests and answers of the API.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Response, StatusCode, request::Parts};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use serde_json::{Value, json};

/// What a page has where nothing is said, and at most.
const USUAL: usize = 20;
const MOST: usize = 100;

/// A request.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) token: Option<String>,
    pub(super) body: Value,
    query: Vec<(String, String)>,
}

impl Asked {
    pub(super) fn new(head: &Parts, body: &[u8]) -> Self {
        let header = head.headers.get("authorization").and_then(|value| value.to_str().ok());
        let pairs = head.uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        Self {
            method: head.method.to_string(),
            path: head.uri.path().to_owned(),
            token: header.and_then(|value| value.strip_prefix("Bearer ")).map(str::to_owned),
            body: serde_json::from_slice(body).unwrap_or_default(),
            query: pairs.map(|(name, value)| (name.to_owned(), decoded(value))).collect(),
        }
    }

    /// A parameter of the query.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A value of a query without its percent signs.
fn decoded(value: &str) -> String {
    let bytes = value.as_bytes();
    let (mut plain, mut place) = (Vec::new(), 0);
    while let Some(byte) = bytes.get(place) {
        let hex = (*byte == b'%').then(|| value.get(place + 1..place + 3)).flatten();
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(escaped) => {
                plain.push(escaped);
                place += 3;
            }
            None => {
                plain.push(if *byte == b'+' { b' ' } else { *byte });
                place += 1;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Option<Value>,
}

impl Answer {
    pub(super) fn ok(body: Value) -> Self {
        Self { status: 200, headers: Vec::new(), body: Some(body) }
    }

    pub(super) fn created(body: Value) -> Self {
        Self { status: 201, ..Self::ok(body) }
    }

    pub(super) fn gone() -> Self {
        Self { status: 204, headers: Vec::new(), body: None }
    }

    pub(super) fn refused(status: u16, title: &str, message: &str) -> Self {
        Self { status, ..Self::ok(json!({ "title": title, "message": message })) }
    }

    pub(super) fn not_found() -> Self {
        Self::refused(404, "Resource Not Found", "The server could not find the requested resource.")
    }

    /// A parameter is wrong.
    pub(super) fn invalid(parameter: &str, message: &str) -> Self {
        let details = json!([{ "parameter": parameter, "message": message }]);
        let body = json!({ "title": "Invalid Argument", "message": "The supplied parameters are invalid.", "details": details });
        Self { status: 400, ..Self::ok(body) }
    }

    pub(super) fn with(mut self, headers: Vec<(&'static str, String)>) -> Self {
        if self.headers.is_empty() {
            self.headers = headers;
        }
        self
    }

    pub(super) fn response(self) -> Response<BoxBody<Bytes, Infallible>> {
        let body = self.body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let mut response = Response::new(Full::new(body).boxed());
        *response.status_mut() = StatusCode::from_u16(self.status).expect("a status");
        response.headers_mut().insert("content-type", "application/json".parse().expect("a value"));
        for (name, value) in self.headers {
            response.headers_mut().insert(name, value.parse().expect("a value"));
        }
        response
    }
}

/// A page of `items`, of `most` at most whatever is asked for.
pub(super) fn page(items: &[Value], asked: &Asked, most: usize) -> Answer {
    let count = match asked.query("count").map(str::parse) {
        None => USUAL,
        Some(Ok(count)) if (1..=MOST).contains(&count) => count,
        Some(_) => return Answer::invalid("count", "must be from 1 to 100"),
    };
    let from =
        match asked.query("page_token").map(|token| token.strip_prefix("page-").map(str::parse::<usize>)) {
            None => 0,
            Some(Some(Ok(from))) if from < items.len() => from,
            Some(_) => return Answer::invalid("page_token", "is not valid"),
        };
    let end = items.len().min(from + count.min(most));
    let next = (end < items.len()).then(|| format!("page-{end}"));
    Answer::ok(json!({
        "collection": items[from..end],
        "pagination": {
            "count": end - from,
            "next_page": next.as_ref().map(|token| format!("https://api.calendly.com{}?page_token={token}", asked.path)),
            "next_page_token": next,
            "previous_page": null,
            "previous_page_token": null,
        },
    }))
}
