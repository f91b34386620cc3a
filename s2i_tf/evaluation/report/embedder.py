"""Media inside a page: bytes as data URIs, as many as there is room for."""

import base64


class Embedder:
    """Turns bytes into data URIs until the page would become too large.

    Attributes:
      num_left_out: how many had no room.
    """

    def __init__(self, max_bytes: int):
        self._bytes_left = max_bytes
        self.num_left_out = 0

    def uri(self, contents: bytes, media_type: str) -> str | None:
        """The contents as a data URI, or None where there is no room left for them."""
        size = 4 * -(-len(contents) // 3)
        if size > self._bytes_left:
            self.num_left_out += 1
            return None
        self._bytes_left -= size
        return f"data:{media_type};base64,{base64.b64encode(contents).decode()}"
