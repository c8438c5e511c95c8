'use strict';
// Rows of a long table as lists of values: shown, filtered, sorted, written to files. Nothing here touches the page.

(() => {
  const order = new Intl.Collator('en', { numeric: true });
  const words = new WeakMap(); // row → all its texts in lower case

  /** The rows of a file, which holds columns: each row's value, or its index into the few there are. */
  function unpacked({ rows, columns }) {
    const readers = columns.map(({ each, of }) => {
      if (!of) return (at) => each[at];
      return each ? (at) => of[each[at]] : () => of[0];
    });
    return Array.from({ length: rows }, (_, at) => readers.map((read) => read(at)));
  }

  /** A value as it is shown; null was not measured. */
  function cell(value) {
    return value === null ? '–' : String(value);
  }

  /** Rows of which any column contains the text, and whose column `at` holds the status, if one is given. */
  function filtered(rows, { text, at, status }) {
    const wanted = text.toLowerCase();
    return rows.filter((row) =>
      (status === undefined || row[at] === status) && searchable(row).includes(wanted));
  }

  function searchable(row) {
    if (!words.has(row)) words.set(row, row.map(cell).join('\n').toLowerCase());
    return words.get(row);
  }

  /** The rows by one column, numbers by size and texts as people count; what was not measured comes last. */
  function sorted(rows, columns, column, down) {
    if (column < 0) return rows;
    const compare = columns[column].kind === 'number' ? (a, b) => a - b : order.compare;
    return rows.toSorted((a, b) => {
      const [left, right] = [a[column], b[column]];
      if (left === null || right === null) return (left === null) - (right === null);
      return down ? compare(right, left) : compare(left, right);
    });
  }

  /** RFC 4180, one line for each row after a line of column ids. */
  function toCsv(columns, rows) {
    const lines = [columns.map((column) => column.id), ...rows];
    return lines.map((line) => `${line.map(csvCell).join(',')}\r\n`).join('');
  }

  function csvCell(value) {
    if (value === null) return '';
    if (typeof value !== 'string') return String(value);
    // A spreadsheet would run such a text as a formula.
    const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  }

  /** A list of objects, keys in the order of the columns. */
  function toJson(columns, rows) {
    const named = rows.map((row) => Object.fromEntries(columns.map((column, at) => [column.id, row[at]])));
    return `${JSON.stringify(named, null, 1)}\n`;
  }

  Object.assign(perceptron, { unpacked, cell, filtered, sorted, toCsv, toJson });
})();
