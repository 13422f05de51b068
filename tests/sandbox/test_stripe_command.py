"""`planbridge sandbox --stripe`: both stand-ins of one process, until Ctrl-C."""

from __future__ import annotations

import re
import signal
import subprocess
import sys

import requests

START = "import typer; from bridge.cli.sandbox import app; app()"


def test_it_serves_stripe_beside_the_network_and_ends_with_ctrl_c() -> None:
    """What it prints opens an account with a payment page."""
    with subprocess.Popen(
        [sys.executable, "-c", START, "--stripe"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            printed = ""
            while "Ctrl-C" not in printed:
                line = process.stdout.readline()
                assert line, f"it ended after: {printed}"
                printed += line
            url = re.search(r"PLANBRIDGE_STRIPE_URL=(\S+)", printed)
            key = re.search(r"sk_test_\S+", printed)
            assert url
            assert key
            session = requests.post(
                f"{url[1]}/v1/checkout/sessions",
                data={
                    "mode": "payment",
                    "success_url": "http://127.0.0.1/ok",
                    "line_items[0][quantity]": "1",
                    "line_items[0][price_data][currency]": "usd",
                    "line_items[0][price_data][unit_amount]": "4900",
                    "line_items[0][price_data][product_data][name]": "Premium",
                },
                headers={"Authorization": f"Bearer {key[0]}"},
                timeout=10,
            ).json()
            assert "$49.00" in requests.get(session["url"], timeout=10).text
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=10) == 0
        finally:
            process.kill()
