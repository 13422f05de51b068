"""A take-over that is cut off goes on where it was."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.network.client import Entity
from bridge.store.tables import AdoptionState
from bridge.upgrades.adopting import Adopting
from bridge.upgrades.adoption_ground import Ground
from tests.upgrades.adoption_scene import ONE, TWO, AdoptionScene
from tests.upgrades.test_adopting import (
    assert_nothing_cancelled,
    lab,
)

__all__ = ["lab"]


class Killed(BaseException):
    """What a process does not survive."""


class Mortal:
    """Counts the requests of both sides, and dies before or after the n-th."""

    def __init__(self, at: int, *, after: bool) -> None:
        self._at = at
        self._after = after
        self._seen = 0

    def around(self, real: Any, *names: str) -> Any:
        for name in names:
            setattr(real, name, self._counted(getattr(real, name)))
        return real

    def _counted(self, work: Any) -> Any:
        def counted(*arguments: Any, **named: Any) -> Any:
            self._seen += 1
            dies = self._seen == self._at
            if dies and not self._after:
                raise Killed
            result = work(*arguments, **named)
            if dies:
                raise Killed
            return result

        return counted


def mortal(lab: AdoptionScene, life: Mortal) -> Ground:
    ground = lab.ground()
    return lab.ground(
        life.around(ground.stripe, "subscription", "mark", "unmark", "endpoints", "switch"),
        life.around(ground.client, "get", "update"),
    )


class TestCutOff:
    @pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
    def test_at_any_request_of_taking_over(self, lab: AdoptionScene, after: bool) -> None:
        """Run again it comes to the same; nothing is ever cancelled on the way."""
        deaths = 0
        while True:
            life = Mortal(deaths + 1, after=after)
            try:
                list(Adopting(mortal(lab, life)).run([ONE, TWO]))
            except Killed:
                deaths += 1
                assert_nothing_cancelled(lab)
                assert all(each.done for each in lab.run(ONE, TWO).values())
                assert lab.metadata(TWO)["planbridge_membership"] == str(TWO)
                assert lab.renews(TWO)
                record = lab.record(TWO)
                assert record is not None
                assert record.before["auto_renew"] is False
                lab.revert(ONE, TWO)
                assert not lab.renews(TWO)
            else:
                break
        assert deaths >= 10
        assert_nothing_cancelled(lab)

    @pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
    def test_at_any_request_of_the_way_back(self, lab: AdoptionScene, after: bool) -> None:
        deaths, alive = 0, True
        while alive:
            assert all(each.done for each in lab.run(ONE, TWO).values())
            assert lab.adopting().disable_endpoints()
            try:
                list(Adopting(mortal(lab, Mortal(deaths + 1, after=after))).revert([ONE, TWO]))
                alive = False
            except Killed:
                deaths += 1
                assert all(each.done for each in lab.revert(ONE, TWO).values())
            assert lab.listens()
            assert lab.metadata(ONE) == lab.metadata(TWO) == {}
            assert not lab.renews(TWO)
            assert_nothing_cancelled(lab)
        assert deaths >= 8

    def test_one_begun_can_be_given_back_at_once(self, lab: AdoptionScene) -> None:
        with pytest.raises(Killed):
            list(Adopting(mortal(lab, Mortal(4, after=True))).run([TWO]))
        record = lab.record(TWO)
        assert record is not None
        assert record.state is AdoptionState.TAKING
        assert lab.adopting().taken() == [TWO]
        assert lab.revert(TWO)[TWO].done
        assert not lab.renews(TWO)
        assert lab.metadata(TWO) == {}

    def test_one_that_was_not_given_back_whole_is_not_taken_over(self, lab: AdoptionScene) -> None:
        lab.run(TWO)
        with pytest.raises(Killed):
            list(Adopting(mortal(lab, Mortal(2, after=False))).revert([TWO]))
        outcome = lab.run(TWO)[TWO]
        assert (outcome.done, outcome.state) == (False, AdoptionState.REVERTING)

    def test_a_network_that_is_away_is_told_and_the_rest_goes_on(self, lab: AdoptionScene) -> None:
        client = lab.scene.client()
        real = client.get

        def get(entity: Entity, row_id: int) -> Any:
            if row_id == TWO:
                lab.sandbox.state.remove("membership", TWO)
            return real(entity, row_id)

        client.get = get  # type: ignore[method-assign]
        outcomes = {
            each.membership_id: each for each in Adopting(lab.ground(client=client)).run([TWO, ONE])
        }
        assert "has no membership" in outcomes[TWO].reason
        assert outcomes[ONE].done
