from reactor_runtime.testing import ModelHarness

from model import Wave


def test_the_wave_turns_as_red_as_asked():
    with ModelHarness(Wave, config={"height": 90, "width": 160}) as model:
        model.command("set_red", red=200)
        frames = model.frames(10)  # the first few were made before
    assert (frames[-1][..., 0] == 200).all()
