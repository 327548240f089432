#!/bin/sh
# Sells two orders from a shell: generates the codes, watches them, and prints an event for each change. Starts a sandbox,
# where customers pay. Needs the command `bakong` in the PATH, and curl.
#
#   sh crates/bakong-cli/examples/sell.sh
#
# With the live service, only the middle part remains, with `--env production --token-file bakong.token`.
set -eu

folder=$(mktemp -d)
mkfifo "$folder/started"
bakong sandbox --listen 127.0.0.1:0 --json > "$folder/started" &
sandbox=$!
trap 'kill "$sandbox"; rm -r "$folder"' EXIT
# Waits until the sandbox is ready: it prints one JSON object.
read -r started < "$folder/started"
field() { printf '%s\n' "$2" | sed "s/.*\"$1\":\"\([^\"]*\)\".*/\1/"; }
base_url=$(field baseUrl "$started")
BAKONG_TOKEN=$(field token "$started")
export BAKONG_TOKEN

# Each order needs its own bill number, so that each code is different. The codes expire in ten minutes.
expiry=$(($(date +%s) + 600))000
for order in INV-1:1.50 INV-2:12; do
    printf '{"kind":"individual","bakongAccountID":"sokha@devb","merchantName":"Sokha Coffee",'
    printf '"merchantCity":"Phnom Penh","currency":"USD","amount":"%s",' "${order#*:}"
    printf '"billNumber":"%s","expirationTimestamp":%s}\n' "${order%:*}" "$expiry"
done > "$folder/orders.jsonl"
bakong qr generate --jsonl < "$folder/orders.jsonl" > "$folder/codes.jsonl"

# The customers. Real ones scan the codes after `watch` has accepted them.
while read -r code; do
    curl --silent --fail --output /dev/null "$base_url/sandbox/pay" \
        -H 'content-type: application/json' -d "{\"qr\":\"$(field qr "$code")\"}"
done < "$folder/codes.jsonl"

# Exit code 0: all are paid, and amount, currency and recipient match.
bakong watch --base-url "$base_url" --store "$folder/payments.db" --json < "$folder/codes.jsonl"
