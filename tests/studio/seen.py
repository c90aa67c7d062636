"""What a page has in it, as a browser would read it."""

from html.parser import HTMLParser

HERE = "http://localhost"
NASTY = "<script>alert('x')</script><img src=x onerror=alert(1)>"


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.words = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data):
        self.words.append(data)


def read(page):
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader


def tags(page):
    """Every tag that begins, with what it has."""
    return read(page).tags


def words(page):
    """All that is to be read, in one line."""
    return " ".join(" ".join(read(page).words).split())
