// Every picture on the map is drawn here on a canvas: fill patterns, the conflict mark, and labels,
// since the map has no fonts of its own without a glyph server.

const RATIO = 2;
const LABEL_CHARS_MAX = 64;

export const LIGHT = {
  water: "#d9e4ec", land: "#f5f4ef", coast: "#9fb0bc", border: "#b4bcc2", grid: "#8aa0ae",
  ink: "#16202a", halo: "#ffffff", place: "#6b7780", area: "#51616d", notice: "#7a2230",
  conflict: "#c1121f", chosen: "#111820", free: "#00664f",
  parties: ["#0067a8", "#b35400", "#00735c", "#9b3f7d", "#5b6670"],
};
export const DARK = {
  water: "#0d141b", land: "#18222c", coast: "#46586a", border: "#374656", grid: "#51687c",
  ink: "#eef3f7", halo: "#0d141b", place: "#8494a2", area: "#8a9cac", notice: "#ff9aa5",
  conflict: "#ff5a5f", chosen: "#ffffff", free: "#4cd0ab",
  parties: ["#62b8f0", "#f0a52a", "#35c9a0", "#e79cca", "#a5b1bb"],
};

export function palette() {
  return matchMedia("(prefers-color-scheme: dark)").matches ? DARK : LIGHT;
}

function canvas(width, height) {
  const element = document.createElement("canvas");
  element.width = Math.ceil(width * RATIO);
  element.height = Math.ceil(height * RATIO);
  const pen = element.getContext("2d", { willReadFrequently: true });
  pen.scale(RATIO, RATIO);
  return pen;
}

function pixels(pen) {
  const { width, height } = pen.canvas;
  return pen.getImageData(0, 0, width, height);
}

// A party is told by its colour and by its pattern: plain, dots, lines across, lines down, grid.
function fillPattern(index, colours, strong) {
  const pen = canvas(12, 12);
  const colour = colours.parties[index];
  pen.globalAlpha = strong ? 0.26 : 0.12;
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 12, 12);
  pen.globalAlpha = strong ? 0.75 : 0.5;
  if (index === 1) {
    for (const [x, y] of [[3, 3], [9, 9]]) {
      pen.beginPath();
      pen.arc(x, y, 1.1, 0, 7);
      pen.fill();
    }
  }
  if (index === 2 || index === 4) pen.fillRect(0, 5.5, 12, 1);
  if (index === 3 || index === 4) pen.fillRect(5.5, 0, 1, 12);
  return pixels(pen);
}

function hatch(colour) {
  const pen = canvas(10, 10);
  pen.globalAlpha = 0.1;
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 10, 10);
  pen.globalAlpha = 0.7;
  pen.strokeStyle = colour;
  pen.lineWidth = 1.1;
  for (const x of [-10, 0, 10]) {
    pen.beginPath();
    pen.moveTo(x, 10);
    pen.lineTo(x + 10, 0);
    pen.stroke();
  }
  return pixels(pen);
}

function conflictMark(colours, chosen) {
  const size = chosen ? 34 : 24;
  const pen = canvas(size, size);
  const half = size / 2;
  const diamond = (reach) => {
    pen.beginPath();
    pen.moveTo(half, half - reach);
    pen.lineTo(half + reach, half);
    pen.lineTo(half, half + reach);
    pen.lineTo(half - reach, half);
    pen.closePath();
  };
  if (chosen) {
    pen.strokeStyle = colours.chosen;
    pen.lineWidth = 2;
    diamond(half - 1.5);
    pen.stroke();
  }
  diamond(11);
  pen.fillStyle = colours.halo;
  pen.fill();
  diamond(9);
  pen.fillStyle = colours.conflict;
  pen.fill();
  pen.fillStyle = colours.halo;
  pen.fillRect(half - 0.9, half - 4.6, 1.8, 5.6);
  pen.fillRect(half - 0.9, half + 2.4, 1.8, 1.9);
  return pixels(pen);
}

function label(text, font, ink, halo) {
  const measure = canvas(1, 1);
  measure.font = font;
  const width = Math.min(320, measure.measureText(text).width) + 8;
  const pen = canvas(width, 18);
  pen.font = font;
  pen.textBaseline = "middle";
  pen.lineJoin = "round";
  pen.lineWidth = 3.5;
  pen.strokeStyle = halo;
  pen.globalAlpha = 0.85;
  pen.strokeText(text, 4, 9);
  pen.globalAlpha = 1;
  pen.fillStyle = ink;
  pen.fillText(text, 4, 9);
  return pixels(pen);
}

export function clipped(text) {
  const letters = Array.from(text);
  if (letters.length <= LABEL_CHARS_MAX) return text;
  return `${letters.slice(0, LABEL_CHARS_MAX).join("")}…`;
}

// The picture for a name the map asks for, or null: "fill:1:strong", "place:Norway",
// "label:0:ACT ALFA-12".
export function picture(name) {
  const colours = palette();
  const [kind, first, second] = split(name);
  const face = "system-ui, sans-serif";
  if (kind === "fill") return fillPattern(Number(first), colours, second === "strong");
  if (kind === "hatch") return hatch(colours.notice);
  if (kind === "conflict") return conflictMark(colours, first === "chosen");
  if (kind === "place") return label(first, `500 11px ${face}`, colours.place, colours.land);
  if (kind === "label") {
    const ink = first === "n" ? colours.notice : colours.parties[Number(first)];
    return label(clipped(second), `600 11.5px ${face}`, ink, colours.halo);
  }
  return null;
}

function split(name) {
  const [kind, first = "", ...rest] = name.split(":");
  if (kind === "place") return [kind, name.slice(6), ""];
  return [kind, first, rest.join(":")];
}

export { RATIO };
