// Scripts of the owner's own. They are fetched one by one, so that none keeps another, or the tag, from running, and
// what goes wrong in them is told to the server and not to the page.

const MOST_REPORTS = 10;
const runs = new Set();
const reported = new Set();

function runScripts() {
  if (!cluid) return;
  for (const [name, hash, sites] of scripts) {
    if (runs.has(hash) || (sites.length && !sites.includes(location.hostname))) continue;
    runs.add(hash);
    const element = document.createElement("script");
    // One after the other.
    element.async = false;
    element.crossOrigin = "anonymous";
    if (nonce) element.nonce = nonce;
    try {
      element.src = home + "tag/" + writeKey + "/" + hash + ".js";
      (document.head || document.documentElement).append(element);
    } catch (error) {
      report(name, hash, error);
    }
  }
}

// What the file of a script calls: its code as a function.
function run(hash, code) {
  const script = scripts.find((one) => one[1] === hash);
  if (!script || !cluid) return;
  try {
    code.call(window);
  } catch (error) {
    report(script[0], hash, error);
  }
}

function report(name, hash, error) {
  const message = String((error && error.message) || error).slice(0, 200);
  const once = hash + message;
  if (reported.has(once) || reported.size >= MOST_REPORTS) return;
  reported.add(once);
  record("error", { name: name, hash: hash, message: message, site: location.hostname });
}

// The script that an error comes from, by the file that it names.
function scriptAt(place) {
  return scripts.find((one) => String(place).includes(one[1]));
}

// Errors that come later, or before the code could run at all, come to the window.
function watchErrors() {
  listen(window, "error unhandledrejection", catchErrors, true);
  // What the page has there already is asked before us.
  shield("onerror", (message, file) => file);
  shield("onunhandledrejection", (rejection) => rejection.reason && rejection.reason.stack);
}

// A handler of the page, without errors of our scripts.
function shield(name, placeOf) {
  const theirs = window[name];
  if (typeof theirs !== "function") return;
  window[name] = function (...values) {
    return attempt(() => scriptAt(placeOf(...values))) ? true : theirs.apply(this, values);
  };
}

function catchErrors(event) {
  const error = event.error || event.reason;
  const script = scriptAt(event.filename || (error && error.stack));
  if (!script) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  report(script[0], script[1], event.message || error);
}
