// Runs the example shops and other clients against `bakong serve --sandbox`.
//
// BAKONG is the command, SHOPS a folder with the installed shops, RUST_SHOP the Rust example, PYTHON an interpreter with the
// packages of requirements.txt.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import path from 'node:path';
import readline from 'node:readline';

const { BAKONG, SHOPS, RUST_SHOP, PYTHON } = process.env;
const PATIENCE = 30_000;
const children = new Set();

function start(command, args, options) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  children.add(child);
  child.output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => (child.output += text));
  }
  child.on('error', (error) => (child.output += error.message));
  return child;
}

async function stop(child) {
  children.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill();
  await once(child, 'exit');
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Calls `probe` until it returns something. */
async function until(what, child, probe) {
  const end = Date.now() + PATIENCE;
  while (Date.now() < end) {
    const found = await probe().catch(() => undefined);
    if (found) return found;
    if (child.exitCode !== null) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${what} did not happen\n${child.output}`);
}

async function startServer() {
  const server = start(BAKONG, ['serve', '--sandbox', '--json', '--listen', '127.0.0.1:0']);
  const [line] = await once(readline.createInterface(server.stdout), 'line');
  return { child: server, ...JSON.parse(line) };
}

function api(server) {
  return async (method, route, body) => {
    const response = await fetch(server.url + route, {
      method,
      headers: { authorization: `Bearer ${server.testKey}`, 'content-type': 'application/json' },
      body: body && JSON.stringify(body),
    });
    const text = await response.text();
    assert(response.ok, text);
    return text && JSON.parse(text);
  };
}

async function pay(server, qr) {
  const response = await fetch(`${server.sandbox}/sandbox/pay`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ qr }),
  });
  assert(response.ok, await response.text());
}

/** Buys a coffee in a shop, as a customer does, and sends the shop wrong and repeated messages. */
async function buy(server, name, command, args, cwd) {
  const call = api(server);
  const port = await freePort();
  const shop = `http://127.0.0.1:${port}`;
  const endpoint = await call('POST', '/v1/webhook_endpoints', {
    url: `${shop}/webhook`,
    types: ['payment.paid'],
  });
  const env = {
    ...process.env,
    BAKONG_URL: server.url,
    BAKONG_KEY: server.testKey,
    WEBHOOK_SECRET: endpoint.secret,
    PORT: String(port),
  };
  const child = start(command, args(port), { cwd, env });
  const page = await until(`the start of ${name}`, child, async () => (await fetch(shop)).text());
  assert.match(page, /Buy coffee/);

  const bought = await fetch(`${shop}/buy`, { method: 'POST', redirect: 'manual' });
  assert.equal(bought.status, 303, await bought.text());
  const checkout = bought.headers.get('location');
  assert(checkout.startsWith(`${server.url}/pay/`), checkout);
  assert.equal((await fetch(checkout)).status, 200);
  // Bakong's time, which orders the list, is corrected by its first answers.
  const { data: payments } = await call('GET', '/v1/payments?limit=100');
  const payment = payments.find((it) => it.checkout_url === checkout);
  const order = `${shop}/orders/${payment.order_id}`;
  const state = async () => (await fetch(order)).text();
  assert.equal(await state(), 'waiting for the payment');

  const forged = { type: 'payment.paid', data: { order_id: payment.order_id } };
  const refused = await fetch(`${shop}/webhook`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'webhook-id': 'evt_forged',
      'webhook-timestamp': String(Math.floor(Date.now() / 1000)),
      'webhook-signature': 'v1,AAAA',
    },
    body: JSON.stringify(forged),
  });
  assert.equal(refused.status, 400);
  assert.equal(await state(), 'waiting for the payment');

  await pay(server, payment.qr);
  await call('POST', `/v1/payments/${payment.id}/check`, {});
  await until(`the sale of ${name}`, child, async () => (await state()) === 'paid');

  // The same message again changes nothing.
  const { data: events } = await call('GET', '/v1/events?limit=100');
  const event = events.find((it) => it.type === 'payment.paid' && it.data.id === payment.id);
  const attempts = async () => {
    const { data } = await call('GET', `/v1/events/${event.id}/deliveries`);
    return data.find((it) => it.endpoint === endpoint.id).attempts;
  };
  await until('the first delivery', child, async () => (await attempts()).length === 1);
  await call('POST', `/v1/events/${event.id}/replay`, {});
  await until('the second delivery', child, async () => (await attempts()).length === 2);
  assert.deepEqual((await attempts()).map((it) => it.status), [200, 200]);
  await stop(child);
  assert.equal(child.output.split(`fulfil ${payment.order_id}`).length, 2, child.output);
  const response = await fetch(`${server.url}/v1/webhook_endpoints/${endpoint.id}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${server.testKey}` },
  });
  assert.equal(response.status, 204);
  console.log(`ok: ${name}`);
}

async function run(name, command, args) {
  // A client may write files to its folder.
  const child = start(command, args, { cwd: SHOPS });
  const [code] = await once(child, 'exit');
  assert.equal(code, 0, `${name}\n${child.output}`);
  console.log(`ok: ${name}`);
}

try {
  const server = await startServer();
  const folder = (name) => path.join(SHOPS, name);
  const php = (port) => ['-S', `127.0.0.1:${port}`, 'shop.php'];
  await buy(server, 'the shop in PHP', 'php', php, folder('shop-php'));
  await buy(server, 'the shop in Node.js', process.execPath, () => ['shop.js'], folder('shop-node'));
  await buy(server, 'the shop in Python', PYTHON, () => ['shop.py'], folder('shop-python'));
  await buy(server, 'the shop in Rust', RUST_SHOP, () => [], SHOPS);

  const script = path.join(import.meta.dirname, 'dropin.py');
  await run('bakong-khqr (PyPI) on the drop-in', PYTHON, [script, server.url, server.testKey, server.sandbox]);

  // A client that is generated from the description: each call with valid and invalid values.
  const schemathesis = [
    '-m', 'schemathesis.cli', 'run', `${server.url}/openapi.json`,
    '--header', `Authorization: Bearer ${server.testKey}`,
    '--max-examples', process.env.EXAMPLES ?? '25', '--seed', '1', '--workers', '1',
    '--checks', 'not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance',
    '--request-timeout', '10', '--no-color',
    // A stream does not end, and the test needs its key.
    '--exclude-path-regex', '/payments/.*/events$', '--exclude-operation-id', 'revoke',
  ];
  await run('schemathesis on the description', PYTHON, schemathesis);
  await stop(server.child);
} finally {
  for (const child of children) child.kill('SIGKILL');
}
