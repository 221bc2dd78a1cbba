//! Where a platform takes events that are tests, so that it counts none of them.

use std::borrow::Cow;

use serde_json::Value;

use super::{OutgoingEvent, Platform, RequestError};

/// How events reach a platform's test facility.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Facility {
    /// It has none.
    None,
    /// Events say of themselves that they are tests; one whose body is made of the owner's own template has to say so there.
    Marked {
        /// The setting that has the template.
        template: &'static str,
        /// The places in the event that say it, without spaces; the first is the one that says nothing else.
        places: &'static [&'static str],
    },
    /// With this setting, a flag.
    Flag(&'static str),
    /// With a code of the platform's.
    Code {
        /// The setting that has the code, for every event.
        setting: &'static str,
        /// The setting that has it for tests alone.
        of_tests: &'static str,
    },
}

/// The settings with which events reach a destination's test facility; nothing where it has none, or these settings lead to none.
pub fn test_settings<'a>(platform: &dyn Platform, settings: &'a Value) -> Option<Cow<'a, Value>> {
    let with = |name: &str, value: Value| {
        let mut settings = settings.clone();
        settings.as_object_mut()?.insert(name.to_owned(), value);
        Some(Cow::Owned(settings))
    };
    match platform.about().facility {
        Facility::None => None,
        Facility::Marked { template, places } => {
            let template = settings.get(template).filter(|template| !template.is_null());
            let template = template.map(|template| template.to_string().replace(' ', ""));
            let is_told = template.is_none_or(|text| places.iter().any(|place| text.contains(place)));
            is_told.then_some(Cow::Borrowed(settings))
        }
        Facility::Flag(name) => with(name, Value::Bool(true)),
        Facility::Code { setting, of_tests } => {
            let code = |name: &str| settings.get(name)?.as_str().filter(|code| !code.is_empty());
            with(setting, code(of_tests).or_else(|| code(setting))?.into())
        }
    }
}

/// The settings with which `event` is sent: those of the test facility where it is a test. Tests and other events share no
/// request.
///
/// # Errors
/// When it is a test, and there is no facility that it could go to.
pub fn settings_for<'a>(
    platform: &dyn Platform,
    settings: &'a Value,
    event: &OutgoingEvent,
) -> Result<Cow<'a, Value>, RequestError> {
    if !event.is_test {
        return Ok(Cow::Borrowed(settings));
    }
    test_settings(platform, settings)
        .ok_or_else(|| RequestError::Event(format!("it is a test, and {}", without_facility(platform))))
}

/// Why tests cannot go to a destination on `platform`, in a clause.
pub fn without_facility(platform: &dyn Platform) -> String {
    let name = platform.display_name();
    match platform.about().facility {
        Facility::None => format!("{name} has nothing that tests could go to without being counted"),
        Facility::Marked { places, .. } => {
            let place = places.first().copied().unwrap_or_default();
            format!("the body of the destination does not say so: put `{place}` into it")
        }
        Facility::Flag(_) => format!("the settings of the destination lead to no test facility of {name}"),
        Facility::Code { of_tests, .. } => {
            format!("the destination has no code of {name}'s test page: enter it as `{of_tests}`")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::destinations::{
        PLATFORMS, find,
        tests::{NOW, event, secrets},
    };

    fn test() -> OutgoingEvent {
        OutgoingEvent { is_test: true, ..event() }
    }

    fn sent(platform: &str, settings: &Value, event: &OutgoingEvent) -> Result<(String, Value), String> {
        let platform = find(platform).unwrap();
        let secrets = secrets(&[(
            platform.about().fields.iter().find(|field| field.secret).unwrap().name,
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        )]);
        let settings = settings_for(platform, settings, event).map_err(|error| error.to_string())?;
        let request = platform.request(&settings, &secrets, event, NOW).map_err(|error| error.to_string())?;
        Ok((request.url, serde_json::from_slice(&request.body).unwrap()))
    }

    #[test]
    fn a_test_goes_to_the_test_facility_and_nothing_else_does() {
        for (platform, settings) in [
            ("meta", json!({"dataset_id": "1", "test_message_code": "TEST7"})),
            ("tiktok", json!({"event_source_id": "1", "test_message_code": "TEST7"})),
        ] {
            let (_, body) = sent(platform, &settings, &test()).unwrap();
            assert_eq!(body["test_event_code"], "TEST7", "{platform}");
            let (_, body) = sent(platform, &settings, &event()).unwrap();
            assert!(body.get("test_event_code").is_none(), "{platform}: {body}");
        }
        let settings = json!({"measurement_id": "G-1"});
        let of_browser = |event: OutgoingEvent| OutgoingEvent {
            identifiers: [
                event.identifiers,
                vec![crate::destinations::tests::identifier("ga_client_id", "1.2")],
            ]
            .concat(),
            ..event
        };
        assert!(sent("ga4", &settings, &of_browser(test())).unwrap().0.contains("/debug/mp/collect"));
        assert!(!sent("ga4", &settings, &of_browser(event())).unwrap().0.contains("/debug/"));
        let settings = json!({"url": "https://example.com/"});
        assert_eq!(sent("webhook", &settings, &test()).unwrap().1["data"]["test"], true);
        assert!(sent("webhook", &settings, &event()).unwrap().1["data"].get("test").is_none());
    }

    #[test]
    fn without_a_facility_no_request_is_made_and_it_is_said_why() {
        for (platform, settings, why) in [
            ("meta", json!({"dataset_id": "1"}), "test_message_code"),
            ("tiktok", json!({"event_source_id": "1", "test_message_code": ""}), "test_message_code"),
            (
                "webhook",
                json!({"url": "https://example.com/", "body": {"lead": "{{ $.data.name }}"}}),
                "$.data.test",
            ),
            ("slack", json!({}), "without being counted"),
            ("klaviyo", json!({}), "without being counted"),
        ] {
            let refused = sent(platform, &settings, &test()).unwrap_err();
            assert!(refused.contains("it is a test") && refused.contains(why), "{platform}: {refused}");
        }
        let said = json!({"url": "https://example.com/", "body": {"trial": "{{ $.data.test }}"}});
        assert_eq!(sent("webhook", &said, &test()).unwrap().1["trial"], true);
        let whole = json!({"url": "https://example.com/", "body": {"all": "{{$.data}}"}});
        assert_eq!(sent("webhook", &whole, &test()).unwrap().1["all"]["test"], true);
        // A code for every event is one for tests too.
        let all = json!({"dataset_id": "1", "test_event_code": "TEST1"});
        assert_eq!(sent("meta", &all, &test()).unwrap().1["test_event_code"], "TEST1");
    }

    #[test]
    fn a_facility_is_made_of_settings_that_there_are() {
        for platform in PLATFORMS {
            let about = platform.about();
            let names: Vec<&str> = match about.facility {
                Facility::None => Vec::new(),
                Facility::Marked { template, .. } => vec![template],
                Facility::Flag(name) => vec![name],
                Facility::Code { setting, of_tests } => vec![setting, of_tests],
            };
            for name in names {
                assert!(about.fields.iter().any(|field| field.name == name), "{}: {name}", about.name);
            }
            assert_eq!(about.facility == Facility::None, about.test_mode.is_empty(), "{}", about.name);
        }
    }
}
