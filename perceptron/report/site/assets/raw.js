'use strict';
// The raw table: one machine's rows at a time, filtered, sorted and shown by the hundred.

(() => {
  const { element, frame, alarm, load, cell, filtered, sorted, toCsv, toJson } = perceptron;
  const PAGE = 100; // rows
  const count = new Intl.NumberFormat('en');

  function start() {
    const place = document.getElementById('raw');
    if (!place) return; // another kind of page
    load('raw').then((index) => run(place, index), (error) => place.replaceChildren(alarm(error.message)));
  }

  function run(place, { columns, parts }) {
    if (!parts.length) {
      place.replaceChildren(element('p', { class: 'soft' }, 'Nothing has been measured yet.'));
      return;
    }
    const state = { rows: [], shown: [], column: -1, down: false, page: 0 };
    const tools = toolbar(columns, parts);
    const grid = head(columns, (column) => order(column));
    const pager = pages((step) => turn(step));
    const trouble = element('div');
    place.replaceChildren(tools.node, trouble, frame('raw data', grid.node), pager.node);

    tools.part.addEventListener('change', fetchPart);
    tools.text.addEventListener('input', refilter);
    tools.status?.addEventListener('change', refilter);
    tools.csv.addEventListener('click', () => save('csv', 'text/csv', toCsv(columns, state.shown)));
    tools.json.addEventListener('click', () => save('json', 'application/json', toJson(columns, state.shown)));
    fetchPart();

    function fetchPart() {
      const part = parts[tools.part.selectedIndex];
      load(part.file).then(
        (rows) => { if (part === parts[tools.part.selectedIndex]) arrive(rows); },
        (error) => {
          if (part !== parts[tools.part.selectedIndex]) return;
          arrive([]);
          trouble.replaceChildren(alarm(error.message));
        },
      );
    }

    function arrive(rows) {
      state.rows = rows;
      trouble.replaceChildren();
      tools.offer(rows);
      refilter();
    }

    function refilter() {
      const wanted = { text: tools.text.value, at: tools.at, status: tools.wanted() };
      state.shown = sorted(filtered(state.rows, wanted), columns, state.column, state.down);
      state.page = 0;
      show();
    }

    function order(column) {
      state.down = state.column === column && !state.down;
      state.column = column;
      grid.mark(column, state.down);
      refilter();
    }

    function turn(step) {
      const last = Math.max(0, Math.ceil(state.shown.length / PAGE) - 1);
      const next = Math.min(last, Math.max(0, state.page + step));
      if (next === state.page) return;
      state.page = next;
      show();
    }

    function show() {
      const from = state.page * PAGE;
      const to = Math.min(from + PAGE, state.shown.length);
      grid.fill(state.shown.slice(from, to));
      pager.tell(from, to, state.shown.length, state.rows.length);
    }

    function save(ending, type, content) {
      const link = element('a', { download: `perceptron-${fileName(parts[tools.part.selectedIndex])}.${ending}` });
      link.href = URL.createObjectURL(new Blob([content], { type: `${type};charset=utf-8` }));
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser may still be reading
    }
  }

  function fileName(part) {
    return part.file.replaceAll(/[^\w-]+/g, '-');
  }

  /** Choice of machine, filters and downloads. */
  function toolbar(columns, parts) {
    const at = columns.findIndex((column) => column.id === 'status');
    const part = element('select', { id: 'raw-part' }, ...parts.map((each) => element('option', {}, each.label)));
    const text = element('input', { id: 'raw-text', type: 'search', autocomplete: 'off', spellcheck: 'false' });
    const status = at < 0 ? null : element('select', { id: 'raw-status' });
    const csv = element('button', { type: 'button' }, 'download CSV');
    const json = element('button', { type: 'button' }, 'download JSON');
    let offered = [];
    const node = element('div', { class: 'tools' },
      labelled('machine', part), labelled('rows that contain', text),
      ...(status ? [labelled('status', status)] : []), csv, json);

    /** The statuses that occur, kept chosen where the next machine has the same. */
    function offer(rows) {
      if (!status) return;
      const kept = wanted();
      offered = [undefined, ...new Set(rows.map((row) => row[at]))];
      status.replaceChildren(...offered.map((each) =>
        element('option', {}, each === undefined ? 'any' : cell(each))));
      status.selectedIndex = Math.max(0, offered.indexOf(kept));
    }

    function wanted() {
      return status ? offered[status.selectedIndex] : undefined;
    }

    return { node, part, text, status, at, csv, json, offer, wanted };
  }

  function labelled(label, control) {
    return element('div', { class: 'switch' }, element('label', { for: control.id }, label), control);
  }

  /** The table with its head; `fill` replaces the rows, so that the focus stays on a header. */
  function head(columns, pressed) {
    const kind = (at) => (columns[at].kind === 'number' ? 'number' : null);
    const heads = columns.map((column, at) => {
      const name = column.unit ? `${column.name} (${column.unit})` : column.name;
      const button = element('button', { type: 'button' }, name);
      button.addEventListener('click', () => pressed(at));
      return element('th', { scope: 'col', class: kind(at), 'aria-sort': 'none' }, button);
    });
    const body = element('tbody');
    const caption = element('caption', {}, 'What was measured, as stored. – means not measured.');
    const node = element('table', {}, caption, element('thead', {}, element('tr', {}, ...heads)), body);
    const mark = (column, down) => heads.forEach((each, at) =>
      each.setAttribute('aria-sort', at !== column ? 'none' : down ? 'descending' : 'ascending'));
    const fill = (rows) => body.replaceChildren(...rows.map((row) => element('tr', {}, ...row.map(
      (value, at) => (at === 0
        ? element('th', { scope: 'row', class: kind(at) }, cell(value))
        : element('td', { class: kind(at) }, cell(value)))))));
    return { node, mark, fill };
  }

  /** The buttons between pages; one that leads nowhere keeps the focus and says so. */
  function pages(turn) {
    const previous = element('button', { type: 'button' }, 'previous');
    const next = element('button', { type: 'button' }, 'next');
    const said = element('p', { role: 'status', 'aria-live': 'polite' });
    previous.addEventListener('click', () => turn(-1));
    next.addEventListener('click', () => turn(1));

    function tell(from, to, matching, all) {
      const among = matching < all ? ` that match, among ${count.format(all)}` : '';
      said.textContent = matching
        ? `rows ${count.format(from + 1)}–${count.format(to)} of ${count.format(matching)}${among}`
        : `no rows${all ? among : ''}`;
      previous.setAttribute('aria-disabled', String(from === 0));
      next.setAttribute('aria-disabled', String(to === matching));
    }

    return { node: element('div', { class: 'pager' }, previous, said, next), tell };
  }

  document.addEventListener('DOMContentLoaded', start);
})();
