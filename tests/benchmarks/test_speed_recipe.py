import pytest

from benchmarks.speed import recipe, recipe_sides
from s2i_tf.features import weights as weights_lib


@pytest.mark.slow
@pytest.mark.weights
def test_the_step_of_the_shipped_recipe_runs_and_its_parts_add_up():
    if not weights_lib.path("efficientnet_lite2").exists():
        pytest.skip("Lite2 is not in the cache; `s2i weights fetch efficientnet_lite2` brings it")
    take, info = recipe_sides.build("float32", batch_size=2, num_profiled=1)
    assert take()["generator_perceptual"] > 0
    assert info["num_pictures"] == 4
    assert {"generator", "discriminator", "backbone: all else"} <= set(info["parts"])
    table = recipe.blocks({"profiles": {"auto": info["parts"], "float32": info["parts"]}})
    shares = [line.split("|")[2] for line in table["profile"].splitlines()[2:-1]]
    assert sum(float(share.strip(" %")) for share in shares) == pytest.approx(100, abs=0.5)
