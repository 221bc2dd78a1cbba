// Where the tag was loaded from is where it sends to.
const current = document.currentScript;
const folder = "/tag/" + writeKey;
const tagElement = current && (current.src || "").includes(folder) ? current : document.querySelector('script[src*="' + folder + '"]');
const home = tagElement && tagElement.src.split(folder)[0] + "/";
const nonce = tagElement && tagElement.nonce;
const collect = home + "collect/" + writeKey;

let moving;

// Pages that change without being loaded. Who only tidies up the address does not go anywhere.
function moved(isReplaced) {
  const now = address();
  if (!told || now === told) return;
  const from = told;
  const isSamePath = now.split("?")[0] === from.split("?")[0];
  if (isReplaced && isSamePath) {
    told = now;
    return;
  }
  before = from;
  told = now;
  // The page gives itself its title first.
  clearTimeout(moving);
  moving = setTimeout(safe(() => page()), 0);
}

function watchMoves() {
  listen(window, "popstate hashchange", () => moved());
  if (window.navigation) {
    listen(window.navigation, "currententrychange", (event) => moved(event.navigationType === "replace"));
    return;
  }
  for (const name of ["pushState", "replaceState"]) {
    const call = history[name];
    history[name] = function () {
      const result = call.apply(this, arguments);
      attempt(() => moved(name === "replaceState"));
      return result;
    };
  }
}

function start() {
  const there = window.tributary;
  const calls = Array.isArray(there) ? there : [];
  window._trb = api;
  if (!there || calls === there) window.tributary = api;
  if (scripts.length) attempt(watchErrors);
  recall();
  // What the visitor allows holds for all that is done.
  calls.filter((call) => call && call[0] === "consent").forEach((call) => push(call));
  if (granted) {
    open();
    recallQueue();
  }
  wrapCalendly();
  listen(document, "load", wrapCalendly, true);
  whenParsed(wrapCalendly);
  // In a task of its own: what the page waits for goes first.
  const begin = () => {
    page();
    calls.filter((call) => call && call[0] !== "consent").forEach((call) => push(call));
  };
  whenParsed(() => setTimeout(safe(begin), 0));
  watchMoves();
  listen(window, "storage", heed);
  listen(window, "online", () => {
    failures = 0;
    send();
  });
  listen(window, "pagehide", leave);
  listen(document, "visibilitychange", () => document.visibilityState === "hidden" && leave());
  // A page that comes back as it was left, though the visitor may have said something else since.
  listen(window, "pageshow", (event) => {
    if (!event.persisted) return;
    halt();
    check();
    page();
  });
}

// Loaded twice, it runs once. A page that is made ready before the visitor asks for it is no visit yet. It starts as soon as
// this is through, and not in the middle of it: when cookies are read, Chromium notes by whom, and compiles anew all functions
// that are at work for it, which is all of the tag as long as this is one of them.
if (home && !window._trb) {
  if (document.prerendering) listen(document, "prerenderingchange", start, { once: true });
  else attempt(() => Promise.resolve().then(safe(start)));
}
