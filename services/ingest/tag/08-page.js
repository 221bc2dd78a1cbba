// The links of the page: those that are there, come, change, or stand in shadow roots.

// Where schedulers and forms have their address; `data-cal-link` is below cal.com.
const ADDRESSES = ["href", "src", "data-url", "data-src", "data-cal-link"];
const FORMS = "[data-tf-live],[data-tf-widget],[data-tf-popup],[data-tf-slider],[data-tf-sidetab],[data-tf-popover]";
// How often one element is changed: a script of the page may change it back each time.
const MOST_CHANGES = 50;
// With more new elements than this at once, all are looked through, instead of each of them.
const MANY = 50;
// For how many milliseconds it is looked for shadow roots at a time.
const SLICE = 2;

const watched = new WeakSet();
const changes = new WeakMap();
let observer;
// What may have an address with one of our hosts: the browser finds it, and all other links cost nothing. Where the page
// itself is of such a host, addresses need not name it.
let places;
// Lists of elements that may have shadow roots with links in them, and how far the first was looked through.
let unseen = [];
let seen = 0;

function findPlaces() {
  const ours = rules.map(([hosts]) =>
    hosts.map((host) => {
      const end = document.baseURI.includes(host) ? "]" : '*="' + host + '"i]';
      return ADDRESSES.map((name) => "[" + name + end);
    }),
  );
  // Lists in lists are written as one.
  places = ["[data-cal-link]", FORMS].concat(ours).join();
}

function dress(element) {
  if (!element.getAttribute) return;
  for (const name of ADDRESSES) {
    const text = element.getAttribute(name);
    if (text && mayChange(element, name, text)) {
      change(element, name, text, decorate(text, name === "data-cal-link" ? "https://cal.com/" : ""));
    }
  }
  if (element.matches(FORMS)) dressTypeform(element);
}

function change(element, name, text, better) {
  const times = changes.get(element) || 0;
  if (better === text || times >= MOST_CHANGES) return;
  changes.set(element, times + 1);
  element.setAttribute(name, better);
}

// What leads somewhere, and no style sheet. A frame loads again when its address changes: not under the visitor's hands, and
// not for another id.
function mayChange(element, name, text) {
  const kind = element.localName;
  // Of what begins so, `a` and `area` have one.
  if (name === "href") return kind[0] === "a";
  return name !== "src" || (kind === "iframe" && document.activeElement !== element && !/trb_\w{26}/.test(text));
}

// An embed of Typeform has its hidden fields beside its address: name=value,name=value.
function dressTypeform(element) {
  const rule = ruleFor("https://form.typeform." + (/\.eu$/.test(element.getAttribute("data-tf-domain")) ? "eu" : "com"));
  if (!rule) return;
  const text = element.getAttribute("data-tf-hidden") || "";
  const fields = text.split(",").filter((field) => field && field.split("=")[0] !== rule[1]);
  if (cluid) fields.push(rule[1] + "=" + rule[2] + cluid);
  change(element, "data-tf-hidden", text, fields.join(","));
}

// Everything below a node, at once; and in the shadow roots there when there is time. What is pressed before is seen then.
function dressBelow(node) {
  node.querySelectorAll(places).forEach(dress);
  const isLooking = unseen.length;
  unseen.push(node.querySelectorAll("*"));
  if (!isLooking) whenIdle();
}

function whenIdle() {
  if (unseen.length) (window.requestIdleCallback || setTimeout)(safe(look));
}

// No longer than a visitor could notice. It takes no iterator: where a page has broken those, it would stop here for ever.
function look() {
  const end = Date.now() + SLICE;
  while (unseen.length && Date.now() < end) {
    const element = unseen[0][seen++];
    if (element) attempt(() => dressShadow(element));
    else {
      unseen.shift();
      seen = 0;
    }
  }
  whenIdle();
}

function dressShadow(element) {
  const root = element.shadowRoot;
  if (root) watch(root);
}

// Dresses what is in a root, and whatever comes into it.
function watch(root) {
  if (cluid && observer && !watched.has(root)) {
    watched.add(root);
    observer.observe(root, { subtree: true, childList: true, attributes: true, attributeFilter: ADDRESSES });
  }
  dressBelow(root);
}

function changed(records) {
  const come = new Set();
  for (const one of records) {
    if (one.type === "attributes") attempt(() => dress(one.target));
    else one.addedNodes.forEach((node) => node.querySelectorAll && come.add(node));
  }
  if (come.size > MANY) {
    new Set(Array.from(come, (node) => node.getRootNode())).forEach(safe(dressBelow));
  } else {
    come.forEach(
      safe((node) => {
        dress(node);
        dressShadow(node);
        dressBelow(node);
      }),
    );
  }
}

// After the id has changed. Nothing of a page is touched before there is one.
function dressAll() {
  if (cluid) watchPage();
  if (observer) watch(document);
}

function watchPage() {
  if (observer) return;
  findPlaces();
  observer = new MutationObserver(safe(changed));
  const attach = Element.prototype.attachShadow;
  if (attach) {
    Element.prototype.attachShadow = function () {
      const root = attach.apply(this, arguments);
      attempt(() => watch(root));
      return root;
    };
  }
  // What no observer saw is seen when it is used.
  listen(
    document,
    "pointerdown focusin click",
    (event) => event.composedPath().forEach((node) => dress(node)),
    { capture: true, passive: true },
  );
}

// Calendly's own calls take an address too.
const CALLS = ["initInlineWidget", "initPopupWidget", "initBadgeWidget", "showPopupWidget"];
const wrapped = new WeakSet();

function wrapCalendly() {
  const calendly = window.Calendly;
  if (!calendly) return;
  for (const name of CALLS) {
    const call = calendly[name];
    if (typeof call !== "function" || wrapped.has(call)) continue;
    calendly[name] = function (...values) {
      attempt(() => (values[0] = withAddress(values[0])));
      return call.apply(this, values);
    };
    wrapped.add(calendly[name]);
  }
}

function withAddress(options) {
  if (typeof options === "string") return decorate(options);
  const url = decorate(options.url);
  if (url === options.url) return options;
  const own = { ...options, url: url };
  // What the page sets by itself would win over the address: utmTerm over utm_term.
  const [, name, prefix] = ruleFor(url);
  const key = name.replace(/_./g, (two) => two[1].toUpperCase());
  if (cluid && options.utm && options.utm[key]) {
    own.utm = { ...options.utm };
    own.utm[key] = prefix + cluid;
  }
  return own;
}
