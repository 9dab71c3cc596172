// Plots of the dashboard. Each is drawn from the table beside it, so that both always say the same; a click on a
// bar or a point is the link of its row. Nothing here holds a text or asks the service for anything.
import "./echarts.common.min.js";

const { echarts } = globalThis;
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Rows of a table: the words of the head cell, its link, and the numbers of cells that have one.
function rowsOf(table) {
  return [...table.tBodies[0].rows].filter((row) => !row.classList.contains("sum")).map((row) => ({
    name: row.cells[0].innerText.trim(),
    href: row.querySelector("a")?.getAttribute("href") ?? null,
    values: Object.fromEntries(
      [...row.querySelectorAll("[data-v]")].map((cell) => [cell.dataset.name, cell.dataset.v === "" ? null : Number(cell.dataset.v)]),
    ),
  }));
}

const heads = (table) => Object.fromEntries([...table.querySelectorAll("th[data-name]")].map((th) => [th.dataset.name, th.dataset.word ?? th.innerText.trim()]));

const colours = () => ({
  ink: css("--ink"), soft: css("--ink-3"), line: css("--line"), panel: css("--raised"),
  good: css("--good"), bad: css("--bad"), warn: css("--warn"), accent: css("--accent"), quiet: css("--line-2"),
});

const percent = (value) => (value === null || value === undefined ? "–" : `${(value / 10).toFixed(1)} %`);
const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

function base(c) {
  return {
    animation: false,
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: c.ink },
    tooltip: {
      // HTML tooltips need inline styles, which the policy of the page forbids.
      renderMode: "richText", confine: true, backgroundColor: c.panel, borderColor: c.quiet,
      textStyle: { color: c.ink, fontSize: 12.5 },
    },
    legend: { top: 0, right: 0, itemWidth: 12, itemHeight: 8, textStyle: { color: c.soft, fontSize: 12 } },
    grid: { left: 8, right: 16, top: 28, bottom: 4, outerBoundsMode: "same", containLabel: true },
  };
}

const axis = (c, more) => ({
  axisLine: { lineStyle: { color: c.quiet } }, axisTick: { show: false },
  axisLabel: { color: c.soft, fontSize: 12 }, splitLine: { lineStyle: { color: c.line } }, ...more,
});

// How bad a share is, in thousandths.
const shade = (c, value) => (value === null ? c.quiet : value >= 950 ? c.good : value >= 850 ? c.warn : c.bad);

// Who burns: the share of each below, the worst first, with the line of the whole.
function shares(c, rows, words, figure) {
  const shown = rows.slice(0, 16).reverse();
  const whole = figure.dataset.whole === "" ? null : Number(figure.dataset.whole);
  return {
    ...base(c),
    legend: { show: false },
    grid: { ...base(c).grid, top: 8, right: 52 },
    tooltip: {
      ...base(c).tooltip, trigger: "item",
      formatter: ({ dataIndex }) => {
        const { name, values } = shown[dataIndex];
        return `${name}\n${words.share} ${percent(values.share)}\n${words.missing} ${values.missing} h · ${words.unrecorded} ${values.unrecorded}`;
      },
    },
    xAxis: axis(c, { type: "value", min: Math.max(0, Math.min(800, Math.floor((Math.min(...shown.map((r) => r.values.share ?? 1000)) - 30) / 100) * 100)), max: 1000, axisLabel: { color: c.soft, formatter: (v) => `${v / 10} %` } }),
    yAxis: axis(c, { type: "category", data: shown.map((row) => row.name), axisLabel: { color: c.ink, fontSize: 12.5, formatter: (v) => short(v, innerWidth < 700 ? 9 : 16) }, axisLine: { show: false } }),
    series: [{
      type: "bar", barMaxWidth: 16, cursor: "pointer",
      data: shown.map((row) => ({ value: row.values.share, href: row.href, itemStyle: { color: shade(c, row.values.share), borderRadius: 2 } })),
      label: { show: true, position: "right", color: c.ink, fontSize: 12, formatter: ({ value }) => percent(value) },
      markLine: whole === null ? undefined : { silent: true, symbol: "none", lineStyle: { color: c.ink, type: "dashed" }, label: { show: false }, data: [{ xAxis: whole }] },
    }],
  };
}

// The share over time, and that of what it is compared with.
function times(c, rows, words) {
  const line = (name, colour, more) => ({ name: words[name], type: "line", data: rows.map((row) => row.values[name] ?? null), symbolSize: 5, connectNulls: true, lineStyle: { color: colour, width: 2, ...more }, itemStyle: { color: colour } });
  const low = Math.min(...rows.flatMap((row) => [row.values.share ?? 1000, row.values.before ?? 1000]));
  return {
    ...base(c),
    tooltip: { ...base(c).tooltip, trigger: "axis", formatter: (points) => [points[0].name, ...points.filter((p) => p.value !== null && p.value !== undefined).map((p) => `${p.seriesName} ${p.seriesType === "bar" ? `${p.value} h` : percent(p.value)}`)].join("\n") },
    xAxis: axis(c, { type: "category", data: rows.map((row) => row.name) }),
    yAxis: [
      axis(c, { type: "value", min: Math.max(0, Math.floor((low - 20) / 50) * 50), max: 1000, axisLabel: { color: c.soft, formatter: (v) => `${v / 10} %` } }),
      axis(c, { type: "value", splitLine: { show: false }, axisLabel: { show: false }, max: (m) => Math.max(1, m.max * 3) }),
    ],
    series: [
      { name: words.missing, type: "bar", yAxisIndex: 1, barMaxWidth: 14, itemStyle: { color: c.bad, opacity: 0.35 }, data: rows.map((row) => row.values.missing) },
      ...(rows.some((row) => row.values.before !== undefined && row.values.before !== null) ? [line("before", c.soft, { type: "dashed", width: 1.5 })] : []),
      line("share", c.accent),
    ],
  };
}

// Bars of several sorts on top of each other, or one.
function stacks(c, rows, words, figure) {
  const sorts = figure.dataset.sorts.split(" ").map((pair) => pair.split(":"));
  const lying = figure.dataset.lying === "yes";
  // Of four hundred organisations the worst stand here; the table has all.
  const shown = lying ? rows.slice(0, 24).reverse() : rows;
  const names = axis(c, { type: "category", data: shown.map((row) => row.name), axisLabel: { color: c.ink, fontSize: innerWidth < 700 ? 10 : 12, interval: 0, formatter: (v) => short(v, innerWidth < 700 ? 10 : 22) } });
  const numbers = axis(c, { type: "value", minInterval: 1, axisLabel: { color: c.soft, formatter: (v) => (figure.dataset.permille ? `${v / 10} %` : v) }, ...(figure.dataset.permille ? { max: 1000 } : {}) });
  return {
    ...base(c),
    legend: sorts.length > 1 ? base(c).legend : { show: false },
    grid: { ...base(c).grid, top: sorts.length > 1 ? 28 : 12 },
    tooltip: { ...base(c).tooltip, trigger: "axis", axisPointer: { type: "none" }, formatter: (points) => [points[0].name, ...points.map((p) => `${p.seriesName} ${figure.dataset.permille ? percent(p.value) : p.value}`)].join("\n") },
    xAxis: lying ? numbers : names,
    yAxis: lying ? names : numbers,
    series: sorts.map(([name, colour]) => ({
      name: words[name], type: "bar", stack: "all", barMaxWidth: 22, cursor: "pointer",
      data: shown.map((row) => ({ value: row.values[name], href: row.href, ...(figure.dataset.permille ? { itemStyle: { color: shade(c, row.values[name]) } } : {}) })),
      itemStyle: { color: c[colour] },
      label: { show: Boolean(figure.dataset.permille), position: "insideLeft", color: css("--panel"), fontSize: 12, formatter: ({ value }) => percent(value) },
    })),
  };
}

const sorts = { shares, times, stacks };

// The library empties its element by innerHTML = "", which the policy of the page (Trusted Types) forbids; no text
// ever becomes HTML here.
function emptiedPlainly(element) {
  Object.defineProperty(element, "innerHTML", {
    set(text) {
      if (text !== "") throw new TypeError("no HTML from a plot");
      element.replaceChildren();
    },
  });
  return element;
}

function draw(figure) {
  const table = figure.querySelector("table") ?? document.getElementById(figure.dataset.table);
  const canvas = figure.querySelector(".plot-canvas");
  // Of whom nothing was due nothing can be said in a share; the table has them.
  const rows = rowsOf(table).filter((row) => figure.dataset.plot !== "shares" || row.values.share !== null);
  if (!rows.length) {
    if (figure.dataset.plot === "shares") figure.hidden = true;
    return;
  }
  canvas.hidden = false;
  if (figure.dataset.plot === "shares" || figure.dataset.lying) canvas.classList.add(`plot-of-${Math.min(16, Math.max(2, rows.length))}`);
  const chart = echarts.init(emptiedPlainly(canvas), null, { renderer: "canvas" });
  const show = () => chart.setOption(sorts[figure.dataset.plot](colours(), rows, heads(table), figure), true);
  show();
  // The whole row of a bar leads where its link leads, its name too: a short bar is hard to hit.
  const lying = figure.dataset.plot === "shares" || figure.dataset.lying === "yes";
  const hrefAt = ({ offsetX, offsetY }) => {
    const { series, yAxis, xAxis } = chart.getOption();
    const count = (lying ? yAxis : xAxis)[0].data.length;
    const at = chart.convertFromPixel({ gridIndex: 0 }, [offsetX, offsetY])[lying ? 1 : 0];
    return at >= 0 && at < count ? series[0].data[at]?.href ?? null : null;
  };
  chart.getZr().on("click", (event) => {
    const href = hrefAt(event);
    if (href) location.assign(href);
  });
  chart.getZr().on("mousemove", (event) => chart.getZr().setCursorStyle(hrefAt(event) ? "pointer" : "default"));
  new ResizeObserver(() => chart.resize()).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  canvas.dataset.drawn = "yes";
}

for (const figure of document.querySelectorAll("[data-plot]")) draw(figure);

// Tables that a plot shows as well are folded away for readers with sight, and unfolded for paper.
const folds = [...document.querySelectorAll("details[data-fold]")];
for (const fold of folds) fold.open = false;
addEventListener("beforeprint", () => folds.forEach((fold) => { fold.open = true; }));

for (const button of document.querySelectorAll("[data-print]")) button.addEventListener("click", () => print());
