/** The files that are dropped on the page. */

import { action, element } from "./page.js";
import { Problem } from "./problem.js";

/** Opens what is dropped. @param {(files: File[]) => Promise<void>} open */
export function onDrop(open) {
  let depth = 0; // of the elements that a file is dragged over
  document.ondragenter = () => element("drop").classList.toggle("shown", ++depth > 0);
  document.ondragleave = () => element("drop").classList.toggle("shown", --depth > 0);
  document.ondragover = (event) => event.preventDefault();
  document.ondrop = action(async (event) => {
    event.preventDefault();
    element("drop").classList.toggle("shown", (depth = 0) > 0);
    const files = event.dataTransfer ? await filesOf(event.dataTransfer) : [];
    if (!files.length) throw new Problem("No file was dropped. Please drop sounds, or a folder of them.");
    await open(files);
  });
}

/** @param {DataTransfer} dropped @returns {Promise<File[]>} those in dropped folders too */
async function filesOf(dropped) {
  const files = [...dropped.items].map((item) => {
    const entry = item.webkitGetAsEntry();
    // What another program or page gives lies in no folder.
    return entry ? filesIn(entry) : (item.getAsFile() ?? []);
  });
  return (await Promise.all(files)).flat();
}

/** @param {FileSystemEntry} entry @returns {Promise<File[]>} */
async function filesIn(entry) {
  if (entry.isFile) {
    const file = /** @type {FileSystemFileEntry} */ (entry);
    return [await new Promise((resolve, reject) => file.file(resolve, reject))];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  const found = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return (await Promise.all(found.map(filesIn))).flat();
    found.push(...some);
  }
}
