// What a page may call.

// The page that was told last.
let told;

function page(name, properties) {
  told = address();
  record("page", withName(name, properties));
}

function track(name, properties) {
  if (typeof name === "string" && name.trim()) record("track", withName(name, properties));
}

// What the server takes for an object; nothing where it is none.
function object(value) {
  return value && typeof value === "object" && !Array.isArray(value) ? value : undefined;
}

// `name` is optional: page({ plan: "pro" }).
function withName(name, properties) {
  const isName = typeof name === "string";
  return { name: isName ? name.slice(0, 200) : undefined, properties: object(isName ? properties : name) };
}

// Who the visitor is: identify({ email }), or identify("42", { email }).
function identify(id, traits) {
  const isNamed = typeof id === "string" || typeof id === "number";
  const known = object(isNamed ? { user_id: String(id), ...object(traits) } : id);
  if (known) record("identify", { traits: known });
}

// Whoever uses the browser from now on is somebody else; what waits is of whom used it before.
function reset() {
  if (!granted) {
    waiting = [];
    visit = undefined;
    return;
  }
  record("reset");
  halt();
  forgetId();
  store(VISIT);
  visit = undefined;
  becomes(newId());
  ownId();
  later(PAUSE);
}

// Calls the function with the id, once there is one.
function ready(work) {
  if (cluid) work(cluid);
  else waitForId.push(work);
}

// A call as a list: its name, and what it takes. So a page can call before the tag is there.
function push(...calls) {
  for (const [name, ...values] of calls) {
    const call = name === "script" ? run : name !== "push" && api[name];
    if (call) attempt(() => call(...values));
  }
}

const api = { cluid: () => cluid };
const OFFERED = {
  page: page,
  track: track,
  identify: identify,
  reset: reset,
  consent: consent,
  ready: ready,
  decorate: (text) => decorate(String(text)),
  push: push,
};
for (const name in OFFERED) api[name] = safe(OFFERED[name]);
