// node encodings.mjs FOLDER_WITH_node_modules FOLDER OUT.json: every NAME.onnx (y = x W, one row) with rows of W as NAME.bin.
// Folded is what takes about as long as the float model; what is decoded at each run takes several times that.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { session, warm } from "./bench.mjs";

const [home, folder, out] = process.argv.slice(2);
const { version } = JSON.parse(readFileSync(`${home}/node_modules/onnxruntime-web/package.json`, "utf8"));
const ort = await import(pathToFileURL(`${home}/node_modules/onnxruntime-web/dist/ort.node.min.mjs`).href);
ort.env.wasm.numThreads = 1;
await warm(ort);
const models = {};
for (const file of readdirSync(folder).filter((name) => name.endsWith(".onnx")).sort()) {
  const stem = file.slice(0, -5);
  const bytes = readFileSync(`${folder}/${stem}.bin`);
  const expected = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  try {
    const opened = await session(ort, new Uint8Array(readFileSync(`${folder}/${file}`)));
    const width = 384;
    let exact = true;
    for (let row = 0; row < expected.length / width; row++) {
      const x = new Float32Array(width);
      x[row] = 1;
      const { y } = await opened.run({ x: new ort.Tensor("float32", x, [1, width]) });
      exact &&= y.data.every((value, i) => value === expected[row * width + i]);
    }
    const times = [];
    for (let i = 0; i < 60; i++) {
      const start = performance.now();
      await opened.run({ x: new ort.Tensor("float32", new Float32Array(width), [1, width]) });
      times.push(performance.now() - start);
    }
    await opened.release();
    models[stem] = { exact, run_ms: Math.min(...times) };
  } catch (error) {
    models[stem] = { refused: String(error.message ?? error).slice(0, 200) };
  }
}
writeFileSync(out, JSON.stringify({ runtime: `onnxruntime-web ${version}`, models }));
process.exit(0);
