"use strict";
// Runs the SDK's own test files, without Jest, for the calls that they make: each call of a function
// that the chore compares is kept.

const fs = require("fs");
const path = require("path");
const { isDeepStrictEqual } = require("util");

const root = path.dirname(require.resolve("bakong-khqr/package.json"));

// Nothing is asked of the network; every call to it ends as an unreachable host does.
require("axios").post = () => Promise.reject(new Error("there is no network here"));

const { BakongKHQR } = require("bakong-khqr");

let calls = [];

function keep(owner, name, input) {
    const original = owner[name];
    owner[name] = function (argument) {
        calls.push(input(argument));
        return original.call(this, argument);
    };
}

const text = (what) => (argument) => ({ what, input: argument });
const made = (kind) => (info) => ({ what: "generate", input: { kind, ...info } });

keep(BakongKHQR, "verify", text("verify"));
keep(BakongKHQR, "decode", text("decode"));
keep(BakongKHQR, "decodeNonKhqr", text("inspect"));
keep(BakongKHQR.prototype, "generateIndividual", made("individual"));
keep(BakongKHQR.prototype, "generateMerchant", made("merchant"));

let tests = [];

function expect(value) {
    const demand = (negated) => {
        const check = (holds) => {
            if (holds === negated) throw new Error("an expectation does not hold");
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

// Files of one kind and of the calls that they made, and how many of their tests failed.
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
