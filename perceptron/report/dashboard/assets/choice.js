'use strict';
// Which view is shown: a cascade of choices, as pure functions of the list of views.
// A view's `is` holds one text for each switch; a choice is a list of texts, one for each switch.

(() => {
  /** The options of each switch and what is chosen there; a wish that is not on offer gives way to the first. */
  function cascade(views, count, wished) {
    let left = views;
    const options = [];
    const chosen = [];
    for (let place = 0; place < count; place += 1) {
      const offered = [...new Set(left.map((view) => view.is[place]))];
      const pick = offered.includes(wished[place]) ? wished[place] : offered[0];
      left = left.filter((view) => view.is[place] === pick);
      options.push(offered);
      chosen.push(pick);
    }
    return { options, chosen, view: left[0] };
  }

  /** The wishes that stand in a link's hash, `undefined` where it says nothing. */
  function fromHash(hash, switches) {
    // A plus sign in a hand-written link means itself; URLSearchParams would read a space.
    const said = new URLSearchParams(hash.replace(/^#/, '').replaceAll('+', '%2B'));
    return switches.map((each) => said.get(each.id) ?? undefined);
  }

  /** The hash of a choice; every text of strangers, even half a character, has one. */
  function toHash(switches, chosen) {
    const said = new URLSearchParams(switches.map((each, place) => [each.id, chosen[place]]));
    return `#${said.toString().replaceAll('+', '%20')}`;
  }

  Object.assign(perceptron, { cascade, fromHash, toHash });
})();
