"use strict";
// Runs the SDK's own test files without Jest and records each call of a compared function.

const fs = require("fs");
const path = require("path");
const { isDeepStrictEqual } = require("util");

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

let tests = [];

function expect(value) {
    const demand = (negated) => {
        const check = (holds) => {
            if (holds === negated) throw new Error("a failed expectation");
        };
        return {
            toBe: (other) => check(Object.is(value, other)),
            toEqual: (other) => check(isDeepStrictEqual({ ...value }, { ...other })),
            toStrictEqual: (other) => check(isDeepStrictEqual(value, other)),
            toBeNull: () => check(value === null),
            toBeUndefined: () => check(value === undefined),
            toBeDefined: () => check(value !== undefined),
            toBeTruthy: () => check(Boolean(value)),
            toBeFalsy: () => check(!value),
            toContain: (other) => check(value.includes(other)),
            toMatch: (other) => check(value.match(other) !== null),
            toHaveLength: (other) => check(value.length === other),
        };
    };
    return { ...demand(false), not: demand(true) };
}

const collect = (_, body) => tests.push(body);
const describe = (_, body) => body();
collect.only = collect.skip = collect;
describe.only = describe.skip = describe;
Object.assign(globalThis, {
    test: collect,
    it: collect,
    describe,
    expect,
    jest: { fn: () => () => undefined, setTimeout() {}, mock() {} },
    beforeAll: (body) => body(),
    beforeEach: (body) => body(),
    afterAll() {},
    afterEach() {},
});

function testFiles(folder) {
    return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
        const file = path.join(folder, entry.name);
        if (entry.isDirectory()) return testFiles(file);
        return entry.name.endsWith(".test.js") ? [file] : [];
    });
}

// Returns each test file with its number of tests and failures and the recorded calls.
async function run() {
    const files = [];
    for (const file of testFiles(path.join(root, "test")).sort()) {
        calls = [];
        tests = [];
        let failed = 0;
        require(file);
        for (const body of tests) {
            try {
                await body();
            } catch {
                failed += 1;
            }
        }
        files.push({ file: path.relative(root, file), tests: tests.length, failed, calls });
    }
    return { files };
}

module.exports = { run };
