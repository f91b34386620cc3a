"""Makes a virtual environment and installs the lock that fits this Python.

Usage: python requirements/install.py FOLDER. Runs on any Python 3, so that an unsupported one gets
a sentence and not a syntax error.
"""

import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
LOCKS = {
    (3, 10): "tensorflow-2.17.txt",
    (3, 11): "tensorflow-2.17.txt",
    (3, 12): "tensorflow-2.17.txt",
    (3, 13): "tensorflow-2.21.txt",
}
# Installs the same files as pip in a third of the time.
UV = "uv==0.13.9"


def main():
    """Installs, or says in one line what stands in the way."""
    version = sys.version_info[:2]
    if version not in LOCKS:
        supported = ", ".join("%d.%d" % key for key in sorted(LOCKS))
        sys.exit(
            "error: Python %d.%d is not supported; supported: %s (choose one with `make PYTHON=…`)"
            % (version + (supported,))
        )
    folder = sys.argv[1]
    lock = os.environ.get("S2I_TF_LOCK") or os.path.join(HERE, LOCKS[version])
    python = os.path.join(folder, "bin", "python")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "-q"]
    print("installing %s into %s" % (os.path.basename(lock), folder))
    sys.stdout.flush()
    try:
        subprocess.check_call([sys.executable, "-m", "venv", folder])
        if not by_uv(python, pip, lock):
            subprocess.check_call(pip + ["install", "-r", lock])
        subprocess.check_call(
            pip + ["install", "--no-deps", "--no-build-isolation", "-e", os.path.dirname(HERE)]
        )
    except subprocess.CalledProcessError as failure:
        sys.exit(
            "error: the installation failed (%s). If the package index cannot be reached, connect "
            "to a network, or point pip to a mirror (PIP_INDEX_URL=…) or to a folder of wheels "
            "(PIP_NO_INDEX=1 PIP_FIND_LINKS=FOLDER), then run make again."
            % " ".join(failure.cmd[-2:])
        )


def by_uv(python, pip, lock):
    """Whether uv has installed the lock; not where pip is told of a mirror, which uv can't know."""
    settings = subprocess.check_output([python, "-m", "pip", "config", "list"]).decode()
    if re.search(r"[.](no-index|index-url)=", settings):
        return False
    uv = [python, "-m", "uv", "pip", "install", "-q", "--compile-bytecode", "--python", python]
    return not (subprocess.call(pip + ["install", UV]) or subprocess.call(uv + ["-r", lock]))


if __name__ == "__main__":
    main()
