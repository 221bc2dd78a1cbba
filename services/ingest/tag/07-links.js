// The id in the address of a scheduler or form.

function decode(text) {
  return attempt(() => decodeURIComponent(text.replace(/\+/g, " "))) || text;
}

// The rule for an address, which may be relative to `base`.
function ruleFor(text, base) {
  const lower = (text + (base || document.baseURI)).toLowerCase();
  // Most links are of no interest, which is quickly seen.
  if (!config.rules.some(([hosts]) => hosts.some((host) => lower.includes(host)))) return undefined;
  const url = attempt(() => new URL(text, base || document.baseURI));
  if (!url || !/^https?:$/.test(url.protocol)) return undefined;
  return config.rules.find(([hosts]) => hosts.some((host) => ("." + url.hostname).endsWith("." + host)));
}

// The address with the id in it, and all else as it was; without our id, where there is none any more. Typeform reads
// its hidden fields from the fragment.
function decorate(text, base) {
  const rule = ruleFor(text, base);
  if (!rule) return text;
  const [hosts, name, prefix] = rule;
  const isFragment = hosts.some((host) => /(^|\.)typeform\.com$/.test(host));
  const [, path, query, fragment] = /^([^?#]*)(\?[^#]*)?(#[^]*)?$/.exec(text);
  const pairs = (isFragment ? fragment : query) || "";
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
    ? path + (query || "") + (joined && "#" + joined)
    : path + (joined && "?" + joined) + (fragment || "");
}

function isOurs(pair) {
  return isId(decode(pair).slice(-30));
}
