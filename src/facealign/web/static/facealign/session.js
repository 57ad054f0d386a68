/** ONNX Runtime on WebAssembly: the only place that opens networks. */

let runtime = null;

/**
 * The runtime, opened once. Its wasm comes compressed, so that any static host will do.
 *
 * @param {URL} base where `ort/` is.
 * @param {(url: URL) => Promise<Uint8Array>} read a file.
 * @param {number} threads 1 where the page is not cross-origin isolated.
 */
async function openRuntime(base, read, threads) {
  const ort = await import(new URL("ort/ort.wasm.min.mjs", base).href);
  const packed = await read(new URL("ort/ort-wasm-simd-threaded.wasm.gz", base));
  ort.env.wasm.wasmBinary = await unpacked(packed);
  ort.env.wasm.wasmPaths = new URL("ort/", base).href; // must be absolute
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = "error";
  return ort;
}

/** The bytes of a gzip file; one that a server has unpacked already stays what it is. */
async function unpacked(bytes) {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes.buffer;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

/**
 * A network as a function: feeds and the outputs wanted → values by name. A tensor is
 * `{data: Float32Array, dims: number[]}`.
 *
 * @returns {Promise<(feeds: object, outputs: string[]) => Promise<object>>}
 */
export async function openSession(base, file, read, threads) {
  runtime ??= openRuntime(base, read, threads);
  const ort = await runtime.catch((error) => {
    runtime = null; // the next call tries again
    throw error;
  });
  const session = await ort.InferenceSession.create(await read(new URL(file, base)), {
    executionProviders: ["wasm"],
    enableMemPattern: false, // inputs change their size from call to call
    logSeverityLevel: 3,
  });
  return async (feeds, outputs) => {
    const tensors = Object.entries(feeds).map(([name, { data, dims }]) => [
      name,
      new ort.Tensor("float32", data, dims),
    ]);
    const values = await session.run(Object.fromEntries(tensors), outputs ?? session.outputNames);
    return values;
  };
}
