// What happened, on its way to the server: noted at once, kept over pages and without a network, sent in batches.

// The most events that are kept, that one request takes, and that wait for consent; the most bytes of a request, of
// which browsers take 64 KiB when a page is left.
const MOST_KEPT = 100;
const MOST_SENT = 50;
const MOST_BYTES = 60000;
// The most characters of the page's storage that are used.
const MOST_ROOM = 200000;
const PAUSE = 300;
const LONGEST_REST = 300000;

// What waits for consent, and what waits to be sent: events as JSON.
let waiting = [];
let queue = [];
// The events that are being sent, and what stops them.
let flying = [];
let stop;
let timer;
let failures = 0;
// How many events the next request may take.
let most = MOST_SENT;

function uuid() {
  const bytes = randomBytes(16);
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  return Array.from(bytes, (byte, at) => ([4, 6, 8, 10].includes(at) ? "-" : "") + (byte + 256).toString(16).slice(1)).join("");
}

// An event as JSON, as it is now: the page may change its objects afterwards.
function describe(type, more) {
  return JSON.stringify({ type: type, id: uuid(), at: new Date().toISOString(), ...more, context: context() });
}

// Whose it is, and what they allow. Half a character, as of a text that was cut, is JSON that servers refuse.
function signed(text) {
  const whole = '{"cluid":"' + cluid + '",' + (said ? '"consents":' + said + "," : "") + text.slice(1);
  return whole.includes("\\ud") ? whole.replace(/\\(\\|ud[89a-f]\w\w)/g, (all, one) => (one === "\\" ? all : "\ufffd")) : whole;
}

function isPage(text) {
  return text.startsWith('{"type":"page"');
}

// Notes that something happened.
function record(type, more) {
  if (granted && isShared) check();
  if (granted) ownId();
  const text = describe(type, more);
  if (!fits(text, MOST_BYTES / 2)) return;
  if (granted) enqueue(signed(text));
  else if (granted === false) waiting = isPage(text) ? [text] : waiting;
  else if (waiting.length < MOST_SENT) waiting.push(text);
}

// Whether it has at most so many bytes. No character has more than three, so that most texts need no counting.
function fits(text, bytes) {
  return text.length * 3 <= bytes || new TextEncoder().encode(text).length <= bytes;
}

function enqueue(text) {
  queue = queue.concat(text).slice(-MOST_KEPT);
  keep([text], []);
  later(PAUSE);
}

// Tabs share what is kept: each adds and takes away its own.
function keep(more, done) {
  const kept = parse(stored(QUEUE));
  const left = (Array.isArray(kept) ? kept : []).filter((text) => !done.includes(text)).concat(more);
  let room = MOST_ROOM;
  const newest = left.slice(-MOST_KEPT).reverse().filter((text) => (room -= text.length) > 0);
  store(QUEUE, newest.length ? JSON.stringify(newest.reverse()) : "");
}

// Takes over what an earlier page could not send.
function recallQueue() {
  const kept = parse(stored(QUEUE));
  if (!Array.isArray(kept)) return;
  queue = kept.filter((text) => typeof text === "string" && Object(parse(text)).id).concat(queue);
  if (queue.length) later(PAUSE);
}

function later(milliseconds) {
  if (!timer) timer = setTimeout(safe(send), milliseconds);
}

function body(events) {
  return '{"sent_at":"' + new Date().toISOString() + '","batch":[' + events + "]}";
}

// As text, which browsers send to another host without asking it first.
function post(events, mode) {
  const options = { method: "POST", body: body(events), keepalive: true, credentials: mode };
  if (stop) options.signal = stop.signal;
  return fetch(collect, options);
}

// Whatever becomes of it, and so that no cookie comes back.
function tell(events) {
  attempt(() => post(events, "omit").catch(() => {}));
}

// The first events that are not on their way and fit into a request.
function next() {
  let all = "";
  const events = queue.filter((text) => !flying.includes(text)).slice(0, most);
  return events.filter((text) => fits((all += text + ","), MOST_BYTES));
}

function send() {
  clearTimeout(timer);
  timer = 0;
  if (!flying.length) fly();
}

// Sends the next events; says whether there are any.
function fly() {
  const events = next();
  if (!events.length) return false;
  flying = flying.concat(events);
  const own = (stop = stop || attempt(() => new AbortController()));
  const answered = (status) => {
    if (own === stop) settle(events, status);
  };
  const answer = attempt(() => post(events, credentials(events)));
  if (answer) answer.then(safe((response) => answered(response.status)), safe(() => answered(0)));
  else answered(0);
  return true;
}

// Refused for good, or taken: it is done. Else it is tried again, later each time. Where one of several is not what the
// server takes, each goes alone, so that the others arrive.
function settle(events, status) {
  flying = flying.filter((text) => !events.includes(text));
  if (!status || status === 408 || status === 429 || status >= 500) {
    failures++;
    later(Math.min(2000 * 2 ** failures, LONGEST_REST));
  } else {
    failures = 0;
    if ((status === 422 || status === 413) && events.length > 1) most = 1;
    else finish(events);
    if (queue.length) later(PAUSE);
    else most = MOST_SENT;
  }
}

function finish(events) {
  queue = queue.filter((text) => !events.includes(text));
  keep([], events);
}

// Stops what is under way; it is not done.
function halt() {
  const sending = stop;
  stop = undefined;
  flying = [];
  clearTimeout(timer);
  timer = 0;
  if (sending) sending.abort();
}

// An answer sets the cookie of those whom the request is about: only of whom it is now.
function credentials(events) {
  return events.every((text) => text.startsWith('{"cluid":"' + cluid)) ? "include" : "omit";
}

// The page may be gone in a moment. What nobody hears the answer to is kept, and the next page sends it again: the server
// knows it by its id.
function leave() {
  while (!failures && fly()) continue;
}
