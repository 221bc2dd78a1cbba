use http::HeaderMap;
use proptest::prelude::*;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{FormError, read};
use crate::sources::{provider, testing};

const URLENCODED: &str = "application/x-www-form-urlencoded";

fn of(content_type: &str) -> HeaderMap {
    testing::headers(&[("content-type", content_type)])
}

fn urlencoded(body: &str) -> Result<Option<Value>, FormError> {
    read(&of(URLENCODED), body.as_bytes())
}

fn multipart(body: &str) -> Result<Option<Value>, FormError> {
    read(&of("multipart/form-data; boundary=b"), body.replace('\n', "\r\n").as_bytes())
}

#[test]
fn fields_become_an_object() {
    let expected = json!({"name": "Søren O'Hara", "email": "a@b.c", "empty": "", "f[x]": "1"});
    let found = urlencoded("name=S%C3%B8ren+O%27Hara&email=a%40b.c&empty=&f%5Bx%5D=1&=nameless");
    assert_eq!(found, Ok(Some(expected)));
    let charset = read(&of("Application/X-WWW-Form-Urlencoded; charset=UTF-8"), b"a=1");
    assert_eq!(charset, Ok(Some(json!({"a": "1"}))));
}

#[test]
fn what_comes_several_times_is_a_list() {
    assert_eq!(urlencoded("a=1&b=x&a=2&a=3"), Ok(Some(json!({"a": ["1", "2", "3"], "b": "x"}))));
    assert_eq!(urlencoded("a[]=1&b[]=x&a[]=2"), Ok(Some(json!({"a": ["1", "2"], "b": ["x"]}))));
    assert_eq!(urlencoded("a=1&a[]=2"), Ok(Some(json!({"a": ["1", "2"]}))));
}

#[test]
fn other_bodies_are_left_as_they_are() {
    for content_type in
        ["application/json", "text/plain", "application/x-www-form", "multipart/mixed; boundary=b"]
    {
        assert_eq!(read(&of(content_type), b"a=1"), Ok(None), "{content_type}");
    }
    assert_eq!(read(&HeaderMap::new(), b"a=1"), Ok(None));
}

#[test]
fn parts_become_an_object_and_of_files_only_their_names() {
    let body = "--b\ncontent-disposition: form-data; name=\"email\"\n\nada@example.com\n\
        --b\nContent-Disposition: form-data; name=\"note\"\nContent-Type: text/plain\n\ntwo\nlines --b\n\n\
        --b  \nContent-Disposition: form-data; name=topics[]\n\n\n\
        --b\nContent-Disposition: form-data; name=\"a%22b\"\n\nquoted\n\
        --b\nContent-Disposition: form-data; name=\"cv\"; filename=\"C:\\cv; \\\"1\\\".pdf\"\nContent-Type: application/pdf\n\n%PDF\n\
        --b\nContent-Disposition: form-data; name=\"photo\"; filename=\"\"\nContent-Type: application/octet-stream\n\n\n--b--\n";
    let expected = json!({
        "email": "ada@example.com",
        "note": "two\r\nlines --b\r\n",
        "topics": [""],
        "a\"b": "quoted",
        "cv": {"file": "C:\\cv; \"1\".pdf", "type": "application/pdf", "bytes": 4},
    });
    assert_eq!(multipart(body), Ok(Some(expected)));
    let quoted = read(
        &of("multipart/form-data; charset=utf-8; boundary=\"a b\""),
        b"x\r\n--a b\r\ncontent-disposition: form-data; name=n\r\n\r\nv\r\n--a b--",
    );
    assert_eq!(quoted, Ok(Some(json!({"n": "v"}))), "after a preamble");
}

#[test]
fn what_is_no_form_is_refused() {
    let code = |found: Result<Option<Value>, FormError>| found.unwrap_err().code();
    let part = "--b\ncontent-disposition: form-data; name=n\n\nv\n";
    for body in [
        "",
        "--b--",
        "--b",
        "--b\n",
        "no boundary",
        &part.replace("name=n", "nome=n"),
        &part.replace("form-data", "attachment"),
        part,
        &format!("{part}--bb--"),
        "--b\ncontent-disposition: form-data; name=n",
        "--b\n\nno headers\n--b--",
    ] {
        assert_eq!(code(multipart(body)), "FORM_MALFORMED", "{body}");
    }
    let long = format!("multipart/form-data; boundary={}", "b".repeat(201));
    for content_type in ["multipart/form-data", "multipart/form-data; boundary=", &long] {
        assert_eq!(code(read(&of(content_type), b"--b--")), "FORM_MALFORMED");
    }
    assert_eq!(code(urlencoded("")), "FORM_MALFORMED");
    let many: String = (0..=1_000).map(|number| format!("f{number}=1&")).collect();
    assert_eq!(code(urlencoded(&many)), "FORM_TOO_LARGE");
    assert_eq!(code(urlencoded(&format!("{}=1", "n".repeat(501)))), "FORM_TOO_LARGE");
    let head = format!("--b\ncontent-disposition: form-data; name=n; x={}\n\nv\n--b--", "x".repeat(5_000));
    assert_eq!(code(multipart(&head)), "FORM_MALFORMED");
}

#[test]
fn github_may_put_its_json_into_a_form() {
    let github = provider("github").unwrap();
    let body = |text: &str| github.body(&of(URLENCODED), text.as_bytes());
    assert_eq!(
        body("payload=%7B%22action%22%3A%22opened%22%7D"),
        Ok(Some(br#"{"action":"opened"}"#.to_vec()))
    );
    assert_eq!(body("load=1").unwrap_err().code(), "FORM_MALFORMED");
    assert_eq!(github.body(&of("application/json"), b"{}"), Ok(None));
}

proptest! {
    #[test]
    fn both_kinds_of_form_say_the_same(fields in prop::collection::vec(("[a-z]{1,5}", "\\PC{0,20}"), 1..10)) {
        let written = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
        let parts: String = fields
            .iter()
            .map(|(name, value)| format!("--b-1\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"))
            .collect();
        let body = format!("{parts}--b-1--\r\n");
        let found = read(&of("multipart/form-data; boundary=b-1"), body.as_bytes());
        prop_assert_eq!(&found, &read(&of(URLENCODED), written.as_bytes()));
        let mut expected = std::collections::BTreeMap::<&str, Vec<&str>>::new();
        for (name, value) in &fields {
            expected.entry(name).or_default().push(value);
        }
        let expected: Value = expected
            .into_iter()
            .map(|(name, values)| (name.to_owned(), if values.len() == 1 { json!(values[0]) } else { json!(values) }))
            .collect::<serde_json::Map<_, _>>()
            .into();
        prop_assert_eq!(found, Ok(Some(expected)));
    }

    #[test]
    fn whatever_comes_is_read_or_refused(body in prop::collection::vec(prop_oneof![Just(b'-'), Just(b'b'), Just(b'\r'), Just(b'\n'), any::<u8>()], 0..100)) {
        let _ = read(&of("multipart/form-data; boundary=b"), &body);
        let _ = read(&of(URLENCODED), &body);
    }
}
