// What the visitor allows. Until they do, nothing is stored or sent: calls wait in memory.

// True, false, or nothing while the visitor has not been asked.
let granted;
// What was said last, as JSON: so that who says the same on every page is heard once.
let said;

// What holds as the page opens: what the visitor said before; else what the owner set. A browser that says that it
// wants no tracking (Global Privacy Control) makes it wait until its visitor agrees explicitly.
function recall() {
  said = stored(CONSENT);
  const choice = parse(said);
  if (choice) granted = allows(choice);
  else if (!config.wait && !navigator.globalPrivacyControl) granted = true;
}

// Whether a choice lets anything be stored: a plain yes, or any purpose of several.
function allows(choice) {
  return choice === true || choice === "granted" || Object.values(Object(choice)).some((one) => one === true || one === "granted");
}

// Each purpose with yes or no. Who says yes or no to all says it to these two.
function purposes(choice) {
  const each = {};
  if (choice && typeof choice === "object") {
    for (const name in choice) each[name] = allows(choice[name]);
  } else {
    each.analytics = each.marketing = allows(choice);
  }
  return each;
}

// The visitor says what they allow: "granted", "denied", or an object of purposes.
function consent(choice) {
  const each = purposes(choice);
  const text = JSON.stringify(each);
  const isNew = said !== text || granted !== true;
  if (!allows(each)) return deny(each);
  store(CONSENT, text);
  allow(text);
  if (isNew) record("consent");
}

function allow(text) {
  granted = true;
  said = text;
  open();
}

// Nothing any more: what is kept goes, and the server is told, if it ever heard of this visitor.
function deny(each) {
  const known = granted && cluid;
  said = JSON.stringify(each);
  const last = known && signed(describe("consent"));
  granted = false;
  said = undefined;
  visit = undefined;
  waiting = [];
  queue = [];
  halt();
  // Without cookies, so that the answer sets none again.
  if (last) tell([last]);
  [ID, CONSENT, VISIT, QUEUE].forEach((name) => store(name));
  forgetId();
  becomes(undefined);
  // Where nothing has to be asked first, a no has to be remembered, or the next page would not know of it.
  if (!config.wait) {
    said = JSON.stringify(each);
    store(CONSENT, said);
  }
}

// The visitor agreed: they get an id, and what waited is sent.
function open() {
  ownId();
  arrive();
  waiting.splice(0).forEach((text) => enqueue(signed(text)));
}

// What was said in another tab holds here too.
function heed(event) {
  if (event.key !== CONSENT || event.newValue === said) return;
  const choice = parse(event.newValue);
  if (choice && allows(choice)) {
    allow(event.newValue);
  } else if (granted) {
    // That tab has told the server.
    granted = undefined;
    deny(choice || {});
  }
}
