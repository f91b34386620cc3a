/** The elements of the page, and how it speaks. */

import { Problem } from "./problem.js";
import { Overtaken } from "./turns.js";

/** @param {string} id @returns {any} an element that the page has */
export const element = (id) => document.getElementById(id);

/** Says what goes on; a screen reader reads it out. @param {string} sentence */
export function say(sentence) {
  element("status").textContent = sentence;
}

/** Says what went wrong, until the next action. @param {unknown} error */
export function tell(error) {
  if (!(error instanceof Problem)) console.error(error);
  element("problem").textContent =
    error instanceof Problem ? error.message : `Something went wrong in the page: ${error}`;
}

/**
 * An action of a person's: what went wrong before is over, what goes wrong in it is told, unless
 * something newer has overtaken it.
 *
 * @template {unknown[]} Arguments
 * @param {(...given: Arguments) => unknown} work
 * @returns {(...given: Arguments) => Promise<void>}
 */
export function action(work) {
  return async (...given) => {
    element("problem").textContent = "";
    try {
      await work(...given);
    } catch (error) {
      if (error instanceof Overtaken) return;
      say("");
      tell(error);
    }
  };
}

/** Marks a button that is on, and names what it does now. @param {HTMLElement} button */
export function pressed(button, /** @type {boolean} */ on, /** @type {string} */ words) {
  button.ariaPressed = String(on);
  (button.querySelector("span") ?? button).textContent = words;
}

/**
 * Shows what was heard as bars, the likeliest classes first.
 *
 * @param {import("./model.js").Heard[]} heard
 * @param {boolean} known whether it is like anything that the model knows
 */
export function showHeard(heard, known) {
  element("heard").hidden = false;
  element("unknown").hidden = known;
  const list = element("heard").querySelector("ol");
  list.replaceChildren(
    ...heard.slice(0, 5).map(({ name, share }) => {
      const row = document.createElement("li");
      const [label, bar, percent] = ["span", "i", "b"].map((tag) => document.createElement(tag));
      label.textContent = name;
      percent.textContent = inPercent(share);
      bar.style.setProperty("--share", String(share));
      bar.ariaHidden = "true";
      row.append(label, bar, percent);
      return row;
    }),
  );
}

/** @param {number} share */
export const inPercent = (share) => `${Math.round(100 * share)} %`;
