// Loads the WebAssembly module, at the latest on the first call.

import initialize, { initSync } from "./glue.js";
import base64 from "./bytes.js";

let loaded = false;
let instance;

/** The memory of the loaded module. */
export const memory = () => instance.memory;

function bytes() {
  const text = atob(base64);
  const array = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) array[at] = text.charCodeAt(at);
  return array;
}

/** Compiles the module on this thread if it is not loaded yet. */
export function load() {
  if (loaded) return;
  instance = initSync({ module: bytes() });
  loaded = true;
}

/** Compiles the module asynchronously, or takes a module from elsewhere. */
export async function init(source) {
  if (loaded) return;
  instance = await initialize({ module_or_path: source ?? (await WebAssembly.compile(bytes())) });
  loaded = true;
}
