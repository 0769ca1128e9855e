"""The elements of a page, read from its HTML."""

from html.parser import HTMLParser


class Tags(HTMLParser):
    """The elements of some lines, each with its attributes."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        assert len(dict(attributes)) == len(attributes)
        self.found.append((tag, dict(attributes)))

    def find(self, tag):
        return [attributes for name, attributes in self.found if name == tag]
