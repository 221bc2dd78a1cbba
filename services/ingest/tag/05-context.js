// Where a visitor came from and is.

// The parameters by which ad platforms know a click again, and the names that they are sent under.
const CLICKS = { ScCid: "sc_click_id" };
"fbclid gclid gbraid wbraid dclid ttclid li_fat_id msclkid twclid epik rdt_cid".split(" ").forEach((name) => (CLICKS[name] = name));
// Longer values are no ids and no names of campaigns.
const LONGEST_VALUE = 1000;
// A visit ends when nothing happens for half an hour; a click counts for 90 days.
const VISIT_ENDS = 18e5;
const CLICK_ENDS = 7776e6;

// Of this visit: `at`, its last sign of life; `landing`; `campaign`; `clicks`, each [value, first seen].
let visit;
// The page before this one, in pages that change without being loaded.
let before;

// The address without its fragment, unless that is what tells pages apart: fragments may hold tokens.
function address() {
  return "!/".includes(location.hash[1]) ? location.href : location.href.split("#")[0];
}

// Notes what the address of this page says, and goes on with the visit that is kept, which may be another tab's.
function arrive() {
  const now = Date.now();
  const campaign = {};
  const clicks = {};
  new URLSearchParams(location.search).forEach((value, name) => {
    if (!value || value.length > LONGEST_VALUE) return;
    if (name.startsWith("utm_")) campaign[name] = value;
    if (CLICKS.hasOwnProperty(name)) clicks[CLICKS[name]] = value;
  });
  const own = visit || { at: 0 };
  const kept = Object((granted && parse(stored(VISIT))) || { at: 0 });
  const last = kept.at > own.at ? kept : own;
  const isNew =
    !(now - last.at < VISIT_ENDS) || (Object.keys(campaign).length && JSON.stringify(campaign) !== JSON.stringify(last.campaign));
  visit = { at: now, landing: isNew ? address() : last.landing, campaign: isNew ? campaign : last.campaign, clicks: {} };
  const known = { ...kept.clicks, ...own.clicks };
  for (const name in known) if (Array.isArray(known[name]) && now - known[name][1] < CLICK_ENDS) visit.clicks[name] = known[name];
  for (const name in clicks) {
    if (!visit.clicks[name] || visit.clicks[name][0] !== clicks[name]) visit.clicks[name] = [clicks[name], now];
  }
  if (granted) store(VISIT, JSON.stringify(visit));
}

// What is sent along with whatever happens.
function context() {
  arrive();
  const clicks = {};
  for (const name in visit.clicks) clicks[name] = visit.clicks[name][0];
  return {
    page: { url: address(), path: location.pathname, title: document.title, referrer: before || document.referrer },
    landing: visit.landing,
    campaign: visit.campaign,
    clicks: clicks,
    language: navigator.language,
    ...(granted && pixels()),
  };
}

// What other scripts keep in cookies. They are none of ours before the visitor agrees.
function pixels() {
  const click = visit.clicks.fbclid;
  const fbc = cookies("_fbc")[0];
  return {
    fbp: cookies("_fbp")[0],
    ttp: cookies("_ttp")[0],
    // Without what stands before it: the version, and the number of parts of the domain.
    ga_client_id: (cookies("_ga")[0] || "").split(".").slice(2).join(".") || undefined,
    // Meta's own cookie, unless it is of an earlier click.
    fbc:
      fbc && (!click || fbc.endsWith("." + click[0]) || fbc.split(".")[2] >= click[1])
        ? fbc
        : click && "fb.1." + click[1] + "." + click[0],
  };
}
