#!/usr/bin/env bash
# Makes the three font files of this folder from the npm packages of Fontsource. Needs npm, and Python with fonttools
# and brotli in the versions below. The result is the same on every machine.
set -euo pipefail
cd "$(dirname "$0")"
out=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

npm pack --silent @fontsource/nunito-sans@5.3.0 @fontsource/noto-sans-khmer@5.3.0 >/dev/null
for package in *.tgz; do
    tar xzf "$package"
    mv package "${package%-5.3.0.tgz}"
done
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check fonttools==4.60.1 brotli==1.1.0
export SOURCE_DATE_EPOCH=0

# Kerning, marks and the substitutions that shaping needs. No hints: the text is drawn as outlines.
subset() {
    venv/bin/pyftsubset "$1" --output-file="$2" --unicodes="*" --no-hinting --desubroutinize \
        --layout-features=ccmp,locl,mark,mkmk,kern,abvs,blws,pres,psts,pref,blwf,abvf,pstf,cfar,clig,liga,abvm,blwm \
        --name-IDs=0,1,2,5,13,14 --drop-tables+=DSIG,STAT,meta --no-recalc-timestamp --notdef-outline
}

nunito() {
    local parts=()
    for part in latin latin-ext vietnamese; do
        subset "fontsource-nunito-sans/files/nunito-sans-$part-$1-normal.woff2" "$part-$1.ttf"
        parts+=("$part-$1.ttf")
    done
    venv/bin/pyftmerge --output-file="merged-$1.ttf" "${parts[@]}"
    subset "merged-$1.ttf" "$out/$2"
}

nunito 400 NunitoSans-Regular.ttf
nunito 700 NunitoSans-Bold.ttf
subset fontsource-noto-sans-khmer/files/noto-sans-khmer-khmer-400-normal.woff2 "$out/NotoSansKhmer-Regular.ttf"
cp fontsource-nunito-sans/LICENSE "$out/OFL-NunitoSans.txt"
cp fontsource-noto-sans-khmer/LICENSE "$out/OFL-NotoSansKhmer.txt"
