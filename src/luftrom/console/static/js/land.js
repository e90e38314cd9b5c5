// Natural Earth land and borders, from the arcs of land.json to GeoJSON. An arc is delta-encoded
// whole numbers; ~i means arc i walked backwards.

export async function loadLand() {
  const answer = await fetch("land.json");
  if (!answer.ok) throw new Error(`land.json: status ${answer.status}`);
  const document = await answer.json();
  if (document.format !== "luftrom-land/1") throw new Error("land.json: unknown format");
  return decodeLand(document);
}

function decodeLand({ arcs, scale, translate, land, borders, names }) {
  const lines = arcs.map((deltas) => {
    const line = [];
    let [x, y] = [0, 0];
    for (let i = 0; i < deltas.length; i += 2) {
      x += deltas[i];
      y += deltas[i + 1];
      line.push([x * scale[0] + translate[0], y * scale[1] + translate[1]]);
    }
    return line;
  });
  const ring = (indexes) => indexes.flatMap((index, i) => {
    const line = index < 0 ? lines[~index].slice().reverse() : lines[index];
    return i === 0 ? line : line.slice(1);
  });
  return {
    land: { type: "MultiPolygon", coordinates: land.map((polygon) => polygon.map(ring)) },
    borders: { type: "MultiLineString", coordinates: borders.map((i) => lines[i]) },
    names: names.map(([name, lng, lat, area]) => ({
      type: "Feature", properties: { image: `place:${name}`, rank: -area },
      geometry: { type: "Point", coordinates: [lng, lat] },
    })),
  };
}
