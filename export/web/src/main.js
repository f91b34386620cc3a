/** The page: sounds come in, pictures come out. */

import { capture, microphone, Recording } from "./capture.js";
import { checked, readSound } from "./decode.js";
import { onDrop } from "./dropped.js";
import { filming, pictureFile, save, stripFile } from "./downloads.js";
import { drawLive } from "./live.js";
import { Model } from "./model.js";
import { action, element, inPercent, pressed, say, showHeard, tell } from "./page.js";
import { canvasOf, Pictures } from "./pictures.js";
import { Waveform } from "./waveform.js";
import { lastStart, surestStart, windowOf } from "./window.js";

/** @typedef {import("./decode.js").Sound} Sound */
/** @typedef {import("./model.js").Arrays} Arrays */

const MAX_RECORDING_SECONDS = 60;
const SECONDS_BETWEEN_WORDS = 2; // of a live sound, for screen readers

say("Loading the model …");
/** @type {Model} */
let model;
/** @type {Pictures} */
let pictures;
/** @type {Sound | null} */
let sound = null;
/** @type {Arrays | null} what was heard in it */
let found = null;
let round = 0; // of drawing; what an earlier one still gives is not shown
/** @type {AudioContext | null} */
let context = null;

/** @type {(() => unknown) | null} ends what runs: a recording, the live mode, a sound, a film */
let endRunning = null;
/** @type {AudioNode | null} the microphone in the live mode */
let liveNode = null;
/** @type {(() => Promise<void>) | null} */
let endFilm = null;
/** @type {WeakMap<Element, {picture: ImageData, caption: string}>} of the list of sounds */
const rows = new WeakMap();

const picture = element("picture");
const waveform = new Waveform(element("wave-canvas"), element("window"), () => {
  element("wave-text").textContent = waveform.text;
  action(hear)();
});

/** Web Audio may start only once a person has acted. */
async function audio() {
  context ??= new AudioContext();
  await context.resume();
  return context;
}

async function endWhatRuns() {
  const end = endRunning;
  endRunning = null;
  await end?.();
}

/** @param {Sound} next @param {number} [start] where the part that counts begins, in seconds */
async function take(next, start) {
  await endWhatRuns();
  start ??= (await surestStart(next, model)) / model.rate;
  sound = next;
  element("wave").hidden = element("play").hidden = element("window").hidden = false;
  waveform.show(sound.samples, sound.rate, model.seconds);
  waveform.start = start;
  element("wave-text").textContent = `${sound.name}. ${waveform.text}.`;
  await hear();
}

/** Hears the part of the sound that counts, and draws it. */
async function hear() {
  if (!sound) return;
  const now = ++round;
  element("samples").ariaBusy = "true";
  const start = Math.floor(waveform.start * model.rate + 1e-6);
  const heard = await model.listen(windowOf(sound, model, start));
  if (now !== round) return;
  found = heard;
  const drawn = await model.draw(found);
  if (now !== round) return;
  pictures.show(drawn);
  showWords(true);
  await drawSamples(now);
}

/** How further samples are to be drawn. */
function settings() {
  return { seed: Number(element("seed").value), spread: 1 - Number(element("typicality").value) };
}

/** Draws the further samples, one after the other. */
async function drawSamples(now = ++round) {
  if (!found || !model.draws) return;
  element("samples").ariaBusy = "true";
  for (const sample of pictures.further) {
    const drawn = await model.draw(found, { sample, ...settings() });
    if (now !== round) return;
    pictures.add(sample, drawn);
  }
  element("samples").ariaBusy = "false";
}

/** Shows what was heard, and says it. @param {boolean} aloud */
function showWords(aloud) {
  const heard = model.heard(/** @type {Arrays} */ (found));
  const known = model.knows(/** @type {Arrays} */ (found));
  showHeard(heard, known);
  const words = heard.slice(0, 3).map(({ name, share }) => `${name} ${inPercent(share)}`);
  picture.ariaLabel = `A picture of what was heard: ${words.join(", ")}`;
  if (aloud) say(`${known ? "Heard" : "Like nothing I know; nearest"}: ${words.join(", ")}.`);
}

/** Shows the waveform as it comes, with nothing to play or to choose yet. */
function showSoundAlone() {
  element("wave").hidden = false;
  element("play").hidden = element("window").hidden = true;
  waveform.start = 0;
}

/** Draws as a node sounds. @param {AudioNode} node */
function drawAlong(node) {
  round++;
  let said = "";
  let saidAt = 0;
  let shownAt = performance.now();
  return drawLive(node, model, settings, (seen) => {
    const now = performance.now();
    found = seen.found;
    pictures.show(seen.picture, { milliseconds: now - shownAt, alone: liveNode !== null });
    shownAt = now;
    const [likeliest] = model.heard(found);
    const aloud = likeliest.name !== said && now - saidAt > 1000 * SECONDS_BETWEEN_WORDS;
    if (aloud) [said, saidAt] = [likeliest.name, now];
    showWords(aloud);
    if (liveNode) waveform.show(seen.samples, model.rate, model.seconds);
    element("wave-text").textContent = `${seen.perSecond.toFixed(1)} pictures a second`;
  });
}

/** @param {File[]} files */
async function open(files) {
  await endWhatRuns();
  const list = element("sounds").querySelector("ol");
  element("sounds").hidden = files.length < 2;
  list.replaceChildren();
  if (files.length === 1) return take(await readSound(files[0], files[0].name));
  let first = true;
  for (const [index, file] of files.entries()) {
    say(`Reading ${index + 1} of ${files.length} sounds …`);
    const row = list.appendChild(document.createElement("li"));
    try {
      const read = await readSound(file, file.name);
      const start = await surestStart(read, model);
      const heard = await model.listen(windowOf(read, model, start));
      addRow(row, file, heard, await model.draw(heard));
      if (first) await take(read, start / model.rate);
      first = false;
    } catch (error) {
      row.textContent = error instanceof Error ? error.message : String(error);
      row.className = "bad";
    }
  }
  say(`${list.children.length} sounds read, ${list.querySelectorAll(".bad").length} of them unusable.`);
}

/**
 * @param {HTMLElement} row
 * @param {File} file
 * @param {Arrays} found what was heard
 * @param {ImageData} image
 */
function addRow(row, file, found, image) {
  const button = row.appendChild(document.createElement("button"));
  button.type = "button";
  const canvas = button.appendChild(canvasOf(model, image));
  canvas.ariaHidden = "true";
  button.append(file.name);
  const words = button.appendChild(document.createElement("small"));
  const [{ name, share }] = model.heard(found);
  words.textContent = model.knows(found) ? `${name} ${inPercent(share)}` : "like nothing I know";
  rows.set(row, { picture: image, caption: file.name });
  button.onclick = action(async () => take(await readSound(file, file.name)));
}

const buttons = {
  record: action(async () => {
    if (endRunning) return endWhatRuns();
    const { node, stop } = await microphone(await audio());
    const rate = node.context.sampleRate;
    const recording = new Recording();
    showSoundAlone();
    const end = await capture(node, (chunk) => {
      recording.add(chunk);
      if (recording.numChunks % 8) return;
      const { samples } = recording;
      waveform.show(samples, rate, model.seconds);
      element("wave-text").textContent = `${(samples.length / rate).toFixed(1)} seconds recorded`;
      if (samples.length > MAX_RECORDING_SECONDS * rate) endWhatRuns();
    });
    pressed(element("record"), true, "Stop");
    say("Recording. Press the button again to stop.");
    endRunning = action(async () => {
      end();
      stop();
      pressed(element("record"), false, "Record");
      const recorded = checked("The recording", recording.samples, rate);
      // What was done last is most likely what was meant.
      await take(recorded, lastStart(recorded, model) / model.rate);
    });
  }),

  live: action(async () => {
    const running = element("live").ariaPressed === "true";
    await endWhatRuns();
    if (running) return;
    const { node, stop } = await microphone(await audio());
    liveNode = node;
    showSoundAlone();
    const end = await drawAlong(node);
    pressed(element("live"), true, "Stop");
    say("Listening. Speak, sing or make a noise.");
    endRunning = async () => {
      await endFilm?.();
      end();
      stop();
      liveNode = null;
      sound = null;
      pressed(element("live"), false, "Live");
      say("The live mode has ended.");
    };
  }),

  play: action(async () => {
    const running = element("play").ariaPressed === "true";
    await endWhatRuns();
    if (running || !sound) return;
    const node = await playing(waveform.start, model.seconds);
    pressed(element("play"), true, "Stop");
    endRunning = () => {
      node.stop();
      pressed(element("play"), false, "Play");
    };
  }),

  open: () => element("files").click(),
  "open-folder": () => element("folder").click(),

  other: action(() => {
    element("seed").value = String(Math.floor(Math.random() * 2 ** 31));
    return drawSamples();
  }),

  "save-picture": action(async () => save(await pictureFile(pictures.chosen), `${stem()}.png`)),

  "save-strip": action(async () => {
    const listed = [...element("sounds").querySelectorAll("li")].flatMap((row) => rows.get(row) ?? []);
    const samples = pictures.drawn.map((one, sample) => ({
      picture: one,
      caption: sample ? `sample ${sample}` : (sound?.name ?? "live"),
    }));
    save(await stripFile(listed.length > 1 ? listed : samples), `${stem()}-strip.png`);
  }),

  "save-film": action(async () => {
    if (endFilm) return endFilm();
    if (liveNode) return film(liveNode);
    await endWhatRuns();
    if (!sound) return;
    const node = await playing(0, Infinity);
    const end = await drawAlong(node);
    film(node);
    say("Filming while the sound plays. Press the button again to stop.");
    endRunning = action(async () => {
      await endFilm?.();
      end();
      node.stop();
      await hear();
    });
  }),
};

/** @param {AudioNode} node */
function film(node) {
  const finish = filming(picture, node);
  pressed(element("save-film"), true, "Stop and save the film");
  endFilm = async () => {
    endFilm = null;
    pressed(element("save-film"), false, "Record a film");
    const made = await finish();
    save(made, `${stem()}.${made.type.includes("mp4") ? "mp4" : "webm"}`);
    say("The film is saved.");
    if (!liveNode) await endWhatRuns();
  };
}

/** Plays a part of the sound. @param {number} start @param {number} seconds */
async function playing(start, seconds) {
  const { samples, rate } = /** @type {Sound} */ (sound);
  const output = await audio();
  const buffer = output.createBuffer(1, samples.length, rate);
  buffer.copyToChannel(/** @type {Float32Array<ArrayBuffer>} */ (samples), 0);
  const node = new AudioBufferSourceNode(output, { buffer });
  node.connect(output.destination);
  const began = output.currentTime;
  const follow = () => {
    waveform.played = start + output.currentTime - began;
    frame = requestAnimationFrame(follow);
  };
  let frame = requestAnimationFrame(follow);
  node.onended = () => {
    cancelAnimationFrame(frame);
    waveform.played = 0;
    if (endFilm) endFilm();
    else if (element("play").ariaPressed === "true") endWhatRuns();
  };
  node.start(0, start, Math.min(seconds, buffer.duration));
  return node;
}

/** A name for what is saved. */
function stem() {
  return (sound?.name ?? "live").replace(/\.[^.]*$/, "").replace(/[^\p{L}\p{N}_-]+/gu, "_");
}

async function start() {
  model = await Model.load();
  pictures = new Pictures(model);
  element("num-classes").textContent = String(model.numClasses);
  for (const [id, work] of Object.entries(buttons)) {
    element(id).onclick = work;
    element(id).disabled = false;
  }
  for (const id of ["files", "folder"]) {
    element(id).onchange = action(async () => {
      const files = [...element(id).files];
      element(id).value = "";
      if (files.length) await open(files);
    });
  }
  element("seed").onchange = action(() => drawSamples());
  element("typicality").oninput = action(() => {
    const { value } = element("typicality");
    element("settings").querySelector("output").textContent = inPercent(Number(value));
    return drawSamples();
  });
  onDrop(open);
  await showExamples();
  say("Ready. Record a sound, open a file, or try an example.");
}

/** The sounds that lie beside the page. */
async function showExamples() {
  const response = await fetch("examples.json");
  if (!response.ok) return;
  /** @type {{name: string, file: string}[]} */
  const examples = await response.json();
  element("examples").hidden = false;
  const list = element("examples").querySelector("ul");
  for (const { name, file } of examples) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.onclick = action(async () => {
      const response = await fetch(file);
      element("sounds").hidden = true;
      await take(await readSound(await response.blob(), name));
    });
    list.appendChild(document.createElement("li")).append(button);
  }
}

addEventListener("unhandledrejection", ({ reason }) => tell(reason));
try {
  await start();
} catch (error) {
  say("");
  tell(error);
}
