"""The page with the package's model in Chromium, for the tests of this folder."""

import pathlib
import shutil
import threading

import pytest

FAKE_MICROPHONE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


@pytest.fixture(scope="session")
def chromium():
    """Starts Chromium with further arguments; skips the test where there is none."""
    playwright = pytest.importorskip("playwright.sync_api")
    path = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if path is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        started = []

        def start(*arguments):
            browser = driver.chromium.launch(
                executable_path=path, args=["--no-sandbox", *arguments]
            )
            started.append(browser)
            return browser

        yield start
        for browser in started:
            browser.close()


@pytest.fixture(scope="session")
def served():
    """The address of the page with the package's model."""
    from s2i_tf.pretrained import REALPAIRS
    from s2i_tf.web import server, site

    files = server.listed(site.PAGE, site.model_files(REALPAIRS))
    with server.Server(files) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running.url
        running.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def microphone(tmp_path_factory) -> pathlib.Path:
    """A WAV file that the browser takes for what its microphone hears: rain."""
    from s2i_tf.data import foley
    from s2i_tf.media import audio

    path = tmp_path_factory.mktemp("microphone") / "rain.wav"
    path.write_bytes(audio.encode_audio(foley.synthesize(foley.scene("rain", 0)), "wav"))
    return path


@pytest.fixture(scope="session")
def browser(chromium, microphone):
    """Chromium with a microphone that may be used."""
    return chromium(*FAKE_MICROPHONE, f"--use-file-for-fake-audio-capture={microphone}")


@pytest.fixture
def open_page(served):
    """Opens the page in a browser and waits until it is ready, or has said why it is not."""
    contexts = []

    def open_in(browser, script="", **settings):
        context = browser.new_context(**settings)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        if script:
            page.add_init_script(script)
        page.faults = []
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.goto(served)
        page.locator('#status:text-matches("^Ready"), #problem:not(:empty)').first.wait_for()
        return page

    yield open_in
    for context in contexts:
        context.close()


@pytest.fixture
def page(browser, open_page):
    """The page, ready."""
    opened = open_page(browser)
    yield opened
    assert not opened.faults
