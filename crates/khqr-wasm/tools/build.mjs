// Assembles the npm package. Usage: node build.mjs CRATE GLUE PACKAGE VERSION
// CRATE is the folder of khqr-wasm, GLUE has the output of wasm-bindgen, PACKAGE is the folder to write.

import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildSync } from "esbuild";

const [crate, glue, target, version] = process.argv.slice(2);
const cjs = join(target, "cjs");

rmSync(target, { recursive: true, force: true });
mkdirSync(cjs, { recursive: true });

// wasm-opt makes the module 12% smaller. It runs in Node, from the npm package `binaryen`.
const wasmOpt = join(import.meta.dirname, "node_modules/binaryen/bin/wasm-opt");
const wasm = join(target, "khqr.wasm");
// The features that Rust enables by default. With other features, wasm-opt writes modules that Node 18 cannot read.
const features = ["bulk-memory", "bulk-memory-opt", "multivalue", "mutable-globals", "nontrapping-float-to-int", "reference-types", "sign-ext"];
const flags = ["-O3", ...features.map((feature) => `--enable-${feature}`), "--strip-producers", "--strip-target-features"];
execFileSync(process.execPath, [wasmOpt, ...flags, join(glue, "glue_bg.wasm"), "-o", wasm]);

const sources = join(crate, "js");
const filesIn = (folder, ending) => readdirSync(folder).filter((name) => name.endsWith(ending));
for (const name of [...filesIn(sources, ".js"), ...filesIn(sources, ".d.ts")]) copyFileSync(join(sources, name), join(target, name));
copyFileSync(join(glue, "glue.js"), join(target, "glue.js"));
writeFileSync(join(target, "bytes.js"), `// khqr.wasm in base64.\nexport default "${readFileSync(wasm).toString("base64")}";\n`);

// The same files as CommonJS.
const modules = filesIn(target, ".js").filter((name) => name !== "bakong-khqr.js");
buildSync({ entryPoints: modules.map((name) => join(target, name)), outdir: cjs, format: "cjs", target: "node18", logLevel: "warning" });
for (const name of ["index.d.ts", "sdk.d.ts"]) copyFileSync(join(sources, name), join(cjs, name));
for (const name of readdirSync(join(sources, "cjs"))) copyFileSync(join(sources, "cjs", name), join(cjs, name));
writeFileSync(join(cjs, "package.json"), '{ "type": "commonjs" }\n');

const manifest = JSON.parse(readFileSync(join(crate, "package.json"), "utf8"));
const { name, ...rest } = manifest;
writeFileSync(join(target, "package.json"), `${JSON.stringify({ name, version, ...rest }, null, 2)}\n`);
const readme = readFileSync(join(crate, "README.md"), "utf8");
writeFileSync(join(target, "README.md"), readme.replaceAll("../khqr-core/DEVIATIONS.md", "DEVIATIONS.md"));
copyFileSync(join(crate, "../khqr-core/DEVIATIONS.md"), join(target, "DEVIATIONS.md"));
for (const licence of ["LICENSE-MIT", "LICENSE-APACHE"]) copyFileSync(join(crate, "../..", licence), join(target, licence));
