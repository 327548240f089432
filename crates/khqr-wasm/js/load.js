// Loads the WebAssembly module, at the latest on the first call.

import initialize, { initSync } from "./glue.js";
import base64 from "./bytes.js";

let loaded = false;

const bytes = () => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

/** Compiles the module on this thread if it is not loaded yet. */
export function load() {
  if (loaded) return;
  initSync({ module: bytes() });
  loaded = true;
}

/** Compiles the module asynchronously, or takes a module from elsewhere. */
export async function init(source) {
  if (loaded) return;
  await initialize({ module_or_path: source ?? (await WebAssembly.compile(bytes())) });
  loaded = true;
}
