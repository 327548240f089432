"use strict";
// The only clock that the SDKs see.

let now = 0;
Date.now = () => now;

module.exports = {
    set(moment) {
        now = moment;
    },
};
