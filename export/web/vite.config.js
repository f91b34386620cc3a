import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import { defineConfig, minifySync } from "vite";

const here = import.meta.dirname;
const out = join(here, "../../s2i_tf/web/page");
// The build of LiteRT that every browser with WebAssembly SIMD runs: no threads, no relaxed SIMD.
const runtime = "litert_wasm_compat_internal";

// Without digests, so that a file of the page is changed where it was, not replaced by another.
const names = {
  entryFileNames: "assets/[name].js",
  chunkFileNames: "assets/[name].js",
  assetFileNames: "assets/[name][extname]",
};

/** The runtime beside the page, made smaller, and a digest of what all was built of. */
function finish() {
  return {
    name: "finish",
    closeBundle() {
      const from = join(here, "node_modules/@litertjs/core/wasm", runtime);
      const { code } = minifySync("litert.js", readFileSync(`${from}.js`, "utf8"));
      writeFileSync(join(out, "litert.js"), code);
      const wasm = gzipSync(readFileSync(`${from}.wasm`), { level: 9 });
      writeFileSync(join(out, "litert.wasm.gz"), wasm);
      writeFileSync(join(out, "built_of.txt"), `${digest()}\n`);
    },
  };
}

/** The same as in tests/web/test_page.py. */
function digest() {
  const sha256 = createHash("sha256");
  for (const path of sources(here).sort()) {
    sha256.update(`${path}\n`).update(readFileSync(join(here, path)));
  }
  return sha256.digest("hex");
}

/** @param {string} folder @returns {string[]} */
function sources(folder) {
  return readdirSync(folder)
    .filter((name) => name !== "node_modules" && !name.startsWith("."))
    .map((name) => join(folder, name))
    .flatMap((path) => (statSync(path).isDirectory() ? sources(path) : [relative(here, path)]));
}

export default defineConfig({
  base: "./",
  build: {
    outDir: out,
    emptyOutDir: true,
    assetsInlineLimit: 0,
    target: "es2022",
    rolldownOptions: { output: names },
  },
  worker: { format: "iife", rolldownOptions: { output: names } }, // the runtime needs importScripts
  plugins: [finish()],
});
