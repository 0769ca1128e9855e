"""A site: one scene drawn for every screen of a list, with all that a web page needs of it."""
