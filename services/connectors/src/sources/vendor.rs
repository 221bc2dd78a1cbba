//! A provider that is told by a table: what differs between vendors that all send JSON and sign it.

use http::{HeaderMap, HeaderName};
use serde_json::Value;
use tributary_domain::booking::BookingFacts;

use super::{
    Ask, Challenge, Facts, FormError, Preset, Provider, Sample, Sending, SettingsError, SourceSettings,
    headers, hubspot, reader::Reader, settings::CluidField, signing::Signing, standard_webhooks,
};

/// A provider, as a table.
///
/// Settings of each: `cluid_path` (JSONPath), `allowed_cluids` (patterns of foreign visitor ids that are taken); where a
/// time is signed, `tolerance_seconds` (1 to 86400, default 300); of HubSpot, `require_v3` (default false).
#[derive(Debug)]
pub(super) struct Vendor {
    /// Its unchanging name.
    pub(super) name: &'static str,
    /// The name that people see.
    pub(super) display_name: &'static str,
    /// What its owner has to know and do.
    pub(super) help: &'static str,
    /// How it signs.
    pub(super) signing: Signing,
    /// Where the visitor's id stands, unless the source says otherwise.
    pub(super) cluid_path: &'static str,
    /// What a request says of itself.
    pub(super) told: fn(&HeaderMap, &Value) -> Told,
    /// In what ways it is like others.
    pub(super) ways: Ways,
    /// A body that it could send.
    pub(super) sample: Sample,
    /// The workflows to start from.
    pub(super) presets: fn() -> Vec<Preset>,
}

/// What most vendors have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ways {
    /// The headers that its facts stand in, which are kept with a message.
    pub(super) kept: &'static [HeaderName],
    /// The headers that it tells the event and the delivery in.
    pub(super) accompany: fn(&Sending<'_>) -> Vec<(&'static HeaderName, String)>,
    /// The JSON of a body that came in another form.
    pub(super) body: fn(&HeaderMap, &[u8]) -> InJson,
    /// Its question whose URL it is.
    pub(super) challenge: fn(&Ask<'_>) -> Option<Challenge>,
}

/// Of vendors that tell nothing in headers, send JSON only, and ask nothing.
pub(super) const PLAIN: Ways =
    Ways { kept: &[], accompany: |_| Vec::new(), body: |_, _| Ok(None), challenge: |_| None };

/// The JSON of a body that came in another form; none: it is taken as it is.
pub(super) type InJson = Result<Option<Vec<u8>>, FormError>;

/// What a request of a vendor says of itself.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The vendor's own name of the event.
    pub(super) event: Option<String>,
    /// What is equal for two deliveries of one fact, and for nothing else.
    pub(super) dedupe_key: Option<String>,
    /// What it says of a booking.
    pub(super) booking: Option<BookingFacts>,
}

impl Provider for Vendor {
    fn name(&self) -> &'static str {
        self.name
    }

    fn display_name(&self) -> &'static str {
        self.display_name
    }

    fn help(&self) -> &'static str {
        self.help
    }

    fn check_settings(&self, settings: &Value) -> Result<SourceSettings, SettingsError> {
        let mut reader = Reader::new(settings)?;
        let cluid = CluidField::from_settings(&mut reader, self.cluid_path)?;
        let tolerance = self.signing.tolerance().map(|seconds| reader.tolerance(seconds)).transpose()?;
        let signing = match &self.signing {
            Signing::HubSpot(_) => Signing::HubSpot(hubspot::Versions::read(&mut reader)?),
            signing => signing.clone(),
        };
        reader.finish()?;
        Ok(SourceSettings::of_provider(cluid, signing, tolerance.unwrap_or_default()))
    }

    fn check_key(&self, key: &str) -> Result<(), &'static str> {
        match self.signing {
            Signing::Standard => standard_webhooks::signature::check_key(key),
            _ => Ok(()),
        }
    }

    fn challenge(&self, ask: &Ask<'_>) -> Option<Challenge> {
        (self.ways.challenge)(ask)
    }

    fn body(&self, headers: &HeaderMap, body: &[u8]) -> Result<Option<Vec<u8>>, FormError> {
        (self.ways.body)(headers, body)
    }

    fn facts(&self, settings: &SourceSettings, headers: &HeaderMap, body: &Value) -> Facts {
        let told = (self.told)(headers, body);
        Facts {
            provider_event: told.event,
            dedupe_key: told.dedupe_key,
            cluid: settings.cluid.read(body),
            cluid_path: settings.cluid.path.to_string(),
            notice: None,
            booking: told.booking,
        }
    }

    fn accompany(&self, sending: &Sending<'_>) -> Vec<(String, String)> {
        let mut all = vec![("content-type".to_owned(), sending.content_type.to_owned())];
        all.extend((self.ways.accompany)(sending).into_iter().map(|(name, value)| (name.to_string(), value)));
        all
    }

    fn sample(&self) -> Sample {
        self.sample
    }

    fn presets(&self) -> Vec<Preset> {
        (self.presets)()
    }

    fn kept_headers(&self, settings: &SourceSettings, headers: &HeaderMap) -> Vec<(String, String)> {
        headers::kept(headers, settings.signing.header(), self.ways.kept)
    }
}
