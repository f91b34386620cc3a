"""Jinja2 templates, which lie beside the modules that fill them in."""

from typing import Any

import jinja2


def fill(package: str, name: str, /, **values: Any) -> str:
    """The text of a template; in HTML, values are escaped.

    Args:
      package: the package that the template lies in.
      name: file name of the template.
      **values: what it shows, and functions that it calls.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(package, ""),
        autoescape=jinja2.select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template(name).render(**values)
