// What the visitor allows. Until they do, nothing is stored or sent: calls wait in memory.

// True, false, or nothing while the visitor has not been asked.
let granted;
// What was said last, as JSON: so that who says the same on every page is heard once.
let said;
// Whether the cookie of all hosts says it too.
let isShared = isWithin;

// What holds as the page opens: what the visitor said before; else what the owner set. A browser that says that it
// wants no tracking (Global Privacy Control) makes it wait until its visitor agrees explicitly.
function recall() {
  said = keptChoice();
  const choice = parse(said);
  if (choice) granted = allows(choice);
  else if (!mustWait && !navigator.globalPrivacyControl) granted = true;
  // Who said no on another host is forgotten here too; which takes that their yes is known here.
  if (!granted && said !== stored(CONSENT)) forget();
  store(CONSENT, said);
}

// What is kept of what was said. A yes holds on every host of the domain no longer than in the cookie that they share.
function keptChoice() {
  const kept = stored(CONSENT);
  const shared = cookies(CONSENT)[0];
  return shared ? decode(shared) : isShared && allows(parse(kept)) ? null : kept;
}

function keepChoice(text) {
  // First, or another tab would hear of a yes that does not hold.
  if (isWithin) attempt(() => setCookie(CONSENT, encodeURIComponent(text), LONGEST));
  store(CONSENT, text);
}

// Whether it still holds.
function check() {
  heed({ key: CONSENT, newValue: keptChoice() });
}

function forget() {
  [ID, CONSENT, VISIT, QUEUE].forEach((name) => store(name));
}

// Whether a choice lets anything be stored: a plain yes, or any purpose of several.
function allows(choice) {
  return [choice, ...Object.values(Object(choice))].some((one) => one === true || one === "granted");
}

// Each purpose with yes or no. Who says yes or no to all says it to these two.
function purposes(choice) {
  const each = {};
  if (choice && typeof choice === "object") for (const name in choice) each[name] = allows(choice[name]);
  else each.analytics = each.marketing = allows(choice);
  return each;
}

// The visitor says what they allow: "granted", "denied", or an object of purposes.
function consent(choice) {
  const each = purposes(choice);
  const text = JSON.stringify(each);
  const isNew = said !== text || !granted;
  if (!allows(each)) return deny(each);
  keepChoice(text);
  allow(text);
  if (isNew) record("consent");
}

function allow(text) {
  granted = true;
  said = text;
  open();
}

// Nothing any more: what is kept goes, and the server is told, if it ever heard of this visitor. Of what waits, the last
// page view stays in memory: banners say no before anybody was asked.
function deny(each) {
  const known = granted && cluid;
  said = JSON.stringify(each);
  const last = known && attempt(() => signed(describe("consent")));
  granted = false;
  visit = undefined;
  waiting = waiting.filter(isPage).slice(-1);
  queue = [];
  halt();
  // Without cookies, so that the answer sets none again.
  if (last) tell([last]);
  forget();
  forgetId();
  setCookie(CONSENT, "", 0);
  becomes(undefined);
  // Where nothing has to be asked first, a no has to be remembered, or the next page would not know of it.
  if (mustWait) said = undefined;
  else keepChoice(said);
}

// The visitor agreed: they get an id, and what waited is sent.
function open() {
  ownId();
  // Cookies may be forbidden.
  if (said) isShared = cookies(CONSENT)[0];
  arrive();
  waiting.splice(0).forEach((text) => {
    const event = parse(text);
    Object.assign(event.context, pixels());
    enqueue(signed(JSON.stringify(event)));
  });
}

// What was said in another tab holds here too. Where the storage is blocked, nothing is known of it.
function heed(event) {
  const text = event.newValue;
  if (event.key !== CONSENT || text === undefined || (text || "") === (said || "")) return;
  const choice = parse(text);
  if (allows(choice)) {
    allow(text);
  } else if (granted) {
    // That tab has told the server.
    granted = undefined;
    deny(choice || {});
  }
}
