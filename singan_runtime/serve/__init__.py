"""The service: pictures from URLs, for every screen. It needs the extra 'serve'."""
