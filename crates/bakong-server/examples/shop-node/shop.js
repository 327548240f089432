// A shop that sells coffee for 1.50 USD. Run it with: npm install && PORT=8080 node shop.js
// BAKONG_URL, BAKONG_KEY and WEBHOOK_SECRET are described in ../README.md.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { Webhook } from 'standardwebhooks';

const { BAKONG_URL, BAKONG_KEY, WEBHOOK_SECRET, PORT = 8080 } = process.env;
const shop = `http://127.0.0.1:${PORT}`;
const webhook = new Webhook(WEBHOOK_SECRET);
// A real shop uses a table with a unique column.
const fulfilled = new Set();

/** Creates the payment of an order. The key makes a repetition return the same payment. */
async function createPayment(order) {
  const response = await fetch(`${BAKONG_URL}/v1/payments`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${BAKONG_KEY}`,
      'content-type': 'application/json',
      'idempotency-key': order,
    },
    body: JSON.stringify({
      amount: '1.50',
      currency: 'USD',
      order_id: order,
      description: 'Coffee',
      success_url: `${shop}/orders/${order}`,
    }),
  });
  const payment = await response.json();
  if (!response.ok) throw new Error(payment.detail);
  return payment;
}

/** Fulfils an order once, although a message can arrive twice. */
function fulfil(order) {
  if (fulfilled.has(order)) return;
  fulfilled.add(order);
  console.log(`fulfil ${order}`);
}

async function handle(request, response) {
  const { method, url } = request;
  if (method === 'POST' && url === '/buy') {
    const payment = await createPayment(`NODE-${randomUUID()}`);
    return response.writeHead(303, { location: payment.checkout_url }).end();
  }
  if (method === 'POST' && url === '/webhook') {
    const body = Buffer.concat(await request.toArray()).toString();
    let event;
    try {
      event = webhook.verify(body, request.headers);
    } catch {
      return response.writeHead(400).end('wrong signature');
    }
    if (event.type === 'payment.paid') fulfil(event.data.order_id);
    return response.end();
  }
  if (url.startsWith('/orders/')) {
    const isPaid = fulfilled.has(url.slice('/orders/'.length));
    return response.end(isPaid ? 'paid' : 'waiting for the payment');
  }
  response.setHeader('content-type', 'text/html');
  response.end('<form method="post" action="/buy"><button>Buy coffee for 1.50 USD</button></form>');
}

createServer((request, response) => {
  handle(request, response).catch((error) => response.writeHead(502).end(error.message));
}).listen(PORT, '127.0.0.1');
