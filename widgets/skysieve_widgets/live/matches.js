// The newest matches as rows of a table: as many as the kernel keeps, however many have come.

const LIGHT = { width: 96, height: 28 };
const BANDS = "ugrizy";

/** The light curve of an alert, a few pixels high: a line and points for each band. */
function sparkline(light) {
  const { width, height } = LIGHT;
  const svg = drawn("svg", { viewBox: `-3 -3 ${width + 6} ${height + 6}`, width: width + 6, height: height + 6, class: "sky-spark", role: "img" });
  if (!light.length) return svg;
  const times = light.map(([mjd]) => mjd);
  const fluxes = light.map(([, flux]) => flux);
  const [from, to] = [Math.min(...times), Math.max(...times)];
  const [low, high] = [Math.min(0, ...fluxes), Math.max(0, ...fluxes)];
  const x = (mjd) => (to > from ? ((mjd - from) / (to - from)) * width : width / 2);
  const y = (flux) => (high > low ? height - ((flux - low) / (high - low)) * height : height / 2);
  svg.setAttribute("aria-label", `Light curve: ${light.length} points in ${(to - from).toFixed(1)} days`);
  svg.append(drawn("line", { class: "sky-zero", x1: 0, x2: width, y1: y(0), y2: y(0) }));
  for (const band of new Set(light.map(([, , name]) => name))) {
    const look = `sky-band-${BANDS.includes(band) ? band : "other"}`;
    const places = light.filter(([, , name]) => name === band).map(([mjd, flux]) => [x(mjd).toFixed(1), y(flux).toFixed(1)]);
    svg.append(drawn("path", { class: look, d: "M" + places.map((place) => place.join(",")).join("L") }));
    svg.append(...places.map(([cx, cy]) => drawn("circle", { class: look, cx, cy, r: 1.6 })));
  }
  return svg;
}

class Matches {
  constructor() {
    const heads = ["Arrived", "Difference", "Alert", "RA, Dec (deg)", "Magnitude", "Flux over time"];
    this.body = make("tbody");
    const head = make("thead", {}, make("tr", {}, ...heads.map((text) => make("th", { scope: "col", text }))));
    this.table = make("table", {}, make("caption", { text: "Newest matches" }), head, this.body);
    this.empty = make("p", { class: "sky-note", text: "No match has arrived yet." });
    this.node = make("div", { class: "sky-matches", tabindex: "0", role: "region", "aria-label": "Newest matches" }, this.table, this.empty);
    this.rows = new Map();
  }

  show(matches) {
    const kept = new Map();
    for (const match of matches) kept.set(match.key, this.rows.get(match.key) ?? this.row(match));
    this.rows = kept;
    this.body.replaceChildren(...kept.values());
    this.table.hidden = !matches.length;
    this.empty.hidden = matches.length > 0;
  }

  row(match) {
    const cell = (text, props = {}) => make("td", { text, ...props });
    const time = cell(match.time, { title: match.date });
    if (match.problem) return make("tr", {}, time, cell(match.problem, { colspan: "5", class: "sky-why" }));
    const image = make("td");
    // a source that is no picture of ours is not loaded
    if (match.image.startsWith("data:image/png;base64,")) image.append(make("img", { src: match.image, alt: "Difference cutout", width: "34", height: "34" }));
    const place = match.ra === null || match.dec === null ? "—" : `${match.ra.toFixed(5)} ${match.dec >= 0 ? "+" : "−"}${Math.abs(match.dec).toFixed(5)}`;
    const light = match.magnitude === null ? "—" : `${match.band} ${match.magnitude.toFixed(2)}${match.positive ? "" : " ↓"}`;
    const what = match.positive ? {} : { title: "fainter than in the template" };
    return make("tr", { "data-key": match.key }, time, image, cell(match.id, { class: "sky-id" }), cell(place), cell(light, what), make("td", {}, sparkline(match.light)));
  }
}
