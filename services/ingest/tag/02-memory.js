// What is kept in the browser: the cookie and the storage, either of which may be blocked.

const ID = "_trb_cluid";
const CONSENT = "_trb_consent";
const VISIT = "_trb_visit";
const QUEUE = "_trb_queue";
// 400 days, the longest that browsers keep a cookie.
const LONGEST = 34560000;

function stored(name) {
  return attempt(() => localStorage.getItem(name));
}

// Keeps a text; removes it where there is none.
function store(name, text) {
  attempt(() => (text ? localStorage.setItem(name, text) : localStorage.removeItem(name)));
}

// The cookies, as they were read last: reading them is slow. Nothing where they have to be read.
let jar;

// Every value of a cookie: one may be set for the host and one for the domain.
function cookies(name) {
  jar = jar || attempt(() => document.cookie.split("; ")) || [];
  return jar.filter((one) => one.startsWith(name + "=")).map((one) => one.slice(name.length + 1));
}

// Whether this host shares cookies with others.
const isWithin = cookieDomain && ("." + location.hostname).endsWith("." + cookieDomain);

// Sets a cookie for so many seconds; 0 removes it.
function setCookie(name, value, seconds) {
  jar = 0;
  const set = (domain) =>
    attempt(() => {
      document.cookie =
        name + "=" + value + ";path=/;samesite=lax;max-age=" + seconds + domain + (location.protocol === "https:" ? ";secure" : "");
    });
  if (!isWithin || !seconds) set("");
  if (isWithin) set(";domain=" + cookieDomain);
}
