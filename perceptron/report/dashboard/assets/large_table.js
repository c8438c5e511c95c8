'use strict';
// A table of thousands of rows, or several of which one is chosen: sorted, filtered, and shown a hundred rows at a time.

(() => {
  const { element, alarm, load } = perceptron;
  const PAGE_ROWS = 100;
  const order = new Intl.Collator('en', { numeric: true });

  function start() {
    const target = document.getElementById('tables');
    if (!target) return;
    load(target.dataset.page).then(
      (index) => run(target, index),
      (error) => target.replaceChildren(alarm(error.message)),
    );
  }

  function run(target, { label, tables }) {
    const choice = element('select', { id: 'table' }, ...tables.map((listed) => element('option', {}, listed.label)));
    const holder = element('div');
    const chooser = element('div', { class: 'switch' }, element('label', { for: 'table' }, label), choice);
    const search = element('input', { id: 'search', type: 'search' });
    target.replaceChildren(chooser, holder);

    function choose() {
      const chosen = tables[choice.selectedIndex];
      load(chosen.file).then(
        (content) => {
          if (chosen === tables[choice.selectedIndex]) draw(holder, search, content, chosen.file.replaceAll('/', '-'));
        },
        (error) => {
          if (chosen === tables[choice.selectedIndex]) holder.replaceChildren(alarm(error.message));
        },
      );
    }

    choice.addEventListener('change', choose);
    choose();
  }

  /** Show a table in place of the last one; `search` keeps its text. */
  function draw(holder, search, { title, columns, rows }, file) {
    const kinds = columns.map((column) => (column.is_number ? 'number' : null));
    const texts = once(() => new Map(rows.map((row) => [row, row.map(cellText).join('\n').toLowerCase()])));
    let sorted = rows;
    let found = rows;
    let first = 0;

    const heads = columns.map(({ name }, at) => {
      const button = element('button', { type: 'button' }, name);
      button.addEventListener('click', () => sort(at));
      return element('th', { scope: 'col', class: kinds[at] }, button);
    });
    const body = element('tbody');
    const info = element('p', { role: 'status' });
    const turns = Object.entries({
      First: () => 0,
      Previous: () => first - PAGE_ROWS,
      Next: () => first + PAGE_ROWS,
      Last: lastPage,
    }).map(([name, target]) => {
      const button = element('button', { type: 'button' }, name);
      button.addEventListener('click', () => show(target()));
      return { button, target };
    });

    function lastPage() {
      return Math.max(0, Math.ceil(found.length / PAGE_ROWS) - 1) * PAGE_ROWS;
    }

    function sort(at) {
      const falls = heads[at].getAttribute('aria-sort') === 'ascending';
      heads.forEach((head) => head.removeAttribute('aria-sort'));
      heads[at].setAttribute('aria-sort', falls ? 'descending' : 'ascending');
      sorted = [...rows].sort(comparison(at, columns[at].is_number, falls));
      choose();
    }

    /** Keep the rows that have all words, and show the first page of them. */
    function choose() {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      found = words.length ? sorted.filter((row) => words.every((word) => texts().get(row).includes(word))) : sorted;
      show(0);
    }

    function show(at) {
      first = Math.min(Math.max(0, at), lastPage());
      body.replaceChildren(...found.slice(first, first + PAGE_ROWS).map((row) => element('tr', {}, ...row.map(cell))));
      turns.forEach(({ button, target }) => {
        const goal = target();
        button.setAttribute('aria-disabled', goal === first || goal < 0 || goal > lastPage());
      });
      info.replaceChildren(summary(first, found.length, rows.length));
    }

    function cell(value, at) {
      return element(at === 0 ? 'th' : 'td', { scope: at === 0 ? 'row' : null, class: kinds[at] }, cellText(value));
    }

    const saves = Object.entries({ csv, json }).map(
      ([kind, write]) => saving(kind, () => write(columns.map(({ id }) => id), found), file),
    );
    search.oninput = choose;
    holder.replaceChildren(
      element('div', { class: 'tools' },
        element('div', { class: 'switch' }, element('label', { for: 'search' }, 'rows that contain'), search),
        element('div', { class: 'buttons' }, ...saves)),
      element('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': title },
        element('table', {}, element('caption', {}, title), element('thead', {}, element('tr', {}, ...heads)), body)),
      element('div', { class: 'tools' }, info, element('div', { class: 'buttons' }, ...turns.map(({ button }) => button))),
    );
    choose();
  }

  /** A function that calls `make` the first time only: most readers never search. */
  function once(make) {
    let made = null;
    return () => (made ??= make());
  }

  function cellText(value) {
    return value === null ? '–' : String(value);
  }

  function summary(first, found, all) {
    if (!found) return 'no rows';
    const [from, to, of, among] = [first + 1, Math.min(first + PAGE_ROWS, found), found, all].map((n) => n.toLocaleString('en'));
    return `rows ${from}–${to} of ${of}${found < all ? ` that match, among ${among}` : ''}`;
  }

  /** How two rows compare by a column: missing values come last in both directions. */
  function comparison(at, isNumber, falls) {
    const sign = falls ? -1 : 1;
    const compare = isNumber ? (a, b) => a - b : order.compare;
    return (a, b) => (a[at] === null) - (b[at] === null) || (a[at] === null ? 0 : sign * compare(a[at], b[at]));
  }

  /** A button that saves the text which `write` makes. */
  function saving(kind, write, file) {
    const button = element('button', { type: 'button' }, `download ${kind.toUpperCase()}`);
    button.addEventListener('click', () => {
      const blob = new Blob([write()], { type: 'text/plain;charset=utf-8' });
      const link = element('a', { download: `perceptron-${file}.${kind}`, href: URL.createObjectURL(blob) });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser may still be reading
    });
    return button;
  }

  /** RFC 4180, one line for each row after a line of column ids. */
  function csv(ids, rows) {
    return [ids, ...rows].map((line) => `${line.map(csvCell).join(',')}\r\n`).join('');
  }

  function csvCell(value) {
    if (value === null) return '';
    if (typeof value !== 'string') return String(value);
    // A spreadsheet would run such a text as a formula.
    const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  }

  function json(ids, rows) {
    const named = rows.map((row) => Object.fromEntries(ids.map((id, at) => [id, row[at]])));
    return `${JSON.stringify(named, null, 1)}\n`;
  }

  document.addEventListener('DOMContentLoaded', start);
})();
