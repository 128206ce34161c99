/** Finding and making elements. */

/** The element with `id`, of the class the page's markup gives it. */
export function part<E extends HTMLElement>(id: string, type: new () => E): E {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`the page has no ${type.name} #${id}`);
  return element;
}

/** An element with a class and a text. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  text = "",
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.textContent = text;
  return element;
}

/** Small print in English, whatever the page's language: the relay's or the browser's own sentence. */
export function english(text: string): HTMLElement {
  const small = make("small", "", text);
  small.lang = "en";
  return small;
}

const SVG = "http://www.w3.org/2000/svg";

/** An icon of `icons.svg`; a word always stands beside it, so it is hidden from screen readers. */
export function icon(name: string): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `./icons.svg#${name}`);
  svg.append(use);
  return svg;
}
