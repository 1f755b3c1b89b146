// Mollweide's projection, right ascension increasing to the left: the same as sky/projection.py, which the tests compare.
// All angles in degrees; x from -2 to 2, y from -1 to 1, north up.

const RADIANS = Math.PI / 180;

function project(ra, dec, centre) {
  const turn = 180 - (ra - centre);
  const east = (180 - (turn - 360 * Math.floor(turn / 360))) * RADIANS;
  const wanted = Math.PI * Math.sin(dec * RADIANS);
  let angle = dec * RADIANS;
  if (Math.abs(angle) > 1) {
    const short = Math.cbrt(6 * Math.max(Math.PI - Math.abs(wanted), 0));
    angle = (Math.sign(wanted) * (Math.PI - Math.min(short, Math.PI))) / 2;
  }
  for (let step = 0; step < 30; step++) {
    const slope = 2 + 2 * Math.cos(2 * angle);
    if (slope < 1e-12) break;
    const change = (2 * angle + Math.sin(2 * angle) - wanted) / slope;
    angle -= change;
    if (Math.abs(change) < 1e-12) break;
  }
  return [(-2 / Math.PI) * east * Math.cos(angle), Math.sin(angle)];
}

// Null outside the ellipse.
function unproject(x, y, centre) {
  if ((x * x) / 4 + y * y > 1 + 1e-12) return null;
  const angle = Math.asin(Math.min(Math.max(y, -1), 1));
  const sine = (2 * angle + Math.sin(2 * angle)) / Math.PI;
  const dec = Math.asin(Math.min(Math.max(sine, -1), 1)) / RADIANS;
  const width = Math.cos(angle);
  const east = width > 1e-9 ? (-x * Math.PI) / 2 / width : 0;
  const ra = centre + Math.min(Math.max(east, -Math.PI), Math.PI) / RADIANS;
  return [ra - 360 * Math.floor(ra / 360), dec];
}

// Parts of a line that do not leave the map on one side to come back on the other.
function splitAtSeam(places) {
  const parts = [];
  let part = [];
  for (const place of places) {
    const before = part[part.length - 1];
    if (before) {
      const jump = Math.abs(place[0] - before[0]);
      const narrow = Math.sqrt(Math.max(1 - Math.max(Math.abs(place[1]), Math.abs(before[1])) ** 2, 0));
      if (jump > 1 || (place[0] * before[0] < 0 && jump > 2 * narrow)) {
        parts.push(part);
        part = [];
      }
    }
    part.push(place);
  }
  if (part.length) parts.push(part);
  return parts;
}

function separation(ra1, dec1, ra2, dec2) {
  const [a, b] = [dec1 * RADIANS, dec2 * RADIANS];
  const h = Math.sin((b - a) / 2) ** 2 + Math.cos(a) * Math.cos(b) * Math.sin(((ra2 - ra1) * RADIANS) / 2) ** 2;
  return (2 * Math.asin(Math.sqrt(Math.min(h, 1)))) / RADIANS;
}

function sexagesimal(degrees, signed) {
  const whole = signed ? Math.round(Math.abs(degrees) * 3600) : Math.round(degrees * 240) % 86400;
  const fields = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const text = fields.map((field) => String(field).padStart(2, "0")).join(":");
  return signed ? (degrees < 0 && whole ? "−" : "+") + text : text;
}

function distanceText(degrees) {
  if (degrees >= 1) return `${degrees.toFixed(1)}°`;
  return degrees >= 1 / 60 ? `${(degrees * 60).toFixed(1)}′` : `${(degrees * 3600).toFixed(1)}″`;
}
