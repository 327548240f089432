<?php
// A shop that sells coffee for 1.50 USD. Run it with: php -S 127.0.0.1:8080 shop.php
// BAKONG_URL, BAKONG_KEY and WEBHOOK_SECRET are described in ../README.md.
declare(strict_types=1);

const ORDERS = __DIR__ . '/orders';
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
$shop = 'http://' . $_SERVER['HTTP_HOST'];
is_dir(ORDERS) || mkdir(ORDERS);

/** Creates the payment of an order. The key makes a repetition return the same payment. */
function create_payment(string $order, string $shop): array
{
    $request = curl_init(getenv('BAKONG_URL') . '/v1/payments');
    curl_setopt_array($request, [
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_HTTPHEADER => [
            'Authorization: Bearer ' . getenv('BAKONG_KEY'),
            'Content-Type: application/json',
            "Idempotency-Key: $order",
        ],
        CURLOPT_POSTFIELDS => json_encode([
            'amount' => '1.50',
            'currency' => 'USD',
            'order_id' => $order,
            'description' => 'Coffee',
            'success_url' => "$shop/orders/$order",
        ]),
    ]);
    $answer = json_decode(curl_exec($request) ?: '{}', true);
    if (curl_getinfo($request, CURLINFO_RESPONSE_CODE) !== 201) {
        throw new RuntimeException($answer['detail'] ?? 'bakong-server does not answer');
    }
    return $answer;
}

/** Verifies a message as the Standard Webhooks specification describes it. */
function is_genuine(string $body): bool
{
    $id = $_SERVER['HTTP_WEBHOOK_ID'] ?? '';
    $time = $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '0';
    $key = base64_decode(substr((string) getenv('WEBHOOK_SECRET'), strlen('whsec_')));
    $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$time.$body", $key, true));
    foreach (explode(' ', $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? '') as $signature) {
        if (hash_equals($expected, $signature) && abs(time() - (int) $time) < 300) {
            return true;
        }
    }
    return false;
}

if ($path === '/buy' && $_SERVER['REQUEST_METHOD'] === 'POST') {
    $payment = create_payment('PHP-' . bin2hex(random_bytes(8)), $shop);
    header('Location: ' . $payment['checkout_url'], true, 303);
} elseif ($path === '/webhook') {
    $body = file_get_contents('php://input');
    if (!is_genuine($body)) {
        http_response_code(400);
        exit('wrong signature');
    }
    $event = json_decode($body, true);
    // A message can arrive twice. Only one request can create the file, so the order is fulfilled once.
    $order = $event['data']['order_id'] ?? '';
    if ($event['type'] === 'payment.paid' && @fopen(ORDERS . '/' . md5($order), 'x')) {
        error_log("fulfil $order");
    }
} elseif (preg_match('~^/orders/([\w-]+)$~', $path, $match)) {
    echo is_file(ORDERS . '/' . md5($match[1])) ? 'paid' : 'waiting for the payment';
} else {
    echo '<form method="post" action="/buy"><button>Buy coffee for 1.50 USD</button></form>';
}
