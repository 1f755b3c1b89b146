// What a sky map is made of on a canvas. The kernel sends positions, lines and a raster of what lies where; projecting,
// and so a new centre, is done here.

const WIDTH = 1500, HEIGHT = 750, MARGIN = 12;
const SCALE = (WIDTH - 2 * MARGIN) / 4;
const SHAPES = ["circle", "square", "triangle", "diamond"];

const doubles = (view) => new Float64Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
const pairs = (view) => {
  const flat = doubles(view);
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]);
};

function unpack(layer, number) {
  const read = { ...layer, shape: SHAPES[number % SHAPES.length], lines: layer.lines.map(pairs) };
  read.places = layer.places ? pairs(layer.places) : [];
  if (layer.values) {
    const view = layer.values;
    read.values = new Uint16Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
    read.strength = new Uint8Array(layer.strength.buffer, layer.strength.byteOffset, layer.strength.byteLength);
    read.columns = Math.round(Math.sqrt(2 * read.values.length));
  }
  return read;
}

function valueAt(layer, ra, dec) {
  const column = Math.min(Math.floor((ra / 360) * layer.columns), layer.columns - 1);
  const row = Math.min(Math.floor(((90 - dec) / 360) * layer.columns), layer.columns / 2 - 1);
  return layer.values[row * layer.columns + column];
}

const toPixel = ([x, y]) => [MARGIN + (x + 2) * SCALE, HEIGHT / 2 - y * SCALE];
const toPlace = (px, py) => [(px - MARGIN) / SCALE - 2, (HEIGHT / 2 - py) / SCALE];

// At half the size, which is as fine as the raster; row by row, since a row of the map has one declination.
function paintAreas(context, layers, centre) {
  const [width, height] = [WIDTH / 2, HEIGHT / 2];
  const image = new ImageData(width, height);
  const filled = layers.filter((layer) => layer.values);
  const colours = filled.map((layer) => [1, 3, 5].map((at) => parseInt(layer.colour.slice(at, at + 2), 16)));
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const [x, y] = toPlace(2 * column + 1, 2 * row + 1);
      const place = unproject(x, y, centre);
      if (!place) continue;
      let [red, green, blue] = [255, 255, 255];
      for (let i = 0; i < filled.length; i++) {
        const alpha = filled[i].strength[valueAt(filled[i], place[0], place[1])] / 255;
        red += alpha * (colours[i][0] - red);
        green += alpha * (colours[i][1] - green);
        blue += alpha * (colours[i][2] - blue);
      }
      const at = 4 * (row * width + column);
      image.data[at] = red;
      image.data[at + 1] = green;
      image.data[at + 2] = blue;
      image.data[at + 3] = 255;
    }
  }
  const small = make("canvas", { width, height });
  small.getContext("2d").putImageData(image, 0, 0);
  context.drawImage(small, 0, 0, WIDTH, HEIGHT);
}

function paintLine(context, places, centre, colour, width, dashes = []) {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.setLineDash(dashes);
  for (const part of splitAtSeam(places.map(([ra, dec]) => project(ra, dec, centre)))) {
    context.beginPath();
    part.forEach((place, i) => context[i ? "lineTo" : "moveTo"](...toPixel(place)));
    context.stroke();
  }
}

function paintGraticule(context, centre) {
  const range = (from, to, step) => Array.from({ length: (to - from) / step + 1 }, (_, i) => from + i * step);
  for (const dec of [-60, -30, 0, 30, 60]) {
    paintLine(context, range(-179.9, 179.9, 1.99889).map((east) => [centre + east, dec]), centre, "#c8c8c8", 1);
  }
  context.font = "20px sans-serif";
  for (let ra = 0; ra < 360; ra += 60) {
    paintLine(context, range(-90, 90, 2).map((dec) => [ra, dec]), centre, "#c8c8c8", 1);
    const away = Math.abs(((((ra - centre) % 360) + 540) % 360) - 180);
    if (away < 170) write(context, toPixel(project(ra, 0, centre)), `${ra}°`, "center");
  }
  for (const dec of [-60, -30, 30, 60]) {
    const [x, y] = toPixel(project(centre + 180, dec, centre));
    write(context, [x + 6, y - 2], `${dec < 0 ? "−" : "+"}${Math.abs(dec)}°`, "left");
  }
}

function write(context, [x, y], text, align) {
  context.textAlign = align;
  context.setLineDash([]);
  context.lineWidth = 5;
  context.strokeStyle = "white";
  context.strokeText(text, x, y - 4);
  context.fillStyle = "#333333";
  context.fillText(text, x, y - 4);
}

function paintPoint(context, [x, y], shape, size) {
  context.beginPath();
  if (shape === "circle") context.arc(x, y, size, 0, 2 * Math.PI);
  else {
    const turned = { square: [4, Math.PI / 4], triangle: [3, -Math.PI / 2], diamond: [4, 0] }[shape];
    for (let i = 0; i < turned[0]; i++) {
      const angle = turned[1] + (2 * Math.PI * i) / turned[0];
      context[i ? "lineTo" : "moveTo"](x + 1.25 * size * Math.cos(angle), y + 1.25 * size * Math.sin(angle));
    }
    context.closePath();
  }
  context.fill();
  if (size > 4) context.stroke();
}

function paintBase(context, layers, centre, circles) {
  context.clearRect(0, 0, WIDTH, HEIGHT);
  paintAreas(context, layers, centre);
  paintGraticule(context, centre);
  for (const { places, colour, dashes } of circles) paintLine(context, places, centre, colour, 2.2, dashes);
  for (const layer of layers) {
    for (const line of layer.lines) paintLine(context, line, centre, layer.colour, 2);
    const size = layer.places.length > 500 ? 3 : 5.5;
    context.setLineDash([]);
    [context.fillStyle, context.strokeStyle, context.lineWidth] = [layer.colour, "white", 1];
    for (const [ra, dec] of layer.places) paintPoint(context, toPixel(project(ra, dec, centre)), layer.shape, size);
  }
  [context.strokeStyle, context.lineWidth] = ["#333333", 2];
  context.setLineDash([]);
  context.beginPath();
  context.ellipse(WIDTH / 2, HEIGHT / 2, 2 * SCALE, SCALE, 0, 0, 2 * Math.PI);
  context.stroke();
}
