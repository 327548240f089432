"use strict";
// Reads requests, one JSON object per line, and writes the answers in the same order. Used by ../src/node.rs.

const clock = require("./clock");
const FILES = { official: "./official", other: "./other", drop_in: "./drop_in" };

async function answer({ side, what, input, now }) {
    clock.set(now);
    if (what === "jest") return require("./jest").run();
    return require(FILES[side])[what](input);
}

// `readline` is unsuitable: it also ends lines at U+2028, which JSON may contain.
async function* linesOf(stream) {
    let rest = "";
    for await (const piece of stream.setEncoding("utf8")) {
        const lines = (rest + piece).split("\n");
        rest = lines.pop();
        yield* lines;
    }
}

// Replaces lone surrogates, which result when the SDK splits a character.
const wellFormed = (_, value) => (typeof value === "string" ? value.toWellFormed() : value);

async function main() {
    for await (const line of linesOf(process.stdin)) {
        const output = JSON.stringify(await answer(JSON.parse(line)), wellFormed);
        if (!process.stdout.write(output + "\n")) {
            await new Promise((resolve) => process.stdout.once("drain", resolve));
        }
    }
}

main();
