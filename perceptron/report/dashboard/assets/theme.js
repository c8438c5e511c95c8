'use strict';
// Colours of figures: tokens such as `--ink` or `--s1/0.2` become what the style sheet says now.

(() => {
  const TOKEN = /^(--[\w-]+)(?:\/([\d.]+))?$/;

  /** A copy in which tokens under keys that end in "color", and in colour scales, are colours. */
  function coloured(value, colour, key = '') {
    if (typeof value === 'string') return /color$/i.test(key) ? colour(value) : value;
    if (Array.isArray(value)) {
      if (/colorscale$/i.test(key)) {
        return value.map((stop) => (Array.isArray(stop) ? [stop[0], colour(stop[1])] : stop));
      }
      return value.map((each) => coloured(each, colour, key));
    }
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => [name, coloured(each, colour, name)]));
  }

  /** A function from a token to its colour now; what is no token stays as it is. */
  function palette() {
    const probe = document.createElement('span');
    const known = new Map();
    document.body.append(probe);
    const look = (token) => {
      const [whole, name, alpha] = TOKEN.exec(token) ?? [];
      if (!whole) return token;
      if (!known.has(whole)) known.set(whole, resolve(probe, name, alpha));
      return known.get(whole);
    };
    return { look, done: () => probe.remove() };
  }

  /** The browser computes the colour, so that a property may be written in any way that CSS knows. */
  function resolve(probe, name, alpha) {
    probe.style.color = `var(${name}, var(--ink))`;
    const colour = getComputedStyle(probe).color;
    const parts = /^rgb\((.*)\)$/.exec(colour);
    return parts && alpha ? `rgba(${parts[1]}, ${alpha})` : colour;
  }

  /** Data and layout with the colours of this moment. */
  function dressed(data, layout) {
    const { look, done } = palette();
    const made = { data: coloured(data, look), layout: coloured(layout, look) };
    done();
    return made;
  }

  Object.assign(perceptron, { dressed });
})();
