"use strict";
// Runs the SDK's own test files without Jest.

const fs = require("fs");
const path = require("path");
const { isDeepStrictEqual } = require("util");

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

const collect = (name, body) => tests.push({ name, body });
const describe = (_, body) => body();
collect.only = collect.skip = collect;
describe.only = describe.skip = describe;
const globals = {
    test: collect,
    it: collect,
    describe,
    expect,
    jest: { fn: () => () => undefined, setTimeout() {}, mock() {} },
    beforeAll: (body) => body(),
    beforeEach: (body) => body(),
    afterAll() {},
    afterEach() {},
};

// Returns the test files in a folder.
function testFiles(folder) {
    const entries = fs.readdirSync(folder, { withFileTypes: true });
    const files = entries.flatMap((entry) => {
        const file = path.join(folder, entry.name);
        if (entry.isDirectory()) return testFiles(file);
        return entry.name.endsWith(".test.js") ? [file] : [];
    });
    return files.sort();
}

// Runs one test file. Returns the name and the result of each test.
async function runFile(file) {
    tests = [];
    Object.assign(globalThis, globals);
    require(file);
    const results = [];
    for (const { name, body } of tests) {
        try {
            await body();
            results.push({ name, passed: true });
        } catch {
            results.push({ name, passed: false });
        }
    }
    return results;
}

module.exports = { testFiles, runFile };
