"""``planbridge adopt`` as installed, in processes of its own, one of them killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.sandbox.faults import Fault
from bridge.sandbox.stripe_faults import Fault as StripeFault
from bridge.sandbox.wire import Request
from bridge.store.networks import Credentials, NetworkRepository
from bridge.wiring import open_app
from tests.upgrades.adoption_scene import MANUAL, ONE, TWO, AdoptionScene

COMMAND = Path(sys.executable).with_name("planbridge")
DEADLINE = 60.0


class Installed:
    """The command on a data folder that knows the network."""

    def __init__(self, lab: AdoptionScene, folder: Path, database: str) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self._environment = {
            **kept,
            "PLANBRIDGE_DATA_DIR": str(folder),
            "PLANBRIDGE_DATABASE_URL": database,
            "PLANBRIDGE_STRIPE_URL": lab.stripe.url,
            "COLUMNS": "200",
        }
        self._folder = folder

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(COMMAND), *words],
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *words: str, code: int = 0) -> str:
        return "".join(self._said(words, code))

    def json(self, *words: str, code: int = 0) -> Any:
        """What is on standard output is one document, whatever is said beside it."""
        return json.loads(self._said((*words, "--json"), code)[0])

    def _said(self, words: tuple[str, ...], code: int) -> tuple[str, str]:
        process = self.start(*words)
        out, problem = process.communicate(timeout=DEADLINE)
        assert process.returncode == code, out + problem
        assert "Traceback" not in problem
        return out, problem


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[AdoptionScene]:
    with AdoptionScene(tmp_path) as made:
        yield made


@pytest.fixture
def planbridge(lab: AdoptionScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    folder = tmp_path / "data"
    folder.mkdir()
    database = lab.store.url.render_as_string()
    monkeypatch.setenv("PLANBRIDGE_DATA_DIR", str(folder))
    monkeypatch.setenv("PLANBRIDGE_DATABASE_URL", database)
    monkeypatch.setattr("bridge.wiring.configure_logging", lambda _level: None)
    app = open_app()
    with app.session() as session:
        NetworkRepository(session, app.seal).rotate(
            "main",
            credentials=Credentials("sandbox-key", "sandbox-secret"),
            stripe_key=lab.stripe.api_key,
        )
    app.engine.dispose()
    return Installed(lab, folder, database)


def test_plan_run_status_and_back(lab: AdoptionScene, planbridge: Installed) -> None:
    """The whole way with one membership that cannot be taken over beside two that can."""
    lab.set(MANUAL, gateway="paypal", gateway_subscription_id="I-1")
    lab.scene.mirror()
    plan = planbridge.json("adopt", "plan", "main", code=1)
    verdicts = {each["membership"]: each["verdict"] for each in plan["memberships"]}
    assert verdicts == {ONE: "take", TWO: "take", MANUAL: "refuse"}
    assert plan["plugin_endpoints"][0]["enabled"] is True
    shown = planbridge("adopt", "run", "main", "--dry-run", code=1)
    assert "auto_renew=True" in shown
    assert "The way back" in shown
    assert "PayPal's" in shown
    assert lab.asked_of_network() == []
    assert lab.asked_of_stripe() == []

    planbridge("adopt", "run", "main", code=1)
    assert lab.asked_of_network() == [{"auto_renew": True}]
    assert "adopted" in planbridge("adopt", "status", "main", "--membership", str(TWO))
    again = planbridge.json("adopt", "run", "main", "--membership", str(TWO), "--endpoint-off")
    assert [each["url"] for each in again["endpoints_disabled"]] == [
        f"{lab.sandbox.url}/?wu-gateway=stripe"
    ]
    assert not lab.listens()

    back = planbridge.json("adopt", "revert", "main", "--dry-run")
    assert [each["written_back"] for each in back["memberships"]] == [{"auto_renew": False}, {}]
    assert not lab.listens()
    planbridge("adopt", "revert", "main")
    assert lab.listens()
    assert not lab.renews(TWO)
    assert lab.metadata(ONE) == lab.metadata(TWO) == {}
    status = planbridge.json("adopt", "status", "main")
    assert {each["state"] for each in status["memberships"]} == {"reverted"}
    assert lab.sandbox.state.gateway_calls == []


def test_the_endpoint_is_not_disabled_while_the_plugin_bills_others(
    lab: AdoptionScene, planbridge: Installed
) -> None:
    """What was taken over stays so; the command says who else needs it."""
    said = planbridge("adopt", "run", "main", "--membership", str(ONE), "--endpoint-off", code=4)
    assert "adopted" in said
    assert f"bills 1 memberships ({TWO})" in said
    assert lab.listens()


def test_mistakes_have_their_own_exit_codes(lab: AdoptionScene, planbridge: Installed) -> None:
    assert "no network named" in planbridge("adopt", "plan", "nowhere", code=3)
    planbridge("adopt", "run", "main", "--membership", "4711", code=3)
    planbridge("adopt", "revert", "main", "--membership", str(ONE), code=3)


@pytest.mark.parametrize("side", ["network", "stripe"])
def test_killed_while_it_writes(lab: AdoptionScene, planbridge: Installed, side: str) -> None:
    """The write takes effect when nobody is there any more; the next run ends it."""

    def slowly(request: Request) -> Fault | None:
        if side == "network" and request.method == "PUT":
            lab.sandbox.faults = lambda _request: None
            return Fault(delay=0.5)
        return None

    lab.sandbox.faults = slowly
    if side == "stripe":
        lab.stripe.faults.add(StripeFault(delay=0.5), method="POST", path="/v1/subscriptions/*")
    process = planbridge.start("adopt", "run", "main")
    doing = "writing" if side == "network" else "marking"
    wait_until(lambda: doing in {step.name for step in lab.steps(TWO)})
    process.kill()
    process.communicate()
    states = planbridge.json("adopt", "status", "main")["memberships"]
    assert "taking" in {each["state"] for each in states}
    planbridge("adopt", "run", "main")
    states = planbridge.json("adopt", "status", "main")["memberships"]
    assert {each["state"] for each in states} == {"adopted"}
    assert lab.renews(TWO)
    assert lab.metadata(ONE)
    assert lab.metadata(TWO)
    assert lab.sandbox.state.gateway_calls == []
    planbridge("adopt", "revert", "main")
    assert not lab.renews(TWO)


def wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)
