// One model in onnxruntime-web, in Node or on a page: loaded, fed, timed. Nothing of lwc.

const memories = [];
const Memory = WebAssembly.Memory;
WebAssembly.Memory = new Proxy(Memory, {
  construct(target, given) {
    const made = new target(...given);
    memories.push(made);
    return made;
  },
});

const ARRAYS = { float32: Float32Array, float64: Float64Array, int32: Int32Array, int64: BigInt64Array, uint8: Uint8Array, int8: Int8Array };

export const heap = () => memories.reduce((sum, m) => sum + m.buffer.byteLength, 0);

const bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

const textOf = (bytes) => {
  let text = "";
  for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return btoa(text);
};

// The largest difference of outputs from those expected, relative to the largest of them.
export function difference(outputs, expected) {
  let worst = 0;
  for (const e of expected) {
    const o = outputs.find((one) => one.name === e.name);
    if (!o || String(o.dims) !== String(e.dims)) return "other shapes";
    const [a, b] = [o, e].map((t) => Array.from(new ARRAYS[t.type](bytesOf(t.data).buffer), Number));
    const largest = b.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-30);
    worst = b.reduce((m, v, i) => Math.max(m, Math.abs(a[i] - v) / largest), worst);
  }
  return worst < 1e-5 ? `equal (${worst.toExponential(1)})` : worst.toExponential(1);
}

export function session(ort, bytes) {
  return ort.InferenceSession.create(bytes, { executionProviders: ["wasm"], logSeverityLevel: 4 });
}

// A model y = Abs(x), loaded first: WebAssembly itself comes into memory with the first session.
const NOTHING = "CAg6LAoNCgF4EgF5IgNBYnM6ABIBZ1oLCgF4EgYKBAgBEgBiCwoBeRIGCgQIARIAQgQKABAN";

export async function warm(ort) {
  await (await session(ort, bytesOf(NOTHING))).release();
}

// `entry`: {model, feeds: [{name, type, dims, data}], seconds}; `bytes`: the model file.
export async function bench(ort, entry, bytes) {
  const started = performance.now();
  let opened;
  try {
    opened = await session(ort, bytes);
  } catch (error) {
    return { model: entry.model, refused: String(error.message ?? error).slice(0, 200) };
  }
  const loaded = performance.now() - started;
  const grown = heap();
  const feeds = {};
  for (const f of entry.feeds) feeds[f.name] = new ort.Tensor(f.type, new ARRAYS[f.type](bytesOf(f.data).buffer), f.dims);
  const first = await opened.run(feeds);
  const outputs = [];
  for (const name of opened.outputNames) {
    const made = first[name];
    if (made.type in ARRAYS) {
      const data = made.data;
      outputs.push({ name, type: made.type, dims: made.dims, data: textOf(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)) });
    }
  }
  const times = [];
  const since = performance.now();
  while (times.length < 5 || (performance.now() - since < 1000 * entry.seconds && times.length < 200)) {
    const start = performance.now();
    await opened.run(feeds);
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  await opened.release();
  return { model: entry.model, load_s: loaded / 1000, heap_bytes: grown, run_s: times[times.length >> 1] / 1000, least_s: times[0] / 1000, outputs };
}
