// Elements are built, never parsed: every text of a party or peer enters as a text node, so that a
// hostile name stays a name.

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name === "data") Object.assign(element.dataset, value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

export function byId(id) {
  return document.getElementById(id);
}

// Set text only where it differs: screen readers and the layout are left alone otherwise.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Calls come at most every `ms` milliseconds; the last one always comes.
export function throttled(ms, work) {
  let timer = null;
  let lastMs = -Infinity;
  const run = () => {
    timer = null;
    lastMs = performance.now();
    work();
  };
  return () => {
    if (timer === null) timer = setTimeout(run, Math.max(0, lastMs + ms - performance.now()));
  };
}
