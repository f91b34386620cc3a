"""Open a page in the browser that draws sounds as they come.

s2i app [--model=DIR] [--port=N] [--nobrowser]
s2i app --out=FOLDER [--model=DIR]

Serves the page to this computer alone until it is interrupted. The model runs in the browser: no
sound leaves it. The first time, the model is exported for the page, which takes half a minute. With
--out the page and the model are written into a folder instead, for any web server.
"""

import pathlib
import threading
import webbrowser

from absl import flags

from s2i_tf.cli import given_flags
from s2i_tf.errors import UserError
from s2i_tf.pretrained import given_or_own


def define_flags() -> None:
    """Defines --model, --port, --browser and --out."""
    flags.DEFINE_string(
        "model", None, "Folder of a trained model or its run; by default the package's own."
    )
    flags.DEFINE_integer("port", 0, "Port to serve at; any free one by default.", 0, 65535)
    flags.DEFINE_bool("browser", True, "Open the page in the browser.")
    flags.DEFINE_string("out", None, "Folder to write the page into, instead of serving it.")


def run() -> None:
    """Makes what the page needs, then serves or writes it."""
    from s2i_tf.web import server, site

    model_folder = str(given_or_own(flags.FLAGS.model))
    if pathlib.Path(model_folder).is_file():
        raise UserError(f"--model={model_folder} is a file; allowed: a trained model's folder")
    if flags.FLAGS.out is not None:
        if not flags.FLAGS.out:
            raise UserError("--out is empty. Say where the page goes: --out=FOLDER")
        given_flags.refuse(("port", "browser"), "beside --out")
        print(f"the page: {site.write(flags.FLAGS.out, model_folder)}")
        return
    files = server.listed(site.PAGE, site.model_files(model_folder))
    try:
        serving = server.Server(files, flags.FLAGS.port)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise UserError(f"port {flags.FLAGS.port}: {why}; choose another --port") from None
    print(f"{serving.url} (Ctrl-C ends it)", flush=True)
    if flags.FLAGS.browser:
        # Beside the server: one in the terminal ends when it is left.
        threading.Thread(target=webbrowser.open, args=(serving.url,), daemon=True).start()
    with serving:
        serving.serve_forever()
