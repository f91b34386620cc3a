"""Asks a REST server for the picture of a sound.

python -m export.tf_serving.rest_client SOUND --out=PICTURE.png [--server=http://localhost:8501]

The standard library alone, for WAV files; other sounds are converted by s2i_tf first.
"""

import base64
import http.client
import json
import sys
import urllib.error
import urllib.request

from export.tf_serving import common
from export.tf_serving.common import Query, ServingError

SERVER = "http://localhost:8501"


def ask(wav: bytes, query: Query) -> list[bytes]:
    """PNG files of one WAV file.

    Raises:
      ServingError: if the server cannot be reached in time, refuses, or answers something else.
    """
    inputs: dict[str, object] = {"audio_bytes": [{"b64": base64.b64encode(wav).decode()}]}
    if query.num_samples > 1:
        inputs |= {"num_samples": [query.num_samples], "seed": [query.seed]}
    body = json.dumps({"signature_name": query.signature, "inputs": inputs}).encode()
    request = urllib.request.Request(
        url(query), data=body, headers={"Content-Type": "application/json"}
    )
    answer = _answer(request, query)
    try:
        # A model's only output comes without its name: a row for the sound, of one or several.
        row = json.loads(answer)["outputs"][0]
        files = [row] if query.num_samples == 1 else row[: query.num_samples]
        return [base64.b64decode(file["b64"]) for file in files]
    except (ValueError, KeyError, IndexError, TypeError):
        raise ServingError(f"{request.full_url}: the answer holds no pictures") from None


def url(query: Query) -> str:
    """Where the model is asked."""
    part = ""
    if query.version is not None:
        part = f"/versions/{query.version}"
    elif query.label is not None:
        part = f"/labels/{query.label}"
    return f"{query.server.rstrip('/')}/v1/models/{query.model}{part}:predict"


def _answer(request: urllib.request.Request, query: Query) -> bytes:
    try:
        with urllib.request.urlopen(request, timeout=query.timeout_seconds) as response:
            return response.read()
    except urllib.error.HTTPError as error:
        body = error.read()
        try:
            message = json.loads(body)["error"]
        except (ValueError, KeyError, TypeError):
            message = body.decode(errors="replace") or error.reason
        raise ServingError(f"refused ({error.code}): {common.sentence(str(message))}") from None
    except TimeoutError:
        raise ServingError(
            f"{request.full_url}: no answer within {query.timeout_seconds:g} s"
        ) from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, TimeoutError):
            reason = f"no answer within {query.timeout_seconds:g} s"
        raise ServingError(f"{request.full_url}: cannot be reached: {reason}") from None


if __name__ == "__main__":
    sys.exit(common.run(ask, __doc__, SERVER))
