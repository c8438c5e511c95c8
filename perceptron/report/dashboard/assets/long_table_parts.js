'use strict';
// The parts of a long table: the tools above it, the table with its head, the buttons below it.

(() => {
  const { element, cell } = perceptron;
  const count = new Intl.NumberFormat('en');

  /** Choice of the part, filters and downloads; `settle` fits them to a table's columns. */
  function toolbar(parts, label, changed) {
    const part = element('select', { id: 'table-part' }, ...parts.map(({ label: text }) => element('option', {}, text)));
    const text = element('input', { id: 'table-text', type: 'search', autocomplete: 'off', spellcheck: 'false' });
    const csv = element('button', { type: 'button' }, 'download CSV');
    const json = element('button', { type: 'button' }, 'download JSON');
    const filters = [labelled(label, part), labelled('rows that contain', text)];
    const node = element('div', { class: 'tools' }, ...filters, csv, json);
    let at = -1;
    let status = null;
    let offered = [];

    function settle(columns) {
      at = columns.findIndex((column) => column.choice || column.id === 'status');
      offered = [];
      status = at < 0 ? null : element('select', { id: 'table-status' });
      status?.addEventListener('change', changed);
      const own = status ? [labelled(columns[at].name, status)] : [];
      while (filters[1].nextSibling !== csv) filters[1].nextSibling.remove();
      filters[1].after(...own);
    }

    /** The values that occur, kept chosen where the next part has the same. */
    function offer(rows) {
      if (!status) return;
      const { status: kept } = wanted();
      offered = [undefined, ...new Set(rows.map((row) => row[at]))];
      status.replaceChildren(...offered.map((value) =>
        element('option', {}, value === undefined ? 'any' : cell(value))));
      status.selectedIndex = Math.max(0, offered.indexOf(kept));
    }

    function wanted() {
      return { at, status: status ? offered[status.selectedIndex] : undefined };
    }

    return { node, part, text, csv, json, settle, offer, wanted };
  }

  function labelled(label, control) {
    return element('div', { class: 'switch' }, element('label', { for: control.id }, label), control);
  }

  /** The table with its head; `fill` replaces the rows, so that the focus stays on a header. */
  function head(title, columns, pressed) {
    const kind = (at) => (columns[at].kind === 'number' ? 'number' : null);
    const heads = columns.map((column, at) => {
      const name = column.unit ? `${column.name} (${column.unit})` : column.name;
      const button = element('button', { type: 'button' }, name);
      button.addEventListener('click', () => pressed(at));
      return element('th', { scope: 'col', class: kind(at), 'aria-sort': 'none' }, button);
    });
    const body = element('tbody');
    const caption = element('caption', {}, title);
    const node = element('table', {}, caption, element('thead', {}, element('tr', {}, ...heads)), body);
    const mark = (column, down) => heads.forEach((head, at) =>
      head.setAttribute('aria-sort', at !== column ? 'none' : down ? 'descending' : 'ascending'));
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
    const status = element('p', { role: 'status', 'aria-live': 'polite' });
    previous.addEventListener('click', () => turn(-1));
    next.addEventListener('click', () => turn(1));

    function show(from, to, matching, all) {
      const among = matching < all ? ` that match, among ${count.format(all)}` : '';
      status.textContent = matching
        ? `rows ${count.format(from + 1)}–${count.format(to)} of ${count.format(matching)}${among}`
        : `no rows${all ? among : ''}`;
      previous.setAttribute('aria-disabled', String(from === 0));
      next.setAttribute('aria-disabled', String(to === matching));
    }

    return { node: element('div', { class: 'pager' }, previous, status, next), show };
  }

  perceptron.longTableParts = { toolbar, head, pages };
})();
