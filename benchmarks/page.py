"""How fast the page of `s2i app` is in Chromium on this computer, with the package's model.

python -m benchmarks.page [--seconds=10] [--screenshots=docs/page]

Prints what is loaded, how long it takes until the page is ready and until the first picture, and
how many pictures the live mode draws of a made-up sound that stands for the microphone's. Processor
time is that of all of Chromium's processes, so that a busy computer shows. Takes the screenshots of
the guide, too.
"""

import pathlib
import shutil
import tempfile
import threading
import time

from absl import app, flags

from s2i_tf.data import foley
from s2i_tf.errors import UserError
from s2i_tf.media import audio
from s2i_tf.pretrained import REALPAIRS
from s2i_tf.web import server, site

_SECONDS = flags.DEFINE_integer("seconds", 10, "Of live drawing.", 2)
_SCREENSHOTS = flags.DEFINE_string("screenshots", None, "Folder for page.jpg and phone.jpg.")
_WINDOWS = {
    "page": {"viewport": {"width": 1100, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
}


def main(argv: list[str]) -> None:
    """Measures once."""
    from playwright import sync_api

    del argv
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        raise UserError("Chromium is not installed; apt-get install chromium brings it")
    files = server.listed(site.PAGE, site.model_files(REALPAIRS))
    loaded = {path for path in files.values() if path.suffix != ".flac"}
    print(f"loaded: {sum(path.stat().st_size for path in loaded) / 1e6:.1f} MB")
    with (
        server.Server(files) as serving,
        tempfile.TemporaryDirectory() as folder,
        sync_api.sync_playwright() as driver,
    ):
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        sound = pathlib.Path(folder, "siren.wav")
        sound.write_bytes(audio.encode_audio(foley.synthesize(foley.scene("siren", 0)), "wav"))
        arguments = (
            "--no-sandbox",
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-audio-capture={sound}",
        )
        browser = driver.chromium.launch(executable_path=path, args=list(arguments))
        if _SCREENSHOTS.value:
            for name, settings in _WINDOWS.items():
                page = browser.new_page(**settings)
                _draw(page, serving.url)
                page.locator('#samples[aria-busy="false"]').wait_for(timeout=120_000)
                path = pathlib.Path(_SCREENSHOTS.value, f"{name}.jpg")
                page.screenshot(path=path, full_page=True, quality=85)
                page.close()
        page = browser.new_page()
        _draw(page, serving.url)
        _measure_live(page)
        browser.close()
        serving.shutdown()


def _draw(page, url: str) -> None:
    """Opens the page and draws an example."""
    began = time.monotonic()
    page.goto(url)
    page.locator('#status:text-matches("^Ready")').wait_for(timeout=120_000)
    print(f"ready: {time.monotonic() - began:.1f} s")
    began = time.monotonic()
    page.click("text=Siren")
    page.locator("#heard").wait_for(timeout=120_000)
    print(f"first picture of a sound: {time.monotonic() - began:.1f} s")


def _measure_live(page) -> None:
    page.click("#live")
    page.locator('#wave-text:text-matches("a second$")').wait_for(timeout=120_000)
    processor = processor_seconds()
    page.wait_for_timeout(1000 * _SECONDS.value)
    used = (processor_seconds() - processor) / _SECONDS.value
    print(f"live: {page.inner_text('#wave-text')}, {used:.2f} processor seconds a second")


def processor_seconds() -> float:
    """What all processes of Chromium have used, on Linux."""
    ticks = 0
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, fields = stat.read_text().rpartition(")")
        except OSError:  # it has ended
            continue
        if "chrom" in name:
            ticks += sum(map(int, fields.split()[11:13]))
    return ticks / 100


if __name__ == "__main__":
    app.run(main)
