"use strict";
// Answers requests, one JSON line each, in their order. See ../mod.rs for who asks.

const clock = require("./clock");
const sides = { official: require("./official"), other: require("./other") };

async function answer({ side, what, input, now }) {
    clock.set(now);
    if (what === "jest") return require("./jest").run();
    return sides[side][what](input);
}

// Not `readline`: it ends lines at U+2028 too, which JSON may hold as it is.
async function* linesOf(stream) {
    let rest = "";
    for await (const piece of stream.setEncoding("utf8")) {
        const lines = (rest + piece).split("\n");
        rest = lines.pop();
        yield* lines;
    }
}

// A character that the SDK cut in two is no text for any other program.
const wellFormed = (_, value) => (typeof value === "string" ? value.toWellFormed() : value);

async function main() {
    for await (const line of linesOf(process.stdin)) {
        const said = JSON.stringify(await answer(JSON.parse(line)), wellFormed);
        if (!process.stdout.write(said + "\n")) {
            await new Promise((resolve) => process.stdout.once("drain", resolve));
        }
    }
}

main();
