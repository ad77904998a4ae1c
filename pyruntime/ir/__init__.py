"""The graph: frozen values, operators, and what every graph must satisfy."""
