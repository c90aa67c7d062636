"""The studio: pages that show what the platform does, to whoever answers for it.

    app = create_app(settings)       headwater.serve.app
    mount(app)                       its pages, under /studio

    page.py     what a page is                      door.py      who may in, and the forms they send
    site.py     the way to the pages                drawing.py   charts, as SVG
    pages/      one a file, listed in its __init__  templates/, static/

Every page is a function that returns plain values and a template that shows them. The same values
are its JSON twin: /studio/flow and /studio/flow.json.
"""

from .site import from_environment, mount

__all__ = ["from_environment", "mount"]
