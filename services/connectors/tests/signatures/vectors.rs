//! Signatures that were computed apart from this code, with the `hmac` of Python, or that the vendors publish.

/// When they were made, in seconds since 1970.
pub(crate) const TIME: i64 = 1_773_151_351;

/// A request that a provider signed.
#[derive(Debug)]
pub(crate) struct Vector {
    pub(crate) provider: &'static str,
    pub(crate) what: &'static str,
    pub(crate) key: &'static str,
    /// Its path and query, below `https://in.example.com`.
    pub(crate) target: &'static str,
    pub(crate) headers: &'static [(&'static str, &'static str)],
    pub(crate) body: &'static str,
    /// Whether it holds only within the tolerance of [`TIME`].
    pub(crate) signs_time: bool,
}

pub(crate) const VECTORS: &[Vector] = &[
    Vector {
        provider: "stripe",
        what: "one signature",
        key: "whsec_5f1c0d2e7a94b3866c1d",
        target: "/in/secret",
        headers: &[(
            "stripe-signature",
            "t=1773151351,v1=104854a9cd22e27edd90e08b01c4418b563b734bf055d5be6d8dc176a6bad426",
        )],
        body: r#"{"id":"evt_1","type":"checkout.session.completed","data":{"object":{"amount_total":29631}}}"#,
        signs_time: true,
    },
    Vector {
        provider: "stripe",
        what: "two signatures and one of the older scheme",
        key: "whsec_5f1c0d2e7a94b3866c1d",
        target: "/in/secret",
        headers: &[(
            "stripe-signature",
            "t=1773151351,v0=abababababababababababababababababababababababababababababababab,v1=0000000000000000000000000000000000000000000000000000000000000000,v1=104854a9cd22e27edd90e08b01c4418b563b734bf055d5be6d8dc176a6bad426",
        )],
        body: r#"{"id":"evt_1","type":"checkout.session.completed","data":{"object":{"amount_total":29631}}}"#,
        signs_time: true,
    },
    Vector {
        provider: "calendly",
        what: "one signature",
        key: "whk_harbourlight_2026",
        target: "/in/secret",
        headers: &[(
            "calendly-webhook-signature",
            "t=1773151351,v1=db9fba3b10fce1371989b3d3cf8c7f8ef67513fa7a679c012754847d113057c8",
        )],
        body: r#"{"event":"invitee.created","payload":{"email":"nadia@example.com"}}"#,
        signs_time: true,
    },
    Vector {
        provider: "shopify",
        what: "base64",
        key: "shpss_8a1f44c0d9e2b7",
        target: "/in/secret",
        headers: &[("x-shopify-hmac-sha256", "Zab6W+eo1VJAO0IyEmOO7N8liJj2zwIxJbnYLZdudfU=")],
        body: r#"{"id":6120044887321,"email":"søren@example.com","total_price":"162.40"}"#,
        signs_time: false,
    },
    Vector {
        provider: "typeform",
        what: "base64 behind sha256=",
        key: "a secret with spaces",
        target: "/in/secret",
        headers: &[("typeform-signature", "sha256=uxEeO8o/HhnaHyoX/IiKJt9OcrRd8pPjnqjm/+tJ3Ys=")],
        body: r#"{"event_type":"form_response","form_response":{"token":"h7vq2m9x","answers":[]}}"#,
        signs_time: false,
    },
    Vector {
        provider: "calcom",
        what: "bare hex",
        key: "calcom-signing-secret",
        target: "/in/secret",
        headers: &[(
            "x-cal-signature-256",
            "c53f7fe0654cb1a5f3b935217520ba79b1c57732ff57e3e4a19fff723322bc59",
        )],
        body: r#"{"triggerEvent":"BOOKING_CREATED","payload":{"uid":"bfz2Yd3r8K"}}"#,
        signs_time: false,
    },
    Vector {
        provider: "woocommerce",
        what: "base64",
        key: "0=Vn7+ (wc secret) &|",
        target: "/in/secret",
        headers: &[("x-wc-webhook-signature", "aIqNdv9vINjBhMO3dEwEvbEXRqF48WWEgC0jXAt5vsw=")],
        body: r#"{"id":1842,"status":"processing","total":"128.40"}"#,
        signs_time: false,
    },
    Vector {
        provider: "github",
        what: "as its documentation has it",
        key: "It's a Secret to Everybody",
        target: "/in/secret",
        headers: &[(
            "x-hub-signature-256",
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        )],
        body: "Hello, World!",
        signs_time: false,
    },
    Vector {
        provider: "meta_lead_ads",
        what: "escapes are signed as they stand",
        key: "9f2c11d04be84c1f",
        target: "/in/secret",
        headers: &[(
            "x-hub-signature-256",
            "sha256=168c234506a35abf021134b7538709d7dc39955a20001dd878fc6ec7b5212aa7",
        )],
        body: r#"{"object":"page","entry":[{"id":"1","changes":[{"field":"leadgen","value":{"name":"\u00e9"}}]}]}"#,
        signs_time: false,
    },
    Vector {
        provider: "standard_webhooks",
        what: "the headers of the specification",
        key: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        target: "/in/secret",
        headers: &[
            ("webhook-id", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk"),
            ("webhook-timestamp", "1773151351"),
            ("webhook-signature", "v1,xr/96EVY6QBuFMZJJtasJhD9U2YlpkZdPmJKuFAXeF0="),
        ],
        body: r#"{"type":"user.signed_up","data":{"email":"nadia@example.com"}}"#,
        signs_time: true,
    },
    Vector {
        provider: "standard_webhooks",
        what: "the headers of Svix, several signatures, a key without its prefix",
        key: "C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        target: "/in/secret",
        headers: &[
            ("svix-id", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk"),
            ("svix-timestamp", "1773151351"),
            (
                "svix-signature",
                "v1a,eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eA== v1,AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE= v1,xr/96EVY6QBuFMZJJtasJhD9U2YlpkZdPmJKuFAXeF0=",
            ),
        ],
        body: r#"{"type":"user.signed_up","data":{"email":"nadia@example.com"}}"#,
        signs_time: true,
    },
    Vector {
        provider: "hubspot",
        what: "third version",
        key: "6e3a91d0-77aa-4b0e-9c55-2f0c31f9e8b1",
        target: "/in/secret?a=b:c",
        headers: &[
            ("x-hubspot-signature-v3", "EQtfws7aK8SDeMddYfsylFR77+qmrSYIQCoVacrUDes="),
            ("x-hubspot-request-timestamp", "1773151351000"),
        ],
        body: r#"[{"eventId":1,"subscriptionType":"contact.creation","objectId":123}]"#,
        signs_time: true,
    },
    Vector {
        provider: "hubspot",
        what: "third version, of a URL with escapes",
        key: "6e3a91d0-77aa-4b0e-9c55-2f0c31f9e8b1",
        target: "/in/secret?a=b%3Ac%2fd%20e",
        headers: &[
            ("x-hubspot-signature-v3", "U1zvoagA/xEZDL1W28vZr/PUB4xRnWiClIhC37kL5Fw="),
            ("x-hubspot-request-timestamp", "1773151351000"),
        ],
        body: r#"[{"eventId":1,"subscriptionType":"contact.creation","objectId":123}]"#,
        signs_time: true,
    },
    Vector {
        provider: "hubspot",
        what: "first version",
        key: "6e3a91d0-77aa-4b0e-9c55-2f0c31f9e8b1",
        target: "/in/secret",
        headers: &[
            ("x-hubspot-signature", "a4f6f486e2ecfc768d6b1085b14b6d19d9b9966ca695e831ecea4dfd9a476828"),
            ("x-hubspot-signature-version", "v1"),
        ],
        body: r#"[{"eventId":1,"subscriptionType":"contact.creation","objectId":123}]"#,
        signs_time: false,
    },
    Vector {
        provider: "hubspot",
        what: "second version",
        key: "6e3a91d0-77aa-4b0e-9c55-2f0c31f9e8b1",
        target: "/in/secret",
        headers: &[
            ("x-hubspot-signature", "537a24ca332662cc0e68654a79f1334e7f5890dac64690fdfd55cae78ef91bab"),
            ("x-hubspot-signature-version", "v2"),
        ],
        body: r#"[{"eventId":1,"subscriptionType":"contact.creation","objectId":123}]"#,
        signs_time: false,
    },
    Vector {
        provider: "form",
        what: "hex",
        key: "shared-secret-of-a-form",
        target: "/in/secret",
        headers: &[("x-signature", "f01237687ccd665a0fc6d96f3c5cbe81b7592e337c2bc8748a7828854dc70aa8")],
        body: "name=Nadia+Okafor&email=nadia%40example.com",
        signs_time: false,
    },
];
