"""KNL, the server of one computer: names, objects and values, opened objects, and the router between all processes."""
