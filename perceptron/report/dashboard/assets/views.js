'use strict';
// A page of views: the switches, the link to what is shown, and the drawing of it.

(() => {
  const { element, table, alarm, figure, figures, load, cascade, fromHash, toHash } = perceptron;

  function start() {
    const place = document.getElementById('view');
    if (!place) return; // another kind of page
    load(place.dataset.page).then(
      (index) => run(place, index),
      (error) => place.replaceChildren(alarm(error.message)),
    );
  }

  function run(place, index) {
    const form = document.getElementById('switches');
    const slots = index.switches.map((each, at) => slot(each, at, () => choose(values(slots))));
    form.replaceChildren(...slots.map((each) => each.node));
    form.addEventListener('submit', (event) => event.preventDefault());
    let latest = null;

    function choose(wished) {
      const { options, chosen, view } = cascade(index.views, slots.length, wished);
      slots.forEach((each, at) => fill(each, options[at], chosen[at]));
      if (!view) {
        place.replaceChildren(element('p', { class: 'soft' }, 'Nothing has been measured for this page yet.'));
        return;
      }
      if (slots.length) remember(toHash(index.switches, chosen));
      latest = view;
      load(view.file).then(
        (views) => { if (latest === view) show(place, views[view.name], chosen); },
        (error) => { if (latest === view) fail(place, error); },
      );
    }

    window.addEventListener('hashchange', () => {
      const wished = fromHash(location.hash, index.switches);
      const present = values(slots);
      choose(wished.map((each, at) => each ?? present[at]));
    });
    choose(fromHash(location.hash, index.switches));
  }

  /** Where a switch stands: a select, or plain text while there is nothing to choose. */
  function slot({ label }, at, changed) {
    const node = element('div', { class: 'switch' });
    return { node, label, id: `switch-${at}`, changed, options: null, value: undefined };
  }

  function values(slots) {
    return slots.map((each) => each.value);
  }

  /** Offer the options; a select whose options stay keeps its node, and with it the keyboard's focus. */
  function fill(each, options, value) {
    each.value = value;
    const told = JSON.stringify(options);
    if (told !== each.options) {
      each.options = told;
      each.node.replaceChildren(...(options.length > 1 ? select(each, options) : only(each, value)));
    }
    if (options.length > 1) document.getElementById(each.id).selectedIndex = options.indexOf(value);
  }

  function select(each, options) {
    const made = element('select', { id: each.id }, ...options.map((text) => element('option', {}, text)));
    made.addEventListener('change', () => {
      // By place: the value of an option is its text with the blanks squeezed.
      each.value = options[made.selectedIndex];
      each.changed();
    });
    return [element('label', { for: each.id }, each.label), made];
  }

  function only(each, value) {
    return [element('span', { class: 'label' }, each.label), element('span', { class: 'only' }, value ?? '–')];
  }

  function remember(hash) {
    if (location.hash !== hash) history.replaceState(null, '', hash);
  }

  function show(place, view, chosen) {
    figures.clear();
    if (!view) {
      fail(place, new Error('the data holds no such view; were all its files written by one run?'));
      return;
    }
    place.replaceChildren(...draw(view, 2));
    figures.draw();
    say(chosen.length ? `Shown: ${chosen.join(', ')}.` : `Shown: ${view.title}.`);
  }

  function fail(place, error) {
    figures.clear();
    place.replaceChildren(alarm(error.message));
  }

  function say(text) {
    document.getElementById('said').textContent = text;
  }

  /** The nodes of a view; those of its sections stand one heading deeper. */
  function draw(view, level) {
    const heading = `h${Math.min(level, 6)}`;
    return [
      ...(view.title ? [element(heading, {}, view.title)] : []),
      ...(view.lines ?? []).map((line) => element('p', {}, line)),
      ...(view.figures ?? []).map(figure),
      ...(view.tables ?? []).map((each) => table(each.title, each.columns, each.rows)),
      ...(view.sections ?? []).map((each) => element('section', {}, ...draw(each, level + 1))),
    ];
  }

  document.addEventListener('DOMContentLoaded', start);
})();
