'use strict';
// A table of thousands of rows, or several of which one is chosen: DataTables sorts, filters and turns pages.

(() => {
  const { element, alarm, load } = perceptron;
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
    target.replaceChildren(chooser, holder);
    let shown = null;

    function choose() {
      const chosen = tables[choice.selectedIndex];
      load(chosen.file).then(
        (content) => {
          if (chosen !== tables[choice.selectedIndex]) return;
          const search = shown?.search() ?? '';
          shown?.destroy();
          shown = draw(holder, content, search, chosen.file.replaceAll('/', '-'));
        },
        (error) => {
          if (chosen === tables[choice.selectedIndex]) holder.replaceChildren(alarm(error.message));
        },
      );
    }

    choice.addEventListener('change', choose);
    choose();
  }

  function draw(holder, { title, columns, rows }, search, file) {
    const heads = columns.map(({ name }) => element('th', { scope: 'col' }, name));
    const node = element('table', {},
      element('caption', {}, title), element('thead', {}, element('tr', {}, ...heads)));
    holder.replaceChildren(node);
    const table = new DataTable(node, {
      data: rows,
      columns: columns.map((column, at) => described(column, at, columns)),
      search: { search },
      order: [],
      pageLength: 100,
      autoWidth: false,
      deferRender: true,
      layout: {
        topStart: 'search',
        topEnd: () => element('div', { class: 'dt-buttons' }, ...Object.entries({ csv, json }).map(
          ([kind, write]) => saving(kind, () => write(columns.map(({ id }) => id), found(node)), file))),
        bottomStart: 'info',
        bottomEnd: 'paging',
      },
      language: {
        search: 'rows that contain',
        info: 'rows _START_–_END_ of _TOTAL_',
        infoFiltered: 'that match, among _MAX_',
        infoEmpty: 'no rows',
        zeroRecords: 'no rows',
      },
    });
    const frame = node.parentElement;
    frame.classList.add('scroll');
    for (const [key, value] of Object.entries({ tabindex: '0', role: 'region', 'aria-label': title })) {
      frame.setAttribute(key, value);
    }
    return table;
  }

  function described({ is_number: isNumber, by }, at, columns) {
    const from = columns.findIndex(({ id }) => id === by);
    return {
      type: isNumber ? 'measured' : 'words',
      className: isNumber || by ? 'number' : '',
      orderData: from < 0 ? at : from,
      // DataTables writes cells as HTML: of a text it gets the text of that.
      render: (value, use) => (use === 'display' || use === 'filter'
        ? DataTable.util.escapeHtml(value === null ? '–' : String(value)) : value),
      ...(at === 0 ? { cellType: 'th', createdCell: (cell) => { cell.scope = 'row'; } } : {}),
    };
  }

  /** The rows that pass the search, in the order shown. */
  function found(node) {
    return new DataTable.Api(node).rows({ search: 'applied' }).data().toArray();
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

  /** Sort missing values last in both directions. */
  function last(compare) {
    const nulls = (a, b) => (a === null) - (b === null);
    return {
      asc: (a, b) => nulls(a, b) || compare(a, b),
      desc: (a, b) => nulls(a, b) || compare(b, a),
    };
  }

  DataTable.type('measured', { order: last((a, b) => a - b) });
  DataTable.type('words', { order: last((a, b) => (a === null ? 0 : order.compare(a, b))) });
  document.addEventListener('DOMContentLoaded', start);
})();
