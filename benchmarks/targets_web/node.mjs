// node node.mjs FOLDER_WITH_node_modules ENTRY.json MODEL OUT.json: one model in onnxruntime-web, in Node
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { bench, warm } from "./bench.mjs";

const [home, entry, model, out] = process.argv.slice(2);
const dist = `${home}/node_modules/onnxruntime-web/dist`;
const { version } = JSON.parse(readFileSync(`${home}/node_modules/onnxruntime-web/package.json`, "utf8"));
const ort = await import(pathToFileURL(`${dist}/ort.node.min.mjs`).href);
ort.env.wasm.numThreads = 1;
await warm(ort);
const found = await bench(ort, JSON.parse(readFileSync(entry, "utf8")), new Uint8Array(readFileSync(model)));
writeFileSync(out, JSON.stringify({ runtime: `onnxruntime-web ${version}, Node ${process.versions.node.split(".")[0]}`, ...found }));
process.exit(0);
