// The visitor's id: `trb_`, 10 digits of time and 16 of chance. Cookie and storage heal each other.

const DIGITS = "0123456789abcdefghjkmnpqrstvwxyz";
const isId = (text) =>
  text && text.length === 30 && text.startsWith("trb_") && [...text.slice(4)].every((digit) => DIGITS.includes(digit));

// The id; nothing as long as the visitor has not agreed.
let cluid;
// The id that other scripts were shown by us.
let shown;
// Who waits for the id.
let waitForId = [];

function newId() {
  let time = Date.now();
  let text = "";
  for (let place = 0; place < 10; place++) {
    text = DIGITS[time % 32] + text;
    time = Math.floor(time / 32);
  }
  randomBytes(16).forEach((byte) => (text += DIGITS[byte % 32]));
  return "trb_" + text;
}

// Takes the id that is kept, which another tab may have changed, or makes one; and writes it wherever it is missing.
function ownId() {
  const inCookie = cookies(ID);
  const kept = [...inCookie, stored(ID)].find(isId);
  const id = kept || cluid || newId();
  if (inCookie.length > 1) setCookie(ID, "", 0);
  if (inCookie.length !== 1 || inCookie[0] !== id) setCookie(ID, id, LONGEST);
  if (stored(ID) !== id) store(ID, id);
  if (id !== cluid) becomes(id);
}

// Whoever has to do with the id learns of it.
function becomes(id) {
  cluid = id;
  attempt(show);
  attempt(dressAll);
  if (id) {
    waitForId.splice(0).forEach((work) => attempt(() => work(id)));
    whenParsed(runScripts);
  }
}

function forgetId() {
  setCookie(ID, "", 0);
  store(ID);
}

// Scripts written for CustomerLabs read the id here. One that is there already is not ours to change.
function show() {
  if (!cluid && !shown) return;
  const all = (window.CLabsgbVar = window.CLabsgbVar || {});
  const properties = (all.generalProps = all.generalProps || {});
  if (properties.uid && properties.uid !== shown) return;
  if (cluid) properties.uid = cluid;
  else delete properties.uid;
  shown = cluid;
}
