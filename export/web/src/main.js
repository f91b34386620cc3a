/** The page: sounds come in, pictures come out. */

import { capture, microphone, openAudio, Recording } from "./capture.js";
import { checked, readSound } from "./decode.js";
import { onDrop } from "./dropped.js";
import { filming, filmType, pictureFile, save, stripFile } from "./downloads.js";
import { drawLive, SECONDS as LIVE_SECONDS } from "./live.js";
import { Model } from "./model.js";
import { action, element, inPercent, pressed, say, showHeard, tell } from "./page.js";
import { canvasOf, Pictures } from "./pictures.js";
import { Problem } from "./problem.js";
import { Turns } from "./turns.js";
import { wavFile } from "./wav.js";
import { Waveform } from "./waveform.js";
import { lastStart, surestStart, windowOf } from "./window.js";

/** @typedef {import("./decode.js").Sound} Sound */
/** @typedef {import("./live.js").Seen} Seen */
/** @typedef {import("./model.js").Arrays} Arrays */

const MAX_RECORDING_SECONDS = 60;
const SECONDS_BETWEEN_WORDS = 2; // of a live sound, for screen readers
const QUIET = "It is quiet.";

say("Loading the model …");
/** @type {Model} */
let model;
/** @type {Pictures} */
let pictures;
/** @type {AudioContext} */
let context;
/** @type {Sound | null} */
let sound = null;
/** @type {Arrays | null} what was heard in it; null until its picture is shown */
let found = null;
let title = ""; // of what the picture is of
let seed = 0;

const doing = new Turns(); // what brings another sound
const drawing = new Turns();
/** @type {Promise<unknown>} what the model computes for the picture */
let computing = Promise.resolve();

/** @type {(() => void) | null} ends what runs: a recording, the live mode, a sound, a film */
let endRunning = null;
/** @type {(() => void) | null} ends a recording and takes it */
let takeRecording = null;
/** @type {AudioNode | null} the microphone in the live mode */
let liveNode = null;
/** @type {(() => void) | null} */
let endFilm = null;
/** @type {WeakMap<Element, {picture: ImageData, caption: string}>} of the list of sounds */
const rows = new WeakMap();

const picture = element("picture");
const waveform = new Waveform(element("wave-canvas"), element("window"), () => {
  element("wave-text").textContent = waveform.text;
  action(hear)();
});

/** Web Audio, started. */
function audio() {
  context.resume();
  return context;
}

function endWhatRuns() {
  const end = endRunning;
  endRunning = null;
  end?.();
}

/** Ends what runs and what is waited for, so that another sound can come. */
function begin() {
  endWhatRuns();
  return doing.begin();
}

/** Reads a sound and shows it. @param {string} name @param {Blob | Promise<Blob>} file */
async function take(name, file) {
  const turn = begin();
  say(`Reading ${name} …`);
  const read = await turn(readSound(await turn(file), name));
  await show(read, (await turn(surestStart(read, model))) / model.rate);
}

/** @param {Sound} next @param {number} start where the part that counts begins, in seconds */
async function show(next, start) {
  endWhatRuns();
  sound = next;
  element("wave").hidden = element("play").hidden = element("window").hidden = false;
  element("save-sound").hidden = !sound.recorded;
  waveform.show(sound.samples, sound.rate, model.seconds);
  waveform.start = start;
  element("wave-text").textContent = `${sound.name}. ${waveform.text}.`;
  picture.scrollIntoView({ block: "nearest" }); // on a telephone it is further down
  await hear();
}

/** Hears the part of the sound that counts, and draws it. */
async function hear() {
  const now = sound;
  if (!now) return;
  const turn = drawing.begin();
  found = null;
  element("samples").ariaBusy = "true";
  const start = Math.floor(waveform.start * model.rate + 1e-6);
  const heard = await compute(turn, () => model.listen(windowOf(now, model, start)));
  const drawn = await compute(turn, () => model.draw(heard));
  [found, title] = [heard, now.name];
  pictures.show(drawn);
  showWords(found, true);
  await drawSamples(turn);
}

/**
 * Has the model compute something when it is free; what is overtaken until then, it never does.
 *
 * @template Result
 * @param {ReturnType<Turns["begin"]>} turn
 * @param {() => Promise<Result>} work
 */
async function compute(turn, work) {
  await turn(computing);
  const result = work();
  computing = result.catch(() => {});
  return turn(result);
}

/** How further samples are to be drawn. */
function settings() {
  return { seed, spread: 1 - Number(element("typicality").value) };
}

/** Draws the further samples, one after the other. @param {ReturnType<Turns["begin"]>} [turn] */
async function drawSamples(turn) {
  if (!found || !model.draws) return;
  const heard = found;
  turn ??= drawing.begin();
  element("samples").ariaBusy = "true";
  for (const sample of pictures.further) {
    const drawn = await compute(turn, () => model.draw(heard, { sample, ...settings() }));
    pictures.add(sample, drawn);
  }
  element("samples").ariaBusy = "false";
}

/** Shows what was heard, and says it. @param {Arrays} found @param {boolean} aloud */
function showWords(found, aloud) {
  const heard = model.heard(found);
  const known = model.knows(found);
  showHeard(heard, known);
  const words = heard.slice(0, 3).map(({ name, share }) => `${name} ${inPercent(share)}`);
  picture.ariaLabel = `A picture of what was heard: ${words.join(", ")}`;
  if (aloud) say(`${known ? "Heard" : "Like nothing I know; nearest"}: ${words.join(", ")}.`);
}

/** Begins to listen; the waveform is shown as it comes, with nothing to play or to choose yet. */
async function openMicrophone() {
  const turn = begin();
  const source = await turn(microphone(audio(), microphoneLost), ({ stop }) => stop());
  endWhatRuns(); // a sound that was played while the browser asked
  endRunning = source.stop;
  newList();
  sound = null;
  element("wave").hidden = false;
  element("play").hidden = element("window").hidden = element("save-sound").hidden = true;
  element("wave-text").textContent = "";
  waveform.start = 0;
  return source;
}

/** Ends what listens; of a recording, what there is counts. */
function microphoneLost() {
  (takeRecording ?? endWhatRuns)();
  tell(new Problem("The microphone is gone: it was unplugged, or is no longer allowed."));
}

/** Draws as a node sounds. @param {AudioNode} node */
function drawAlong(node) {
  drawing.begin();
  found = null;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let said = "";
  let saidAt = 0;
  let shownAt = performance.now();
  const draw = (/** @type {Seen} */ seen) => {
    const now = performance.now();
    if (liveNode) title = "live";
    const milliseconds = calm ? 0 : now - shownAt;
    pictures.show(seen.picture, { milliseconds, alone: liveNode !== null });
    shownAt = now;
    showWords(seen.found, false);
    // Without shares, which the bars have anew with each picture.
    const [{ name }] = model.heard(seen.found);
    const words = model.knows(seen.found) ? `Heard: ${name}.` : `Like nothing I know; nearest: ${name}.`;
    if (words !== said && now - saidAt > 1000 * SECONDS_BETWEEN_WORDS) {
      [said, saidAt] = [words, now];
      say(words);
    }
    if (liveNode) waveform.show(seen.samples, model.rate, model.seconds);
    element("wave-text").textContent = `${seen.perSecond.toFixed(1)} pictures a second`;
  };
  const hush = (/** @type {Float32Array} */ samples) => {
    if (liveNode) waveform.show(samples, model.rate, model.seconds);
    if (said === QUIET) return;
    said = QUIET;
    say(QUIET);
    showHeard([], true);
    element("wave-text").textContent = "";
  };
  return drawLive(node, model, settings, draw, hush);
}

/** Draws how a film of a sound begins, in the place of what was drawn before. @param {Sound} now */
async function showOpening(now) {
  const turn = drawing.begin();
  const samples = now.samples.subarray(0, LIVE_SECONDS * now.rate);
  const heard = await compute(turn, () => model.listen(windowOf({ ...now, samples }, model, 0)));
  pictures.show(await compute(turn, () => model.draw(heard, { sample: 1, ...settings() })));
}

/** An empty list of sounds in the place of the last one, which is read no further. */
function newList() {
  const list = document.createElement("ol");
  element("sounds").querySelector("ol").replaceWith(list);
  element("sounds").hidden = true;
  return list;
}

/** @param {File[]} files */
async function open(files) {
  const turn = begin();
  await turn(ready);
  const list = newList();
  if (files.length === 1) return take(files[0].name, files[0]);
  element("sounds").hidden = false;
  let first = true;
  for (const [index, file] of files.entries()) {
    say(`Reading ${index + 1} of ${files.length} sounds …`);
    const row = list.appendChild(document.createElement("li"));
    try {
      const read = await readSound(file, file.name);
      const start = await surestStart(read, model);
      const heard = await model.listen(windowOf(read, model, start));
      const drawn = await model.draw(heard);
      if (!list.isConnected) return; // or the first would end what has begun meanwhile
      addRow(row, file, heard, drawn);
      // An action of its own: another sound that is chosen meanwhile does not end the list.
      if (first) await action(show)(read, start / model.rate);
      first = false;
    } catch (error) {
      row.textContent = error instanceof Error ? error.message : String(error);
      row.className = "bad";
    }
    if (!list.isConnected) return;
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
  button.onclick = action(() => take(file.name, file));
}

const buttons = {
  record: action(async () => {
    if (takeRecording) return takeRecording();
    const { node, stop } = await openMicrophone();
    const rate = node.context.sampleRate;
    const recording = new Recording();
    const end = capture(node, (chunk) => {
      recording.add(chunk);
      if (recording.numChunks % 8) return;
      const { samples } = recording;
      waveform.show(samples, rate, model.seconds);
      element("wave-text").textContent = `${(samples.length / rate).toFixed(1)} seconds recorded`;
      if (samples.length > MAX_RECORDING_SECONDS * rate) takeRecording?.();
    });
    pressed(element("record"), true, "Stop");
    say("Recording. Press the button again to stop.");
    endRunning = () => {
      end();
      stop();
      takeRecording = null;
      pressed(element("record"), false, "Record");
    };
    takeRecording = action(async () => {
      endWhatRuns();
      const recorded = { ...checked("The recording", recording.samples, rate), recorded: true };
      // What was done last is most likely what was meant.
      await show(recorded, lastStart(recorded, model) / model.rate);
    });
  }),

  live: action(async () => {
    if (liveNode) return endWhatRuns();
    const { node, stop } = await openMicrophone();
    liveNode = node;
    const end = drawAlong(node);
    pressed(element("live"), true, "Stop");
    say("Listening. Speak, sing or make a noise.");
    endRunning = () => {
      endFilm?.();
      end();
      stop();
      liveNode = null;
      element("wave-text").textContent = "";
      element("settings").hidden = true; // nothing is left to draw anew
      pressed(element("live"), false, "Live");
      say("The live mode has ended.");
    };
  }),

  play: action(() => {
    const running = element("play").ariaPressed === "true";
    endWhatRuns();
    if (running || !sound) return;
    const { stop } = playing(sound, waveform.start, model.seconds);
    pressed(element("play"), true, "Stop");
    endRunning = () => {
      stop();
      pressed(element("play"), false, "Play");
    };
  }),

  open: () => element("files").click(),
  "open-folder": () => element("folder").click(),

  other: action(() => {
    seed = Math.floor(Math.random() * 2 ** 31);
    element("seed").value = String(seed);
    return drawSamples();
  }),

  "save-sound": action(() => {
    if (sound) save(wavFile(sound.samples, sound.rate), `${stem(sound.name)}.wav`);
  }),

  "save-picture": action(async () => save(await pictureFile(pictures.chosen), `${stem()}.png`)),

  "save-strip": action(async () => {
    const listed = [...element("sounds").querySelectorAll("li")].flatMap((row) => rows.get(row) ?? []);
    const samples = pictures.drawn.map((one, sample) => ({
      picture: one,
      caption: sample ? `sample ${sample}` : title,
    }));
    save(await stripFile(listed.length > 1 ? listed : samples), `${stem()}-strip.png`);
  }),

  "save-film": action(async () => {
    if (endFilm) return liveNode ? endFilm() : endWhatRuns();
    const type = filmType();
    if (liveNode) return film(liveNode, type);
    if (!sound) throw new Problem("There is no sound to film. Please open or record one first.");
    endWhatRuns();
    const now = sound;
    await showOpening(now);
    const { node, stop } = playing(now, 0, Infinity);
    const end = drawAlong(node);
    film(node, type);
    endRunning = () => {
      endFilm?.();
      end();
      stop();
      element("wave-text").textContent = waveform.text;
      action(hear)();
    };
  }),
};

/** @param {AudioNode} node @param {string} type */
function film(node, type) {
  const finish = filming(picture, node, type);
  const name = stem();
  pressed(element("save-film"), true, "Stop and save the film");
  element("filming").hidden = false;
  endFilm = action(async () => {
    endFilm = null;
    element("filming").hidden = true;
    pressed(element("save-film"), false, "Record a film");
    const made = await finish();
    save(made, `${name}.${made.type.includes("mp4") ? "mp4" : "webm"}`);
    say("The film is saved.");
  });
}

/** Plays a part of a sound. @param {Sound} sound @param {number} start @param {number} seconds */
function playing({ samples, rate }, start, seconds) {
  const output = audio();
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
  const stop = () => {
    node.onended = null;
    node.stop();
    cancelAnimationFrame(frame);
    waveform.played = 0;
  };
  node.onended = endWhatRuns;
  node.start(0, start, Math.min(seconds, buffer.duration));
  return { node, stop };
}

/** A name for what is saved. */
function stem(name = title) {
  const plain = name.normalize().replace(/\.[^.]*$/, "").replace(/[^\p{L}\p{M}\p{N}_-]+/gu, "_");
  return plain.replace(/^_*$/, "sound");
}

async function load() {
  [model, context] = await Promise.all([Model.load(), openAudio()]);
  pictures = new Pictures(model);
  element("num-classes").textContent = String(model.numClasses);
}

function listen() {
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
  element("seed").onchange = action(({ target }) => {
    if (!target.checkValidity()) {
      throw new Problem(
        `“${target.value}” cannot be a seed. Please enter a whole number from 0 to ${target.max}.`,
      );
    }
    seed = target.valueAsNumber;
    return drawSamples();
  });
  element("typicality").oninput = action(() => {
    const { value } = element("typicality");
    element("settings").querySelector("output").textContent = inPercent(Number(value));
    return drawSamples();
  });
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
    button.onclick = action(() => {
      newList();
      return take(name, example(name, file));
    });
    list.appendChild(document.createElement("li")).append(button);
  }
}

/** @param {string} name @param {string} file */
async function example(name, file) {
  const response = await fetch(file).catch(() => null);
  if (!response?.ok) {
    throw new Problem(
      `The example ${name} could not be loaded. Please check the connection, or open a file.`,
    );
  }
  return response.blob();
}

addEventListener("beforeunload", (event) => {
  if (takeRecording || endFilm) event.preventDefault(); // the browser asks: it would be lost
});
addEventListener("unhandledrejection", ({ reason }) => tell(reason));
const ready = load();
onDrop(open);
try {
  await ready;
  listen();
  say("Ready. Record a sound, open a file, or try an example.");
  await showExamples();
} catch (error) {
  say("");
  tell(error);
}
