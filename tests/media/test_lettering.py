import importlib.util

import pytest

from s2i_tf.media import lettering


@pytest.fixture
def fresh_font():
    """The font is looked for anew, in the test and after it."""

    def forget():
        lettering.font.cache_clear()
        lettering._letter.cache_clear()

    forget()
    yield
    forget()


def test_letters_of_many_languages_are_written(fresh_font):
    pytest.importorskip("matplotlib")
    assert lettering.written("äöüß – русский a\u0308") == "äöüß – русский ä"
    assert lettering.written("日 \udc80 \x1b") == "? ? ?"


def test_without_matplotlib_letters_lose_their_accents(fresh_font, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert lettering.written("naïve ÄÖ, 1 (a_b)") == "naive AO, 1 (a_b)"
    assert lettering.written("ß – рус") == "? ? ???"
