import pytest

from s2i_tf.training import watch


def players(loss, real, fake):
    return {
        "discriminator": loss,
        "discriminator_real_score": real,
        "discriminator_fake_score": fake,
        "generator_adversarial": 2 * loss,
    }


@pytest.fixture
def look(caplog):
    """Shows one log after the other; returns the warnings."""

    def run(logs, known=()):
        guard = watch.DiscriminatorWatch("gan")
        for means in known:
            guard.look(0, means, warn=False)
        with caplog.at_level("WARNING"):
            for step, means in enumerate(logs, 1):
                guard.look(step, means)
        return [record.getMessage() for record in caplog.records]

    return run


HEALTHY = players(0.7, 0.5, -0.5)
WON = players(0.01, 9.0, -9.0)
LOST = players(0.7, -0.1, 0.1)


@pytest.mark.parametrize(("sign", "name"), [(WON, "overpowering"), (LOST, "collapsing")])
def test_a_lasting_sign_is_warned_about_once_in_a_while(sign, name, look):
    warnings = look([HEALTHY] + [sign] * 30)
    assert [warning.split(":")[0] for warning in warnings] == ["gan step 6", "gan step 26"]
    assert all(f"the discriminator is {name}" in warning for warning in warnings)


@pytest.mark.parametrize("sign", [WON, LOST])
def test_a_passing_sign_is_none(sign, look):
    assert not look(([HEALTHY] + [sign] * 4) * 5)


def test_what_was_logged_before_a_resume_counts(look):
    assert not look([WON] * 9)
    assert "gan step 5" in look([WON] * 9, known=[HEALTHY])[0]


def test_a_loss_that_may_be_negative_says_nothing_about_power(look):
    assert not look([players(10.0, 1.0, 0.0)] + [players(-50.0, 60.0, 0.0)] * 9)


def test_one_player_has_no_balance(look):
    assert not look([{"total": 1.0}] * 9)
    assert watch.balance({"total": 1.0, "gradient_norm": 2.0}) == {}


def test_the_balance_is_that_of_the_two_players():
    means = {
        **players(0.5, 2.0, -1.0),
        "discriminator_gradient_norm": 3.0,
        "generator_gradient_norm": 6.0,
    }
    assert watch.balance(means) == {
        "balance/score_gap": 3.0,
        "balance/loss_ratio": 0.5,
        "balance/gradient_ratio": 0.5,
    }
