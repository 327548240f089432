"use strict";
// Runs the SDK's own test files and records each call of a compared function.

const path = require("path");
const { runFile, testFiles } = require("./jest_globals");

const root = path.dirname(require.resolve("bakong-khqr/package.json"));

// Simulates an unreachable host for every network request.
require("axios").post = () => Promise.reject(new Error("no network"));

const { BakongKHQR } = require("bakong-khqr");

let calls = [];

function record(owner, name, input) {
    const original = owner[name];
    owner[name] = function (argument) {
        calls.push(input(argument));
        return original.call(this, argument);
    };
}

const text = (what) => (argument) => ({ what, input: argument });
const made = (kind) => (info) => ({ what: "generate", input: { kind, ...info } });

record(BakongKHQR, "verify", text("verify"));
record(BakongKHQR, "decode", text("decode"));
record(BakongKHQR, "decodeNonKhqr", text("inspect"));
record(BakongKHQR.prototype, "generateIndividual", made("individual"));
record(BakongKHQR.prototype, "generateMerchant", made("merchant"));

// Returns each test file with its number of tests and failures and the recorded calls.
async function run() {
    const files = [];
    for (const file of testFiles(path.join(root, "test"))) {
        calls = [];
        const results = await runFile(file);
        const failed = results.filter(({ passed }) => !passed).length;
        files.push({ file: path.relative(root, file), tests: results.length, failed, calls });
    }
    return { files };
}

module.exports = { run };
