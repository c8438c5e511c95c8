'use strict';
// Figures: drawn by plotly in the colours of the page, drawn again when these or the paper change.

(() => {
  const { element, dressed } = perceptron;
  const PAPER = 680; // pixels: what fits on A4 and on Letter
  const live = new Map(); // node of a figure → its description

  /** Below each figure's own layout, which wins. */
  const COMMON = {
    paper_bgcolor: 'rgba(0, 0, 0, 0)',
    plot_bgcolor: 'rgba(0, 0, 0, 0)',
    font: { family: 'system-ui, sans-serif', size: 13, color: '--ink' },
    margin: { l: 8, r: 8, t: 32, b: 8 },
    hovermode: 'closest',
    dragmode: matchMedia('(pointer: coarse)').matches ? false : 'zoom', // a finger scrolls the page
    hoverlabel: { bgcolor: '--card', bordercolor: '--edge', font: { color: '--ink' }, namelength: -1 },
    legend: { orientation: 'h', xref: 'paper', x: 0, yref: 'container', y: 0, yanchor: 'bottom' },
    modebar: { bgcolor: 'rgba(0, 0, 0, 0)', color: '--soft', activecolor: '--ink' },
    xaxis: axis(),
    yaxis: { ...axis(), nticks: 5 }, // more would put all of 2 to 9 between decades, one on the other
  };

  const CONFIG = {
    displaylogo: false,
    responsive: true,
    displayModeBar: 'hover',
    modeBarButtonsToRemove: ['select2d', 'lasso2d', 'autoScale2d'],
    showSendToCloud: false,
    showEditInChartStudio: false,
    showLink: false,
    editable: false,
    plotlyServerURL: '',
  };

  function axis() {
    return {
      automargin: true,
      gridcolor: '--line',
      zerolinecolor: '--line',
      linecolor: '--soft',
      tickcolor: '--soft',
      title: { standoff: 12 },
    };
  }

  /** The node of a figure, empty until `figures.draw` finds it in the page. */
  function figure(description) {
    // An image may hold no buttons, and plotly's have to stay in reach: so they are neighbours.
    const image = element('div', { role: 'img', 'aria-label': description.alt });
    const plot = element('div', { class: 'plot' });
    plot.style.height = `${description.height}px`;
    live.set(plot, description);
    const caption = description.caption ? [element('figcaption', {}, description.caption)] : [];
    return element('figure', {}, element('div', { class: 'picture' }, image, plot), ...caption);
  }

  function draw(width) {
    for (const [plot, description] of live) {
      try {
        if (!window.Plotly) throw new Error('assets/plotly.min.js is missing');
        const template = { layout: COMMON };
        const { data, layout } = dressed(description.data, { template, ...description.layout });
        if (width) Object.assign(layout, { width, height: description.height });
        Plotly.react(plot, data, layout, CONFIG).catch((error) => broken(plot, error));
        // Hundreds of loose numbers, read one by one, tell less than the figure's own words.
        plot.querySelectorAll('svg').forEach((svg) => svg.setAttribute('aria-hidden', 'true'));
      } catch (error) {
        broken(plot, error);
      }
    }
  }

  function broken(plot, error) {
    live.delete(plot);
    plot.removeAttribute('style');
    plot.replaceChildren(element('p', { class: 'soft' }, `The figure cannot be drawn: ${error.message}`));
  }

  /** Forget the figures, and let plotly stop listening for them. */
  function clear() {
    if (window.Plotly) live.forEach((_, plot) => Plotly.purge(plot));
    live.clear();
  }

  /** Paper is white, whatever the screen is: the style sheet knows the class. */
  function paper(on) {
    document.documentElement.classList.toggle('light', on);
    draw(on ? PAPER : undefined);
    // Left alone, plotly keeps the width of the paper.
    if (!on && window.Plotly) live.forEach((_, plot) => Plotly.Plots.resize(plot));
  }

  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => draw());
  matchMedia('print').addEventListener('change', (event) => paper(event.matches));
  addEventListener('beforeprint', () => paper(true));
  addEventListener('afterprint', () => paper(false));

  Object.assign(perceptron, { figure, figures: { draw: () => draw(), clear } });
})();
