// Hold any two runs against each other: what `benchmark.results.pairs` computes, in the page.
const above = (score, others) =>
  others.map((other) => (score > other ? 1 : score === other ? 0.5 : 0));
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const columnsOf = (rows) => rows[0].map((_, column) => rows.map((row) => row[column]));
const covariance = (x, y) => {
  const [a, b] = [mean(x), mean(y)];
  return x.reduce((sum, value, i) => sum + (value - a) * (y[i] - b), 0) / (x.length - 1);
};
const bisect = (f, low, high) => {
  const sign = Math.sign(f(low));
  for (let step = 0; step < 80; step++) {
    const middle = (low + high) / 2;
    if (Math.sign(f(middle)) === sign) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
};
// Limits of an area, as `bgad.metrics.auroc_interval`.
const limits = (wins) => {
  const [m, n, area] = [wins.length, wins[0].length, mean(wins.map(mean))];
  const formula = (p) => {
    const pairs = (m + n) / 2 - 1;
    return (p * (1 - p) * (1 + (pairs * (1 - p)) / (2 - p) + (pairs * p) / (1 + p))) / (m * n);
  };
  let size = 1;
  if (Math.min(m, n) > 1) {
    const [rows, columns] = [wins.map(mean), columnsOf(wins).map(mean)];
    const estimate = covariance(rows, rows) / m + covariance(columns, columns) / n;
    const few = formula(1 - 1 / (8 * Math.min(m, n)));
    size = (estimate + few) / (formula(area) + few);
  }
  const beyond = (p) => Math.abs(p - area) - 1.959963984540054 * Math.sqrt(size * formula(p));
  return [
    area === 0 ? 0 : bisect(beyond, 0, area * (1 - 1e-12)),
    area === 1 ? 1 : bisect(beyond, area + (1 - area) * 1e-12, 1),
  ];
};
const correlation = (first, second) => {
  const total = [0, 0, 0];
  for (const side of [(wins) => wins, columnsOf]) {
    const [x, y] = [first, second].map((wins) => side(wins).map(mean));
    if (x.length < 2) continue;
    [covariance(x, x), covariance(x, y), covariance(y, y)].forEach((value, i) => {
      total[i] += value / x.length;
    });
  }
  const spread = Math.sqrt(total[0] * total[2]);
  return spread > 0 ? total[1] / spread : 0;
};
const difference = (anomalous, normal) => {
  const wins = [0, 1].map((side) =>
    anomalous.map((image) => above(image.scores[side], normal.map((other) => other.scores[side]))),
  );
  const [a, b] = wins.map((won) => mean(won.map(mean)));
  const [[lowA, highA], [lowB, highB]] = wins.map(limits);
  const rho = correlation(...wins);
  const reach = (x, y) => Math.sqrt(Math.max(0, x * x + y * y - 2 * rho * x * y));
  return { a, b, low: b - a - reach(b - lowB, highA - a), high: b - a + reach(highB - b, a - lowA) };
};

const place = document.querySelector("#compare");
const stored = JSON.parse(place.dataset.scores);
const [dataset, first, second] = ["dataset", "a", "b"].map((name) =>
  document.querySelector(`#choice select[name=${name}]`),
);
const drawn = [...document.querySelectorAll("#pairs figure[data-cell]")];
const offer = (select, values, wanted) => {
  select.replaceChildren(...values.map((value) => new Option(value, value)));
  if (values.includes(wanted)) select.value = wanted;
};
const signed = (value) => (value < 0 ? "\u2212" : "+") + Math.abs(value).toFixed(3);
const row = (entries) => {
  const line = document.createElement("tr");
  entries.forEach((entry, column) => {
    const cell = document.createElement(column ? "td" : "th");
    if (!column) cell.scope = "row";
    if (typeof entry === "object") {
      cell.className = "num";
      cell.dataset.value = Number(entry.value.toPrecision(6));
      cell.textContent = entry.text ?? entry.value.toFixed(3);
    } else cell.textContent = entry;
    line.append(cell);
  });
  return line;
};
const SVG = "http://www.w3.org/2000/svg";
const scatter = (title, images) => {
  const figure = document.createElement("figure");
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("viewBox", "0 0 220 220");
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", `${title}: image scores, a to the right and b upwards`);
  const scale = [0, 1].map((side) => {
    const values = images.map((image) => image.scores[side]);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return (value) => 12 + (196 * (value - low)) / (high - low || 1);
  });
  for (const image of images) {
    const mark = document.createElementNS(SVG, image.type === "good" ? "circle" : "path");
    const [x, y] = [scale[0](image.scores[0]), 220 - scale[1](image.scores[1])];
    if (image.type === "good") for (const [k, v] of Object.entries({ cx: x, cy: y, r: 3 })) mark.setAttribute(k, v);
    else mark.setAttribute("d", `M${x - 3},${y - 3}l6,6m0,-6l-6,6`);
    mark.setAttribute("class", image.type === "good" ? "good" : "defective");
    const name = document.createElementNS(SVG, "title");
    name.textContent = image.name;
    mark.append(name);
    picture.append(mark);
  }
  const caption = document.createElement("figcaption");
  caption.textContent = title;
  figure.append(picture, caption);
  return figure;
};
const show = () => {
  const categories = stored[dataset.value];
  const [types, images, plots] = [[], [], []];
  for (const [category, { names, types: kinds, cells }] of Object.entries(categories)) {
    const sides = [cells[first.value], cells[second.value]];
    if (!sides.every(Boolean)) continue;
    const both = names
      .map((name, i) => ({ category, name, type: kinds[i], scores: sides.map((side) => side[i]) }))
      .filter((image) => image.scores.every((score) => score !== null));
    const normal = both.filter((image) => image.type === "good");
    const anomalous = both.filter((image) => image.type !== "good");
    if (!normal.length || !anomalous.length) continue;
    for (const type of ["all", ...new Set(anomalous.map((image) => image.type))]) {
      const chosen = anomalous.filter((image) => type === "all" || image.type === type);
      const { a, b, low, high } = difference(chosen, normal);
      const text = `${signed(b - a)} [${signed(low)}, ${signed(high)}]`;
      types.push(row([category, type, { value: chosen.length, text: `${chosen.length}` }, { value: a }, { value: b }, { value: b - a, text }]));
    }
    for (const image of both) {
      const [a, b] = [0, 1].map((side) => mean(above(image.scores[side], normal.map((o) => o.scores[side]))));
      images.push({ ...image, a, b, gain: (b - a) * (image.type === "good" ? -1 : 1) });
    }
    plots.push(scatter(category, both));
  }
  images.sort((x, y) => Math.abs(y.gain) - Math.abs(x.gain));
  const [byType, byImage] = place.querySelectorAll("tbody");
  byType.replaceChildren(...types);
  byImage.replaceChildren(
    ...images.slice(0, 30).map((image) =>
      row([image.category, image.name, image.type, { value: image.a }, { value: image.b }, { value: image.gain, text: signed(image.gain) }]),
    ),
  );
  place.querySelector(".plots").replaceChildren(...plots);
  const pairs = images.slice(0, 30).flatMap(({ category, name }) => {
    const found = [first, second].map((select) =>
      drawn.find(
        ({ dataset: of }) =>
          of.of === `${dataset.value}/${category}` && of.cell === select.value && of.name === name,
      ),
    );
    return found.every(Boolean) ? found.map((figure) => figure.cloneNode(true)) : [];
  });
  document.querySelector("#pairs > .plots").replaceChildren(...pairs);
  document.querySelector("#pairs .no-pairs").hidden = pairs.length > 0;
  document.querySelector("#pairs .controls").dispatchEvent(new Event("input"));
  place.querySelector(".none").hidden = types.length > 0;
  const kept = new URLSearchParams({ dataset: dataset.value, a: first.value, b: second.value });
  history.replaceState(null, "", `?${kept}`);
};
const offerCells = () => {
  const cells = [...new Set(Object.values(stored[dataset.value]).flatMap(({ cells }) => Object.keys(cells)))];
  cells.sort((x, y) => x.localeCompare(y, "en", { numeric: true }));
  offer(first, cells, asked.get("a"));
  const seed = first.value.slice(first.value.lastIndexOf(","));
  offer(second, cells, asked.get("b") ?? cells.findLast((cell) => cell.endsWith(seed)));
};
const asked = new URLSearchParams(location.search);
offer(dataset, Object.keys(stored), asked.get("dataset"));
offerCells();
show();
dataset.addEventListener("input", () => (offerCells(), show()));
for (const select of [first, second]) select.addEventListener("input", show);
