"use strict";
// Asks the server for the runs and for the one that is shown, and draws both again. Text is only ever set as text.

const RUNNING_MS = 2000, IDLE_MS = 10000, COLORS = 7;
const WIDTH = 760, HEIGHT = 380, LEFT = 70, RIGHT = 20, TOP = 14, BOTTOM = 50;
const SVG = "http://www.w3.org/2000/svg";
const drawn = new Map();

function element(name, content = [], attributes = {}) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...[content].flat());
  return made;
}

function shape(name, attributes, text = "") {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

const whole = (number) => number.toLocaleString("en-US");
const digits = (number) => (number === null ? "" : String(Number(number.toPrecision(4))));
const plural = (number, noun) => `${whole(number)} ${noun}${number === 1 ? "" : "s"}`;

function time(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

// Puts the elements in a place, unless they are there already: a reader's selection and place in the page stay.
function show(place, key, elements) {
  if (drawn.get(place) === key) return;
  drawn.set(place, key);
  document.getElementById(place).replaceChildren(...elements);
}

async function ask(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

function table(heads, rows) {
  const cell = (name, text, number) => element(name, text, number ? { class: "number" } : {});
  const head = element("tr", heads.map(([text, number]) => cell("th", text, number)));
  const body = rows.map((row) => element("tr", row.cells.map((text, k) => cell("td", text, heads[k][1])), row.attributes || {}));
  return element("div", element("table", [element("thead", head), element("tbody", body)]), { class: "wide" });
}

function doneText(run) {
  return run.planned === null ? whole(run.done) : `${whole(run.done)} of ${whole(run.planned)}`;
}

function progressText(progress) {
  const total = progress.total === null ? "" : ` of ${whole(progress.total)}`;
  const left = progress.seconds_left === null ? "" : `, about ${time(progress.seconds_left)} left`;
  return `${progress.stage}: ${whole(progress.done)}${total} ${progress.unit}${left}`;
}

function showRuns(listed, shown) {
  const key = JSON.stringify([listed, shown]);
  if (!listed.runs.length) {
    const text = `There are no runs in ${listed.folders.join(", ")} yet. A run appears here as soon as its training starts.`;
    show("runs", key, [element("p", text)]);
    return;
  }
  const heads = [["run", false], ["state", false], ["replicas", true], ["steps", true], ["now", false]];
  const rows = listed.runs.map((run) => ({
    cells: [
      element("a", run.name, { href: `#${run.id}`, title: run.path }),
      element("span", run.state, { class: run.state.replace(" ", "-") }),
      doneText(run), whole(run.steps), run.progress ? progressText(run.progress) : "",
    ],
    attributes: run.id === shown ? { "aria-current": "true" } : {},
  }));
  show("runs", key, [table(heads, rows)]);
}

function progressBar(run) {
  const parts = [element("p", `${doneText(run)} replicas have ended after ${plural(run.steps, "optimizer step")}.`)];
  if (run.planned) parts.push(element("progress", [], { max: run.planned, value: run.done, "aria-label": "replicas" }));
  if (run.progress) {
    parts.push(element("p", progressText(run.progress), { class: "note" }));
    if (run.progress.total) {
      parts.push(element("progress", [], { max: run.progress.total, value: run.progress.done, "aria-label": run.progress.stage }));
    }
  }
  return parts;
}

function showRun(detail) {
  const run = detail.summary, key = JSON.stringify(detail);
  const parts = [element("h2", run.name), element("p", run.path, { class: "note" })];
  parts.push(element("p", element("strong", run.state, { class: run.state.replace(" ", "-") })));
  if (run.problem) parts.push(element("p", run.problem, { class: "problem" }));
  if (run.state === "not finished") {
    parts.push(element("p", "No process is working on this run. Run the same command again to resume it.", { class: "note" }));
  }
  parts.push(...progressBar(run));
  if (detail.files.length) {
    const links = detail.files.map((name) => element("a", name, { href: `/runs/${run.id}/${name}` }));
    parts.push(element("p", links, { class: "files" }));
  }
  if (detail.curves.some((curve) => curve.points.length)) parts.push(...curvesOf(detail));
  if (detail.history.length) parts.push(...historyOf(detail));
  if (detail.rows.length) parts.push(...rowsOf(detail));
  show("run", key, parts);
  document.title = `${run.state}, ${doneText(run)} - ${run.name} - jaxmrl`;
}

function curvesOf(detail) {
  const series = detail.curves.map((curve) => ({
    label: curve.label,
    line: curve.points.map((point) => [point.n_train, point.mean]),
    bars: curve.points.filter((point) => point.sd !== null).map((p) => [p.n_train, p.mean - p.sd, p.mean + p.sd]),
    dots: curve.points.flatMap((point) => point.tests.map((test) => [point.n_train, test])),
  }));
  const heads = [["curve", false], ["fraction", true], ["molecules", true], [`test ${detail.metric}`, true], ["sd", true], ["seeds", true]];
  const rows = detail.curves.flatMap((curve) => curve.points.map((point) => ({
    cells: [curve.label, digits(point.fraction), whole(point.n_train), digits(point.mean), digits(point.sd), whole(point.tests.length)],
  })));
  const figure = chart(series, "training molecules", detail.axis, true);
  return [element("h3", "Learning curves so far"), figure, note("Dots are seeds. Bars show one standard deviation around their mean."), table(heads, rows)];
}

function historyOf(detail) {
  const several = new Set(detail.history.map((one) => one.label)).size > 1;
  const series = detail.history.map((one) => ({
    label: `${several ? `${one.label}, ` : ""}${whole(one.n_train)} molecules`, line: one.points, bars: [], dots: [],
  }));
  const figure = chart(series, "epoch", `validation ${detail.metric}`, false);
  return [element("h3", "Validation during training"), figure, note("Means over the seeds, for the replicas that have ended.")];
}

function rowsOf(detail) {
  const heads = [["curve", false], ["fraction", true], ["molecules", true], ["seed", true], ["status", false],
    ["validation", true], ["test", true], ["steps", true]];
  const rows = detail.rows.map((row) => ({
    cells: [row.label, row.fraction, whole(row.n_train), String(row.seed), row.status, digits(row.valid), digits(row.test), whole(row.steps)],
  }));
  const more = detail.summary.done - detail.rows.length;
  const first = more > 0 ? `The last ${whole(detail.rows.length)} results; results.csv has ${whole(more)} more.` : "";
  return [element("h3", "Results"), note(first), table(heads, rows)];
}

const note = (text) => element("p", text, { class: "note" });

// A chart with a linear vertical axis, and a horizontal one that is logarithmic for molecules.
function chart(series, across, up, logarithmic) {
  const all = series.flatMap((one) => [...one.line, ...one.dots, ...one.bars.flatMap(([x, low, high]) => [[x, low], [x, high]])]);
  const x = scale(all.map((point) => point[0]), LEFT, WIDTH - RIGHT, logarithmic);
  const y = scale(all.map((point) => point[1]), HEIGHT - BOTTOM, TOP, false);
  const svg = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${up} against ${across}` });
  for (const at of y.ticks) {
    svg.append(shape("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(at), y2: y(at) }));
    svg.append(shape("text", { x: LEFT - 6, y: y(at) + 4, "text-anchor": "end" }, digits(at)));
  }
  for (const at of x.ticks) {
    svg.append(shape("line", { class: "grid", x1: x(at), x2: x(at), y1: TOP, y2: HEIGHT - BOTTOM }));
    svg.append(shape("text", { x: x(at), y: HEIGHT - BOTTOM + 18, "text-anchor": "middle" }, whole(at)));
  }
  svg.append(shape("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 8, "text-anchor": "middle" }, across));
  svg.append(shape("text", { transform: `translate(14 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)`, "text-anchor": "middle" }, up));
  series.forEach((one, k) => svg.append(drawing(one, k, x, y)));
  const legend = series.map((one, k) => element("li", one.label, { class: `s${k % COLORS}` }));
  return element("figure", [svg, element("ul", legend, { class: "legend" })]);
}

function drawing(one, k, x, y) {
  const group = shape("g", { class: `s${k % COLORS}` });
  const dash = k >= COLORS ? { "stroke-dasharray": "6 4" } : {};
  for (const [n, low, high] of one.bars) group.append(shape("line", { class: "bar", x1: x(n), x2: x(n), y1: y(low), y2: y(high) }));
  for (const [n, value] of one.dots) group.append(shape("circle", { class: "seed", cx: x(n), cy: y(value), r: 3 }));
  const points = one.line.map(([n, value]) => `${x(n)},${y(value)}`).join(" ");
  group.append(shape("polyline", { class: "mean", points, ...dash }));
  if (one.dots.length) for (const [n, value] of one.line) group.append(shape("circle", { cx: x(n), cy: y(value), r: 4.5 }));
  return group;
}

function scale(values, from, to, logarithmic) {
  const of = logarithmic ? Math.log10 : (value) => value;
  let low = of(Math.min(...values)), high = of(Math.max(...values));
  const room = (high - low) * 0.05 || Math.abs(high) * 0.05 || 0.5;
  [low, high] = [low - room, high + room];
  const place = (value) => Number((from + ((of(value) - low) / (high - low)) * (to - from)).toFixed(2));
  place.ticks = logarithmic ? decades(low, high) : rounds(low, high);
  return place;
}

function rounds(low, high) {
  const rough = (high - low) / 5, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((times) => times * power >= rough), ticks = [];
  for (let at = Math.ceil(low / step); at * step <= high; at++) ticks.push(Number((at * step).toPrecision(6)));
  return ticks;
}

function decades(low, high) {
  const all = [];
  for (let power = Math.floor(low); power <= high; power++) for (const times of [1, 2, 5]) all.push(times * 10 ** power);
  const inside = all.filter((at) => Math.log10(at) >= low && Math.log10(at) <= high && at >= 1);
  const tens = inside.filter((at) => Number.isInteger(Math.log10(at)));
  return inside.length > 7 && tens.length > 2 ? tens : inside;
}

async function update() {
  let wait = IDLE_MS;
  try {
    const listed = await ask("/api/runs");
    const asked = decodeURIComponent(location.hash.slice(1));
    const run = listed.runs.find((one) => one.id === asked) || listed.runs.find((one) => one.state === "running") || listed.runs[0];
    showRuns(listed, run && run.id);
    if (run) showRun(await ask(`/api/runs/${run.id}`));
    else show("run", "", []);
    if (!listed.runs.length || listed.runs.some((one) => one.state === "running")) wait = RUNNING_MS;
    document.getElementById("notice").textContent = `Updated ${new Date().toLocaleTimeString()}. This page is read-only.`;
  } catch (error) {
    document.getElementById("notice").textContent = `The server is not responding: ${error.message}. Is jaxmrl serve still running?`;
  }
  window.clearTimeout(update.timer);
  update.timer = window.setTimeout(update, wait);
}

window.addEventListener("hashchange", update);
update();
