//! What holds for the whole contract: everything has a comment, every list has pages, names follow the rules.

use std::collections::HashMap;

use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto};

use crate::descriptors::{comments, files};

/// The descriptor paths of what a file declares, each with its name.
#[derive(Default)]
struct Declared(Vec<(Vec<i32>, String)>);

impl Declared {
    fn of(file: &FileDescriptorProto) -> Self {
        let mut all = Self::default();
        for (index, message) in (0..).zip(&file.message_type) {
            all.message(vec![4, index], message, "");
        }
        for (index, found) in (0..).zip(&file.enum_type) {
            all.enumeration(vec![5, index], found, "");
        }
        for (index, service) in (0..).zip(&file.service) {
            all.0.push((vec![6, index], service.name().to_owned()));
            for (call, method) in (0..).zip(&service.method) {
                all.0.push((vec![6, index, 2, call], format!("{}.{}", service.name(), method.name())));
            }
        }
        all
    }

    fn message(&mut self, path: Vec<i32>, message: &DescriptorProto, outer: &str) {
        if message.options.as_ref().is_some_and(|options| options.map_entry()) {
            return;
        }
        let name = format!("{outer}{}", message.name());
        let below = |kind: i32, index: i32| [path.as_slice(), &[kind, index]].concat();
        for (index, field) in (0..).zip(&message.field) {
            self.0.push((below(2, index), format!("{name}.{}", field.name())));
        }
        for (index, inner) in (0..).zip(&message.nested_type) {
            self.message(below(3, index), inner, &format!("{name}."));
        }
        for (index, inner) in (0..).zip(&message.enum_type) {
            self.enumeration(below(4, index), inner, &format!("{name}."));
        }
        self.0.push((path, name));
    }

    fn enumeration(&mut self, path: Vec<i32>, found: &EnumDescriptorProto, outer: &str) {
        for (index, value) in (0..).zip(&found.value) {
            self.0.push(([path.as_slice(), &[2, index]].concat(), value.name().to_owned()));
        }
        self.0.push((path, format!("{outer}{}", found.name())));
    }
}

#[test]
fn everything_has_a_comment() {
    for file in files() {
        let comments = comments(&file);
        for (path, name) in Declared::of(&file).0 {
            let comment = comments.get(&path).map_or("", String::as_str);
            assert!(!comment.is_empty(), "{name} in {} has no comment", file.name());
        }
    }
}

#[test]
fn every_list_has_pages() {
    let files = files();
    let messages: HashMap<&str, &DescriptorProto> =
        files.iter().flat_map(|file| &file.message_type).map(|message| (message.name(), message)).collect();
    let methods = files.iter().flat_map(|file| &file.service).flat_map(|service| &service.method);
    let lists: Vec<_> = methods.filter(|method| method.name().starts_with("List")).collect();
    assert!(lists.len() > 15);
    for method in lists {
        let has =
            |message: &str, field: &str| messages[message].field.iter().any(|found| found.name() == field);
        let (request, response) = (format!("{}Request", method.name()), format!("{}Response", method.name()));
        assert!(has(&request, "page_size") && has(&request, "page_token"), "{request}");
        assert!(has(&response, "next_page_token"), "{response}");
    }
}

#[test]
fn requests_are_named_after_their_calls() {
    for method in files().iter().flat_map(|file| &file.service).flat_map(|service| &service.method) {
        assert_eq!(method.input_type(), format!(".tributary.admin.v1.{}Request", method.name()));
    }
}

#[test]
fn values_of_enumerations_carry_its_name_and_begin_with_not_set() {
    fn check(found: &EnumDescriptorProto) {
        let mut prefix = String::new();
        for letter in found.name().chars() {
            if letter.is_ascii_uppercase() && !prefix.is_empty() {
                prefix.push('_');
            }
            prefix.push(letter.to_ascii_uppercase());
        }
        assert_eq!(found.value[0].name(), format!("{prefix}_UNSPECIFIED"));
        assert!(found.value.iter().all(|value| value.name().starts_with(&prefix)), "{prefix}");
    }
    fn walk(message: &DescriptorProto) {
        message.enum_type.iter().for_each(check);
        message.nested_type.iter().for_each(walk);
    }
    for file in files() {
        file.enum_type.iter().for_each(check);
        file.message_type.iter().for_each(walk);
    }
}
