"""Times bakong-khqr-image on one code. Prints the median time of a card as PNG in nanoseconds."""

import statistics
import sys
import time

from bakong_khqr_image import KHQRImage


def card(text: str) -> bytes:
    return KHQRImage.from_emv(text).to_bytes()


def main() -> None:
    text, rounds = sys.argv[1], int(sys.argv[2])
    assert card(text).startswith(b"\x89PNG")
    times = []
    for _ in range(rounds):
        start = time.perf_counter_ns()
        card(text)
        times.append(time.perf_counter_ns() - start)
    print(round(statistics.median(times)))


if __name__ == "__main__":
    main()
