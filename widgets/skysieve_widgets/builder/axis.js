// A line of values, and how numbers are written.

const grouped = (n) => (n === null || n === undefined ? "—" : Number(n).toLocaleString("en-US"));

/** Where values stand on a line of some pixels, and back: linear or in logarithms. */
class Axis {
  constructor({ low, high, log, whole }, width) {
    Object.assign(this, { low, high, log: log && low > 0, whole, width });
    this.from = this.log ? Math.log(low) : low;
    this.span = (this.log ? Math.log(high) : high) - this.from;
  }

  /** Pixels from the left, within the line; NaN where the value is no number. */
  place(value) {
    const at = this.log ? Math.log(Math.max(value, 1e-300)) : value;
    return Math.min(Math.max((at - this.from) / this.span, 0), 1) * this.width;
  }

  value(pixels) {
    const at = this.from + (Math.min(Math.max(pixels, 0), this.width) / this.width) * this.span;
    return this.log ? Math.exp(at) : at;
  }

  isBeyond(value) {
    return value < this.low || value > this.high;
  }

  /** The value so many steps further: a step is a round number, about a hundredth of the range. */
  stepped(value, steps) {
    if (this.log) return value * Math.pow(1.05, steps);
    const rough = (this.high - this.low) / 100;
    const ten = Math.pow(10, Math.floor(Math.log10(rough)));
    const step = [1, 2, 5, 10].find((n) => n * ten >= rough) * ten;
    const size = this.whole ? Math.max(1, Math.round(step)) : step;
    return Math.round(value / size + steps) * size;
  }

  /** A value as a person would write it: no more digits than a pixel is worth. */
  written(value) {
    if (this.whole) {
      const near = Math.round(value);
      return Number.isSafeInteger(near) ? String(near) : BigInt(near).toString();
    }
    const pixel = this.log ? Math.abs(value) / 100 : (this.high - this.low) / this.width;
    const digits = Math.min(Math.max(Math.ceil(-Math.log10(pixel)), 0), 12);
    const text = Math.abs(value) < 1e-4 && value !== 0 ? value.toPrecision(3) : value.toFixed(digits);
    return String(Number(text));
  }

  /** Three marks, for the eye. */
  ticks() {
    return [0.02, 0.5, 0.98].map((share) => {
      const value = this.value(share * this.width);
      if (!this.whole) return { at: share * this.width, text: short(value) };
      return { at: this.place(Math.round(value)), text: short(Math.round(value)) };
    });
  }
}

function short(value) {
  const size = Math.abs(value);
  if (value !== 0 && (size >= 1e6 || size < 1e-3)) return value.toExponential(1).replace("e+", "e");
  return String(Number(value.toPrecision(3)));
}
