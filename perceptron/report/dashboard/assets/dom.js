'use strict';
// Nodes of the page. Text enters by textContent only, so that no name from anywhere becomes markup.

window.perceptron = {};

(() => {
  /** An element with attributes (`class`, `for`, `aria-…`; null and false are left out) and children: nodes or texts. */
  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value !== null && value !== undefined && value !== false) {
        made.setAttribute(key, value === true ? '' : value);
      }
    }
    made.append(...children.map((child) => (child instanceof Node ? child : String(child))));
    return made;
  }

  /** A table in a frame that scrolls by itself and can be reached by keyboard. */
  function table(title, columns, rows) {
    const sort = columns.map((column) => (column.number ? 'number' : null));
    const head = columns.map((column, place) =>
      element('th', { scope: 'col', class: sort[place] }, column.name));
    const body = rows.map((row) => element('tr', {}, ...row.map((cell, place) => (place === 0
      ? element('th', { scope: 'row', class: sort[place] }, cell)
      : element('td', { class: sort[place] }, cell)))));
    const made = element('table', {},
      element('thead', {}, element('tr', {}, ...head)), element('tbody', {}, ...body));
    if (title) made.prepend(element('caption', {}, title));
    return frame(title, made);
  }

  /** The frame of a wide thing: the page never scrolls sideways, the frame does. */
  function frame(title, content) {
    return element('div',
      { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': title || 'table' }, content);
  }

  /** One line about what went wrong, read out at once. */
  function alarm(text) {
    return element('p', { class: 'warning', role: 'alert' }, text);
  }

  Object.assign(perceptron, { element, table, frame, alarm });
})();
