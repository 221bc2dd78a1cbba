// The id in the address of a scheduler or form.

function decode(text) {
  return attempt(() => decodeURIComponent(text.split("+").join(" "))) || text;
}

// The rule for an address, which may be relative to `base`, and whether the address has its pairs in the fragment, as
// Typeform's.
function ruleFor(text, base) {
  const lower = (text + (base || document.baseURI)).toLowerCase();
  // Most links are of no interest, which is quickly seen.
  if (!rules.some(([hosts]) => hosts.some((host) => lower.includes(host)))) return;
  const url = attempt(() => new URL(text, base || document.baseURI));
  if (!url || !url.protocol.startsWith("http")) return;
  const isBelow = (host) => ("." + url.hostname).endsWith("." + host);
  const found = rules.find(([hosts]) => hosts.some(isBelow));
  return found && [...found, isBelow("typeform.com") || isBelow("typeform.eu")];
}

// The address with the id in it, and all else as it was; without our id, where there is none any more.
function decorate(text, base) {
  const rule = ruleFor(text, base);
  if (!rule) return text;
  const [, name, prefix, isFragment] = rule;
  const [front] = text.split("#");
  const [path] = front.split("?");
  const query = front.slice(path.length);
  const fragment = text.slice(front.length);
  const pairs = isFragment ? fragment : query;
  const rest = pairs.length > 1 ? pairs.slice(1).split("&") : [];
  const own = encodeURIComponent(name) + "=" + encodeURIComponent(prefix + cluid);
  const isNamed = (pair) => decode(pair.split("=")[0]) === name;
  const named = rest.filter(isNamed);
  // Nothing of the page's own is taken away.
  if (cluid ? named.length === 1 && named[0] === own : !named.some(isOurs)) return text;
  const left = rest.filter((pair) => !(isNamed(pair) && (cluid || isOurs(pair))));
  if (cluid) left.push(own);
  const joined = left.join("&");
  return isFragment
    ? path + query + (joined && "#" + joined)
    : path + (joined && "?" + joined) + fragment;
}

function isOurs(pair) {
  return isId(decode(pair).slice(-30));
}
