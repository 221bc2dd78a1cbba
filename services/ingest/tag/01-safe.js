// The tag is these files, one after the other in the order of their numbers, as the body of one function: what one
// declares, the others see. What it takes is what the server writes behind it:
//
//   writeKey      the write key of the source
//   cookieDomain  the domain that the cookie is set for; "" for the page's own host
//   mustWait      whether nothing may be stored or sent before the visitor agrees
//   rules         which links carry the id: [[hosts, parameter, prefix], …]
//   scripts       what is run besides: [[name, SHA-256 of the code, hosts], …]
//
// Its main cost to a page is that functions are compiled, one by one as they are called first. So the server writes in front of
// it that all are called as it loads: then Chromium compiles them while it loads it, beside the page. And what runs as it loads
// has no regular expression, for to compile one takes as long as much else.

// What the work comes to; nothing where it throws. Whatever a browser forbids, and whatever a page has changed, ends
// here and never in the page.
function attempt(work) {
  try {
    return work();
  } catch (error) {
    // Nothing comes of it.
  }
}

// A function that does the same and never throws. All that begins outside of the tag begins here: cookies may be others by then.
function safe(work) {
  return function () {
    jar = 0;
    return attempt(() => work.apply(this, arguments));
  };
}

// Listens without ever being in the way. `more` are the options of `addEventListener`.
function listen(target, names, work, more) {
  for (const name of names.split(" ")) attempt(() => target.addEventListener(name, safe(work), more));
}

// What a text of JSON says; nothing where it is none.
function parse(text) {
  return text ? attempt(() => JSON.parse(text)) : undefined;
}

// Runs the work once the page is parsed.
function whenParsed(work) {
  if (document.readyState === "loading") listen(document, "DOMContentLoaded", work, { once: true });
  else safe(work)();
}

function randomBytes(count) {
  const bytes = new Uint8Array(count);
  if (!attempt(() => crypto.getRandomValues(bytes))) {
    bytes.forEach((_, at) => (bytes[at] = Math.random() * 256));
  }
  return bytes;
}
