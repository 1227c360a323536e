// Small helpers for writing a page.

/** An element with a class and a text, or with children. */
export function element(tag, className = "", ...content) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...content);
  return made;
}

/** Write only what differs: readers of the screen are not told the same twice. */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Show a text in an element, or hide it where there is none. */
export function pill(node, text) {
  node.hidden = !text;
  write(node, text || "");
}

/** A link that a script follows, too: not where a click asks for another tab. */
export function plainClick(event) {
  return event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
}
