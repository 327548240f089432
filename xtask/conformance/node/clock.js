"use strict";
// The clock of the SDKs.

let now = 0;
Date.now = () => now;

module.exports = {
    set(moment) {
        now = moment;
    },
};
