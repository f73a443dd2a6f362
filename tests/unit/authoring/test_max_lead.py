"""`max_lead_ms`: how many milliseconds of frames may wait to be shown."""

from __future__ import annotations

from typing import Any

import pytest

from reactor_runtime import ReactorModel, VideoModel
from reactor_runtime.authoring import reactor_model, video_model
from reactor_runtime.errors import ContractError


def test_a_declared_lead_is_in_the_contract_of_both_generations() -> None:
    class Second(ReactorModel):
        max_lead_ms = 120

    class Free(ReactorModel):
        pass

    class First(VideoModel):
        max_lead_ms = 80.5

        def start_session(self) -> None: ...

    def second(cls: type[ReactorModel]) -> float | None:
        return reactor_model.contract_of(cls, name=None, description="", version="v0.0.0").max_lead_ms

    assert second(Second) == 120
    assert second(Free) is None
    assert video_model.contract_of(First, {}).max_lead_ms == 80.5


@pytest.mark.parametrize("declared", [0, -1, float("nan"), "120", True])
def test_a_lead_that_is_no_time_is_refused_with_the_class_and_what_is_right(declared: Any) -> None:
    with pytest.raises(ContractError, match=r"test_max_lead\.py.*Second.*max_lead_ms.*(milliseconds|positive)"):

        class Second(ReactorModel):
            max_lead_ms = declared

    with pytest.raises(ContractError, match=r"test_max_lead\.py.*First.*max_lead_ms.*milliseconds above 0, or None"):

        class First(VideoModel):
            max_lead_ms = declared

            def start_session(self) -> None: ...
