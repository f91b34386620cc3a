"""Which films are made of what is named, and what is said of them; the films are in tests/film."""

import os
import pathlib
import types

import pytest

from s2i_tf import api
from s2i_tf.errors import MediaError, UserError
from s2i_tf.film import encoding, making
from s2i_tf.media import reasons


@pytest.fixture
def made(monkeypatch):
    """Notes of what a film would be made, and makes it of nothing whose name begins with `bad`."""
    films = []

    def make_film(model, sound, path, settings, **extras):
        if "bad" in str(sound):
            raise MediaError(reasons.SILENT, f"{sound}: silent")
        films.append((str(sound), path, settings, extras))
        return types.SimpleNamespace(duration_seconds=2.5)

    monkeypatch.setattr(api, "load", lambda name: name)
    monkeypatch.setattr(making, "make_film", make_film)
    return films


@pytest.fixture
def folder(tmp_path):
    """With two sounds, a bad one, a hidden file and another folder."""
    sounds = tmp_path / "sounds"
    (sounds / "more").mkdir(parents=True)
    for name in ("b.wav", "a.mp3", "bad.ogg", ".hidden"):
        (sounds / name).touch()
    return sounds


def test_one_film_of_one_sound(call_verb, made, tmp_path, capsys):
    film = tmp_path / "film.mp4"
    call_verb("film", "x.wav", f"--out={film}", "--smooth=0", "--beats", "--strip=s.png")
    ((sound, path, settings, extras),) = made
    assert (sound, path) == ("x.wav", film) and extras == {"strip": "s.png", "subtitles": None}
    assert settings == making.FilmSettings(smooth_seconds=0, beats=True)
    assert capsys.readouterr().out == f"2.5 s of film: {film}\n"
    call_verb("film", "x.wav", f"--out={tmp_path}")
    assert made[1][1] == tmp_path / f"x{encoding.best_suffix()}"
    capsys.readouterr()
    call_verb("film", "x\x1b.wav", f"--out={tmp_path}")
    assert capsys.readouterr().out == f"2.5 s of film: {str(made[2][1])!r}\n"


def test_films_of_a_folder_leave_out_what_is_bad(call_verb, made, folder, tmp_path, capsys):
    with pytest.raises(UserError, match="1 of 4 sounds could not be used; see above"):
        call_verb("film", str(folder), "x.wav", f"--out={tmp_path / 'films'}")
    names = [(sound, path.stem) for sound, path, *_ in made]
    assert names == [(f"{folder}/a.mp3", "a"), (f"{folder}/b.wav", "b"), ("x.wav", "x")]
    assert capsys.readouterr().out == f"3 films: {tmp_path / 'films'}\n"


def test_what_lies_beside_the_sounds_of_a_folder(call_verb, made, folder, tmp_path, caplog):
    for name in ("cover.jpg", "a.CUE", "list.m3u"):
        (folder / name).touch()
    (folder / "bad.ogg").unlink()
    (folder / "bad_link.ogg").symlink_to("nowhere")
    os.mkfifo(folder / "bad_pipe")
    with caplog.at_level("WARNING"), pytest.raises(UserError, match="2 of 4 sounds could not"):
        call_verb("film", str(folder), f"--out={tmp_path / 'films'}")
    assert [pathlib.Path(sound).name for sound, *_ in made] == ["a.mp3", "b.wav"]
    told = [record.message.split("/")[-1] for record in caplog.records]
    assert told[0] == "more: a folder. Give it too for the sounds in it."
    assert told[1:] == ["bad_link.ogg: silent", "bad_pipe: silent"]
    with pytest.raises(UserError, match="no sounds in it, only folders"):
        call_verb("film", str(tmp_path), f"--out={tmp_path / 'films'}")


def test_mistakes_are_answered_in_one_line(call_verb, made, folder, tmp_path):
    for message, arguments in (
        ("no sound given", ["--out=film.mp4"]),
        ("--out is missing", ["x.wav"]),
        ("--strip and --captions are for one sound", [str(folder), "--out=f", "--strip=s.png"]),
        ("is one film. Give a folder for several", ["x.wav", "y.wav", "--out=film.mp4"]),
        ("more: no sounds in it. Give", [str(folder / "more"), f"--out={tmp_path / 'films'}"]),
        ("a film ends in .mp4 or .webm", ["x.wav", "--out=film.gif"]),
    ):
        with pytest.raises(UserError, match=message):
            call_verb("film", *arguments)
    film = tmp_path / f"x{encoding.best_suffix()}"
    film.touch()
    with pytest.raises(UserError, match="is one of the sounds themselves"):
        call_verb("film", str(film), "y.wav", f"--out={tmp_path}")
    assert not made


def test_a_film_takes_no_place_of_the_user_s_own(call_verb, made, tmp_path):
    own = tmp_path / f"x{encoding.best_suffix()}"
    own.write_text("mine")
    for arguments in (
        ["x.wav", f"--out={tmp_path}"],
        ["x.wav", "y.wav", f"--out={tmp_path}"],
        ["x.wav", f"--out={own}"],
        ["x.wav", "--out=other.mp4", f"--captions={own}"],
    ):
        with pytest.raises(UserError, match=f"{own}: is there already, and s2i is not known to"):
            call_verb("film", *arguments)
    assert not made
