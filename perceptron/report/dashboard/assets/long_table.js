'use strict';
// A long table: one machine's rows at a time, filtered, sorted and shown by the hundred.

(() => {
  const { element, frame, alarm, load, unpacked, filtered, sorted, toCsv, toJson } = perceptron;
  const { toolbar, head, pages } = perceptron.longTableParts;
  const PAGE = 100; // rows

  /** Show the table that the index describes. */
  function longTable(target, { title, columns, parts }) {
    const state = { rows: [], shown: [], column: -1, down: false, page: 0 };
    const tools = toolbar(columns, parts);
    const grid = head(title, columns, (column) => order(column));
    const pager = pages((step) => turn(step));
    const trouble = element('div');
    target.replaceChildren(tools.node, trouble, frame(title, grid.node), pager.node);

    tools.part.addEventListener('change', fetchPart);
    tools.text.addEventListener('input', refilter);
    tools.status?.addEventListener('change', refilter);
    tools.csv.addEventListener('click', () => save('csv', 'text/csv', toCsv(columns, state.shown)));
    tools.json.addEventListener('click', () => save('json', 'application/json', toJson(columns, state.shown)));
    fetchPart();

    function fetchPart() {
      const part = parts[tools.part.selectedIndex];
      load(part.file).then(
        (packed) => { if (part === parts[tools.part.selectedIndex]) arrive(unpacked(packed)); },
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
      pager.show(from, to, state.shown.length, state.rows.length);
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

  Object.assign(perceptron, { longTable });
})();
